"""The facets ``framework.NAME`` of the frameworks that a process has loaded.

Each tells of a framework that the process has loaded, as the framework itself answers (see
``probes/raw_frameworks.py``): its version and, where it has them,

- torch: ``git``, ``debug``, ``cuda`` and ``hip`` (what it was built for), ``threads`` and ``interop_threads`` in force,
  ``cpu_capability`` (the kernels that it dispatches to), ``compiled`` (whether torch.compile translated any code),
  ``distributed_backend`` and ``distributed_world_size`` once ranks talk, and ``build``: compiler, BLAS, MKL, oneDNN, OpenMP, what it was
  configured with, and a digest of all that it tells of its build. A build for a GPU tells that only once the program has
  used one, since asking would load the GPU's libraries.
- jax: ``jaxlib``, and ``platforms``: the backends that the program has woken.
- tensorflow: ``git``, ``intra_op_threads``, ``inter_op_threads``, where it has a context.
- xgboost: ``build``: what it was built with (CUDA, NCCL, OpenMP, the compiler).
- numba: ``threads``, and ``layer``, the threading layer in force once a parallel function ran; numexpr: ``threads``.
- vllm: ``device``, the kind of device that it chose.
- keras, sklearn, lightgbm, cupy, triton, transformers: the version.

What a release does not have is Absent. The flags that are in force are facts of ``determinism``. Of others, as SciPy,
the version is the fact ``packages.imported.NAME.version``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reprofp.model.observations import ABSENT, Observation, Observed, Unknown
from reprofp.probes.base import Context, Report
from reprofp.probes.files import to_text, to_value
from reprofp.probes.machine import FAILED, read_part
from reprofp.probes.parts import read_unknown

__all__ = ["LOADED_FRAMEWORKS", "LoadedFrameworkProbe", "observe_answer", "take_framework"]

LOADED_FRAMEWORKS = (
    *("torch", "jax", "tensorflow", "keras", "sklearn"),
    *("xgboost", "lightgbm", "cupy", "triton", "transformers", "vllm", "numba", "numexpr"),
)
_MISSING = {"error": "missing"}


class LoadedFrameworkProbe:
    """Describes one framework, if it is loaded."""

    version = 1

    def __init__(self, framework: str) -> None:
        """Look at ``framework``, by the name of its module."""
        self._framework = framework
        self.name = f"framework.{framework}"

    def applies(self, context: Context) -> bool:
        """Whether the process has it loaded."""
        return isinstance(take_framework(context, self._framework), (Mapping, Unknown))

    def observe(self, context: Context) -> Report:
        """Report what it says of itself."""
        report, described = Report(), take_framework(context, self._framework)
        facts = described.get("facts") if isinstance(described, Mapping) else None
        if not isinstance(described, Mapping) or not isinstance(facts, Mapping):
            report.add(fact=described if isinstance(described, Unknown) else FAILED)
            return report
        for name, value in facts.items():
            report.add(to_text(str(name)), fact=observe_answer(value))
        if "build" in described:
            _add_build(report, described["build"])
        return report


def _add_build(report: Report, build: Any) -> None:
    if read_unknown(build) or not isinstance(build, Mapping):
        report.add("build", fact=observe_answer(build) if isinstance(build, Mapping) else FAILED)
        return
    for name, value in build.items():
        report.add("build", to_text(str(name)), fact=ABSENT if value is None else observe_answer(value))


def take_framework(context: Context, name: str) -> Mapping[str, Any] | Unknown | None:
    """Return the raw observations of a framework; None where it is not loaded, or nobody looked."""
    process = context.process or {}
    if "frameworks" not in process:
        return None
    frameworks = read_part(context, "frameworks", dict)
    if isinstance(frameworks, Unknown):
        modules = read_part(context, "modules", dict)
        return frameworks if isinstance(modules, dict) and name in modules else None
    described = frameworks.get(name)
    if described is None:
        return None
    unknown = read_unknown(described)
    if unknown or not isinstance(described, Mapping):
        return unknown or FAILED
    return described


def observe_answer(answer: Any) -> Observation:
    """Make an observation of what one getter gave: Absent where this release has no such getter."""
    if answer == _MISSING:
        return ABSENT
    unknown = read_unknown(answer)
    if unknown:
        return unknown
    value = _to_value(answer)
    return FAILED if value is _ODD else Observed(value)


_ODD: Any = object()


def _to_value(answer: Any) -> Any:
    if answer is None or isinstance(answer, (bool, int, float)):
        return answer
    if isinstance(answer, str):
        return to_value(answer)
    if isinstance(answer, (list, tuple)):
        values = [_to_value(item) for item in answer]
        return _ODD if any(value is _ODD for value in values) else values
    return _ODD
