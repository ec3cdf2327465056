"""Runs the graph: `run` brings what lies in the sources into the store, until all is in or until it is stopped.

The `local` runner cuts what has arrived into micro-batches, each a bounded Beam run on the in-process FnApiRunner. All
that a batch did is in the store before the next begins; nothing is remembered outside it, so a process may be killed
anywhere and started again.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.flow_queue import Queue, cut_elements
from pipeline.flow_read import SegmentReader
from pipeline.flow_run import Run, open_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from pipeline.attempt import Reader
    from pipeline.flow_run import Store
    from pipeline.flow_source import Source
    from pipeline.formats.model import LogFormat
    from pipeline.ingest.spool import Found
    from pipeline.ingest.unpack import Limits
    from pipeline.model import LedgerEntry, Segment

BATCH_BYTES = 1 << 30
"""Content of a batch: enough that Beam's fixed cost (0.1 s) does not count, little enough that memory stays flat."""

BATCH_SEGMENTS = 2_000

ASK_AT_ONCE = 5_000
"""Origins of one question to the ledger."""

WAIT_S = 0.5
"""How long a wait lasts at most, so that a stop is heeded."""

ONCE_TRIES = 3
"""How often `once` tries a segment that cannot be read, and a batch that the store refuses."""

ONCE_IDLE_S = 6.0
"""How long `once` waits in all for what may still come right: postponed segments, files that may still be written."""


@dataclass
class RunReport:
    """What a run did, and while it runs, how far it is. `states`: attempts by the state that they ended in.
    `postponed`: segments not read yet, with the reason. `waiting`: files that may still be written. `problems`: what
    lies in a source and cannot be taken in. `seconds`: time by step, of all threads together."""

    batches: int = 0
    segments: int = 0
    states: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    parsed: int = 0
    malformed: int = 0
    duplicates: int = 0
    flagged: int = 0
    content_bytes: int = 0
    bytes_sent: int = 0
    rows: int = 0
    seq: int = 0
    pending_segments: int = 0
    pending_bytes: int = 0
    failures: list[str] = field(default_factory=list)
    postponed: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    stopped: bool = False

    def add(self, entries: Sequence[LedgerEntry]) -> None:
        """Count committed attempts."""
        for entry in entries:
            self.segments += 1
            self.states[entry.state.value] = self.states.get(entry.state.value, 0) + 1
            for name in (
                "lines",
                "parsed",
                "malformed",
                "duplicates",
                "flagged",
                "content_bytes",
                "bytes_sent",
            ):
                setattr(self, name, getattr(self, name) + getattr(entry, name))


def run(
    sources: Sequence[Source],
    store: Store,
    fmt: LogFormat,
    *,
    once: bool,
    now: Callable[[], datetime],
    on_progress: Callable[[RunReport], None] | None = None,
    stop_event: threading.Event | None = None,
    limits: Limits | None = None,
    want_sha256: bool = False,
    batch_bytes: int = BATCH_BYTES,
    reader: Reader | None = None,
) -> RunReport:
    """Bring segments in; `once`: until all that is there is in, else until `stop_event` is set.

    `now` must move on by itself: waiting for files that may still be written goes by it. A stop ends after the batch
    in hand. Raises what the store raised: with `once` after ONCE_TRIES, without it only when stopped meanwhile.
    """
    reader = reader or SegmentReader(fmt, limits, want_sha256)
    runner = _LocalRunner(sources, store, reader, now, on_progress, stop_event)
    return runner.run(once=once, batch_bytes=batch_bytes)


