"""Which attempt at a segment counts, as a plain rule over ledger entries: what the store's SQL is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.model import LedgerEntry


def pick_winners(attempts: Iterable[LedgerEntry]) -> dict[int, LedgerEntry]:
    """The winner of each segment, by segment id: the greatest rank, of equal ones the last committed."""
    winners: dict[int, LedgerEntry] = {}
    for entry in attempts:
        held = winners.get(entry.segment_id)
        if held is None or (entry.rank, entry.seq) > (held.rank, held.seq):
            winners[entry.segment_id] = entry
    return winners
