"""What one bill is to another: its credit note, and the lines by which a later version differs. Nothing is rounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from pipeline.rating.model import Bill, Line, Part
from pipeline.rating.rerate import difference
from pipeline.rating.rounding import add_up, negated

ZERO = Decimal(0)


def less(amount: Decimal, other: Decimal) -> Decimal:
    """The first less the second, exactly."""
    return add_up((amount, negated(other)))


def check_sums(bill: Bill) -> list[str]:
    """What does not add up in a bill: `net` of its lines but taxes, `tax` of its taxes, `total` of both."""
    net = add_up(line.amount for line in bill.lines if line.kind != "tax")
    tax = add_up(line.amount for line in bill.lines if line.kind == "tax")
    wanted = (("net", bill.net, net), ("tax", bill.tax, tax), ("total", bill.total, add_up((net, tax))))
    return [f"{name} is {said}, its lines make {found}" for name, said, found in wanted if said != found]


def credit_note(bill: Bill, why: str) -> Bill:
    """The bill that takes this one back: every quantity and amount with the other sign, prices as they were; with the
    bill it makes zero, on each line, in tax and in all."""
    return replace(
        bill,
        lines=tuple(_reverse(line, why) for line in bill.lines),
        net=negated(bill.net),
        tax=negated(bill.tax),
        total=negated(bill.total),
    )


def delta_lines(old: Bill, new: Bill) -> tuple[Line, ...]:
    """The lines by which `new` differs from `old`, on their own period: a line that is gone is reversed, a new one is
    there whole, and of one that changed there is the difference, step by step. Taxes stay taxes, all else is an
    adjustment; their sums are the differences of net, tax and total. Raises ValueError where the two are not of one
    period and currency.
    """
    if what := unlike(old, new):
        raise ValueError(f"bills that cannot be compared: {what}")
    before, after = _by_key(old.lines), _by_key(new.lines)
    deltas = []
    for key in dict.fromkeys([*after, *before]):
        was, now = before.get(key), after.get(key)
        line = now or before[key]
        quantity = less(now.quantity if now else ZERO, was.quantity if was else ZERO)
        amount = less(now.amount if now else ZERO, was.amount if was else ZERO)
        if not quantity and not amount:
            continue
        kind = line.kind if line.kind == "tax" else "adjustment"
        rule = f"{was.amount if was else 0} → {now.amount if now else 0}"
        parts = difference(was.parts if was else (), now.parts if now else ())
        deltas.append(replace(line, kind=kind, quantity=quantity, amount=amount, parts=parts, rule=rule))
    return tuple(sorted(deltas, key=lambda line: line.kind == "tax"))  # what is gone comes before taxes, too


def delta_bill(old: Bill, new: Bill, why: str) -> Bill:
    """The lines by which `new` differs from `old` as a bill of their own: what a credit note for the old one and the
    new one make together. Raises ValueError as `delta_lines` does."""
    lines = tuple(replace(line, rule=f"{why}; {line.rule}") for line in delta_lines(old, new))
    net, tax, total = less(new.net, old.net), less(new.tax, old.tax), less(new.total, old.total)
    return replace(new, lines=lines, net=net, tax=tax, total=total)


def unlike(old: Bill, new: Bill) -> str:
    """What forbids that one bill stands in the place of the other; empty where nothing does."""
    compared = ((name, getattr(old, name), getattr(new, name)) for name in ("customer", "period", "currency"))
    return "; ".join(f"its {name} is {now}, and not {was}" for name, was, now in compared if was != now)


def _reverse(line: Line, why: str = "") -> Line:
    parts = tuple(
        Part(part.what, negated(part.units), part.price, negated(part.amount)) for part in line.parts
    )
    rule = f"{why}; {line.rule}" if why and line.rule else why or line.rule
    return replace(line, quantity=negated(line.quantity), amount=negated(line.amount), parts=parts, rule=rule)


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
