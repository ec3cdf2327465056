"""What `prebill rebill propose` proposes: a month that was billed, rated anew with all that is known of it now; from
the contract, the plan book and the bill that stands, to the bill log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app.failures import UsageFailure
from pipeline.app.period import parse_discount, parse_month

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.app.bills.issued import Standing
    from pipeline.app.bills.month_bill import ContractPart
    from pipeline.app.context import Context
    from pipeline.rating.bill_books import Rebill
    from pipeline.rating.book import PlanBook
    from pipeline.rating.model import Plan
    from pipeline.store.store import Store


def propose_rebill(
    store: Store,
    context: Context,
    customer: str,
    month: str,
    plan: str | None,
    discount: str | None,
    actor: str,
    reason: str,
    number: int | None = None,
) -> Rebill:
    """The customer's closed month, with what came after its close, on the plan, with what he has of discounts and the
    new one after them. `number`: which of its parts, from 1, where the contract changed within it. Raises UsageFailure,
    RebillError."""
    from pipeline.app.bills.issued import as_it_stands, bill_of_all, counted_late, standing_of
    from pipeline.app.bills.month_bill import customer_of, less_part, month_parts
    from pipeline.app.configuration.plan_files import book_of

    config = context.config
    book = book_of(config)
    percent = parse_discount(discount)
    parts = month_parts(store, config, customer_of(config, customer), parse_month(month), context.now())
    asked = _part(parts, number, month)
    standing = standing_of(store.bills.books({customer}), asked)
    chosen = _plan(asked, standing, plan, book)
    if chosen.source:
        raise UsageFailure(
            f"--plan: {chosen.id} is a public price of others ({chosen.source}): it is compared with, and never offered"
        )
    # without a word on plan or discount what was granted with the last rebill goes on
    part = asked if plan or percent is not None else as_it_stands(asked, standing)
    which = f", part {number}" if len(parts) > 1 else ""
    part = less_part(part, percent, f"{reason} ({month}{which})")
    bill = bill_of_all(part, chosen)
    if standing is None:
        raise UsageFailure(
            f"rebill: no bill of {customer} for {month} was issued, so there is none to replace",
            mend=f"`prebill bill {customer} --month {month} --issue` issues it.",
        )
    return store.bills.propose(
        standing.bill.number,
        bill,
        part.proof,
        discounts=part.span.discounts,
        counted=counted_late(part),
        at=context.now(),
        actor=actor,
        reason=reason,
    )


def _part(parts: Sequence[ContractPart], number: int | None, month: str) -> ContractPart:
    """The part of that number, from 1; the only one needs none. Raises UsageFailure with those that there are."""
    from pipeline.rating.exports.show import short_period

    if number is None and len(parts) == 1:
        return parts[0]
    if number is not None and 1 <= number <= len(parts):
        return parts[number - 1]
    there = ", ".join(
        f"{place}: {part.span.contract.plan}, {short_period(part.span.period)}"
        for place, part in enumerate(parts, 1)
    )
    found = (
        f"found {number}"
        if number is not None
        else "the contract changed within it, and a rebill is of one bill"
    )
    raise UsageFailure(f"--part: expected which bill of {month} ({there}); {found}")


def _plan(part: ContractPart, standing: Standing | None, asked: str | None, book: PlanBook) -> Plan:
    """`ID@VERSION` is that version; `ID` the contract's own where it is his plan (a contract may name its version),
    else the one sold when his contract began. None: the plan that he was moved to, or his contract's."""
    from pipeline.app.bills.issued import plan_that_stands
    from pipeline.app.bills.month_bill import plan_for
    from pipeline.rating.contracts import first_day
    from pipeline.rating.plan_errors import NoPlanError

    contract = part.span.contract
    if asked is None:
        moved = standing is not None and standing.replaced is not None
        if moved and standing is not None and standing.bill.bill.plan != contract.plan:
            return plan_that_stands(part, standing, book)
        return plan_for(part, book)
    name, at, version = asked.partition("@")
    try:
        if at:
            if not version.isdecimal():
                raise UsageFailure(f"--plan: expected ID or ID@VERSION, found {asked!r}")
            return book.version(name, int(version))
        if name == contract.plan:
            return plan_for(part, book)
        return book.find(name, first_day(contract))
    except NoPlanError as error:
        raise UsageFailure(f"--plan: {error}") from None
