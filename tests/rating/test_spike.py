"""Spike warnings over synthetic months, hour by hour as they would run: raised within hours, quiet for clean days."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rating.spike import (
    WEEK,
    Basis,
    Hours,
    Outlook,
    Raised,
    Rate,
    SpikeWarning,
    forecast_bill,
    project_usage,
    watch_bill,
)

GB = 10**9
BEGIN = 494_568  # 2026-06-03T00Z, hours since 1970: an ordinary hour in the middle of a week
MONTH = 30 * 24
END = BEGIN + MONTH


def traffic(seed: int, hours: int, gb_an_hour: float = 5.0, noise: float = 0.25) -> Hours:
    """A site with its days and weeks, and noise that lasts some hours; int64 [hours, 2]: bytes and requests."""
    rng = np.random.default_rng(seed)
    at = np.arange(hours)
    day = 1 + 0.7 * np.sin(2 * np.pi * (at % 24 - 9) / 24)
    week = np.where(at // 24 % 7 >= 5, 1.3, 1.0)
    slow = np.convolve(rng.standard_normal(hours + 5), np.full(6, 6**-0.5), "valid")
    sent = gb_an_hour * GB * day * week * np.exp(noise * (0.6 * slow + 0.8 * rng.standard_normal(hours)))
    return np.stack([sent, sent / 50_000], axis=1).astype(np.int64)


def graduated(first: str, then: str, minimum: int) -> Rate:
    """1,000 GB at one price and the rest at another, and a minimum."""

    def rate(hours: Hours) -> Decimal:
        units = Decimal(int(hours[:, 0].sum())) / GB
        amount = min(units, Decimal(1000)) * Decimal(first) + max(units - 1000, Decimal(0)) * Decimal(then)
        return max(Decimal(minimum), amount)

    return rate


def flat(_: Hours) -> Decimal:
    return Decimal(150_000)


PLANS = {
    "start": graduated("1.20", "1.20", 3_000),
    "volume": graduated("0.40", "0.20", 60_000),
    "flat": flat,
}


def run(hours: Hours, before: int, *, every: int = 1, usual: Decimal | None = None) -> list[SpikeWarning]:
    """The warnings of every hour of the month, as a process that looks each hour would see them."""
    known = usual or PLANS["start"](hours[max(before - MONTH, 0) : before])
    found = []
    for now in range(1, MONTH + 1, every):
        outlook = project_usage(hours[: before + now], BEGIN - before, BEGIN, END)
        found.append(watch_bill(outlook, PLANS, "start", known))
    return found


def first_raised(found: list[SpikeWarning], every: int = 1) -> int | None:
    return next((1 + at * every for at, each in enumerate(found) if each.raised is not Raised.NOT), None)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weeks", [4, 8])
def test_no_warning_in_thirty_clean_days(seed: int, weeks: int) -> None:
    before = weeks * WEEK
    found = run(traffic(seed, before + MONTH), before)
    assert first_raised(found) is None
    last = found[-1]
    assert last.current.low == last.current.expected == last.current.high == last.current.so_far


def test_no_warning_while_traffic_grows_by_a_tenth_a_month_or_is_very_noisy() -> None:
    before = 6 * WEEK
    growing = traffic(5, before + MONTH) * (1.1 ** (np.arange(before + MONTH) / MONTH))[:, None]
    assert first_raised(run(growing.astype(np.int64), before, every=3), 3) is None
    assert first_raised(run(traffic(6, before + MONTH, noise=0.6), before, every=3), 3) is None


@pytest.mark.parametrize(
    ("times", "begins", "within"),
    [(300, 10 * 24 + 14, 2), (50, 3 * 24 + 3, 3), (20, 5 * 24 + 20, 4), (20, 0, 4), (300, 29 * 24, 3)],
)
def test_a_spike_is_raised_within_hours_of_its_begin(times: int, begins: int, within: int) -> None:
    before = 6 * WEEK
    hours = traffic(7, before + MONTH, gb_an_hour=20)
    hours[before + begins : before + begins + 36] *= times
    found = run(hours, before)
    at = first_raised(found)
    assert at is not None
    assert begins < at <= begins + within
    warning = found[at - 1]
    assert warning.spike is not None
    assert abs(warning.spike.since - (BEGIN + begins)) <= 1
    assert warning.spike.factor > times / 3


def test_the_client_hears_of_it_before_the_bill_has_passed() -> None:
    """A slow spike, ten times the usual: raised as expected, well before it is passed."""
    before = 6 * WEEK
    hours = traffic(8, before + MONTH, gb_an_hour=20)
    hours[before + 100 :] *= 10
    found = run(hours, before)
    at = first_raised(found)
    passed = next(i for i, each in enumerate(found, 1) if each.current.so_far > each.limit)
    assert at is not None
    assert found[at - 1].raised is Raised.EXPECTED
    assert at + 24 <= passed


def test_the_viral_day_of_a_small_client() -> None:
    """3,000 a month, one day of 833 TB: a million under his plan; raised in the first hours, with the better plan."""
    before = 6 * WEEK
    hours = traffic(9, before + MONTH, gb_an_hour=1)
    hours[before + 300 : before + 324, 0] += 833_333 * GB // 24
    found = run(hours, before)
    at = first_raised(found)
    assert at is not None
    assert 300 < at <= 302
    end = found[-1]
    assert end.raised is Raised.PASSED
    assert 1_000_000 <= end.current.expected <= 1_010_000
    assert end.best.plan == "flat"
    assert end.saving == end.current.expected - Decimal(150_000)
    assert (found[at - 1].usual, found[at - 1].limit) == (Decimal(3_000), Decimal(4_500))


def test_the_interval_of_clean_months_holds_the_truth() -> None:
    before, held, asked = 6 * WEEK, 0, 0
    for seed in range(20, 60):
        hours = traffic(seed, before + MONTH, gb_an_hour=20)
        truth = PLANS["start"](hours[before:])
        for now in (24, 240, 480):
            outlook = project_usage(hours[: before + now], BEGIN - before, BEGIN, END)
            bill = forecast_bill(outlook, "start", PLANS["start"])
            held += bill.low <= truth <= bill.high
            asked += 1
            assert bill.high - bill.low < truth / 2, "and is no interval that holds everything"
    assert held / asked >= 0.9


def test_the_interval_of_a_spike_holds_the_truth_from_its_first_hour() -> None:
    before, held, asked = 6 * WEEK, 0, 0
    for seed in range(60, 160):
        rng = np.random.default_rng(seed)
        hours = traffic(seed, before + MONTH, gb_an_hour=20)
        begins, lasts = int(rng.integers(0, MONTH - 24)), int(rng.integers(1, 200))
        hours[before + begins : before + begins + lasts] *= int(np.exp(rng.uniform(2.3, 6)))
        truth = PLANS["start"](hours[before:])
        for now in (begins + 1, begins + 4, begins + 20):
            outlook = project_usage(hours[: before + now], BEGIN - before, BEGIN, END)
            bill = forecast_bill(outlook, "start", PLANS["start"])
            held += bill.low <= truth <= bill.high
            asked += 1
    assert held / asked >= 0.9


def test_without_a_past_only_what_was_counted_raises() -> None:
    hours = traffic(3, 20, gb_an_hour=100)
    outlook = project_usage(hours, BEGIN, BEGIN, END)
    assert outlook.basis is Basis.NOTHING
    warning = watch_bill(outlook, PLANS, "start", Decimal(3_000))
    assert warning.raised is Raised.NOT
    assert warning.current.expected > warning.limit, "it would be, were the first day a usual one"
    hours[-1] *= 100
    outlook = project_usage(hours, BEGIN, BEGIN, END)
    assert watch_bill(outlook, PLANS, "start", Decimal(3_000)).raised is Raised.PASSED


def test_a_few_days_of_past_make_a_usual_day() -> None:
    hours = traffic(4, 5 * 24 + 60, gb_an_hour=20)
    before = 5 * 24
    outlook = project_usage(hours, BEGIN - before, BEGIN, END)
    assert (outlook.basis, outlook.spike) == (Basis.DAYS, None)
    hours[-2:] *= 200
    outlook = project_usage(hours, BEGIN - before, BEGIN, END)
    assert outlook.spike is not None
    assert watch_bill(outlook, PLANS, "start", Decimal(18_000)).raised is Raised.EXPECTED


def test_no_warning_in_a_new_customers_first_month() -> None:
    """Told as weeks of nothing before, or not told at all."""
    for seed in range(3):
        hours = traffic(seed, MONTH, gb_an_hour=20)
        usual = PLANS["start"](hours)
        for before in (0, 6 * WEEK):
            padded = np.concatenate([np.zeros((before, 2), np.int64), hours])
            assert first_raised(run(padded, before, every=3, usual=usual), 3) is None


def test_traffic_where_there_was_none_is_a_spike_without_a_factor() -> None:
    hours = np.zeros((4 * WEEK + 10, 1), np.int64)
    hours[0] = 1
    hours[-2:] = 5_000 * GB
    outlook = project_usage(hours, BEGIN - 4 * WEEK, BEGIN, END)
    assert outlook.spike is not None
    assert outlook.spike.factor == float("inf")
    assert watch_bill(outlook, PLANS, "start", Decimal(10_000)).raised is Raised.EXPECTED


def test_a_bill_that_falls_as_usage_grows_keeps_its_interval_in_order() -> None:
    def falling(hours: Hours) -> Decimal:
        return max(Decimal(0), Decimal(100_000) - Decimal(int(hours[:, 0].sum())) / GB)

    outlook = project_usage(traffic(1, 4 * WEEK + 100), BEGIN - 4 * WEEK, BEGIN, END)
    bill = forecast_bill(outlook, "odd", falling)
    assert bill.low < bill.expected < bill.high


@pytest.mark.parametrize(("first", "hours"), [(BEGIN - 10, 5), (BEGIN, MONTH + 1)])
def test_usage_of_another_time_is_refused(first: int, hours: int) -> None:
    with pytest.raises(ValueError, match="expected usage"):
        project_usage(np.zeros((hours, 1), np.int64), first, BEGIN, END)


def check(outlook: Outlook, hours: Hours, before: int) -> None:
    known = hours[before:] if before >= 0 else hours
    for course in (outlook.low, outlook.expected, outlook.high):
        assert course.shape == (MONTH, hours.shape[1])
        assert (course >= 0).all()
        assert (course[outlook.known - len(known) : outlook.known] == known).all(), "what was counted stays"
    assert (outlook.low <= outlook.expected).all()
    assert (outlook.expected <= outlook.high).all()


@given(
    st.integers(-48, 900),
    st.integers(0, MONTH),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 10**6, 10**13]),
)
def test_the_courses_are_in_order_whatever_comes(
    before: int, now: int, measures: int, seed: int, scale: int
) -> None:
    """`before` below zero: usage begins in the middle of the period."""
    rng = np.random.default_rng(seed)
    hours = rng.integers(0, scale, (max(before + now, 0), measures), endpoint=True)
    hours[rng.random(hours.shape) < 0.3] = 0
    first = BEGIN - before if before + now >= 0 else BEGIN + now
    check(project_usage(hours, first, BEGIN, END), hours, before)
