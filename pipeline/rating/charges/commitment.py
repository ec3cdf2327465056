"""Commitment: units paid whether used or not; what is over them has its own price.

With `window_s` each window of time commits anew: the caller hands the windows in one by one.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.step import Step, units_at
from pipeline.rating.rounding import RateError, exact

if TYPE_CHECKING:
    from pipeline.rating.model import Charge


def rate_commitment(charge: Charge, units: Fraction, scale: Fraction) -> list[Step]:
    """Used of the committed, the true-up of the rest, and the overage; commits `scale` of a month's units."""
    promise = charge.commitment
    if promise is None:
        raise RateError(f"charge {charge.id}: model {charge.model.value} needs commitment, found none")
    where = f"charge {charge.id}: commitment"
    committed = exact(promise.units, where) * scale
    price = exact(promise.price, where)
    used = min(units, committed)
    steps = [units_at("committed, used", used, price)]
    if promise.true_up and used < committed:
        steps.append(units_at("committed, not used", committed - used, price))
    if units > committed:
        steps.append(units_at("overage", units - committed, exact(promise.overage_price, where)))
    return steps
