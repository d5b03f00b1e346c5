"""The facet ``framework.numpy``: which numpy, over which BLAS, with which instruction sets in force.

``cpu_features`` are those that this build of numpy has code for: its baseline, and what it may dispatch to;
each is True where the processor has it and NPY_DISABLE_CPU_FEATURES does not take it away.
"""

from __future__ import annotations

from typing import Any

from reprofp.model.observations import ABSENT, Observation, Observed, Unknown
from reprofp.probes.base import Context, Report
from reprofp.probes.files import to_value
from reprofp.probes.machine import FAILED, read_part
from reprofp.probes.parts import read_unknown

__all__ = ["NumpyProbe"]


class NumpyProbe:
    """Describes a loaded numpy."""

    name = "framework.numpy"
    version = 1

    def applies(self, context: Context) -> bool:
        """Whether the process has numpy loaded."""
        return context.process is not None and context.process.get("numpy") is not None

    def observe(self, context: Context) -> Report:
        """Report the loaded numpy."""
        report, described = Report(), read_part(context, "numpy", dict)
        if isinstance(described, Unknown):
            report.add(fact=described)
            return report
        report.add("version", fact=_observe(described.get("version")))
        _add_blas(report, described.get("config"))
        _add_features(report, described.get("cpu_features"))
        return report


def _add_blas(report: Report, config: Any) -> None:
    blas = config.get("blas") if isinstance(config, dict) else None
    if read_unknown(blas) or not isinstance(blas, dict):
        report.add("blas", fact=read_unknown(blas) or FAILED)
        return
    for name in ("name", "version"):
        value = blas.get(name)
        report.add("blas", name, fact=_observe(value) if value else ABSENT)


def _add_features(report: Report, features: Any) -> None:
    enabled = features.get("enabled") if isinstance(features, dict) else None
    if not isinstance(enabled, dict) or not enabled:
        report.add("cpu_features", fact=FAILED)
        return
    for name, value in enabled.items():
        report.observe("cpu_features", name, value=bool(value))


def _observe(value: Any) -> Observation:
    return Observed(to_value(value)) if isinstance(value, str) else FAILED
