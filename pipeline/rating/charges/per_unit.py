"""Per unit: every unit at one price."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.step import Step, needed, units_at

if TYPE_CHECKING:
    from pipeline.rating.model import Charge


def rate_per_unit(charge: Charge, units: Fraction, scale: Fraction) -> list[Step]:  # noqa: ARG001 one signature for all models
    """Units × price."""
    return [units_at("units", units, needed(charge, "unit_price"))]
