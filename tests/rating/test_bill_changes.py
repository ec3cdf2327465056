"""Credit notes and differences to the kopeck, held against sums of fractions; bills that come back out of JSON."""

from __future__ import annotations

import decimal
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings

from pipeline.rating.bill_changes import check_sums, credit_note, delta_bill, delta_lines
from pipeline.rating.bill_entries import bill_digest, canonical
from pipeline.rating.exports.bill_json import from_json, to_json
from pipeline.rating.model import Bill
from tests.rating.billing import PERIOD, bills, make_bill, make_line, simple_bill


def exactly(bill: Bill, kinds: str = "all") -> Fraction:
    """The slow sum of a bill's lines."""
    wanted = {"all": (True, False), "tax": (True,), "net": (False,)}[kinds]
    return sum((Fraction(line.amount) for line in bill.lines if (line.kind == "tax") in wanted), Fraction(0))


@given(bills)
def test_a_bill_and_its_credit_note_make_zero_on_every_line_and_in_tax(bill: Bill) -> None:
    credit = credit_note(bill, "")
    assert check_sums(credit) == []
    assert [a.amount + b.amount for a, b in zip(bill.lines, credit.lines, strict=True)] == [0] * len(
        bill.lines
    )
    assert [a.quantity + b.quantity for a, b in zip(bill.lines, credit.lines, strict=True)] == [0] * len(
        bill.lines
    )
    assert {bill.net + credit.net, bill.tax + credit.tax, bill.total + credit.total} == {Decimal(0)}
    for part in (part for line in credit.lines for part in line.parts):
        assert not part.amount.is_signed() or part.amount < 0, "no zero with a sign"
    assert credit_note(credit, "") == bill


@given(bills, bills)
@settings(max_examples=200)
def test_credit_note_and_new_bill_make_the_difference_taxes_too(old: Bill, new: Bill) -> None:
    credit, moved = credit_note(old, "why"), delta_bill(old, new, "why")
    assert check_sums(moved) == []
    for kinds in ("net", "tax", "all"):
        assert exactly(credit, kinds) + exactly(new, kinds) == exactly(new, kinds) - exactly(old, kinds)
        assert exactly(moved, kinds) == exactly(new, kinds) - exactly(old, kinds)
    assert delta_lines(new, new) == ()


def test_a_line_that_is_gone_is_reversed_and_a_new_one_is_there_whole() -> None:
    old = make_bill([make_line("10.00", "a"), make_line("5.00", "b", quantity="2")])
    new = make_bill([make_line("5.01", "b", quantity="3"), make_line("7.00", "c")])
    found = {line.id: (line.kind, line.quantity, line.amount, line.rule) for line in delta_lines(old, new)}
    assert found == {
        "a": ("adjustment", Decimal(-1), Decimal("-10.00"), "10.00 → 0"),
        "b": ("adjustment", Decimal(1), Decimal("0.01"), "5.00 → 5.01"),
        "c": ("adjustment", Decimal(1), Decimal("7.00"), "0 → 7.00"),
    }


def test_nothing_is_rounded_by_the_callers_context() -> None:
    bill = simple_bill("9999999999999999999999.99")
    with decimal.localcontext(prec=5):
        assert check_sums(bill) == []
        assert credit_note(bill, "").total == bill.total.copy_negate()


def test_bills_of_two_periods_or_currencies_have_no_difference() -> None:
    old = simple_bill("1.00")
    later = replace(PERIOD, end=PERIOD.end + timedelta(days=1))
    with pytest.raises(ValueError, match="its period is"):
        delta_lines(old, replace(old, period=later))
    with pytest.raises(ValueError, match="its currency is EUR, and not RUB"):
        delta_lines(old, replace(old, currency="EUR"))


def test_a_sum_that_is_wrong_by_a_kopeck_is_told() -> None:
    bill = replace(simple_bill("100.00"), total=Decimal("122.01"))
    assert check_sums(bill) == ["total is 122.01, its lines make 122.00"]


@given(bills)
def test_json_and_back(bill: Bill) -> None:
    text = canonical(to_json(bill, None))
    back = from_json(json.loads(text))[0]
    assert back == bill
    assert canonical(to_json(back, None)) == text
    assert bill_digest(back) == bill_digest(bill)


@given(bills, bills)
def test_two_bills_have_one_digest_only_if_they_say_the_same(one: Bill, other: Bill) -> None:
    assert (bill_digest(one) == bill_digest(other)) == (to_json(one, None) == to_json(other, None))
