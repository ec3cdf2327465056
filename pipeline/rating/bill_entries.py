"""The entries of the bill log: documents as they were issued, and what people decided about them. pipeline/store keeps
them in order and never changes one; rebill.py says which may follow which."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipeline.rating.exports.bill_json import from_json, to_json
from pipeline.rating.model import Bill, Discount

if TYPE_CHECKING:
    from pipeline.coverage.proof import Proof


class Kind(StrEnum):
    """What an entry is: a document (the first two), or a step of a rebill."""

    BILL = "bill"
    CREDIT_NOTE = "credit_note"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


DOCUMENTS = frozenset({Kind.BILL, Kind.CREDIT_NOTE})


@dataclass(frozen=True, slots=True)
class Counted:
    """What came after a month's close and is counted all the same: so many rows that differ, by the ledger at `cut`."""

    cut: int
    rows: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `number`: of a document, 1, 2, 3 … without holes, 0 of a step. `of`: the document that a credit note
    takes back, the bill that a new one replaces, an adjustment corrects, a step is about; 0 of a first bill. A bill
    with `of` and without `rebill` is an adjustment. `body`: canonical JSON, of a document the bill.
    `digest`: SHA-256 of the body, hex. `seq`: its place in the log, 0 before it is written; `chain`: see `chain_of`."""

    kind: Kind
    customer: str
    at: datetime
    actor: str
    reason: str
    number: int = 0
    of: int = 0
    rebill: str = ""
    body: str = "{}"
    digest: str = ""
    seq: int = 0
    chain: str = ""

    @property
    def bill(self) -> Bill:
        """The bill of a document, or the one that a proposal wants issued."""
        return from_json(self.shown)[0]

    @property
    def adjusts(self) -> bool:
        """Whether it is an adjustment: a bill of what came after the close of a month that was billed."""
        return self.kind is Kind.BILL and bool(self.of) and not self.rebill

    @property
    def whole(self) -> Bill:
        """The bill of the whole period that an adjustment leads to; of any other document its own."""
        whole = json.loads(self.body).get("whole")
        return from_json(whole)[0] if whole else self.bill

    @property
    def counted(self) -> Counted | None:
        """What it counts beside the closed month; None: nothing."""
        found = json.loads(self.body).get("counted")
        return Counted(found["cut"], found["rows"]) if found else None

    @property
    def adjustments(self) -> tuple[int, ...]:
        """The adjustments that a proposal would take back with its bill."""
        return tuple(json.loads(self.body).get("adjustments", ()))

    @property
    def proof(self) -> Proof | None:
        """The bill's proof of completeness, where it came with one."""
        return from_json(self.shown)[1]

    @property
    def shown(self) -> dict[str, Any]:
        """The JSON of a document as it was issued, or of the one that a proposal wants."""
        data: dict[str, Any] = json.loads(self.body)
        return data if self.kind in DOCUMENTS else data["bill"]

    @property
    def discounts(self) -> tuple[Discount, ...]:
        """The discounts of a proposal."""
        return tuple(
            Discount(each["name"], _decimal(each["percent"]), _decimal(each["amount"]), each["once"])
            for each in json.loads(self.body).get("discounts", [])
        )


def document(
    bill: Bill,
    proof: Proof | None = None,
    *,
    kind: Kind = Kind.BILL,
    number: int,
    at: datetime,
    actor: str,
    reason: str,
    of: int = 0,
    rebill: str = "",
    counted: Counted | None = None,
    whole: Bill | None = None,
) -> Entry:
    """A bill, with its proof of completeness, a credit note, or an adjustment with the bill that it leads to."""
    said = to_json(bill, proof) | _late(counted)
    body = canonical(said if whole is None else said | {"whole": to_json(whole, None)})
    return Entry(kind, bill.customer, at, actor, reason, number, of, rebill, body, digest_of(body))


def proposal_body(
    bill: Bill,
    proof: Proof | None,
    discounts: Iterable[Discount],
    counted: Counted | None = None,
    adjustments: Sequence[int] = (),
) -> str:
    """What a proposal holds: the bill that would be issued, with its proof, the discounts that are in it, and the
    adjustments that would be taken back with the bill in whose place it comes."""
    listed = [
        {"name": each.name, "percent": _text(each.percent), "amount": _text(each.amount), "once": each.once}
        for each in discounts
    ]
    more = {"adjustments": list(adjustments)} if adjustments else {}
    return canonical({"bill": to_json(bill, proof), "discounts": listed} | _late(counted) | more)


def canonical(data: Any) -> str:
    """One text for one value: keys in order, no spaces, nothing escaped that need not be. Digests are of it."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest_of(text: str) -> str:
    """SHA-256 of a text's UTF-8, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def bill_digest(bill: Bill) -> str:
    """The digest of what a bill says, whatever proof it has, whatever people call its customer and plan now, and
    whatever was free."""
    said = to_json(bill, None)
    beside = ("customer_name", "plan_name", "uncounted")
    return digest_of(canonical({key: said[key] for key in said if key not in beside}))


def _late(counted: Counted | None) -> dict[str, Any]:
    return {} if counted is None else {"counted": {"cut": counted.cut, "rows": counted.rows}}


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def chain_of(before: str, entry: Entry) -> str:
    """SHA-256 over the chain of the entry before and all that this one says, so that none can be changed, moved, put in
    or left out unseen. `before` is empty for the first."""
    at = entry.at.astimezone(UTC).isoformat()
    said = (
        before, entry.seq, entry.kind.value, entry.customer, at, entry.actor, entry.reason,
        entry.number, entry.of, entry.rebill, entry.digest,
    )  # fmt: skip
    return digest_of(canonical(said))


def faults_of(entries: Iterable[Entry]) -> list[str]:
    """What is wrong with a whole log, read from its first entry: a hole, a number twice, a body that is not what its
    digest says, a chain that is broken. Empty for one that nobody touched."""
    found, before, number = [], "", 0
    for place, entry in enumerate(entries, 1):
        if entry.seq != place:
            found.append(f"entry {place} is missing: {entry.seq} comes in its place")
            break
        if digest_of(entry.body) != entry.digest:
            found.append(f"entry {place}: its body is not what its digest says")
        if entry.kind in DOCUMENTS:
            number += 1
            if entry.number != number:
                found.append(f"entry {place}: document {number} is expected, it is {entry.number}")
        if chain_of(before, entry) != entry.chain:
            found.append(f"entry {place}: the chain is broken")
        before = entry.chain
    return found
