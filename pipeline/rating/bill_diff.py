"""Why two versions of a bill differ: the way from one to the other walked one cause at a time, each step rated; for
proposals and auditors. The steps' sums are the whole difference, to the kopeck, and what no cause explains is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from pipeline.rating.bill_changes import delta_lines, less, unlike
from pipeline.rating.rounding import add_up

if TYPE_CHECKING:
    from pipeline.rating.model import Bill, Discount, Line, Tax


class Cause(StrEnum):
    """What changed, in the order in which the way is walked: first what was counted, then at which price, then what was
    granted. Another order would share the same sum out differently."""

    LATE_DATA = "late_data"
    TARIFF_CORRECTION = "tariff_correction"
    PLAN = "plan"
    DISCOUNT = "discount"
    TAX = "tax"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a bill is a function of. `usage`: names what was counted, such as a cut of the ledger; two versions of one
    plan are a tariff correction, two plans are a change of plan."""

    usage: str
    plan: str
    plan_version: int
    discounts: tuple[Discount, ...] = ()
    tax: Tax | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What one cause did: the lines by which it moved the bill, and their sums."""

    cause: Cause
    net: Decimal
    tax: Decimal
    total: Decimal
    lines: tuple[Line, ...]


def explain_difference(
    old: Bill, old_terms: Terms, new: Bill, new_terms: Terms, rate: Callable[[Terms], Bill]
) -> tuple[Change, ...]:
    """The changes that lead from `old` to `new`, those of no line left out. `rate` gives the bill for terms between the
    two; rating each end again shows what nobody said (a bill that today's code would not make), as UNEXPLAINED.

    Raises ValueError where the bills are not of one customer, period and currency.
    """
    if what := unlike(old, new):
        raise ValueError(f"bills that cannot be compared: {what}")
    way: list[tuple[Cause, Bill]] = [(Cause.UNEXPLAINED, rate(old_terms))]
    terms = old_terms
    for cause, step in _steps(old_terms, new_terms):
        terms = step(terms)
        way.append((cause, rate(terms)))
    found: dict[Cause, Change] = {}
    before = old
    for cause, bill in (*way, (Cause.UNEXPLAINED, new)):
        _add(found, cause, before, bill)
        before = bill
    return tuple(found[cause] for cause in Cause if cause in found)


def _steps(old: Terms, new: Terms) -> list[tuple[Cause, Callable[[Terms], Terms]]]:
    moved = old.plan != new.plan
    steps = (
        (Cause.LATE_DATA, old.usage != new.usage, lambda t: replace(t, usage=new.usage)),
        (
            Cause.PLAN if moved else Cause.TARIFF_CORRECTION,
            moved or old.plan_version != new.plan_version,
            lambda t: replace(t, plan=new.plan, plan_version=new.plan_version),
        ),
        (Cause.DISCOUNT, old.discounts != new.discounts, lambda t: replace(t, discounts=new.discounts)),
        (Cause.TAX, old.tax != new.tax, lambda t: replace(t, tax=new.tax)),
    )
    return [(cause, step) for cause, differs, step in steps if differs]


def _add(found: dict[Cause, Change], cause: Cause, before: Bill, after: Bill) -> None:
    lines = delta_lines(before, after)
    if not lines:
        return
    moved = Change(
        cause,
        less(after.net, before.net),
        less(after.tax, before.tax),
        less(after.total, before.total),
        lines,
    )
    if had := found.get(cause):  # unexplained at both ends
        moved = Change(
            cause,
            add_up((had.net, moved.net)),
            add_up((had.tax, moved.tax)),
            add_up((had.total, moved.total)),
            (*had.lines, *moved.lines),
        )
    found[cause] = moved
