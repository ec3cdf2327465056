"""The day on which most of a period's traffic ran, its share, and the resource that carried most of it: for letters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    from pipeline.rating.model import Period
    from pipeline.rating.usage import Usage


@dataclass(frozen=True, slots=True)
class Peak:
    """`share`: of the period's bytes, 0 to 1, to a thousandth; `resource`: the one with most bytes on that day."""

    day: date
    share: Decimal
    resource: str


def find_peak(usage: Usage, period: Period) -> Peak | None:
    """The day, in the period's own zone, with most bytes sent; None where nothing was sent."""
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
    mine = day_of == best
    resources = usage.resource[inside][mine]
    carried = {int(r): _total(sent[mine][resources == r]) for r in np.unique(resources)}
    top = max(carried, key=lambda r: (carried[r], usage.resources[r]))
    share = (Decimal(by_day[best]) / Decimal(whole)).quantize(Decimal("0.001"))
    return Peak(date.fromordinal(int(distinct[best])), share, usage.resources[top])


def _total(values: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> int:
    """Their sum, however large."""
    low, high = values & np.uint64(0xFFFFFFFF), values >> np.uint64(32)
    return (int(high.sum()) << 32) + int(low.sum())
