"""Flat: one sum for the month, whatever was used."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.step import Step, flat_sum, needed

if TYPE_CHECKING:
    from pipeline.rating.model import Charge


def rate_flat(charge: Charge, units: Fraction, scale: Fraction) -> list[Step]:  # noqa: ARG001 one signature for all models
    """The sum for `scale` of a month."""
    return [flat_sum("flat", needed(charge, "flat") * scale)]
