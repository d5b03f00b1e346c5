"""Metrics of runs: tests of equivalence, never tests of difference.

Given five or more runs a side, two one-sided tests (TOST; Schuirmann 1987) with Welch's unequal
variances ask whether the means differ by less than a margin. With fewer runs there is only the
relative deviation, marked ``no inference``. A difference that is not significant is never called
equality: what is not shown to be equivalent is undecided.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reprofp.errors import UsageError
from reprofp.model.records import Run
from reprofp.verdict.student import t_quantile, t_tail

__all__ = [
    "DEFAULT_MARGIN",
    "MIN_RUNS",
    "NO_INFERENCE",
    "MetricComparison",
    "SeriesComparison",
    "compare_metrics",
    "compare_samples",
    "compare_series",
]

DEFAULT_MARGIN = 0.01
"""The largest difference of means that counts as none, as a fraction of the first side's mean."""

MIN_RUNS = 5
"""With fewer runs on a side nothing is inferred."""

SIGNIFICANCE = 0.05
NO_INFERENCE = "no inference"


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric of two groups of runs; by name, its last value of each run is what counts."""

    name: str
    runs_a: int
    runs_b: int
    mean_a: float
    mean_b: float
    deviation: float | None
    """``(mean_b - mean_a) / |mean_a|``; None where the first mean is zero or a value is not finite."""
    margin: float
    equivalent: bool | None = None
    """True: shown to be equivalent within the margin. False: shown to differ by more. None: undecided."""
    p_value: float | None = None
    """The larger p-value of the two one-sided tests."""
    interval: tuple[float, float] | None = None
    """The 90 % confidence interval of the relative deviation."""
    mark: str = ""
    series: SeriesComparison | None = None
    """Of one run a side: how the values compare step by step."""


@dataclass(frozen=True, slots=True)
class SeriesComparison:
    """Two runs' values of one metric, step by step; a step that stands several times is matched in order."""

    steps: int
    """How many steps both have."""
    only_a: int
    only_b: int
    parts_at: int | None = None
    """The first step at which the two differ in any bit."""
    values: tuple[float, float] | None = None
    """The values there."""
    beyond_at: int | None = None
    """The first step from which on they never come back to within the margin."""


def compare_series(
    a: Sequence[tuple[int, float]], b: Sequence[tuple[int, float]], *, margin: float = DEFAULT_MARGIN
) -> SeriesComparison:
    """Compare two series of (step, value) step by step; steps that only one side has are counted."""
    values_a, values_b = _index(a), _index(b)
    shared = sorted(values_a.keys() & values_b.keys())
    pairs = [(key[0], values_a[key], values_b[key]) for key in shared]
    parts = next((pair for pair in pairs if not _is_same(pair[1], pair[2])), None)
    beyond: int | None = None
    for step, first, second in pairs:
        if _is_within(first, second, margin):
            beyond = None
        elif beyond is None:
            beyond = step
    return SeriesComparison(
        len(shared),
        len(values_a) - len(shared),
        len(values_b) - len(shared),
        None if parts is None else parts[0],
        None if parts is None else parts[1:],
        beyond,
    )


def _index(points: Sequence[tuple[int, float]]) -> dict[tuple[int, int], float]:
    """Return the values by step and by how often the step stood before."""
    seen: Counter[int] = Counter()
    values = {}
    for step, value in points:
        values[step, seen[step]] = value
        seen[step] += 1
    return values


def _is_same(a: float, b: float) -> bool:
    """Whether two values have the same bits, any NaN counting as one value."""
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1.0, a) == math.copysign(1.0, b))


def _is_within(a: float, b: float, margin: float) -> bool:
    if not (math.isfinite(a) and math.isfinite(b)):
        return _is_same(a, b)
    return abs(b - a) <= margin * abs(a)


