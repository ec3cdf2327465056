"""Gaps are told which task they belong to: from the open incidents of lost data to the history of gaps; by the thread
that checks coverage, because it is the one that writes gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.store.store import Store


def name_gaps(store: Store) -> int:
    """Writes the task of every open gap that has one and does not name it yet; returns how many. An edge has one open
    incident of lost data at a time, so its gaps are that one's."""
    from pipeline.coverage.model import GapState

    unnamed = [gap for gap in store.gaps((GapState.OPEN, GapState.SHRUNK)) if not gap.task]
    if not unnamed:
        return 0
    tasks = {
        row.scope_id: row.incident
        for row in store.incidents.incidents()
        if row.kind == "billing_gap" and row.scope_kind == "edge" and row.status != "resolved"
    }
    named = [
        replace(gap, task=tasks[gap.loss.stream.edge]) for gap in unnamed if gap.loss.stream.edge in tasks
    ]
    return store.write_gaps(named) if named else 0
