"""The facet ``cpu``: processor model, instruction sets, caches, cores.

How each fact is read:

- ``vendor``, ``family``, ``model``, ``stepping``, ``brand``, ``isa.<set>``: CPUID, with the sets that XGETBV says the
  system lets us use, which is what libraries choose their kernels by. Elsewhere, and for a fixture,
  /proc/cpuinfo: its x86 words, or for Arm the implementer as vendor, "CPU architecture" as family, the part as
  model (a list where the parts differ), ``r<variant>p<revision>`` as stepping and "Features"; Arm has no brand
  unless the kernel prints one. Where neither tells, py-cpuinfo's readers of files and of tools.
- ``cache.l1d``, ``l1i``, ``l2``, ``l3`` (bytes, of the first processor): /sys/devices/system/cpu/cpu0/cache, else CPUID.
- ``cores.logical``, ``cores.physical``, ``smt``, ``numa_nodes``: /sys/devices/system (see topology.py).
- ``microcode``: /proc/cpuinfo; a guest sees what its hypervisor made up.
- ``sve_bytes``: /proc/sys/abi/sve_default_vector_length, where the processor has SVE (Documentation/arch/arm64/sve.rst).

Circumstance: ``cpu.governor``, the policy of the clock (/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reprofp._core.probing import cpuid, known_features
from reprofp.model.observations import ABSENT, Observation, Observed
from reprofp.probes.base import Context, Report
from reprofp.probes.cpu_fallback import ask_fallback
from reprofp.probes.machine import FAILED, absent_unless, attempt, is_live, read_text, try_text
from reprofp.probes.processors import IMPLEMENTERS, read_first_processor, read_processors
from reprofp.probes.topology import count_nodes, observe_caches, observe_cores

__all__ = ["CpuProbe"]

_CACHES = ("l1d", "l1i", "l2", "l3")
_KERNEL_FEATURES = frozenset({"evtstrm", "cpuid"})
"""What the kernel adds to Arm's list of features: no instruction sets."""


@dataclass
class _Identity:
    """Who the processor is."""

    vendor: Observation = FAILED
    family: Observation = FAILED
    model: Observation = FAILED
    stepping: Observation = FAILED
    brand: Observation = FAILED
    microcode: Observation = FAILED
    isa: frozenset[str] | None = None
    caches: Mapping[str, int] = field(default_factory=dict)


class CpuProbe:
    """Looks at the processor."""

    name = "cpu"
    version = 1

    def applies(self, context: Context) -> bool:
        """A processor is always there."""
        del context
        return True

    def observe(self, context: Context) -> Report:
        """Report what the processor and the kernel say of it."""
        report = Report()
        identity = _identify(context)
        for name in ("vendor", "family", "model", "stepping", "brand", "microcode"):
            report.add(name, fact=getattr(identity, name))
        _add_features(report, identity.isa)
        _add_caches(report, {**identity.caches, **observe_caches(context)})
        cores = observe_cores(context)
        report.add("cores", "logical", fact=cores["logical"])
        report.add("cores", "physical", fact=cores["physical"])
        report.add("smt", fact=cores["smt"])
        report.add("numa_nodes", fact=attempt(lambda: count_nodes(context)))
        report.add("sve_bytes", fact=_observe_sve(context, identity.isa))
        if (governor := try_text(context.sys / "devices/system/cpu/cpu0/cpufreq/scaling_governor")) is not None:
            report.circumstances["cpu.governor"] = governor
        return report


def _identify(context: Context) -> _Identity:
    processor = cpuid() if is_live(context) else {}
    if processor:
        return _from_cpuid(processor, read_first_processor(context))
    first = read_first_processor(context)
    if "vendor_id" in first:
        return _from_x86(first)
    if "CPU implementer" in first:
        return _from_arm(read_processors(context))
    return _from_fallback() if is_live(context) else _Identity()


def _from_cpuid(processor: Mapping[str, object], block: Mapping[str, str]) -> _Identity:
    numbers = {name: Observed(int(str(processor[name]))) for name in ("family", "model", "stepping")}
    features, caches = processor["features"], processor["caches"]
    return _Identity(
        vendor=absent_unless(str(processor["vendor"])),
        brand=absent_unless(str(processor["brand"])),
        microcode=_find(block, "microcode"),
        isa=frozenset(map(str, features)) if isinstance(features, Iterable) else None,
        caches=caches if isinstance(caches, Mapping) else {},
        **numbers,
    )


def _find(block: Mapping[str, str], key: str) -> Observation:
    return Observed(block[key]) if block.get(key) else FAILED


def _number(block: Mapping[str, str], key: str) -> Observation:
    return attempt(lambda: int(block[key], 0))


def _from_x86(block: Mapping[str, str]) -> _Identity:
    return _Identity(
        vendor=_find(block, "vendor_id"),
        family=_number(block, "cpu family"),
        model=_number(block, "model"),
        stepping=_number(block, "stepping"),
        brand=_find(block, "model name"),
        microcode=_find(block, "microcode"),
        isa=frozenset(block["flags"].split()) & known_features() if "flags" in block else None,
    )


def _from_arm(blocks: list[dict[str, str]]) -> _Identity:
    """Cores of different kinds may share one machine: what differs is a list, what one lacks is not there."""
    features = [frozenset(block["Features"].split()) for block in blocks if "Features" in block]
    return _Identity(
        vendor=_join(_name_implementer(block) for block in blocks),
        family=_join(_number(block, "CPU architecture") for block in blocks),
        model=_join(_number(block, "CPU part") for block in blocks),
        stepping=_join(_name_revision(block) for block in blocks),
        brand=_join(absent_unless(block.get("model name")) for block in blocks),
        microcode=ABSENT,
        isa=frozenset.intersection(*features) - _KERNEL_FEATURES if features else None,
    )


def _join(facts: Iterable[Observation]) -> Observation:
    distinct = list(dict.fromkeys(facts))
    if len(distinct) == 1:
        return distinct[0]
    values = [fact.value for fact in distinct if isinstance(fact, Observed)]
    return Observed(sorted(values, key=repr)) if values and len(values) == len(distinct) else FAILED


def _name_implementer(block: Mapping[str, str]) -> Observation:
    return attempt(lambda: IMPLEMENTERS.get(int(block["CPU implementer"], 0), block["CPU implementer"]))


def _name_revision(block: Mapping[str, str]) -> Observation:
    return attempt(lambda: f"r{int(block['CPU variant'], 0)}p{int(block['CPU revision'], 0)}")


def _from_fallback() -> _Identity:
    answer = ask_fallback()
    return _Identity(
        vendor=_find(answer.texts, "vendor_id_raw"),
        brand=_find(answer.texts, "brand_raw"),
        isa=answer.flags,
    )


def _add_features(report: Report, isa: frozenset[str] | None) -> None:
    if isa is None:
        report.add("isa", fact=FAILED)
        return
    for name in sorted(isa):
        report.observe("isa", name, value=True)


def _add_caches(report: Report, caches: Mapping[str, int]) -> None:
    for name in _CACHES:
        # Once any is told, the others are not there: many processors have no third level.
        missing = ABSENT if caches else FAILED
        report.add("cache", name, fact=Observed(caches[name]) if name in caches else missing)


def _observe_sve(context: Context, isa: frozenset[str] | None) -> Observation:
    if isa is None:
        return FAILED
    if "sve" not in isa:
        return ABSENT
    return attempt(lambda: int(read_text(context.proc / "sys/abi/sve_default_vector_length")))
