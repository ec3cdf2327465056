"""What the steps of a running Beam graph share within one process: store, reader, clock, threads, and what they did.

Beam pickles its DoFns and may set them up once per bundle, so they carry a run's key only and find the rest here, in
an importable module. `pipeline.runners` opens a run and closes it.
"""

from __future__ import annotations

import itertools
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pipeline.attempt import Attempt, attempt_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from pipeline.attempt import Postponed, Reader
    from pipeline.coverage.model import Reading
    from pipeline.flow_ledger import Ledger
    from pipeline.model import LedgerEntry, Origin, Segment, UsageBatch

THREADS = 2
"""Readers and writers at a time: kernels and the store leave the GIL, the rest of the graph is one thread."""

TASK_BYTES = 256 << 10
"""What a reader is handed at a time. One by one, small segments take 4 % longer in all."""


class Store(Protocol):
    """What flow asks of `pipeline.store`."""

    def insert_facts(self, batch: UsageBatch) -> int:
        """Write facts; how many rows."""

    def commit(self, entries: Sequence[LedgerEntry]) -> int:
        """Write ledger entries, all visible at once; the greatest seq."""

    def reaches(self, edges: Iterable[str]) -> dict[tuple[str, str, str], int]:
        """(edge, stream, epoch) → one more than the greatest sequence number in the ledger."""

    def fingerprints(self, origins: Iterable[Origin], fmt: str | None = None) -> dict[int, set[str]]:
        """segment_id → the versions that were attempted already, but for those that are no log of another format."""

    def cut(self) -> int:
        """The greatest visible seq."""

    def ledger_tail(self, since_seq: int) -> list[LedgerEntry]:
        """Entries after `since_seq`, in their order."""

    def winners(self, segment_ids: Iterable[int]) -> dict[int, LedgerEntry]:
        """The winner of each of these segments that has one."""

    def neighbours(self, edge: str, stream: str, epoch: str, first: int, next_: int) -> list[LedgerEntry]:
        """Winners of one counting that hold numbers of [first, next)."""

    def add_readings(self, readings: Sequence[Reading]) -> int:
        """Readings of edges' own counters; how many were new."""

    def beat(self, at: float) -> None:
        """Up to this instant all is in that there was."""


@dataclass
class Run:
    """One run of the graph over one batch. `ledger`: the store's, as this batch may see it. `elements`: its segments,
    all of an (edge, stream) in one element. `parcels`: usage on its way from reading to writing, by number; `written`:
    entries on their way from writing to the commit. `read_bytes` of content came to `read_rows` of usage so far."""

    store: Store
    ledger: Ledger
    reader: Reader
    now: Callable[[], datetime]
    elements: list[list[Segment]] = field(default_factory=list)
    shards: int = 1
    new_write_id: Callable[[], int] = lambda: int.from_bytes(os.urandom(8), "big") or 1
    parcels: dict[int, Attempt] = field(default_factory=dict)
    written: dict[int, list[LedgerEntry]] = field(default_factory=dict)
    postponed: list[Postponed] = field(default_factory=list)
    committed: list[LedgerEntry] = field(default_factory=list)
    rows: int = 0
    read_bytes: int = 0
    read_rows: int = 0
    seq: int = 0
    error: BaseException | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    _readings: dict[int, list[Future[list[Attempt | Postponed]]]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin_reading(self) -> None:
        """Queue all segments for the readers: batches are read one after another, and while one is settled and written,
        the next is read. What a reading leaves is small, and kept until the whole batch is written anyhow."""
        for number, segments in enumerate(self.elements):
            self._readings[number] = [
                pool("read").submit(self._attempt, part) for part in _cut_by_size(segments)
            ]

    def read(self, element: int) -> list[Attempt | Postponed]:
        """What reading an element's segments came to."""
        return [attempt for future in self._readings.pop(element) for attempt in future.result()]

    def _attempt(self, segments: Sequence[Segment]) -> list[Attempt | Postponed]:
        attempts = [attempt_segment(segment, self.reader, self.now()) for segment in segments]
        usages = [a.usage for a in attempts if isinstance(a, Attempt) and a.usage is not None]
        with self._lock:
            self.read_bytes += sum(usage.content_bytes for usage in usages)
            self.read_rows += sum(len(usage.minute) for usage in usages)
        return attempts

    def stop_reading(self) -> None:
        """Take back what nobody has begun to read."""
        for futures in self._readings.values():
            for future in futures:
                future.cancel()

    def park(self, attempt: Attempt) -> int:
        """Keep an attempt until it is written; its number travels through the shuffle instead."""
        number = next(self._numbers)
        self.parcels[number] = attempt
        return number

    def look(self, number: int) -> Attempt:
        """The attempt parked under a number, which stays."""
        return self.parcels[number]

    def collect(self, number: int) -> Attempt:
        """The attempt parked under a number, which is free from now on."""
        return self.parcels.pop(number)

    def keep_written(self, entries: list[LedgerEntry]) -> int:
        """Keep entries whose facts are in the store until all are; their number."""
        number = next(self._numbers)
        self.written[number] = entries
        return number

    def take_written(self, number: int) -> list[LedgerEntry]:
        """The entries kept under a number, which is free from now on."""
        return self.written.pop(number)

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Keeps a fault of a step as it is: Beam passes on only its text."""
        try:
            yield
        except BaseException as error:
            self.error = self.error or error
            raise

    def count_rows(self, rows: int) -> None:
        """Note rows written."""
        with self._lock:
            self.rows += rows

    def spend(self, what: str, seconds: float) -> None:
        """Note time spent in a step."""
        with self._lock:
            self.seconds[what] = self.seconds.get(what, 0.0) + seconds


def _cut_by_size(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Large segments alone, small ones together."""
    part: list[Segment] = []
    size = 0
    for segment in segments:
        if part and size + segment.size > TASK_BYTES:
            yield part
            part, size = [], 0
        part.append(segment)
        size += segment.size
    if part:
        yield part


_RUNS: dict[str, Run] = {}
_POOLS: dict[str, ThreadPoolExecutor] = {}
_LOCK = threading.Lock()
_KEYS: list[str] = []
"""Keys that are free. They are used again, because a graph is made for a key."""

_NUMBERS = itertools.count()


def find_run(key: str) -> Run:
    """The run of that key; LookupError where this process has none."""
    try:
        return _RUNS[key]
    except KeyError:
        raise LookupError(
            f"no run {key!r} is open in process {os.getpid()}: the graph runs where pipeline.runners opened it"
        ) from None


@contextmanager
def open_run(run: Run) -> Iterator[str]:
    """Makes a run known under a key for as long as the context lasts, and reads its segments."""
    with _LOCK:
        key = _KEYS.pop() if _KEYS else f"run-{next(_NUMBERS)}"
    _RUNS[key] = run
    try:
        run.begin_reading()
        yield key
    finally:
        run.stop_reading()
        del _RUNS[key]
        with _LOCK:
            _KEYS.append(key)


def pool(name: str) -> ThreadPoolExecutor:
    """This process's threads for reading or for writing, made once."""
    with _LOCK:
        if name not in _POOLS:
            _POOLS[name] = ThreadPoolExecutor(THREADS, thread_name_prefix=f"prebill-{name}")
        return _POOLS[name]
