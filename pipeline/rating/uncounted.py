"""Usage that no charge of a plan counts, and that would be free by oversight: from a plan's filters and the zones and
resources that have usage, to a reason in words; for what-ifs over plans of other zones, and `prebill plans check`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Protocol

from pipeline.rating.model import Charge, Hours, Meter, Plan
from pipeline.rating.plan_shape import WEEK

if TYPE_CHECKING:
    from pipeline.rating.usage import Usage

TRAFFIC = (Meter.BYTES_SENT, Meter.BODY_BYTES, Meter.P95_BPS, Meter.PEAK_BPS)
"""Meters of one thing: what one of them counts is not free in the others."""

_DAY = 24 * 60
_MARKED = 1 << 24
_AT_ONCE = 1 << 16


class PlacesSeen(Protocol):
    """Where there is usage, whoever knows it."""

    @property
    def zones(self) -> tuple[str, ...]:
        """Each zone, once, in order: the reason that is found first is the same, whoever tells it."""

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Each (zone, resource), once, in order."""


class Places:
    """Where there is usage, whatever its rows count."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    @cached_property
    def zones(self) -> tuple[str, ...]:
        """Each zone, once."""
        import numpy as np

        seen = np.zeros(len(self._usage.zones), np.bool_)
        for begin in range(0, len(self._usage), _AT_ONCE):
            seen[self._usage.zone[begin : begin + _AT_ONCE]] = True
            if seen.all():
                break
        return tuple(sorted(self._usage.zones[zone] for zone in np.flatnonzero(seen).tolist()))

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Each (zone, resource), once."""
        import numpy as np

        usage, count = self._usage, len(self._usage.resources)
        keys = usage.zone.astype(np.int64) * count + usage.resource
        if len(usage.zones) * count > _MARKED:
            keys = np.unique(keys)
        else:
            # marking is a tenth of what sorting costs
            seen = np.zeros(len(usage.zones) * count, np.bool_)
            seen[keys] = True
            keys = np.flatnonzero(seen)
        return tuple(
            sorted((usage.zones[key // count], usage.resources[key % count]) for key in keys.tolist())
        )


def uncounted(plan: Plan, places: PlacesSeen) -> str:
    """Why some traffic or requests of these places would be free; empty where all is counted.

    A plan without any charge for traffic, or for requests, means it so: only what it prices in part is looked at.
    """
    for what, meters in (("traffic", TRAFFIC), ("requests", (Meter.REQUESTS,))):
        charges = [charge for charge in plan.charges if charge.meter in meters]
        if not charges or any(counts_all(charge) for charge in charges):
            continue
        # a large customer has thousands of resources, which few plans ask for
        apart = any(charge.where.resources for charge in charges)
        for zone, resource in places.pairs if apart else ((zone, "") for zone in places.zones):
            here = [charge for charge in charges if _counts(charge, zone, resource)]
            if not here:
                whose = f" of {resource}" if resource else ""
                return f"nothing in it prices {what}{whose} in {f'zone {zone}' if zone else 'no zone'}"
            if free := hours_left_out(here):
                return f"nothing in it prices {what} from {free[0]} to {free[1]} ({free[2]})"
    return ""


def hours_left_out(charges: Sequence[Charge]) -> tuple[str, str, str] | None:
    """The first stretch of the week that none of them counts, and its zone of time, where all have hours in one zone;
    days are named where they matter."""
    windows = tuple(charge.hours for charge in charges if charge.hours is not None)
    if len(windows) < len(charges) or len({hours.tz for hours in windows}) != 1:
        return None
    return _left_out(windows)


@lru_cache(maxsize=1024)
def _left_out(windows: tuple[Hours, ...]) -> tuple[str, str, str] | None:
    """The same for windows of one zone of time; plans of one book share them, and so do the zones of one plan."""
    weekly = any(hours.days for hours in windows)
    span = 7 * _DAY if weekly else _DAY
    counted = [False] * span
    for hours in windows:
        begin, end = _minute(hours.begin), _minute(hours.end)
        for day in (hours.days or range(7)) if weekly else (0,):
            for minute in range(begin, end if end > begin else end + _DAY):
                counted[(day * _DAY + minute) % span] = True
    if all(counted):
        return None
    first = next(minute for minute in range(span) if not counted[minute] and counted[minute - 1])
    after = next(minute for minute in range(first + 1, first + span + 1) if counted[minute % span])
    return _text(first, weekly=weekly), _text(after % span, weekly=weekly), windows[0].tz


def counts_all(charge: Charge) -> bool:
    """Whether a charge takes whatever its meter counts, at any hour, in any zone, of any resource."""
    return charge.hours is None and not charge.where.zones and not charge.where.resources


def _counts(charge: Charge, zone: str, resource: str) -> bool:
    from pipeline.rating.meter import matches

    zones = charge.where.zones
    return (not zones or zone in zones) and matches(resource, charge.where.resources)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _text(minute: int, *, weekly: bool) -> str:
    day, at = divmod(minute, _DAY)
    return f"{WEEK[day]} " * weekly + f"{at // 60:02d}:{at % 60:02d}"
