"""The Beam graph from segments to committed usage: it names its steps and does nothing else.

An element is a list of whole segments. What travels between steps is its number, or the number of a parcel
(`pipeline.flow_run`): never bytes of logs, never lines, and within one process not even usage, which would be pickled
for every shuffle. So nothing of the graph depends on what is in a batch, and one graph serves them all.
"""

from __future__ import annotations

import functools
import math
import time
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.core import get_function_args_defaults
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterWatermark
from apache_beam.transforms.window import FixedWindows, GlobalWindows, TimestampedValue
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.attempt import Attempt, Postponed
from pipeline.flow_run import find_run, pool
from pipeline.flow_settle import settle_attempts
from pipeline.flow_write import write_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from pipeline.model import LedgerEntry

MINUTE = 60
LATENESS_S = 400 * 86_400
"""Beam drops what comes later than this: longer than any period stays open."""

ROWS_AN_INSERT = 600_000
"""Windows are gathered into INSERTs of about equal sizes up to this many rows: every part costs, and the more of them,
the sooner the store begins to merge them."""

NAMESPACE = "prebill"


def build_graph(pipeline: beam.Pipeline, run_key: str) -> None:
    """Put the whole graph on a pipeline, for whatever bounded batch of segments is open under that key."""
    (
        pipeline
        | "Begin" >> beam.Impulse()
        | "Take segments" >> beam.ParDo(TakeSegments(run_key))
        | "Read and aggregate" >> beam.ParDo(ReadAndAggregate(run_key))
        | "Settle overlaps" >> beam.ParDo(SettleOverlaps(run_key))
        | "Stamp the segment's minute" >> beam.ParDo(StampMinute(run_key))
        | "Minutes" >> window_minutes()
        | "By shard" >> beam.GroupByKey()
        | "Merge, sort and write facts" >> beam.ParDo(WriteFacts(run_key))
        | "Whole batch" >> beam.WindowInto(GlobalWindows())
        | "All entries" >> beam.GroupByKey()
        | "Commit ledger" >> beam.ParDo(CommitLedger(run_key))
    )


def window_minutes() -> beam.WindowInto:
    """Windows of the segment's minute: a pane when the minute is over, then one for each late segment, whatever its
    age; no pane repeats what an earlier one held, because facts add up."""
    return beam.WindowInto(
        FixedWindows(MINUTE),
        trigger=AfterWatermark(late=AfterCount(1)),
        accumulation_mode=AccumulationMode.DISCARDING,
        allowed_lateness=LATENESS_S,
    )


class _Step(beam.DoFn):
    """A step knows its run by key; everything heavy is found through it, in the process that runs the step."""

    def __init__(self, run_key: str) -> None:
        self.run_key = run_key

    def __getattr__(self, name: str) -> Any:
        """Beam asks for `_inspect_process` and the like before it works out a method's arguments; that it does for
        thirty methods of every step, twice for every bundle, which is a third of its cost of a small batch."""
        if not name.startswith("_inspect_"):
            raise AttributeError(name)
        return functools.partial(self._find_arguments, name.removeprefix("_inspect_"))

    def _find_arguments(self, method: str) -> tuple[list[str], list[Any]]:
        known = _ARGUMENTS.get((type(self), method))
        if known is None:
            known = _ARGUMENTS[type(self), method] = get_function_args_defaults(getattr(self, method))
        return known


_ARGUMENTS: dict[tuple[type[_Step], str], tuple[list[str], list[Any]]] = {}


class TakeSegments(_Step):
    """The batch → the numbers of its elements."""

    def process(self, _impulse: bytes) -> Iterator[int]:
        yield from range(len(find_run(self.run_key).elements))


class ReadAndAggregate(_Step):
    """The number of an element → the attempts at its segments."""

    def process(self, element: int) -> Iterator[list[int]]:
        run = find_run(self.run_key)
        parcels = []
        for attempt in run.read(element):
            if isinstance(attempt, Postponed):
                run.postponed.append(attempt)
            else:
                parcels.append(run.park(attempt))
        yield parcels


