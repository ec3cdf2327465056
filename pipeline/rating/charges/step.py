"""The step of a price, and what all models ask of a charge: from the plan's nouns, to the model's module."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.rounding import RateError, exact

if TYPE_CHECKING:
    from decimal import Decimal

    from pipeline.rating.model import Charge


@dataclass(frozen=True, slots=True)
class Step:
    """So many units at a price, or a flat sum (`units` 0), unrounded. `tier`: the number of the tier hit, from 1."""

    what: str
    units: Fraction
    price: Fraction
    amount: Fraction
    tier: int = 0


def units_at(what: str, units: Fraction, price: Fraction, tier: int = 0) -> Step:
    """Units at a price."""
    return Step(what, units, price, units * price, tier)


def flat_sum(what: str, amount: Fraction, tier: int = 0) -> Step:
    """A sum that does not depend on units."""
    return Step(what, Fraction(0), amount, amount, tier)


def needed(charge: Charge, name: str) -> Fraction:
    """A number that the model cannot do without."""
    value: Decimal | None = getattr(charge, name)
    if value is None:
        raise RateError(f"charge {charge.id}: model {charge.model.value} needs {name}, found none")
    return exact(value, f"charge {charge.id}: {name}")


@dataclass(frozen=True, slots=True)
class Slice:
    """A tier with its own number and its bounds (`above`, `up_to`], as fractions."""

    number: int
    above: Fraction
    up_to: Fraction | None
    price: Fraction
    flat: Fraction
    block: Fraction | None


def slices(charge: Charge) -> list[Slice]:
    """The tiers of a charge, which must rise; refuses none at all."""
    where = f"charge {charge.id}: tiers"
    if not charge.tiers:
        raise RateError(f"{where}: model {charge.model.value} needs at least one, found none")
    found: list[Slice] = []
    above = Fraction(0)
    for number, tier in enumerate(charge.tiers, 1):
        up_to = None if tier.up_to is None else exact(tier.up_to, where)
        if up_to is None and number < len(charge.tiers):
            raise RateError(f"{where}: expected only the last without up_to, found it in tier {number}")
        if up_to is not None and up_to <= above:
            raise RateError(f"{where}: expected up_to of tier {number} above {above}, found {tier.up_to}")
        block = None if tier.block is None else exact(tier.block, where)
        if block is not None and block <= 0:
            raise RateError(f"{where}: expected a block above 0 in tier {number}, found {tier.block}")
        found.append(
            Slice(number, above, up_to, exact(tier.unit_price, where), exact(tier.flat, where), block)
        )
        above = up_to if up_to is not None else above
    return found


def tier_of(charge: Charge, tiers: list[Slice], units: Fraction) -> Slice:
    """The first tier that holds the units; bounds belong to the tier below. Refuses units above a closed last tier."""
    for tier in tiers:
        if tier.up_to is None or units <= tier.up_to:
            return tier
    raise RateError(
        f"charge {charge.id}: expected at most {tiers[-1].up_to} {charge.unit}, the last tier's up_to, found "
        f"{float_free(units)}: give the plan a last tier without up_to"
    )


def float_free(value: Fraction) -> str:
    """A fraction for people: whole where it is whole."""
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def whole_blocks(units: Fraction, size: Fraction, begun: bool) -> Fraction:
    """Blocks of a size: those begun, or only the full ones."""
    full = units // size
    return Fraction(full + (1 if begun and units > full * size else 0))
