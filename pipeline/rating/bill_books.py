"""What the bill log comes to: documents, what stands of them, rebills and their states; pure functions of its entries,
for whoever issues, proposes or shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pipeline.rating.bill_entries import Entry, Kind
from pipeline.rating.model import Bill


class RebillError(Exception):
    """What was asked for may not be: says why, and what to do."""


class RebillState(StrEnum):
    """Where a rebill is. `superseded`: another rebill replaced its bill first; it can only be proposed anew."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Rebill:
    """A proposal and what became of it. `credit` and `issued` are numbers of documents, 0 before it is approved."""

    proposal: Entry
    state: RebillState = RebillState.PROPOSED
    decision: Entry | None = None
    credit: int = 0
    issued: int = 0

    @property
    def id(self) -> str:
        """The name by which people approve it."""
        return self.proposal.rebill

    @property
    def of(self) -> int:
        """The number of the bill that it would replace."""
        return self.proposal.of

    @property
    def open(self) -> bool:
        """Whether it waits for a decision."""
        return self.state is RebillState.PROPOSED


@dataclass(frozen=True, slots=True)
class Books:
    """What a log says: documents by number, rebills by id in the order in which they were proposed, and the bills that
    stand, that is, that no credit note took back."""

    documents: dict[int, Entry] = field(default_factory=dict)
    rebills: dict[str, Rebill] = field(default_factory=dict)
    standing: dict[int, Entry] = field(default_factory=dict)
    standing_of: dict[str, list[int]] = field(default_factory=dict)
    """customer → numbers of his standing bills"""

    def standing_in(self, bill: Bill) -> list[Entry]:
        """The standing bills of the same customer that share an instant with this one's period, adjustments apart."""
        mine = (self.standing[number] for number in self.standing_of.get(bill.customer, ()))
        return [entry for entry in mine if not entry.adjusts and share_time(entry.bill, bill)]

    def adjustments_of(self, number: int) -> list[Entry]:
        """The standing adjustments of a bill, in the order in which they were issued."""
        mine = self.standing_of.get(self.documents[number].customer, ())
        return [
            self.standing[each]
            for each in mine
            if self.standing[each].adjusts and self.standing[each].of == number
        ]

    def whole_of(self, number: int) -> Bill:
        """What a bill and its standing adjustments come to, line by line."""
        return (self.adjustments_of(number) or [self.documents[number]])[-1].whole


def read_books(entries: Iterable[Entry]) -> Books:
    """The books after these entries, in the order of the log. Raises RebillError where they contradict each other."""
    books = Books()
    for entry in entries:
        _follow(books, entry)
    return books


def _follow(books: Books, entry: Entry) -> None:
    known = books.rebills.get(entry.rebill)
    if entry.kind is Kind.BILL:
        books.documents[entry.number] = books.standing[entry.number] = entry
        books.standing_of.setdefault(entry.customer, []).append(entry.number)
        if known:
            books.rebills[entry.rebill] = replace(known, issued=entry.number)
        if entry.adjusts:
            # who approves would not see what he approves: what stands is not what the proposal was made of
            _supersede(books, entry)
    elif entry.kind is Kind.CREDIT_NOTE:
        if entry.of not in books.standing:
            raise RebillError(f"the log's entry {entry.seq} takes back bill {entry.of}, which does not stand")
        books.documents[entry.number] = entry
        del books.standing[entry.of]
        books.standing_of[entry.customer].remove(entry.of)
        if known and known.of == entry.of:
            books.rebills[known.id] = replace(known, credit=entry.number)
        _supersede(books, entry)
    elif entry.kind is Kind.PROPOSED:
        if known:
            raise RebillError(f"the log's entry {entry.seq} proposes {entry.rebill} a second time")
        books.rebills[entry.rebill] = Rebill(entry)
    elif known is None or not known.open:
        raise RebillError(f"the log's entry {entry.seq} decides on {entry.rebill}, which is not open")
    else:
        books.rebills[entry.rebill] = replace(known, state=RebillState(entry.kind.value), decision=entry)


def _supersede(books: Books, entry: Entry) -> None:
    """Ends the open proposals for the bill of this entry, but for the rebill that it belongs to."""
    for other in [each for each in books.rebills.values() if each.of == entry.of]:
        if other.open and other.id != entry.rebill:
            books.rebills[other.id] = replace(other, state=RebillState.SUPERSEDED)


def share_time(one: Bill, other: Bill) -> bool:
    """Whether the periods of two bills have an instant in common."""
    return one.period.begin < other.period.end and other.period.begin < one.period.end
