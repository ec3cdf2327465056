"""Between usage and the hours that spike warnings look at: usage summed by hours, and courses of a month made usage
again, so that every plan can rate them. What was counted stays as it was; the rest is spread as it was before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from pipeline.rating.lost_usage import MOST, PARTS, shares_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.rating.spike import Hours, Outlook, Rate
    from pipeline.rating.usage import Usage

MEASURES = ("bytes_sent", "requests", "body_bytes")
"""The columns of hours; a spike shows in any of them."""

GRAIN_MIN = 5
"""Minutes of a row to come: the sample of most percentiles. Within an hour all are alike, so that a peak to come is
that of its hour at least, and may be higher."""


class Courses:
    """Makes rates for spike.watch_bill out of functions that rate usage. `usage`: of the customer, with the period so
    far in it; each course is made usage once, however many plans rate it."""

    def __init__(self, outlook: Outlook, usage: Usage) -> None:
        self._outlook = outlook
        first, after = outlook.begin * 60, (outlook.begin + outlook.known) * 60
        known = (usage.minute >= first) & (usage.minute < after)
        columns = {name: getattr(usage, name)[known] for name in ("minute", "resource", "zone", *MEASURES)}
        self._known = replace(usage, **columns)
        pair = usage.resource.astype(np.int64) * max(len(usage.zones), 1) + usage.zone
        self._pairs, places = np.unique(pair, return_inverse=True)
        self._largest, self._shares = shares_of(
            np.bincount(places, usage.bytes_sent, max(len(self._pairs), 1)).astype(np.float64), MOST
        )
        self._made: dict[bytes, Usage] = {}

    def rate(self, rate_usage: Callable[[Usage], Decimal]) -> Rate:
        """The rate of a plan."""
        return lambda hours: rate_usage(self.usage(hours))

    def usage(self, hours: Hours) -> Usage:
        """A course, int64 [hours of the period, MEASURES], as usage; its sums are the course's to the last byte."""
        key = hours.tobytes()
        if key not in self._made:
            self._made[key] = self._make(hours)
        return self._made[key]

    def _make(self, hours: Hours) -> Usage:
        usage, known = self._known, self._outlook.known
        to_come = np.asarray(hours[known:], np.int64)
        if not to_come.any():
            return usage
        slots, pairs = 60 // GRAIN_MIN, len(self._shares)
        first = (self._outlook.begin + known) * 60
        minutes = np.repeat(np.arange(first, first + len(to_come) * 60, GRAIN_MIN, dtype=np.uint32), pairs)
        names = self._pairs[self._largest] if len(self._pairs) else np.zeros(1, np.int64)
        resources, zones = np.divmod(np.tile(names, len(minutes) // pairs), max(len(usage.zones), 1))
        added = {"minute": minutes, "resource": resources, "zone": zones}
        for column, measure in enumerate(MEASURES):
            added[measure] = _spread(to_come[:, column], slots, self._shares)
        joined = {
            name: np.concatenate([getattr(usage, name), values.astype(getattr(usage, name).dtype)])
            for name, values in added.items()
        }
        named = {"resources": usage.resources or ("",), "zones": usage.zones or ("",)}
        return replace(usage, **named, **joined)  # type: ignore[arg-type]


def _spread(amounts: NDArray[np.int64], slots: int, shares: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[amounts * slots * shares]: each amount over its slots evenly and over shares of PARTS; they sum to it."""
    each = np.diff(amounts[:, None] * np.arange(slots + 1) // slots, axis=1).reshape(-1, 1)
    # whole parts first: an hour of petabytes times 65,536 would leave 63 bits
    whole, rest = np.divmod(each, PARTS)
    ends = np.cumsum(shares)[None]
    return np.diff(whole * ends + rest * ends // PARTS, axis=1, prepend=0).ravel()
