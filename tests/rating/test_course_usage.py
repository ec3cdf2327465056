"""Courses of a month as usage: to the last byte, and a spike warned of with the real engine's plans."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rating.course_usage import MEASURES, Courses
from pipeline.rating.meter import meter_plan
from pipeline.rating.model import Charge, Meter, Model, Percentile, Period, Plan, Where
from pipeline.rating.rate import rate_plan
from pipeline.rating.spike import Hours, Raised, Rate, project_usage, watch_bill
from pipeline.rating.usage import Usage, usage_of

GB = 10**9
BEGIN = 494_568
DAYS, PAST = 30, 28
END = BEGIN + DAYS * 24
PERIOD = Period(datetime.fromtimestamp(BEGIN * 3600, UTC), datetime.fromtimestamp(END * 3600, UTC), "UTC")


def make_plan(name: str, *charges: Charge, minimum: str | None = None) -> Plan:
    floor = None if minimum is None else Decimal(minimum)
    return Plan(name, 1, {}, "RUB", date(2026, 1, 1), None, charges, minimum=floor)


def per_gb(name: str, price: str, zone: str) -> Charge:
    where = Where(zones=(zone,))
    return Charge(name, Meter.BYTES_SENT, Model.PER_UNIT, "GB", {}, Decimal(price), where=where)


P95 = Percentile(Decimal(95), 300, "nearest_rank", "sum", "zero", False)
START = make_plan("start", per_gb("ru", "1.20", "ru"), per_gb("asia", "3.00", "asia"), minimum="3000")
BAND = make_plan(
    "band", Charge("p95", Meter.P95_BPS, Model.PER_UNIT, "Mbps", {}, Decimal(90), percentile=P95)
)


def steady(hours: int, first: int, gb_an_hour: int = 4, spike: tuple[int, int, int] = (0, 0, 1)) -> Usage:
    """A row every five minutes in each of two zones, three parts of four in `ru`; `spike`: (from, to, times)."""
    minute = np.repeat(np.arange(first * 60, (first + hours) * 60, 5), 2)
    sent = np.tile([gb_an_hour * GB // 16, gb_an_hour * GB // 48], len(minute) // 2)
    begin, end, times = spike
    sent = np.where((minute >= begin * 60) & (minute < end * 60), sent * times, sent)
    zone = np.tile([0, 1], len(minute) // 2)
    return usage_of(
        minute, zone=(["ru", "asia"], zone), bytes_sent=sent, requests=sent // GB, body_bytes=sent // 2
    )


def hours_of(usage: Usage, first: int, after: int) -> Hours:
    """Usage of hours [first, after) since 1970: int64 [hours, MEASURES]."""
    found = np.zeros((after - first, len(MEASURES)), np.int64)
    for column, measure in enumerate(MEASURES):
        for minute, amount in zip(usage.minute, getattr(usage, measure), strict=True):
            if first <= (hour := int(minute) // 60) < after:
                found[hour - first, column] += int(amount)
    return found


def rates(courses: Courses) -> dict[str, Rate]:
    def bill(plan: Plan) -> Rate:
        return courses.rate(lambda usage: rate_plan(plan, meter_plan(plan, usage, PERIOD), PERIOD).total)

    return {plan.id: bill(plan) for plan in (START, BAND)}


def test_steady_usage_goes_on_as_it_is_under_every_plan() -> None:
    whole = steady((PAST + DAYS) * 24, BEGIN - PAST * 24)
    now = BEGIN + 100
    usage = steady(PAST * 24 + 100, BEGIN - PAST * 24)
    outlook = project_usage(hours_of(usage, BEGIN - PAST * 24, now), BEGIN - PAST * 24, BEGIN, END)
    courses = Courses(outlook, usage)
    for plan in (START, BAND):
        truth = rate_plan(plan, meter_plan(plan, whole, PERIOD), PERIOD).total
        found = rates(courses)[plan.id](outlook.expected)
        assert abs(found - truth) <= truth / 10_000, plan.id
    assert watch_bill(outlook, rates(courses), "start", Decimal(4_320)).raised is Raised.NOT


def test_a_spike_is_raised_with_the_plan_that_forgets_it() -> None:
    """A day of fifty times the usual: bytes make the bill, and a 95th percentile does not see it."""
    first, spike = BEGIN - PAST * 24, (BEGIN + 97, BEGIN + 100, 50)
    usage = steady(PAST * 24 + 100, first, spike=spike)
    outlook = project_usage(hours_of(usage, first, BEGIN + 100), first, BEGIN, END)
    assert outlook.spike is not None
    assert outlook.spike.since == BEGIN + 97
    warning = watch_bill(outlook, rates(Courses(outlook, usage)), "start", Decimal(4_320))
    assert warning.raised is Raised.EXPECTED
    assert warning.current.so_far < warning.limit < warning.current.expected
    assert warning.best.plan == "band"


def test_lost_or_made_is_nothing_even_without_a_past() -> None:
    nothing = usage_of([], bytes_sent=[], requests=[], body_bytes=[])
    outlook = project_usage(np.zeros((0, 3), np.int64), BEGIN, BEGIN, END)
    course = np.zeros((DAYS * 24, 3), np.int64)
    course[5] = [17, 3, 10**15]
    found = Courses(outlook, nothing).usage(course)
    assert (hours_of(found, BEGIN, END) == course).all()
    assert (found.resources, found.zones) == (("",), ("",))


@given(st.integers(1, 60), st.integers(0, 2**32 - 1), st.sampled_from([1, 50, 10**6, 10**15]))
@settings(max_examples=30, deadline=None)
def test_a_course_and_its_usage_have_the_same_hours(known: int, seed: int, scale: int) -> None:
    rng = np.random.default_rng(seed)
    minute = rng.integers((BEGIN - 48) * 60, (BEGIN + known) * 60, 40)
    columns = {measure: rng.integers(0, scale, 40, endpoint=True) for measure in MEASURES}
    names = [f"r{place}" for place in range(7)]
    usage = usage_of(
        minute, resource=(names, rng.integers(0, 7, 40)), zone=(["a", "b"], rng.integers(0, 2, 40)), **columns
    )
    outlook = project_usage(hours_of(usage, BEGIN - 48, BEGIN + known), BEGIN - 48, BEGIN, END)
    courses = Courses(outlook, usage)
    for course in (outlook.low, outlook.expected, outlook.high, outlook.so_far):
        assert (hours_of(courses.usage(course), BEGIN, END) == course).all()
