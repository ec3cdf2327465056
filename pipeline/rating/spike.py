"""The bill that a month is heading for, out of its usage by the hour so far: under the customer's plan and the best
one, with an interval, and a warning when it passes a threshold of his usual bill. Pure; hours in, a forecast out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

WEEK = 168
WEEKS = 8
"""Weeks of the past that make the usual one."""

TWICE = 1.0
"""A spike is at least so much above the usual hour (1: twice as much), and six times its usual spread."""

SPREADS = 6.0
AT_LEAST_H = 24
"""A spike is expected to last this long from now, and as long again as it has lasted: viral days are days."""

LEAST_SPREAD, UNKNOWN_SPREAD = 0.05, 0.30
"""By which part a usual stretch of time differs from the usual: at least, and where few weeks are known."""

NINE_OF_TEN = 1.645

Hours = NDArray[np.int64]
Rate = Callable[[Hours], Decimal]
"""Usage of the whole period, int64 [hours, measures], → its bill."""


class Basis(StrEnum):
    """What a forecast knows of usual hours."""

    WEEKS = "weeks"
    DAYS = "days"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Spike:
    """Traffic far above the usual one: since an hour (since 1970), how many times as much (inf over nothing)."""

    since: int
    factor: float


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """Usage of a whole period: what was counted in its first `known` hours, then three courses of the rest, int64
    [hours, measures]. `low`: the spike is over now; `expected`: it goes on as spikes do; `high`: until the period ends.
    """

    begin: int
    known: int
    low: Hours
    expected: Hours
    high: Hours
    spike: Spike | None
    basis: Basis

    @property
    def so_far(self) -> Hours:
        """What was counted, and nothing after it."""
        counted = np.zeros_like(self.expected)
        counted[: self.known] = self.expected[: self.known]
        return counted


def project_usage(hours: Hours, first: int, begin: int, end: int) -> Outlook:
    """How the period of hours [begin, end) since 1970 will look. `hours`: usage of whole hours from `first` on up to
    now, int64 [hours, measures], the weeks before the period with it, as far as they are known.

    Raises ValueError where usage ends before the period begins, or after its end.
    """
    hours = np.asarray(hours, np.int64)
    now = first + len(hours)
    if hours.ndim != 2 or not begin <= now <= end or not hours.shape[1]:
        raise ValueError(
            f"expected usage [hours, measures] up to an hour in {begin} to {end}, found {hours.shape} up to {now}"
        )
    period = np.zeros((end - begin, hours.shape[1]), np.int64)
    known = now - begin
    at = max(first, begin)
    period[at - begin : known] = hours[at - first :]
    low, expected, high = period.copy(), period.copy(), period.copy()
    spikes: list[Spike] = []
    basis = Basis.NOTHING
    ahead = np.arange(now, end)
    # hours before the first traffic are no past: with them a new customer's ordinary day would be a spike over nothing
    busy = np.flatnonzero(hours.any(axis=1))
    lived = hours[max(int(busy[0]) if len(busy) else len(hours), len(hours) - WEEKS * WEEK) :]
    for measure in range(hours.shape[1]):
        past = lived[:, measure].astype(np.float64)
        usual, basis, spread, noise = _usual(past, now - len(past))
        rest = usual(ahead)
        excess, spike = _spike(past, usual(np.arange(now - len(past), now)), now, noise)
        if spike:
            spikes.append(spike)
        lasts = max(AT_LEAST_H, now - spike.since) if spike else 0
        likely, steep = _rhythm(rest, usual(np.arange(now - 24, now)), excess)
        goes_on = np.where(ahead - now < lasts, likely, 0.0)
        off = NINE_OF_TEN * spread
        for course, values in (
            (low, rest * max(1 - off, 0.0)),
            (expected, rest + goes_on),
            (high, rest * (1 + off) + steep * (1 + NINE_OF_TEN * min(noise, 1.0))),
        ):
            course[known:, measure] = np.rint(values).astype(np.int64)
    spike = max(spikes, key=lambda each: each.factor) if spikes else None
    return Outlook(begin, known, low, expected, high, spike, basis)


Usual = Callable[[NDArray[np.int64]], NDArray[np.float64]]


def _usual(past: NDArray[np.float64], first: int) -> tuple[Usual, Basis, float, float]:
    """The usual amount of any hours; what it is made from; the part by which weeks, and hours, differ from it."""
    whole = len(past) // WEEK
    if whole >= 3:
        cycle, basis, length = WEEK, Basis.WEEKS, whole * WEEK
    elif len(past) >= 3 * 24:
        cycle, basis, length = 24, Basis.DAYS, len(past) // 24 * 24
    else:
        mean = float(np.median(past)) if len(past) else 0.0
        return lambda at: np.full(len(at), mean), Basis.NOTHING, UNKNOWN_SPREAD, UNKNOWN_SPREAD
    # medians over weeks (days): a spike in fewer than half of them does not become usual
    table = past[-length:].reshape(-1, cycle)
    middle, start = np.median(table, axis=0), first + len(past) - length
    fit = np.tile(middle, len(table))
    busy = fit > 0
    noise = UNKNOWN_SPREAD
    level = 1.0
    if busy.any():
        ratios = past[-length:][busy] / fit[busy]
        # half a week of another level is a new level
        level = float(np.clip(np.median(ratios[-WEEK:]), 0.5, 2.0))
        noise = float(1.4826 * np.median(np.abs(ratios - np.median(ratios))))
    totals = table.sum(axis=1)
    spread = UNKNOWN_SPREAD
    if cycle == WEEK and (typical := float(np.median(totals))) > 0:
        spread = max(LEAST_SPREAD, float(1.4826 * np.median(np.abs(totals / typical - 1))))
    return lambda at: level * middle[(at - start) % cycle], basis, spread, noise


def _rhythm(
    rest: NDArray[np.float64], today: NDArray[np.float64], excess: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What comes in above the usual in the hours to come, as expected and at most: a spike of the night grows with the
    day, but an hour of next to nothing says little about by how much."""
    now, mean = float(today[-1]), float(today.mean())
    if excess <= 0 or mean <= 0:
        flat = np.full(len(rest), max(excess, 0.0))
        return flat, flat
    likely = excess * rest / max(now, mean / 2)
    steep = excess * rest / max(now, mean / 10)
    return likely, np.maximum(np.maximum(likely, steep), excess)


