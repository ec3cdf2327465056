"""Every charge model against an oracle that walks the quantity a tenth of a unit at a time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rating.charge import rate_charge, rate_exactly
from pipeline.rating.model import Charge, Commitment, Meter, Model, Rounding, Tier
from pipeline.rating.rounding import RateError, add_up
from tests.rating.drawn_plans import (
    EXACT,
    charge,
    charges,
    commitments,
    prices,
    quantities,
    quantity,
    roundings,
    tier_tables,
)

TENTH = Fraction(1, 10)


def tenths(units: Decimal) -> int:
    return int(units * 10)


def price(of: Charge, units: Decimal, factor: Fraction = Fraction(1)) -> Fraction:
    return rate_exactly(of, quantity(units), factor).amount


def tier_holding(tiers: tuple[Tier, ...], place: Fraction) -> int:
    """The tier of a quantity, bounds included; by looking at one after the other."""
    for number, tier in enumerate(tiers):
        if tier.up_to is None or place <= tier.up_to:
            return number
    raise AssertionError("no tier")


def graduated_by_tenths(tiers: tuple[Tier, ...], units: Decimal, first_flat: bool) -> Fraction:
    entered: set[int] = {0} if first_flat else set()
    total = Fraction(0)
    for i in range(1, tenths(units) + 1):
        number = tier_holding(tiers, i * TENTH)
        entered.add(number)
        total += Fraction(tiers[number].unit_price) / 10
    return total + sum(Fraction(tiers[number].flat) for number in entered)


@given(tier_tables(), quantities, st.booleans())
def test_graduated_walks_through_its_tiers(tiers: tuple[Tier, ...], units: Decimal, first: bool) -> None:
    of = charge(Model.GRADUATED, tiers=tiers, zero_pays_first_flat=first)
    assert price(of, units) == graduated_by_tenths(tiers, units, first)


@given(tier_tables(), quantities, st.booleans())
def test_volume_prices_all_by_the_tier_reached(tiers: tuple[Tier, ...], units: Decimal, first: bool) -> None:
    tier = tiers[tier_holding(tiers, Fraction(units))]
    expected = tenths(units) * Fraction(tier.unit_price) / 10
    expected += Fraction(tier.flat) if units > 0 or first else 0
    of = charge(Model.VOLUME, tiers=tiers, zero_pays_first_flat=first)
    assert price(of, units) == expected
    as_rate = replace(of, model=Model.PERCENTILE, top_tier=True)
    assert price(as_rate, units) == expected


@given(quantities, prices)
def test_per_unit_adds_up_its_units(units: Decimal, unit_price: Decimal) -> None:
    each = Fraction(unit_price) / 10
    of = charge(Model.PER_UNIT, unit_price=unit_price)
    assert price(of, units) == sum((each for _ in range(tenths(units))), Fraction(0))


def blocks_by_walking(units: int, size: int, begun: bool) -> int:
    """Tenths put into boxes of `size` tenths."""
    boxes = 0
    while units >= size:
        units -= size
        boxes += 1
    return boxes + (1 if begun and units else 0)


@given(quantities, st.integers(1, 9), prices, st.booleans())
def test_packages_are_filled_one_by_one(units: Decimal, size: int, each: Decimal, begun: bool) -> None:
    of = charge(Model.PACKAGE, package=Decimal(size), unit_price=each, begun=begun)
    assert price(of, units) == blocks_by_walking(tenths(units), 10 * size, begun) * Fraction(each)


@given(tier_tables(blocks=True), quantities)
def test_blocks_fill_every_tier_or_the_top_one(tiers: tuple[Tier, ...], units: Decimal) -> None:
    in_tier = [0] * len(tiers)
    for i in range(1, tenths(units) + 1):
        in_tier[tier_holding(tiers, i * TENTH)] += 1
    expected = Fraction(0)
    for tier, inside in zip(tiers, in_tier, strict=True):
        blocks = blocks_by_walking(inside, 10 * int(tier.block or 0), True)
        expected += blocks * Fraction(tier.unit_price) + (Fraction(tier.flat) if inside else 0)
    assert price(charge(Model.BLOCKS, tiers=tiers), units) == expected
    top = tiers[tier_holding(tiers, Fraction(units))]
    blocks = blocks_by_walking(tenths(units), 10 * int(top.block or 0), True)
    expected = blocks * Fraction(top.unit_price) + (Fraction(top.flat) if units else 0)
    assert price(charge(Model.BLOCKS, tiers=tiers, top_tier=True), units) == expected


@given(tier_tables(), quantities)
def test_capacity_is_the_first_tier_that_holds(tiers: tuple[Tier, ...], units: Decimal) -> None:
    expected = Fraction(tiers[tier_holding(tiers, Fraction(units))].flat)
    assert price(charge(Model.CAPACITY, tiers=tiers), units) == expected


@given(commitments, quantities)
def test_commitment_pays_tenth_by_tenth(promise: Commitment, units: Decimal) -> None:
    total = Fraction(0)
    committed, used = tenths(promise.units), tenths(units)
    for i in range(max(committed, used)):
        if i < used and i >= committed:
            total += Fraction(promise.overage_price) / 10
        elif i < used or promise.true_up:
            total += Fraction(promise.price) / 10
    of = charge(Model.COMMITMENT, commitment=promise)
    assert price(of, units) == total
    line = rate_charge(of, quantity(units))
    assert add_up(part.amount for part in line.parts) == line.amount
    assert len({"overage", "committed, not used"} & {part.what for part in line.parts if part.amount}) <= 1


@given(quantities, st.decimals(0, 1, places=4))
def test_percentage_is_a_share_of_money(amount: Decimal, rate: Decimal) -> None:
    assert price(charge(Model.PERCENTAGE, rate=rate), amount) == Fraction(amount) * Fraction(rate)


@given(charges(), quantities, quantities)
def test_what_should_be_monotone_is(of: Charge, one: Decimal, other: Decimal) -> None:
    free = (Model.VOLUME, Model.CAPACITY, Model.BLOCKS)
    if of.model in free or of.top_tier or (of.commitment is not None and not of.commitment.true_up):
        return
    less, more = sorted((one, other))
    assert price(of, less) <= price(of, more)


def test_a_volume_price_may_fall_as_usage_grows() -> None:
    tiers = (Tier(Decimal(10), Decimal(5), Decimal(0)), Tier(None, Decimal(1), Decimal(0)))
    of = charge(Model.VOLUME, tiers=tiers)
    assert price(of, Decimal(11)) < price(of, Decimal(10))


@given(charges(cap=None, minimum=None), quantities, quantities)
def test_free_units_are_taken_off_first(of: Charge, units: Decimal, free: Decimal) -> None:
    if of.meter is Meter.FLAT:
        return
    of = replace(of, free_units=None)
    assert price(replace(of, free_units=free), units) == price(of, max(Decimal(0), units - free))


@given(charges(cap=None, minimum=None), quantities, prices, prices)
def test_limits_hold_the_amount_between_them(of: Charge, units: Decimal, a: Decimal, b: Decimal) -> None:
    least, most = sorted((a, b))
    limited = replace(of, minimum=least, cap=most)
    assert price(limited, units) == min(max(price(of, units), Fraction(least)), Fraction(most))


@given(charges(free_units=None), st.lists(quantities, max_size=6))
def test_windows_are_priced_each_alone(of: Charge, windows: list[Decimal]) -> None:
    of = replace(of, minimum=None, cap=None)
    line = rate_charge(replace(of, window_s=3600), quantity(add_up(windows), "c", *windows))
    assert Fraction(line.amount) == sum((price(of, each) for each in windows), Fraction(0))


@given(st.lists(quantities, max_size=6), quantities, prices)
def test_the_first_windows_use_up_what_is_free(windows: list[Decimal], free: Decimal, each: Decimal) -> None:
    of = charge(Model.PACKAGE, package=Decimal(1), unit_price=each, window_s=3600, free_units=free)
    left, packages = tenths(free), 0
    for window in windows:
        paid = tenths(window)
        while left and paid:
            left, paid = left - 1, paid - 1
        packages += blocks_by_walking(paid, 10, True)
    total = add_up(windows)
    assert Fraction(rate_charge(of, quantity(total, "c", *windows)).amount) == packages * Fraction(each)


def test_a_cap_holds_for_tiers_that_were_rounded() -> None:
    tiers = tuple(Tier(Decimal(i) if i < 5 else None, Decimal("0.4"), Decimal(0)) for i in range(1, 6))
    of = charge(Model.GRADUATED, tiers=tiers, rounding=Rounding(0, "half_up", "tier"))
    assert rate_charge(of, quantity("5")).amount == 0
    assert rate_charge(replace(of, cap=Decimal(0)), quantity("5")).amount == 0
    assert rate_charge(replace(of, minimum=Decimal("2.6")), quantity("5")).amount == 3


def test_windows_must_be_the_quantity() -> None:
    of = charge(Model.PER_UNIT, unit_price=Decimal(1), window_s=3600)
    with pytest.raises(RateError, match="windows of 3600 s that sum to 5"):
        rate_charge(of, quantity("5"))


@given(charges(), quantities, roundings)
def test_the_parts_of_a_line_explain_its_amount(of: Charge, units: Decimal, rounding: Rounding) -> None:
    rated = rate_exactly(replace(of, rounding=rounding), quantity(units), Fraction(15, 31))
    explained = sum((Fraction(part.amount) for part in rated.line.parts), Fraction(0))
    assert abs(explained - rated.amount) < Fraction(1, 10**30)
    assert abs(Fraction(rated.line.amount) - rated.amount) <= Fraction(1, 10**rounding.scale)
    assert rated.line.amount >= 0
    if rounding.at == "tier":
        assert rated.line.amount == rated.amount
        whole = rate_exactly(replace(of, rounding=EXACT), quantity(units), Fraction(15, 31)).amount
        assert abs(rated.amount - whole) <= Fraction(len(rated.line.parts) + 1, 10**rounding.scale)
    assert of.model.value in rated.line.rule
    assert f"rounded {rounding.mode}" in rated.line.rule


@given(charges(), quantities, st.integers(1, 31))
def test_a_part_of_the_month_has_its_part_of_a_rate(of: Charge, units: Decimal, day: int) -> None:
    factor = Fraction(day, 31)
    if of.meter in (Meter.FLAT, Meter.P95_BPS):
        assert price(of, units, factor) == price(of, units) * factor


@given(charges(), quantities, st.integers(1, 8))
def test_a_part_of_the_month_is_a_plan_with_that_part_of_all_that_is_monthly(
    of: Charge, units: Decimal, eighths: int
) -> None:
    part = Decimal(eighths) / 8

    def of_part(value: Decimal | None) -> Decimal | None:
        return None if value is None else value * part

    if of.meter is not Meter.BYTES_SENT:
        return
    bounds_too = of.model is Model.CAPACITY
    smaller = replace(
        of,
        minimum=of_part(of.minimum),
        cap=of_part(of.cap),
        free_units=of_part(of.free_units),
        tiers=tuple(
            replace(tier, flat=tier.flat * part, up_to=of_part(tier.up_to) if bounds_too else tier.up_to)
            for tier in of.tiers
        ),
        commitment=of.commitment and replace(of.commitment, units=of.commitment.units * part),
    )
    assert price(of, units, Fraction(eighths, 8)) == price(smaller, units)


@given(charges(cap=None, minimum=None), quantities, st.decimals(0, 100, places=1), prices)
def test_a_percentage_goes_off_before_the_limits(
    of: Charge, units: Decimal, off: Decimal, least: Decimal
) -> None:
    left = price(of, units) * (1 - Fraction(off) / 100)
    assert price(replace(of, percent_off=off), units) == left
    assert price(replace(of, percent_off=off, minimum=least), units) == max(left, Fraction(least))


@pytest.mark.parametrize(
    ("of", "units", "told"),
    [
        (charge(Model.PER_UNIT), "1", "needs unit_price, found none"),
        (charge(Model.GRADUATED), "1", "needs at least one, found none"),
        (charge(Model.COMMITMENT), "1", "needs commitment, found none"),
        (charge(Model.BLOCKS, tiers=(Tier(None, Decimal(1), Decimal(0)),)), "1", "needs block in tier 1"),
        (charge(Model.PACKAGE, package=Decimal(0), unit_price=Decimal(1)), "1", "expected a package above 0"),
        (charge(Model.PER_UNIT, unit_price=Decimal(1)), "-1", "expected a quantity of 0 or more, found -1"),
        (charge(Model.PER_UNIT, unit_price=Decimal(1)), "NaN", "expected a finite number"),
        (charge(Model.PER_UNIT, unit_price=Decimal(1)), "1e999999", "digits before the point"),
        (charge(Model.PER_UNIT, unit_price=Decimal(1)), "1e-999999", "digits before the point"),
        (charge(Model.PER_UNIT, unit_price=Decimal("1e39")), "1e39", "expected less than 10"),
        (charge(Model.PER_UNIT, unit_price=Decimal(1), percent_off=Decimal(101)), "1", "from 0 to 100"),
        (
            charge(Model.VOLUME, tiers=(Tier(Decimal(9), Decimal(1), Decimal(0)),)),
            "10",
            "expected at most 9 GB, the last tier's up_to, found 10",
        ),
        (
            charge(
                Model.GRADUATED,
                tiers=(Tier(Decimal(9), Decimal(1), Decimal(0)), Tier(Decimal(8), Decimal(1), Decimal(0))),
            ),
            "1",
            "expected up_to of tier 2 above 9, found 8",
        ),
        (
            charge(Model.PER_UNIT, unit_price=Decimal(1), minimum=Decimal(2), cap=Decimal(1)),
            "1",
            "expected a cap not below the minimum",
        ),
        (charge(Model.PER_UNIT, unit_price=Decimal(1), rounding=Rounding(2, "odd")), "1", "expected a mode"),
        (charge(Model.PER_UNIT, unit_price=Decimal(1), rounding=Rounding(2, "up", "x")), "1", "rounding at"),
    ],
)
def test_what_cannot_be_rated_is_refused_with_a_reason(of: Charge, units: str, told: str) -> None:
    with pytest.raises(RateError, match=told):
        rate_charge(of, quantity(units))


def test_a_float_never_becomes_money() -> None:
    of = charge(Model.PER_UNIT, unit_price=1.1)
    with pytest.raises(RateError, match="expected a Decimal, found float"):
        rate_charge(of, quantity("1"))


def test_no_digit_of_a_large_amount_is_lost() -> None:
    of = charge(Model.PER_UNIT, unit_price=Decimal("0.000000001"), rounding=Rounding(9))
    units = Decimal(12345678901234567890123456789)
    assert rate_charge(of, quantity(units)).amount == Decimal("12345678901234567890.123456789")
