"""What encloses a process, and the limits on it."""

import pytest

from probes.machines import (
    FIRST_NAMESPACES,
    ID,
    Machine,
    add_groups_v1,
    add_groups_v2,
    make_docker_v1,
    make_docker_v2,
    make_graviton,
    make_pi,
    make_xeon,
)
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes.base import Context
from reprofp.probes.container import ContainerProbe

FAILED = Unknown(UnknownCode.FAILED)


def look(machine, **changes):
    return ContainerProbe().observe(machine.context(**changes)).facts


def limits(machine):
    facts = look(machine)
    return facts["cgroup", "cpu_max"], facts["cgroup", "memory_max"]


# --- The image ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'engine="podman-4.3.1"\nname="x"\nid="{ID}"\nimage="debian:12"\nimageid="{"a" * 64}"\nrootless=1\n', True),
        ("", False),
        (None, False),
        ('imageid=""\n', False),
        (f'name="imageid="{"a" * 64}""\n', False),
    ],
)
def test_an_image_is_what_its_manager_wrote_down(tmp_path, text, expected):
    machine = make_docker_v2(tmp_path)
    if text is not None:
        machine.write("root/run/.containerenv", text)
    wanted = Observed("sha256:" + "a" * 64) if expected else Unknown(UnknownCode.NOT_ASKED)
    assert look(machine)["image",] == wanted


def test_without_a_container_there_is_no_image(tmp_path):
    facts = look(make_xeon(tmp_path))
    assert facts["detected",] == facts["image",] == ABSENT


# --- The kind ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [make_docker_v1, make_docker_v2])
def test_docker_is_proven_by_its_mounts_or_its_group(tmp_path, make):
    assert look(make(tmp_path))["detected",] == Observed("docker")


@pytest.mark.parametrize("make", [make_xeon, make_graviton])
def test_a_host_is_no_container(tmp_path, make):
    assert look(make(tmp_path))["detected",] == ABSENT


def test_a_file_named_dockerenv_proves_nothing(tmp_path):
    machine = make_xeon(tmp_path).write("root/.dockerenv", "")
    assert look(machine)["detected",] == ABSENT
    machine.link("proc/self/ns/pid", "pid:[4026532201]")
    assert look(machine)["detected",] == FAILED


@pytest.mark.parametrize("name", FIRST_NAMESPACES)
def test_a_namespace_of_its_own_may_be_a_container(tmp_path, name):
    machine = make_xeon(tmp_path).link(f"proc/self/ns/{name}", f"{name}:[4026532201]")
    assert look(machine)["detected",] == FAILED
    (machine.folder / "proc/self/ns" / name).unlink()
    assert look(machine)["detected",] == FAILED


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        (f"/docker/{ID}", "docker"),
        (f"/system.slice/docker-{ID}.scope", "docker"),
        (f"/kubepods/burstable/pod0/{ID}", "kubernetes"),
        (f"/kubepods.slice/kubepods-besteffort.slice/cri-containerd-{ID}.scope", "kubernetes"),
        (f"/machine.slice/libpod-{ID}.scope", "podman"),
        ("/lxc.payload.web/init.scope", "lxc"),
        ("/lxc/web", "lxc"),
        ("/machine.slice/systemd-nspawn@web.service/payload", "systemd-nspawn"),
        ("/system.slice/docker.service", None),  # the daemon itself
        ("/user.slice/docker-compose", None),
        ("/process_api/0123", None),
    ],
)
def test_kinds_by_group(tmp_path, group, kind):
    machine = add_groups_v2(make_xeon(tmp_path), group)
    assert look(machine)["detected",] == (ABSENT if kind is None else Observed(kind))


@pytest.mark.parametrize(
    ("mount", "kind"),
    [
        ("9 8 8:1 /var/lib/kubelet/pods/00/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw", "kubernetes"),
        (
            f"9 8 8:1 /home/ada/.local/share/containers/storage/overlay-containers/{ID}/userdata/hosts /etc/hosts rw - x y z",
            "podman",
        ),
        ("9 8 0:1 / / rw - overlay overlay rw,upperdir=/var/lib/containers/storage/overlay/0/diff", "podman"),
        ("9 8 0:1 / / rw - overlay overlay rw,upperdir=/run/io.containerd.snapshotter.v1.overlayfs/0", "containerd"),
        # A host on which Docker runs sees the layers of its containers, but not as its own root.
        (
            "9 8 0:1 / /var/lib/docker/overlay2/0/merged rw - overlay overlay rw,upperdir=/var/lib/docker/overlay2/0",
            None,
        ),
        ("9 8 0:1 / / rw - overlay overlay rw,upperdir=/media/live", None),  # a live system
        ("garbage - ", None),
        ("", None),
    ],
)
def test_kinds_by_mount(tmp_path, mount, kind):
    machine = make_xeon(tmp_path)
    mounts = (machine.folder / "proc/self/mountinfo").read_text()
    machine.write("proc/self/mountinfo", f"{mount}\n{mounts}")
    assert look(machine)["detected",] == (ABSENT if kind is None else Observed(kind))


