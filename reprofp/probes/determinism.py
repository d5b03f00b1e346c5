"""The facet ``determinism``: the flags that are in force in each framework that is loaded.

A fact is named as its framework names the flag (``"torch.backends.cudnn.benchmark"``, one part), and has the value that
the framework itself gives when the process ends: what was set by whom does not matter. A flag that a release does not have is
Absent. After torch's precisions were set by operation, its older flags for them refuse to answer: the two named
``allow_tf32`` then say whether that operation may use TF32, and ``torch.float32_matmul_precision`` says "by operation".

A framework whose flags nobody asked for is Unknown as a whole, so that nobody takes its defaults for granted.
"""

from __future__ import annotations

from collections.abc import Mapping

from reprofp.model.observations import Unknown
from reprofp.probes.base import Context, Report
from reprofp.probes.files import to_text
from reprofp.probes.framework_loaded import LOADED_FRAMEWORKS, observe_answer, take_framework
from reprofp.probes.machine import FAILED, NOT_ASKED, read_part

__all__ = ["DeterminismProbe"]

_FLAGGED = frozenset({"cupy", "jax", "tensorflow", "torch"})
"""Frameworks whose silence would be taken for knowledge."""


class DeterminismProbe:
    """Reports the flags of loaded frameworks."""

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
        for name in sorted({*LOADED_FRAMEWORKS, *_FLAGGED}):
            described = take_framework(context, name)
            if isinstance(described, Mapping) and isinstance(described.get("flags"), Mapping):
                for flag, answer in described["flags"].items():
                    report.add(to_text(str(flag)), fact=observe_answer(answer))
            elif described is not None:
                report.add(name, fact=described if isinstance(described, Unknown) else FAILED)
            elif name in modules and name in _FLAGGED:
                report.add(name, fact=NOT_ASKED)
        return report
