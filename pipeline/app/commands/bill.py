"""`prebill bill`: what a customer owes for a month, why, and the proof that nothing is missing in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipeline.app.context import acting_user
from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_language, parse_month
from pipeline.app.stores import money_store
from pipeline.app.terminal import print_json, say

if TYPE_CHECKING:
    from pipeline.app.bills.month_bill import ContractPart
    from pipeline.app.bills.pages import Page
    from pipeline.app.context import Context
    from pipeline.rating.bill_entries import Entry
    from pipeline.rating.book import PlanBook
    from pipeline.store.store import Store


def bill(
    customer: str | None = None,
    /,
    *,
    month: str | None = None,
    document: int | None = None,
    output: Annotated[Path | None, Parameter(name=["-o", "--output"])] = None,
    issue: Flag = False,
    actor: str | None = None,
    lang: str | None = None,
    json: Flag = False,
    context: Given,
) -> int:
    """What a customer owes for a month: every line with its quantity, price and rule, and the proof of completeness.

    A month that is closed is billed as it was closed; what came later is
    an adjustment of its own beneath. One that is not closed is billed as
    it stands, and marked provisional with the reasons. Where a bill was
    issued, or another put in its place, that document is shown, with the
    adjustments that were issued.

    Parameters
    ----------
    customer
        The customer's id.
    month
        The month, as YYYY-MM, in the time zone of his contract.
    document
        Instead of a customer's month: a bill, adjustment or credit note by its number, as it was issued.
    output
        Write it to FILE.pdf, FILE.xlsx or FILE.csv. Each document gets a file (the bill of each part of a month in
        which the contract changed, each adjustment), with -2, -3 … behind its name.
    issue
        Keep the bill for good, under a number: a closed month's only. What came after the close becomes an
        adjustment, a document of its own on the same month, priced on the plan of the bill that stands. What is
        issued is never changed, and asking again issues nothing twice; see rebill.
    actor
        Who issues it. Default: the user of this process.
    lang
        en or ru. Default: the customer's.
    json
        One JSON array of bills on standard output, each with its proof and its adjustments: `adjustments` that were
        issued, and in `adjustment` what is not issued yet. With --document: that document.
    """
    if document is not None:
        _only_document(customer, month, issue)
        return _document(context, document, output, lang, json=json)
    if customer is None or month is None:
        raise UsageFailure("expected a customer and --month, or --document NUMBER")
    return _month(context, customer, month, output, actor if issue else None, lang, issue=issue, json=json)


def _only_document(customer: str | None, month: str | None, issue: bool) -> None:
    given = [("a customer", customer), ("--month", month), ("--issue", issue or None)]
    if both := [name for name, value in given if value is not None]:
        raise UsageFailure(f"--document: a document is named by its number alone, without {', '.join(both)}")


def _month(
    context: Context,
    customer: str,
    month: str,
    output: Path | None,
    actor: str | None,
    lang: str | None,
    *,
    issue: bool,
    json: bool,
) -> int:
    from pipeline.app.bills.month_bill import customer_of, month_parts
    from pipeline.app.bills.pages import page_json, save_pages, show_pages, writer_of
    from pipeline.app.configuration.plan_files import book_of

    config = context.config
    whose = customer_of(config, customer)
    write = writer_of(output) if output else None
    language = parse_language(lang, whose.lang)
    period = parse_month(month)
    book = book_of(config)
    with money_store(context) as store:
        parts = month_parts(store, config, whose, period, context.now())
        if issue:
            _issue(store, parts, book, context, actor)
        found = [_pages(store, part, book) for part in parts]
    if json:
        print_json(
            [
                page_json(bill)
                | {
                    "adjustments": [page_json(each) for each in issued],
                    "adjustment": page_json(late) if late else None,
                }
                for bill, issued, late in found
            ]
        )
    pages = [bill for bill, _, _ in found]
    for _, issued, late in found:
        pages += [*issued, *([late] if late else [])]
    if output and write:
        save_pages(pages, output, language, write)
    elif not json:
        show_pages(pages, language)
    return 0


def _pages(store: Store, part: ContractPart, book: PlanBook) -> tuple[Page, list[Page], Page | None]:
    """The bill of a part as it stands, its adjustments as they were issued, and what is in none of them yet."""
    from pipeline.app.bills.issued import counted_late, late_bill, same_amounts, standing_of
    from pipeline.app.bills.month_bill import bill_part, plan_for
    from pipeline.app.bills.pages import Page, issued_page
    from pipeline.rating.exports.paper import Paper

    books = store.bills.books({part.customer.id})
    standing = standing_of(books, part)
    if standing is None:
        owed = bill_part(part, plan_for(part, book))
        late = late_bill(part, None, book, owed)
        page = Page(owed, part.proof, Paper())
        return page, [], Page(late, None, Paper("adjustment", counted=counted_late(part))) if late else None
    number = standing.bill.number
    if standing.discounts is None and standing.bill.counted is None:
        try:
            now = bill_part(part, plan_for(part, book))
        except UsageFailure as error:
            say(f"bill {number} is shown as it was issued; today it could not be made: {error}")
        else:
            if not same_amounts(standing.bill.bill, now):
                say(
                    f"bill {number} is shown as it was issued; by the contract of today it would be {now.total} "
                    f"{now.currency} (`prebill rebill propose` puts that in its place)"
                )
    try:
        late = late_bill(part, standing, book, standing.bill.bill)
    except UsageFailure as error:
        say(f"what came after the close of bill {number}'s month cannot be priced: {error}")
        late = None
    paper = Paper("adjustment", of=number, counted=counted_late(part))
    return (
        issued_page(books, standing.bill),
        [issued_page(books, each) for each in standing.adjustments],
        Page(late, None, paper) if late else None,
    )


def _issue(
    store: Store, parts: list[ContractPart], book: PlanBook, context: Context, actor: str | None
) -> None:
    """The bill of each part that has none; then of each an adjustment for what came after its close, where that moves
    money. Raises UsageFailure."""
    from pipeline.app.bills.issued import counted_late, same_amounts, standing_of, whole_of_now
    from pipeline.app.bills.month_bill import bill_part, plan_for
    from pipeline.rating.bill_books import RebillError

    who, now = acting_user(actor), context.now()
    customer = parts[0].customer.id
    try:
        books = store.bills.books({customer})
        new = []
        for part in parts:
            there = standing_of(books, part)
            if there is not None and there.discounts is not None:
                continue
            owed = bill_part(part, plan_for(part, book))
            if there is None or not (there.bill.counted or same_amounts(there.bill.bill, owed)):
                new.append((owed, part.proof))
        store.bills.issue(new, at=now, actor=who)
        for part in parts:
            there = standing_of(store.bills.books({customer}), part)
            if there is None:
                continue
            entry = there.bill
            say(_said(f"bill {entry.number} of {customer}", entry))
            whole = whole_of_now(part, there, book)
            adjusted = store.bills.adjust(entry.number, whole, counted_late(part), at=now, actor=who)
            for each in adjusted:
                say(_said(f"adjustment {each.number} to bill {entry.number} of {customer}", each))
            if part.late is not None and not adjusted:
                say(f"what came after the close changes no amount of bill {entry.number}")
    except RebillError as error:
        raise UsageFailure(f"--issue: {error}", mend="`prebill close` closes a month.") from None


def _said(what: str, entry: Entry) -> str:
    return f"{what}: {entry.bill.total} {entry.bill.currency}, issued by {entry.actor}"


def _document(context: Context, number: int, output: Path | None, lang: str | None, *, json: bool) -> int:
    from pipeline.app.bills.pages import show_entry
    from pipeline.rating.bill_books import RebillError

    with money_store(context) as store:
        try:
            entry = store.bills.document(number)
        except RebillError as error:
            raise UsageFailure(
                f"--document: {error}", mend="`prebill rebill show` lists the documents."
            ) from None
        books = store.bills.books({entry.customer})
    show_entry(context.config, books, entry, output, lang, json=json)
    return 0
