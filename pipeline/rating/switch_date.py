"""The best day of a month to change plans: what was used until then under the old plan, the rest under another.

From pipeline.rating.meter's minutes and the plan book, to pipeline.rating.simulate. Both parts are prorated as each
plan says, by pipeline.rating.rate; a lower bound of the rest's price spares most of that work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.rating.compiled_book import compile_book
from pipeline.rating.model import Meter, Period
from pipeline.rating.proration import factor_of
from pipeline.rating.rate import rate_plan
from pipeline.rating.rounding import RateError, add_up

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.meter import Metering
    from pipeline.rating.model import Charge, Plan


@dataclass(frozen=True, slots=True)
class Switch:
    """From the midnight before `day` on another plan: what the month then costs, in two parts, before taxes."""

    plan: Plan
    day: date
    before: Decimal
    after: Decimal

    @property
    def net(self) -> Decimal:
        """Of the whole month."""
        return add_up((self.before, self.after))


@dataclass(frozen=True, slots=True, eq=False)
class BareBook:
    """Plans without what is prorated, so that their nets are lower bounds; `places`: of each plan's id() in `book`."""

    book: CompiledBook
    places: dict[int, int]


def bare_book(plans: Sequence[Plan]) -> BareBook:
    """The lower bounds of plans, which must live as long as it does."""
    bare = [plan if plan.proration == "none" else _bare(plan) for plan in plans]
    book = compile_book(bare)
    at = {id(one.plan): place for place, one in enumerate(book.plans)}
    return BareBook(book, {id(p): at[id(b)] for p, b in zip(plans, bare, strict=True) if id(b) in at})


def best_switch(
    metering: Metering, current: Plan, plans: Sequence[Plan], month: Period, bare: BareBook | None = None
) -> Switch | None:
    """The cheapest change of plan at a midnight inside the month, or None where every one costs more than staying.

    Of equal ones the later, of one day the first plan. UsageError where the usage lacks what `current` counts.
    """
    days = _midnights(month)
    others = [plan for plan in plans if plan is not current and plan.currency == current.currency]
    others = [plan for plan in others if not any(metering.lacks(charge) for charge in plan.charges)]
    stay = _net(current, metering, month, month)
    if stay is None or not others or not days:
        return None
    rests = [metering.part(Period(day, month.end, month.tz)) for day in days]
    bounds = _lower_bounds(others, rests, bare or bare_book(others))
    tried: list[tuple[Decimal, int, int]] = []
    befores: list[Decimal] = []
    for i, day in enumerate(days):
        span = Period(month.begin, day, month.tz)
        before = _net(current, metering.part(span), span, month)
        befores.append(Decimal(0) if before is None else before)
        if before is not None:
            tried += [(add_up((before, bound)), -i, j) for j, bound in enumerate(bounds[i])]
    best: Switch | None = None
    for least, i, j in sorted(tried):
        if least > (stay if best is None else best.net):
            break
        span = Period(days[-i], month.end, month.tz)
        after = _net(others[j], rests[-i], span, month)
        if after is None:
            continue
        made = Switch(others[j], days[-i].astimezone(ZoneInfo(month.tz)).date(), befores[-i], after)
        if made.net < stay and (best is None or _order(made, others) < _order(best, others)):
            best = made
    return best


def _order(switch: Switch, plans: Sequence[Plan]) -> tuple[Decimal, int, int]:
    return switch.net, -switch.day.toordinal(), next(i for i, plan in enumerate(plans) if plan is switch.plan)


def _midnights(month: Period) -> list[datetime]:
    """The local midnights strictly inside a month, in UTC."""
    zone = ZoneInfo(month.tz)
    day = month.begin.astimezone(zone).date() + timedelta(days=1)
    found: list[datetime] = []
    while True:
        at = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        if at >= month.end:
            return found
        found.append(at)
        day += timedelta(days=1)


def _net(plan: Plan, metering: Metering, span: Period, month: Period) -> Decimal | None:
    """What a stretch costs; None where the plan has no price for it."""
    factor = factor_of(span, month, plan.proration)
    try:
        return rate_plan(plan, metering.quantities(plan), span, factor=factor).net
    except RateError:
        return None


def _lower_bounds(plans: Sequence[Plan], rests: Sequence[Metering], bare: BareBook) -> list[list[Decimal]]:
    """What each plan asks at least for each rest of the month: its prices of units alone, all else at nothing."""
    book = bare.book
    places = [bare.places.get(id(plan)) for plan in plans]
    needed = {column for place in places if place is not None for column in book.columns_of[place]}
    columns = [
        [min(rest.base(c)[0], (1 << 63) - 1) if i in needed else 0 for i, c in enumerate(book.columns)]
        for rest in rests
    ]
    nets = book.rate(np.array(columns, np.uint64).T.reshape(len(book.columns), len(rests))).nets.tolist()
    found: list[list[Decimal]] = []
    for i in range(len(rests)):
        row = [
            Decimal(0)
            if place is None or nets[place][i] < 0
            else Decimal(f"{nets[place][i]}e-{book.plans[place].scale}")
            for place in places
        ]
        found.append(row)
    return found


def _bare(plan: Plan) -> Plan:
    """A plan that asks for no more than this one does for any part of a month: what is prorated is nothing in it."""
    charges = []
    for charge in plan.charges:
        rate = charge.meter in (Meter.P95_BPS, Meter.PEAK_BPS, Meter.FLAT)
        if rate or charge.cap is not None or charge.commitment is not None or charge.tax is not None:
            continue
        if (
            charge.model.value in ("capacity", "percentage", "flat")
            or charge.group
            or charge.rounding.at == "total"
        ):
            continue
        charges.append(_without_sums(charge))
    capped = plan.cap is not None
    return replace(plan, charges=() if capped else tuple(charges), minimum=None, cap=None)


def _without_sums(charge: Charge) -> Charge:
    tiers = tuple(replace(tier, flat=Decimal(0)) for tier in charge.tiers)
    rounding = replace(charge.rounding, mode="down", at="line")
    return replace(charge, tiers=tiers, minimum=None, flat=None, rounding=rounding)
