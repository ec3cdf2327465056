"""Rates on bills, and windows by the clock: what is said of a percentile, days that are paid, days of 25 hours, a peak
each day; against slow counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rating.charge import rate_charge
from pipeline.rating.clock_time import minutes_of, window_starts
from pipeline.rating.compiled_book import compile_book
from pipeline.rating.meter import Metering, meter_plan
from pipeline.rating.model import (
    Charge,
    Commitment,
    Line,
    Meter,
    Model,
    Percentile,
    Period,
    Plan,
    Quantity,
    Tier,
)
from pipeline.rating.plan_toml import parse_plan
from pipeline.rating.rate import rate_plan
from pipeline.rating.simulate import simulate
from pipeline.rating.usage import Usage, usage_of
from tests.rating.plan_write import plan_text

D = Decimal
MBPS = 7_500_000
"""Bytes a minute at 1 Mbps."""


def month(year: int, number: int, tz: str) -> Period:
    zone = ZoneInfo(tz)
    begin = datetime(year, number, 1, tzinfo=zone)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return Period(begin.astimezone(UTC), end.astimezone(UTC), tz)


BERLIN = month(2026, 10, "Europe/Berlin")
OCTOBER = month(2026, 10, "UTC")


def plan_of(*charges: Charge) -> Plan:
    return Plan("p", 1, {}, "RUB", date(2026, 1, 1), None, charges)


def lines_of(plan: Plan, usage: Usage, span: Period) -> tuple[Line, ...]:
    return rate_plan(plan, meter_plan(plan, usage, span), span).lines


def on_days(days: int, mbps: int = 10, span: Period = OCTOBER) -> Usage:
    """So much in every minute of the first days."""
    first = minutes_of(span)[0]
    minutes = np.arange(first, first + days * 1440)
    return usage_of(minutes, bytes_sent=np.full(len(minutes), mbps * MBPS, np.uint64))


def clock(minute: int, tz: str) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(tz)).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("tz", "year", "number"),
    [
        ("Europe/Berlin", 2026, 10),
        ("Europe/Berlin", 2026, 3),
        ("America/Havana", 2026, 11),
        ("Australia/Lord_Howe", 2026, 4),
        ("Europe/London", 2026, 10),
        ("Pacific/Apia", 2011, 12),
        ("Europe/Moscow", 2026, 10),
    ],
)
def test_a_window_of_a_day_is_a_day(tz: str, year: int, number: int) -> None:
    first, after = minutes_of(month(year, number, tz))
    starts = window_starts(first, after, 1440, tz).tolist()
    days = [clock(first + start, tz) for start in starts]
    assert {(each.hour, each.minute) for each in days} == {(0, 0)}
    every = {clock(minute, tz).date() for minute in range(first, after)}
    assert [each.date() for each in days] == sorted(every)


@cache
def clocks(tz: str, number: int) -> list[int]:
    """What the clock shows in each minute of a month of 2026, in minutes from its begin."""
    first, after = minutes_of(month(2026, number, tz))
    begin = clock(first, tz)
    return [(clock(minute, tz) - begin) // timedelta(minutes=1) for minute in range(first, after)]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["Europe/Berlin", "Europe/London", "America/Havana", "Australia/Lord_Howe", "UTC"]),
    st.sampled_from([3, 4, 10, 11]),
    st.integers(0, 3 * 1440),
    st.sampled_from([1, 5, 30, 40, 60, 90, 180, 1440]),
)
def test_windows_begin_where_the_clock_says(tz: str, number: int, start: int, per: int) -> None:
    whole = minutes_of(month(2026, number, tz))
    first, after = whole[0] + start, whole[1]
    found = set(window_starts(first, after, per, tz).tolist())
    # minute by minute: the clock reaches the next window, or is set back by a whole one
    shown = clocks(tz, number)[start:]
    expected, since, last = {0}, 0, shown[0]
    for minute, now in enumerate(shown[1:], 1):
        at = (now - shown[0]) // per
        back = last + 1 - now
        if at > since or (back and back >= per):
            expected.add(minute)
            since = at
        last = now
    assert found == expected


def test_a_commitment_of_each_day_is_paid_once_a_day_where_clocks_change() -> None:
    daily = Charge(
        "t",
        Meter.BYTES_SENT,
        Model.COMMITMENT,
        "GB",
        commitment=Commitment(D(5), D(1), D(2)),
        window_s=86_400,
    )
    first, after = minutes_of(BERLIN)
    # 6 GB in the last hour of the 25th, which has 25 hours
    late = int(datetime(2026, 10, 25, 22, 30, tzinfo=UTC).timestamp()) // 60
    usage = usage_of([late], bytes_sent=[6 * 10**9])
    quantity = Metering(usage, BERLIN).quantity(daily)
    assert (len(quantity.windows), after - first) == (31, 745 * 60)
    assert quantity.windows[24] == 6
    assert rate_charge(daily, quantity).amount == 31 * 5 + 2


VALID = Percentile(D(95), 300, "discard_floor", "sum", "zero", valid_days=True, valid_days_factor=True)
P95 = Charge("b", Meter.P95_BPS, Model.PERCENTILE, "Mbps", unit_price=D(100), percentile=VALID)


def test_a_price_for_the_days_with_traffic() -> None:
    """As Baidu's and Huawei's pages have it: 10 Mbps at 100, on 26 of 31 days."""
    (line,) = lines_of(plan_of(P95), on_days(26), OCTOBER)
    assert line.amount == D("838.71")
    assert line.parts[-1].what == "26 of 31 days"
    assert sum((part.amount for part in line.parts), D(0)).quantize(D("0.01")) == line.amount
    (whole,) = lines_of(plan_of(P95), on_days(31), OCTOBER)
    assert (whole.amount, len(whole.parts)) == (D(1000), 1)
    (nothing,) = lines_of(plan_of(P95), usage_of([], bytes_sent=[]), OCTOBER)
    assert nothing.amount == 0
    without = replace(P95, percentile=replace(VALID, valid_days_factor=False))
    assert lines_of(plan_of(without), on_days(26), OCTOBER)[0].amount == 1000


def test_a_part_of_a_month_is_paid_for_its_days_with_traffic() -> None:
    """Half a month of which a third had traffic is 5 of 30 days, however it is come to."""
    span = Period(OCTOBER.begin, OCTOBER.begin + timedelta(days=15), "UTC")
    (quantity,) = meter_plan(plan_of(P95), on_days(5), span)
    assert quantity.valid_days == (5, 15)
    assert rate_charge(P95, quantity, Fraction(1, 2)).amount == D("166.67")


def test_a_simulation_rates_it_too() -> None:
    flat = replace(P95, id="other", percentile=None)
    plans = [plan_of(P95), replace(plan_of(flat), id="q")]
    assert [plan.id for plan, _ in compile_book(plans).refused] == ["p"]
    found = simulate(on_days(26), plans, OCTOBER, current=plans[0])
    assert {each.plan.id: each.net for each in found.ranked} == {"p": D("838.71"), "q": D("1000.00")}
    own = next(each for each in found.ranked if each.plan.id == "p")
    assert own.shifted == (D("670.97"), D("1006.45"))


def test_a_line_says_all_that_makes_its_rate() -> None:
    (line,) = lines_of(plan_of(P95), on_days(26), OCTOBER)
    assert line.rule == (
        "percentile, p95 by discard_floor of 7488 samples of 300 s, all zones together, missing samples count as zero, "
        "days without traffic do not count, paid for the days with traffic; rounded half_up to 2 decimals at line"
    )
    how = Percentile(D("99.9"), 60, "nearest_rank", "max_of_zones", "skip", valid_days=False)
    (other,) = lines_of(plan_of(replace(P95, percentile=how)), on_days(1), OCTOBER)
    assert (
        "p99.9 by nearest_rank of 1440 samples of 60 s, the greatest of the zones, missing samples do"
        in other.rule
    )
    peak = replace(P95, meter=Meter.PEAK_BPS, model=Model.PER_UNIT, percentile=None)
    assert (
        "per_unit, peak of 8928 samples of 300 s, all zones together;"
        in lines_of(plan_of(peak), on_days(1), OCTOBER)[0].rule
    )
    # of a quantity that somebody told nobody knows how many samples there were
    assert "p95 by discard_floor of samples of 300 s" in rate_charge(P95, Quantity("b", D(1), 0)).rule


DAILY = """
id = "daily"
currency = "CNY"
valid_from = 2026-01-01
[[charge]]
id = "peak"
meter = "peak_bps"
unit = "Mbps"
model = "volume"
window = "24h"
tiers = [{ up_to = "500", unit_price = "0.52" }, { up_to = "5000", unit_price = "0.51" }, { unit_price = "0.48" }]
"""


def test_each_day_pays_for_its_own_peak() -> None:
    plan = parse_plan(DAILY)
    assert isinstance(plan, Plan)
    first = minutes_of(BERLIN)[0]
    day = 1440
    # five minutes make a sample: 912 Mbps on the first day, 100 on the 26th, which begins an hour late
    rows = {
        first: 912 * MBPS * 5,
        first + 25 * day + 60: 100 * MBPS * 5,
        first + 25 * day + 59: 40 * MBPS * 5,
    }
    usage = usage_of(list(rows), bytes_sent=list(rows.values()))
    (quantity,) = meter_plan(plan, usage, BERLIN)
    assert len(quantity.windows) == 31
    assert [int(each) for each in quantity.windows if each] == [912, 40, 100]
    (line,) = rate_plan(plan, [quantity], BERLIN, factor=Fraction(1, 2)).lines
    assert line.amount == D("465.12") + D("72.80")  # a day is whole in a part of a month
    assert line.quantity == 1052
    found = simulate(usage, [plan], BERLIN, current=plan)
    assert found.ranked[0].net == line.amount


def test_a_rate_of_each_window_is_that_of_the_window_alone() -> None:
    rng = np.random.default_rng(1)
    first, after = minutes_of(BERLIN)
    minutes = rng.integers(first, after, 5000)
    usage = usage_of(
        minutes, zone=(("a", "b"), rng.integers(0, 2, 5000)), bytes_sent=rng.integers(0, 10**12, 5000)
    )
    how = replace(VALID, of="max_of_zones", valid_days=False, valid_days_factor=False)
    charge = replace(P95, percentile=how, window_s=86_400)
    found = Metering(usage, BERLIN).windows(charge)
    starts = [first + start for start in window_starts(first, after, 1440, BERLIN.tz).tolist()]
    alone = [
        Metering(
            usage,
            Period(datetime.fromtimestamp(a * 60, UTC), datetime.fromtimestamp(b * 60, UTC), BERLIN.tz),
        ).base(replace(charge, window_s=None))[0]
        for a, b in zip(starts, [*starts[1:], after], strict=True)
    ]
    assert list(found) == alone


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ('window = "30m"', "charge[0].window: expected an hour or more for meter peak_bps, found 30 minutes"),
        (
            'window = "8h"\npercentile = { sample = "24h" }',
            "charge[0].window: expected a whole number of its samples of 1440 minutes",
        ),
        (
            'window = "24h"\npercentile = { valid_days_factor = true }',
            "charge[0].percentile.valid_days_factor: not with window",
        ),
    ],
)
def test_windows_of_rates_that_cannot_be(changed: str, said: str) -> None:
    found = parse_plan(DAILY.replace('window = "24h"', changed), "p.toml")
    assert isinstance(found, list)
    assert said in str(found[0])


def test_a_written_plan_is_the_same_plan() -> None:
    for text in (DAILY, DAILY.replace('window = "24h"', "percentile = { valid_days_factor = true }")):
        plan = parse_plan(text)
        assert isinstance(plan, Plan)
        assert parse_plan(plan_text(plan)) == plan


TIERS = (Tier(D(10), D(2), D(0)), Tier(None, D(1), D(0)))


@pytest.mark.parametrize(
    ("charge", "prorated"),
    [
        (Charge("c", Meter.BYTES_SENT, Model.GRADUATED, "GB", tiers=TIERS), False),
        (Charge("c", Meter.BYTES_SENT, Model.VOLUME, "GB", tiers=TIERS), False),
        (Charge("c", Meter.BYTES_SENT, Model.PER_UNIT, "GB", unit_price=D(1)), False),
        (Charge("c", Meter.BYTES_SENT, Model.PER_UNIT, "GB", unit_price=D(1), free_units=D(5)), True),
        (Charge("c", Meter.BYTES_SENT, Model.PER_UNIT, "GB", unit_price=D(1), minimum=D(50)), True),
        (Charge("c", Meter.BYTES_SENT, Model.GRADUATED, "GB", tiers=(Tier(None, D(1), D(9)),)), True),
        (Charge("c", Meter.BYTES_SENT, Model.CAPACITY, "GB", tiers=(Tier(None, D(0), D(9)),)), True),
        (Charge("c", Meter.P95_BPS, Model.PERCENTILE, "Mbps", unit_price=D(1)), True),
        (Charge("c", Meter.FLAT, Model.FLAT, "month", flat=D(10)), True),
        (
            Charge("c", Meter.BYTES_SENT, Model.COMMITMENT, "GB", commitment=Commitment(D(30), D(1), D(1))),
            True,
        ),
    ],
)
def test_a_line_says_that_it_is_for_a_part_of_the_month_where_it_is(charge: Charge, prorated: bool) -> None:
    used = Quantity("c", D(1 if charge.meter is Meter.FLAT else 20), 0)
    part, whole = (rate_charge(charge, used, factor) for factor in (Fraction(20, 31), Fraction(1)))
    assert (part.amount != whole.amount) is prorated
    assert ("for 20/31 of the month" in part.rule) is prorated
