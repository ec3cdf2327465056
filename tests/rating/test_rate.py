"""A plan's bill: its lines' sum whatever the plan, limits, groups, shares, taxes, and parts of a month."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rating.bill_changes import check_sums
from pipeline.rating.charge import rate_charge, rate_exactly
from pipeline.rating.model import (
    Bill,
    Charge,
    Discount,
    Meter,
    Model,
    Period,
    Plan,
    Quantity,
    Rounding,
    Tax,
    Tier,
)
from pipeline.rating.proration import factor_of
from pipeline.rating.rate import rate_plan
from pipeline.rating.rounding import RateError, add_up, round_to
from pipeline.rating.taxes import split_gross
from tests.rating.drawn_plans import (
    MONTH,
    charge,
    discounts,
    plan,
    quantity,
    rated_plans,
    taxes,
    tier_tables,
)

VAT = Tax("VAT", Decimal(22), included=False)


def flat(amount: str, name: str = "fee", **fields: object) -> Charge:
    return charge(
        Model.FLAT, name, **{"meter": Meter.FLAT, "flat": Decimal(amount), "rounding": Rounding(2), **fields}
    )


def amounts(bill: Bill, kind: str) -> list[Decimal]:
    return [line.amount for line in bill.lines if line.kind == kind]


@given(rated_plans(), discounts, st.none() | taxes, st.integers(0, 31))
def test_a_bill_is_the_sum_of_its_lines(
    drawn: tuple[Plan, tuple[Quantity, ...]], off: list[Discount], tax: Tax | None, days: int
) -> None:
    of, counted = drawn
    bill = rate_plan(of, counted, MONTH, factor=Fraction(days, 31), tax=tax, discounts=off, customer="c1")
    assert check_sums(bill) == []
    assert bill.net >= 0
    if tax is not None and tax.included:
        # What the customer pays is what the price list says.
        assert bill.total == rate_plan(of, counted, MONTH, factor=Fraction(days, 31), discounts=off).total
    if tax is not None and not tax.included:
        assert bill.tax == round_to(Fraction(bill.net) * Fraction(tax.rate) / 100, of.rounding)
    if not off and (tax is None or not tax.included):
        part = Fraction(days, 31)
        if of.minimum is not None:
            assert bill.net >= round_to(Fraction(of.minimum) * part, of.rounding) - Decimal("0.01")
            assert not amounts(bill, "minimum") or bill.net == round_to(
                Fraction(of.minimum) * part, of.rounding
            )
        if of.cap is not None and amounts(bill, "cap"):
            assert bill.net == round_to(Fraction(of.cap) * part, of.rounding)


@given(st.lists(st.decimals(0, 50, places=4), min_size=1, max_size=6))
def test_a_total_is_rounded_once(sums: list[Decimal]) -> None:
    at_total = Rounding(2, "half_up", "total")
    of = plan(*(flat(str(each), f"c{i}", rounding=at_total) for i, each in enumerate(sums)))
    bill = rate_plan(of, (), MONTH)
    assert bill.total == round_to(sum(map(Fraction, sums), Fraction(0)), at_total)
    for line, each in zip(bill.lines, sums, strict=True):
        assert abs(line.amount - each) < Decimal("0.01")


def test_the_minimum_and_the_cap_are_lines_that_say_against_what() -> None:
    bill = rate_plan(plan(flat("1200"), minimum=Decimal(3000)), (), MONTH)
    assert amounts(bill, "minimum") == [Decimal(1800)]
    assert "minimum 3000, against 1200" in bill.lines[-1].rule
    assert len(rate_plan(plan(flat("1200"), minimum=Decimal(1200)), (), MONTH).lines) == 1
    assert len(rate_plan(plan(flat("1200"), cap=Decimal(1200)), (), MONTH).lines) == 1
    bill = rate_plan(plan(flat("1200"), cap=Decimal(1000)), (), MONTH, tax=VAT)
    assert (amounts(bill, "cap"), bill.net, bill.tax) == ([Decimal(-200)], Decimal(1000), Decimal(220))


def test_half_a_month_has_half_a_minimum() -> None:
    bill = rate_plan(plan(flat("1000"), minimum=Decimal(3000)), (), MONTH, factor=Fraction(1, 2))
    assert [line.amount for line in bill.lines] == [500, 1000]


def test_only_the_dearest_of_a_group_is_paid() -> None:
    of = plan(flat("10", "in", group="way"), flat("30", "out", group="way"), flat("1", "fee"))
    bill = rate_plan(of, (), MONTH)
    assert [line.amount for line in bill.lines] == [0, 30, 1]
    assert bill.lines[0].parts[-1].what == "paid by out in group way"


@given(tier_tables(), st.integers(0, 60), st.integers(0, 60))
def test_capacities_of_a_group_pay_the_highest_tier(tiers: tuple[Tier, ...], one: int, other: int) -> None:
    of = plan(*(charge(Model.CAPACITY, name, tiers=tiers, group="g") for name in ("gb", "requests")))
    bill = rate_plan(of, [quantity(Decimal(one), "gb"), quantity(Decimal(other), "requests")], MONTH)
    alone = rate_charge(replace(of.charges[0], group=""), quantity(Decimal(max(one, other)), "gb"))
    assert bill.total == alone.amount


def test_a_share_is_of_the_charges_it_names_or_of_all_others() -> None:
    share = charge(Model.PERCENTAGE, "support", meter=Meter.FLAT, rate=Decimal("0.1"))
    fees = (flat("100", "a"), flat("50", "b"))
    # A meter that counts 1 for whatever is flat has no say.
    assert rate_plan(plan(share, *fees), [quantity("1", "support")], MONTH).total == 165
    assert rate_plan(plan(*fees, replace(share, of=("b",))), (), MONTH).total == 155
    # One share is not of another.
    assert rate_plan(plan(*fees, share, replace(share, id="guarantee")), (), MONTH).total == 180
    with pytest.raises(RateError, match="expected charges before it in of, found c"):
        rate_plan(plan(*fees, replace(share, of=("c",))), (), MONTH)


def test_every_fault_of_the_quantities_is_told_at_once() -> None:
    of = plan(charge(Model.PER_UNIT, "a", unit_price=Decimal(1)), charge(Model.PER_UNIT, "b"))
    with pytest.raises(RateError) as told:
        rate_plan(of, [quantity("1", "b"), quantity("1", "b"), quantity("1", "x")], MONTH)
    assert str(told.value) == (
        "plan p: expected one quantity a charge, found no quantity of a (bytes_sent); quantity of b twice; "
        "quantity of x, which the plan does not have"
    )


def test_a_line_may_have_a_tax_of_its_own() -> None:
    free = Tax("VAT 0", Decimal(0), included=False)
    of = plan(flat("100", "a"), flat("300", "b", tax=free))
    bill = rate_plan(of, (), MONTH, tax=VAT, discounts=[Discount("d", amount=Decimal(40))])
    # The discount takes 10 from the first line and 30 from the second.
    assert {line.id: (line.quantity, line.amount) for line in bill.lines if line.kind == "tax"} == {
        "VAT": (Decimal(90), Decimal("19.80")),
        "VAT 0": (Decimal(270), Decimal(0)),
    }


@given(st.decimals(0, 10**6, places=2), taxes)
def test_a_gross_sum_is_net_and_tax(gross: Decimal, tax: Tax) -> None:
    net, owed = split_gross(gross, tax, Rounding(2))
    assert net + owed == gross
    exact = Fraction(gross) * Fraction(tax.rate) / (100 + Fraction(tax.rate))
    assert abs(Fraction(owed) - exact) <= Fraction(1, 200)


@given(
    st.sampled_from(["Europe/Moscow", "America/New_York", "Asia/Beirut", "UTC"]),
    st.integers(1, 12),
    st.lists(st.integers(0, 31 * 24 * 60), max_size=4),
    st.sampled_from(["day", "second"]),
)
def test_the_parts_of_a_month_are_the_month(tz: str, month: int, cuts: list[int], rule: str) -> None:
    zone = ZoneInfo(tz)
    begin = datetime(2026, month, 1, tzinfo=zone).astimezone(UTC)
    end = datetime(2026 + month // 12, month % 12 + 1, 1, tzinfo=zone).astimezone(UTC)
    whole = Period(begin, end, tz)
    at = sorted({begin, end, *(min(end, begin + timedelta(minutes=cut)) for cut in cuts)})
    parts = [factor_of(Period(a, b, tz), whole, rule) for a, b in pairwise(at)]
    assert sum(parts) == 1
    assert all(part >= 0 for part in parts)


def test_days_are_those_of_the_months_own_zone() -> None:
    zone = ZoneInfo("Europe/Moscow")
    whole = Period(datetime(2026, 11, 1, tzinfo=zone), datetime(2026, 12, 1, tzinfo=zone), "Europe/Moscow")
    rest = Period(datetime(2026, 11, 15, 21, tzinfo=UTC), whole.end, "Europe/Moscow")
    assert factor_of(rest, whole, "day") == Fraction(15, 30)
    assert factor_of(rest, whole, "none") == 1
    # A day that two spans share is of the one in which it begins.
    noon = datetime(2026, 11, 3, 12, tzinfo=zone)
    assert factor_of(Period(whole.begin, noon, whole.tz), whole, "day") == Fraction(3, 30)
    assert factor_of(Period(noon, whole.end, whole.tz), whole, "day") == Fraction(27, 30)
    with pytest.raises(RateError, match="expected none, day, second, found 'week'"):
        factor_of(rest, whole, "week")
    with pytest.raises(RateError, match="expected a span within"):
        factor_of(whole, rest, "day")


def test_a_month_in_two_plans_costs_no_more_than_the_dearer() -> None:
    old, new = plan(flat("3000")), plan(flat("9000"))
    spans = [
        rate_plan(old, (), MONTH, factor=Fraction(10, 30)),
        rate_plan(new, (), MONTH, factor=Fraction(20, 30)),
    ]
    assert add_up(bill.total for bill in spans) == 7000


def test_a_rate_of_half_a_month_costs_half_as_much() -> None:
    of = charge(Model.PERCENTILE, meter=Meter.P95_BPS, unit="Mbps", unit_price=Decimal(100))
    rated = rate_exactly(of, quantity("100"), Fraction(1, 2))
    assert rated.amount == 5000
    assert rated.line.parts[-1].what == "for 1/2 of the month"
