"""`prebill simulate`: a month's usage under every plan of the book, ranked, with what makes each lose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_language, parse_month
from pipeline.app.stores import money_store
from pipeline.app.terminal import err, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from pipeline.app.bills.issued import Standing
    from pipeline.app.bills.month_bill import ContractPart
    from pipeline.app.configuration.settings import CustomerSettings
    from pipeline.app.context import Context
    from pipeline.coverage.periods import Month
    from pipeline.rating.book import PlanBook
    from pipeline.rating.book_months import BookCustomer
    from pipeline.rating.book_simulation import BookSimulation
    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.model import Plan
    from pipeline.rating.simulation import Simulation
    from pipeline.store.store import Store

PUBLIC = "a public price of others, which is not sold; --public compares with it"


def simulate(
    customer: str | None = None,
    /,
    *,
    month: str,
    every: Annotated[bool, Parameter(name="--all", negative="", show_default=False)] = False,
    brief: Flag = False,
    switch: Flag = False,
    plans: Path | None = None,
    public: Flag = False,
    lang: str | None = None,
    json: Flag = False,
    context: Given,
) -> int:
    """What a month would have cost under every plan that is sold, which is the best, and why the others lose.

    Nets are before discounts and taxes. Also says what 80 % and 120 % of
    the usage would cost, on which day a change of plan would have been
    best, and where a plan's bill falls as usage grows. Where his contract
    changed within the month, what it costs as it stands is the sum of its
    parts' bills, and every plan is rated once over all of it. A month that
    is not closed is marked provisional.

    Parameters
    ----------
    customer
        The customer's id.
    month
        The month, as YYYY-MM, in the time zone of his contract.
    every
        All customers with a contract: their usage is read and counted at once. The table tells each
        one's best plan and what it saves him, the largest savings first.
    brief
        With --all and --json: of each customer his own plan and the best alone, not the whole ranking.
    switch
        With --all: also the best day to change plans, which reads one customer after another.
    plans
        A folder of more plans, which are not sold: a hypothesis.
    public
        The public prices of others, too, that the plan book has; they are never offered.
    lang
        en or ru. Default: the customer's.
    json
        One JSON document on standard output; with --all an array.
    """
    from pipeline.app.bills.month_bill import customer_of
    from pipeline.app.configuration.plan_files import book_of

    config = context.config
    if (customer is None) == (not every):
        raise UsageFailure("simulate: expected a customer, or --all")
    if (brief or switch) and not every:
        raise UsageFailure("simulate: --brief and --switch go with --all")
    if brief and switch:
        raise UsageFailure("simulate: expected --brief or --switch, found both")
    parse_language(lang)
    period = parse_month(month)
    book = book_of(config)
    compiled = compiled_for(book, period, plans, public=public)
    others = () if public else public_plans(book, period)
    with money_store(context) as store:
        if customer is not None:
            who = customer_of(config, customer)
            one = simulate_month(store, context, who, book, compiled, period)
            _print(who, month, not_compared(one, others), lang, json)
            return 0
        whom = [each for each in config.customer if each.contract]
        if switch:
            every_one = (
                (who, not_compared(one, others))
                for who, one in _each(store, context, whom, book, compiled, period)
            )
            if json:
                _print_array(every_one, month)
            else:
                for who, one in every_one:
                    _show(who, month, one, lang)
            return 0
        found = _count(store, context, whom, book, compiled, period)
        if json and not brief:
            _print_array(((who, not_compared(one, others)) for who, one in found.simulations()), month)
        else:
            _print_best(found, month, lang, json)
    return 0


def _print(who: CustomerSettings, month: str, found: Simulation, lang: str | None, json: bool) -> None:
    from pipeline.app.bills.simulation_output import simulation_json

    if json:
        print_json(simulation_json(who.id, month, found))
    else:
        _show(who, month, found, lang)


def _show(who: CustomerSettings, month: str, found: Simulation, lang: str | None) -> None:
    from pipeline.app.bills.simulation_screen import show_simulation

    show_simulation(f"{who.name or who.id}, {month}", found, parse_language(lang, who.lang))


def _print_array(every: Iterable[tuple[CustomerSettings | BookCustomer, Simulation]], month: str) -> None:
    from pipeline.app.bills.simulation_output import print_array, simulation_json

    print_array(simulation_json(who.id, month, found) for who, found in every)


def _print_best(found: BookSimulation, month: str, lang: str | None, json: bool) -> None:
    from pipeline.app.bills.simulation_output import best_json
    from pipeline.app.bills.simulation_screen import show_best

    best = found.best()
    if json:
        print_json(
            [
                best_json(who.id, month, each, found.provisional(place))
                for place, (who, each) in enumerate(best)
            ]
        )
    else:
        show_best(month, best, parse_language(lang), still_open=found.still_open)


def _count(
    store: Store,
    context: Context,
    whom: list[CustomerSettings],
    book: PlanBook,
    compiled: CompiledBook,
    month: Month,
) -> BookSimulation:
    from rich.progress import Progress

    from pipeline.app.bills.book_simulation import simulate_all

    with Progress(console=err(), disable=not err().is_terminal, transient=True) as progress:
        task = progress.add_task("counting", total=len(whom))
        found = simulate_all(
            store,
            context.config,
            month,
            whom,
            book,
            compiled,
            context.now(),
            left_out=lambda why: say(f"left out: {why}"),
            watch=lambda done, every: progress.update(task, completed=done, total=every),
        )
    if alone := found.counted.alone:
        why = sorted(set(alone.values()))
        say(f"{len(alone)} of {len(found.counted.customers)} customers are counted alone: {'; '.join(why)}")
    return found


def compiled_for(
    book: PlanBook, month: Month, more: Path | None = None, *, public: bool = False
) -> CompiledBook:
    """What was offered when the month ended, the plans of a folder beside it, and `public` prices of others. Raises
    UsageFailure."""
    from pipeline.rating.book import read_book
    from pipeline.rating.compiled_book import compile_book
    from pipeline.rating.plan_errors import BookError

    plans = list(book.valid(_last_day(month)) if public else book.offered(_last_day(month)))
    if more is not None:
        try:
            plans += read_book(more).plans
        except BookError as error:
            raise UsageFailure([str(each) for each in error.errors]) from None
    return compile_book(plans)


def public_plans(book: PlanBook, month: Month) -> tuple[Plan, ...]:
    """Prices of others that the book has when the month ends: never offered, compared with where that is asked for."""
    return tuple(plan for plan in book.valid(_last_day(month)) if plan.source)


def not_compared(found: Simulation, public: Sequence[Plan]) -> Simulation:
    """The same, with these plans among those that are left out."""
    from dataclasses import replace

    left_out = (*found.left_out, *((plan, PUBLIC) for plan in public))
    return replace(found, left_out=left_out)


def _last_day(month: Month) -> date:
    from datetime import date, timedelta

    return date(month.following.year, month.following.month, 1) - timedelta(days=1)


def _each(
    store: Store,
    context: Context,
    whom: list[CustomerSettings],
    book: PlanBook,
    compiled: CompiledBook,
    month: Month,
) -> Iterator[tuple[CustomerSettings, Simulation]]:
    from rich.progress import track

    for who in track(whom, "simulating", console=err(), disable=not err().is_terminal):
        try:
            yield who, simulate_month(store, context, who, book, compiled, month)
        except UsageFailure as error:
            say(f"left out: {error}")


def simulate_month(
    store: Store,
    context: Context,
    who: CustomerSettings,
    book: PlanBook,
    compiled: CompiledBook,
    month: Month,
) -> Simulation:
    """A customer's month, as closed or as it stands; where bills were issued for it, those, and the plans that he was
    moved to. Raises UsageFailure, as for one that has not begun."""
    from pipeline.app.bills.issued import plan_that_stands, standing_of, with_late
    from pipeline.app.bills.month_bill import count_part, month_parts, spans_of
    from pipeline.app.coverage.still_open import refuse_future

    now, spans = context.now(), spans_of(who, month)
    refuse_future(month, now, spans)
    parts = [count_part(store, context.config, who, span, str(month), now) for span in spans]
    books = store.bills.books({who.id})
    issued = [standing_of(books, part) for part in parts]
    if any(there and (there.adjustments or there.bill.counted) for there in issued):
        # late data is in what stands
        read = month_parts(store, context.config, who, month, now)
        parts = [with_late(part, there) for part, there in zip(read, issued, strict=True)]
    if not any(issued):
        return simulate_parts(who, parts, book, compiled)
    plans = [plan_that_stands(part, there, book) for part, there in zip(parts, issued, strict=True)]
    return as_issued(simulate_parts(who, parts, book, compiled, plans), issued)


def as_issued(found: Simulation, issued: Sequence[Standing | None]) -> Simulation:
    """The same with the documents that stand in the place of what would be issued now."""
    from dataclasses import replace

    standing = found.standing
    if standing is None:
        return found
    bills = [there.whole if there else bill for there, bill in zip(issued, standing.bills, strict=True)]
    numbers = tuple(there.bill.number if there else 0 for there in issued)
    return replace(found, standing=replace(standing, bills=tuple(bills), numbers=numbers))


def simulate_parts(
    who: CustomerSettings,
    parts: Sequence[ContractPart],
    book: PlanBook,
    compiled: CompiledBook,
    plans: Sequence[Plan] = (),
) -> Simulation:
    """The same of what was read already; where his contract changed within it, the last one is the plan he has.
    `plans`: of the parts, in the place of his contracts'."""
    from pipeline.app.bills.month_bill import held_of
    from pipeline.rating.held import Held
    from pipeline.rating.simulate import simulate as simulate_usage
    from pipeline.rating.simulation import provisionally
    from pipeline.rating.usage import UsageError
    from pipeline.rating.usage_join import join_usage

    held = Held(tuple(part.span for part in parts), tuple(plans)) if plans else held_of(parts, book)
    reasons = dict.fromkeys(reason for part in parts for reason in part.open)
    try:
        found = simulate_usage(
            join_usage([part.usage for part in parts]),
            compiled,
            held.period,
            current=held.plans[-1],
            held=held,
        )
    except UsageError as error:
        raise UsageFailure(f"customer {who.id}: {error}") from None
    return provisionally(found, tuple(reasons))
