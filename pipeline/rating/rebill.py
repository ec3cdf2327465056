"""First bills, adjustments, and rebills: a person proposes another bill for a period that was billed, another person
approves, and credit notes and the new bill are issued; pure functions of the bill log, to which
pipeline/store/bill_log.py writes what they decide."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipeline.rating.bill_books import Books, Rebill, RebillError, RebillState, share_time
from pipeline.rating.bill_changes import check_sums, credit_note, delta_bill, delta_lines, unlike
from pipeline.rating.bill_entries import (
    Counted,
    Entry,
    Kind,
    bill_digest,
    canonical,
    digest_of,
    document,
    proposal_body,
)
from pipeline.rating.exports.show import short_period
from pipeline.rating.model import Bill, Discount

if TYPE_CHECKING:
    from pipeline.coverage.proof import Proof

SCALE = 9
"""Decimals that an issued amount may have; no currency has more than four."""


CAME_LATE = "came after the month was closed"
"""Why there are adjustments."""

LISTED = 20
"""Faults that are told one by one."""


# -- decisions: the entries to be appended now; none where all that was asked for has been done already


def issue(
    books: Books,
    bills: Sequence[tuple[Bill, Proof | None]],
    next_number: int,
    *,
    at: datetime,
    actor: str,
    reason: str = "",
) -> list[Entry]:
    """First bills with their proofs. One that stands already, word by word, is not issued again; another one for a
    period that has been billed is refused, as one is that is provisional or does not add up. All faults at once, and
    then none is issued."""
    _named(actor)
    new: list[Entry] = []
    asked: dict[str, list[Entry]] = {}
    faults: list[str] = []
    for bill, proof in bills:
        earlier = asked.setdefault(bill.customer, [])
        there = books.standing_in(bill) or [entry for entry in earlier if share_time(entry.bill, bill)]
        if [bill_digest(entry.bill) for entry in there] == [bill_digest(bill)]:
            continue
        whose = f"{bill.customer} {short_period(bill.period)}"
        faults += [f"{whose}: {fault}" for fault in _unfit(bill)]
        if there:
            faults.append(f"{whose}: bill {there[0].number} is issued for that time; propose a rebill of it")
        new.append(document(bill, proof, number=next_number + len(new), at=at, actor=actor, reason=reason))
        earlier.append(new[-1])
    if faults:
        more = f"; and {len(faults) - LISTED} more" if len(faults) > LISTED else ""
        raise RebillError("; ".join(faults[:LISTED]) + more)
    return new


def adjust(
    books: Books,
    of: int,
    whole: Bill,
    counted: Counted | None,
    next_number: int,
    *,
    at: datetime,
    actor: str,
    reason: str = CAME_LATE,
) -> list[Entry]:
    """The adjustment that leads from what stands for bill `of` to `whole`, the price of all that is known now: lines of
    their own on the bill's own period. Nothing where no money moves, so it can be asked for again and again."""
    _named(actor)
    _standing(books, of)
    before = books.whole_of(of)
    faults = _unfit(whole)
    if what := unlike(before, whole):
        faults.append(f"it cannot adjust bill {of}: {what}")
    if faults:
        raise RebillError("; ".join(faults))
    delta = delta_bill(before, whole, reason)
    if not (delta.net or delta.tax):
        return []
    words: dict[str, Any] = {"number": next_number, "of": of, "at": at, "actor": actor, "reason": reason}
    return [document(delta, **words, counted=counted, whole=whole)]


def propose(
    books: Books,
    of: int,
    bill: Bill,
    proof: Proof | None = None,
    *,
    discounts: Sequence[Discount] = (),
    counted: Counted | None = None,
    at: datetime,
    actor: str,
    reason: str,
) -> tuple[str, list[Entry]]:
    """A proposal to put `bill` in the place of the standing bill `of` and its adjustments; its id, and what to append.
    The same proposal by the same person is the same one as long as nobody decided on it."""
    _named(actor)
    _reasoned(reason)
    old = _standing(books, of)
    if _says_the_same(books.whole_of(of), bill):
        raise RebillError(f"the new bill says what bill {of} says: there is nothing to rebill")
    faults = _unfit(bill)
    if what := unlike(old.bill, bill):
        faults.append(f"it cannot replace bill {of}: {what}")
    once = _taken(bill) & {discount.name for discount in discounts if discount.once}
    faults += [
        f"discount {name} is for one bill only, and bill {number} has it"
        for number in books.standing_of.get(bill.customer, ())
        if number != of and once
        for name in sorted(once & _taken(books.standing[number].bill))
    ]
    if faults:
        raise RebillError("; ".join(faults))
    adjustments = [entry.number for entry in books.adjustments_of(of)]
    body = proposal_body(bill, proof, discounts, counted, adjustments)
    ended = sum(1 for each in books.rebills.values() if not each.open and each.proposal.body == body)
    name = "r" + digest_of(canonical((of, _person(actor), reason, body, ended)))[:12]
    if name in books.rebills:
        return name, []
    entry = Entry(Kind.PROPOSED, bill.customer, at, actor, reason, 0, of, name, body, digest_of(body))
    return name, [entry]


