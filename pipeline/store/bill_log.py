"""The bill log in the store: bills, credit notes and the steps of rebills, appended and read back, never changed. What
may be appended pipeline/rating/rebill.py decides, anew before every try, so that two processes at once do it once."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.rating import rebill
from pipeline.rating.bill_books import Books, Rebill, RebillError, read_books
from pipeline.rating.bill_entries import DOCUMENTS, Counted, Entry, Kind, chain_of, faults_of
from pipeline.store.numbered import append_numbered
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.coverage.proof import Proof
    from pipeline.rating.model import Bill, Discount
    from pipeline.store.sessions import Sessions

TABLE = "bill_log"
BILLS_AT_ONCE = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = (
    "seq, toString(kind), customer, toUnixTimestamp64Micro(at), actor, reason,"
    " number, of, rebill, body, digest, chain"
)


class _NothingNewError(Exception):
    """All of it has been done already; leaves append_numbered without an INSERT."""


class BillLog:
    """Reads and appends to the bill log. Every write can be repeated: what was done already is done once."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    # -- reads

    def entries(self, customers: Iterable[str] | None = None) -> list[Entry]:
        """The entries of these customers (default: all), in the order in which they were written."""
        of = "1" if customers is None else f"customer IN ({names_subquery(sorted(set(customers)))})"
        rows = self._sessions.rows(f"SELECT {_COLUMNS} FROM {TABLE} WHERE {of} ORDER BY seq")
        return [_entry(row) for row in rows]

    def books(self, customers: Iterable[str] | None = None) -> Books:
        """What these customers' entries come to."""
        return read_books(self.entries(customers))

    def document(self, number: int) -> Entry:
        """A bill or a credit note as it was issued. Raises RebillError where there is none."""
        rows = []
        if 0 < number < 1 << 64:
            rows = self._sessions.rows(
                f"SELECT {_COLUMNS} FROM {TABLE} WHERE number = {{number:UInt64}}", {"number": number}
            )
        if not rows:
            raise RebillError(f"there is no bill {number}")
        return _entry(rows[0])

    def customer_of(self, rebill_id: str) -> str:
        """Whose a rebill is. Raises RebillError, with those that wait, where there is none of this id."""
        rows = self._sessions.rows(
            f"SELECT customer FROM {TABLE} WHERE rebill = {{rebill:String}} LIMIT 1", {"rebill": rebill_id}
        )
        if not rows:
            waiting = ", ".join(each.id for each in self.books().rebills.values() if each.open) or "none"
            raise RebillError(f"there is no rebill {rebill_id}; open ones: {waiting}")
        return str(rows[0][0])

    def faults(self) -> list[str]:
        """What is wrong with the whole log (holes, changed bodies, a broken chain); empty where nobody touched it."""
        return faults_of(self.entries())

    # -- writes

    def issue(
        self, bills: Sequence[tuple[Bill, Proof | None]], *, at: datetime, actor: str, reason: str = ""
    ) -> list[Entry]:
        """Issues first bills with their proofs, a thousand in one INSERT, and returns the standing document of each,
        new or not. Raises RebillError, and issues none of its thousand, where one may not be."""
        found = []
        for start in range(0, len(bills), BILLS_AT_ONCE):
            some = bills[start : start + BILLS_AT_ONCE]
            books = self._append(
                {bill.customer for bill, _ in some},
                lambda books, number, some=some: rebill.issue(  # type: ignore[misc]
                    books, some, number, at=at, actor=actor, reason=reason
                ),
            )
            found += [books.standing_in(bill)[0] for bill, _ in some]
        return found

    def adjust(
        self, of: int, whole: Bill, counted: Counted | None, *, at: datetime, actor: str
    ) -> list[Entry]:
        """Issues the adjustment that leads from what stands for bill `of` to `whole`, where money moves; all that stand
        of it now. Raises RebillError."""

        def decide(books: Books, number: int) -> list[Entry]:
            return rebill.adjust(books, of, whole, counted, number, at=at, actor=actor)

        return self._append({self.document(of).customer}, decide).adjustments_of(of)

    def propose(
        self,
        of: int,
        bill: Bill,
        proof: Proof | None = None,
        *,
        discounts: Sequence[Discount] = (),
        counted: Counted | None = None,
        at: datetime,
        actor: str,
        reason: str,
    ) -> Rebill:
        """Proposes `bill` (with these discounts in it) in the place of bill `of`."""
        name = ""

        def decide(books: Books, _number: int) -> list[Entry]:
            nonlocal name
            name, new = rebill.propose(
                books,
                of,
                bill,
                proof,
                discounts=discounts,
                counted=counted,
                at=at,
                actor=actor,
                reason=reason,
            )
            return new

        customer = self.document(of).customer
        return self._append({customer}, decide).rebills[name]

    def approve(self, rebill_id: str, *, at: datetime, actor: str, reason: str) -> Rebill:
        """Approves, and issues the credit note and the new bill, in one INSERT. Approved already: as it is."""

        def decide(books: Books, number: int) -> list[Entry]:
            return rebill.approve(books, rebill_id, number, at=at, actor=actor, reason=reason)

        return self._append({self.customer_of(rebill_id)}, decide).rebills[rebill_id]

    def turn_down(self, rebill_id: str, *, at: datetime, actor: str, reason: str) -> Rebill:
        """Ends a proposal: withdrawn by the one who made it, rejected by anybody else."""

        def decide(books: Books, _number: int) -> list[Entry]:
            return rebill.turn_down(books, rebill_id, at=at, actor=actor, reason=reason)

        return self._append({self.customer_of(rebill_id)}, decide).rebills[rebill_id]

    def _append(self, customers: set[str], decide: Callable[[Books, int], list[Entry]]) -> Books:
        """Appends what `decide(books of these customers, next number of a document)` wants; the books after it."""

        def rows(first_seq: int, mark: int) -> pa.Table:
            # read after the number was taken: whoever writes meanwhile takes it from us, and we decide anew
            new = decide(self.books(customers), self._next_number())
            if not new:
                raise _NothingNewError
            return _table(list(self._chained(first_seq, new)), mark)

        with contextlib.suppress(_NothingNewError):
            append_numbered(self._sessions, TABLE, rows)
        return self.books(customers)

    def _next_number(self) -> int:
        return int(self._sessions.one(f"SELECT max(number) FROM {TABLE}")) + 1

    def _chained(self, first_seq: int, entries: Sequence[Entry]) -> Iterator[Entry]:
        before = self._sessions.rows(
            f"SELECT chain FROM {TABLE} WHERE seq = {{seq:UInt64}}", {"seq": first_seq - 1}
        )
        chain = str(before[0][0]) if before else ""
        for seq, entry in enumerate(entries, first_seq):
            numbered = replace(entry, seq=seq)
            chain = chain_of(chain, numbered)
            yield replace(numbered, chain=chain)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _entry(row: tuple[Any, ...]) -> Entry:
    seq, kind, customer, at_us, actor, reason, number, of, rebill_id, body, digest, chain = row
    return Entry(
        Kind(kind), customer, _EPOCH + timedelta(microseconds=int(at_us)), actor, reason, int(number), int(of),
        rebill_id, body, digest, int(seq), chain,
    )  # fmt: skip


