"""What coverage, gaps and closes ask of the store: the half of `Store` that was added for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.store import coverage_log, evidence_log, gap_log, gap_money, ledger_columns, usage_around
from pipeline.store.closes import Closes
from pipeline.store.coverage_news import CoverageNews

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from pipeline.coverage.evidence import Evidence
    from pipeline.coverage.model import Close, Gap, GapState, LedgerColumns, Reading, Run
    from pipeline.store.gap_money import RatedGap
    from pipeline.store.sessions import Sessions


class CoverageStore(CoverageNews):
    """The ledger as columns; evidence, counters, beats, states of minutes, gaps and closes, written and read."""

    _sessions: Sessions

    # -- the ledger, as columns

    def ledger_columns(self, first: int, after: int, *, cut: int | None = None) -> LedgerColumns:
        """The winners at the cut (default: now) among segments of minutes [first, after), a row a segment."""
        return ledger_columns.read_ledger_columns(self._sessions, first, after, cut)

    def narrow_columns(self, first: int, after: int, *, cut: int | None = None) -> Iterator[LedgerColumns]:
        """The same in pieces of some million rows, each of minutes of its own, streams, minutes and states only: the
        other columns are zeros that take no memory. A month of 2,000 edges fits into a few hundred MiB."""
        return ledger_columns.read_narrow_columns(self._sessions, first, after, cut)

    def usage_blocks(
        self, edge: str, stream: str | None, bounds: Sequence[int], cut: int | None = None
    ) -> list[tuple[int, str, int, int]]:
        """(block, resource, bytes_sent, requests) of winning segments of an edge's stream (None: of all) in each block
        k of minutes [bounds[k], bounds[k + 1])."""
        return usage_around.read_usage_blocks(self._sessions, edge, stream, bounds, cut)

    # -- evidence

    def add_evidence(self, rows: Sequence[Evidence]) -> int:
        """Appends events, and the counter readings among them; returns how many were not there yet."""
        return evidence_log.add_evidence(self._sessions, rows)

    def evidence(self, types: Sequence[str] | None = None, since: float | None = None) -> list[Evidence]:
        """Events of these types (default: all) at or after `since`, each once, in the order of their times."""
        return evidence_log.read_evidence(self._sessions, types, since)

    def add_readings(self, readings: Sequence[Reading]) -> int:
        """Appends counter readings; returns how many were not there yet. One of the same instant replaces the other."""
        return evidence_log.add_readings(self._sessions, readings)

    def readings(self, since: float, until: float, edge: str | None = None) -> list[Reading]:
        """Counter readings in [since, until), of one edge or of all, ordered by edge and time."""
        return evidence_log.read_readings(self._sessions, since, until, edge)

    def beat(self, *at: float) -> None:
        """Notes that prebill is there at these instants (epoch seconds) and looks for segments."""
        evidence_log.add_beats(self._sessions, at)

    def beats(self, since: float, until: float) -> NDArray[np.float64]:
        """float64: beats in [since, until), epoch seconds, ascending, each once."""
        return evidence_log.read_beats(self._sessions, since, until)

    # -- what coverage found

    def write_coverage(self, first: int, after: int, runs: Sequence[Run], checked_at: float) -> int:
        """Makes `runs` what is known of all streams' minutes [first, after); returns the rows written."""
        return coverage_log.write_coverage(self._sessions, first, after, runs, checked_at)

    def write_gaps(self, gaps: Sequence[Gap]) -> int:
        """Appends these states of gaps to the history; returns how many."""
        return gap_log.write_gaps(self._sessions, gaps)

    def gaps(self, states: Iterable[GapState] | None = None) -> list[Gap]:
        """The latest of each gap, of those now in one of `states` (default: all), ordered by minute."""
        return gap_log.read_gaps(self._sessions, states)

    def gap_history(self, gap: str) -> list[Gap]:
        """All that the gap of this id was, oldest first."""
        return gap_log.read_gap_history(self._sessions, gap)

    def write_gap_money(self, rated: Sequence[RatedGap]) -> None:
        """What gaps cost, in the place of what was rated before."""
        gap_money.write_gap_money(self._sessions, rated)

    def gap_money(self, gaps: Sequence[str]) -> dict[str, RatedGap]:
        """By id, what was rated last of these gaps."""
        return gap_money.read_gap_money(self._sessions, gaps)

    # -- closes

    @property
    def closing(self) -> Closes:
        """What closing a period needs beside: writes, digests, changes since a cut."""
        return Closes(self._sessions)

    def closes(
        self,
        period: str | None = None,
        customer: str | None = None,
        *,
        minutes: tuple[int, int] | None = None,
    ) -> list[Close]:
        """Closes of a period, of a customer, that share minutes with [first, after), or all; as they were written."""
        return self.closing.closes(period, customer, minutes=minutes)

    def closed_usage(self, close: Close) -> pa.Table:
        """What a close counted: minute (uint32, since 1970), resource, edge, zone, MEASURES; by the first three."""
        return self.closing.usage(close)
