"""Writes whole segments' facts and gives their ledger entries write ids; committing them is a later step."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.flow_merge import merge_usages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.attempt import Attempt
    from pipeline.flow_run import Run
    from pipeline.model import LedgerEntry


def write_facts(attempts: Sequence[Attempt], run: Run) -> list[LedgerEntry]:
    """Insert the facts of these attempts in one batch; their entries, ready to be committed.

    The write ids are made here and nowhere before: a runner that retries this step writes under new ones, and the
    facts of the failed try belong to nobody.
    """
    entries = [replace(attempt.entry, write_id=run.new_write_id()) for attempt in attempts]
    usages = [
        ((entry.segment_id, entry.write_id), attempt.usage)
        for entry, attempt in zip(entries, attempts, strict=True)
        if attempt.usage is not None and len(attempt.usage.minute)
    ]
    if usages:
        at = time.perf_counter()
        batch = merge_usages(usages)
        merged = time.perf_counter()
        rows = run.store.insert_facts(batch)
        run.spend("merge", merged - at)
        run.spend("insert", time.perf_counter() - merged)
        run.count_rows(rows)
    return entries
