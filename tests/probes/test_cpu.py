"""Processors of other machines out of their files; this one out of CPUID."""

import dataclasses
import sys
import types

import pytest

from probes.machines import MACHINES, add_processors, make_graviton, make_pi, make_xeon
from reprofp._core.probing import known_features
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes import cpu, cpu_fallback
from reprofp.probes.base import Context
from reprofp.probes.cpu import CpuProbe

FAILED = Unknown(UnknownCode.FAILED)


def look(machine):
    return CpuProbe().observe(machine.context()).facts


def values(facts, *names):
    return [facts[tuple(name.split("."))] for name in names]


def isa(facts):
    return {path[1] for path, fact in facts.items() if path[0] == "isa" and fact == Observed(value=True)}


_IDENTITY = ("vendor", "family", "model", "stepping", "brand", "microcode")
_CACHES = ("cache.l1d", "cache.l1i", "cache.l2", "cache.l3")
_CORES = ("cores.logical", "cores.physical", "smt", "numa_nodes")


def test_a_xeon(tmp_path):
    facts = look(make_xeon(tmp_path))
    brand = "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz"
    assert values(facts, *_IDENTITY) == list(map(Observed, ["GenuineIntel", 6, 85, 7, brand, "0x5003604"]))
    assert values(facts, *_CACHES) == [Observed(size << 10) for size in (32, 32, 1024, 28160)]
    assert values(facts, *_CORES) == list(map(Observed, [16, 8, True, 2]))
    assert {"avx512_vnni", "fma", "abm"} <= isa(facts)
    assert not isa(facts) & {"constant_tsc", "rep_good", "ht", "fpu"}  # nothing that code chooses by
    assert facts["sve_bytes",] == ABSENT


def test_a_graviton(tmp_path):
    facts = look(make_graviton(tmp_path))
    assert values(facts, *_IDENTITY) == [*map(Observed, ["ARM", 8, 0xD40, "r1p1"]), ABSENT, ABSENT]
    assert {"sve", "bf16", "asimd"} <= isa(facts)
    assert not isa(facts) & {"evtstrm", "cpuid"}
    assert facts["sve_bytes",] == Observed(32)


def test_a_raspberry_pi(tmp_path):
    facts = look(make_pi(tmp_path))
    assert values(facts, *_IDENTITY)[:5] == list(
        map(Observed, ["ARM", 7, 0xD08, "r0p3", "ARMv7 Processor rev 3 (v7l)"])
    )
    assert values(facts, *_CACHES) == [FAILED] * 4
    assert values(facts, *_CORES) == list(map(Observed, [4, 4, False, 1]))


def test_cores_of_two_kinds_are_a_list_and_share_what_both_have(tmp_path):
    machine = make_graviton(tmp_path)
    text = (tmp_path / "proc/cpuinfo").read_text()
    small = text.replace("0xd40", "0xd46").replace(" sve ", " ").replace(": 0x1", ": 0x0")
    machine.write("proc/cpuinfo", f"{text}\n{small}")
    facts = look(machine)
    assert facts["model",] == Observed([0xD40, 0xD46])
    assert facts["vendor",] == Observed("ARM")
    assert "sve" not in isa(facts)
    assert facts["sve_bytes",] == ABSENT


@pytest.mark.parametrize("make", MACHINES.values(), ids=MACHINES)
def test_a_fixture_never_asks_the_real_processor(tmp_path, make, monkeypatch):
    monkeypatch.setattr(cpu, "cpuid", lambda: pytest.fail("the real CPUID was asked"))
    monkeypatch.setattr(cpu, "ask_fallback", lambda: pytest.fail("py-cpuinfo was asked"))
    assert isinstance(look(make(tmp_path))["vendor",], Observed)


def test_an_empty_machine_is_unknown_not_without_instruction_sets(make_context, tmp_path):
    facts = CpuProbe().observe(make_context(proc=tmp_path, sys=tmp_path, root=tmp_path)).facts
    assert facts["isa",] == FAILED
    assert {fact for path, fact in facts.items()} == {FAILED}


