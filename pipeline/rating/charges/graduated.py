"""Graduated: every tier prices its own units, and adds its flat sum once it is entered."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.step import Step, flat_sum, slices, tier_of, units_at

if TYPE_CHECKING:
    from pipeline.rating.model import Charge


def rate_graduated(charge: Charge, units: Fraction, scale: Fraction) -> list[Step]:
    """Flat sums are for `scale` of a month; bounds and unit prices stand, since the usage is that of the span alone."""
    steps: list[Step] = []
    tiers = slices(charge)
    tier_of(charge, tiers, units)
    for tier in tiers:
        entered = units > tier.above
        if tier.flat and (entered or (tier.number == 1 and charge.zero_pays_first_flat)):
            steps.append(flat_sum(f"tier {tier.number}: flat", tier.flat * scale, tier.number))
        if entered:
            own = (units if tier.up_to is None else min(units, tier.up_to)) - tier.above
            steps.append(units_at(f"tier {tier.number}: units", own, tier.price, tier.number))
    return steps
