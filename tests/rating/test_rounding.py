"""Rounding once, sharing to the last coin, and discounts, against Decimal's own rounding and counting coin by coin."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rating.discounts import distribute, take_discounts
from pipeline.rating.model import Discount, Line, Rounding
from pipeline.rating.rounding import RateError, add_up, exact, negated, round_to, shown
from tests.rating.drawn_plans import discounts, roundings

CENT = Rounding(2)
NAMES = {
    "half_up": decimal.ROUND_HALF_UP,
    "half_even": decimal.ROUND_HALF_EVEN,
    "up": decimal.ROUND_UP,
    "down": decimal.ROUND_DOWN,
}
amounts = st.decimals(-(10**6), 10**6, places=5)
weights = st.lists(st.decimals(0, 1000, places=2), min_size=1, max_size=8)


def line(amount: Decimal, name: str = "a") -> Line:
    return Line("charge", name, {}, Decimal(0), "", amount)


@given(amounts, roundings)
def test_rounding_is_that_of_decimal(amount: Decimal, rounding: Rounding) -> None:
    expected = amount.quantize(Decimal(1).scaleb(-rounding.scale), NAMES[rounding.mode])
    found = round_to(exact(amount), rounding)
    assert (found, found.as_tuple().exponent) == (expected, -rounding.scale)
    assert round_to(-exact(amount), rounding) == -expected


def test_a_third_is_rounded_from_all_its_digits() -> None:
    # Half a cent, and a digit beyond what any context would keep.
    over = Fraction(1, 200) + Fraction(1, 3 * 10**90)
    assert round_to(over, Rounding(2, "half_even")) == Decimal("0.01")
    assert round_to(Fraction(1, 200), Rounding(2, "half_even")) == Decimal("0.00")


@given(st.fractions(), st.integers(0, 40))
def test_a_fraction_is_shown_exactly_where_it_ends(value: Fraction, places: int) -> None:
    ends = Fraction(value.numerator, 10**places)
    assert Fraction(shown(ends)) == ends
    assert abs(Fraction(shown(value)) - value) <= abs(value) * Fraction(1, 10**39)


@given(
    st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**30), max_value=10**30)
    )
)
def test_sums_keep_every_digit_in_any_context(values: list[Decimal]) -> None:
    with decimal.localcontext(prec=3):
        found = add_up(values)
        assert [negated(negated(value)) for value in values] == [v or abs(v) for v in values]
    assert Fraction(found) == sum(map(Fraction, values), Fraction(0))


def shared_coin_by_coin(coins: int, parts: list[Decimal]) -> list[int]:
    """Each coin goes to whoever lacks most of his ideal share; the first of equals."""
    whole = sum(map(Fraction, parts))
    ideal = [coins * Fraction(part) / whole for part in parts]
    given_out = [0] * len(parts)
    for _ in range(coins):
        lacks = [wanted - has for wanted, has in zip(ideal, given_out, strict=True)]
        given_out[lacks.index(max(lacks))] += 1
    return given_out


@given(st.integers(0, 300), weights)
def test_a_sum_is_shared_as_if_coin_by_coin(coins: int, parts: list[Decimal]) -> None:
    shares = distribute(Decimal(coins).scaleb(-2), parts, CENT)
    assert add_up(shares) == Decimal(coins).scaleb(-2)
    if any(parts):
        assert [int(share * 100) for share in shares] == shared_coin_by_coin(coins, parts)


@given(st.decimals(0, 100, places=1), weights)
def test_no_line_gives_more_than_it_has(percent: Decimal, parts: list[Decimal]) -> None:
    total = round_to(exact(add_up(parts)) * exact(percent) / 100, Rounding(2, "up"))
    shares = distribute(min(total, add_up(parts)), parts, CENT)
    assert all(0 <= share <= part for share, part in zip(shares, parts, strict=True))


@given(st.decimals(-1000, 1000, places=2), weights)
def test_a_credit_is_shared_as_what_it_takes_back(total: Decimal, parts: list[Decimal]) -> None:
    assert distribute(-total, parts, CENT) == [-share for share in distribute(total, parts, CENT)]


def test_what_cannot_be_shared_is_refused() -> None:
    with pytest.raises(RateError, match="at most 2 decimals"):
        distribute(Decimal("0.001"), [Decimal(1)], CENT)
    with pytest.raises(RateError, match="a line to share it over, found none"):
        distribute(Decimal(1), [], CENT)
    with pytest.raises(RateError, match="expected 0 or more"):
        distribute(Decimal(1), [Decimal(-1)], CENT)


@given(discounts, weights)
def test_discounts_follow_each_other_and_never_pass_zero(
    given_: list[Discount], parts: list[Decimal]
) -> None:
    lines = [line(part, str(i)) for i, part in enumerate(parts)]
    left = add_up(parts)
    made = [taken for taken, _ in take_discounts(given_, lines, CENT)]
    for discount, taken in zip(given_, made, strict=True):
        if discount.percent is not None:
            asked = (left * discount.percent / 100).quantize(Decimal("0.01"), decimal.ROUND_HALF_UP)
        else:
            asked = discount.amount or Decimal(0)
        assert -taken.amount == min(asked, left)
        assert add_up(part.amount for part in taken.parts) == taken.amount
        left += taken.amount
    assert left >= 0
    for i, part in enumerate(parts):
        assert add_up(p.amount for each in made for p in each.parts if p.what == str(i)) >= -part


def test_order_is_the_order_given() -> None:
    tenth, hundred = Discount("a", percent=Decimal(10)), Discount("b", amount=Decimal(100))
    lines = [line(Decimal(1000))]
    assert [each.amount for each, _ in take_discounts([tenth, hundred], lines, CENT)] == [-100, -100]
    assert [each.amount for each, _ in take_discounts([hundred, tenth], lines, CENT)] == [-100, -90]


@pytest.mark.parametrize(
    ("discount", "told"),
    [
        (Discount("d"), "percent or amount, one of them"),
        (Discount("d", percent=Decimal(1), amount=Decimal(1)), "percent or amount, one of them"),
        (Discount("d", percent=Decimal(-1)), "expected 0 or more"),
        (Discount("d", amount=Decimal(-1)), "expected 0 or more"),
    ],
)
def test_a_discount_that_is_none_is_refused(discount: Discount, told: str) -> None:
    with pytest.raises(RateError, match=told):
        take_discounts([discount], [line(Decimal(10))], CENT)
