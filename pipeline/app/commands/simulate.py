"""`prebill simulate`: a month's usage under every plan of the book, ranked, with what makes each lose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_language, parse_month
from pipeline.app.stores import existing_store
from pipeline.app.terminal import err, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.app.context import Context
    from pipeline.app.month_bill import ContractPart
    from pipeline.app.settings import CustomerSettings
    from pipeline.coverage.periods import Month
    from pipeline.rating.book import PlanBook
    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.simulate import Simulation
    from pipeline.store.store import Store


def simulate(
    customer: str | None = None,
    /,
    *,
    month: str,
    every: Annotated[bool, Parameter(name="--all", negative="", show_default=False)] = False,
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
        All customers with a contract, one after another.
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
    parse_language(lang)
    period = parse_month(month)
    whom = [customer_of(config, customer)] if customer else [c for c in config.customer if c.contract]
    book = book_of(config)
    compiled = compiled_for(book, period, plans)
    documents: list[dict[str, Any]] = []
    with existing_store(context) as store:
        for who, found in _each(store, context, whom, book, compiled, period, alone=customer is not None):
            if json:
                from pipeline.app.simulation_output import simulation_json

                documents.append(simulation_json(who.id, month, found))
            else:
                _show(who, month, found, parse_language(lang, who.lang))
    if json:
        print_json(documents[0] if customer else documents)
    return 0


def _show(who: CustomerSettings, month: str, found: Simulation, lang: str) -> None:
    from pipeline.app.simulation_output import show_simulation

    show_simulation(f"{who.name or who.id}, {month}", found, lang)


def compiled_for(book: PlanBook, month: Month, more: Path | None = None) -> CompiledBook:
    """What was offered when the month ended, and the plans of a folder beside it. Raises UsageFailure."""
    from datetime import date

    from pipeline.rating.book import read_book
    from pipeline.rating.compiled_book import compile_book
    from pipeline.rating.plan_errors import BookError

    plans = list(book.offered(date(month.year, month.month, 28)))
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
    *,
    alone: bool,
) -> Iterator[tuple[CustomerSettings, Simulation]]:
    from rich.progress import track

    rounds = whom if alone else track(whom, "simulating", console=err(), disable=not err().is_terminal)
    for who in rounds:
        try:
            yield who, simulate_month(store, context, who, book, compiled, month)
        except UsageFailure as error:
            if alone:
                raise
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
    from pipeline.app.month_bill import month_parts

    return simulate_parts(who, month_parts(store, context.config, who, month, context.now()), book, compiled)


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
