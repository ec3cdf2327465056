"""The local runner: what has arrived becomes micro-batches, each a bounded run of the graph, two at a time.

While one batch is written, the next is read: Beam and the store's client hold the GIL, kernels and ClickHouse do not.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.flow_beats import Beats
from pipeline.flow_ledger import SharedLedger, numbers_of
from pipeline.flow_queue import Queue, cut_elements
from pipeline.flow_report import RunReport
from pipeline.flow_run import Run, open_run
from pipeline.ingest.counters import CounterFiles
from pipeline.overlap import held_runs, intersect
from pipeline.store.errors import OwnerEndedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from pipeline.attempt import Reader
    from pipeline.flow_ledger import BatchLedger
    from pipeline.flow_run import Store
    from pipeline.flow_source import Source
    from pipeline.ingest.spool import Found, Look
    from pipeline.model import LedgerEntry

FLIGHTS = 2
"""Batches on their way at a time."""

BATCH_SEGMENTS = 500
"""Segments of a batch at most: with 2,000 small ones memory went 10 % up and down, and it was no faster."""

BATCH_ROWS = 10_000_000
"""Rows of usage that a batch may come to, by what those before it came to: they are in memory until it is written, 100
bytes each. Logs in which every line names another resource have a row for each line."""

ASK_AT_ONCE = 5_000
"""Origins of one question to the ledger."""

WAIT_S = 0.5
"""How long a wait lasts at most, so that a stop is heeded."""

PEEP_S = 0.05
"""How long to wait for a batch before looking whether more has arrived."""

FOREIGN_KEPT = 10_000
"""Ledger entries of other processes that are remembered, to find out whether a batch crossed them."""

ONCE_TRIES = 3
"""How often `once` tries a segment that cannot be read, and a batch that the store refuses."""

ONCE_IDLE_S = 6.0
"""How long `once` waits in all for what may still come right: postponed segments, files that may still be written."""


@dataclass
class Flight:
    """A batch on its way. `since`: how much of the ledger was known when it began."""

    queue: Queue
    found: dict[str, Found]
    run: Run
    ledger: BatchLedger
    since: int


class LocalRunner:
    """One run in this process. `fmt`: the name of the format that is read: what was quarantined as no log of another
    is read again. `graph` runs one bounded batch: the key of its run, the run."""

    def __init__(
        self,
        sources: Sequence[Source],
        store: Store,
        reader: Reader,
        fmt: str,
        graph: Callable[[str, Run], None],
        now: Callable[[], datetime],
        on_progress: Callable[[RunReport], None] | None,
        stop_event: threading.Event | None,
    ) -> None:
        self.sources = [(source, Queue()) for source in sources]
        self.counters = [(source, CounterFiles()) for source in sources]
        self.beats = Beats()
        self.store = store
        self.reader = reader
        self.fmt = fmt
        self.graph = graph
        self.now = now
        self.on_progress = on_progress
        self.stop_event = stop_event or threading.Event()
        self.report = RunReport()
        self.ledger = SharedLedger(store)
        self.flights: dict[Future[float], Flight] = {}
        self.committed: set[int] = set()
        self.read_bytes = self.read_rows = 0  # by batches that are over
        self.idle_s = 0.0
        self.failed = 0
        self.looked = False
        self.frontier = -1
        self.foreign: deque[LedgerEntry] = deque(maxlen=FOREIGN_KEPT)

    def run(self, *, once: bool, batch_bytes: int) -> RunReport:
        """Until all is in (`once`) or a stop; raises what the store raised, with `once` after ONCE_TRIES."""
        with ThreadPoolExecutor(FLIGHTS, thread_name_prefix="prebill-batch") as executor:
            try:
                while not self.stop_event.is_set():
                    now_s = self.now().timestamp()
                    if not self._look(now_s, once=once):
                        continue
                    flight = self._prepare(batch_bytes) if len(self.flights) < FLIGHTS else None
                    if flight is not None:
                        self.flights[executor.submit(self._fly, flight)] = flight
                    elif self.flights:
                        self._land(PEEP_S, once=once)
                    elif once and self._is_done(now_s):
                        self.report.all_in_at = now_s if self._is_all_in() else None
                        break
                    else:
                        self._wait(now_s)
            finally:
                while self.flights:
                    self._land(None, once=False)
        self.report.stopped = self.stop_event.is_set()
        self._tell()
        return self.report

    def _look(self, now_s: float, *, once: bool) -> bool:
        """Queue what is new in the sources and not in the ledger; whether both could be asked."""
        try:
            for (source, queue), (_, counters) in zip(self.sources, self.counters, strict=True):
                look, everything = source.look(now_s)
                self._note(look, queue, counters, everything=everything)
                queue.offer(look.found)
                while part := queue.offered(ASK_AT_ONCE):
                    attempted = self.store.fingerprints([found.origin for found in part], self.fmt)
                    self.committed.update(attempted)
                    for found in part:
                        queue.sort_in(found, attempted.get(found.origin.segment_id, frozenset()))
                for found in queue.due(now_s):
                    queue.requeue(found)
            self._take_counters()
            if not once:
                self._beat(now_s)
            if not self.looked:
                self.frontier = self.store.cut()
        except Exception as error:
            if not self.looked:
                raise  # it never worked: whoever started us should know at once
            self._fail(error, once=once)
            return False
        self.looked = True
        return True

    def _take_counters(self) -> None:
        """Bring some of the edges' own counters into the store."""
        for source, counters in self.counters:
            if len(counters):
                counted = counters.read(source.read_counters)
                self.report.readings += self.store.add_readings(counted.readings)
                counters.settle(counted)
                self.report.problems |= counters.problems

    def _beat(self, now_s: float) -> None:
        """Note in the store up to when all is in that there was."""
        if not self.beats.is_due(now_s):
            return
        flying = (f.path for flight in self.flights.values() for f in flight.found.values())
        pending = (path for _, queue in self.sources for path in queue.paths())
        at_s = self.beats.tick(now_s, (*flying, *pending))
        if at_s is not None:
            self.store.beat(at_s)
            self.beats.noted(at_s)

    def _note(self, look: Look, queue: Queue, counters: CounterFiles, *, everything: bool) -> None:
        """Show in the report what a look saw beside segments, and take note of counters."""
        counters.offer(look.counters)
        if everything:
            queue.keep_only({f.path for f in look.found} | {w.path for w in look.waiting})
            counters.keep_only({c.path for c in look.counters})
            self.report.problems = {p.path: p.reason for p in look.problems} | counters.problems
            self.report.waiting = {}
            self.report.postponed = {
                path: reason for path, reason in self.report.postponed.items() if path in queue.retries
            }
        for found in look.found:
            self.report.waiting.pop(found.path, None)
        self.report.waiting |= {w.path: w.why for w in look.waiting}

    def _fail(self, error: BaseException, *, once: bool) -> None:
        """A fault of the store's, or of ours: what was in hand is tried again, after a while."""
        if isinstance(error, OwnerEndedError):
            raise error  # this store never answers again; whoever started us may open it anew
        self.failed += 1
        self.report.fail(error)
        self._tell()
        if once and self.failed >= ONCE_TRIES:
            raise error
        self.stop_event.wait(min(60.0, 2.0 ** (self.failed - 1)))

    def _prepare(self, batch_bytes: int) -> Flight | None:
        """The next batch, its sidecars read; None where nothing is queued that may fly now."""
        if not any(len(queue) for _, queue in self.sources):
            if not self.flights and not any(queue.retries for _, queue in self.sources):
                self.committed.clear()  # whatever comes from now on, the ledger is asked about anew
            return None
        flying = {
            found.origin.segment_id for flight in self.flights.values() for found in flight.found.values()
        }
        pending = sum(queue.pending_bytes for _, queue in self.sources)
        batch_bytes = self._bound(batch_bytes)
        if not batch_bytes:
            return None
        # Of the last two batches the second is the smaller one: while it is written, nothing is left to be read. More
        # and smaller ones cost more than they spare: the store begins to merge their parts.
        size = batch_bytes if not batch_bytes < pending <= 2 * batch_bytes else pending * 6 // 7
        for source, queue in self.sources:
            batch = queue.take(size, BATCH_SEGMENTS, flying)
            if not batch:
                continue
            found_by_path: dict[str, Found] = {}
            elements = []
            for element in cut_elements(batch):
                segments = [source.claim(found) for found in element]
                found_by_path |= {
                    segment.path: found for segment, found in zip(segments, element, strict=True)
                }
                elements.append(segments)
            ids = {found.origin.segment_id for found in batch}
            streams = {(found.origin.edge, found.origin.stream) for found in batch}
            ledger = self.ledger.begin(streams, ids & self.committed)
            run = Run(self.store, ledger, self.reader, self.now, elements)
            return Flight(queue, found_by_path, run, ledger, self.frontier)
        return None

    def _bound(self, batch_bytes: int) -> int:
        """How many bytes the next batch may have; 0 as long as one is on its way of which nothing is known yet."""
        runs = [flight.run for flight in self.flights.values()]
        read = self.read_bytes + sum(run.read_bytes for run in runs)
        rows = self.read_rows + sum(run.read_rows for run in runs)
        if not rows:
            return 0 if runs and not read else batch_bytes
        return max(1, min(batch_bytes, BATCH_ROWS * read // rows))

    def _fly(self, flight: Flight) -> float:
        """Run one batch, in a thread of its own; the seconds it took."""
        at = time.perf_counter()
        try:
            with open_run(flight.run) as key:
                self.graph(key, flight.run)
        finally:
            self.ledger.finish(flight.ledger.ticket, flight.run.committed)
        return time.perf_counter() - at

    def _land(self, timeout_s: float | None, *, once: bool) -> None:
        """Take up the batches that are over."""
        done, _ = wait(self.flights, timeout_s, return_when=FIRST_COMPLETED)
        for future in done:
            flight = self.flights.pop(future)
            error = future.exception()
            self.committed.update(entry.segment_id for entry in flight.run.committed)
            if error is None:
                self.failed = 0
                self._book(flight, future.result())
                continue
            # Nothing of the batch is in the ledger, so it is simply run again.
            for found in flight.found.values():
                flight.queue.requeue(found)
            self._fail(error, once=once)

    def _book(self, flight: Flight, seconds: float) -> None:
        """Count what a batch did, and queue again what it could not read."""
        now_s = self.now().timestamp()
        postponed = {p.segment.path: p.reason for p in flight.run.postponed}
        committed = {entry.segment_id for entry in flight.run.committed}
        for path, found in flight.found.items():
            if found.origin.segment_id not in committed:
                postponed.setdefault(path, "the graph ended without an attempt at it")
            if path in postponed:
                flight.queue.postpone(found, now_s, postponed[path])
                self.report.postponed[found.path] = postponed[path]
            else:
                flight.queue.settle(found)
                self.report.postponed.pop(found.path, None)
        if self._is_crossed(flight):
            for found in flight.found.values():
                flight.queue.requeue(found)
        self.read_bytes += flight.run.read_bytes
        self.read_rows += flight.run.read_rows
        self.report.batches += 1
        self.report.add(flight.run.committed)
        self.report.rows += flight.run.rows
        self.report.seq = max(flight.run.seq, self.report.seq)
        self.report.spend({**flight.run.seconds, "batches": seconds})
        self._tell()

    def _is_crossed(self, flight: Flight) -> bool:
        """Whether another process committed numbers that this batch has, so late that settling could not see it.

        Of two that cross, the one that commits later sees the other here; read again, it settles with it.
        """
        if not flight.run.committed:
            return False
        first = flight.run.seq - len(flight.run.committed) + 1
        if first > self.frontier + 1:
            own = {
                f.origin.segment_id
                for other in (flight, *self.flights.values())
                for f in other.found.values()
            }
            tail = self.store.ledger_tail(self.frontier)
            self.foreign.extend(e for e in tail if e.seq < first and e.segment_id not in own and e.sequence)
            self.ledger.learn(self.foreign)
        self.frontier = max(self.frontier, flight.run.seq)
        missed = [e for e in self.foreign if flight.since < e.seq < first]
        return any(
            numbers_of(mine) == numbers_of(theirs) and intersect(held_runs(mine), held_runs(theirs))
            for mine in flight.run.committed
            for theirs in missed
        )

    def _is_done(self, now_s: float) -> bool:
        """Whether nothing is left that `once` waits for: postponed segments a few times, unsettled files shortly."""
        if any(len(counters) for _, counters in self.counters):
            return False
        if self.idle_s >= ONCE_IDLE_S:
            return True
        if any(retry.tries < ONCE_TRIES for _, queue in self.sources for retry in queue.retries.values()):
            return False
        dues = [source.due_s() for source, _ in self.sources]
        return not any(due is not None and due <= now_s + ONCE_IDLE_S for due in dues)

    def _is_all_in(self) -> bool:
        """Whether nothing that lies in the sources is left outside of the ledger: no segment, no unsettled file."""
        queued = any(len(queue) or queue.retries for _, queue in self.sources)
        return not (queued or self.report.waiting or any(len(counters) for _, counters in self.counters))

    def _wait(self, now_s: float) -> None:
        """Wait for news, for a postponed segment's time, or for a stop."""
        due = [retry.due_s for _, queue in self.sources for retry in queue.retries.values()]
        due += [at for source, _ in self.sources if (at := source.due_s()) is not None]
        due += [now_s for _, counters in self.counters if len(counters)]
        timeout = max(0.01, min([WAIT_S, *(at - now_s for at in due)]) / len(self.sources))
        at = time.perf_counter()
        for source, _ in self.sources:
            if source.wait(timeout):
                break
        self.idle_s += time.perf_counter() - at

    def _tell(self) -> None:
        self.report.pending_segments = sum(len(queue) for _, queue in self.sources)
        self.report.pending_bytes = sum(queue.pending_bytes for _, queue in self.sources)
        if self.on_progress is not None:
            self.on_progress(self.report)
