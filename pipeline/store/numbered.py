"""Appends rows that are numbered without holes and visible in order, whoever else appends: ledger, gaps and closes."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pipeline.store.errors import QueryError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from pipeline.store.sessions import Sessions

TRIES = 50

UNCLAIMED = 3
"""After so many numbers that neither these rows nor anybody else's came to have, it is no race that was lost."""


def last_number(sessions: Sessions, table: str) -> int:
    """The greatest visible `seq` of a table; 0 while it is empty."""
    return int(sessions.one(f"SELECT max(seq) FROM {table}"))


def append_numbered(sessions: Sessions, table: str, rows: Callable[[int, int], pa.Table]) -> int:
    """Appends what `rows(first seq, commit_id)` gives, as one INSERT; returns the last `seq`.

    ClickHouse has no compare-and-set. Whoever appends takes the number after the greatest visible one, and sends it as
    the deduplication token of the INSERT. Of two that took the same number, in one process or in several, the store
    keeps one; the other reads that it lost, and takes the next. The table needs a deduplication window.
    """
    commit_id = secrets.randbits(64)
    unclaimed = 0
    for _ in range(TRIES):
        first = last_number(sessions, table) + 1
        data = rows(first, commit_id)
        try:
            sessions.insert(table, data, token=f"seq-{first}")
        except QueryError:
            raise
        except StoreError:
            # the answer was lost, or the disk was full after the rows: they may be there all the same
            if not _is_there(sessions, table, first, commit_id):
                raise
        if _is_there(sessions, table, first, commit_id):
            return first + int(data.num_rows) - 1
        if last_number(sessions, table) < first:
            unclaimed += 1
            if unclaimed >= UNCLAIMED:
                raise StoreError(
                    f"the store took {data.num_rows:,} rows of {table} without an error, and has none of them: see "
                    f"whether its disk is full or damaged"
                )
    raise StoreError(f"rows of {table} found no free number in {TRIES} tries: too many write at once")


def _is_there(sessions: Sessions, table: str, seq: int, commit_id: int) -> bool:
    found = sessions.one(
        f"SELECT count() FROM {table} WHERE seq = {{seq:UInt64}} AND commit_id = {{commit_id:UInt64}}",
        {"seq": seq, "commit_id": commit_id},
    )
    return bool(found)
