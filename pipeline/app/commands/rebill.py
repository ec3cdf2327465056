"""`prebill rebill`: another plan or a discount for a month that was billed: one proposes, another approves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pipeline.app.context import acting_user
from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.stores import money_store
from pipeline.app.terminal import out, print_json, say
from pipeline.instants import instant_text

if TYPE_CHECKING:
    from pipeline.app.context import Context
    from pipeline.rating.bill_books import Books, Rebill
    from pipeline.rating.bill_diff import Change
    from pipeline.rating.model import Bill
    from pipeline.store.store import Store

    Causes = tuple[Change, ...] | str

EXPLAINED = 20
"""Rebills of one customer whose causes are told: each is a month rated several times, the newest first."""

Action = Literal["propose", "approve", "reject", "show"]


def rebill(
    action: Action,
    what: str | None = None,
    /,
    *,
    month: str | None = None,
    plan: str | None = None,
    discount: str | None = None,
    actor: str | None = None,
    reason: str | None = None,
    part: int | None = None,
    stays: Flag = False,
    moves: Flag = False,
    margin: str | None = None,
    churn: str | None = None,
    lang: str | None = None,
    json: Flag = False,
    context: Given,
) -> int:
    """Put another bill in the place of one that was issued: another plan, a discount, or what the month comes to now.

    `propose CUSTOMER --month YYYY-MM --plan ID --discount PERCENT`: the
    month as it was closed and what came later, rated anew; without --plan
    and --discount for late data or a corrected tariff alone. `approve ID`:
    by another person; issues credit notes for the bill and its
    adjustments, and the new bill. `reject ID`: ends a proposal.
    `show [CUSTOMER | ID | NUMBER]`: documents, proposals, and, where one
    is named, what each would change and because of what, or the document
    of that number. Nothing that was issued is ever changed.

    Parameters
    ----------
    action
        propose, approve, reject or show.
    what
        propose: a customer. approve, reject: a rebill's id. show: either, or a document's number; default: all.
    month
        propose: the month that was billed.
    plan
        propose: the plan in its place, as ID or ID@VERSION. An ID alone is the version that his contract has, or
        that was sold when it began. Default: the plan he was moved to by a rebill, else his contract's.
    discount
        propose: per cent off, once.
    actor
        Who does it. Default: the user of this process.
    reason
        Why; required but for show.
    part
        propose: which of the month's bills, 1, 2 …, where the contract changed within it.
    stays
        propose: payback by what his contract says: the rebill moves this month alone. The default.
    moves
        propose: payback as if the rebill's plan became his contract.
    margin
        propose: the part of a bill that is left after its costs, like 0.35. Default: payback.margin.
    churn
        propose: how many customers left in how many customer-months, LEFT/MONTHS. Default: payback.left and .months.
    lang
        show NUMBER: en or ru. Default: the customer's.
    json
        One JSON document on standard output.
    """
    from pipeline.app.bills.rebill_causes import causes_of
    from pipeline.app.bills.rebill_payback import assumption_of, payback_json, payback_text, weigh_rebill
    from pipeline.app.bills.rebill_proposal import propose_rebill
    from pipeline.rating.bill_books import RebillError

    who = acting_user(actor)
    _check(action, what, month, plan, discount, reason)
    if action != "propose" and (stays or moves or margin or churn or part is not None):
        raise UsageFailure("--part, --stays, --moves, --margin, --churn: only with propose")
    assumed = assumption_of(context.config, stays=stays, moves=moves, margin=margin, churn=churn)
    payback, causes = None, None
    try:
        with money_store(context) as store:
            if action == "show":
                return _show_all(store, context, what, lang, json=json)
            now = context.now()
            if action == "propose":
                found = propose_rebill(
                    store, context, str(what), str(month), plan, discount, who, str(reason), part
                )
            elif action == "approve":
                found = store.bills.approve(str(what), at=now, actor=who, reason=str(reason))
            else:
                found = store.bills.turn_down(str(what), at=now, actor=who, reason=str(reason))
            books = store.bills.books({found.proposal.customer})
            if action == "propose":
                payback = weigh_rebill(store, context.config, books, found, assumed, now)
                causes = causes_of(store, context.config, books, found)
    except RebillError as error:
        raise UsageFailure(f"rebill: {error}") from None
    if json:
        more = {"payback": payback_json(payback)} if payback else {}
        print_json(_document(books, found, causes) | more)
    else:
        _show(books, found, causes)
        if payback:
            for name, text in payback_text(payback, found.proposal.bill.currency):
                print(f"  {name:<14} {text}")
    return 0


def _check(
    action: Action,
    what: str | None,
    month: str | None,
    plan: str | None,
    discount: str | None,
    reason: str | None,
) -> None:
    problems = []
    if action != "show":
        if what is None:
            problems.append(
                f"rebill {action}: expected {'a customer' if action == 'propose' else 'the id of a rebill'}"
            )
        if not (reason or "").strip():
            problems.append("--reason: required, and not given")
    if action == "propose":
        if month is None:
            problems.append("--month: required, and not given")
    elif month or plan or discount:
        problems.append("--month, --plan, --discount: only with propose")
    if problems:
        raise UsageFailure(problems)


def _show_all(store: Store, context: Context, what: str | None, lang: str | None, *, json: bool) -> int:
    from pipeline.app.bills.issued import kind_of
    from pipeline.app.bills.pages import show_entry
    from pipeline.app.bills.rebill_causes import causes_of
    from pipeline.rating.exports.show import short_period

    books = store.bills.books()
    named = [r for r in books.rebills.values() if what in (None, r.id, r.proposal.customer)]
    bills = [
        entry for entry in books.documents.values() if what in (None, entry.customer) or entry.rebill == what
    ]
    if what is not None and not named and not bills:
        if what.isdecimal() and (entry := books.documents.get(int(what))):
            show_entry(context.config, books, entry, None, lang, json=json)
            return 0
        raise UsageFailure(f"rebill show: {what!r} is neither a rebill nor a customer with bills")
    # rating each month anew is for those that were asked for by name
    told = named[-EXPLAINED:] if what is not None else []
    causes = {each.id: causes_of(store, context.config, books, each) for each in told}
    if json:
        print_json(
            {
                "documents": [_entry_json(books, entry.number) for entry in bills],
                "rebills": [_document(books, each, causes.get(each.id)) for each in named],
            }
        )
        return 0
    for entry in bills:
        bill = entry.bill
        what_it_is = (
            f"{entry.number:>6}  {kind_of(entry):<12} {bill.customer:<16} {short_period(bill.period):<10}"
        )
        print(f"{what_it_is}  {bill.plan:<16} {bill.total:>16,} {bill.currency}")
    for each in named:
        _show(books, each, causes.get(each.id))
    if not named and not bills:
        say("No bill was issued yet; `prebill bill CUSTOMER --month … --issue` issues one.")
    return 0


def _entry_json(books: Books, number: int) -> dict[str, Any]:
    from pipeline.app.bills.issued import kind_of
    from pipeline.rating.exports.bill_json import to_json
    from pipeline.rating.exports.show import plain

    entry = books.documents[number]
    return {
        "number": number,
        "kind": kind_of(entry),
        "customer": entry.customer,
        "of": entry.of,
        "rebill": entry.rebill or None,
        "at": instant_text(entry.at),
        "actor": entry.actor,
        "reason": entry.reason,
        "period": to_json(entry.bill, None)["period"],
        "plan": entry.bill.plan,
        "total": plain(entry.bill.total),
        "currency": entry.bill.currency,
    }


def _document(books: Books, found: Rebill, causes: Causes | None = None) -> dict[str, Any]:
    from pipeline.app.bills.issued import credit_notes
    from pipeline.app.bills.rebill_causes import causes_json
    from pipeline.rating.exports.bill_json import to_json
    from pipeline.rating.exports.show import plain
    from pipeline.rating.rebill import difference

    moved = difference(books, found.id)
    decision = found.decision
    return {
        "id": found.id,
        "customer": found.proposal.customer,
        "state": found.state.value,
        "of": found.of,
        "proposed_by": found.proposal.actor,
        "reason": found.proposal.reason,
        "decided_by": decision.actor if decision else None,
        "decision_reason": decision.reason if decision else None,
        "credit_note": found.credit or None,
        "credit_notes": credit_notes(books, found),
        "new_bill": found.issued or None,
        "old_total": plain(moved.old.total),
        "new_total": plain(moved.new.total),
        "difference": plain(moved.delta.total),
        "currency": moved.new.currency,
        "lines": to_json(moved.delta, None)["lines"],
        **({} if causes is None else causes_json(causes)),
    }


def _show(books: Books, found: Rebill, causes: Causes | None = None) -> None:
    from pipeline.app.bills.issued import credit_notes
    from pipeline.app.bills.rebill_causes import causes_text
    from pipeline.rating.exports.show import short_period
    from pipeline.rating.rebill import difference

    moved = difference(books, found.id)

    def money(bill: Bill) -> str:
        return f"{bill.total:,} {bill.currency}"

    out().print(f"[bold]rebill {found.id}[/bold]: {found.state.value}")
    rows = [
        ("customer", found.proposal.customer),
        ("month", short_period(moved.old.period)),
        ("bill", f"{found.of}{_and_adjustments(found)}, plan {moved.old.plan}: {money(moved.old)}"),
        ("in its place", f"plan {moved.new.plan}: {money(moved.new)}"),
        ("difference", money(moved.delta)),
        ("proposed", f"{found.proposal.actor}: {found.proposal.reason}"),
    ]
    if causes is not None:
        rows[4:4] = causes_text(causes, moved.new.currency)
    if found.decision:
        rows.append((found.state.value, f"{found.decision.actor}: {found.decision.reason}"))
    if found.issued:
        notes = ", ".join(f"credit note {number}" for number in credit_notes(books, found))
        rows.append(("issued", f"{notes}, bill {found.issued}"))
    elif found.open:
        rows.append(("next", f"another person: prebill rebill approve {found.id} --actor NAME --reason TEXT"))
    for name, text in rows:
        print(f"  {name:<14} {text}")


def _and_adjustments(found: Rebill) -> str:
    numbers = ", ".join(str(number) for number in found.proposal.adjustments)
    return f" with adjustment {numbers}" if numbers else ""
