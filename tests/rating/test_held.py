"""What a month costs as it stands, and one price for all of its time: contracts of parts, holes, zones of time;
against bills of the parts and of the whole by pipeline.rating.month."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.coverage.periods import Month
from pipeline.rating.contracts import spans_in
from pipeline.rating.held import Held, rate_once, standing_of
from pipeline.rating.meter import Metering
from pipeline.rating.model import Charge, Contract, Discount, Meter, Model, Plan, Span, Tax, Term, Tier
from pipeline.rating.month import rate_span
from pipeline.rating.peak import find_peak, so_far
from pipeline.rating.simulate import simulate
from pipeline.rating.usage import Usage, usage_of

OCTOBER = Month(2026, 10)
TIERS = (Tier(Decimal(100), Decimal(3), Decimal(0)), Tier(None, Decimal(2), Decimal(0)))
TRAFFIC = Charge("traffic", Meter.BYTES_SENT, Model.GRADUATED, "GB", tiers=TIERS)
BAND = Charge("band", Meter.P95_BPS, Model.PERCENTILE, "Mbps", unit_price=Decimal(90))
PLANS = tuple(
    Plan(f"{rule}-{charge.id}", 1, {}, "RUB", date(2026, 1, 1), None, (charge,), Decimal(310), proration=rule)
    for rule in ("day", "none", "second")
    for charge in (TRAFFIC, BAND)
)
LESS = Discount("less", percent=Decimal(10))


def contract(begin: int, end: int | None, tz: str = "Europe/Moscow") -> Contract:
    first = datetime(2026, 9, 30, 21, tzinfo=UTC)
    return Contract(
        "c",
        "p",
        first + timedelta(days=begin),
        None if end is None else first + timedelta(days=end),
        tz,
        taxes=((Term(), Tax("VAT", Decimal(22), False)),),
        discounts=((Term(), LESS),),
    )


def month_usage(seed: int, spans: tuple[Span, ...]) -> Usage:
    rng = np.random.default_rng(seed)
    minutes = np.concatenate(
        [
            np.arange(int(s.period.begin.timestamp()) // 60, int(s.period.end.timestamp()) // 60, 90)
            for s in spans
        ]
    )
    return usage_of(minutes, bytes_sent=rng.integers(0, 10**9, len(minutes)))


cuts = st.lists(st.integers(1, 30), min_size=0, max_size=3, unique=True).map(sorted)


@settings(deadline=None, max_examples=20)
@given(cuts, st.integers(0, 30), st.integers(0, 99), st.randoms(use_true_random=False))
def test_it_is_the_sum_of_the_bills_of_the_parts(cut: list[int], begin: int, seed: int, dice: object) -> None:
    edges = [each for each in (begin, *cut, 31) if each >= begin]
    edges = sorted(set(edges))
    spans = spans_in([contract(a, b) for a, b in pairwise(edges)] or [contract(begin, None)], OCTOBER)
    plans = tuple(PLANS[dice.randrange(len(PLANS))] for _ in spans)  # type: ignore[attr-defined]
    held, usage = Held(spans, plans), month_usage(seed, spans)
    standing = standing_of(held, Metering(usage, held.period), (100,))
    assert standing is not None
    bills = [rate_span(plan, usage, span) for plan, span in zip(plans, spans, strict=True)]
    assert list(standing.bills) == bills
    assert standing.total == sum(bill.total for bill in bills)
    assert standing.shifted == (standing.net,)
    bare = [
        rate_span(plan, usage, replace(s, tax=None, discounts=()))
        for plan, s in zip(plans, spans, strict=True)
    ]
    assert list(standing.nets) == [bill.net for bill in bare]
    found = simulate(usage, list(PLANS), held.period, current=plans[-1], held=held, switch=False)
    assert found.standing is not None
    assert found.standing.net == standing.net
    whole = replace(held.once(), tax=None, discounts=())
    for each in found.ranked:
        assert each.net == rate_span(each.plan, usage, whole).net, each.plan.id
    once = rate_once(held, PLANS[0], Metering(usage, held.period))
    assert once == rate_span(PLANS[0], usage, held.once())


def test_a_hole_is_not_paid_for_and_two_zones_of_time_are_one_month_at_most() -> None:
    hole = Held(spans_in([contract(0, 10), contract(21, None)], OCTOBER), PLANS[:2])
    assert (hole.factor("day"), hole.factor("none")) == (Fraction(20, 31), Fraction(1))
    assert hole.once().discounts == (LESS,)
    east = contract(0, 10, "Asia/Vladivostok")
    zones = Held(spans_in([east, replace(contract(10, None), tz="UTC")], OCTOBER), PLANS[:2])
    assert Fraction(30, 31) <= zones.factor("second") <= 1


def test_a_day_stands_out_or_nothing_is_said() -> None:
    span = spans_in([contract(0, None)], OCTOBER)[0].period
    first = int(span.begin.timestamp()) // 60
    days = np.arange(31) * 1440 + first
    even = usage_of(days, resource=(("a", "b"), np.arange(31) % 2), bytes_sent=np.full(31, 10))
    assert find_peak(even, span) is None
    sent = np.full(31, 10)
    sent[4] = 22  # of 322: 2.1 even shares
    peak = find_peak(usage_of(days, resource=(("a", "b"), np.arange(31) % 2), bytes_sent=sent), span)
    assert peak is not None
    assert (peak.day, peak.share, peak.resource) == (date(2026, 10, 5), Decimal("0.068"), "a")
    three = usage_of(days[:3], bytes_sent=np.full(3, 10))
    assert find_peak(three, span) is not None, "of a month that is over"
    assert find_peak(three, so_far(span, span.begin + timedelta(days=3))) is None, "of three days that are"
