"""The facet ``rng``: seeds that were declared, and states of the global random generators.

A generator from which nothing was drawn since it was seeded from entropy is ``untouched``: its state
differs in every process and reaches nothing. Generators that the program made for itself leave no
global state; an unseeded one shows as a draw of entropy in the facet ``usage``.
"""

from __future__ import annotations

from typing import Any

from reprofp.model.observations import Observation, Observed, Unknown
from reprofp.probes.base import Context, Report
from reprofp.probes.files import to_text
from reprofp.probes.machine import FAILED, read_part
from reprofp.probes.parts import read_unknown

__all__ = ["UNTOUCHED", "RngProbe"]

UNTOUCHED = "untouched"
"""Stands for the state of a generator that was not used."""


class RngProbe:
    """Reports seeds and states."""

    name = "rng"
    version = 1

    def applies(self, context: Context) -> bool:
        """Whether there is a process that has states, or seeds were declared."""
        return context.process is not None or bool(context.experiment.seeds)

    def observe(self, context: Context) -> Report:
        """Report the seeds and states."""
        report = Report()
        for name, seed in context.experiment.seeds.items():
            report.observe("seeds", to_text(name), value=seed)
        if context.process is not None:
            _add_states(report, read_part(context, "rng", dict))
        return report


def _add_states(report: Report, states: dict[str, Any] | Unknown) -> None:
    known = {} if isinstance(states, Unknown) else states
    report.add("python", "state", fact=_observe_state(known.get("python")))
    numpy = known.get("numpy")
    legacy = numpy.get("legacy") if isinstance(numpy, dict) else None
    report.add("numpy", "legacy", "state", fact=read_unknown(numpy) or _observe_state(legacy))


def _observe_state(described: Any) -> Observation:
    if read_unknown(described) or not isinstance(described, dict):
        return read_unknown(described) or FAILED
    state = described.get("state") if described.get("touched") else UNTOUCHED
    return Observed(state) if isinstance(state, str) else FAILED
