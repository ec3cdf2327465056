"""Capacity: the lowest tier that holds the usage gives one flat price, as in `up to 10 TB a month for 100`.

Several meters together are charges of one `group`: the highest tier that any of them needs is paid, once.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.step import Step, flat_sum, slices, tier_of

if TYPE_CHECKING:
    from pipeline.rating.model import Charge


def rate_capacity(charge: Charge, units: Fraction, scale: Fraction) -> list[Step]:
    """The tier's flat sum, paid without usage too; a part of the month has that part of sum and bounds."""
    tier = tier_of(charge, slices(charge), units / scale if scale else units)
    bound = "no bound" if tier.up_to is None else f"up to {charge.tiers[tier.number - 1].up_to} {charge.unit}"
    return [flat_sum(f"tier {tier.number}: {bound}", tier.flat * scale, tier.number)]
