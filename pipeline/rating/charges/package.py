"""Package: units are sold in packages of one size; a package begun is paid, or not, as the charge says."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.step import Step, needed, units_at, whole_blocks
from pipeline.rating.rounding import RateError

if TYPE_CHECKING:
    from pipeline.rating.model import Charge


def rate_package(charge: Charge, units: Fraction, scale: Fraction) -> list[Step]:  # noqa: ARG001 one signature for all models
    """Packages × `unit_price`, the price of a package."""
    size = needed(charge, "package")
    if size <= 0:
        raise RateError(f"charge {charge.id}: expected a package above 0, found {charge.package}")
    packages = whole_blocks(units, size, charge.begun)
    return [units_at(f"packages of {charge.package} {charge.unit}", packages, needed(charge, "unit_price"))]
