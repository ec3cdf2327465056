"""Metering against a slow count over rows, one by one: filters, hours, zones of time, samples, percentiles."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rating.meter import Metering, matches, meter_plan
from pipeline.rating.model import Charge, Hours, Meter, Model, Percentile, Period, Plan, Where
from pipeline.rating.percentiles import METHODS, rank_from_top
from pipeline.rating.usage import Usage, UsageError, usage_of

BERLIN = "Europe/Berlin"
RESOURCES = ("a.example.com", "b.example.com", "other.net")
ZONES = ("ru", "eu", "asia")
UNITS = {Meter.REQUESTS: "requests", Meter.BYTES_SENT: "GB", Meter.BODY_BYTES: "GiB"}


def period(begin: datetime, minutes: int, tz: str = BERLIN) -> Period:
    return Period(begin, begin + timedelta(minutes=minutes), tz)


def month(year: int, number: int, tz: str) -> Period:
    zone = ZoneInfo(tz)
    begin = datetime(year, number, 1, tzinfo=zone)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return Period(begin.astimezone(UTC), end.astimezone(UTC), tz)


def charge(meter: Meter, **more: object) -> Charge:
    return Charge("c", meter, Model.PER_UNIT, UNITS.get(meter, "bps"), **more)  # type: ignore[arg-type]


def make_usage(seed: int, first: int, minutes: int, rows: int) -> Usage:
    rng = np.random.default_rng(seed)
    minute = rng.integers(first - 3, first + minutes + 3, rows)
    counts = {name: rng.integers(0, 2**40, rows) for name in ("requests", "bytes_sent", "body_bytes")}
    counts["bytes_sent"][rng.random(rows) < 0.2] = 0
    zone, resource = rng.integers(0, 3, rows), rng.integers(0, 3, rows)
    return usage_of(minute, resource=(RESOURCES, resource), zone=(ZONES, zone), **counts)


def rows_of(usage: Usage, wanted: Charge, span: Period) -> list[tuple[int, str, int]]:
    """Minute, zone and count of what a charge counts, by the clock of each row."""
    column = {Meter.REQUESTS: usage.requests, Meter.BODY_BYTES: usage.body_bytes}.get(
        wanted.meter, usage.bytes_sent
    )
    found = []
    for i in range(len(usage)):
        at = datetime.fromtimestamp(int(usage.minute[i]) * 60, UTC)
        resource, zone = usage.resources[usage.resource[i]], usage.zones[usage.zone[i]]
        named = not wanted.where.resources or any(
            resource == p or (p[0] == "*" and resource.endswith(p[1:])) for p in wanted.where.resources
        )
        if span.begin <= at < span.end and named and (not wanted.where.zones or zone in wanted.where.zones):
            found.append((int(usage.minute[i]), zone, int(column[i])))
    return found


def inside(minute: int, hours: Hours | None) -> bool:
    if hours is None:
        return True
    local = datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(hours.tz))
    clock, begun_on = local.time(), local.weekday()
    if hours.begin < hours.end:
        within = hours.begin <= clock < hours.end
    else:
        within = True if hours.begin == hours.end else clock >= hours.begin or clock < hours.end
        if clock < hours.begin:
            begun_on = (begun_on - 1) % 7  # yesterday, before midnight
    return within and (not hours.days or begun_on in hours.days)


def slow_rate(usage: Usage, wanted: Charge, span: Period) -> int:
    """Bit/s: sums of each sample in a dict, those that count in a list, sorted."""
    how = wanted.percentile
    assert how is not None
    first = int(span.begin.timestamp()) // 60
    after, per = int(span.end.timestamp()) // 60, how.sample_s // 60
    rows = rows_of(usage, wanted, span)
    zones = wanted.where.zones or ZONES
    lines = [[r for r in rows if r[1] == z] for z in zones if z in ZONES] if how.of != "sum" else [rows]
    results = []
    for line in lines:
        sums: dict[int, int] = {}
        for minute, _, count in line:
            at = (minute - first) // per
            sums[at] = sums.get(at, 0) + count
        zone = ZoneInfo(span.tz)

        def day(at: int, zone: ZoneInfo = zone) -> object:
            return datetime.fromtimestamp((first + at * per) * 60, UTC).astimezone(zone).date()

        busy = {day(at) for at, total in sums.items() if total}
        counted = [
            sums.get(at, 0)
            for at in range(-(-(after - first) // per))
            if inside(first + at * per, wanted.hours)
            and (how.missing_samples == "zero" or at in sums)
            and (not how.valid_days or day(at) in busy)
        ]
        place = rank_from_top(how.method, how.rank, len(counted))
        results.append(sorted(counted, reverse=True)[place - 1] if place else 0)
    amount = max(results, default=0) if how.of == "max_of_zones" else sum(results)
    return amount * 8 // how.sample_s


wheres = st.builds(
    Where,
    zones=st.sampled_from([(), ("ru",), ("eu", "asia"), ("mars",)]),
    resources=st.sampled_from([(), ("a.example.com",), ("*.example.com",), ("none.net",)]),
)
hours = st.none() | st.builds(
    Hours,
    begin=st.sampled_from([time(0), time(2, 30), time(20)]),
    end=st.sampled_from([time(0), time(8), time(2, 30)]),
    tz=st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe"]),
    days=st.sampled_from([(), (5,), (6, 0), (0, 1, 2, 3, 4)]),
)
spans = st.builds(
    period,
    # around both changes of the clock in Berlin, at any minute
    st.sampled_from([datetime(2026, 3, 28, 20, 7, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)]),
    st.integers(0, 1500),
)


@settings(deadline=None, max_examples=60)  # kernels are compiled at their first call
@given(
    st.integers(0, 999), spans, wheres, hours, st.sampled_from(sorted(UNITS, key=str)), st.integers(0, 300)
)
def test_counts_are_those_of_the_rows(
    seed: int, span: Period, where: Where, window: Hours | None, meter: Meter, rows: int
) -> None:
    first = int(span.begin.timestamp()) // 60
    usage = make_usage(seed, first, int((span.end - span.begin).total_seconds()) // 60, rows)
    wanted = charge(meter, where=where, hours=window)
    slow = sum(count for minute, _, count in rows_of(usage, wanted, span) if inside(minute, window))
    found = Metering(usage, span).quantity(wanted)
    assert found.base == slow
    size = {"requests": 1, "GB": 10**9, "GiB": 2**30}[wanted.unit]
    assert found.units * size == slow


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 999),
    spans,
    wheres,
    hours,
    st.integers(0, 300),
    st.builds(
        Percentile,
        rank=st.sampled_from([Decimal(95), Decimal(50), Decimal("99.9")]),
        sample_s=st.sampled_from([60, 300, 3600]),
        method=st.sampled_from(sorted(METHODS)),
        of=st.sampled_from(["sum", "max_of_zones", "sum_of_zones"]),
        missing_samples=st.sampled_from(["zero", "skip"]),
        valid_days=st.booleans(),
    ),
)
def test_rates_are_those_of_sorted_samples(
    seed: int, span: Period, where: Where, window: Hours | None, rows: int, how: Percentile
) -> None:
    first = int(span.begin.timestamp()) // 60
    usage = make_usage(seed, first, int((span.end - span.begin).total_seconds()) // 60, rows)
    wanted = charge(Meter.P95_BPS, where=where, hours=window, percentile=how)
    assert Metering(usage, span).base(wanted)[0] == slow_rate(usage, wanted, span)


def test_a_month_in_which_the_clock_goes_forward_has_fewer_samples() -> None:
    span = month(2026, 3, BERLIN)
    usage = usage_of([], bytes_sent=[])
    assert "of 8916 samples" in Metering(usage, span).base(charge(Meter.P95_BPS))[1]


def test_the_hour_that_comes_twice_counts_twice_and_the_one_that_is_left_out_not() -> None:
    night = Hours(time(2), time(3), BERLIN)
    for number, minutes in ((3, 30 * 60), (10, 32 * 60)):
        span = month(2026, number, BERLIN)
        every = np.arange(int(span.begin.timestamp()) // 60, int(span.end.timestamp()) // 60)
        usage = usage_of(every, requests=np.ones(len(every), np.uint64))
        assert Metering(usage, span).base(charge(Meter.REQUESTS, hours=night))[0] == minutes


def test_the_peak_is_the_greatest_sample() -> None:
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    first = int(begin.timestamp()) // 60
    usage = usage_of([first, first + 4, first + 5], bytes_sent=[300, 450, 600])
    span = period(begin, 60)
    assert Metering(usage, span).base(charge(Meter.PEAK_BPS))[0] == 750 * 8 // 300


def test_windows_add_up_and_each_is_alone() -> None:
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    first = int(begin.timestamp()) // 60
    usage = usage_of([first, first + 59, first + 60, first + 149], requests=[1, 2, 4, 8])
    hourly = charge(Meter.REQUESTS, window_s=3600)
    quantity = Metering(usage, period(begin, 150)).quantity(hourly)
    assert quantity.windows == (Decimal(3), Decimal(4), Decimal(8))
    assert quantity.units == 15
    with pytest.raises(UsageError, match="expected window_s of whole minutes"):
        Metering(usage, period(begin, 150)).windows(charge(Meter.REQUESTS, window_s=90))


def test_sums_beyond_a_word_are_exact_or_refused() -> None:
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    first = int(begin.timestamp()) // 60
    most = np.array([2**64 - 1] * 3, np.uint64)
    apart = usage_of([first, first + 1, first + 2], body_bytes=most)
    assert Metering(apart, period(begin, 60)).base(charge(Meter.BODY_BYTES))[0] == 3 * (2**64 - 1)
    with pytest.raises(UsageError, match="holds more than 2\\^64"):
        Metering(usage_of([first] * 3, body_bytes=most), period(begin, 60)).base(charge(Meter.BODY_BYTES))


def test_a_plan_that_counts_what_the_source_has_not() -> None:
    span = period(datetime(2026, 11, 1, tzinfo=UTC), 60)
    day = datetime(2026, 1, 1).date()
    plan = Plan("p", 1, {}, "RUB", day, None, (charge(Meter.BODY_BYTES),))
    with pytest.raises(UsageError, match="expected usage with body_bytes, found requests"):
        meter_plan(plan, usage_of([], requests=[]), span)


@pytest.mark.parametrize(
    ("resource", "pattern", "wanted"),
    [
        ("A.Example.com", "a.example.COM", True),
        ("a.example.com", "*.example.com", True),
        ("x.a.example.com", "*.example.com", True),
        ("example.com", "*.example.com", False),
        ("notexample.com", "*.example.com", False),
        ("a.example.com", "b.example.com", False),
    ],
)
def test_resources_by_name_or_pattern(resource: str, pattern: str, wanted: bool) -> None:
    assert matches(resource, (pattern,)) is wanted
    assert matches(resource, ())
