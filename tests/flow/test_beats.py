"""Beats say up to when all is in: idle, busy, behind after a time away; and counters come in beside segments."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline import flow_local
from pipeline.attempt import Postponed
from pipeline.coverage.model import Reading
from pipeline.flow_beats import BEAT_S, TICK_S, Beats
from pipeline.model import Segment
from tests.flow.standin import MemoryStore, SlowReader
from tests.flow.test_runners import AT, MINUTE, go, put


def run_beats(on_the_way: dict[int, list[str]], seconds: int) -> list[float]:
    """The beats of so many seconds; `on_the_way`: from a second on, what is found and not in."""
    beats, found, paths = Beats(), [], list[str]()
    for now in range(seconds):
        paths = on_the_way.get(now, paths)
        if beats.is_due(now) and (at := beats.tick(now, paths)) is not None:
            beats.noted(at)
            found.append(at)
    return found


def test_an_idle_pipeline_beats_as_the_clock_does() -> None:
    assert run_beats({}, 100) == [0, 20, 40, 60, 80]


def test_no_beat_is_of_a_time_whose_finds_are_not_in() -> None:
    """`a` is found after 7 s and in after 33."""
    found = run_beats({7: ["a"], 33: []}, 100)
    assert found == [0, 35, 55, 75, 95]


def test_a_busy_pipeline_beats_although_it_is_never_empty() -> None:
    found = run_beats({second: [f"s{second}", f"s{second - 1}"] for second in range(1, 300)}, 300)
    assert len(found) >= 300 / (BEAT_S + TICK_S) - 2
    assert max(b - a for a, b in pairwise(found)) <= BEAT_S + TICK_S


def test_a_backlog_holds_the_first_beat_back_until_it_is_in() -> None:
    """We were away; what came meanwhile is in after 200 s, and new segments come all the time."""
    steps = {second: ["old", f"s{second}"] for second in range(200)}
    steps |= {second: [f"s{second}"] for second in range(200, 300)}
    found = run_beats(steps, 300)
    assert found
    assert min(found) >= 200 - TICK_S


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_local, "WAIT_S", 0.001)


class Ticking:
    """A clock on which every look takes a second; stops the run after so many looks."""

    def __init__(self, looks: int) -> None:
        self.left, self.stop, self.now_at = looks, threading.Event(), AT + timedelta(hours=1)

    def __call__(self) -> datetime:
        self.left -= 1
        if not self.left:
            self.stop.set()
        self.now_at += timedelta(seconds=1)
        return self.now_at


def test_a_run_beats_and_once_does_not(tmp_path: Path) -> None:
    put(tmp_path, "e1", 0, 4)
    store, clock = MemoryStore(), Ticking(200)
    go(tmp_path, store, once=False, now=clock, stop_event=clock.stop)
    assert len(store.ledger) == 1
    assert len(store.beats) >= 2
    assert max(b - a for a, b in pairwise(store.beats)) < 60
    assert store.beats == sorted(store.beats)
    once = MemoryStore()
    go(tmp_path, once)
    assert (len(once.ledger), once.beats) == (1, [])


def test_what_cannot_be_read_does_not_hold_beats_back(tmp_path: Path) -> None:
    class Never(SlowReader):
        def read(self, segment: Segment, *_more: object) -> object:  # type: ignore[override]
            return Postponed(segment, "not today")

    put(tmp_path, "e1", 0, 4)
    store, clock = MemoryStore(), Ticking(300)
    go(tmp_path, store, once=False, now=clock, stop_event=clock.stop, reader=Never())
    assert (store.ledger, len(store.beats) > 1) == ([], True)


def test_counters_come_in_beside_segments_and_problems_are_told(tmp_path: Path) -> None:
    put(tmp_path, "e1", 0, 4)
    for minute in range(3):
        at = datetime.fromtimestamp((MINUTE + minute) * 60, UTC)
        content = {"at": at.isoformat(), "requests_total": minute, "bytes_sent_total": 9}
        (tmp_path / f"e1/{at:%Y%m%dT%H%MZ}.counters.json").write_text(json.dumps(content))
    bad = tmp_path / "e1/20260101T0000Z.counters.json"
    bad.write_text("{}")
    store = MemoryStore()
    report = go(tmp_path, store)
    assert sorted(store.readings, key=lambda r: r.at) == [
        Reading("e1", (MINUTE + minute) * 60.0, minute, 9) for minute in range(3)
    ]
    assert (report.segments, report.readings) == (1, 3)
    assert "counters key at: found nothing" in report.problems["e1/20260101T0000Z.counters.json"]
    assert go(tmp_path, store).readings == 0
