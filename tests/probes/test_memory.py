"""Memory of other machines, and of this one."""

import pytest

from probes.machines import Machine, make_pi, make_xeon
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes.base import Context
from reprofp.probes.memory import MemoryProbe

FAILED = Unknown(UnknownCode.FAILED)


def look(machine):
    return MemoryProbe().observe(machine.context()).facts


def test_other_machines(tmp_path):
    assert look(make_xeon(tmp_path / "xeon")) == {
        ("total_bytes",): Observed(394_964_812 << 10),
        ("huge_pages",): Observed("always"),
        ("ecc_uncorrected",): ABSENT,
    }
    assert look(make_pi(tmp_path / "pi"))["huge_pages",] == ABSENT


def test_free_memory_is_a_circumstance(tmp_path):
    report = MemoryProbe().observe(make_xeon(tmp_path).context())
    assert report.circumstances == {"memory.available_bytes": 394_964_812 // 2 << 10}


@pytest.mark.parametrize("text", ["", "MemTotal: much kB", "MemTotal: 1 MB", "MemTotal: -5 kB", "MemTotal:\n1 kB"])
def test_a_size_that_is_none(tmp_path, text):
    assert look(Machine(tmp_path).write("proc/meminfo", text))["total_bytes",] == FAILED


@pytest.mark.parametrize(
    ("text", "fact"), [("always madvise [never]", Observed("never")), ("always", FAILED), ("", FAILED)]
)
def test_modes_of_pages(tmp_path, text, fact):
    machine = Machine(tmp_path).write("sys/kernel/mm/transparent_hugepage/enabled", text)
    assert look(machine)["huge_pages",] == fact


@pytest.mark.parametrize(("counts", "fact"), [((0, 0), Observed(0)), ((2, 1), Observed(3)), (("x",), FAILED)])
def test_errors_of_all_controllers_are_counted(tmp_path, counts, fact):
    machine = Machine(tmp_path)
    for number, count in enumerate(counts):
        machine.write(f"sys/devices/system/edac/mc/mc{number}/ue_count", f"{count}\n")
    assert look(machine)["ecc_uncorrected",] == fact


def test_an_empty_machine_is_unknown(tmp_path):
    assert set(look(Machine(tmp_path)).values()) == {FAILED}


def test_this_machine():
    assert MemoryProbe().observe(Context()).facts["total_bytes",].value > 1 << 20
