"""Effective facts: what is in force, derived from what was set and what is there.

Each is a pure function of other facts, named ``effective.NAME``, and three-valued: it is Unknown where
an Unknown fact could change it, and known where it cannot. Learning a fact turns Unknown into an
answer and never changes an answer.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass

from reprofp.model.observations import Observation, Observed, Unknown, UnknownCode
from reprofp.model.paths import FactPath
from reprofp.verdict.activity import Facts, all_of

__all__ = ["EFFECTIVE", "EffectiveFact"]

_UNKNOWN = Unknown(UnknownCode.NOT_ASKED)


@dataclass(frozen=True, slots=True)
class EffectiveFact:
    """One derived fact: what it tells, from which facts, and how."""

    name: str
    tells: str
    inputs: tuple[FactPath, ...]
    derive: Callable[[Facts], Observation]

    @property
    def path(self) -> FactPath:
        """The path under which rules name it."""
        return ("effective", self.name)


def _observe(*, truth: bool | None) -> Observation:
    return _UNKNOWN if truth is None else Observed(truth)


def _is_true(fact: Observation) -> bool | None:
    """Read a flag: Absent is off."""
    if isinstance(fact, Unknown):
        return None
    return isinstance(fact, Observed) and fact.value is True


# --- GPU and ranks -----------------------------------------------------------------------------------

_USAGE_GPU = ("usage", "gpu")


def _derive_gpu_used(facts: Facts) -> Observation:
    return _observe(truth=_is_true(facts.look_up(_USAGE_GPU)))


_WORLD_SIZE = ("distributed", "world_size")


def _derive_several_ranks(facts: Facts) -> Observation:
    size = facts.look_up(_WORLD_SIZE)
    if isinstance(size, Unknown):
        return size
    return Observed(isinstance(size, Observed) and isinstance(size.value, int) and size.value > 1)


# --- The C library's mathematics -----------------------------------------------------------------------

_ARCHITECTURE = ("os", "architecture")
_HWCAPS = ("env", "GLIBC_TUNABLES", "glibc.cpu.hwcaps")
_X86 = ("x86_64", "amd64", "i686", "i386")
_FMA, _AVX2, _FMA4 = ("cpu", "isa", "fma"), ("cpu", "isa", "avx2"), ("cpu", "isa", "fma4")


def _derive_libm(facts: Facts) -> Observation:
    architecture = facts.look_up(_ARCHITECTURE)
    if not isinstance(architecture, Observed):
        return _UNKNOWN
    if str(architecture.value).lower() not in _X86:
        return Observed(str(architecture.value))
    fma = all_of([_enabled(facts, _FMA, "FMA"), _enabled(facts, _AVX2, "AVX2")])
    fma4 = _enabled(facts, _FMA4, "FMA4")
    if fma:
        return Observed("fma")
    return _UNKNOWN if fma is None or fma4 is None else Observed("fma4" if fma4 else "sse2")


def _enabled(facts: Facts, flag: FactPath, name: str) -> bool | None:
    """Whether the processor has a feature and glibc was not told to leave it alone."""
    return all_of([_is_true(facts.look_up(flag)), _not_masked(facts.look_up(_HWCAPS), name)])


def _not_masked(tunable: Observation, name: str) -> bool | None:
    if isinstance(tunable, Unknown):
        return None
    words = str(tunable.value).split(",") if isinstance(tunable, Observed) else []
    return not any(word.strip() in (f"-{name}", f"-{name}_Usable") for word in words)


# --- Text ----------------------------------------------------------------------------------------------

_PREFERRED = ("python", "encoding", "preferred")


def _derive_text_encoding(facts: Facts) -> Observation:
    preferred = facts.look_up(_PREFERRED)
    if not isinstance(preferred, Observed):
        return preferred
    name = str(preferred.value)
    try:
        return Observed(codecs.lookup(name).name)
    except LookupError:
        return Observed(name.lower())


# --- Floating point ------------------------------------------------------------------------------------

_FTZ, _DAZ = ("floating_point", "ftz"), ("floating_point", "daz")


def _derive_denormals(facts: Facts) -> Observation:
    results, inputs = _is_true(facts.look_up(_FTZ)), _is_true(facts.look_up(_DAZ))
    if results is None or inputs is None:
        return _UNKNOWN
    return Observed({(False, False): "kept", (True, True): "flushed"}.get((results, inputs), "flushed in part"))


# --- Reduced precision ---------------------------------------------------------------------------------

_OVERRIDE = ("env", "NVIDIA_TF32_OVERRIDE")
_CAPABILITY = ("gpu", "device", "0", "compute_capability")
_AMPERE = 8


def _tf32(flag: FactPath) -> Callable[[Facts], Observation]:
    def derive(facts: Facts) -> Observation:
        override = facts.look_up(_OVERRIDE)
        forced_off = None if isinstance(override, Unknown) else override == Observed("0")
        able, wanted = _has_tf32(facts.look_up(_CAPABILITY)), _is_true(facts.look_up(flag))
        return _observe(truth=all_of([able, wanted, None if forced_off is None else not forced_off]))

    return derive


def _has_tf32(capability: Observation) -> bool | None:
    if isinstance(capability, Unknown):
        return None
    major = str(capability.value).split(".")[0] if isinstance(capability, Observed) else "0"
    return int(major) >= _AMPERE if major.isdecimal() else None


_MATMUL_FLAG = ("determinism", "torch.backends.cuda.matmul.allow_tf32")
_CONVOLUTION_FLAG = ("determinism", "torch.backends.cudnn.allow_tf32")


EFFECTIVE: tuple[EffectiveFact, ...] = (
    EffectiveFact(
        "gpu_used",
        "whether the process used a GPU",
        (_USAGE_GPU,),
        _derive_gpu_used,
    ),
    EffectiveFact("several_ranks", "whether more than one rank took part", (_WORLD_SIZE,), _derive_several_ranks),
    EffectiveFact(
        "libm_variant",
        "which variant of its transcendental functions the C library dispatches to: fma needs FMA and AVX2, "
        "fma4 needs FMA4, each unless GLIBC_TUNABLES masks it; else sse2; elsewhere the architecture's own",
        (_ARCHITECTURE, _FMA, _AVX2, _FMA4, _HWCAPS),
        _derive_libm,
    ),
    EffectiveFact(
        "text_encoding",
        "how text is read that is opened without an encoding, by the codec's own name: UTF-8, utf8 and utf-8 are one",
        (_PREFERRED,),
        _derive_text_encoding,
    ),
    EffectiveFact(
        "denormals",
        "what becomes of subnormal numbers: kept, flushed (results and inputs), or flushed in part",
        (_FTZ, _DAZ),
        _derive_denormals,
    ),
    EffectiveFact(
        "tf32_matmul",
        "whether float32 matrix products of torch run in TF32: the flag, on compute capability 8.0 or later, "
        "unless NVIDIA_TF32_OVERRIDE=0",
        (_MATMUL_FLAG, _CAPABILITY, _OVERRIDE),
        _tf32(_MATMUL_FLAG),
    ),
    EffectiveFact(
        "tf32_convolution",
        "the same for float32 convolutions",
        (_CONVOLUTION_FLAG, _CAPABILITY, _OVERRIDE),
        _tf32(_CONVOLUTION_FLAG),
    ),
)
"""Every effective fact; docs/reference/rules.md lists them."""

BY_NAME: dict[str, EffectiveFact] = {fact.name: fact for fact in EFFECTIVE}
