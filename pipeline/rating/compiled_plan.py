"""A plan as integer tables for kernels.book_rates: every charge becomes pieces of straight lines over one denominator.

Plans come from the plan book, tables go to pipeline.rating.compiled_book. What the kernel rates is to the last decimal
what pipeline.rating.rate says before discounts and taxes, for a whole month; what it cannot rate so is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

from kernels.book_rates import DOWN, HALF_EVEN, HALF_UP, MOST, MOST_CHARGES, UP
from pipeline.rating.charges.step import Slice, slices, whole_blocks
from pipeline.rating.model import Model
from pipeline.rating.rounding import RateError, exact, round_to
from pipeline.rating.units import UnitError, unit_for

if TYPE_CHECKING:
    from decimal import Decimal

    from pipeline.rating.model import Charge, Plan, Rounding

MODES = {"half_up": HALF_UP, "half_even": HALF_EVEN, "up": UP, "down": DOWN}
LARGEST = 1 << 62


class NotCompiledError(ValueError):
    """A plan that only pipeline.rating.rate can rate; the text says why."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Quantities up to `bound` (None: all) cost `const`, and `slope` for each unit, or block, above `base`; in 1/K."""

    bound: int | None
    base: int
    const: Fraction
    slope: Fraction
    block: int = 0


@dataclass(frozen=True, slots=True)
class CompiledCharge:
    """Quantities in bytes, requests or bit/s, or, where `of` is set, in the plan's last decimal of other lines' sums.

    `whole`: units are taken up or down to that many; `zero`, `least`, `most`: rounded, in the plan's last decimal;
    `k`: what one rounded unit is divided into; `times`: last decimals of the plan in one of the charge."""

    source: Charge
    of: int
    whole: int
    up: bool
    free: int
    begun: bool
    k: int
    mode: int
    times: int
    least: int
    most: int
    zero: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class CompiledPlan:
    """Amounts are whole numbers of 10^-scale of the currency."""

    plan: Plan
    scale: int
    least: int
    most: int
    charges: tuple[CompiledCharge, ...]


def compile_plan(plan: Plan) -> CompiledPlan:
    """The tables of a plan; NotCompiledError for what needs fractions, windows, groups or more than 62 charges."""
    try:
        return _compile(plan)
    except (RateError, UnitError) as error:
        raise NotCompiledError(f"plan {plan.id}: {error}") from error


def _compile(plan: Plan) -> CompiledPlan:
    totals = [charge for charge in plan.charges if charge.rounding.at == "total"]
    _refuse(plan.id, len(plan.charges) > MOST_CHARGES, f"more than {MOST_CHARGES} charges")
    _refuse(plan.id, len(totals) > 1, "charges that are rounded together")
    ids = [charge.id for charge in plan.charges]
    _refuse(plan.id, len(set(ids)) != len(ids), "two charges of one id")
    scale = max([plan.rounding.scale, *(charge.rounding.scale for charge in plan.charges)])
    limits = [exact(limit) for limit in (plan.minimum, plan.cap) if limit is not None]
    fits = all((limit * 10**plan.rounding.scale).denominator == 1 for limit in limits)
    _refuse(
        plan.id,
        bool(limits) and not (scale == plan.rounding.scale and fits),
        "minimum or cap that is rounded",
    )
    least, most = _limits(plan.id, plan.minimum, plan.cap)
    return CompiledPlan(
        plan,
        scale,
        0 if least is None else _small(plan.id, least * 10**scale),
        MOST if most is None else _small(plan.id, most * 10**scale),
        tuple(_charge(charge, plan, scale) for charge in plan.charges),
    )


def _refuse(where: str, wrong: bool, why: str) -> None:
    if wrong:
        raise NotCompiledError(f"{where}: not compiled: {why}")


def _limits(
    where: str, minimum: Decimal | None, cap: Decimal | None
) -> tuple[Fraction | None, Fraction | None]:
    least, most = (None if limit is None else exact(limit, where) for limit in (minimum, cap))
    wrong = any(limit is not None and limit < 0 for limit in (least, most))
    _refuse(
        where,
        wrong or (least is not None and most is not None and least > most),
        "minimum and cap are at odds",
    )
    return least, most


def _small(where: str, amount: Fraction) -> int:
    _refuse(where, not 0 <= amount < MOST or amount.denominator != 1, f"an amount of {amount}")
    return int(amount)


def _charge(charge: Charge, plan: Plan, scale: int) -> CompiledCharge:
    where = f"plan {plan.id}, charge {charge.id}"
    percentage = charge.model is Model.PERCENTAGE
    rounding = charge.rounding
    _refuse(where, charge.window_s is not None, "windows")
    _refuse(where, bool(charge.group), "a group of charges")
    rule = charge.percentile
    _refuse(where, rule is not None and rule.valid_days_factor, "a price for the days with traffic")
    _refuse(where, charge.tax is not None and charge.tax.included, "a price that holds a tax of its own")
    _refuse(
        where, rounding.at not in ("line", "total") or rounding.mode not in MODES, f"rounded at {rounding.at}"
    )
    _refuse(where, not 0 <= rounding.scale <= scale <= 12, "more than 12 decimals")
    size = 10**scale if percentage else unit_for(charge.unit, charge.meter)
    free = _whole(where, exact(charge.free_units or 0), size, "free units")
    off = Fraction(1) - exact(charge.percent_off or 0) / 100
    pieces, zero = _pieces(charge, size, where)
    scaled = [
        Piece(
            p.bound, p.base, p.const * off * 10**rounding.scale, p.slope * off * 10**rounding.scale, p.block
        )
        for p in pieces
    ]
    wrong = zero * off < 0 or any(p.const < 0 or p.slope < 0 or not 0 <= p.base < LARGEST for p in scaled)
    _refuse(where, wrong, "a price below zero")
    k = lcm(*(number.denominator for p in scaled for number in (p.const, p.slope)))
    _refuse(where, k >= 1 << 61, "prices with too many decimals")
    least, most = _limits(where, charge.minimum, charge.cap)
    return CompiledCharge(
        source=charge,
        of=_named(charge, plan, where) if percentage else 0,
        whole=size if charge.whole_units else 0,
        up=charge.whole_units == "up",
        free=free,
        begun=charge.begun,
        k=k,
        mode=MODES[rounding.mode],
        times=10 ** (scale - rounding.scale),
        least=0 if least is None else _rounded(where, least, rounding, scale),
        most=MOST if most is None else _rounded(where, most, rounding, scale),
        zero=_rounded(where, zero * off, rounding, scale),
        pieces=tuple(Piece(p.bound, p.base, p.const * k, p.slope * k, p.block) for p in scaled),
    )


