"""The entries of the bill log: documents as they were issued, and what people decided about them. pipeline/store keeps
them in order and never changes one; rebill.py says which may follow which."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pipeline.rating.bill_json import (
    bill_from_json,
    bill_to_json,
    canonical,
    digest_of,
    discount_from_json,
    discount_to_json,
    instant_text,
)
from pipeline.rating.model import Bill, Discount


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
class Entry:
    """One entry. `number`: of a document, 1, 2, 3 … without holes, 0 of a step. `of`: the bill that a credit note takes
    back, a new bill replaces, a step is about; 0 of a first bill. `body`: canonical JSON, of a document the bill.
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
        data = json.loads(self.body)
        return bill_from_json(data if self.kind in DOCUMENTS else data["bill"])

    @property
    def discounts(self) -> tuple[Discount, ...]:
        """The discounts of a proposal."""
        found: list[dict[str, Any]] = json.loads(self.body).get("discounts", [])
        return tuple(discount_from_json(each) for each in found)


def document(
    kind: Kind,
    bill: Bill,
    number: int,
    *,
    at: datetime,
    actor: str,
    reason: str,
    of: int = 0,
    rebill: str = "",
) -> Entry:
    """A bill or a credit note to be issued."""
    body = canonical(bill_to_json(bill))
    return Entry(kind, bill.customer, at, actor, reason, number, of, rebill, body, digest_of(body))


def proposal_body(bill: Bill, discounts: Iterable[Discount]) -> str:
    """What a proposal holds: the bill that would be issued, and the discounts that are in it."""
    return canonical(
        {"bill": bill_to_json(bill), "discounts": [discount_to_json(each) for each in discounts]}
    )


def chain_of(before: str, entry: Entry) -> str:
    """SHA-256 over the chain of the entry before and all that this one says, so that none can be changed, moved, put in
    or left out unseen. `before` is empty for the first."""
    said = (
        before, entry.seq, entry.kind.value, entry.customer, instant_text(entry.at), entry.actor, entry.reason,
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
