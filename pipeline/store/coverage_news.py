"""What a check that runs every minute asks of the store: only what came since; the part of `Store` made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.store import evidence_log, gap_log, ledger_columns, ledger_news, usage_at_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.coverage.model import Gap, LedgerColumns
    from pipeline.coverage.readings import ReadingColumns
    from pipeline.store.sessions import Sessions


class CoverageNews:
    """Marks of how far the tables have come, and what lies behind such a mark."""

    _sessions: Sessions

    def marks(self) -> ledger_news.Marks:
        """How far each table that coverage reads has come."""
        return ledger_news.read_marks(self._sessions)

    def ledger_rows(self, first: int, after: int) -> int:
        """About how many attempts there are at segments of minutes [first, after)."""
        return sum(rows for *_, rows in ledger_columns.pieces_of(self._sessions, first, after))

    def keyed_columns(
        self, first: int, after: int, *, cut: int | None = None
    ) -> tuple[LedgerColumns, NDArray[np.uint64]]:
        """As `ledger_columns`, and the key of each row's segment."""
        return ledger_columns.read_keyed_columns(self._sessions, first, after, cut)

    def ledger_news(self, since: int, cut: int) -> tuple[LedgerColumns, NDArray[np.uint64]]:
        """Every attempt with since < seq ≤ cut, a row each, in no order, and the key of each one's segment."""
        return ledger_news.read_ledger_news(self._sessions, since, cut)

    def reading_columns(self, since: float, until: float) -> ReadingColumns:
        """Counter readings in [since, until) of all edges, as columns."""
        return evidence_log.read_reading_columns(self._sessions, since, until)[0]

    def readings_since(self, since: float) -> tuple[ReadingColumns, int, int]:
        """All counter readings from `since` on, how many rows of the table these are, and how many it had before."""
        held = int(self._sessions.one("SELECT count() FROM counters"))
        return *evidence_log.read_reading_columns(self._sessions, since), held

    def gaps_since(self, seq: int) -> tuple[list[Gap], int]:
        """States of gaps appended to the history after `seq`, oldest first, and the last one's `seq`."""
        return gap_log.read_gaps_since(self._sessions, seq)

    def usage_blocks_of(
        self, asked: Sequence[tuple[str, str | None, tuple[int, ...]]], cut: int
    ) -> list[list[tuple[int, str, int, int]]]:
        """`usage_blocks` of many (edge, stream, bounds) in a few questions, in the order asked."""
        return usage_at_once.read_usage_blocks_of(self._sessions, asked, cut)
