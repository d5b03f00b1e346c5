"""Metrics of runs: tests of equivalence, never tests of difference.

Given five or more runs a side, two one-sided tests (TOST; Schuirmann 1987) with Welch's unequal
variances ask whether the means differ by less than a margin. With fewer runs there is only the
relative deviation, marked ``no inference``. A difference that is not significant is never called
equality: what is not shown to be equivalent is undecided.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reprofp.errors import UsageError
from reprofp.model.records import Run
from reprofp.verdict.student import t_quantile, t_tail

__all__ = ["DEFAULT_MARGIN", "MIN_RUNS", "NO_INFERENCE", "MetricComparison", "compare_metrics", "compare_samples"]

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
    return _infer(plain, statistics.variance(a) / len(a), statistics.variance(b) / len(b))


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if all(map(math.isfinite, values)) else math.nan


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
    a: Iterable[Run], b: Iterable[Run], *, margin: float = DEFAULT_MARGIN
) -> tuple[MetricComparison, ...]:
    """Compare every metric that both groups of runs carry, by its last value in each run.

    Raises:
        UsageError: ``margin`` is not positive.
    """
    values_a, values_b = _last_values(a), _last_values(b)
    shared = sorted(values_a.keys() & values_b.keys())
    return tuple(compare_samples(name, values_a[name], values_b[name], margin=margin) for name in shared)


def _last_values(runs: Iterable[Run]) -> Mapping[str, list[float]]:
    values: dict[str, list[float]] = {}
    for run in runs:
        for name, points in run.result.metrics.items():
            if points:
                values.setdefault(name, []).append(points[-1][1])
    return values