class SettleOverlaps(_Step):
    """Attempts of whole (edge, stream)s → attempts with what their neighbours hold left out, and their neighbours."""

    def process(self, parcels: list[int]) -> Iterator[int]:
        run = find_run(self.run_key)
        streams: dict[tuple[str, str], list[Attempt]] = {}
        for parcel in parcels:
            attempt = run.collect(parcel)
            streams.setdefault((attempt.entry.origin.edge, attempt.entry.origin.stream), []).append(attempt)
        at = time.perf_counter()
        for stream in streams.values():
            with run.catching():
                settled = settle_attempts(stream, run)
            run.postponed.extend(settled.postponed)
            for attempt in settled.attempts:
                yield run.park(attempt)
        run.spend("settle", time.perf_counter() - at)


class StampMinute(_Step):
    """Attempts → (shard, parcel) at the segment's minute: a batch holds whole segments, and none is dropped as late."""

    def process(self, parcel: int) -> Iterator[TimestampedValue]:
        run = find_run(self.run_key)
        entry = run.look(parcel).entry
        yield TimestampedValue((entry.segment_id % run.shards, parcel), entry.origin.minute * MINUTE)


class WriteFacts(_Step):
    """Whole windows of a shard → numbers of ledger entries, their facts written once, a few windows to an INSERT."""

    def start_bundle(self) -> None:
        self.gathered: list[Attempt] = []
        self.rows, self.enough = 0, 0.0
        self.writing: list[Future[list[LedgerEntry]]] = []

    def process(self, group: tuple[int, Iterable[int]], window: Any = beam.DoFn.WindowParam) -> None:
        run = find_run(self.run_key)
        self.window = window
        if not self.enough:  # what comes after a shuffle is parked as a whole before
            rows = sum(map(_count_rows, run.parcels.values()))
            self.enough = max(1.0, rows / max(1, math.ceil(rows / ROWS_AN_INSERT)))
        for parcel in group[1]:
            attempt = run.collect(parcel)
            self.gathered.append(attempt)
            self.rows += _count_rows(attempt)
        if self.rows >= self.enough:
            self._write()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self.gathered:
            self._write()
        for future in self.writing:
            run = find_run(self.run_key)
            with run.catching():
                written = run.keep_written(future.result())
            yield WindowedValue((0, written), self.window.max_timestamp(), [self.window])

    def _write(self) -> None:
        self.writing.append(pool("write").submit(write_facts, self.gathered, find_run(self.run_key)))
        self.gathered, self.rows = [], 0


def _count_rows(attempt: Attempt) -> int:
    return len(attempt.usage.minute) if attempt.usage is not None else 0


class CommitLedger(_Step):
    """The batch's ledger entries → the ledger, at once and after all their facts: this is what makes them count."""

    def __init__(self, run_key: str) -> None:
        super().__init__(run_key)
        names = ("segments", "lines", "malformed", "flagged", "duplicates", "bytes", "rows")
        self.counters = {name: Metrics.counter(NAMESPACE, name) for name in names}

    def process(self, group: tuple[int, Iterable[int]]) -> None:
        run = find_run(self.run_key)
        written = [entry for number in group[1] for entry in run.take_written(number)]
        entries = sorted(written, key=lambda e: (e.segment_id, e.write_id))
        at = time.perf_counter()
        with run.catching():
            run.seq = run.store.commit(entries)
        run.spend("commit", time.perf_counter() - at)
        run.committed.extend(entries)
        for entry in entries:
            self.counters["segments"].inc()
            self.counters["lines"].inc(entry.lines)
            self.counters["malformed"].inc(entry.malformed)
            self.counters["flagged"].inc(entry.flagged)
            self.counters["duplicates"].inc(entry.duplicates)
            self.counters["bytes"].inc(entry.content_bytes)
        self.counters["rows"].inc(run.rows)