def test_kinds_that_managers_tell(tmp_path):
    machine = make_xeon(tmp_path)
    assert look(machine, environ={"container": "lxc"})["detected",] == Observed("lxc")
    assert look(machine, environ={"APPTAINER_CONTAINER": "/home/ada/image.sif"})["detected",] == Observed("apptainer")
    assert look(machine, environ={"container": "/home/ada"})["detected",] == ABSENT
    machine.write("root/run/systemd/container", "systemd-nspawn\n")
    assert look(machine)["detected",] == Observed("systemd-nspawn")


# --- The limits --------------------------------------------------------------------------------------------


def test_limits_of_containers(tmp_path):
    assert limits(make_docker_v2(tmp_path / "v2")) == (Observed(2.5), Observed(8 << 30))
    assert limits(make_docker_v1(tmp_path / "v1")) == (Observed(1.5), Observed(4 << 30))


def test_no_limit_is_absent(tmp_path):
    assert limits(make_xeon(tmp_path)) == (ABSENT, ABSENT)
    explicit = [("/a", "cpu.max", "max 100000"), ("/a", "memory.max", "max")]
    assert limits(add_groups_v2(Machine(tmp_path / "v2"), "/a", explicit)) == (ABSENT, ABSENT)
    written = [
        ("memory", "/a", "memory.limit_in_bytes", str(2**63 - 4096)),
        ("cpu,cpuacct", "/a", "cpu.cfs_quota_us", "-1"),
    ]
    assert limits(add_groups_v1(Machine(tmp_path / "v1"), "/a", "/", written)) == (ABSENT, ABSENT)


def test_the_smallest_limit_on_the_way_up_holds(tmp_path):
    found = [
        ("", "cpu.max", "800000 100000"),
        ("/a", "cpu.max", "50000 100000"),
        ("/a/b", "cpu.max", "max 100000"),
        ("/a", "memory.max", "max"),
        ("/a/b", "memory.max", "4096"),
        ("/other", "cpu.max", "1000 100000"),
    ]
    assert limits(add_groups_v2(Machine(tmp_path), "/a/b", found)) == (Observed(0.5), Observed(4096))


def test_equal_quotas_are_equal_whatever_their_period(tmp_path):
    one = limits(add_groups_v2(Machine(tmp_path / "1"), "/", [("", "cpu.max", "200000 100000")]))
    other = limits(add_groups_v2(Machine(tmp_path / "2"), "/", [("", "cpu.max", "20000 10000")]))
    assert one[0] == other[0] == Observed(2.0)


@pytest.mark.parametrize("path", ["/../other", "/../../x", "/elsewhere"])
def test_a_group_outside_of_what_is_mounted_is_the_mounts_own(tmp_path, path):
    machine = add_groups_v1(Machine(tmp_path), path, "/docker/0", [("memory", "", "memory.limit_in_bytes", "4096")])
    assert limits(machine)[1] == Observed(4096)


@pytest.mark.parametrize("text", ["", "x", "-5", "1 2 3", "0 100000", "1 0", "9" * 40 + " 1", "max"])
def test_a_limit_that_is_none_is_not_no_limit(tmp_path, text):
    assert limits(add_groups_v2(Machine(tmp_path), "/", [("", "cpu.max", text)]))[0] == FAILED


@pytest.mark.parametrize("text", ["", "x", "-5", "1 2"])
def test_a_size_that_is_none_is_not_no_limit(tmp_path, text):
    assert limits(add_groups_v2(Machine(tmp_path), "/", [("", "memory.max", text)]))[1] == FAILED


def test_without_the_files_the_limits_are_unknown(tmp_path):
    assert limits(Machine(tmp_path / "empty")) == (FAILED, FAILED)
    assert limits(make_pi(tmp_path / "pi")) == (FAILED, FAILED)
    unmounted = add_groups_v2(Machine(tmp_path / "unmounted"), "/")
    (unmounted.folder / "sys/fs/cgroup").rmdir()
    assert limits(unmounted) == (FAILED, FAILED)


def test_this_machine():
    facts = ContainerProbe().observe(Context()).facts
    assert set(facts) == {("detected",), ("image",), ("cgroup", "cpu_max"), ("cgroup", "memory_max")}
