"""Equivalence of metrics: never equality from a difference that is merely not significant."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.errors import UsageError
from reprofp.verdict.metrics import compare_metrics, compare_samples, compare_series
from verdict.records import make_run

SAMPLES = st.lists(st.floats(0.5, 2), min_size=5, max_size=9)


def test_with_fewer_than_five_runs_nothing_is_inferred():
    result = compare_samples("loss", [1.0] * 4, [1.0] * 9)
    assert (result.equivalent, result.p_value, result.mark) == (None, None, "no inference")
    assert result.deviation == 0


def test_small_noise_within_the_margin_is_equivalent():
    result = compare_samples("loss", [1.0, 1.001, 0.999, 1.0005, 0.9995], [1.0, 1.0012, 0.999, 1.0004, 0.9991])
    assert result.equivalent is True
    assert result.p_value < 0.05
    assert -0.01 < result.interval[0] < result.interval[1] < 0.01


def test_much_noise_is_undecided_and_not_equal():
    result = compare_samples("loss", [1.0, 1.5, 0.5, 1.2, 0.8], [1.0, 1.4, 0.6, 1.3, 0.7])
    assert result.deviation == pytest.approx(0, abs=1e-12)
    assert result.equivalent is None


def test_a_clear_difference_is_told():
    result = compare_samples("loss", [1.0, 1.001, 0.999, 1.0, 1.0], [1.2, 1.201, 1.199, 1.2, 1.2])
    assert result.equivalent is False
    assert result.deviation == pytest.approx(0.2)


def test_a_worked_example():
    """Welch's t by hand: means 10 and 10.05, variances 0.025 each, 5 runs a side, margin 1 %."""
    a, b = [9.8, 9.9, 10.0, 10.1, 10.2], [9.85, 9.95, 10.05, 10.15, 10.25]
    result = compare_samples("x", a, b)
    # s^2 = 0.025, standard error = sqrt(0.01) = 0.1, 8 degrees of freedom, t = (0.1 - 0.05) / 0.1 = 0.5:
    # P(T > 0.5) with 8 degrees of freedom is 0.31525 (half of the two-sided 0.6305).
    assert result.p_value == pytest.approx(0.31525, abs=5e-5)
    # 1.859548 * 0.1 around 0.05, over 10.
    assert result.interval == pytest.approx((0.005 - 0.01859548, 0.005 + 0.01859548), abs=1e-8)
    assert result.equivalent is None


@pytest.mark.parametrize(("other", "equivalent"), [(1.0, True), (1.0099, True), (1.0101, False)])
def test_runs_that_never_vary(other, equivalent):
    assert compare_samples("loss", [1.0] * 5, [other] * 5).equivalent is equivalent


def test_a_mean_of_zero_has_no_relative_deviation():
    result = compare_samples("gap", [0.0] * 5, [0.1] * 5)
    assert (result.deviation, result.equivalent, result.mark) == (None, None, "no inference")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_infer_nothing(bad):
    assert compare_samples("loss", [1.0] * 5, [1.0, 1.0, 1.0, 1.0, bad]).equivalent is None


@pytest.mark.parametrize(("a", "b", "margin"), [([], [1.0], 0.01), ([1.0], [1.0], 0), ([1.0], [1.0], math.nan)])
def test_refuses_what_cannot_be_compared(a, b, margin):
    with pytest.raises(UsageError, match="loss"):
        compare_samples("loss", a, b, margin=margin)


@given(SAMPLES, SAMPLES, st.floats(0.001, 0.5))
def test_the_answer_agrees_with_the_confidence_interval(a, b, margin):
    """TOST at 5 % holds exactly where the 90 % interval lies within the margin."""
    result = compare_samples("x", a, b, margin=margin)
    low, high = result.interval
    if min(abs(abs(low) - margin), abs(abs(high) - margin)) > 1e-9:
        assert (result.equivalent is True) == (-margin < low and high < margin)


@given(SAMPLES, SAMPLES)
def test_a_wider_margin_never_turns_a_yes_into_a_no(a, b):
    narrow, wide = (compare_samples("x", a, b, margin=margin).equivalent for margin in (0.01, 0.1))
    assert not (narrow is True and wide is not True)
    assert not (narrow is None and wide is False)


def test_groups_of_runs_are_compared_by_their_last_values():
    runs = [make_run(metrics={"loss": [(1, 9.0), (2, value)], "only": []}) for value in (1.0, 1.0, 1.0, 1.0, 1.0)]
    (result,) = compare_metrics(runs, runs)
    assert (result.name, result.runs_a, result.mean_a, result.equivalent) == ("loss", 5, 1.0, True)


def test_series_are_compared_step_by_step():
    a = [(0, 1.0), (1, 0.5), (2, 0.25), (3, 0.1)]
    same = compare_series(a, a)
    assert (same.steps, same.only_a, same.only_b, same.parts_at, same.beyond_at) == (4, 0, 0, None, None)
    b = [(0, 1.0), (1, 0.5), (2, 0.2500001), (3, 0.2), (4, 0.1)]
    found = compare_series(a, b)
    assert (found.steps, found.only_a, found.only_b) == (4, 0, 1)
    assert (found.parts_at, found.values, found.beyond_at) == (2, (0.25, 0.2500001), 3)
    assert compare_series(a, b, margin=0.999999).beyond_at == 3
    assert compare_series([(0, 1.0), (1, 9.0), (2, 1.0)], [(0, 1.0), (1, 1.0), (2, 1.0)]).beyond_at is None


def test_signs_of_zero_and_not_a_number_in_series():
    assert compare_series([(0, 0.0)], [(0, -0.0)]).parts_at == 0
    assert compare_series([(0, math.nan)], [(0, math.nan)]).parts_at is None
    found = compare_series([(0, 1.0), (1, math.nan)], [(0, 1.0), (1, 1.0)])
    assert (found.parts_at, found.beyond_at) == (1, 1)


def test_a_step_that_stands_twice_is_matched_in_order():
    assert compare_series([(0, 1.0), (0, 2.0)], [(0, 1.0), (0, 2.0)]).parts_at is None
    assert compare_series([(0, 1.0), (0, 2.0)], [(0, 2.0), (0, 1.0)]).parts_at == 0


POINTS = st.lists(st.tuples(st.integers(0, 9), st.floats()), max_size=12)


@given(a=POINTS, b=POINTS)
def test_series_part_on_both_sides_alike(a, b):
    found, other = compare_series(a, b), compare_series(b, a)
    assert (found.steps, found.only_a, found.parts_at) == (other.steps, other.only_b, other.parts_at)
    assert compare_series(a, a).parts_at is None
    assert compare_series(a, a).beyond_at is None
