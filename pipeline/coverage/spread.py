"""How far estimates may be off: intervals that hold the truth in nine cases of ten or more; for estimates.py.

Two ways, both out of the stream's own minutes. Where the bytes of a known number of lines are sought, lines are a
sample of the stream's lines, and their sum has a gamma distribution of the same mean and variance: bounded by 0, and
skewed as much as few lines of unequal size are. Where whole minutes are sought, the same estimate is made of minutes
that are known, and what it was off by there is what it may be off by here.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LOW, HIGH = 0.02, 0.98
"""Quantiles between which the truth should lie: wider than nine in ten, since they are estimated, too."""

_DRAWS = 100_000
_STEPS = 8
"""Shapes for which quantiles are kept, to an octave."""


def gamma_interval(mean: float, variance: float) -> tuple[float, float]:
    """The LOW and HIGH quantiles of a gamma distribution; the mean itself where there is no variance."""
    if mean <= 0:
        return 0.0, 0.0
    if variance <= 0:
        return mean, mean
    low, high = _quantiles(int(np.floor(np.log2(mean * mean / variance) * _STEPS)))
    return mean * low, mean * max(high, 1.0)


@functools.cache
def _quantiles(step: int) -> tuple[float, float]:
    """Of a gamma distribution of mean 1 and shape 2 ** (step / _STEPS), by drawing: numpy has no inverse of it."""
    shape = 2.0 ** (step / _STEPS)
    if shape > 2000:
        return 1 - 2.1 / shape**0.5, 1 + 2.1 / shape**0.5
    draws = np.random.default_rng(step + 1000).gamma(max(shape, 1e-3), 1 / max(shape, 1e-3), _DRAWS)
    low, high = np.quantile(draws, (LOW, HIGH))
    return float(low), float(high)


def part_interval(ratios: Floats, independent: float) -> tuple[float, float]:
    """Between which multiples of an estimate the truth lies, by (truth / estimate) of other places.

    `independent`: how many of them tell something of their own; the fewer, the further beyond the extremes.
    """
    logs = np.log(np.clip(ratios, 1e-3, 1e3))
    low, high = np.quantile(logs, (LOW, HIGH))
    middle = float(np.median(logs))
    # Of n values the extremes hold the next one in (n - 1) of (n + 1) cases: 19 suffice for nine of ten.
    wider = 1.15 + 6.0 / max(independent, 1.0)
    return float(np.exp(middle + wider * (low - middle))), float(np.exp(middle + wider * (high - middle)))


def line_variance(per: Floats, sent: Floats) -> tuple[float, float, float]:
    """(bytes a unit, variance of one unit, part of the mean that drifts) by minutes of `per` units with `sent` bytes.

    Minutes differ by chance and because lines of one time are alike; all of it is taken as chance of lines, which is no
    less for as many lines as a minute has. What remains between quarters of the stretch is drift.
    """
    units = float(per.sum())
    mean = float(sent.sum()) / units
    used = per > 0
    variance = float(((sent[used] - mean * per[used]) ** 2).sum()) / units
    # With few minutes one more would change it.
    variance *= 1 + 4 / max(int(used.sum()), 1)
    drift = 0.0
    quarters = [
        (float(p.sum()), float(s.sum()))
        for p, s in zip(*(np.array_split(c, 4) for c in (per, sent)), strict=True)
    ]
    quarters = [(p, s) for p, s in quarters if p > 0]
    if len(quarters) > 1:
        means = np.array([s / p for p, s in quarters])
        chance = float(np.mean([variance / p for p, _ in quarters]))
        drift = max(0.0, float(means.var(ddof=1)) - chance) ** 0.5
    return mean, variance, drift
