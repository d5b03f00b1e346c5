"""The facet ``floating_point``: how the process's working thread computes with denormals and rounds.

The raw observations of the process hold the control registers (see reprofp._core.probing); here they become:

- ``ftz``, ``daz``: results and operands that are denormal become zero. MXCSR bits 15 and 6 (Intel SDM volume 1,
  10.2.3); on Arm bit 24 of FPCR does both.
- ``rounding``: "nearest", "downward", "upward", "toward_zero".
- ``x87_precision``: bits of the significand, 64, 53 or 24, from bits 8 and 9 of the control word (SDM volume 1,
  8.1.5.2); Absent where there is no x87.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reprofp.model.observations import ABSENT, Observation, Observed, Unknown
from reprofp.probes.base import Context, Report
from reprofp.probes.machine import FAILED, read_part

__all__ = ["FloatingPointProbe"]

_MXCSR_FTZ = 1 << 15
_MXCSR_DAZ = 1 << 6
_FPCR_FZ = 1 << 24
_PRECISIONS = {0: 24, 2: 53, 3: 64}
_ROUNDINGS = frozenset({"nearest", "downward", "upward", "toward_zero"})


class FloatingPointProbe:
    """Looks at the floating-point control state that the process reported."""

    name = "floating_point"
    version = 1

    def applies(self, context: Context) -> bool:
        """Whether a process is described: the state is a thread's, not the machine's."""
        return context.process is not None

    def observe(self, context: Context) -> Report:
        """Report what the registers of the process's thread say."""
        state = read_part(context, "floating_point", dict)
        report = Report()
        if isinstance(state, Unknown):
            report.add(fact=state)
            return report
        report.add("ftz", fact=_observe_flag(state, _MXCSR_FTZ))
        report.add("daz", fact=_observe_flag(state, _MXCSR_DAZ))
        report.add("rounding", fact=_observe_rounding(state))
        report.add("x87_precision", fact=_observe_precision(state))
        return report


def _get_register(state: Mapping[str, Any], name: str) -> int | None:
    value = state.get(name)
    return value if type(value) is int and value >= 0 else None


def _observe_flag(state: Mapping[str, Any], mxcsr_bit: int) -> Observation:
    mxcsr, fpcr = _get_register(state, "mxcsr"), _get_register(state, "fpcr")
    if mxcsr is not None:
        return Observed(bool(mxcsr & mxcsr_bit))
    return FAILED if fpcr is None else Observed(bool(fpcr & _FPCR_FZ))


def _observe_rounding(state: Mapping[str, Any]) -> Observation:
    name = state.get("rounding")
    return Observed(name) if isinstance(name, str) and name in _ROUNDINGS else FAILED


def _observe_precision(state: Mapping[str, Any]) -> Observation:
    control = _get_register(state, "x87_control")
    if control is None:
        return ABSENT if _get_register(state, "fpcr") is not None else FAILED
    precision = _PRECISIONS.get(control >> 8 & 3)
    return FAILED if precision is None else Observed(precision)
