"""Simulation against trying everything: each plan by the Decimal rating, each switch of plan on each day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rating.book import SHIPPED, read_book
from pipeline.rating.compiled_book import compile_book
from pipeline.rating.meter import Metering, meter_plan
from pipeline.rating.model import Charge, Discount, Meter, Model, Period, Plan, Rounding, Tax, Tier
from pipeline.rating.proration import factor_of
from pipeline.rating.rate import rate_plan
from pipeline.rating.rounding import RateError
from pipeline.rating.simulate import simulate
from pipeline.rating.simulation import Simulation
from pipeline.rating.switch_date import best_switch
from pipeline.rating.usage import Usage, UsageError, usage_of

MOSCOW = "Europe/Moscow"
DAY = date(2026, 11, 10)
ZONES = ("ru-central", "ru-siberia", "eu")
OURS = [plan for plan in read_book(SHIPPED).valid(DAY) if plan.currency == "RUB"]


def month(tz: str = MOSCOW, number: int = 11) -> Period:
    zone = ZoneInfo(tz)
    return Period(
        datetime(2026, number, 1, tzinfo=zone).astimezone(UTC),
        datetime(2026, number + 1, 1, tzinfo=zone).astimezone(UTC),
        tz,
    )


def spiky(seed: int, span: Period, gigabytes: float, spike_day: int) -> Usage:
    """A row an hour and zone, and a day with twenty times as much."""
    rng = np.random.default_rng(seed)
    first, after = (int(at.timestamp()) // 60 for at in (span.begin, span.end))
    minutes = np.repeat(np.arange(first, after, 60), len(ZONES))
    sent = rng.exponential(gigabytes * 1e9 / len(minutes), len(minutes))
    sent[(minutes - first) // 1440 == spike_day] *= 20
    zones = np.tile(np.arange(len(ZONES)), len(minutes) // len(ZONES))
    return usage_of(
        minutes,
        zone=(ZONES, zones),
        requests=(sent / 1e5).astype(np.int64),
        bytes_sent=sent.astype(np.int64),
        body_bytes=(sent * 0.98).astype(np.int64),
    )


def plain(name: str, price: str, *, currency: str = "RUB", **more: object) -> Plan:
    charge = Charge("traffic", Meter.BYTES_SENT, Model.PER_UNIT, "GB", unit_price=Decimal(price))
    return Plan(name, 1, {}, currency, date(2026, 1, 1), None, (replace(charge, **more),))  # type: ignore[arg-type]


def net_of(plan: Plan, usage: Usage, span: Period, whole: Period) -> Decimal | None:
    try:
        factor = factor_of(span, whole, plan.proration)
        return rate_plan(plan, meter_plan(plan, usage, span), span, factor=factor).net
    except RateError:
        return None


usages = st.tuples(
    st.integers(0, 999), st.sampled_from([0.0, 1.0, 800.0, 40_000.0, 3_000_000.0]), st.integers(0, 29)
)


@settings(deadline=None, max_examples=15)  # kernels are compiled at their first call
@given(usages)
def test_the_ranking_is_that_of_rating_each_plan(drawn: tuple[int, float, int]) -> None:
    seed, gigabytes, spike = drawn
    usage = spiky(seed, month(), gigabytes, spike)
    plans = [*OURS, plain("tiered", "1", rounding=Rounding(at="tier")), plain("dollars", "1", currency="USD")]
    found = simulate(usage, plans, month(), switch=False, currency="RUB")
    slow = {plan.id: net_of(plan, usage, month(), month()) for plan in plans if plan.currency == "RUB"}
    rated = {name: net for name, net in slow.items() if net is not None}
    assert {each.plan.id: each.net for each in found.ranked} == rated
    assert [each.plan.id for each in found.ranked] == sorted(rated, key=lambda name: (rated[name], name))
    assert {plan.id for plan, _ in found.left_out} == {plan.id for plan in plans} - set(rated)
    for each in found.ranked:
        assert sum(each.lines.values()) == each.net


@pytest.mark.parametrize("spike", [2, 15, 28])
@pytest.mark.parametrize("current", ["start", "night", "stream"])
def test_the_switch_is_the_best_of_all_days_and_plans(current: str, spike: int) -> None:
    usage, span = spiky(spike, month(), 4000.0, spike), month()
    own = next(plan for plan in OURS if plan.id == current)
    stay = net_of(own, usage, span, span)
    assert stay is not None
    best: tuple[Decimal, int, int] | None = None
    for number in range(1, 30):
        cut = span.begin + timedelta(days=number)  # Moscow's clock does not change
        before = net_of(own, usage, Period(span.begin, cut, span.tz), span)
        for place, plan in enumerate(OURS):
            after = net_of(plan, usage, Period(cut, span.end, span.tz), span)
            if plan is not own and before is not None and after is not None and before + after < stay:
                best = min(best or (before + after, -number, place), (before + after, -number, place))
    found = best_switch(Metering(usage, span), own, OURS, span)
    assert (found is None) == (best is None)
    if best is not None and found is not None:
        assert (found.net, found.day) == (best[0], date(2026, 11, 1) + timedelta(days=-best[1]))
        assert found.plan is OURS[best[2]]


def test_days_of_a_month_in_which_the_clock_changes() -> None:
    span = month("Europe/Berlin", 10)
    usage = spiky(1, span, 4000.0, 20)
    own, other = plain("own", "1"), plain("other", "0.5")
    found = best_switch(Metering(usage, span), own, [other], span)
    assert found is not None
    assert found.day == date(2026, 10, 2)


def one_month(gigabytes: int, plans: list[Plan], current: Plan | None = None) -> Simulation:
    first = int(month().begin.timestamp()) // 60
    usage = usage_of([first + 7], bytes_sent=[gigabytes * 10**9])
    return simulate(usage, plans, month(), current=current, switch=False)


def test_a_bill_that_falls_as_usage_grows_is_pointed_out() -> None:
    tiers = (Tier(Decimal(100), Decimal(2), Decimal(0)), Tier(None, Decimal(1), Decimal(0)))
    volume = plain("volume", "0", model=Model.VOLUME, tiers=tiers)
    graduated = plain("graduated", "0", model=Model.GRADUATED, tiers=tiers)
    for used, worth in ((40, False), (90, True), (150, False)):
        by_id = {each.plan.id: each for each in one_month(used, [volume, graduated]).ranked}
        assert by_id["graduated"].falls == ()
        (fall,) = by_id["volume"].falls
        assert (fall.charge, fall.up_to, fall.unit, fall.worth_using_more) == (
            "traffic",
            Decimal(100),
            "GB",
            worth,
        )
        assert (fall.before, fall.after) == (Decimal(200), Decimal(100))


def test_causes_sensitivity_and_what_is_left_out() -> None:
    cheap, dear = plain("cheap", "1"), replace(plain("dear", "1.5"), minimum=Decimal(200))
    counted = Charge("r", Meter.REQUESTS, Model.PER_UNIT, "requests", unit_price=Decimal(1))
    blind = replace(plain("blind", "1"), charges=(counted,))
    bounded = plain("bounded", "0", model=Model.GRADUATED, tiers=(Tier(Decimal(10), Decimal(1), Decimal(0)),))
    found = one_month(100, [dear, cheap, blind, bounded, plain("dollars", "1", currency="USD")])
    assert [each.plan.id for each in found.ranked] == ["cheap", "dear"]
    assert found.ranked[0].causes == ()
    causes = [(c.what, c.lines, c.more) for c in found.ranked[1].causes]
    assert causes == [
        ("bytes_sent", ("traffic",), Decimal(50)),
        ("plan-minimum", ("plan-minimum",), Decimal(50)),
    ]
    assert found.ranked[1].shifted == (Decimal(200), Decimal(200))
    assert found.ranked[0].shifted == (Decimal(80), Decimal(120))
    assert found.best_shifted == ("cheap", "cheap")
    reasons = {plan.id: why for plan, why in found.left_out}
    assert reasons["dollars"] == "its currency is USD, not RUB"
    assert "expected usage with requests" in reasons["blind"]
    assert "expected at most 10 GB" in reasons["bounded"]


def test_the_bills_that_are_shown_have_tax_and_discounts() -> None:
    own, other = plain("own", "2"), plain("other", "1")
    first = int(month().begin.timestamp()) // 60
    usage = usage_of([first], bytes_sent=[10**11])
    found = simulate(
        usage,
        compile_book([own, other]),
        month(),
        current=own,
        tax=Tax("НДС", Decimal(22), False),
        discounts=(Discount("d", percent=Decimal(50)),),
    )
    assert found.current is not None
    assert found.current_bill is not None
    assert found.best_bill is not None
    assert (found.current.net, found.current_bill.total) == (Decimal(200), Decimal(122))
    assert (found.best_bill.plan, found.best_bill.total) == ("other", Decimal(61))


def test_no_plans_and_no_usage() -> None:
    nothing = usage_of([], requests=[], bytes_sent=[], body_bytes=[])
    assert simulate(nothing, [], month()).ranked == ()
    assert len(simulate(nothing, OURS, month(), current=OURS[0]).ranked) == len(OURS)
    with pytest.raises(UsageError):
        best_switch(
            Metering(usage_of([], requests=[]), month()), plain("own", "1"), [plain("b", "1")], month()
        )
