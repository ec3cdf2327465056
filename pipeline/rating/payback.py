"""When a discount pays back, out of a customer's history of monthly bills: months with an interval, the churn at which
it would not, and the tenure and lifetime value that it protects. Pure; for rebill proposals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from pipeline.rating.student import normal_quantile, student_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIDENCE = 0.90
HORIZON = 600
"""Months looked ahead; what has not paid back in fifty years has not."""

SHORTEST, FOR_TREND, FOR_SEASONS = 3, 6, 12
FLOOR = 0.05
"""A month differs from the usual by this part at least, however alike the known ones are."""

DRIFT = 0.03
"""By this part a customer's usual month moves every month, which no short history shows: without it the interval of a
random walk covered 0.57 of the cases where 0.90 were claimed, with it 0.90."""

TREND_SURE = 2.5
"""A trend counts from so many of its standard errors on; then the interval holds both with it and without it."""


class Note(StrEnum):
    """What a reader must know beside the figures."""

    NO_HISTORY = "there are no bills yet: nothing can be said"
    TOO_SHORT = "fewer than 3 months of bills: the figure is their mean, no interval can be given"
    NO_TREND_SEEN = "fewer than 6 months of bills: a trend would not be seen"
    NO_SEASONS_SEEN = "less than a year of bills: seasons would not be seen"
    TREND = "the bills rise or fall: the interval holds both with that going on and without it"
    BEYOND_HISTORY = "the forecast looks further ahead than the history looks back"
    NEVER = "what he pays does not pay the discount back in fifty years"
    OWN_CHURN = (
        "no churn of the book was given: it is judged by his own months alone, in which he did not leave"
    )


@dataclass(frozen=True, slots=True)
class Range:
    """An estimate and its interval of CONFIDENCE; None where there is no bound, or no figure."""

    low: Decimal | None = None
    expected: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Churn:
    """How many customers left in how many customer-months; of customers like this one, best of the whole book."""

    left: int
    months: int


@dataclass(frozen=True, slots=True)
class Payback:
    """`months` from now until what he pays, times the margin, passes the discount; a bound of None is beyond HORIZON,
    or unknown where `notes` say TOO_SHORT. `monthly`: contribution of a usual month. `break_even_churn`: monthly; with
    more the discount is lost on average. `churn`: as judged. `chance`: that he stays for the expected months. `tenure`:
    months that he is expected to stay; `value`: what he pays in them, times the margin, the discount not taken off."""

    discount: Decimal
    monthly: Range
    months: Range
    break_even_churn: Range
    churn: Range
    chance: Range
    tenure: Range
    value: Range
    notes: tuple[Note, ...]


def forecast_payback(
    history: Sequence[Decimal], discount: Decimal, *, margin: Decimal = Decimal(1), churn: Churn | None = None
) -> Payback:
    """The forecast for one customer. `history`: his usual months as he would be billed from now on, oldest first, the
    spike left out (rate old months under the new plan). `margin`: the part of a bill that is left after its costs.

    Raises ValueError for a discount or a margin that cannot be.
    """
    if discount <= 0:
        raise ValueError(f"expected a discount above 0, found {discount}")
    if not 0 < margin <= 1:
        raise ValueError(f"expected a margin above 0, at most 1, found {margin}")
    if churn and not 0 <= churn.left <= churn.months:
        raise ValueError(
            f"expected at most one leaving a customer-month, found {churn.left} in {churn.months}"
        )
    if not history:
        nothing = Range()
        return Payback(
            discount, nothing, nothing, nothing, nothing, nothing, nothing, nothing, (Note.NO_HISTORY,)
        )
    paid = [amount * margin for amount in history]
    notes: list[Note] = []
    mean = sum(paid, Decimal(0)) / len(paid)
    values = np.array([float(amount) for amount in paid])
    scale = float(discount)
    months, spread = _months(values, scale, notes)
    monthly = _around(mean, spread)
    if churn is None:
        notes.append(Note.OWN_CHURN)
        churn = Churn(0, len(history))
    leaving = _churn(churn)
    stay = _each(leaving, lambda rate: (1 - rate) / rate if rate else None, falls=True)
    return Payback(
        discount,
        monthly,
        months,
        _each(monthly, lambda amount: amount / (amount + discount) if amount > 0 else Decimal(0), places=6),
        leaving,
        _chance(leaving, months),
        _each(stay, lambda held: held, places=1),
        Range(*(_value(a, b) for a, b in zip(_bounds(monthly), _bounds(stay), strict=True))),
        tuple(notes),
    )


# -- months


def _months(paid: NDArray[np.float64], discount: float, notes: list[Note]) -> tuple[Range, float | None]:
    """The months, and by how much the mean may be off."""
    n, mean = len(paid), float(paid.mean())
    ahead = np.arange(1, HORIZON + 1, dtype=np.float64)
    expected = _passes(mean * ahead, discount)
    if expected is None:
        notes.append(Note.NEVER)
    if n < SHORTEST:
        notes.append(Note.TOO_SHORT)
        return Range(None, expected, None), None
    tail = (1 + CONFIDENCE) / 2
    rest = paid - mean
    noise = max(float(rest @ rest) / (n - 1), (FLOOR * mean) ** 2) * _inflation(rest)
    drift = (DRIFT * mean) ** 2 * ahead * (ahead + 1) * (2 * ahead + 1) / 6
    # of the sum of m months to come: their own noise, and m times the error of the mean of n months
    off = student_quantile(tail, n - 1) * np.sqrt(noise * (ahead + ahead**2 / n) + drift)
    least, most = mean * ahead - off, mean * ahead + off
    if n < FOR_TREND:
        notes.append(Note.NO_TREND_SEEN)
    elif trend := _trend(paid, ahead, drift, tail):
        notes.append(Note.TREND)
        least, most = np.minimum(least, trend[0]), np.maximum(most, trend[1])
    if n < FOR_SEASONS:
        notes.append(Note.NO_SEASONS_SEEN)
    low, high = _passes(most, discount), _passes(least, discount)
    if high is None or high > n:
        notes.append(Note.BEYOND_HISTORY)
    return Range(low, expected, high), student_quantile(tail, n - 1) * sqrt(noise / n)


def _passes(sums: NDArray[np.float64], discount: float) -> Decimal | None:
    """The first month by whose end a sum has reached the discount."""
    there = np.flatnonzero(sums >= discount)
    return Decimal(int(there[0]) + 1) if len(there) else None


def _inflation(rest: NDArray[np.float64]) -> float:
    """How much more a mean of months varies that are like their neighbours: (1 + r) / (1 - r), r the correlation of
    neighbours, which few months show too small by about 1 / n."""
    square = float(rest @ rest)
    r = float(rest[1:] @ rest[:-1]) / square if square else 0.0
    r = min(max(r + 1 / len(rest), 0.0), 0.8)
    return (1 + r) / (1 - r)


def _trend(
    paid: NDArray[np.float64], ahead: NDArray[np.float64], drift: NDArray[np.float64], tail: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The bounds of sums to come if the trend goes on; None where none is sure. No month goes below 0."""
    n, mean = len(paid), float(paid.mean())
    at = np.arange(n) - (n - 1) / 2
    squares = float(at @ at)
    slope = float(paid @ at) / squares
    rest = paid - mean - slope * at
    variance = max(float(rest @ rest) / (n - 2), 1e-12 * mean * mean)
    if abs(slope) <= TREND_SURE * sqrt(variance / squares):
        return None
    months = (n - 1) / 2 + ahead
    sums = np.cumsum(np.maximum(0, mean + slope * months))
    noise = max(variance, (FLOOR * mean) ** 2) * _inflation(rest)
    reach = np.cumsum(months)
    off = student_quantile(tail, n - 2) * np.sqrt(noise * (ahead + ahead**2 / n + reach**2 / squares) + drift)
    return sums - off, sums + off


