"""`prebill simulate`: a month's usage under every plan of the book, ranked, with what makes each lose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_language, parse_month
from pipeline.app.stores import existing_store
from pipeline.app.terminal import err, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.app.context import Context
    from pipeline.app.month_bill import ContractPart
    from pipeline.app.settings import CustomerSettings
    from pipeline.coverage.periods import Month
    from pipeline.rating.book import PlanBook
    from pipeline.rating.book_months import BookCustomer
    from pipeline.rating.book_simulation import BookSimulation
    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.simulate import Simulation
    from pipeline.store.store import Store


def simulate(
    customer: str | None = None,
    /,
    *,
    month: str,
    every: Annotated[bool, Parameter(name="--all", negative="", show_default=False)] = False,
    brief: Flag = False,
    switch: Flag = False,
    plans: Path | None = None,
    lang: str | None = None,
    json: Flag = False,
    context: Given,
) -> int:
    """What a month would have cost under every plan that is sold, which is the best, and why the others lose.

    Nets are before discounts and taxes. Also says what 80 % and 120 % of
    the usage would cost, on which day a change of plan would have been
    best, and where a plan's bill falls as usage grows.

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
    lang
        en or ru. Default: the customer's.
    json
        One JSON document on standard output; with --all an array.
    """
    from pipeline.app.month_bill import customer_of
    from pipeline.app.plan_files import book_of

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
    compiled = compiled_for(book, period, plans)
    with existing_store(context) as store:
        if customer is not None:
            who = customer_of(config, customer)
            _print(who, month, simulate_month(store, context, who, book, compiled, period), lang, json)
            return 0
        whom = [each for each in config.customer if each.contract]
        if switch:
            every_one = _each(store, context, whom, book, compiled, period)
            if json:
                _print_array(every_one, month)
            else:
                for who, one in every_one:
                    _show(who, month, one, lang)
            return 0
        found = _count(store, context, whom, book, compiled, period)
        if json and not brief:
            _print_array(found.simulations(), month)
        else:
            _print_best(found, month, lang, json)
    return 0


def _print(who: CustomerSettings, month: str, found: Simulation, lang: str | None, json: bool) -> None:
    from pipeline.app.simulation_output import simulation_json

    if json:
        print_json(simulation_json(who.id, month, found))
    else:
        _show(who, month, found, lang)


def _show(who: CustomerSettings, month: str, found: Simulation, lang: str | None) -> None:
    from pipeline.app.simulation_output import show_simulation

    show_simulation(f"{who.name or who.id}, {month}", found, parse_language(lang, who.lang))


def _print_array(every: Iterable[tuple[CustomerSettings | BookCustomer, Simulation]], month: str) -> None:
    from pipeline.app.simulation_output import print_array, simulation_json

    print_array(simulation_json(who.id, month, found) for who, found in every)


def _print_best(found: BookSimulation, month: str, lang: str | None, json: bool) -> None:
    from pipeline.app.simulation_output import best_json, show_best

    best = found.best()
    if json:
        print_json([best_json(who.id, month, each) for who, each in best])
    else:
        show_best(month, best, parse_language(lang))


def _count(
    store: Store,
    context: Context,
    whom: list[CustomerSettings],
    book: PlanBook,
    compiled: CompiledBook,
    month: Month,
) -> BookSimulation:
    from rich.progress import Progress

    from pipeline.app.book_simulation import simulate_all

    with Progress(console=err(), disable=not err().is_terminal, transient=True) as progress:
        task = progress.add_task("counting", total=len(whom))
        found = simulate_all(
            store,
            context.config,
            month,
            whom,
            book,
            compiled,
            left_out=lambda why: say(f"left out: {why}"),
            watch=lambda done, every: progress.update(task, completed=done, total=every),
        )
    if alone := found.counted.alone:
        why = sorted(set(alone.values()))
        say(f"{len(alone)} of {len(found.counted.customers)} customers are counted alone: {'; '.join(why)}")
    return found


def compiled_for(book: PlanBook, month: Month, more: Path | None = None) -> CompiledBook:
    """What was offered when the month ended, and the plans of a folder beside it. Raises UsageFailure."""
    from datetime import date, timedelta

    from pipeline.rating.book import read_book
    from pipeline.rating.compiled_book import compile_book
    from pipeline.rating.plan_errors import BookError

    last = date(month.following.year, month.following.month, 1) - timedelta(days=1)
    plans = list(book.offered(last))
    if more is not None:
        try:
            plans += read_book(more).plans
        except BookError as error:
            raise UsageFailure([str(each) for each in error.errors]) from None
    return compile_book(plans)


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
    """A customer's whole month. Raises UsageFailure."""
    from pipeline.app.month_bill import count_part, spans_of

    parts = [count_part(store, context.config, who, span, str(month)) for span in spans_of(who, month)]
    return simulate_parts(who, parts, book, compiled)


def simulate_parts(
    who: CustomerSettings, parts: Sequence[ContractPart], book: PlanBook, compiled: CompiledBook
) -> Simulation:
    """The same of what was read already; where his contract changed within it, the last one is the plan he has."""
    from pipeline.app.month_bill import plan_for
    from pipeline.rating.simulate import simulate as simulate_usage
    from pipeline.rating.usage import UsageError
    from pipeline.rating.usage_join import join_usage

    last = parts[-1]
    try:
        return simulate_usage(
            join_usage([part.usage for part in parts]),
            compiled,
            last.span.whole,
            current=plan_for(last, book),
            tax=last.span.tax,
            discounts=last.span.discounts,
        )
    except UsageError as error:
        raise UsageFailure(f"customer {who.id}: {error}") from None
