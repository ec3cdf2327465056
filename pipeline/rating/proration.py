"""Proration: which part of a month a span is.

Scaled by that part: flat sums, minimums, caps, free units, committed units, capacities; a rate's (p95, peak) whole
price. Not scaled: unit prices, packages and bounds of tiers, since usage is counted in the span alone.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipeline.rating.rounding import RateError

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.rating.model import Period

RULES = ("none", "day", "second")


def factor_of(span: Period, month: Period, rule: str) -> Fraction:
    """The part of a month that a span is: 1 by `none`; by `day`, days of the month's zone that begin in it."""
    if not month.begin <= span.begin <= span.end <= month.end or month.begin == month.end:
        raise RateError(
            f"proration: expected a span within {month.begin} to {month.end}, found {span.begin} to {span.end}"
        )
    if rule == "none":
        return Fraction(1)
    if rule == "second":
        return Fraction(_microseconds(span.begin, span.end), _microseconds(month.begin, month.end))
    if rule == "day":
        return Fraction(_days(span, month), _days(month, month))
    raise RateError(f"proration: expected {', '.join(RULES)}, found {rule!r}")


def _microseconds(begin: datetime, end: datetime) -> int:
    return (end - begin) // timedelta(microseconds=1)


def _days(span: Period, month: Period) -> int:
    """Days whose midnight is in the span: spans that share a day leave it to the one in which it begins."""
    zone = ZoneInfo(month.tz)

    def days_begun(at: datetime) -> int:
        # The moment before, so that a first instant, midnight or not where clocks change, is not yet that day's.
        return (at.astimezone(UTC) - timedelta(microseconds=1)).astimezone(zone).date().toordinal()

    return days_begun(span.end) - days_begun(span.begin)
