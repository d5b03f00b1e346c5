"""Evidence: what was measured or came out, beside what rules think.

Numerics classes say what two machines actually compute. Where those of every backend that the runs
could use were measured on both sides and agree, a factor that they would show lowers only what is
promised; where one differs, the bits can differ, whatever the rules thought. Outputs of two runs that
differ are the last word about the bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reprofp.model.observations import Observation, Observed, Value
from reprofp.model.paths import FactPath
from reprofp.model.records import Record, Run
from reprofp.model.schema import Side
from reprofp.verdict.activity import Condition, any_of, read_condition
from reprofp.verdict.comparing import same_fact
from reprofp.verdict.levels import Level
from reprofp.verdict.results import Reason
from reprofp.verdict.views import NOT_ASKED, SideView

__all__ = ["MEASURED_EQUAL", "Numerics", "compare_numerics", "compare_outputs", "count_equal_outputs"]

MEASURED_EQUAL = "measured equal"

_BACKENDS: Mapping[str, Condition] = {
    "libm": read_condition("always"),
    "numpy": read_condition({"module": "numpy"}),
    "torch_cpu": read_condition({"module": "torch"}),
    "torch_cuda": read_condition({"all": [{"module": "torch"}, {"gpu": True}]}),
    "jax": read_condition({"module": ["jax", "jaxlib"]}),
    "tensorflow": read_condition({"module": "tensorflow"}),
    "cupy": read_condition({"module": "cupy"}),
}
"""By the second part of a path ``numerics.BACKEND.FAMILY``: whether a run could use the backend."""


@dataclass(frozen=True, slots=True)
class Numerics:
    """What the numerics classes of two records say."""

    equal: bool
    """Whether every backend that the runs could use was measured on both sides, and all classes agree."""
    differing: tuple[tuple[FactPath, Observation, Observation, bool], ...] = ()
    """The classes that differ, each with whether its backend is known to have been used."""

    def reasons(self) -> Iterator[Reason]:
        """Yield a reason for each class that differs."""
        for path, a, b, used in self.differing:
            yield Reason(
                path,
                a,
                b,
                "evidence",
                Side.CONDITIONS,
                "numerics.classes",
                "active" if used else "unknown",
                Level.STATISTICAL,
                "both" if used else "promised",
                "the two machines were measured to compute different bits for the same input",
                "rerun on a machine of the same class, or compare with a tolerance",
                "measured",
                "numerics kernels of both records",
            )


def compare_numerics(a: SideView, b: SideView) -> Numerics:
    """Compare the numerics classes of two sides."""
    classes_a, classes_b = _classes(a), _classes(b)
    if not classes_a and not classes_b:
        return Numerics(equal=False)
    used = {name: _is_used(condition, a, b) for name, condition in _BACKENDS.items()}
    differing, equal = [], bool(classes_a) and bool(classes_b)
    for name in sorted({path[1] for path in (*classes_a, *classes_b)} | _BACKENDS.keys()):
        backend_used = used.get(name)
        if backend_used is False:
            continue
        paths = sorted(path for path in {**classes_a, **classes_b} if path[1] == name)
        equal = equal and bool(paths)
        for path in paths:
            fact_a, fact_b = classes_a.get(path, NOT_ASKED), classes_b.get(path, NOT_ASKED)
            if isinstance(fact_a, Observed) and isinstance(fact_b, Observed) and not same_fact(fact_a, fact_b):
                differing.append((path, fact_a, fact_b, backend_used is True))
            equal = equal and same_fact(fact_a, fact_b)
    return Numerics(equal, tuple(differing))


def _is_used(condition: Condition, a: SideView, b: SideView) -> bool | None:
    return any_of(condition.evaluate(view, ()) for side in (a, b) for view in side.views)


def _classes(side: SideView) -> dict[FactPath, Observation]:
    facet = side.first.facets.get("numerics")
    if facet is None:
        return {}
    return {path: fact for path, fact in facet.walk() if len(path) > 1}


def compare_outputs(a: Record, b: Record) -> Iterator[Reason]:
    """Yield a reason for each output of two runs whose digests differ."""
    for name, digest_a, digest_b in _shared_outputs(a, b):
        if digest_a != digest_b:
            yield Reason(
                ("outputs", name),
                Observed(digest_a),
                Observed(digest_b),
                "evidence",
                Side.CONDITIONS,
                "outputs",
                "active",
                Level.STATISTICAL,
                "both",
                "the outputs of the two runs differ: whatever was expected, they did not give the same bits",
                "repeat one run under the same conditions to see whether it differs from itself",
                "measured",
                "outputs of both runs",
            )


def count_equal_outputs(a: Record, b: Record) -> tuple[int, int]:
    """Return how many outputs both runs have with equal digests, and how many both have."""
    shared = list(_shared_outputs(a, b))
    return sum(digest_a == digest_b for _name, digest_a, digest_b in shared), len(shared)


def _shared_outputs(a: Record, b: Record) -> Iterator[tuple[str, str, str]]:
    if not isinstance(a, Run) or not isinstance(b, Run):
        return
    for name, output in a.result.outputs.items():
        digest_a, digest_b = _digest(output), _digest(b.result.outputs.get(name, {}))
        if digest_a and digest_b and digest_a.split(":")[0] == digest_b.split(":")[0]:
            yield name, digest_a, digest_b


def _digest(output: Mapping[str, Value]) -> str:
    digest = output.get("digest")
    return digest if isinstance(digest, str) else ""
