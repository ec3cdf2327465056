"""Re-rating, credit notes and rebills: what is booked in the end is the price of what is known in the end."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rating.bill_changes import check_sums, credit_note, delta_bill
from pipeline.rating.charge import rate_charge
from pipeline.rating.credit import credit_part
from pipeline.rating.model import Bill, Charge, Discount, Meter, Model, Plan, Quantity, Rounding, Tax
from pipeline.rating.rate import rate_plan
from pipeline.rating.rerate import rate_slice, rerate
from pipeline.rating.rounding import RateError, add_up
from tests.rating.drawn_plans import (
    MONTH,
    charge,
    charges,
    discounts,
    plan,
    quantities,
    quantity,
    rated_plans,
    roundings,
    taxes,
)

VAT = Tax("VAT", Decimal(22), included=False)
usage_by_part = st.lists(st.decimals(0, 15, places=1), min_size=1, max_size=4)


def cumulative(parts: list[Decimal]) -> list[Decimal]:
    return [add_up(parts[: i + 1]) for i in range(len(parts))]


def book(of: Charge, runs: list[list[Decimal]]) -> list[Decimal]:
    """What stands on each part after runs, each of which sees other usage; the last one is final."""
    booked: list[Decimal] = []
    for i, parts in enumerate(runs):
        lines = rerate(of, cumulative(parts), booked, final=i == len(runs) - 1)
        old = [*booked, *[Decimal(0)] * (len(lines) - len(booked))]
        booked = [add_up((amount, line.amount)) for amount, line in zip(old, lines, strict=True)]
    return booked


@given(charges(), roundings, usage_by_part, st.lists(st.integers(0, 3), max_size=6), st.randoms())
def test_the_order_of_late_data_is_nothing(
    of: Charge, rounding: Rounding, parts: list[Decimal], pieces: list[int], random: object
) -> None:
    of = replace(of, rounding=rounding)
    late = [(place % len(parts), Decimal(1)) for place in pieces]

    def runs(order: list[tuple[int, Decimal]]) -> list[list[Decimal]]:
        seen = list(parts)
        made = [list(seen)]
        for place, more in order:
            seen[place] = add_up((seen[place], more))
            made.append(list(seen))
        return made

    shuffled = list(late)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    booked = book(of, runs(late))
    assert booked == book(of, runs(shuffled))
    # And as if all had been known at once.
    assert booked == book(of, [runs(late)[-1]])
    assert add_up(booked) == rate_charge(of, quantity(cumulative(runs(late)[-1])[-1])).amount


@given(charges(), usage_by_part, usage_by_part)
def test_usage_that_was_too_much_is_given_back(of: Charge, one: list[Decimal], other: list[Decimal]) -> None:
    short = min(len(one), len(other))
    first, then = one[:short], other[:short]
    booked = book(of, [first, then])
    assert add_up(booked) == rate_charge(of, quantity(cumulative(then)[-1])).amount


@given(charges(minimum=None), roundings, quantities, quantities)
def test_slices_add_up_to_the_whole(of: Charge, rounding: Rounding, one: Decimal, more: Decimal) -> None:
    of = replace(of, rounding=rounding)
    both = add_up((one, more))
    first = rate_charge(of, quantity(one))
    second = rate_slice(of, one, both)
    assert add_up((first.amount, second.amount)) == rate_charge(of, quantity(both)).amount
    moved = sum((Fraction(part.amount) for part in second.parts), Fraction(0))
    coins = len(second.parts) + len(first.parts) + 2
    assert abs(moved - Fraction(second.amount)) <= Fraction(coins, 10**rounding.scale)
    assert all(part.units or part.amount for part in second.parts)


def test_a_delta_says_what_was_booked() -> None:
    of = charge(Model.PER_UNIT, unit_price=Decimal(10), rounding=Rounding(2))
    late, rest = rerate(of, [Decimal(4), Decimal(6)], [Decimal(30), Decimal(20)])
    assert (late.kind, late.amount, rest.amount) == ("adjustment", Decimal(10), Decimal(0))
    assert late.rule.startswith("30 booked on this part; from 0 to 4 GB of the period")
    assert [(part.what, part.amount) for part in late.parts] == [
        ("units", Decimal(40)),
        ("booked before", Decimal(-30)),
    ]


def test_fewer_parts_than_are_booked_are_refused() -> None:
    of = charge(Model.PER_UNIT, unit_price=Decimal(10))
    with pytest.raises(RateError, match="expected 2 cumulative quantities or more, found 1"):
        rerate(of, [Decimal(1)], [Decimal(1), Decimal(1)])
    with pytest.raises(RateError, match="windows are priced alone"):
        rate_slice(replace(of, window_s=60), Decimal(0), Decimal(1))


def bill_of(
    drawn: tuple[Plan, tuple[Quantity, ...]], tax: Tax | None, off: list[Discount] | None = None
) -> Bill:
    return rate_plan(*drawn, MONTH, tax=tax, discounts=off or (), customer="c1")


@given(rated_plans(), rated_plans(), st.none() | taxes, discounts)
def test_credit_and_rebill_are_the_new_bill(
    one: tuple[Plan, tuple[Quantity, ...]],
    other: tuple[Plan, tuple[Quantity, ...]],
    tax: Tax | None,
    off: list[Discount],
) -> None:
    issued, new = bill_of(one, tax), bill_of(other, tax, off)
    note = credit_note(issued, "moved to another plan")
    assert check_sums(note) == []
    for name in ("net", "tax", "total"):
        assert getattr(issued, name) + getattr(note, name) == 0
        assert add_up(getattr(each, name) for each in (issued, note, new)) == getattr(new, name)
    assert [line.kind for line in note.lines if line.kind == "tax"] == ["tax"] * len(
        [line for line in issued.lines if line.kind == "tax"]
    )


@given(rated_plans(), rated_plans(), st.none() | taxes)
def test_an_adjustment_leads_from_one_version_to_the_other(
    one: tuple[Plan, tuple[Quantity, ...]], other: tuple[Plan, tuple[Quantity, ...]], tax: Tax | None
) -> None:
    before, after = bill_of(one, tax), bill_of(other, tax)
    delta = delta_bill(before, after, "tariff corrected")
    assert check_sums(delta) == []
    for name in ("net", "tax", "total"):
        assert add_up((getattr(before, name), getattr(delta, name))) == getattr(after, name)
    assert {line.kind for line in delta.lines} <= {"adjustment", "tax"}
    assert delta_bill(before, before, "nothing").lines == ()


def test_an_adjustment_names_its_cause_and_reverses_what_is_gone() -> None:
    def fee(name: str, amount: int) -> Charge:
        return charge(Model.FLAT, name, meter=Meter.FLAT, flat=Decimal(amount), rounding=Rounding(2))

    before = rate_plan(plan(fee("a", 10), fee("b", 20)), (), MONTH)
    after = rate_plan(plan(fee("b", 25), fee("c", 1)), (), MONTH)
    told = {line.id: (line.amount, line.rule) for line in delta_bill(before, after, "new prices").lines}
    assert told == {
        "a": (Decimal(-10), "new prices; 10.00 → 0"),
        "b": (Decimal(5), "new prices; 20.00 → 25.00"),
        "c": (Decimal(1), "new prices; 0 → 1.00"),
    }
    with pytest.raises(ValueError, match="cannot be compared: its customer is c2"):
        delta_bill(before, replace(after, customer="c2"), "mistake")


@given(rated_plans(), taxes, st.integers(0, 100))
def test_a_credit_in_part_has_its_part_of_the_tax(
    drawn: tuple[Plan, tuple[Quantity, ...]], tax: Tax, percent: int
) -> None:
    of, counted = drawn
    of = replace(of, charges=tuple(replace(each, rounding=Rounding(2)) for each in of.charges))
    bill = rate_plan(of, counted, MONTH, tax=tax)
    gross = (bill.total * percent / 100).quantize(Decimal("0.01"), "ROUND_DOWN")
    note = credit_part(bill, gross, tax, Rounding(2), "an outage")
    assert check_sums(note) == []
    assert note.total == -gross
    with pytest.raises(RateError, match="the bill's total"):
        credit_part(bill, bill.total + 1, tax, Rounding(2), "too much")