def compare_samples(
    name: str, a: Sequence[float], b: Sequence[float], *, margin: float = DEFAULT_MARGIN
) -> MetricComparison:
    """Compare one metric's values over the runs of two groups.

    Raises:
        UsageError: a group is empty, or ``margin`` is not positive.
    """
    if not a or not b or not margin > 0:
        raise UsageError(f"metric {name!r}: comparing needs a value on each side and a margin above 0")
    mean_a, mean_b = _mean(a), _mean(b)
    finite = all(map(math.isfinite, (*a, *b))) and math.isfinite(mean_a) and math.isfinite(mean_b)
    deviation = (mean_b - mean_a) / abs(mean_a) if finite and mean_a else None
    plain = MetricComparison(name, len(a), len(b), mean_a, mean_b, deviation, margin, mark=NO_INFERENCE)
    if deviation is None or min(len(a), len(b)) < MIN_RUNS:
        return plain
    from statistics import variance  # noqa: PLC0415 - with decimal and random it is not free

    return _infer(plain, variance(a) / len(a), variance(b) / len(b))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else math.nan


def _infer(plain: MetricComparison, error_a: float, error_b: float) -> MetricComparison:
    """Run the two one-sided tests; ``error_*`` are the squared standard errors of the means."""
    scale = abs(plain.mean_a)
    deviation, spread = plain.deviation or 0.0, math.sqrt(error_a + error_b) / scale
    if spread == 0.0:
        p_value, low, high = (0.0 if abs(deviation) < plain.margin else 1.0), deviation, deviation
    else:
        degrees = _welch_degrees(error_a, error_b, plain.runs_a, plain.runs_b)
        p_value = max(
            t_tail((deviation + plain.margin) / spread, degrees), t_tail((plain.margin - deviation) / spread, degrees)
        )
        reach = t_quantile(1.0 - SIGNIFICANCE, degrees) * spread
        low, high = deviation - reach, deviation + reach
    apart = low > plain.margin or high < -plain.margin
    equivalent = True if p_value < SIGNIFICANCE else False if apart else None
    return MetricComparison(
        plain.name,
        plain.runs_a,
        plain.runs_b,
        plain.mean_a,
        plain.mean_b,
        plain.deviation,
        plain.margin,
        equivalent,
        p_value,
        (low, high),
    )


def _welch_degrees(error_a: float, error_b: float, runs_a: int, runs_b: int) -> float:
    """Return the Welch-Satterthwaite degrees of freedom (shares instead of squares: nothing underflows)."""
    share = error_a / (error_a + error_b)
    return 1.0 / (share * share / (runs_a - 1) + (1.0 - share) * (1.0 - share) / (runs_b - 1))


def compare_metrics(
    a: Iterable[Run],
    b: Iterable[Run],
    *,
    margin: float = DEFAULT_MARGIN,
    margins: Mapping[str, float] | None = None,
) -> tuple[MetricComparison, ...]:
    """Compare every metric that both groups of runs carry, by its last value in each run.

    Of one run a side, the series are compared step by step as well.

    Args:
        a: The runs of the first group.
        b: Those of the second.
        margin: The largest relative difference of means that counts as none.
        margins: The same for single metrics, by name.

    Raises:
        UsageError: a margin is not positive.
    """
    runs_a, runs_b = list(a), list(b)
    values_a, values_b = _last_values(runs_a), _last_values(runs_b)
    found = []
    for name in sorted(values_a.keys() & values_b.keys()):
        allowed = (margins or {}).get(name, margin)
        compared = compare_samples(name, values_a[name], values_b[name], margin=allowed)
        if len(runs_a) == len(runs_b) == 1:
            points = (run.result.metrics[name] for run in (runs_a[0], runs_b[0]))
            compared = replace(compared, series=compare_series(*points, margin=allowed))
        found.append(compared)
    return tuple(found)


def _last_values(runs: Iterable[Run]) -> Mapping[str, list[float]]:
    values: dict[str, list[float]] = {}
    for run in runs:
        for name, points in run.result.metrics.items():
            if points:
                values.setdefault(name, []).append(points[-1][1])
    return values
