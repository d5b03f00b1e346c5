"""Other machines: trees of /proc, /sys and / as their kernels write them, cut to what probes read."""

from dataclasses import dataclass
from pathlib import Path

from reprofp.probes.base import Context

FIRST_NAMESPACES = {"cgroup": 0xEFFFFFFB, "ipc": 0xEFFFFFFF, "pid": 0xEFFFFFFC, "uts": 0xEFFFFFFE}
ID = "3f4e" * 16


@dataclass
class Machine:
    """Folders that stand for the roots of a machine."""

    folder: Path

    def __post_init__(self):
        for name in ("proc", "sys", "root"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def write(self, path, text):
        """Write a file; ``path`` begins with proc/, sys/ or root/."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self

    def link(self, path, target):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.symlink_to(target)
        return self

    def context(self, **changes):
        """A context of this machine, in which nothing of the real one is left."""
        roots = {name: self.folder / name for name in ("proc", "sys", "root")}
        return Context(**{"environ": {}, "cwd": self.folder, "load_library": refuse, **roots, **changes})


def refuse(name):
    raise OSError(f"{name}: cannot open shared object file: No such file or directory")


def add_kernel(machine, release, architecture, host):
    kernel = "proc/sys/kernel"
    machine.write(f"{kernel}/ostype", "Linux\n").write(f"{kernel}/osrelease", f"{release}\n")
    machine.write(f"{kernel}/arch", f"{architecture}\n").write(f"{kernel}/hostname", f"{host}\n")
    machine.write(f"{kernel}/version", "#42-Ubuntu SMP Tue Mar 5 14:04:11 UTC 2024\n")
    machine.write(f"{kernel}/random/boot_id", "0d3f0a2e-5a3c-4a44-9b7e-1d1f5f3f9a11\n")
    for name, number in FIRST_NAMESPACES.items():
        machine.link(f"proc/self/ns/{name}", f"{name}:[{number}]")
    return machine


def add_topology(machine, cores, threads, caches, nodes="0"):
    cpu = "sys/devices/system/cpu"
    total = cores * threads
    machine.write(f"{cpu}/online", f"0-{total - 1}\n").write(f"{cpu}/smt/active", f"{int(threads > 1)}\n")
    for number in range(total):
        siblings = ",".join(str(other) for other in range(number % cores, total, cores))
        machine.write(f"{cpu}/cpu{number}/topology/core_cpus_list", f"{siblings}\n")
    for index, (level, kind, size) in enumerate(caches):
        folder = f"{cpu}/cpu0/cache/index{index}"
        machine.write(f"{folder}/level", f"{level}\n").write(f"{folder}/type", f"{kind}\n")
        machine.write(f"{folder}/size", f"{size}\n")
    return machine.write("sys/devices/system/node/online", f"{nodes}\n")


def add_memory(machine, kib, pages="always [madvise] never"):
    machine.write("proc/meminfo", f"MemTotal:       {kib} kB\nMemFree:        1 kB\nMemAvailable:   {kib // 2} kB\n")
    return machine.write("sys/kernel/mm/transparent_hugepage/enabled", f"{pages}\n")


def add_processors(machine, count, block, tail=""):
    blocks = [f"processor\t: {number}\n{block}" for number in range(count)]
    return machine.write("proc/cpuinfo", "\n".join(blocks) + tail)


_XEON = """vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 85
model name\t: Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz
stepping\t: 7
microcode\t: 0x5003604
cpu MHz\t\t: 2500.000
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu vme sse sse2 ht constant_tsc rep_good pni ssse3 fma sse4_1 sse4_2 popcnt aes avx f16c rdrand \
lahf_lm abm bmi1 avx2 bmi2 erms avx512f avx512dq avx512cd avx512bw avx512vl avx512_vnni
bugs\t\t: spectre_v1
"""


def make_xeon(folder):
    """Two sockets of an Intel Xeon of the Cascade Lake generation, bare metal."""
    machine = add_kernel(Machine(folder), "6.8.0-31-generic", "x86_64", "xeon-node-17")
    add_processors(machine, 16, _XEON)
    caches = [(1, "Data", "32K"), (1, "Instruction", "32K"), (2, "Unified", "1024K"), (3, "Unified", "28160K")]
    add_topology(machine, 8, 2, caches, "0-1")
    add_memory(machine, 394_964_812, "[always] madvise never")
    machine.write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n")
    machine.write("root/etc/os-release", 'NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="24.04"\n')
    machine.link("root/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin")
    machine.write("sys/class/dmi/id/sys_vendor", "Dell Inc.\n")
    machine.write("sys/class/dmi/id/product_name", "PowerEdge R640\n")
    return add_groups_v2(machine, "/user.slice/user-1000.slice/session-2.scope")


_EPYC = """vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC 7763 64-Core Processor
stepping\t: 1
microcode\t: 0xa0011d5
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu sse sse2 pni ssse3 fma sse4_1 sse4_2 movbe popcnt aes avx f16c rdrand hypervisor abm sse4a \
misalignsse bmi1 avx2 bmi2 erms rdseed adx sha_ni vaes vpclmulqdq fsrm
"""


def make_epyc(folder):
    """A guest of KVM on an AMD EPYC, with Rocky Linux; its kernel is too old for /proc/sys/kernel/arch."""
    machine = add_kernel(Machine(folder), "4.18.0-513.el8.x86_64", "x86_64", "epyc.cluster.example")
    (machine.folder / "proc/sys/kernel/arch").unlink()
    add_processors(machine, 8, _EPYC)
    caches = [(1, "Data", "32K"), (1, "Instruction", "32K"), (2, "Unified", "512K"), (3, "Unified", "32768K")]
    add_topology(machine, 8, 1, caches)
    add_memory(machine, 65_536_000)
    machine.write("root/usr/lib/os-release", 'ID="rocky"\nVERSION_ID="8.9"\n')
    machine.link("root/etc/localtime", "../usr/share/zoneinfo/UTC")
    machine.write("sys/class/dmi/id/sys_vendor", "QEMU\n")
    machine.write("sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)\n")
    return add_groups_v1(machine, "/", "/")


_GRAVITON = """BogoMIPS\t: 2100.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm sve i8mm bf16
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd40
CPU revision\t: 1
"""


def make_graviton(folder):
    """An AWS Graviton 3 (Arm Neoverse V1)."""
    machine = add_kernel(Machine(folder), "6.1.79-99.amzn2023.aarch64", "aarch64", "ip-10-0-0-7")
    add_processors(machine, 4, _GRAVITON)
    caches = [(1, "Data", "64K"), (1, "Instruction", "64K"), (2, "Unified", "1024K"), (3, "Unified", "32768K")]
    add_topology(machine, 4, 1, caches)
    add_memory(machine, 7_936_012)
    machine.write("root/etc/os-release", 'ID="amzn"\nVERSION_ID="2023"\n')
    machine.write("sys/class/dmi/id/sys_vendor", "Amazon EC2\n").write("sys/class/dmi/id/product_name", "c7g.xlarge\n")
    machine.write("proc/sys/abi/sve_default_vector_length", "32\n")
    return add_groups_v2(machine, "/system.slice/sshd.service")


_PI = """model name\t: ARMv7 Processor rev 3 (v7l)
BogoMIPS\t: 108.00
Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm crc32
CPU implementer\t: 0x41
CPU architecture: 7
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3
"""
PI_SERIAL = "100000009a3f5c21"


def make_pi(folder):
    """A Raspberry Pi 4 with a 32-bit kernel that tells neither caches nor memory nodes."""
    machine = add_kernel(Machine(folder), "6.1.21-v7l+", "armv7l", "raspberrypi")
    tail = f"\nHardware\t: BCM2711\nRevision\t: c03114\nSerial\t\t: {PI_SERIAL}\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"
    add_processors(machine, 4, _PI, tail)
    for number in range(4):
        machine.write(f"sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list", f"{number}\n")
    machine.write("sys/devices/system/cpu/online", "0-3\n")
    machine.write("proc/meminfo", "MemTotal:        3930944 kB\n")
    (machine.folder / "sys/kernel/mm").mkdir(parents=True)
    machine.write(
        "root/etc/os-release", 'PRETTY_NAME="Raspbian GNU/Linux 11 (bullseye)"\nVERSION_ID="11"\nID=raspbian\n'
    )
    machine.write("root/etc/localtime", b"TZif2\0body\nGMT0BST,M3.5.0/1,M10.5.0\n")
    return machine.write("proc/device-tree/model", b"Raspberry Pi 4 Model B Rev 1.4\0")


def add_groups_v2(machine, path, limits=()):
    """Version 2 as a host sees it; ``limits``: (folder below the mount, file, text)."""
    machine.write("proc/self/cgroup", f"0::{path}\n")
    machine.write(
        "proc/self/mountinfo",
        "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
    )
    (machine.folder / "sys/fs/cgroup").mkdir(parents=True, exist_ok=True)
    for folder, file, text in limits:
        machine.write(f"sys/fs/cgroup{folder}/{file}", f"{text}\n")
    return machine


def add_groups_v1(machine, path, root, limits=()):
    """Version 1; ``root`` is the part of the hierarchy that is mounted; ``limits``: (controller, folder, file, text)."""
    machine.write("proc/self/cgroup", f"4:memory:{path}\n3:cpu,cpuacct:{path}\n1:name=systemd:{path}\n")
    lines = [f"24 1 8:1 {'/'} / rw,relatime - ext4 /dev/sda1 rw"]
    for number, controllers in enumerate(("memory", "cpu,cpuacct"), start=30):
        lines.append(f"{number} 24 0:26 {root} /sys/fs/cgroup/{controllers} rw - cgroup cgroup rw,{controllers}")
        (machine.folder / f"sys/fs/cgroup/{controllers}").mkdir(parents=True, exist_ok=True)
    machine.write("proc/self/mountinfo", "\n".join(lines) + "\n")
    for controller, folder, file, text in limits:
        machine.write(f"sys/fs/cgroup/{controller}{folder}/{file}", f"{text}\n")
    return machine


def _add_mounts(machine, *lines):
    file = machine.folder / "proc/self/mountinfo"
    file.write_text("".join(f"{line}\n" for line in lines) + file.read_text().partition("\n")[2])
    for number, name in enumerate(FIRST_NAMESPACES):
        machine.link(f"proc/self/ns/{name}", f"{name}:[{4026532000 + number}]")
    return machine


def make_docker_v2(folder):
    """A container of Docker on the Xeon, in a group namespace, with 2.5 processors and 8 GiB."""
    machine = make_xeon(folder)
    add_groups_v2(machine, "/", [("", "cpu.max", "250000 100000"), ("", "memory.max", str(8 << 30))])
    machine.write("root/.dockerenv", "")
    return _add_mounts(
        machine,
        "500 400 0:60 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB:/var/lib/docker/overlay2/l/CD,"
        f"upperdir=/var/lib/docker/overlay2/{ID}/diff",
        f"510 500 8:1 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw",
    )


def make_docker_v1(folder):
    """The same on the EPYC with version 1, whose paths are those of the host."""
    machine = make_epyc(folder)
    path = f"/docker/{ID}"
    limits = [
        ("memory", "", "memory.limit_in_bytes", str(4 << 30)),
        ("cpu,cpuacct", "", "cpu.cfs_quota_us", "150000"),
        ("cpu,cpuacct", "", "cpu.cfs_period_us", "100000"),
    ]
    add_groups_v1(machine, path, path, limits)
    return _add_mounts(machine, "500 400 0:60 / / rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/c")


MACHINES = {
    "xeon": make_xeon,
    "epyc": make_epyc,
    "graviton": make_graviton,
    "raspberry-pi": make_pi,
    "docker-v1": make_docker_v1,
    "docker-v2": make_docker_v2,
}
