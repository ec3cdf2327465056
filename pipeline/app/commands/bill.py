"""`prebill bill`: what a customer owes for a month, why, and the proof that nothing is missing in it."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_language, parse_month
from pipeline.app.stores import existing_store
from pipeline.app.terminal import out, print_json, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app.context import Context
    from pipeline.coverage.proof import Proof
    from pipeline.rating.exports.target import Target
    from pipeline.rating.model import Bill
    from pipeline.store.store import Store

    Write = Callable[[Bill, Proof | None, str, Target], None]


def bill(
    customer: str,
    /,
    *,
    month: str,
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
    it stands, and marked provisional with the reasons.

    Parameters
    ----------
    customer
        The customer's id.
    month
        The month, as YYYY-MM, in the time zone of his contract.
    output
        Write it to FILE.pdf, FILE.xlsx or FILE.csv. Where the contract changed within the month there is
        a bill for each part, and each gets a file, with -2, -3 … behind its name.
    issue
        Keep the bill for good, under a number: a closed month's only. What is issued is never changed; see rebill.
    actor
        Who issues it. Default: the user of this process.
    lang
        en or ru. Default: the customer's.
    json
        One JSON array of bills on standard output, each with its proof and its adjustment.
    """
    from pipeline.app.month_bill import adjust_bill, bill_part, customer_of, month_parts, plan_for
    from pipeline.app.plan_files import book_of

    config = context.config
    whose = customer_of(config, customer)
    write = _writer(output) if output else None
    language = parse_language(lang, whose.lang)
    period = parse_month(month)
    book = book_of(config)
    bills = []
    with existing_store(context) as store:
        for part in month_parts(store, config, whose, period, context.now()):
            plan = plan_for(part, book)
            owed = bill_part(part, plan)
            bills.append((owed, part.proof, adjust_bill(part, plan, owed)))
        if issue:
            _issue(store, [(owed, proof) for owed, proof, _ in bills], context, actor)
    if json:
        from pipeline.rating.exports.bill_json import to_json

        print_json(
            [
                {**to_json(owed, proof), "adjustment": to_json(late, None) if late else None}
                for owed, proof, late in bills
            ]
        )
    if output and write:
        _save(bills, output, language, write)
    elif not json:
        _show(bills, language)
    return 0


def _issue(store: Store, bills: list[tuple[Bill, Proof | None]], context: Context, actor: str | None) -> None:
    from pipeline.rating.rebill import RebillError

    who = (actor or getpass.getuser()).strip()
    try:
        for entry in store.bills.issue(bills, at=context.now(), actor=who):
            owed = entry.bill
            say(
                f"bill {entry.number} of {entry.customer}: {owed.total} {owed.currency}, issued by {entry.actor}"
            )
    except RebillError as error:
        raise UsageFailure(f"--issue: {error}", mend="`prebill close` closes a month.") from None


def _writer(output: Path) -> Write:
    from pipeline.rating.exports.bill_csv import write_csv
    from pipeline.rating.exports.bill_pdf import write_pdf
    from pipeline.rating.exports.bill_xlsx import write_xlsx

    writers: dict[str, Write] = {
        ".pdf": write_pdf,
        ".xlsx": write_xlsx,
        ".csv": write_csv,
    }
    if output.suffix.lower() not in writers:
        raise UsageFailure(f"--output {output}: expected a name that ends with {', '.join(writers)}")
    return writers[output.suffix.lower()]


def _save(bills: list[tuple[Bill, Proof | None, Bill | None]], output: Path, lang: str, write: Write) -> None:
    every = [(owed, proof, "provisional bill" if owed.provisional else "bill") for owed, proof, _ in bills]
    every += [(late, None, "adjustment") for _, _, late in bills if late]
    for place, (owed, proof, what) in enumerate(every, 1):
        target = output if place == 1 else output.with_stem(f"{output.stem}-{place}")
        try:
            write(owed, proof, lang, target)
        except OSError as error:
            raise UsageFailure(f"--output {target}: cannot be written: {error.strerror or error}") from None
        say(f"{target}: {what}, {owed.total} {owed.currency}")


def _show(bills: list[tuple[Bill, Proof | None, Bill | None]], lang: str) -> None:
    from pipeline.rating.exports.bill_text import write_text
    from pipeline.rating.exports.words import say as translate

    for owed, proof, late in bills:
        write_text(owed, proof, lang, out())
        if late:
            out().print()
            out().print(f"[bold]{translate('came_late', lang)}[/bold]")
            write_text(late, None, lang, out())
