"""Student's t distribution from the standard library alone.

The distribution function comes from the regularised incomplete beta function, I_x(a, b), evaluated by
its continued fraction with the modified Lentz method (Numerical Recipes, 3rd edition, section 6.4;
NIST Digital Library of Mathematical Functions 8.17.22). For t with v degrees of freedom and
x = v / (v + t^2), the upper tail is P(T > t) = I_x(v/2, 1/2) / 2 for t >= 0 (DLMF 8.17, Abramowitz and
Stegun 26.7.1). Quantiles are found by bisection on it.
"""

from __future__ import annotations

import math

__all__ = ["incomplete_beta", "t_quantile", "t_tail"]

_TINY = 1e-300
_PRECISION = 1e-15
_MAX_TERMS = 10_000


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) for 0 <= x <= 1 and a, b > 0."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        # The fraction converges fast below this point; above it the symmetry leads there.
        return 1.0 - incomplete_beta(1.0 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / a * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Evaluate the continued fraction of I_x(a, b) by the modified Lentz method."""
    c, d = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _MAX_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _not_zero(1.0 + term * d)
            c = _not_zero(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            break
    return value


def _not_zero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY


def t_tail(t: float, degrees: float) -> float:
    """Return P(T > t) for Student's t with ``degrees`` > 0 of freedom."""
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    square = t * t
    if square < degrees:
        # Near the middle 1 - x would lose the digits of t: there the other form of the same value is exact.
        half = incomplete_beta(square / (degrees + square), 0.5, degrees / 2.0) / 2.0
        return 0.5 - half if t >= 0 else 0.5 + half
    tail = incomplete_beta(degrees / (degrees + square), degrees / 2.0, 0.5) / 2.0
    return tail if t >= 0 else 1.0 - tail


def t_quantile(probability: float, degrees: float) -> float:
    """Return the t with P(T <= t) = ``probability``, for 0 < probability < 1."""
    if probability < 1 / 2:
        return -t_quantile(1.0 - probability, degrees)
    tail, low, high = 1.0 - probability, 0.0, 1.0
    while t_tail(high, degrees) > tail:
        high *= 2.0
    while (middle := (low + high) / 2.0) not in (low, high):
        low, high = (middle, high) if t_tail(middle, degrees) > tail else (low, middle)
    return high
