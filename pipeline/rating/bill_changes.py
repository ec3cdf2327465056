"""What one bill is to another: its credit note, and the lines by which a later version differs. Nothing is rounded."""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from pipeline.rating.model import Bill, Line, Part

ZERO = Decimal(0)

EXACT = decimal.Context(prec=200, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])
"""Sums in which nothing is ever rounded: what would need more than 200 digits is an error, not another amount."""


def add(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, exactly, whatever the caller's decimal context is."""
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def less(amount: Decimal, other: Decimal) -> Decimal:
    """The first less the second, exactly."""
    return EXACT.subtract(amount, other)


def negate(amount: Decimal) -> Decimal:
    """The same amount with the other sign; unlike unary minus it rounds nothing, and zero stays without a sign."""
    return amount.copy_negate() if amount else amount


def check_sums(bill: Bill) -> list[str]:
    """What does not add up in a bill: `net` of its lines but taxes, `tax` of its taxes, `total` of both."""
    net = add(line.amount for line in bill.lines if line.kind != "tax")
    tax = add(line.amount for line in bill.lines if line.kind == "tax")
    wanted = (("net", bill.net, net), ("tax", bill.tax, tax), ("total", bill.total, add((net, tax))))
    return [f"{name} is {said}, its lines make {found}" for name, said, found in wanted if said != found]


def credit_note(bill: Bill) -> Bill:
    """The bill that takes this one back: every quantity and amount with the other sign, prices as they were; with the
    bill it makes zero, on each line, in tax and in all."""
    return replace(
        bill,
        lines=tuple(_reverse(line) for line in bill.lines),
        net=negate(bill.net),
        tax=negate(bill.tax),
        total=negate(bill.total),
    )


def delta_lines(old: Bill, new: Bill) -> tuple[Line, ...]:
    """The lines by which `new` differs from `old`, on their own period: a line that is gone is reversed, a new one is
    there whole, and of one that changed there is the difference. Taxes stay taxes, all else is an adjustment; their
    sums are the differences of net, tax and total. Raises ValueError where the two are not of one period and currency.
    """
    if what := unlike(old, new):
        raise ValueError(f"bills that cannot be compared: {what}")
    before, after = _by_key(old.lines), _by_key(new.lines)
    deltas = []
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key), after.get(key)
        line = now or before[key]
        quantity = less(now.quantity if now else ZERO, was.quantity if was else ZERO)
        amount = less(now.amount if now else ZERO, was.amount if was else ZERO)
        if not quantity and not amount:
            continue
        kind = line.kind if line.kind == "tax" else "adjustment"
        rule = f"{was.amount if was else 0} → {now.amount if now else 0}"
        parts = (
            *((replace(part, what=f"was: {part.what}") for part in _reverse(was).parts) if was else ()),
            *((replace(part, what=f"is: {part.what}") for part in now.parts) if now else ()),
        )
        deltas.append(replace(line, kind=kind, quantity=quantity, amount=amount, parts=parts, rule=rule))
    return tuple(deltas)


def unlike(old: Bill, new: Bill) -> str:
    """What forbids that one bill stands in the place of the other; empty where nothing does."""
    compared = (
        ("customer", old.customer, new.customer),
        ("period begins", old.period.begin, new.period.begin),
        ("period ends", old.period.end, new.period.end),
        ("currency", old.currency, new.currency),
    )
    return ", ".join(f"{name} {was} and {now}" for name, was, now in compared if was != now)


def _reverse(line: Line) -> Line:
    parts = tuple(Part(part.what, negate(part.units), part.price, negate(part.amount)) for part in line.parts)
    return replace(line, quantity=negate(line.quantity), amount=negate(line.amount), parts=parts)


Key = tuple[str, str, str, int]


def line_keys(lines: Sequence[Line]) -> list[Key]:
    """The name by which each line is found in another version of its bill: kind, id, unit, and its place among those
    that share them (a plan may bring two lines of one charge)."""
    seen: dict[tuple[str, str, str], int] = {}
    keys = []
    for line in lines:
        name = (line.kind, line.id, line.unit)
        seen[name] = seen.get(name, 0) + 1
        keys.append((*name, seen[name]))
    return keys


def _by_key(lines: Sequence[Line]) -> dict[Key, Line]:
    return dict(zip(line_keys(lines), lines, strict=True))
