"""Operating systems of other machines, and of this one."""

import os

import pytest

from probes.machines import Machine, make_epyc, make_graviton, make_pi, make_xeon
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes.base import Context
from reprofp.probes.os import OsProbe

FAILED = Unknown(UnknownCode.FAILED)


def look(machine, **changes):
    return OsProbe().observe(machine.context(**changes)).facts


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (make_xeon, ["6.8.0-31-generic", "x86_64", "ubuntu", "24.04", "Europe/Berlin"]),
        (make_graviton, ["6.1.79-99.amzn2023.aarch64", "aarch64", "amzn", "2023", "UTC"]),
        (make_pi, ["6.1.21-v7l+", "armv7l", "raspbian", "11", "GMT0BST,M3.5.0/1,M10.5.0"]),
    ],
)
def test_other_machines(tmp_path, make, expected):
    facts = look(make(tmp_path))
    names = [
        ("kernel", "release"),
        ("architecture",),
        ("distribution", "id"),
        ("distribution", "version"),
        ("timezone",),
    ]
    assert [facts[name] for name in names] == list(map(Observed, expected))
    assert facts["sysname",] == Observed("Linux")


def test_a_kernel_that_does_not_tell_its_architecture(tmp_path):
    facts = look(make_epyc(tmp_path))
    assert facts["architecture",] == FAILED
    assert facts["distribution", "id"] == Observed("rocky")


def test_names_of_the_host_stay_beside_the_facts(tmp_path):
    report = OsProbe().observe(make_xeon(tmp_path).context())
    assert report.circumstances["os.host_name"] == "xeon-node-17"
    assert "xeon-node-17" not in repr(report.facts)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("ID=arch\n", ABSENT),
        ('ID=debian\nVERSION_ID=""\n', ABSENT),
        ("# VERSION_ID=9\nVERSION_ID='12'\n", Observed("12")),
        ('VERSION_ID="12\n', FAILED),  # the quote has no end
    ],
)
def test_releases(tmp_path, text, version):
    machine = Machine(tmp_path).write("root/etc/os-release", text)
    assert look(machine)["distribution", "version"] == version


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("Europe/Paris", Observed("Europe/Paris")),
        (":America/New_York", Observed("America/New_York")),
        ("Etc/UTC", Observed("UTC")),
        ("", Observed("UTC")),
        ("CET-1CEST,M3.5.0,M10.5.0/3", Observed("CET-1CEST,M3.5.0,M10.5.0/3")),
        ("/home/ada/zones/Mine", Observed("Mine")),
        (":/usr/share/zoneinfo/posix/Asia/Tokyo", Observed("posix/Asia/Tokyo")),
        (b"\xff".decode("utf-8", "surrogateescape"), Observed("\\xff")),
    ],
)
def test_tz_wins_and_holds_no_path(tmp_path, zone, name):
    machine = make_xeon(tmp_path)
    assert look(machine, environ={"TZ": zone})["timezone",] == name
    assert look(machine, environ={"TZ": "Asia/Oslo"}, process={"environ": {"TZ": zone}})["timezone",] == name


@pytest.mark.parametrize("data", [b"", b"TZif2\0", b"text\nGMT0\n", b"TZif2\n\xff\xfe\n"])
def test_a_localtime_that_is_none(tmp_path, data):
    assert look(Machine(tmp_path).write("root/etc/localtime", data))["timezone",] == FAILED


def test_musl_is_known_by_its_loader(tmp_path):
    facts = look(Machine(tmp_path).write("root/lib/ld-musl-x86_64.so.1", ""))
    assert facts["libc", "name"] == Observed("musl")
    assert facts["libc", "version"] == FAILED


def test_an_empty_machine_is_unknown(tmp_path):
    facts = look(Machine(tmp_path))
    known = {path: fact for path, fact in facts.items() if not isinstance(fact, Unknown)}
    assert known == {("timezone",): Observed("UTC")}  # localtime(5): what a missing file means


def test_byte_order_is_the_described_processes(tmp_path):
    machine = make_xeon(tmp_path)
    assert look(machine)["byteorder",] == Unknown(UnknownCode.NOT_ASKED)
    assert look(machine, process={"python": {"byteorder": "big"}})["byteorder",] == Observed("big")
    assert look(machine, process={"python": {"error": "failed"}})["byteorder",] == Unknown(UnknownCode.NOT_ASKED)


def test_this_machine():
    facts = OsProbe().observe(Context()).facts
    assert facts["architecture",] == Observed(os.uname().machine)
    assert facts["kernel", "release"] == Observed(os.uname().release)


# --- Hypervisors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "fact"),
    [
        ({"sys/hypervisor/type": "xen\n"}, Observed("xen")),
        ({"sys/class/dmi/id/sys_vendor": "QEMU\n"}, Observed("qemu")),
        ({"sys/class/dmi/id/product_name": "Google Compute Engine\n"}, Observed("google")),
        ({"sys/class/dmi/id/product_name": "VMware Virtual Platform\n"}, Observed("vmware")),
        ({"sys/class/dmi/id/sys_vendor": "Microsoft Corporation\n"}, FAILED),  # a Surface, or Hyper-V
        ({"sys/class/dmi/id/product_name": "Virtual Machine\n"}, Observed("microsoft")),
        ({"sys/class/dmi/id/product_name": "c6g.metal\n", "sys/class/dmi/id/sys_vendor": "Amazon EC2\n"}, ABSENT),
        ({"proc/device-tree/hypervisor/compatible": "linux,kvm\0"}, Observed("kvm")),
        ({"proc/device-tree/hypervisor/compatible": "xen,xen-4.17\0xen,xen\0"}, Observed("xen")),
        ({"proc/device-tree/model": "A board\0"}, ABSENT),
        ({"proc/cpuinfo": "processor : 0\nflags : fpu hypervisor\n"}, Observed("other")),
        ({"proc/cpuinfo": "processor : 0\nflags : fpu\n"}, ABSENT),
        ({"proc/cpuinfo": "processor : 0\nFeatures : fp\n"}, FAILED),
        ({}, FAILED),
    ],
    ids=str,
)
def test_hypervisors(tmp_path, files, fact):
    machine = Machine(tmp_path)
    for path, text in files.items():
        machine.write(path, text)
    assert look(machine)["hypervisor",] == fact
