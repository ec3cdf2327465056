"""Percentage: a share of an amount of money, for support or a guarantee that is sold as a part of the bill."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.step import Step, needed, units_at

if TYPE_CHECKING:
    from pipeline.rating.model import Charge


def rate_percentage(charge: Charge, units: Fraction, scale: Fraction) -> list[Step]:  # noqa: ARG001 one signature for all models
    """`rate` is a share: 0.013 is 1.3 %. The units are money."""
    return [units_at("share of the amount", units, needed(charge, "rate"))]
