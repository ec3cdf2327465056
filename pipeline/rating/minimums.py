"""Minimums and caps: a floor and a ceiling under and over a charge or a whole bill, as steps that say so."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.step import Step, flat_sum
from pipeline.rating.rounding import RateError, exact

if TYPE_CHECKING:
    from pipeline.rating.model import Charge, Plan


def limit_steps(of: Charge | Plan, amount: Fraction, scale: Fraction) -> list[Step]:
    """What lifts an amount to the minimum, or takes it down to the cap, of `scale` of a month; at most one step."""
    least = None if of.minimum is None else exact(of.minimum, f"{of.id}: minimum") * scale
    most = None if of.cap is None else exact(of.cap, f"{of.id}: cap") * scale
    if (least is not None and least < 0) or (most is not None and most < 0):
        raise RateError(f"{of.id}: expected minimum and cap of 0 or more, found {of.minimum} and {of.cap}")
    if least is not None and most is not None and least > most:
        raise RateError(f"{of.id}: expected a cap not below the minimum, found {of.cap} below {of.minimum}")
    if least is not None and amount < least:
        return [flat_sum("minimum", least - amount)]
    if most is not None and amount > most:
        return [flat_sum("cap", most - amount)]
    return []
