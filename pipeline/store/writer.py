"""Writes: usage batches into `facts`, then finished attempts into `ledger`, which makes the facts count."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from pipeline.store.columns import EDGE_FOREVER_S, facts_by_month, ids_as_bytes, ledger_table
from pipeline.store.errors import StoreError
from pipeline.store.numbered import append_numbered, last_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pipeline.model import LedgerEntry, UsageBatch
    from pipeline.store.sessions import Sessions

COMMIT_ROWS = 50_000
"""Ledger rows of one INSERT at most: one block, so that a commit is seen whole or not at all."""


class Writer:
    """Appends facts and ledger rows; any number of threads and processes may write at once."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._committer = threading.Lock()

    def insert_facts(self, batch: UsageBatch) -> int:
        """Writes a batch that is sorted as its docstring says; returns the rows written.

        Nobody sees them before `commit` names their write_ids. The write_ids are announced first, so that the sweep
        finds the facts of an attempt that never finished.
        """
        if not len(batch):
            return 0
        self._announce(batch)
        rows = 0
        for _, table in facts_by_month(batch):
            self._sessions.insert_many("facts", table)
            rows += table.num_rows
        return rows

    def _announce(self, batch: UsageBatch) -> None:
        import pyarrow as pa

        rows = np.bincount(batch.segment, minlength=len(batch.segments)).astype(np.uint64)
        ids = ids_as_bytes([segment_id for segment_id, _ in batch.segments])
        self._sessions.insert(
            "writes",
            pa.table(
                {
                    "write_id": pa.array([write_id for _, write_id in batch.segments], pa.uint64()),
                    "segment_id": pa.FixedSizeBinaryArray.from_buffers(
                        pa.binary(16), len(batch.segments), [None, pa.py_buffer(ids)]
                    ),
                    "rows": pa.array(rows),
                }
            ),
        )

    def commit(self, entries: Sequence[LedgerEntry]) -> int:
        """Writes finished attempts, numbered in the order given; returns the last `seq`, the new cut.

        Strictly increasing and visible in order, whoever else commits: see `append_numbered`.
        """
        self._check_overrides([entry for entry in entries if entry.preferred and entry.bytes_sent])
        last = 0
        for at in range(0, len(entries), COMMIT_ROWS):
            last = self._commit(entries[at : at + COMMIT_ROWS])
        return last or self.cut()

    def _check_overrides(self, entries: Sequence[LedgerEntry]) -> None:
        """An override names facts that must still be there: the sweep may have taken them. Overrides are rare, and a
        look at one month's write_ids takes a fraction of a second."""
        for entry in entries:
            minute = entry.origin.minute * 60
            found = self._sessions.one(
                "SELECT count() FROM (SELECT 1 FROM facts WHERE write_id = {write_id:UInt64}"
                " AND segment_minute = toDateTime({minute:UInt32}, 'UTC') LIMIT 1)",
                {"write_id": entry.write_id, "minute": minute},
            )
            if not found:
                raise StoreError(
                    f"attempt {entry.write_id:#x} at {entry.origin} cannot be preferred: its facts are not there any "
                    f"more (losing attempts are deleted after 24 hours); let the segment be read again"
                )

    def cut(self) -> int:
        """The greatest visible `seq`; 0 in an empty ledger."""
        return last_number(self._sessions, "ledger")

    def pin(self, write_ids: Sequence[int], pinned_by: str, now: datetime) -> None:
        """Keeps the facts of these attempts from every sweep."""
        import pyarrow as pa

        count = len(write_ids)
        columns = {
            "write_id": pa.array(write_ids, pa.uint64()),
            "pinned_by": pa.array([pinned_by] * count, pa.string()),
            "pinned_at": pa.array([now] * count, pa.timestamp("ms", tz="UTC")),
        }
        self._sessions.insert("pinned_writes", pa.table(columns))

    def set_edges(self, edges: Sequence[tuple[str, str, datetime, datetime | None]]) -> None:
        """Replaces the zones of edges by (edge, zone, from, to); in one INSERT, so that no reader sees half of them."""
        import pyarrow as pa

        rows = sorted((edge, zone, int(a.timestamp()), int(b.timestamp()) if b else EDGE_FOREVER_S)
                      for edge, zone, a, b in edges)  # fmt: skip
        held = self._sessions.rows(
            "SELECT generation, edge, zone, toUInt32(`from`), toUInt32(`to`) FROM edges"
            " WHERE generation = (SELECT max(generation) FROM edges) ORDER BY edge, zone, `from`, `to`"
        )
        # an empty generation cannot be written: one row of no edge stands for it
        rows = rows or [("", "", 0, 0)]
        if [tuple(row[1:]) for row in held] == rows:
            return
        generation = int(held[0][0]) + 1 if held else 1
        columns = {
            "generation": pa.array([generation] * len(rows), pa.uint64()),
            "edge": pa.array([row[0] for row in rows], pa.string()),
            "zone": pa.array([row[1] for row in rows], pa.string()),
            "from": pa.array([row[2] for row in rows], pa.uint32()),
            "to": pa.array([row[3] for row in rows], pa.uint32()),
        }
        self._sessions.insert("edges", pa.table(columns))

    def _commit(self, entries: Sequence[LedgerEntry]) -> int:
        with self._committer:
            return append_numbered(
                self._sessions, "ledger", lambda first, mark: ledger_table(entries, first, mark)
            )
