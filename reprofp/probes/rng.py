"""The facet ``rng``: seeds that were declared, and states of the global random generators.

A generator from which nothing was drawn since it was seeded from entropy is ``untouched``: its state
differs in every process and reaches nothing. Generators that the program made for itself leave no
global state; an unseeded one shows as a draw of entropy in the facet ``usage``.

Of torch, ``torch.cpu.state`` is that of its default generator (whose seed, unless the program sets one, comes from the
system in recent releases), and ``torch.cuda.N.state`` those of the devices that the program has used; ``torch.cuda`` is Absent
where it has used none, and ``torch.xpu`` is the like for Intel's. ``cupy.state`` is ``untouched`` or Unknown: its
generators lie on the device, and are not read. ``tensorflow.generator`` is the global generator of tf.random, where there
is one; ``tensorflow.seed`` and ``keras.seed`` are the global seeds, "unset" where
none was set. JAX
keeps no generator: its keys are values of the program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reprofp.model.observations import ABSENT, Observation, Observed, Unknown
from reprofp.probes.base import Context, Report
from reprofp.probes.files import to_text
from reprofp.probes.framework_loaded import observe_answer, take_framework
from reprofp.probes.machine import FAILED, NOT_ASKED, read_part
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
            _add_torch(report, context)
            for name in ("tensorflow", "keras"):
                _add_seed(report, name, context)
            _add_cupy(report, context)
        return report


def _add_states(report: Report, states: dict[str, Any] | Unknown) -> None:
    known = {} if isinstance(states, Unknown) else states
    report.add("python", "state", fact=_observe_state(known.get("python")))
    numpy = known.get("numpy")
    legacy = numpy.get("legacy") if isinstance(numpy, dict) else None
    report.add("numpy", "legacy", "state", fact=read_unknown(numpy) or _observe_state(legacy))


def _add_torch(report: Report, context: Context) -> None:
    described = take_framework(context, "torch")
    if described is None:
        return
    states = described.get("rng") if isinstance(described, Mapping) else described
    if not isinstance(states, Mapping):
        report.add("torch", fact=states if isinstance(states, Unknown) else FAILED)
        return
    report.add("torch", "cpu", "state", fact=_observe_state(states.get("cpu")))
    for kind in ("cuda", "xpu"):
        _add_devices(report, kind, states.get(kind))


def _add_devices(report: Report, kind: str, devices: Any) -> None:
    if isinstance(devices, list):
        for number, state in enumerate(devices):
            report.add("torch", kind, str(number), "state", fact=_observe_state(state))
    else:
        report.add("torch", kind, fact=ABSENT if devices is None else read_unknown(devices) or FAILED)


def _add_cupy(report: Report, context: Context) -> None:
    described = take_framework(context, "cupy")
    if described is not None:
        states = described.get("rng") if isinstance(described, Mapping) else None
        fresh = isinstance(states, Mapping) and states.get("touched") is False
        report.add("cupy", "state", fact=Observed(UNTOUCHED) if fresh else NOT_ASKED)


def _add_seed(report: Report, name: str, context: Context) -> None:
    described = take_framework(context, name)
    if described is None:
        return
    states = described.get("rng") if isinstance(described, Mapping) else described
    if not isinstance(states, Mapping):
        report.add(name, "seed", fact=states if isinstance(states, Unknown) else FAILED)
        return
    seed = states.get("seed")
    report.add(name, "seed", fact=Observed("unset") if seed is None else observe_answer(seed))
    if "generator" in states:
        made = states["generator"]
        report.add(name, "generator", fact=ABSENT if made is None else observe_answer(made))


def _observe_state(described: Any) -> Observation:
    if read_unknown(described) or not isinstance(described, dict):
        return read_unknown(described) or FAILED
    state = described.get("state") if described.get("touched") else UNTOUCHED
    return Observed(state) if isinstance(state, str) else FAILED
