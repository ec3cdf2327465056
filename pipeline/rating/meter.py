"""What each charge of a plan counted: usage of a period, filtered by zones, resources and hours, as exact quantities.

Usage comes from pipeline.rating.usage, quantities go to pipeline.rating.rate. What several charges or plans share is
reduced once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kernels import entry
from pipeline.rating.clock_time import minutes_of, window_starts, within_hours
from pipeline.rating.model import Meter, Model, Quantity
from pipeline.rating.rates import RATES, counted_text, rule_of_rate
from pipeline.rating.samples import (
    MINUTE_S,
    Samples,
    count_valid_days,
    percentile_bytes,
    pool,
    window_bytes,
)
from pipeline.rating.units import to_units
from pipeline.rating.usage import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.rating.model import Charge, Hours, Period, Plan
    from pipeline.rating.usage import Usage

COLUMN = {
    Meter.REQUESTS: "requests",
    Meter.BYTES_SENT: "bytes_sent",
    Meter.BODY_BYTES: "body_bytes",
    Meter.P95_BPS: "bytes_sent",
    Meter.PEAK_BPS: "bytes_sent",
}
Filter = tuple[str, ...]


def meter_plan(plan: Plan, usage: Usage, period: Period) -> tuple[Quantity, ...]:
    """The quantity of each charge of a plan, in its order, but for shares of amounts of money.

    UsageError where the usage lacks what a charge counts.
    """
    return Metering(usage, period).quantities(plan)


def matches(resource: str, patterns: Filter) -> bool:
    """Whether a resource is named, or lies below a `*.` pattern; letter case does not count. No patterns: all are."""
    name = resource.lower()
    for pattern in map(str.lower, patterns):
        if (
            name.endswith(pattern[1:]) and name != pattern[1:]
            if pattern.startswith("*.")
            else name == pattern
        ):
            return True
    return not patterns


class Metering:
    """One usage over one period, and what has been counted of it. Rates are of bytes sent, bit/s rounded down."""

    def __init__(self, usage: Usage, period: Period) -> None:
        self._usage, self._tz = usage, period.tz
        self._first, self._after = minutes_of(period)
        self._cubes: dict[tuple[str, Filter], NDArray[np.uint64]] = {}
        self._seen: dict[Filter, NDArray[np.bool_]] = {}
        self._rows: dict[Filter, NDArray[np.uint8]] = {}
        self._totals: dict[tuple[str, Filter, Hours | None], list[int]] = {}
        self._samples: dict[tuple[Filter, int], Samples] = {}
        self._known: dict[object, tuple[int, str]] = {}
        self._windows: dict[object, tuple[int, ...]] = {}

    def part(self, span: Period) -> Metering:
        """The same usage over a stretch of the period: minutes that were added up already are not added up again."""
        made = Metering(self._usage, span)
        begin, end = made._first - self._first, made._after - self._first
        if begin < 0 or made._after > self._after:
            raise ValueError(f"part: expected a stretch within the period, found {span.begin} to {span.end}")
        made._rows = self._rows
        made._cubes = {key: cube[:, begin:end] for key, cube in self._cubes.items()}
        made._seen = {key: seen[:, begin:end] for key, seen in self._seen.items()}
        return made

    def quantities(self, plan: Plan) -> tuple[Quantity, ...]:
        """As `meter_plan`."""
        return tuple(self.quantity(charge) for charge in plan.charges if charge.model is not Model.PERCENTAGE)

    def quantity(self, charge: Charge) -> Quantity:
        """What one charge counted."""
        base, note = self.base(charge)
        windows = tuple(to_units(each, charge.unit) for each in self.windows(charge))
        return Quantity(charge.id, to_units(base, charge.unit), base, note, windows, self.valid_days(charge))

    def valid_days(self, charge: Charge) -> tuple[int, int] | None:
        """Of a charge that is paid for the days with traffic, those and all days."""
        if charge.meter not in RATES or not rule_of_rate(charge).valid_days_factor:
            return None
        return count_valid_days(self._chosen(charge), self._tz)

    def lacks(self, charge: Charge) -> str:
        """What the usage would have to know for this charge, in words; empty where it does."""
        column = COLUMN.get(charge.meter)
        if column is None or charge.model is Model.PERCENTAGE or column in self._usage.known:
            return ""
        known = ", ".join(sorted(self._usage.known))
        return f"charge {charge.id}: expected usage with {column}, found {known}"

    def base(self, charge: Charge) -> tuple[int, str]:
        """The same in bytes, requests or bit/s, and a word on how it came about."""
        window_s = charge.window_s if charge.meter in RATES else None
        key = (charge.meter, charge.where, charge.hours, charge.percentile, window_s)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._count(charge)
        return found

    def windows(self, charge: Charge) -> tuple[int, ...]:
        """Of a charge that prices windows alone, what each counted; the last may be shorter. Windows are of the clock
        of the period's zone."""
        if charge.window_s is None:
            return ()
        if charge.meter is Meter.FLAT or charge.window_s % MINUTE_S or charge.window_s <= 0:
            raise UsageError(
                [
                    f"charge {charge.id}: expected window_s of whole minutes on what is counted, found "
                    f"{charge.window_s} on {charge.meter.value}"
                ]
            )
        column, where = COLUMN[charge.meter], charge.where
        if lacking := self.lacks(charge):
            raise UsageError([lacking])
        rule = rule_of_rate(charge) if charge.meter in RATES else None
        key = (column, where, charge.hours, charge.window_s, rule)
        if key not in self._windows:
            starts = window_starts(self._first, self._after, charge.window_s // MINUTE_S, self._tz)
            if rule is not None:
                found = window_bytes(self._chosen(charge), rule, charge.hours, self._tz, starts)
                self._windows[key] = tuple(amount * 8 // rule.sample_s for amount in found)
                return self._windows[key]
            cube = self._cube(column, where.resources)[self._lines(where.zones)]
            if charge.hours is not None:
                cube = cube * within_hours(self._first, self._after, charge.hours)
            self._windows[key] = _sums_from(cube, starts)
        return self._windows[key]

    def _count(self, charge: Charge) -> tuple[int, str]:
        if charge.meter is Meter.FLAT:
            return 1, ""
        column = COLUMN[charge.meter]
        if lacking := self.lacks(charge):
            raise UsageError([lacking])
        lines = self._lines(charge.where.zones)
        if charge.meter in RATES:
            return self._rate(charge)
        totals = self._zone_totals(column, charge.where.resources, charge.hours)
        return sum(totals[line] for line in lines), ""

    def _lines(self, zones: Filter) -> list[int]:
        return [line for line, zone in enumerate(self._usage.zones) if not zones or zone in zones]

    def _zone_totals(self, column: str, resources: Filter, hours: Hours | None) -> list[int]:
        key = (column, resources, hours)
        if key not in self._totals:
            cube = self._cube(column, resources)
            if hours is not None:
                cube = cube[:, within_hours(self._first, self._after, hours)]
            self._totals[key] = _sums(cube)
        return self._totals[key]

    def _rate(self, charge: Charge) -> tuple[int, str]:
        if charge.window_s is not None:
            return sum(self.windows(charge)), counted_text(charge)
        how = rule_of_rate(charge)
        amount, count = percentile_bytes(self._chosen(charge), how, charge.hours, self._tz)
        return amount * 8 // how.sample_s, counted_text(charge, count)

    def _chosen(self, charge: Charge) -> Samples:
        """The samples of the zones and resources that a charge counts."""
        every = self._pooled(charge.where.resources, rule_of_rate(charge).sample_s)
        lines = self._lines(charge.where.zones)
        return Samples(every.sums[lines], every.seen[lines], every.begins, every.first, every.after)

    def _pooled(self, resources: Filter, sample_s: int) -> Samples:
        key = (resources, sample_s)
        if key not in self._samples:
            cube = self._cube("bytes_sent", resources)
            self._samples[key] = pool(cube, self._present(resources), self._first, sample_s)
        return self._samples[key]

    def _wanted(self, resources: Filter) -> NDArray[np.uint8]:
        if resources not in self._rows:
            names = np.array([matches(name, resources) for name in self._usage.resources], np.uint8)
            every = np.ones(len(self._usage), np.uint8)
            self._rows[resources] = every if names.all() else names[self._usage.resource]
        return self._rows[resources]

    def _cube(self, column: str, resources: Filter) -> NDArray[np.uint64]:
        """uint64[zones, minutes]: a count of each minute of the period."""
        key = (column, resources)
        if key not in self._cubes:
            usage, width = self._usage, self._after - self._first
            cube = np.zeros((len(usage.zones), width), np.uint64)
            wanted, values = self._wanted(resources), getattr(usage, column)
            over = entry.sum_minutes(
                usage.minute.ctypes.data,
                usage.zone.ctypes.data,
                wanted.ctypes.data,
                values.ctypes.data,
                len(usage),
                self._first,
                width,
                cube.ctypes.data,
            )
            if over:
                raise UsageError([f"{column}: a minute of one zone holds more than 2^64"])
            self._cubes[key] = cube
        return self._cubes[key]

    def _present(self, resources: Filter) -> NDArray[np.bool_]:
        """bool[zones, minutes]: there is usage of the minute."""
        if resources not in self._seen:
            usage, width = self._usage, self._after - self._first
            seen = np.zeros((len(usage.zones), width), np.bool_)
            entry.see_minutes(
                usage.minute.ctypes.data,
                usage.zone.ctypes.data,
                self._wanted(resources).ctypes.data,
                len(usage),
                self._first,
                width,
                seen.ctypes.data,
            )
            self._seen[resources] = seen
        return self._seen[resources]


def _sums_from(cube: NDArray[np.uint64], starts: NDArray[np.int64]) -> tuple[int, ...]:
    """The sum of all lines from each start to the next, in halves like those of `_sums`."""
    if not len(starts):
        return ()
    halves = (cube >> np.uint64(32), cube & np.uint64(0xFFFFFFFF))
    high, low = (np.add.reduceat(half.sum(axis=0, dtype=np.uint64), starts).tolist() for half in halves)
    return tuple((above << 32) + below for above, below in zip(high, low, strict=True))


def _sums(cube: NDArray[np.uint64]) -> list[int]:
    """The sum of each line, in halves of 32 bits: neither can pass 2^64 over fewer than 2^32 minutes."""
    low, high = (cube & np.uint64(0xFFFFFFFF)).sum(axis=1), (cube >> np.uint64(32)).sum(axis=1)
    return [(above << 32) + below for above, below in zip(high.tolist(), low.tolist(), strict=True)]