def _spike(
    past: NDArray[np.float64], usual: NDArray[np.float64], now: int, noise: float
) -> tuple[float, Spike | None]:
    """What comes in above the usual in an hour, and since when; of the last three hours or, steeper, of the last."""
    limit = 1 + max(TWICE, SPREADS * noise)
    for window in (3, 1):
        if len(past) < window:
            continue
        came, used = float(past[-window:].sum()), float(usual[-window:].sum())
        if came <= limit * used or came <= 0 or past[-1] <= limit * usual[-1]:
            continue
        above = past > (1 + limit) / 2 * usual
        below = np.flatnonzero(~above)
        since = now - len(past) + (int(below[-1]) + 1 if len(below) else 0)
        # the mean since it began, in the window at most: the hour in which it begins is seldom whole
        held = min(window, now - since) or 1
        excess = float((past[-held:] - usual[-held:]).mean())
        expected = float(usual[-held:].sum())
        factor = float(past[-held:].sum()) / expected if expected else float("inf")
        return max(excess, 0.0), Spike(since, factor)
    return 0.0, None


# -- bills


@dataclass(frozen=True, slots=True)
class Forecast:
    """The bill under a plan: of what was counted so far, and of the three courses; `low` and `high` hold all of them,
    also where a plan's bill falls as usage grows."""

    plan: str
    so_far: Decimal
    low: Decimal
    expected: Decimal
    high: Decimal


class Raised(StrEnum):
    """Why a warning is raised: the bill has passed the threshold already, or is expected to; or it is not raised."""

    PASSED = "passed"
    EXPECTED = "expected"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class SpikeWarning:
    """What the month is heading for. `limit`: the bill from which on it is raised. `saving`: current less best plan, as
    expected. `hour`: as of which hour since 1970. `basis`: with NOTHING known only what was counted raises. `customer`,
    `currency`: as whoever asks names them."""

    raised: Raised
    hour: int
    usual: Decimal
    limit: Decimal
    current: Forecast
    best: Forecast
    saving: Decimal
    spike: Spike | None
    basis: Basis
    customer: str = ""
    currency: str = ""


def watch_bill(
    outlook: Outlook,
    plans: Mapping[str, Rate],
    current: str,
    usual: Decimal,
    *,
    threshold: Decimal = Decimal("1.5"),
    at_least: Decimal = Decimal(0),
) -> SpikeWarning:
    """The warning as of the outlook's hour. `plans`: rates by name, the current one among them; `usual`: the customer's
    usual bill for such a period. Raised from `threshold` times that on, and `at_least` above it."""
    limit = max(usual * threshold, usual + at_least)
    mine = forecast_bill(outlook, current, plans[current])
    best = mine
    for name, rate in plans.items():
        if name != current:
            other = forecast_bill(outlook, name, rate)
            best = min(best, other, key=lambda each: each.expected)
    raised = Raised.NOT
    if mine.so_far > limit:
        raised = Raised.PASSED
    elif mine.expected > limit and outlook.basis is not Basis.NOTHING:
        raised = Raised.EXPECTED
    saving = mine.expected - best.expected
    hour = outlook.begin + outlook.known
    return SpikeWarning(raised, hour, usual, limit, mine, best, saving, outlook.spike, outlook.basis)


def forecast_bill(outlook: Outlook, plan: str, rate: Rate) -> Forecast:
    """The bill under one plan; the three courses are rated each alone."""
    expected = rate(outlook.expected)
    courses = (rate(outlook.low), expected, rate(outlook.high))
    return Forecast(plan, rate(outlook.so_far), min(courses), expected, max(courses))
