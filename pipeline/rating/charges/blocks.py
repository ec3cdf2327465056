"""Blocks: tiers count blocks of their own size; all tiers fill in order, or the top tier reached prices everything."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.step import Slice, Step, flat_sum, slices, tier_of, units_at, whole_blocks
from pipeline.rating.rounding import RateError, exact

if TYPE_CHECKING:
    from pipeline.rating.model import Charge


def rate_blocks(charge: Charge, units: Fraction, scale: Fraction) -> list[Step]:
    """`unit_price` of a tier is that of one of its blocks; a tier's flat sum is for `scale` of a month."""
    tiers = slices(charge)
    reached = tier_of(charge, tiers, units)
    if charge.top_tier:
        return _step(charge, reached, units, scale)
    return [
        step
        for tier in tiers[: reached.number]
        for step in _step(
            charge, tier, (units if tier.up_to is None else min(units, tier.up_to)) - tier.above, scale
        )
    ]


def _step(charge: Charge, tier: Slice, units: Fraction, scale: Fraction) -> list[Step]:
    """What a tier asks for units."""
    size = tier.block or (None if charge.package is None else exact(charge.package, f"charge {charge.id}"))
    if size is None or size <= 0:
        raise RateError(
            f"charge {charge.id}: model blocks needs block in tier {tier.number}, or package, above 0"
        )
    steps: list[Step] = []
    if tier.flat and (units > 0 or charge.zero_pays_first_flat):
        steps.append(flat_sum(f"tier {tier.number}: flat", tier.flat * scale, tier.number))
    if units > 0:
        blocks = whole_blocks(units, size, charge.begun)
        steps.append(
            units_at(f"tier {tier.number}: blocks of {size} {charge.unit}", blocks, tier.price, tier.number)
        )
    return steps
