"""Where a plan's bill falls as usage grows: at a bound of a tier that prices everything, as volume prices do.

From the tables of pipeline.rating.compiled_book, to pipeline.rating.simulate, which points it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from pipeline.rating.units import to_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.rating.compiled_book import CompiledBook


@dataclass(frozen=True, slots=True)
class Fall:
    """With everything else as it was used, the bill is `before` at `up_to` units of a charge and `after` just above;
    `worth_using_more`: it is then less than the bill is now, for less usage."""

    charge: str
    up_to: Decimal
    unit: str
    before: Decimal
    after: Decimal
    worth_using_more: bool


def find_falls(book: CompiledBook, place: int, bases: Sequence[int], net: int) -> tuple[Fall, ...]:
    """Every bound of the plan in that place at which its bill falls, the other quantities being what they are."""
    plan = book.plans[place]
    turns = book.turns_of[place]
    if not turns:
        return ()
    columns = np.array([[min(base, (1 << 63) - 1) for base in bases]] * (2 * len(turns)), np.uint64)
    for i, turn in enumerate(turns):
        columns[2 * i : 2 * i + 2, turn.column] = turn.bound, turn.above
    nets = book.rate(np.ascontiguousarray(columns.T), only=place).nets[0].tolist()
    falls = []
    for i, turn in enumerate(turns):
        before, after = nets[2 * i : 2 * i + 2]
        if 0 <= after < before:
            less, more = (Decimal(f"{amount}e-{plan.scale}") for amount in (before, after))
            unit = turn.charge.unit
            worth = after < net and turn.above > bases[turn.column]
            falls.append(Fall(turn.charge.id, to_units(turn.bound, unit), unit, less, more, worth))
    return tuple(falls)
