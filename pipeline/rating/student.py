"""Quantiles of Student's t and of the normal distribution, for honest intervals out of few figures."""

from __future__ import annotations

from math import atan, cos, pi, sin, sqrt
from statistics import NormalDist

STEPS = 80
"""Halvings of the interval in which a quantile lies: more than a float can tell apart."""


def normal_quantile(level: float) -> float:
    """The value that a standard normal variable stays below with this probability."""
    return NormalDist().inv_cdf(level)


def student_quantile(level: float, freedom: int) -> float:
    """The value that Student's t of `freedom` degrees stays below with this probability, 0.5 to 0.9999."""
    if freedom < 1 or not 0.5 <= level <= 0.9999:
        raise ValueError(
            f"expected at least 1 degree of freedom and a level in [0.5, 0.9999]: {freedom}, {level}"
        )
    low, high = 0.0, 1e4
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if student_below(middle, freedom) < level else (low, middle)
    return high


def student_below(value: float, freedom: int) -> float:
    """The probability of staying below a value that is not negative; Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = atan(value / sqrt(freedom))
    square = cos(angle) ** 2
    odd = freedom % 2
    term = total = cos(angle) if odd else 1.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= square * (k - 1) / k
        total += term
    if freedom == 1:
        total = 0.0
    within = 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total
    return (1 + within) / 2