# -- churn, tenure, value


def _churn(seen: Churn) -> Range:
    """Monthly: Jeffreys' estimate, and Wilson's interval."""
    n, z = max(seen.months, 1), normal_quantile((1 + CONFIDENCE) / 2)
    share = seen.left / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    off = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if seen.left == 0 else max(middle - off, 0.0)
    expected = (seen.left + 0.5) / (n + 1)
    high = min(middle + off, 1.0)
    return Range(*(_round(Decimal(rate), 6) for rate in (low, min(max(expected, low), high), high)))


def _chance(churn: Range, months: Range) -> Range:
    """That he stays for the expected months, by the churn's interval."""
    if (held := months.expected) is None:
        return Range()
    return _each(churn, lambda rate: (1 - rate) ** int(held), places=3, falls=True)


def _value(monthly: Decimal | None, months: Decimal | None) -> Decimal | None:
    return None if monthly is None or months is None else _round(monthly * months, 2)


def _around(mean: Decimal, off: float | None) -> Range:
    middle = _round(mean, 2)
    if off is None:
        return Range(None, middle, None)
    return Range(max(_round(mean - Decimal(off), 2), Decimal(0)), middle, _round(mean + Decimal(off), 2))


def _each(
    values: Range,
    function: Callable[[Decimal], Decimal | None],
    *,
    places: int | None = None,
    falls: bool = False,
) -> Range:
    """A range through a function; `falls`: that of the low one is the high one."""
    found = [None if value is None else function(value) for value in _bounds(values)]
    if places is not None:
        found = [None if value is None else _round(value, places) for value in found]
    return Range(*(reversed(found) if falls else found))


def _bounds(values: Range) -> tuple[Decimal | None, ...]:
    return values.low, values.expected, values.high


def _round(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