class _LocalRunner:
    """One run on this process."""

    def __init__(
        self,
        sources: Sequence[Source],
        store: Store,
        reader: Reader,
        now: Callable[[], datetime],
        on_progress: Callable[[RunReport], None] | None,
        stop_event: threading.Event | None,
    ) -> None:
        self.sources = [(source, Queue()) for source in sources]
        self.store = store
        self.reader = reader
        self.now = now
        self.on_progress = on_progress
        self.stop_event = stop_event or threading.Event()
        self.report = RunReport()
        self.idle_s = 0.0

    def run(self, *, once: bool, batch_bytes: int) -> RunReport:
        failed = 0
        while not self.stop_event.is_set():
            now_s = self.now().timestamp()
            self._look(now_s)
            batch = self._take(batch_bytes)
            if not batch:
                if once and self._is_done(now_s):
                    break
                self._wait(now_s)
                continue
            try:
                self._run_batch(batch)
                failed = 0
            except Exception as error:
                # The store's fault, or ours: the batch is not in the ledger, so it is simply run again.
                failed += 1
                self.report.failures = [*self.report.failures[-9:], f"{type(error).__name__}: {error}"[:500]]
                for _, queue, found in batch:
                    queue.requeue(found)
                if once and failed >= ONCE_TRIES:
                    raise
                self._tell()
                self._pause(min(60.0, 2.0 ** (failed - 1)))
        self.report.stopped = self.stop_event.is_set()
        self._tell()
        return self.report

    def _look(self, now_s: float) -> None:
        """Queue what is new in the sources and not in the ledger."""
        for source, queue in self.sources:
            look, everything = source.look(now_s)
            if everything:
                queue.keep_only({f.path for f in look.found} | {w.path for w in look.waiting})
                self.report.problems = {p.path: p.reason for p in look.problems}
                self.report.waiting = {}
            for found in look.found:
                self.report.waiting.pop(found.path, None)
            self.report.waiting |= {w.path: w.why for w in look.waiting}
            fresh = queue.sift(look.found)
            for at in range(0, len(fresh), ASK_AT_ONCE):
                part = fresh[at : at + ASK_AT_ONCE]
                attempted = self.store.fingerprints([found.origin for found in part])
                for found in part:
                    if found.fingerprint in attempted.get(found.origin.segment_id, ()):
                        queue.settle(found)
                    else:
                        queue.add(found)
            for found in queue.due(now_s):
                queue.requeue(found)

    def _take(self, batch_bytes: int) -> list[tuple[Source, Queue, Found]]:
        for source, queue in self.sources:
            if taken := queue.take(batch_bytes, BATCH_SEGMENTS):
                return [(source, queue, found) for found in taken]
        return []

    def _run_batch(self, batch: list[tuple[Source, Queue, Found]]) -> None:
        """One bounded Beam run, and what it did."""
        at = time.perf_counter()
        source, queue, _ = batch[0]
        found_by_path: dict[str, Found] = {}
        elements: list[list[Segment]] = []
        for element in cut_elements([found for _, _, found in batch]):
            segments = [source.claim(found) for found in element]
            found_by_path |= {segment.path: found for segment, found in zip(segments, element, strict=True)}
            elements.append(segments)
        run = Run(self.store, self.reader, self.now)
        with open_run(run) as key:
            run_beam(elements, key, run)
        now_s = self.now().timestamp()
        postponed = {p.segment.path: p.reason for p in run.postponed}
        for path, found in found_by_path.items():
            if path in postponed:
                retry = queue.postpone(found, now_s, postponed[path])
                self.report.postponed[found.path] = retry.reason
            else:
                queue.settle(found)
                self.report.postponed.pop(found.path, None)
        self.report.batches += 1
        self.report.add(run.committed)
        self.report.rows += run.rows
        self.report.seq = max(run.seq, self.report.seq)
        for what, seconds in {**run.seconds, "batch": time.perf_counter() - at}.items():
            self.report.seconds[what] = self.report.seconds.get(what, 0.0) + seconds
        self._tell()

    def _is_done(self, now_s: float) -> bool:
        """Whether nothing is left that `once` waits for: postponed segments a few times, unsettled files shortly."""
        if self.idle_s >= ONCE_IDLE_S:
            return True
        if any(retry.tries < ONCE_TRIES for _, queue in self.sources for retry in queue.retries.values()):
            return False
        dues = [source.due_s() for source, _ in self.sources]
        return not any(due is not None and due <= now_s + ONCE_IDLE_S for due in dues)

    def _wait(self, now_s: float) -> None:
        """Wait for news, for a postponed segment's time, or for a stop."""
        due = [retry.due_s for _, queue in self.sources for retry in queue.retries.values()]
        due += [at for source, _ in self.sources if (at := source.due_s()) is not None]
        timeout = max(0.01, min([WAIT_S, *(at - now_s for at in due)]) / len(self.sources))
        at = time.perf_counter()
        for source, _ in self.sources:
            if source.wait(timeout):
                break
        self.idle_s += time.perf_counter() - at

    def _pause(self, seconds: float) -> None:
        self.stop_event.wait(seconds)

    def _tell(self) -> None:
        self.report.pending_segments = sum(len(queue) for _, queue in self.sources)
        self.report.pending_bytes = sum(queue.pending_bytes for _, queue in self.sources)
        if self.on_progress is not None:
            self.on_progress(self.report)


def run_beam(elements: list[list[Segment]], key: str, run: Run) -> None:
    """One bounded run of the graph, on the runner that is named here: "DirectRunner" would look for another one."""
    beam, runner, options = _load_beam()
    from pipeline.flow import build_graph

    pipeline = beam.Pipeline(runner=runner(), options=options([]))
    build_graph(pipeline, elements, key)
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:
        # Beam tells it as a text with its own trace; whoever asked wants the fault itself.
        raise (run.error or error) from None


def _load_beam() -> Any:
    """apache_beam, its in-process runner and its options; silent, because all faults are raised to us."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    finally:
        logging.disable(disabled)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    return beam, FnApiRunner, PipelineOptions