def approve(
    books: Books, rebill: str, next_number: int, *, at: datetime, actor: str, reason: str
) -> list[Entry]:
    """The approval, a credit note for the bill and for each of its adjustments, and the new bill. Nothing where it is
    approved already. Refused for the one who proposed it, and where its bill does not stand any more."""
    _named(actor)
    found = _rebill(books, rebill)
    if found.state is RebillState.APPROVED:
        return []
    _reasoned(reason)
    _undecided(found)
    if _person(actor) == _person(found.proposal.actor):
        raise RebillError(f"{found.proposal.actor} proposed {rebill}: another person has to approve it")
    old = _standing(books, found.of)
    why = found.proposal.reason
    words: dict[str, Any] = {"rebill": rebill, "at": at, "actor": actor, "reason": why}
    taken_back = [
        document(
            credit_note(
                each.bill, f"takes back {'adjustment' if each.adjusts else 'bill'} {each.number}: {why}"
            ),
            kind=Kind.CREDIT_NOTE,
            number=number,
            of=each.number,
            **words,
        )
        for number, each in enumerate((old, *books.adjustments_of(found.of)), next_number)
    ]
    body = canonical({"proposal": found.proposal.digest})
    return [
        Entry(Kind.APPROVED, old.customer, at, actor, reason, 0, found.of, rebill, body, digest_of(body)),
        *taken_back,
        document(
            found.proposal.bill,
            found.proposal.proof,
            number=next_number + len(taken_back),
            of=found.of,
            counted=found.proposal.counted,
            **words,
        ),
    ]


def turn_down(books: Books, rebill: str, *, at: datetime, actor: str, reason: str) -> list[Entry]:
    """The end of a proposal without documents: withdrawn by the one who made it, rejected by anybody else. Nothing
    where it has ended so already."""
    _named(actor)
    found = _rebill(books, rebill)
    own = _person(actor) == _person(found.proposal.actor)
    kind = Kind.WITHDRAWN if own else Kind.REJECTED
    if found.state.value == kind.value:
        return []
    _reasoned(reason)
    _undecided(found)
    return [
        Entry(kind, found.proposal.customer, at, actor, reason, 0, found.of, rebill, "{}", digest_of("{}"))
    ]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a rebill moves: `delta` leads from the old bill, with its adjustments, to the new one line by line: what the
    credit notes and the new bill make together."""

    old: Bill
    credit: Bill
    new: Bill
    delta: Bill


def difference(books: Books, rebill: str) -> Difference:
    """Of a rebill, decided or not."""
    found = _rebill(books, rebill)
    last = (found.of, *found.proposal.adjustments)[-1]
    old, new, why = books.documents[last].whole, found.proposal.bill, found.proposal.reason
    return Difference(old, credit_note(old, why), new, delta_bill(old, new, why))


# -- what may be


def _unfit(bill: Bill) -> list[str]:
    faults = check_sums(bill)
    if bill.provisional:
        faults.append(f"the bill is provisional: {', '.join(bill.provisional)}")
    for name, amount in (("net", bill.net), ("tax", bill.tax), ("total", bill.total)):
        exponent = amount.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -SCALE or amount.adjusted() > 28:
            faults.append(
                f"{name} is {amount}: at most {SCALE} decimals and 29 digits before them are issued"
            )
    return faults


def _says_the_same(old: Bill, new: Bill) -> bool:
    """Word by word, or on the same plan with the same quantities and amounts: a later release may word a rule anew."""
    if bill_digest(old) == bill_digest(new):
        return True
    same_plan = (old.plan, old.plan_version) == (new.plan, new.plan_version)
    return same_plan and not unlike(old, new) and not delta_lines(old, new)


def _taken(bill: Bill) -> set[str]:
    """Names of the discounts that took something off a bill."""
    return {line.id for line in bill.lines if line.kind == "discount" and line.amount}


def _standing(books: Books, number: int) -> Entry:
    if found := books.standing.get(number):
        if found.adjusts:
            raise RebillError(f"{number} is an adjustment of bill {found.of}: name that one")
        return found
    if number not in books.documents:
        raise RebillError(f"there is no bill {number}")
    if books.documents[number].kind is Kind.CREDIT_NOTE:
        raise RebillError(f"{number} is a credit note: name a bill that stands")
    taken_back = next(e for e in books.documents.values() if e.kind is Kind.CREDIT_NOTE and e.of == number)
    replaced = next(
        (e.number for e in books.documents.values() if e.rebill == taken_back.rebill and e.kind is Kind.BILL),
        0,
    )
    raise RebillError(
        f"bill {number} was taken back by credit note {taken_back.number}: propose a rebill of bill {replaced}"
    )


def _rebill(books: Books, rebill: str) -> Rebill:
    if found := books.rebills.get(rebill):
        return found
    waiting = ", ".join(each.id for each in books.rebills.values() if each.open) or "none"
    raise RebillError(f"there is no rebill {rebill}; open ones: {waiting}")


def _undecided(found: Rebill) -> None:
    if found.open:
        return
    if found.state is RebillState.SUPERSEDED:
        raise RebillError(
            f"{found.id} is superseded: bill {found.of} was replaced or adjusted since; propose it anew"
        )
    who = f" by {found.decision.actor}" if found.decision else ""
    raise RebillError(f"{found.id} is {found.state}{who} already: propose it anew")


def _person(actor: str) -> str:
    """A person whichever way his name is typed: Anna, anna and " anna" are one."""
    shown = "".join(sign for sign in actor if unicodedata.category(sign) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", shown).casefold().split())


def _named(actor: str) -> None:
    if not _person(actor):
        raise RebillError("somebody has to do it: name the actor")


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise RebillError("a reason is needed: it is what an auditor reads")
