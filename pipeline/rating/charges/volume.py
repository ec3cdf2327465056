"""Volume: the tier that holds the whole quantity prices all of it, and adds its flat sum.

More usage can cost less where a bound is passed: that is the model, and simulation points it out.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.step import Step, flat_sum, slices, tier_of, units_at

if TYPE_CHECKING:
    from pipeline.rating.model import Charge


def rate_volume(charge: Charge, units: Fraction, scale: Fraction) -> list[Step]:
    """All units at the price of their tier; its flat sum is for `scale` of a month."""
    tier = tier_of(charge, slices(charge), units)
    steps: list[Step] = []
    if tier.flat and (units > 0 or charge.zero_pays_first_flat):
        steps.append(flat_sum(f"tier {tier.number}: flat", tier.flat * scale, tier.number))
    if units > 0:
        steps.append(units_at(f"tier {tier.number}: units", units, tier.price, tier.number))
    return steps
