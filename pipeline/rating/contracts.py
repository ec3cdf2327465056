"""Contracts in time: which part of a month each holds in, with its plan, tax and discounts; from the configuration to
bills, pure.

A month is the contract's own: it begins at the first midnight of its first day in the contract's zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipeline.coverage.periods import Month
from pipeline.rating.model import Contract, Discount, Period, Plan, Span, Tax, Term
from pipeline.rating.plan_errors import NoPlanError

if TYPE_CHECKING:
    from pipeline.rating.book import PlanBook


def first_day(contract: Contract) -> date:
    """The day on which a contract begins, in its own zone: the version of its plan is the one valid then."""
    return contract.begin.astimezone(ZoneInfo(contract.tz)).date()


def plan_of(contract: Contract, book: PlanBook) -> Plan:
    """The plan of a contract. Raises NoPlanError where the book has none, or one in another currency."""
    if contract.version is not None:
        plan = book.version(contract.plan, contract.version)
    else:
        plan = book.find(contract.plan, first_day(contract))
    if contract.currency not in ("", plan.currency):
        raise NoPlanError(
            f'plan "{plan.id}" version {plan.version} is in {plan.currency}, the contract in {contract.currency}'
        )
    return plan


def spans_in(contracts: Iterable[Contract], month: Month) -> tuple[Span, ...]:
    """What is billed for a month, in time's order: one span for each contract that holds in some of it.

    A plan changed in mid-month gives two spans that share no minute; `whole` is the month that proration is of.
    """
    spans = []
    for contract in contracts:
        whole = month_of(month, contract.tz)
        begin = max(whole.begin, contract.begin)
        end = whole.end if contract.end is None else min(whole.end, contract.end)
        if begin < end:
            period = Period(begin, end, contract.tz)
            spans.append(
                Span(contract, period, whole, tax_in(contract, period), discounts_in(contract, period))
            )
    return tuple(sorted(spans, key=lambda span: (span.contract.customer, span.period.begin)))


def month_of(month: Month, tz: str) -> Period:
    """A calendar month as a zone has it."""
    first, after = month.minutes(tz)
    return Period(datetime.fromtimestamp(first * 60, UTC), datetime.fromtimestamp(after * 60, UTC), tz)


def is_whole_month(period: Period) -> bool:
    """Whether a period is a calendar month of its own zone."""
    begins = period.begin.astimezone(ZoneInfo(period.tz))
    return period == month_of(Month(begins.year, begins.month), period.tz)


def tax_in(contract: Contract, period: Period) -> Tax | None:
    """The tax of what is supplied in a period: the last to begin before its end, when the supply is complete."""
    begun = [tax for term, tax in contract.taxes if term.begin is None or term.begin < period.end]
    return begun[-1] if begun else None


def discounts_in(contract: Contract, period: Period) -> tuple[Discount, ...]:
    """The discounts of the bill for a period: those that hold in some of it, and once those that are given once."""
    return tuple(
        discount
        for term, discount in contract.discounts
        if _holds(term, period) and (not discount.once or _begins(contract, term, period))
    )


def _holds(term: Term, period: Period) -> bool:
    return (term.begin is None or term.begin < period.end) and (term.end is None or period.begin < term.end)


def _begins(contract: Contract, term: Term, period: Period) -> bool:
    begin = contract.begin if term.begin is None else max(contract.begin, term.begin)
    return period.begin <= begin < period.end
