"""Which attempt at a segment counts: a pure rule over its ledger entries, the same that the store's SQL applies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pipeline.model import LedgerEntry


def pick_winner(attempts: Iterable[LedgerEntry]) -> LedgerEntry | None:
    """The attempt that counts among the attempts at one segment, or None where there is none.

    The greatest rank wins, so the order in which contents arrive does not matter; among attempts at the same content
    the one committed last wins, because it alone knows which numbers its neighbours hold now.
    """
    return max(attempts, key=lambda entry: (entry.rank, entry.seq), default=None)


def pick_winners(attempts: Iterable[LedgerEntry]) -> dict[int, LedgerEntry]:
    """The winner of each segment, by segment id."""
    winners: dict[int, LedgerEntry] = {}
    for entry in attempts:
        held = winners.get(entry.segment_id)
        if held is None or (entry.rank, entry.seq) > (held.rank, held.seq):
            winners[entry.segment_id] = entry
    return winners


def supersedes(new: LedgerEntry, old: LedgerEntry | None) -> bool:
    """Whether `new`, committed after `old`, becomes the winner in its place."""
    return old is None or new.rank >= old.rank


def is_same_content(a: LedgerEntry, b: LedgerEntry) -> bool:
    """Whether two attempts read the same bytes of the same segment."""
    return (a.segment_id, a.content_bytes, a.digest) == (b.segment_id, b.content_bytes, b.digest)


def override(entry: LedgerEntry, reason: str, now: datetime) -> LedgerEntry:
    """The ledger entry by which an operator names an attempt the winner; ValueError without a reason.

    It names the facts that are there already, under the same write id. Among overrides the latest one counts.
    """
    if not reason.strip():
        raise ValueError(
            f"an override needs a reason: why should attempt {entry.write_id:#x} at {entry.origin} win?"
        )
    return replace(entry, preferred=True, reason=reason.strip(), committed_at=now, seq=0)