def _table(entries: Sequence[Entry], mark: int) -> pa.Table:
    import pyarrow as pa

    u64, text, instant, money = pa.uint64(), pa.string(), pa.timestamp("us", tz="UTC"), pa.decimal128(38, 9)
    bills = [
        entry.bill if entry.kind in DOCUMENTS or entry.kind is Kind.PROPOSED else None for entry in entries
    ]

    def instants(values: Iterable[datetime]) -> pa.Array:
        return pa.array([_micros(value) for value in values], pa.int64()).cast(instant)

    return pa.table(
        {
            "seq": pa.array([entry.seq for entry in entries], u64),
            "commit_id": pa.array([mark] * len(entries), u64),
            "kind": pa.array([entry.kind.value for entry in entries], text),
            "number": pa.array([entry.number for entry in entries], u64),
            "of": pa.array([entry.of for entry in entries], u64),
            "rebill": pa.array([entry.rebill for entry in entries], text),
            "customer": pa.array([entry.customer for entry in entries], text),
            "from": instants(bill.period.begin if bill else _EPOCH for bill in bills),
            "to": instants(bill.period.end if bill else _EPOCH for bill in bills),
            "tz": pa.array([bill.period.tz if bill else "" for bill in bills], text),
            "plan": pa.array([bill.plan if bill else "" for bill in bills], text),
            "plan_version": pa.array([bill.plan_version if bill else 0 for bill in bills], pa.uint32()),
            "currency": pa.array([bill.currency if bill else "" for bill in bills], text),
            "net": pa.array([bill.net if bill else 0 for bill in bills], money),
            "tax": pa.array([bill.tax if bill else 0 for bill in bills], money),
            "total": pa.array([bill.total if bill else 0 for bill in bills], money),
            "at": instants(entry.at for entry in entries),
            "actor": pa.array([entry.actor for entry in entries], text),
            "reason": pa.array([entry.reason for entry in entries], text),
            "body": pa.array([entry.body for entry in entries], text),
            "digest": pa.array([entry.digest for entry in entries], text),
            "chain": pa.array([entry.chain for entry in entries], text),
        }
    )
