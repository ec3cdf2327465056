"""Commitments as a bill shows them: what was used of them, what went over, what was paid without use."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.rating.rounding import add_up

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.rating.model import Line


@dataclass(frozen=True, slots=True)
class CommitmentUse:
    """Three amounts, before rounding; they add up to what the lines cost before minimum, cap and discount."""

    utilized: Decimal
    overage: Decimal
    true_up: Decimal


def commitment_use(lines: Iterable[Line]) -> CommitmentUse:
    """The parts of lines by what they are: a plain charge is use."""
    sums = {"overage": [Decimal(0)], "committed, not used": [Decimal(0)], "": [Decimal(0)]}
    for line in lines:
        for part in line.parts:
            sums[part.what if part.what in sums else ""].append(part.amount)
    return CommitmentUse(add_up(sums[""]), add_up(sums["overage"]), add_up(sums["committed, not used"]))
