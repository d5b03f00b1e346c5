"""The facet ``determinism``: the determinism flags that are in force in each framework that is loaded.

Reading them comes with the frameworks' own facets; until then a framework that has such flags is
Unknown here rather than silent, so that nobody takes its defaults for granted.
"""

from __future__ import annotations

from reprofp.model.observations import Unknown
from reprofp.probes.base import Context, Report
from reprofp.probes.machine import NOT_ASKED, read_part

__all__ = ["DeterminismProbe"]

_FRAMEWORKS = ("cupy", "jax", "tensorflow", "torch")


class DeterminismProbe:
    """Names the frameworks whose flags are not known."""

    name = "determinism"
    version = 1

    def applies(self, context: Context) -> bool:
        """Whether a process is described: flags are a process's."""
        return context.process is not None

    def observe(self, context: Context) -> Report:
        """Report the flags in force."""
        report, modules = Report(), read_part(context, "modules", dict)
        if isinstance(modules, Unknown):
            report.add(fact=modules)
            return report
        for name in _FRAMEWORKS:
            if name in modules:
                report.add(name, fact=NOT_ASKED)
        return report