def _rounded(where: str, amount: Fraction, rounding: Rounding, scale: int) -> int:
    return _small(where, Fraction(round_to(amount, rounding)) * 10**scale)


def _whole(where: str, units: Fraction, size: int, what: str) -> int:
    base = units * size
    _refuse(
        where,
        base.denominator != 1 or not 0 <= base < LARGEST,
        f"{what} of {units}, no whole number of its meter",
    )
    return int(base)


def _named(charge: Charge, plan: Plan, where: str) -> int:
    """A bit for each charge that a percentage is of. Shares of shares would need an order of their own."""
    others = [each for each in plan.charges if each.model is not Model.PERCENTAGE]
    ids = charge.of or [each.id for each in others]
    _refuse(
        where, not ids or not set(ids) <= {each.id for each in others}, "a share of shares, or of nothing"
    )
    _refuse(where, bool(charge.of) and len(set(ids)) != len(ids), "a charge that is named twice")
    return sum(1 << place for place, each in enumerate(plan.charges) if each.id in ids)


def _pieces(charge: Charge, size: int, where: str) -> tuple[list[Piece], Fraction]:
    """The pieces of a charge's model, and what nothing costs; amounts in the currency, quantities in base units."""
    model = charge.model
    if model is Model.PERCENTILE:
        model = Model.VOLUME if charge.top_tier else Model.GRADUATED
        if charge.commitment is not None:
            model = Model.COMMITMENT
        elif not charge.tiers:
            model = Model.PER_UNIT
    nothing = Fraction(0)
    match model:
        case Model.FLAT:
            flat = _needed(charge.flat, where)
            return [Piece(None, 0, flat, nothing)], flat
        case Model.PER_UNIT | Model.PERCENTAGE:
            price = _needed(charge.rate if model is Model.PERCENTAGE else charge.unit_price, where)
            return [Piece(None, 0, nothing, price / size)], nothing
        case Model.PACKAGE:
            block = _block(_needed(charge.package, where), size, where)
            return [Piece(None, 0, nothing, _needed(charge.unit_price, where), block)], nothing
        case Model.COMMITMENT:
            return _commitment(charge, size, where)
    tiers = slices(charge)
    first = tiers[0].flat if charge.zero_pays_first_flat or model is Model.CAPACITY else nothing
    if model is Model.CAPACITY:
        return [Piece(_bound(t, size), 0, t.flat, nothing) for t in tiers], first
    if model is Model.VOLUME:
        return [Piece(_bound(t, size), 0, t.flat, t.price / size) for t in tiers], first
    return _filled(charge, model, tiers, size, where), first


def _needed(value: Decimal | None, where: str) -> Fraction:
    if value is None:
        raise NotCompiledError(f"{where}: not compiled: a number is missing")
    return exact(value, where)


def _bound(tier: Slice, size: int) -> int | None:
    return None if tier.up_to is None else int(tier.up_to * size // 1)


def _block(units: Fraction, size: int, where: str) -> int:
    block = _whole(where, units, size, "a block")
    _refuse(where, block <= 0, "a block of nothing")
    return block


def _filled(charge: Charge, model: Model, tiers: list[Slice], size: int, where: str) -> list[Piece]:
    """Tiers that fill one after another, by units or blocks; with `top_tier` only the blocks of the tier reached."""
    pieces, before = [], Fraction(0)
    for tier in tiers:
        whole_tier = (tier.up_to or tier.above) - tier.above
        if model is Model.GRADUATED:
            slope, block, filled = tier.price / size, 0, whole_tier * tier.price
        else:
            units = tier.block if tier.block is not None else _needed(charge.package, where)
            slope, block = tier.price, _block(units, size, where)
            filled = whole_blocks(whole_tier, units, charge.begun) * tier.price
        if charge.top_tier and model is Model.BLOCKS:
            pieces.append(Piece(_bound(tier, size), 0, tier.flat, slope, block))
            continue
        base = _whole(where, tier.above, size, "a tier from")
        pieces.append(Piece(_bound(tier, size), base, before + tier.flat, slope, block))
        before += tier.flat + filled
    return pieces


def _commitment(charge: Charge, size: int, where: str) -> tuple[list[Piece], Fraction]:
    promise = charge.commitment
    if promise is None:
        raise NotCompiledError(f"{where}: not compiled: no commitment")
    units, price = exact(promise.units, where), exact(promise.price, where)
    committed, paid = _whole(where, units, size, "a commitment"), units * price
    within = Piece(
        committed,
        0,
        paid if promise.true_up else Fraction(0),
        Fraction(0) if promise.true_up else price / size,
    )
    over = Piece(None, committed, paid, exact(promise.overage_price, where) / size)
    return [within, over], within.const
