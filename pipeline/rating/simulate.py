"""One customer's month under every plan: ranked, with what made each loser lose, and what other usage would change.

Usage comes from pipeline.rating.usage, plans from the plan book; the ranking goes to people who decide on a plan. Nets
are before discounts and taxes. The kernel rates; what it cannot, and what is shown of the best plan and of the
customer's own, comes from pipeline.rating.rate.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pipeline.rating.bill_falls import find_falls
from pipeline.rating.compiled_book import CompiledBook, compile_book
from pipeline.rating.held import Standing, scaled_quantity, standing_of
from pipeline.rating.meter import Metering
from pipeline.rating.model import Bill, Model, Quantity
from pipeline.rating.rate import rate_plan
from pipeline.rating.rounding import DIGITS, RateError
from pipeline.rating.simulation import SHIFTS, Cause, Outcome, Simulation
from pipeline.rating.switch_date import BareBook, bare_book, best_switch
from pipeline.rating.uncounted import Places, PlacesSeen, uncounted
from pipeline.rating.uncounted_usage import uncounted_usage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pipeline.rating.held import Held
    from pipeline.rating.model import Charge, Discount, Period, Plan, Tax
    from pipeline.rating.usage import Usage


class Counted(Protocol):
    """What a month came to: pipeline.rating.meter.Metering, or a month of pipeline.rating.book_month."""

    def lacks(self, charge: Charge) -> str:
        """What the usage does not know, in words."""

    def base(self, charge: Charge) -> tuple[int, str]:
        """Bytes, requests or bit/s, and a word on how it came about."""

    def quantities(self, plan: Plan) -> tuple[Quantity, ...]:
        """The quantity of each charge of a plan, but for shares of amounts."""


def simulate(
    usage: Usage,
    plans: Sequence[Plan] | CompiledBook,
    period: Period,
    *,
    current: Plan | None = None,
    tax: Tax | None = None,
    discounts: Sequence[Discount] = (),
    currency: str | None = None,
    switch: bool = True,
    held: Held | None = None,
) -> Simulation:
    """The month's usage under every plan of one currency: the given, else that of `current`, else the most usual one.

    `tax`, `discounts`: of the two bills that are shown. `held`: where his contracts do not hold in all of the month, or
    changed within it; plans are then rated once over that time. UsageError where `current` counts what the usage lacks.
    """
    if held is not None:
        period, span = held.period, held.once()
        tax, discounts = span.tax, span.discounts
    book = plans if isinstance(plans, CompiledBook) else compile_book(plans)
    if current is not None and all(plan is not current for plan in book.every):
        book = compile_book([*book.every, current])
    metering = Metering(usage, period)
    apart = None if held is None or held.plain else held
    found = simulate_counted(
        metering,
        Places(usage),
        book,
        period,
        current=current,
        tax=tax,
        discounts=discounts,
        currency=currency,
        part=_whole if apart is None else apart.factor,
        customer="" if held is None else held.spans[-1].contract.customer,
    )
    if apart is not None:
        found = replace(found, standing=standing_of(apart, metering, SHIFTS))
    found = _with_uncounted(found, usage)
    if not switch:
        return found
    if current is None or found.current is None or apart is not None:
        # a day to switch is looked for where one contract holds in all of the month
        return replace(found, looked_for_switch=apart is None)
    bare = book.memo.get("bare")
    if not isinstance(bare, BareBook):
        book.memo["bare"] = bare = bare_book(book.every)
    best = best_switch(metering, current, [each.plan for each in found.ranked], period, bare)
    return replace(found, switch=best, looked_for_switch=True)


def _with_uncounted(found: Simulation, usage: Usage) -> Simulation:
    """The bills of what he pays, with what none of their charges counts."""
    if found.standing is None:
        return found
    bills = tuple(
        replace(bill, uncounted=uncounted_usage(plan, usage, bill.period))
        for plan, bill in zip(found.standing.plans, found.standing.bills, strict=True)
    )
    own = found.current_bill if found.changed else bills[0]
    return replace(found, standing=replace(found.standing, bills=bills), current_bill=own)


def simulate_counted(
    counted: Counted,
    places: PlacesSeen,
    book: CompiledBook,
    period: Period,
    *,
    current: Plan | None = None,
    tax: Tax | None = None,
    discounts: Sequence[Discount] = (),
    currency: str | None = None,
    others: Collection[int] = (),
    part: Callable[[str], Fraction] | None = None,
    customer: str = "",
) -> Simulation:
    """The same of what was counted already, without the day of a switch; `current` is in the book.

    `others`: id()s of plans of the book that are not compared, but for `current`. `part`: of a month by a plan's rule
    of proration; `customer`: of the bills.
    """
    part = part or _whole
    every = [plan for plan in book.every if plan is current or id(plan) not in others]
    coin = currency or (current.currency if current else _usual(every))
    # his own plan is compared whatever it leaves free, for that is what he pays
    free = {id(plan): why for plan in every if plan is not current and (why := uncounted(plan, places))}
    hidden = {id(plan) for plan in book.every} - {id(plan) for plan in every}
    rated, left_out = _rate(book, counted, free, period, coin, hidden, part)
    # nobody moves for nothing: of equal plans the one that he has comes first
    rated.sort(key=lambda each: (each.net, each.plan is not current, each.plan.id, each.plan.version))
    ranked = _explained(rated)
    own = next((each for each in ranked if each.plan is current), None)
    best_bill, own_bill = (
        None if each is None else _bill(each, counted, period, tax, discounts, part, customer)
        for each in (ranked[0] if ranked else None, own)
    )
    shifted = tuple(_best_at(ranked, place, current) for place in range(len(SHIFTS)))
    standing = Standing((own.plan,), (own_bill,), (own.net,), own.shifted) if own and own_bill else None
    return Simulation(
        period,
        coin,
        ranked,
        tuple(left_out),
        shifted,
        best_bill,
        own,
        own_bill,
        None,
        standing=standing,
        free=uncounted(current, places) if current else "",
    )


def _whole(_rule: str) -> Fraction:
    return Fraction(1)


def _usual(plans: Sequence[Plan]) -> str:
    coins = sorted(plan.currency for plan in plans)
    return max(coins, key=coins.count, default="")


def _rate(
    book: CompiledBook,
    metering: Counted,
    free: Mapping[int, str],
    period: Period,
    coin: str,
    hidden: Collection[int],
    part: Callable[[str], Fraction],
) -> tuple[list[Outcome], list[tuple[Plan, str]]]:
    """Every plan's outcome without causes, and the plans that have none."""
    left_out: list[tuple[Plan, str]] = []
    missing = {place: why for place, c in enumerate(book.columns) if (why := metering.lacks(c))}
    bases = [0 if place in missing else metering.base(c)[0] for place, c in enumerate(book.columns)]
    shifted = [[base * share // 100 for base in bases] for share in SHIFTS]
    for place, charge in enumerate(book.columns):
        if charge.meter.value == "flat":
            for column in shifted:
                column[place] = bases[place]
    too_many = [place for place, base in enumerate(bases) if base >= 1 << 63]
    columns = np.array(
        [[0 if i in too_many else b for i, b in enumerate(c)] for c in (bases, *shifted)], np.uint64
    )
    found = book.rate(np.ascontiguousarray(columns.T), lines=True)
    assert found.lines is not None  # noqa: S101 - asked for
    rated: list[Outcome] = []
    slow = [plan for plan, _ in book.refused if id(plan) not in hidden]
    at = 0
    for place, one in enumerate(book.plans):
        first, at = at, at + len(one.charges)
        if id(one.plan) in hidden:
            continue
        why = _why_not(one.plan, book.columns_of[place], missing, coin) or free.get(id(one.plan), "")
        if why:
            left_out.append((one.plan, why))
            continue
        nets = found.nets[place].tolist()
        if nets[0] < 0 or any(i in too_many for i in book.columns_of[place]) or part(one.plan.proration) != 1:
            slow.append(one.plan)
            continue
        amounts = [_decimal(line, one.scale) for line in found.lines[first:at, 0].tolist()]
        lines = {c.source.id: amount for c, amount in zip(one.charges, amounts, strict=True)}
        net = _decimal(nets[0], one.scale)
        if over := nets[0] - int(found.lines[first:at, 0].sum()):
            lines["plan-minimum" if over > 0 else "plan-cap"] = _decimal(over, one.scale)
        others = tuple(None if each < 0 else _decimal(each, one.scale) for each in nets[1:])
        rated.append(Outcome(one.plan, net, lines, (), others, find_falls(book, place, bases, nets[0])))
    for plan in slow:
        outcome = free.get(id(plan)) or rate_slowly(plan, metering, period, coin, part(plan.proration))
        if isinstance(outcome, str):
            left_out.append((plan, outcome))
        else:
            rated.append(outcome)
    return rated, left_out


def _decimal(amount: int, scale: int) -> Decimal:
    return Decimal(f"{amount}e-{scale}")


def _why_not(plan: Plan, columns: Sequence[int], missing: Mapping[int, str], coin: str) -> str:
    if plan.currency != coin:
        return f"its currency is {plan.currency}, not {coin}"
    return next((missing[column] for column in columns if column in missing), "")


def rate_slowly(
    plan: Plan, metering: Counted, period: Period, coin: str, factor: Fraction = Fraction(1)
) -> Outcome | str:
    """A plan that the kernel cannot rate; or why it has no price. `factor`: the part of a month."""
    counted = [charge for charge in plan.charges if charge.model is not Model.PERCENTAGE]
    why = f"its currency is {plan.currency}, not {coin}" if plan.currency != coin else ""
    if why := why or next((said for charge in counted if (said := metering.lacks(charge))), ""):
        return why
    quantities = metering.quantities(plan)
    try:
        bill = rate_plan(plan, quantities, period, factor=factor)
    except RateError as error:
        return str(error)
    others: list[Decimal | None] = []
    for share in SHIFTS:
        scaled = [scaled_quantity(c, q, share) for c, q in zip(counted, quantities, strict=True)]
        try:
            others.append(rate_plan(plan, scaled, period, factor=factor).net)
        except RateError:
            others.append(None)
    lines = {line.id: line.amount for line in bill.lines}
    return Outcome(plan, bill.net, lines, (), tuple(others), ())


def _by_thing(outcome: Outcome) -> dict[str, tuple[list[str], Decimal]]:
    """Lines by what they count, so that plans of different lines can be compared."""
    charges = {charge.id: charge for charge in outcome.plan.charges}
    found: dict[str, tuple[list[str], Decimal]] = {}
    for name, amount in outcome.lines.items():
        charge = charges.get(name)
        thing = name if charge is None else charge.meter.value
        if charge is not None and charge.model is Model.PERCENTAGE:
            thing = "percentage"
        names, sum_ = found.get(thing, ([], Decimal(0)))
        found[thing] = ([*names, name], sum_ + amount)
    return found


def _explained(rated: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """Outcomes with their causes against the first of them."""
    with localcontext(Context(prec=4 * DIGITS)):  # sums keep every digit
        others = _by_thing(rated[0]) if rated else {}
        nothing: tuple[list[str], Decimal] = ([], Decimal(0))
        explained = list(rated[:1])
        for outcome in rated[1:]:
            causes = [
                (amount - others.get(thing, nothing)[1], thing, lines, amount)
                for thing, (lines, amount) in _by_thing(outcome).items()
            ]
            dearer = sorted(
                (cause for cause in causes if cause[0] > 0), key=lambda cause: (-cause[0], cause[1])
            )
            shown = tuple(
                Cause(thing, tuple(lines), amount, others.get(thing, nothing)[1])
                for _, thing, lines, amount in dearer
            )
            explained.append(
                Outcome(outcome.plan, outcome.net, outcome.lines, shown, outcome.shifted, outcome.falls)
            )
    return tuple(explained)


def _best_at(ranked: Sequence[Outcome], place: int, current: Plan | None) -> str:
    priced = [
        (net, each.plan is not current, each.plan.id)
        for each in ranked
        if (net := each.shifted[place]) is not None
    ]
    return min(priced)[2] if priced else ""


def _bill(
    outcome: Outcome,
    metering: Counted,
    period: Period,
    tax: Tax | None,
    discounts: Sequence[Discount],
    part: Callable[[str], Fraction],
    customer: str,
) -> Bill:
    """The bill that is shown; refuses to show a ranking that it does not bear out."""
    quantities, factor = metering.quantities(outcome.plan), part(outcome.plan.proration)
    plain = rate_plan(outcome.plan, quantities, period, factor=factor)
    if plain.net != outcome.net:
        raise RateError(
            f"plan {outcome.plan.id}: expected {plain.net}, as by its lines, found {outcome.net} by its tables: "
            "this is a fault of prebill, please report it with the plan"
        )
    return rate_plan(
        outcome.plan, quantities, period, factor=factor, tax=tax, discounts=discounts, customer=customer
    )
