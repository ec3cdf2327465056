"""`Store`: everything that the rest of prebill asks of ClickHouse, the same over the embedded engine, over the HTTP
door of the process that owns it, and over a server. connect.py opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.store import damage
from pipeline.store.bill_log import BillLog
from pipeline.store.coverage_store import CoverageStore
from pipeline.store.desk_log import DeskLog
from pipeline.store.evidence_news import EvidenceNews
from pipeline.store.incident_log import IncidentLog
from pipeline.store.leases import Leases
from pipeline.store.reader import Reader
from pipeline.store.status import StoreStatus, read_status
from pipeline.store.sweep import SweepReport, delete_facts, sweep
from pipeline.store.usage_by_day import RoughDays, read_days
from pipeline.store.usage_for_book import BookReader
from pipeline.store.usage_lately import UsageLately
from pipeline.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime
    from types import TracebackType

    import pyarrow as pa

    from pipeline.model import LedgerEntry, Origin, UsageBatch
    from pipeline.store.damage import Aside, LostFacts
    from pipeline.store.sessions import Params, Sessions


class Store(CoverageStore):
    """One open store; safe to use from many threads. Use it as a context manager, or close it.

    `door` is the address (host, port) where other processes reach the engine, or the server's own.
    """

    def __init__(
        self,
        dsn: str,
        sessions: Sessions,
        readers: Sessions,
        *,
        owner: bool,
        door: tuple[str, int],
        on_close: Callable[[], None],
    ) -> None:
        self.dsn = dsn
        self.owner = owner
        self.door = door
        self._sessions = sessions
        self._readers = readers
        self._reader = Reader(sessions)
        self._writer = Writer(sessions)
        self._on_close: Callable[[], None] | None = on_close

    # -- writes

    def insert_facts(self, batch: UsageBatch) -> int:
        """Writes a sorted batch under its write_ids; returns rows. Invisible until `commit` names those write_ids."""
        return self._writer.insert_facts(batch)

    def commit(self, entries: Sequence[LedgerEntry]) -> int:
        """Makes finished attempts count, after their facts; returns the new cut (the last `seq` given)."""
        return self._writer.commit(entries)

    def sweep(self, now: datetime) -> SweepReport:
        """Deletes facts of attempts that were superseded, or begun and never committed, more than 24 h before `now`."""
        return sweep(self._sessions, now)

    def pin(self, write_ids: Sequence[int], pinned_by: str, now: datetime) -> None:
        """Keeps the facts of these attempts from every sweep: a close names what it counted."""
        self._writer.pin(write_ids, pinned_by, now)

    def set_edges(self, edges: Sequence[tuple[str, str, datetime, datetime | None]]) -> None:
        """Replaces the zones of edges: (edge, zone, from, to or None), as the view `usage` shows them."""
        self._writer.set_edges(edges)

    # -- what was lost

    def parts_aside(self) -> tuple[Aside, ...]:
        """Parts of tables that the engine found broken: nothing that they hold is counted."""
        return damage.parts_aside(self._sessions)

    def forget_aside(self, aside: Sequence[Aside]) -> None:
        """Deletes such parts, when all that they held is there again."""
        damage.forget_aside(self._sessions, aside)

    def ledger_lacks(self) -> int:
        """How many rows of the ledger are gone."""
        return damage.ledger_lacks(self._sessions)

    def lost_facts(self, minutes: tuple[int, int] | None = None) -> Iterator[list[LostFacts]]:
        """Winning attempts whose facts are not what their ledger entries say; of segments of minutes [first, after)."""
        return damage.lost_facts(self._sessions, self.cut(), minutes)

    def replace_facts(self, lost: Sequence[LostFacts], batch: UsageBatch) -> int:
        """Writes facts of attempts that are in the ledger again, under their own write_ids; returns rows."""
        delete_facts(self._sessions, [(each.write_id, each.segment_id) for each in lost if each.found])
        return self._writer.insert_facts(batch)

    # -- reads

    def cut(self) -> int:
        """The greatest visible `seq`; 0 while nothing is committed. Fix it first, then read."""
        return self._reader.cut()

    def usage(
        self,
        cut: int,
        *,
        resources: Sequence[str] | None = None,
        minutes: tuple[int, int] | None = None,
        edges: Sequence[str] | None = None,
        by: Sequence[str] = ("minute", "resource", "edge"),
    ) -> pa.Table:
        """Sums of winning facts at the cut: columns of `by` (minute: uint32 minutes since the epoch), then MEASURES."""
        return self._reader.usage(cut, resources=resources, minutes=minutes, edges=edges, by=by)

    def totals(self, cut: int) -> dict[str, int]:
        """`rows` and the sum of each measure over every winning fact at the cut."""
        return self._reader.totals(cut)

    def rough_days(self, after: int, days: int, hot_hours: int) -> RoughDays:
        """What each resource used, roughly, in each 24 hours up to the minute `after`, and in the last hours of each.

        For choosing what to read exactly: the last day may hold attempts that do not count.
        """
        return read_days(self._sessions, after, days, hot_hours)

    def winners(self, segment_ids: Iterable[int], cut: int | None = None) -> dict[int, LedgerEntry]:
        """The winning entry of each segment that has one at the cut (default: now), by segment_id."""
        return self._reader.winners(segment_ids, cut)

    def attempts(self, segment_ids: Iterable[int]) -> list[LedgerEntry]:
        """Every entry of these segments, ordered by segment_id and seq."""
        return self._reader.attempts(segment_ids)

    def ledger_tail(self, since_seq: int, limit: int = 100_000) -> list[LedgerEntry]:
        """Entries after `since_seq`, in the order of seq, at most `limit`."""
        return self._reader.ledger_tail(since_seq, limit)

    def neighbours(self, edge: str, stream: str, epoch: str, first: int, next: int) -> list[LedgerEntry]:  # noqa: A002
        """Winning entries of one (edge, stream, epoch) whose numbers overlap or adjoin [first, next), in order."""
        return self._reader.neighbours(edge, stream, epoch, first, next)

    def neighbours_of(self, ranges: Sequence[tuple[str, str, str, int, int]]) -> list[list[LedgerEntry]]:
        """`neighbours` of many (edge, stream, epoch, first, next) in a few queries, in the order asked."""
        return self._reader.neighbours_of(ranges)

    def reaches(self, edges: Iterable[str]) -> dict[tuple[str, str, str], int]:
        """(edge, stream, epoch) → one more than the greatest sequence number of any attempt, for all of these edges."""
        return self._reader.reaches(edges)

    def fingerprints(self, origins: Iterable[Origin], fmt: str | None = None) -> dict[int, set[str]]:
        """segment_id → fingerprints of the file versions already attempted; segments never attempted are absent. With
        `fmt`, the name of a format, versions that were quarantined as no log of another one were not attempted."""
        return self._reader.fingerprints(origins, fmt)

    def status(self, cut: int | None = None) -> StoreStatus:
        """What `prebill status` shows, at a cut (default: now)."""
        return read_status(self._sessions, self.cut() if cut is None else cut)

    def query(self, sql: str, params: Params | None = None) -> pa.Table:
        """A user's own question: no writes, no files, no network. Raises QueryError with ClickHouse's words."""
        return self._readers.ask(sql, params)

    @property
    def book(self) -> BookReader:
        """Reads of many facts, for rating."""
        return BookReader(self._sessions)

    # -- money

    @property
    def bills(self) -> BillLog:
        """Issued bills, credit notes and rebills."""
        return BillLog(self._sessions)

    # -- the support desk

    @property
    def desk(self) -> DeskLog:
        """What happened to clients' requests."""
        return DeskLog(self._sessions)

    # -- incidents

    @property
    def incidents(self) -> IncidentLog:
        """What the incident engine was told and decided, and who was told."""
        return IncidentLog(self._sessions)

    @property
    def leases(self) -> Leases:
        """Who may do what only one may do at a time."""
        return Leases(self._sessions)

    @property
    def usage_lately(self) -> UsageLately:
        """What was served in the last minutes."""
        return UsageLately(self._sessions)

    def evidence_news(
        self, types: Sequence[str], horizon: float, lasting: Sequence[str] = ()
    ) -> EvidenceNews:
        """A reader of the evidence that the incident log does not have yet; one a thread."""
        return EvidenceNews(self._sessions, types, horizon, lasting)

    # -- life

    def close(self) -> None:
        """Closes every connection; the owner also gives the folder and its door up."""
        if self._on_close:
            self._on_close()
            self._on_close = None

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> Any:
        # a store does not travel; its DSN does
        raise TypeError("a Store cannot be pickled: send its DSN and open_store() there")
