"""What a simulation says: outcomes of plans with their causes, ranked, beside what the month costs as it stands; from
pipeline.rating.simulate to whoever shows it or decides on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.rating.rounding import add_up, negated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.rating.bill_falls import Fall
    from pipeline.rating.held import Standing
    from pipeline.rating.model import Bill, Period, Plan, Uncounted
    from pipeline.rating.switch_date import Switch

SHIFTS = (80, 120)
"""Percent of the usage that sensitivity asks about."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What a plan asks for one thing that it counts (or its minimum), and what the best plan asks for it."""

    what: str
    lines: tuple[str, ...]
    amount: Decimal
    best_amount: Decimal

    @property
    def more(self) -> Decimal:
        """By how much the plan is dearer here."""
        return add_up((self.amount, negated(self.best_amount)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """A plan's net for the month and by line; `causes`: where it is dearer than the best, the most first; `shifted`:
    the net at each of SHIFTS percent of the usage, None where it has no price; `falls`: where more usage costs less."""

    plan: Plan
    net: Decimal
    lines: Mapping[str, Decimal]
    causes: tuple[Cause, ...]
    shifted: tuple[Decimal | None, ...]
    falls: tuple[Fall, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """`ranked`: from the cheapest, of equal ones `current` first, then by id; `left_out`: plans that are not compared,
    and why; `best_shifted`: the cheapest plan's id at each of SHIFTS; `switch`: the best day of the month to leave
    `current` on, if any is and one was looked for. `standing`: what the month costs as it stands, which is `current`
    where he has one contract. `provisional`: why the usage may still change. `free`: what `current` leaves free."""

    period: Period
    currency: str
    ranked: tuple[Outcome, ...]
    left_out: tuple[tuple[Plan, str], ...]
    best_shifted: tuple[str, ...]
    best_bill: Bill | None
    current: Outcome | None
    current_bill: Bill | None
    switch: Switch | None
    looked_for_switch: bool = False
    standing: Standing | None = None
    provisional: tuple[str, ...] = ()
    free: str = ""

    @property
    def uncounted(self) -> tuple[Uncounted, ...]:
        """What no charge counts of what he pays, where the usage itself is at hand; else `free` says it."""
        return tuple(
            each for bill in (self.standing.bills if self.standing else ()) for each in bill.uncounted
        )

    @property
    def changed(self) -> bool:
        """Whether his plan changed within the month, so that no plan of the ranking is what he pays."""
        return self.standing is not None and len(self.standing.plans) > 1

    @property
    def saves(self) -> Decimal:
        """What the best plan would have cost less than the month does as it stands."""
        if self.standing is None or not self.ranked:
            return Decimal(0)
        return max(add_up((self.standing.net, negated(self.ranked[0].net))), Decimal(0))


def provisionally(found: Simulation, reasons: tuple[str, ...]) -> Simulation:
    """The same, and its bills, marked with why the usage may still change; none: it is final."""
    if not reasons:
        return found

    def marked(bill: Bill | None) -> Bill | None:
        return None if bill is None else replace(bill, provisional=reasons)

    standing = found.standing
    return replace(
        found,
        provisional=reasons,
        best_bill=marked(found.best_bill),
        current_bill=marked(found.current_bill),
        standing=standing
        and replace(standing, bills=tuple(replace(each, provisional=reasons) for each in standing.bills)),
    )