@pytest.mark.parametrize(
    "damage",
    [{"cpu family": "six"}, {"model": ""}, {"microcode": ""}, {"vendor_id": ""}, {"model name": ""}],
    ids=str,
)
def test_a_garbled_line_costs_its_own_fact_only(tmp_path, damage):
    machine = make_xeon(tmp_path)
    whole = look(machine)
    block = (tmp_path / "proc/cpuinfo").read_text().split("\n\n")[0]
    ((key, value),) = damage.items()
    lines = [f"{key}\t: {value}" if line.split("\t")[0] == key else line for line in block.splitlines()[1:]]
    add_processors(machine, 16, "\n".join(lines) + "\n")
    changed = {path for path, fact in look(machine).items() if fact != whole[path]}
    names = {"cpu family": "family", "vendor_id": "vendor", "model name": "brand"}
    assert changed == {(names.get(key, key),)}


def test_without_sys_the_cores_are_those_of_proc(tmp_path):
    machine = make_xeon(tmp_path / "machine")
    facts = CpuProbe().observe(machine.context(sys=tmp_path / "empty")).facts
    assert values(facts, *_CORES) == [Observed(16), Observed(1), Observed(value=True), FAILED]


@pytest.mark.parametrize("text", ["", "0-", "a", "3-1", "0-99999999", "-1", "0,,1"])
def test_a_list_of_processors_that_is_none(tmp_path, text):
    machine = make_xeon(tmp_path)
    machine.write("sys/devices/system/cpu/online", text)
    facts = look(machine)
    assert values(facts, "cores.logical", "cores.physical") == [FAILED, FAILED]
    assert facts["smt",] == Observed(value=True)


def test_a_cache_of_an_odd_size_is_left_out(tmp_path):
    machine = make_xeon(tmp_path).write("sys/devices/system/cpu/cpu0/cache/index3/size", "much\n")
    assert look(machine)["cache", "l3"] == ABSENT


# --- The machine that runs the tests -----------------------------------------------------------------------


def read_flags():
    with open("/proc/cpuinfo") as file:
        lines = [line for line in file if line.startswith("flags")]
    return set(lines[0].split(":")[1].split()) if lines else None


@pytest.mark.skipif(read_flags() is None, reason="/proc/cpuinfo has no x86 flags")
def test_cpuid_and_the_kernel_agree():
    """Newer sets are not all in /proc/cpuinfo; what it has, CPUID has."""
    features = isa(CpuProbe().observe(Context()).facts)
    assert read_flags() & known_features() <= features
    hidden = {name for name in features if name.startswith(("avx_", "avx10", "amx_", "apx"))}
    assert features - hidden <= read_flags()


def test_this_machine_is_told_in_full():
    facts = CpuProbe().observe(Context()).facts
    assert isinstance(facts["vendor",], Observed)
    assert facts["cores", "logical"].value >= facts["cores", "physical"].value >= 1


# --- py-cpuinfo --------------------------------------------------------------------------------------------


def test_the_fallback_is_asked_last_and_never_for_its_cpuid(monkeypatch):
    asked = []

    def source(name, answer):
        def ask():
            asked.append(name)
            return answer

        return ask

    module = types.SimpleNamespace(
        _get_cpu_info_from_cpuid=source("cpuid", {"brand_raw": "wrong"}),
        _get_cpu_info_from_proc_cpuinfo=source("proc", {"brand_raw": "POWER9"}),
        _get_cpu_info_from_lscpu=source("lscpu", {"brand_raw": "later", "vendor_id_raw": "IBM", "flags": ["altivec"]}),
        _get_cpu_info_from_sysctl=source("sysctl", None),
        _get_cpu_info_from_kstat=lambda: 1 / 0,
    )
    monkeypatch.setitem(sys.modules, "cpuinfo", types.SimpleNamespace(cpuinfo=module))
    monkeypatch.setattr(cpu, "cpuid", dict)
    monkeypatch.setattr(cpu, "read_first_processor", lambda _context: {"processor": "0", "cpu": "POWER9"})
    facts = CpuProbe().observe(Context()).facts
    assert values(facts, "brand", "vendor", "model") == [Observed("POWER9"), Observed("IBM"), FAILED]
    assert isa(facts) == {"altivec"}
    assert asked == ["proc", "lscpu", "sysctl"]


def test_a_fallback_that_is_gone_tells_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "cpuinfo", None)
    assert dataclasses.astuple(cpu_fallback.ask_fallback()) == ({}, None)


def test_the_fallback_is_not_imported_where_the_processor_tells():
    CpuProbe().observe(Context())
    assert "cpuinfo" not in sys.modules or sys.modules["cpuinfo"].__name__ != "cpuinfo"
