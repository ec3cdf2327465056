"""How much of a customer's usage no charge of a plan counts, zone by zone: from the rows that pipeline.rating.meter
counts to what a bill, a price or a simulation says of it. uncounted.py tells it of places, without rows and amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.rating.clock_time import minutes_of, within_hours
from pipeline.rating.meter import COLUMN, matches
from pipeline.rating.model import Meter, Uncounted
from pipeline.rating.uncounted import TRAFFIC, counts_all
from pipeline.rating.units import to_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.rating.model import Charge, Period, Plan
    from pipeline.rating.usage import Usage

_HALF = np.uint64(0xFFFFFFFF)


def uncounted_usage(plan: Plan, usage: Usage, period: Period) -> tuple[Uncounted, ...]:
    """What of a period's traffic, and of its requests, no charge counts, by zone in the zones' order.

    A plan without any charge for traffic, or for requests, means it so: only what it prices in part is looked at.
    """
    found: list[Uncounted] = []
    for meters in (TRAFFIC, (Meter.REQUESTS,)):
        charges = [charge for charge in plan.charges if charge.meter in meters]
        if not charges or any(counts_all(charge) for charge in charges):
            continue
        meter = _meter(charges, usage)
        if meter is None:
            continue
        left = _left(charges, usage, period)
        if left is None:
            continue
        unit = "requests" if meter is Meter.REQUESTS else "GB"
        totals = _by_zone(getattr(usage, COLUMN[meter]), usage.zone, left, len(usage.zones))
        found += [
            Uncounted(meter, zone, to_units(total, unit), unit)
            for zone, total in sorted(zip(usage.zones, totals, strict=True))
            if total
        ]
    return tuple(found)


def _meter(charges: Sequence[Charge], usage: Usage) -> Meter | None:
    """What the rest is told in: bytes with headers where any of the charges counts those."""
    if charges[0].meter is Meter.REQUESTS:
        wanted = Meter.REQUESTS
    elif all(charge.meter is Meter.BODY_BYTES for charge in charges):
        wanted = Meter.BODY_BYTES
    else:
        wanted = Meter.BYTES_SENT
    return wanted if COLUMN[wanted] in usage.known else None


def _left(charges: Sequence[Charge], usage: Usage, period: Period) -> NDArray[np.bool_] | None:
    """Rows of the period that none of the charges counts; None where the rows' places tell that there is none."""
    always = _places([charge for charge in charges if charge.hours is None], usage)
    if always.all():
        return None
    first, after = minutes_of(period)
    inside = (usage.minute >= first) & (usage.minute < after)
    left = inside & ~always[usage.zone, usage.resource]
    at = np.where(inside, usage.minute.astype(np.int64) - first, 0)
    for hours in dict.fromkeys(charge.hours for charge in charges if charge.hours is not None):
        here = _places([charge for charge in charges if charge.hours == hours], usage)
        left &= ~(here[usage.zone, usage.resource] & within_hours(first, after, hours)[at])
    return left


def _places(charges: Sequence[Charge], usage: Usage) -> NDArray[np.bool_]:
    """bool[zones, resources]: whether any of them counts there, at some hours or all."""
    found = np.zeros((len(usage.zones), len(usage.resources)), np.bool_)
    for charge in charges:
        zones = [not charge.where.zones or zone in charge.where.zones for zone in usage.zones]
        names = [matches(name, charge.where.resources) for name in usage.resources]
        found |= np.outer(np.array(zones, np.bool_), np.array(names, np.bool_))
    return found


def _by_zone(
    counts: NDArray[np.uint64], zone: NDArray[np.uint32], left: NDArray[np.bool_], zones: int
) -> list[int]:
    """Exact sums: halves of 32 bits cannot pass 2^64 over fewer than 2^32 rows."""
    own, where = counts[left], zone[left]
    halves = [np.zeros(zones, np.uint64) for _ in range(2)]
    np.add.at(halves[0], where, own & _HALF)
    np.add.at(halves[1], where, own >> np.uint64(32))
    return [(high << 32) + low for low, high in zip(*(half.tolist() for half in halves), strict=True)]
