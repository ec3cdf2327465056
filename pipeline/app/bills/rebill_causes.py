"""Why a rebill's two bills differ, by cause: the closed month rated again, step by step; for `prebill rebill`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipeline.app.failures import UsageFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.app.bills.month_bill import ContractPart
    from pipeline.app.configuration.settings import Config
    from pipeline.rating.bill_books import Books, Rebill
    from pipeline.rating.bill_diff import Change, Terms
    from pipeline.rating.bill_entries import Entry
    from pipeline.rating.book import PlanBook
    from pipeline.rating.model import Bill
    from pipeline.rating.usage import Usage
    from pipeline.store.store import Store


def causes_of(store: Store, config: Config, books: Books, found: Rebill) -> tuple[Change, ...] | str:
    """The changes that lead from the bill to the one in its place; their sums are the whole difference. Or why they
    cannot be told: the configuration or the plan book does not have any more what the bills were made of."""
    from pipeline.app.configuration.plan_files import book_of
    from pipeline.rating.bill_diff import Terms, explain_difference
    from pipeline.rating.plan_errors import NoPlanError

    new = found.proposal
    old = books.documents[(found.of, *new.adjustments)[-1]]
    try:
        book = book_of(config)
        part = _part_of(store, config, old.bill)
        before, after = _counted(books.documents[found.of], old), _counted(new, new)
        usages = {before: _usage(store, config, part, old), after: _usage(store, config, part, new)}
        first = Terms(before, old.bill.plan, old.bill.plan_version, part.span.discounts, part.span.tax)
        terms = replace(
            first,
            usage=after,
            plan=new.bill.plan,
            plan_version=new.bill.plan_version,
            discounts=new.discounts,
        )
        # a bill that replaced another one had discounts of its own
        if last := next((r for r in books.rebills.values() if r.issued == found.of), None):
            first = replace(first, discounts=last.proposal.discounts)
        return explain_difference(
            old.whole, first, new.bill, terms, lambda between: _rate(part, book, between, usages)
        )
    except (UsageFailure, NoPlanError) as error:
        return str(error)


def _counted(entry: Entry, last: Entry) -> str:
    """What names the usage of a bill: the digest of what was closed, and what came later and is in it or in its last
    adjustment."""
    proof, late = entry.proof, last.counted
    closed = "" if proof is None else proof.digest or str(proof.cut)
    return f"{closed} {late.cut}" if late else closed


def _usage(store: Store, config: Config, part: ContractPart, entry: Entry) -> Usage:
    """The usage that a document knew: what was closed, and what had come by then. Segments that were replaced long
    since are no more in the store; what they make of a difference is then unexplained."""
    from pipeline.app.configuration.customers import Owners
    from pipeline.coverage.closing import adjustments
    from pipeline.rating.usage_join import change_usage

    if entry.counted is None:
        return part.usage
    span = part.span.period
    first, after = (int(at.timestamp()) // 60 for at in (span.begin, span.end))
    closes = [
        each
        for each in store.closes(minutes=(first, after), customer=part.customer.id)
        if (each.first, each.after) == (first, after)
    ]
    late = adjustments(store, closes, Owners(config.customer).owner, entry.counted.cut)
    return change_usage(part.usage, late[0].changes) if late else part.usage


def _part_of(store: Store, config: Config, bill: Bill) -> ContractPart:
    """The contract's month that a bill is of, as it was closed. Raises UsageFailure."""
    from pipeline.app.bills.month_bill import count_part, customer_of
    from pipeline.app.configuration.contracts import contracts_of
    from pipeline.coverage.periods import Month
    from pipeline.rating.contracts import spans_in
    from pipeline.rating.exports.show import short_period

    customer = customer_of(config, bill.customer)
    begins = bill.period.begin.astimezone(ZoneInfo(bill.period.tz))
    month = Month(begins.year, begins.month)
    for span in spans_in(contracts_of(customer), month):
        if (span.period.begin, span.period.end) == (bill.period.begin, bill.period.end):
            return count_part(store, config, customer, span, str(month))
    raise UsageFailure(
        f"no contract of {bill.customer} has a month like that of the bill any more: {short_period(bill.period)}"
    )


def _rate(part: ContractPart, book: PlanBook, terms: Terms, usages: Mapping[str, Usage]) -> Bill:
    from pipeline.app.bills.month_bill import bill_part

    span = replace(part.span, discounts=terms.discounts, tax=terms.tax)
    plan = book.version(terms.plan, terms.plan_version)
    return bill_part(replace(part, span=span), plan, usages[terms.usage])


def causes_json(causes: tuple[Change, ...] | str) -> dict[str, Any]:
    """`causes`, each with its sums and the lines that it moved; null where they cannot be told, and why."""
    from pipeline.rating.exports.show import plain

    if isinstance(causes, str):
        return {"causes": None, "causes_unknown": causes}
    return {
        "causes": [
            {
                "cause": change.cause.value,
                "net": plain(change.net),
                "tax": plain(change.tax),
                "total": plain(change.total),
                "lines": [
                    {
                        "id": line.id,
                        "kind": line.kind,
                        "quantity": plain(line.quantity),
                        "unit": line.unit,
                        "amount": plain(line.amount),
                        "rule": line.rule,
                    }
                    for line in change.lines
                ],
            }
            for change in causes
        ]
    }


def causes_text(causes: tuple[Change, ...] | str, currency: str) -> list[tuple[str, str]]:
    """Label and text of each, for a terminal."""
    if isinstance(causes, str):
        return [("because of", f"not known: {causes}")]
    return [
        ("because of", f"{change.cause.value.replace('_', ' ')}: {change.total:+,} {currency}")
        for change in causes
    ]
