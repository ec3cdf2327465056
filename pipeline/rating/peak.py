"""The day on which most of a period's traffic ran, its share, and the resource that carried most of it: for letters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.rating.model import Period

if TYPE_CHECKING:
    from pipeline.rating.usage import Usage

STANDS_OUT = 2
"""A day is told of from so many times its even share of the period on."""


@dataclass(frozen=True, slots=True)
class Peak:
    """`share`: of the period's bytes, 0 to 1, to a thousandth; `resource`: the one with more than half of the period's
    bytes, empty where none has so many."""

    day: date
    share: Decimal
    resource: str


def so_far(period: Period, now: datetime) -> Period:
    """The part of a period that is over: of an even month, half over, no day is a peak."""
    return Period(period.begin, max(min(period.end, now), period.begin), period.tz)


def find_peak(usage: Usage, period: Period) -> Peak | None:
    """The day, in the period's own zone, with most bytes sent; None where none has STANDS_OUT times its even share."""
    zone = ZoneInfo(period.tz)
    first, after = (int(at.timestamp()) // 60 for at in (period.begin, period.end))
    inside = (usage.minute >= first) & (usage.minute < after)
    # The zone's offset changes on full hours at most, so a day is told for each quarter of an hour once.
    quarters, at = np.unique(usage.minute[inside] // 15, return_inverse=True)
    days = [datetime.fromtimestamp(int(q) * 900, UTC).astimezone(zone).date().toordinal() for q in quarters]
    distinct, place = np.unique(np.array(days, np.int64), return_inverse=True)
    sent = usage.bytes_sent[inside]
    by_day = [0] * len(distinct)
    day_of = place[at] if len(distinct) else np.empty(0, np.int64)
    for number in range(len(distinct)):
        by_day[number] = _total(sent[day_of == number])
    whole = sum(by_day)
    if not whole:
        return None
    best = max(range(len(by_day)), key=lambda number: (by_day[number], -number))
    last = (period.end - timedelta(microseconds=1)).astimezone(zone).date()
    count = (last - period.begin.astimezone(zone).date()).days + 1
    if by_day[best] * count < STANDS_OUT * whole:
        return None
    resources = usage.resource[inside]
    carried = {int(r): _total(sent[resources == r]) for r in np.unique(resources)}
    top = max(carried, key=lambda r: (carried[r], usage.resources[r]))
    share = (Decimal(by_day[best]) / Decimal(whole)).quantize(Decimal("0.001"))
    most = usage.resources[top] if carried[top] * 2 > whole else ""
    return Peak(date.fromordinal(int(distinct[best])), share, most)


def _total(values: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> int:
    """Their sum, however large."""
    low, high = values & np.uint64(0xFFFFFFFF), values >> np.uint64(32)
    return (int(high.sum()) << 32) + int(low.sum())
