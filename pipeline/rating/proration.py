"""Proration: which part of a month a span is, and what changing a plan in mid-month gives back and asks for.

Scaled by that part: flat sums, minimums, caps, free units, committed units, capacities; a rate's (p95, peak) whole
price. Not scaled: unit prices, packages and bounds of tiers, since usage is counted in the span alone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipeline.rating.charge import rate_charge
from pipeline.rating.rounding import RateError, negated

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.rating.model import Charge, Line, Period, Quantity

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


def change_lines(
    old: tuple[Charge, Quantity], new: tuple[Charge, Quantity], left: Fraction
) -> tuple[Line, Line]:
    """Of a charge paid ahead: the credit for what is left of it, and what the new one asks for the same time.

    Each side is rounded alone, so that it stands on a document of its own.
    """
    credit = reverse(rate_charge(*old, left), "credit for the rest of the month")
    return credit, rate_charge(*new, left)


def reverse(line: Line, why: str) -> Line:
    """The same line with every sign turned, as an adjustment."""
    parts = tuple(
        replace(part, units=negated(part.units), amount=negated(part.amount)) for part in line.parts
    )
    return replace(
        line,
        kind="adjustment",
        quantity=negated(line.quantity),
        amount=negated(line.amount),
        parts=parts,
        rule=f"{why}; {line.rule}" if line.rule else why,
    )
