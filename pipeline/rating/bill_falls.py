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
    from pipeline.rating.compiled_plan import CompiledCharge


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
    points = [
        (column, charge, bound, above)
        for column, charge in zip(book.columns_of[place], _counted(plan.charges), strict=True)
        for bound, above in _bounds(charge)
    ]
    if not points:
        return ()
    columns = np.array([[min(base, (1 << 63) - 1) for base in bases]] * (2 * len(points)), np.uint64)
    for i, (column, _, bound, above) in enumerate(points):
        columns[2 * i : 2 * i + 2, column] = bound, above
    nets = book.rate(np.ascontiguousarray(columns.T), only=place).nets[0].tolist()
    falls = []
    for i, (column, charge, bound, above) in enumerate(points):
        before, after = nets[2 * i : 2 * i + 2]
        if 0 <= after < before:
            less, more = (Decimal(f"{amount}e-{plan.scale}") for amount in (before, after))
            source = charge.source
            worth = after < net and above > bases[column]
            falls.append(Fall(source.id, to_units(bound, source.unit), source.unit, less, more, worth))
    return tuple(falls)


def _counted(charges: Sequence[CompiledCharge]) -> list[CompiledCharge]:
    return [charge for charge in charges if not charge.of]


def _bounds(charge: CompiledCharge) -> list[tuple[int, int]]:
    """The greatest quantity of each tier and the least of the next, where prices could fall between them."""
    found = []
    for piece, following in zip(charge.pieces, charge.pieces[1:], strict=False):
        filled = following.base == piece.bound and piece.block == following.block == 0
        if piece.bound is None or (
            filled and following.const >= piece.const + piece.slope * (piece.bound - piece.base)
        ):
            continue
        bound = piece.bound + charge.free
        above = bound + 1
        if charge.whole:
            bound = bound // charge.whole * charge.whole
            above = bound + (1 if charge.up else charge.whole)
        if above < 1 << 62:
            found.append((bound, above))
    return found
