"""Evidence, counter readings and beats: each once, whoever adds it again, in the order of their times."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.evidence import Evidence, parse_evidence
from pipeline.coverage.model import Reading

if TYPE_CHECKING:
    from pipeline.store import Store

LINES = """
{"at": "2026-11-01T00:01:00.25Z", "type": "counter", "edge": "e1", "requests_total": 5, "bytes_sent_total": 7}
{"at": "2026-11-01T03:00:00+03:00", "type": "edge", "edge": "e1", "action": "pause", "reason": "ремонт 'x' \\\\"}
{"at": "2026-11-01T00:02:00Z", "type": "edge", "edge": "e1", "action": "resume", "stream": "access"}
{"at": "2026-11-01T00:02:00Z", "type": "tick"}
"""
MIDNIGHT = 1793491200.0


def events(actor: str = "anna", now: float = MIDNIGHT + 999.5) -> list[Evidence]:
    return parse_evidence(LINES, actor=actor, now=now)


def test_events_come_back_as_they_were_and_once(store: Store) -> None:
    first = events()
    assert store.add_evidence(first + first[:2]) == 4
    assert store.add_evidence(events("olga", MIDNIGHT + 5000)) == 0
    found = store.evidence()
    assert sorted(found, key=lambda e: e.key) == sorted(first, key=lambda e: e.key)
    assert [e.at for e in found] == sorted(e.at for e in first)
    assert store.evidence(["edge"]) == [e for e in found if e.type == "edge"]
    assert store.evidence(["edge"], MIDNIGHT + 1) == [e for e in found if e.body.get("action") == "resume"]
    assert store.evidence([]) == []
    assert store.add_evidence([]) == 0


def test_events_that_two_add_at_once_are_there_once(store: Store) -> None:
    threads = [threading.Thread(target=store.add_evidence, args=(events(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.evidence()) == 4
    assert store.readings(0, 2e9) == [Reading("e1", MIDNIGHT + 60.25, 5, 7)]


def test_a_counter_event_is_a_reading(store: Store) -> None:
    store.add_evidence(events())
    assert store.readings(0, 2e9) == [Reading("e1", MIDNIGHT + 60.25, 5, 7)]


def test_readings_are_kept_once_and_the_later_word_counts(store: Store) -> None:
    readings = [
        Reading(f"e{edge}", 60.0 * minute, minute, 2**63 - 1) for edge in (2, 1) for minute in range(4)
    ]
    assert store.add_readings(readings) == 8
    assert store.add_readings(readings) == 0
    assert store.readings(0, 1000) == sorted(readings, key=lambda r: (r.edge, r.at))
    assert store.readings(60, 180, "e1") == [r for r in readings if r.edge == "e1" and 60 <= r.at < 180]
    assert store.add_readings([Reading("e1", 60.0, 9, 9), Reading("e1", 60.0, 8, 8)]) == 1
    assert store.readings(60, 61, "e1") == [Reading("e1", 60.0, 8, 8)]
    assert store.add_readings([]) == 0


def test_beats_ascend_and_are_there_once(store: Store) -> None:
    for at in (40.5, 20.25, 60.0, 40.5):
        store.beat(at)
    found = store.beats(20.25, 60.0)
    assert found.dtype == np.float64
    assert found.tolist() == [20.25, 40.5]
    assert store.beats(100.0, 200.0).tolist() == []
