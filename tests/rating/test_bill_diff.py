"""Differences grouped by cause: a cause's sum is rating with it less without it, all are the whole."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rating.bill_diff import Cause, Terms, explain_difference
from pipeline.rating.model import Bill, Discount, Tax
from tests.rating.billing import make_bill, make_line

PRICES = {("start", 1): Decimal("1.20"), ("start", 2): Decimal("1.10"), ("volume", 1): Decimal("0.40")}


def rate(terms: Terms) -> Bill:
    """A little charge engine: GB at a price, discounts, a tax."""
    units = Decimal(terms.usage)
    net = (units * PRICES[terms.plan, terms.plan_version]).quantize(Decimal("0.01"))
    lines = [make_line(str(net), quantity=str(units))]
    for discount in terms.discounts:
        off = (-net * (discount.percent or 0) / 100).quantize(Decimal("0.01"))
        lines.append(make_line(str(off), discount.name, "discount"))
    if terms.tax:
        owed = sum((line.amount for line in lines), Decimal(0)) * terms.tax.rate / 100
        lines.append(make_line(str(owed.quantize(Decimal("0.01"))), terms.tax.name, "tax"))
    return make_bill(lines, plan=terms.plan, version=terms.plan_version)


terms = st.builds(
    lambda usage, plan, discounts, tax: Terms(str(usage), plan[0], plan[1], tuple(discounts), tax),
    st.integers(1, 10**9),
    st.sampled_from(sorted(PRICES)),
    st.lists(st.sampled_from([Discount("a", Decimal(10)), Discount("b", Decimal("33.3"))]), max_size=2, unique_by=str),
    st.sampled_from([None, Tax("НДС", Decimal(22), False), Tax("НДС", Decimal(20), False)]),
)  # fmt: skip


@given(terms, terms)
def test_the_causes_make_the_whole_difference(old: Terms, new: Terms) -> None:
    changes = explain_difference(rate(old), old, rate(new), new, rate)
    for name in ("net", "tax", "total"):
        whole = getattr(rate(new), name) - getattr(rate(old), name)
        assert sum(getattr(change, name) for change in changes) == whole
    for change in changes:
        assert sum(line.amount for line in change.lines) == change.total
    differs = {
        Cause.LATE_DATA: old.usage != new.usage,
        Cause.PLAN: old.plan != new.plan,
        Cause.TARIFF_CORRECTION: old.plan == new.plan and old.plan_version != new.plan_version,
        Cause.DISCOUNT: old.discounts != new.discounts,
        Cause.TAX: old.tax != new.tax,
    }
    assert {change.cause for change in changes} <= {cause for cause, is_so in differs.items() if is_so}


def test_each_cause_is_priced_after_those_before_it() -> None:
    tax = Tax("НДС", Decimal(22), False)
    old = Terms("1000", "start", 1, (), tax)
    new = Terms("1500", "volume", 1, (Discount("spike", Decimal(50)),), tax)
    changes = {c.cause: c for c in explain_difference(rate(old), old, rate(new), new, rate)}
    assert {cause: change.net for cause, change in changes.items()} == {
        Cause.LATE_DATA: Decimal("600.00"),  # 500 GB more at 1.20
        Cause.PLAN: Decimal("-1200.00"),  # 1500 GB at 0.40 in the place of 1.20
        Cause.DISCOUNT: Decimal("-300.00"),
    }
    assert changes[Cause.DISCOUNT].tax == Decimal("-66.00")
    assert [line.id for line in changes[Cause.DISCOUNT].lines] == ["spike", "НДС"]


def test_a_bill_that_rating_does_not_make_again_is_unexplained() -> None:
    """At both ends: the old bill was issued by other code, the new one was written by hand."""
    old = new = Terms("1000", "start", 1)
    issued, by_hand = make_bill([make_line("1190.00", quantity="1000")]), make_bill([make_line("5.00")])
    (change,) = explain_difference(issued, old, by_hand, new, rate)
    assert (change.cause, change.total) == (Cause.UNEXPLAINED, Decimal("-1185.00"))
    assert [line.amount for line in change.lines] == [Decimal("10.00"), Decimal("-1195.00")]


def test_bills_of_two_currencies_are_not_compared() -> None:
    bill, terms = rate(Terms("1", "start", 1)), Terms("1", "start", 1)
    with pytest.raises(ValueError, match="currency"):
        explain_difference(bill, terms, replace(bill, currency="EUR"), terms, rate)
