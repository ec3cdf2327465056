"""The local runner over a real spool: what is new is read, what was attempted is not, what fails comes again."""

from __future__ import annotations

import itertools
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.attempt import Postponed
from pipeline.flow_source import SpoolSource
from pipeline.formats.load import load_format
from pipeline.model import Segment, SegmentState
from pipeline.runners import RunReport, run
from tests.flow.standin import MemoryStore, SlowReader, states

MINUTE = 29_000_000
AT = datetime.fromtimestamp(MINUTE * 60, UTC)


def put(spool: Path, edge: str, first: int, after: int, minute: int = MINUTE) -> Path:
    folder = spool / edge
    folder.mkdir(parents=True, exist_ok=True)
    at = datetime.fromtimestamp(minute * 60, UTC)
    unfinished = folder / f".{minute}.part"
    unfinished.write_text("".join(f"{minute * 60}\t{n}\ta.ru\t10\n" for n in range(first, after)))
    # Older than its rename: told to be whole at first sight, without waiting for it to settle.
    os.utime(unfinished, (minute * 60, minute * 60))
    return unfinished.rename(folder / f"{at:%Y%m%dT%H%MZ}.log")


def go(spool: Path, store: Any, **more: Any) -> RunReport:
    source = SpoolSource(spool)
    values: dict[str, Any] = {"once": True, "reader": SlowReader(), "now": lambda: datetime.now(UTC)}
    try:
        return run([source], store, load_format("edge-tsv"), **(values | more))
    finally:
        source.close()


def requests(store: MemoryStore) -> int:
    return sum(n for n, _ in store.usage().values())


def test_all_that_is_there_comes_in_once_and_only_once(tmp_path: Path) -> None:
    store = MemoryStore()
    for edge in ("e1", "e2"):
        for n in range(5):
            put(tmp_path, edge, n * 10, n * 10 + 10, MINUTE + n)
    report = go(tmp_path, store)
    assert (report.segments, report.lines, report.rows) == (10, 100, 10)
    assert report.states == {"received": 10}
    assert requests(store) == 100
    again = go(tmp_path, store)
    assert (again.segments, again.batches) == (0, 0)
    assert len(store.ledger) == 10


def test_batches_are_cut_by_bytes_and_progress_is_told(tmp_path: Path) -> None:
    store, told = MemoryStore(), []
    for n in range(6):
        put(tmp_path, "e1", n * 10, n * 10 + 10, MINUTE + n)
    report = go(
        tmp_path, store, batch_bytes=500, on_progress=lambda r: told.append((r.segments, r.pending_segments))
    )
    assert report.batches > 1
    assert told[0][0] < told[-1][0] == 6
    assert told[-1][1] == 0
    assert requests(store) == 60


def test_batches_are_bounded_by_the_rows_that_bytes_come_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, sizes = MemoryStore(), list[int]()
    for n in range(24):
        path = put(tmp_path, "e1", n * 10, n * 10 + 10, MINUTE + n)
        names = (line.split(b"\t") for line in path.read_bytes().splitlines(keepends=True))
        path.write_bytes(b"".join(b"\t".join([*c[:2], b"r%d" % i, *c[3:]]) for i, c in enumerate(names)))
        os.utime(path, (MINUTE * 60, MINUTE * 60))
    monkeypatch.setattr("pipeline.flow_local.BATCH_ROWS", 20)
    six = sum(path.stat().st_size for path in sorted(tmp_path.glob("e1/*.log"))[:6])
    report = go(tmp_path, store, batch_bytes=six, on_progress=lambda r: sizes.append(r.segments))
    assert (report.segments, report.rows, requests(store)) == (24, 240, 240)
    # whichever of two in flight lands first
    *others, first = sorted(after - before for before, after in itertools.pairwise([0, *sizes]))
    assert first == 6  # nothing was known
    assert others[-1] <= 3  # of 10 rows each; a batch takes one that begins within its bounds


def test_a_file_replaced_under_the_same_name_is_read_again(tmp_path: Path) -> None:
    store = MemoryStore()
    put(tmp_path, "e1", 0, 4)
    go(tmp_path, store)
    put(tmp_path, "e1", 0, 9)
    assert go(tmp_path, store).segments == 1
    assert requests(store) == 9


class Flaky(SlowReader):
    """Cannot read for the first `times`."""

    times = 1

    def read(self, segment: Segment, skips: Any = ()) -> Any:
        if self.times:
            self.times -= 1
            return Postponed(segment, "no right to read it")
        return super().read(segment, skips)


def test_what_cannot_be_read_now_is_tried_again(tmp_path: Path) -> None:
    store = MemoryStore()
    put(tmp_path, "e1", 0, 4)
    report = go(tmp_path, store, reader=Flaky())
    assert report.postponed == {}
    assert requests(store) == 4


def test_what_cannot_be_read_at_all_is_reported_and_read_by_the_next_run(tmp_path: Path) -> None:
    store, reader = MemoryStore(), Flaky()
    reader.times = 99
    path = put(tmp_path, "e1", 0, 4)
    put(tmp_path, "e2", 0, 4)
    ticks = iter(range(0, 100_000, 10))
    report = go(
        tmp_path,
        store,
        reader=reader,
        now=lambda: datetime.fromtimestamp(MINUTE * 60 + 3600 + next(ticks), UTC),
    )
    assert set(report.postponed.values()) == {"no right to read it"}
    assert str(path.relative_to(tmp_path)) in report.postponed
    assert store.ledger == []
    go(tmp_path, store)
    assert requests(store) == 8


