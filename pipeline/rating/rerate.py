"""Re-rating: late usage and corrected tariffs become delta lines on their own period; what was booked never changes.

From cumulative quantities and amounts already booked, or from two versions of a bill, to the lines that lead from one
to the other. Booked plus deltas is always the price of what is known now: the order in which data comes is nothing.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.rating.charge import rate_exactly
from pipeline.rating.model import Line, Part, Quantity
from pipeline.rating.rounding import RateError, add_up, exact, negated, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.rating.model import Charge


def rate_slice(
    charge: Charge, before: Decimal, after: Decimal, booked: Decimal | None = None, *, last: bool = True
) -> Line:
    """The line from `before` to `after` units of a period: the price of all, less what is booked for it already.

    `booked` is the price of `before` where it is not told. The minimum is asked for by the period's last line only.
    Raises RateError for a charge with windows: two sums do not say which windows the units between them fell into.
    """
    if charge.window_s is not None:
        raise RateError(
            f"charge {charge.id}: windows are priced alone, not as slices; compare two bills instead"
        )
    whole = replace(charge, minimum=charge.minimum if last else None)
    old = rate_exactly(replace(charge, minimum=None), Quantity(charge.id, before, 0))
    new = rate_exactly(whole, Quantity(charge.id, after, 0))
    already = old.line.amount if booked is None else booked
    parts = difference(old.line.parts, new.line.parts)
    other = old.amount - exact(already, f"charge {charge.id}: booked")
    if booked is not None and other:
        parts = (*parts, Part("booked before", Decimal(0), shown(other), shown(other)))
    amount = add_up((new.line.amount, negated(already)))
    quantity = add_up((after, negated(before)))
    rule = f"from {before} to {after} {charge.unit} of the period, {already} booked before; {new.line.rule}"
    return replace(new.line, quantity=quantity, amount=amount, parts=parts, rule=rule)


def difference(old: Iterable[Part], new: Iterable[Part]) -> tuple[Part, ...]:
    """What the parts of a line gained or lost; those that stand still are left out."""
    order: dict[tuple[str, Decimal | None], tuple[Decimal, Decimal, Decimal]] = {}
    for parts, sign in ((new, 1), (old, -1)):
        for part in parts:
            # A flat sum's price is its amount, which may differ; units keep prices apart.
            key = (part.what, part.price if part.units else None)
            _, units, amount = order.get(key, (part.price, Decimal(0), Decimal(0)))
            more = (part.units, part.amount) if sign > 0 else (negated(part.units), negated(part.amount))
            order[key] = (part.price, add_up((units, more[0])), add_up((amount, more[1])))
    return tuple(
        Part(what, units, price, amount)
        for (what, _), (price, units, amount) in order.items()
        if units or amount
    )


def rerate(
    charge: Charge, cumulative: Sequence[Decimal], booked: Sequence[Decimal], *, final: bool = True
) -> tuple[Line, ...]:
    """A delta line for each part of a billing period, in order, each on its own part.

    `cumulative`: units at the end of each part, as known now. `booked`: the sum of lines booked on each so far, of
    fewer parts while the latest have none. `final`: the last one ends the period, and asks for the minimum.
    """
    if len(booked) > len(cumulative):
        raise RateError(
            f"charge {charge.id}: expected {len(booked)} cumulative quantities or more, found {len(cumulative)}"
        )
    lines = []
    for i, after in enumerate(cumulative):
        before = cumulative[i - 1] if i else Decimal(0)
        last = final and i == len(cumulative) - 1
        # Before the first there is nothing, not the price of zero units, which some plans ask for.
        slice_ = rate_slice(charge, before, after, None if i else Decimal(0), last=last)
        already = booked[i] if i < len(booked) else Decimal(0)
        amount = add_up((slice_.amount, negated(already)))
        kind = "adjustment" if i < len(booked) else "charge"
        rule = f"{already} booked on this part; {slice_.rule}" if already else slice_.rule
        parts = slice_.parts
        if already:
            parts = (*parts, Part("booked before", Decimal(0), negated(already), negated(already)))
        lines.append(replace(slice_, kind=kind, amount=amount, parts=parts, rule=rule))
    return tuple(lines)
