"""Watchers wake for what shippers do, and say so when they may have missed something."""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.ingest import watch
from pipeline.ingest.spool import Spool
from pipeline.ingest.watch import Changes, InotifyWatcher, PollingWatcher, watch_spool

NAME = "20261101T0000Z.log"
linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
Make = Callable[[Path], InotifyWatcher | PollingWatcher]
KINDS = [
    pytest.param(InotifyWatcher, marks=linux, id="inotify"),
    pytest.param(lambda root: PollingWatcher(root, every_s=0.005), id="polling"),
]


def ship(path: Path, content: bytes = b"a\n") -> None:
    half = path.with_name(f".{path.name}.tmp")
    half.write_bytes(content)
    half.rename(path)


def wait_for(watcher: InotifyWatcher | PollingWatcher) -> Changes:
    """All that comes within a moment of the first change."""
    paths: set[str] = set()
    moved: set[str] = set()
    everything = False
    changes = watcher.wait(5)
    while changes:
        paths |= changes.paths
        moved |= changes.moved
        everything |= changes.everything
        if changes.everything:
            break
        changes = watcher.wait(0.02)
    return Changes(frozenset(paths), frozenset(moved), everything)


@pytest.mark.parametrize("make", KINDS)
def test_what_a_look_at_the_changes_finds(tmp_path: Path, make: Make) -> None:
    """Whatever the watcher, a look at what it names finds the new segment."""
    (tmp_path / "e1" / "video").mkdir(parents=True)
    spool = Spool(tmp_path, settle_s=0)
    with make(tmp_path) as watcher:
        steps: list[tuple[Path, Callable[[], None]]] = [
            (tmp_path / "e1" / NAME, lambda: ship(tmp_path / "e1" / NAME)),
            (tmp_path / "e1" / "video" / NAME, lambda: ship(tmp_path / "e1" / "video" / NAME)),
            (tmp_path / "e2" / NAME, lambda: deep(tmp_path / "e2")),
            (tmp_path / "e2" / "20261101T0001Z.log", lambda: ship(tmp_path / "e2" / "20261101T0001Z.log")),
            (tmp_path / "e3" / "video" / NAME, lambda: deep(tmp_path / "e3" / "video")),
        ]
        for path, step in steps:
            step()
            changes = wait_for(watcher)
            assert changes
            only = None if changes.everything else changes.paths
            found = [file.path for file in spool.look(time.time() + 1, only, changes.moved).found]
            assert str(path.relative_to(tmp_path)) in found
        assert not [watcher.wait(0.02) for _ in range(3)][-1]  # polling tells a change twice


def deep(folder: Path) -> None:
    folder.mkdir(parents=True)
    ship(folder / NAME)


@linux
def test_inotify_tells_renames_from_writes_and_is_silent_about_the_rest(tmp_path: Path) -> None:
    (tmp_path / "e1").mkdir()
    with InotifyWatcher(tmp_path) as watcher:
        (tmp_path / "e1" / "20261101T0000Z.log.tmp").write_bytes(b"x")
        (tmp_path / "e1" / ".hidden").write_bytes(b"x")
        (tmp_path / ".git").mkdir()
        (tmp_path / "e1" / NAME).touch()
        (tmp_path / "e1" / NAME).read_bytes()
        assert wait_for(watcher) == Changes(frozenset({f"e1/{NAME}"}))
        ship(tmp_path / "e1" / NAME)
        assert wait_for(watcher) == Changes(frozenset({f"e1/{NAME}"}), frozenset({f"e1/{NAME}"}))
        with (tmp_path / "e1" / NAME).open("ab") as file:
            file.write(b"x")
            file.flush()
            assert not watcher.wait(0)
        assert wait_for(watcher) == Changes(frozenset({f"e1/{NAME}"}))
        (tmp_path / "e1" / NAME).unlink()
        assert not watcher.wait(0)
        (tmp_path / "e1" / os.fsdecode(b"\xff.log")).touch()
        assert wait_for(watcher).paths == {os.fsdecode(b"e1/\xff.log")}


@linux
def test_a_folder_that_is_renamed_keeps_being_watched(tmp_path: Path) -> None:
    (tmp_path / "e1" / "video").mkdir(parents=True)
    with InotifyWatcher(tmp_path) as watcher:
        (tmp_path / "e1").rename(tmp_path / "e2")
        assert wait_for(watcher).everything
        ship(tmp_path / "e2" / "video" / NAME)
        assert f"e2/video/{NAME}" in wait_for(watcher).paths
        (tmp_path / "e1").mkdir()
        ship(tmp_path / "e1" / NAME)
        assert {"e1", f"e1/{NAME}"} & wait_for(watcher).paths


@linux
def test_an_overflow_of_the_queue_says_everything(tmp_path: Path) -> None:
    (tmp_path / "e1").mkdir()
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 100_000:
        pytest.skip(f"the queue holds {limit} events")
    with InotifyWatcher(tmp_path) as watcher:
        first, second = tmp_path / "e1" / "a.log", tmp_path / "e1" / "b.log"
        first.touch()
        for _ in range(limit // 2 + 10):  # alternating names, which the kernel does not fold into one
            first.rename(second)
            second.rename(first)
        assert watcher.wait(5).everything
        ship(tmp_path / "e1" / NAME)
        assert f"e1/{NAME}" in wait_for(watcher).paths


@linux
def test_too_many_changes_are_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MAX_PATHS", 3)
    with InotifyWatcher(tmp_path) as watcher:
        for number in range(4):
            (tmp_path / f"{number}.log").touch()
        assert watcher.wait(5).everything


@linux
def test_a_spool_that_goes_and_comes_back(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    with InotifyWatcher(spool) as watcher:
        spool.rmdir()
        assert wait_for(watcher).everything
        assert watcher.wait(0.01).everything  # still gone: it says so, and does not spin
        spool.mkdir()
        assert watcher.wait(0.01).everything
        ship(spool / "x.log")
        assert wait_for(watcher).paths == {"x.log"}


@pytest.mark.parametrize("make", KINDS)
def test_nothing_happens_for_as_long_as_it_should(tmp_path: Path, make: Make) -> None:
    with make(tmp_path) as watcher:
        began = time.monotonic()
        assert not watcher.wait(0.05)
        assert time.monotonic() - began >= 0.04
        watcher.close()


def test_polling_stands_in_where_inotify_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")  # what the kernel says when the user has no watches left

    monkeypatch.setattr(watch, "InotifyWatcher", refuse)
    with watch_spool(tmp_path) as watcher:
        assert isinstance(watcher, PollingWatcher)


@linux
def test_waking_is_quick(tmp_path: Path) -> None:
    (tmp_path / "e1").mkdir()
    delays: list[float] = []
    shipped = [0.0]
    with InotifyWatcher(tmp_path) as watcher:
        for number in range(20):

            def later(number: int = number) -> None:
                shipped[0] = time.perf_counter()
                ship(tmp_path / "e1" / f"20261101T00{number:02d}Z.log")

            thread = threading.Thread(target=later)
            thread.start()
            while not watcher.wait(5).moved:
                pass
            delays.append(time.perf_counter() - shipped[0])
            thread.join()
    assert statistics.median(delays) < 0.25  # about 1 ms on a quiet machine