class Broken(SlowReader):
    """Has a fault of its own on one edge."""

    def read(self, segment: Segment, skips: Any = ()) -> Any:
        if segment.origin.edge == "e2":
            raise ZeroDivisionError("a fault of ours")
        return super().read(segment, skips)


def test_one_segment_that_breaks_the_reader_does_not_stop_the_others(tmp_path: Path) -> None:
    store = MemoryStore()
    for edge in ("e1", "e2", "e3"):
        put(tmp_path, edge, 0, 4)
    ticks = iter(range(0, 100_000, 10))
    report = go(
        tmp_path,
        store,
        reader=Broken(),
        now=lambda: datetime.fromtimestamp(MINUTE * 60 + 3600 + next(ticks), UTC),
    )
    assert requests(store) == 8
    assert [("ZeroDivisionError" in reason) for reason in report.postponed.values()] == [True]


@pytest.mark.parametrize("crash", ["half the facts", "the ledger"])
def test_a_store_that_fails_is_raised_as_it_is_and_the_next_run_makes_it_good(
    tmp_path: Path, crash: str
) -> None:
    store = MemoryStore(fail=crash)
    for edge in ("e1", "e2"):
        put(tmp_path, edge, 0, 4)
    stop = threading.Event()
    with pytest.raises(RuntimeError, match=r"^crash$"):
        go(tmp_path, store, stop_event=stop)
    assert store.usage() == {}
    store.fail = ""
    go(tmp_path, store)
    assert requests(store) == 8


def test_a_stop_ends_after_the_batches_on_their_way_and_the_rest_waits(tmp_path: Path) -> None:
    store, stop = MemoryStore(), threading.Event()
    for n in range(6):
        put(tmp_path, "e1", n * 10, n * 10 + 10, MINUTE + n)
    report = go(tmp_path, store, batch_bytes=1, stop_event=stop, on_progress=lambda _: stop.set())
    assert report.stopped
    assert 1 <= report.segments <= 2
    go(tmp_path, store)
    assert requests(store) == 60


def test_it_waits_for_what_comes_and_reads_it_at_once(tmp_path: Path) -> None:
    store, stop, came = MemoryStore(), threading.Event(), threading.Event()

    def watch(report: RunReport) -> None:
        if report.segments:
            came.set()

    spool = tmp_path / "spool"
    spool.mkdir()
    runner = threading.Thread(target=lambda: go(spool, store, once=False, stop_event=stop, on_progress=watch))
    runner.start()
    try:
        put(spool, "e1", 0, 4)
        assert came.wait(30)
        put(spool, "e9", 0, 4, MINUTE + 1)
    finally:
        while len(store.ledger) < 2 and runner.is_alive():
            stop.wait(0.05)
        stop.set()
        runner.join(30)
    assert requests(store) == 8
    assert set(states(store).values()) == {SegmentState.RECEIVED}


def test_two_versions_of_one_segment_are_read_one_after_the_other(tmp_path: Path) -> None:
    store = MemoryStore()
    path = put(tmp_path, "e1", 0, 4)
    path.rename(path.with_name(path.name + ".gz"))
    put(tmp_path, "e1", 0, 6)
    report = go(tmp_path, store)
    assert (report.batches, report.segments) == (2, 2)
    assert requests(store) == 6


class Away(MemoryStore):
    """Does not answer for the first `times` questions."""

    times = 0

    def fingerprints(self, origins: Any, fmt: str | None = None) -> Any:
        if self.times:
            self.times -= 1
            raise ConnectionError("nobody answers")
        return super().fingerprints(origins, fmt)


def test_a_store_that_was_there_may_be_away_for_a_while(tmp_path: Path) -> None:
    store, stop = Away(), threading.Event()
    put(tmp_path, "e1", 0, 4)

    def watch(report: RunReport) -> None:
        if report.segments == 1 and not report.failures:
            store.times = 1
            put(tmp_path, "e2", 0, 4)
        if report.segments == 2:
            stop.set()

    report = go(tmp_path, store, once=False, on_progress=watch, stop_event=stop)
    assert report.failures == ["nobody answers"]
    assert requests(store) == 8


def test_a_store_that_never_answered_is_an_error_at_once(tmp_path: Path) -> None:
    store = Away()
    store.times = 99
    put(tmp_path, "e1", 0, 4)
    with pytest.raises(ConnectionError):
        go(tmp_path, store, once=False)


class Crossed(MemoryStore):
    """Another process commits a segment with the same numbers in the moment before our first commit."""

    theirs: Path | None = None

    def commit(self, entries: Any) -> int:
        if self.theirs:
            spool, self.theirs = self.theirs, None
            go(spool, self)
        return super().commit(entries)


def test_another_process_settles_the_same_numbers_at_the_same_time(tmp_path: Path) -> None:
    store = Crossed()
    put(tmp_path / "ours", "e1", 5, 15)
    path = put(tmp_path / "theirs", "e1", 0, 10)
    path.rename(path.with_name(path.name.replace(".log", ".2.log")))
    store.theirs = tmp_path / "theirs"
    go(tmp_path / "ours", store)
    assert requests(store) == 15
