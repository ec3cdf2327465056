"""Percentile: the month's one rate (p95 or peak, from the samples) priced by commitment, by tiers, or by one price."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.commitment import rate_commitment
from pipeline.rating.charges.graduated import rate_graduated
from pipeline.rating.charges.per_unit import rate_per_unit
from pipeline.rating.charges.volume import rate_volume

if TYPE_CHECKING:
    from pipeline.rating.charges.step import Step
    from pipeline.rating.model import Charge


def rate_percentile(charge: Charge, units: Fraction, scale: Fraction) -> list[Step]:
    """The rate's price: `top_tier` lets the tier reached price all of it, else tiers price each their own part."""
    if charge.commitment is not None:
        return rate_commitment(charge, units, scale)
    if charge.tiers:
        return (rate_volume if charge.top_tier else rate_graduated)(charge, units, scale)
    return rate_per_unit(charge, units, scale)
