"""Sums and parts of amounts and losses, for losses and gaps; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.coverage.model import Amount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.coverage.model import Loss


MOST = 2**63 - 1
"""Bytes that a loss is told with at most: claims beyond all measure add up to more than the store's integers hold."""


def total(amounts: Sequence[Amount]) -> Amount:
    """The sum. Errors of estimates of one stream go the same way, so that their bounds add up."""
    if len(amounts) == 1:
        return amounts[0]
    low, expected, high = (
        min(MOST, sum(of)) for of in zip(*((a.low, a.expected, a.high) for a in amounts), strict=True)
    )
    exact = [a.exact for a in amounts if a.exact is not None]
    methods = " and ".join(sorted({method for a in amounts for method in a.method.split(" and ")}))
    return Amount(low, expected, high, min(MOST, sum(exact)) if len(exact) == len(amounts) else None, methods)


def part(loss: Loss, first: int, after: int) -> Loss:
    """Some minutes of a loss, with as much of its bytes as they are of its minutes; what was exact is so no more."""
    if (first, after) == (loss.first, loss.after):
        return loss
    amount, some, all_ = loss.lost_bytes, after - first, loss.after - loss.first
    low, expected, high = (
        amount.low * some // all_,
        amount.expected * some // all_,
        -(-amount.high * some // all_),
    )
    lost = Amount(low, expected, high, None, amount.method)
    return replace(loss, first=first, after=after, lost_lines=None, lost_bytes=lost)


def joined(one: Loss, other: Loss) -> Loss:
    """Two losses of one stream and class that adjoin, as one."""
    lines = None if one.lost_lines is None or other.lost_lines is None else one.lost_lines + other.lost_lines
    return replace(
        one,
        first=min(one.first, other.first),
        after=max(one.after, other.after),
        lost_lines=lines,
        lost_bytes=total([one.lost_bytes, other.lost_bytes]),
        evidence=tuple(dict.fromkeys((*one.evidence, *other.evidence))),
    )
