"""The wall clock of a zone at every minute of a stretch: for hours of the day, days without traffic, and months.

Minutes are counted since the epoch, in UTC; nothing here asks for the time.
"""

from __future__ import annotations

import functools
import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.rating.model import Hours, Period

_DAY = 24 * 60
_THURSDAY = 3
"""The day of the week on which 1970 began, Monday being 0."""


def minutes_of(period: Period) -> tuple[int, int]:
    """[first, after): the minutes that begin within the period."""
    begin, end = (-(-int(at.astimezone(UTC).timestamp()) // 60) for at in (period.begin, period.end))
    return begin, max(begin, end)


@functools.lru_cache(maxsize=256)
def local_minutes(first: int, after: int, tz: str) -> NDArray[np.int64]:
    """int64[after - first]: each minute as the zone's clock shows it, counted as if that were UTC.

    An hour that a clock repeats stands there twice, and one that it leaves out not at all. Not to
    be written to: it is kept.
    """
    zone = ZoneInfo(tz)
    out = np.arange(first, after, dtype=np.int64)
    begin = first
    while begin < after:
        end = min(begin + 60 - begin % 60, after)
        here, there = _offset(begin, zone), _offset(end, zone)
        if here == there:
            out[begin - first : end - first] += here
        else:
            for minute in range(begin, end):
                out[minute - first] += _offset(minute, zone)
        begin = end
    out.setflags(write=False)
    return out


def _offset(minute: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(minute * 60, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else offset.days * _DAY + offset.seconds // 60


@functools.lru_cache(maxsize=256)
def within_hours(first: int, after: int, hours: Hours) -> NDArray[np.bool_]:
    """Which minutes lie in a window of the day; one that begins when it ends is the whole day. With days of the week,
    what lies behind midnight belongs to the day on which the window began."""
    local = local_minutes(first, after, hours.tz)
    clock = local % _DAY
    begin, end = (at.hour * 60 + at.minute for at in (hours.begin, hours.end))
    inside, behind = clock >= begin, clock < end
    if begin < end:
        inside &= behind
        behind = np.zeros(after - first, np.bool_)
    if hours.days:
        wanted = np.isin(np.arange(7), hours.days)
        today = (local // _DAY + _THURSDAY) % 7
        inside &= wanted[today]
        behind &= wanted[(today - 1) % 7]
    inside |= behind
    inside.setflags(write=False)
    return inside


def window_starts(first: int, after: int, per: int, tz: str) -> NDArray[np.int64]:
    """Where windows of `per` minutes begin, counted from `first`, by the clock of a zone as it stands at `first`.

    A window in which the clock is set has the minutes that its stretch of the clock has, so that days stay days; one
    that the clock goes through again, being no longer than what it is set back by, begins again.
    """
    if after <= first:
        return np.zeros(0, np.int64)
    local = local_minutes(first, after, tz)
    steps = np.diff(local)
    if per < 1 or not (steps != 1).any():
        return np.arange(0, after - first, max(per, 1), dtype=np.int64)
    window = (local - local[0]) // per
    again = np.flatnonzero(steps <= 1 - per) + 1 if per > 1 else np.flatnonzero(steps < 0) + 1
    bounds = [0, *again.tolist(), len(local)]
    for begin, end in itertools.pairwise(bounds):
        # set back by less than a window, the clock is in no window of before
        window[begin:end] = np.maximum.accumulate(window[begin:end])
    begins = window[1:] != window[:-1]
    begins[again - 1] = True
    return np.concatenate([[0], np.flatnonzero(begins) + 1]).astype(np.int64)


def local_days(first: int, after: int, tz: str) -> NDArray[np.int64]:
    """The local day of each minute, counted since the epoch."""
    return local_minutes(first, after, tz) // _DAY
