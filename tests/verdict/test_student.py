"""Student's t against published tables and closed forms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.verdict.student import incomplete_beta, t_quantile, t_tail

# The table of critical values of Student's t that textbooks print, to three places: by degrees of freedom,
# for the probabilities below (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2).
PROBABILITIES = (0.90, 0.95, 0.975, 0.99, 0.995)
TABLE = {
    1: (3.078, 6.314, 12.706, 31.821, 63.657),
    2: (1.886, 2.920, 4.303, 6.965, 9.925),
    3: (1.638, 2.353, 3.182, 4.541, 5.841),
    4: (1.533, 2.132, 2.776, 3.747, 4.604),
    5: (1.476, 2.015, 2.571, 3.365, 4.032),
    8: (1.397, 1.860, 2.306, 2.896, 3.355),
    10: (1.372, 1.812, 2.228, 2.764, 3.169),
    20: (1.325, 1.725, 2.086, 2.528, 2.845),
    30: (1.310, 1.697, 2.042, 2.457, 2.750),
    60: (1.296, 1.671, 2.000, 2.390, 2.660),
    100: (1.290, 1.660, 1.984, 2.364, 2.626),
}


@pytest.mark.parametrize(("degrees", "row"), TABLE.items())
def test_quantiles_are_those_of_the_table(degrees, row):
    for probability, expected in zip(PROBABILITIES, row, strict=True):
        assert t_quantile(probability, degrees) == pytest.approx(expected, abs=0.00051)


def normal_tail(z):
    return math.erfc(z / math.sqrt(2)) / 2


def even_tail(t, degrees):
    """The tail for an even number of degrees of freedom, a finite sum (Abramowitz and Stegun 26.7.4)."""
    angle = math.atan(t / math.sqrt(degrees))
    term, total = 1.0, 1.0
    for k in range(1, degrees // 2):
        term *= (2 * k - 1) / (2 * k) * math.cos(angle) ** 2
        total += term
    return (1 - math.sin(angle) * total) / 2


def odd_tail(t, degrees):
    """The tail for an odd number of degrees of freedom (Abramowitz and Stegun 26.7.3)."""
    angle = math.atan(t / math.sqrt(degrees))
    term, total = math.cos(angle), 0.0
    for k in range(1, (degrees - 1) // 2 + 1):
        total += term
        term *= 2 * k / (2 * k + 1) * math.cos(angle) ** 2
    return (1 - 2 / math.pi * (angle + math.sin(angle) * total)) / 2


@given(st.floats(-40, 40), st.integers(1, 120))
def test_tails_are_those_of_the_closed_forms(t, degrees):
    closed = even_tail if degrees % 2 == 0 else odd_tail
    assert t_tail(t, degrees) == pytest.approx(closed(t, degrees), rel=1e-9, abs=1e-13)


@given(st.floats(-6, 6))
def test_many_degrees_of_freedom_are_normal(z):
    assert t_tail(z, 1e6) == pytest.approx(normal_tail(z), rel=1e-3, abs=1e-6)


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.5, 1e5))
def test_a_quantile_inverts_the_tail(probability, degrees):
    assert 1 - t_tail(t_quantile(probability, degrees), degrees) == pytest.approx(probability, rel=1e-9, abs=1e-12)


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.01, 1e4), st.floats(0.01, 1e4))
def test_the_incomplete_beta_function_is_symmetric_and_bounded(x, a, b):
    assert -1e-12 <= incomplete_beta(x, a, b) <= 1 + 1e-12
    assert incomplete_beta(x, a, b) == pytest.approx(1 - incomplete_beta(1 - x, b, a), abs=1e-9)


def test_ends():
    assert (incomplete_beta(0, 2, 3), incomplete_beta(1, 2, 3)) == (0, 1)
    assert (t_tail(math.inf, 3), t_tail(-math.inf, 3), t_tail(0, 3)) == (0, 1, 0.5)
    assert t_quantile(0.5, 7) == pytest.approx(0, abs=1e-12)
