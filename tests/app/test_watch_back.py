"""A watch that starts, or was held up, takes up what is in the store at the instants from which it is true, before any
deadline: it comes to the same as one that was there all the time, and as a replay."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from msgspec.structs import replace

from incidents.replay import replay
from incidents.words import instant_text
from pipeline.app.watch import log as watch_log
from pipeline.app.watch.watching import watch_of
from pipeline.coverage.evidence import parse_evidence
from pipeline.store import open_store
from tests.app.watch_cdn import FIRST, Clock, make_config

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from incidents.model import Transition
    from pipeline.app.configuration.settings import Config
    from pipeline.store import Store
    from pipeline.store.incident_rows import ChangeRow

NOW = FIRST * 60.0


def line(minute: float, vantage: str, *, ok: bool) -> str:
    at = instant_text(NOW + 60 * minute)
    return json.dumps({"at": at, "type": "probe", "customer": "c1", "vantage": vantage, "ok": ok})


def rounds(first: int, last: int) -> list[str]:
    return [line(minute, vantage, ok=True) for minute in range(first, last + 1) for vantage in ("a", "b")]


def add(store: Store, lines: list[str], known: float) -> None:
    store.add_evidence(parse_evidence("\n".join(lines), actor="prober", now=NOW + 60 * known))


def look(store: Store, config: Config, minute: float) -> None:
    with watch_of(store, config, Clock(NOW + 60 * minute), threading.Event(), checks=False) as (watch, _):
        watch.once()


def changes(store: Store) -> list[tuple[str, str, str]]:
    """Up to the millisecond: the first look is a hair behind its own tick."""
    return [(instant_text(round(row.at)), row.change, row.priority) for row in store.incidents.changes()]


BEGIN = [line(0, "a", ok=True), line(0, "b", ok=True)]
SUSPICION = [line(1, "a", ok=False)]


def doubt(store: Store, config: Config) -> None:
    """A watch sees c1 well, and a minute later one of two looks fail."""
    for minute, lines in enumerate((BEGIN, SUSPICION)):
        add(store, lines, minute)
        look(store, config, minute)


def test_a_restart_calls_nobody_for_what_the_store_shows_to_be_well(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    with open_store(config.store.dsn) as store:
        doubt(store, config)
        assert {row.priority for row in store.incidents.changes()} == {"high"}
        add(store, rounds(2, 7), 7)
        look(store, config, 7 + 1 / 6)
        assert {row.priority for row in store.incidents.changes()} == {"high"}, "nobody else was called"


def test_restart_running_watch_and_replay_see_the_same(tmp_path: Path) -> None:
    """The suspicion, a recovery, then an outage that begins and is acknowledged while nobody watches."""
    outage = [line(minute, vantage, ok=False) for minute in range(9, 40) for vantage in ("a", "b")]
    seen = []
    for name in ("whole", "away"):
        folder = tmp_path / name
        folder.mkdir()
        config = make_config(folder)
        with open_store(config.store.dsn) as store:
            doubt(store, config)
            if name == "whole":
                for minute in range(2, 40):
                    add(
                        store,
                        rounds(minute, minute) if minute < 9 else outage[2 * minute - 18 : 2 * minute - 16],
                        minute,
                    )
                    look(store, config, minute)
            else:
                add(store, rounds(2, 8), 8)
                add(store, outage, 39)
                look(store, config, 39)
            seen.append(changes(store))
    replayed = [
        (instant_text(round(each.at)), each.change.value, each.priority.value)
        for each in replay("\n".join([*BEGIN, *SUSPICION, *rounds(2, 8), *outage]))
    ]
    assert [each for each in replayed if each[2] == "company_wide"]
    assert seen[1] == replayed
    assert seen[0] == replayed


def test_a_watch_that_was_held_up_takes_evidence_before_the_deadline_behind_it(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    clock = Clock(NOW)
    with open_store(config.store.dsn) as store:
        add(store, BEGIN, 0)
        with watch_of(store, config, clock, threading.Event(), checks=False) as (watch, _):
            watch.once()
            add(store, SUSPICION, 1)
            clock.at = NOW + 60
            watch.step(clock.at)
            add(store, rounds(2, 5), 5)
            clock.at = NOW + 6.5 * 60  # the store did not answer for minutes; the deadline was at minute 6
            watch.step(clock.at)
        assert {row.priority for row in store.incidents.changes()} == {"high"}


def test_what_people_said_stands_at_the_time_when_they_said_it(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    with open_store(config.store.dsn) as store:
        doubt(store, config)
        (incident,) = store.incidents.incidents()
        ack = {"at": instant_text(NOW + 150), "type": "ack", "incident": incident.incident, "actor": "anna"}
        add(store, [json.dumps(ack), *rounds(2, 20)], 20)
        look(store, config, 26)
        (said,) = [row for row in store.incidents.changes() if row.change == "acknowledged"]
        assert said.at == NOW + 150


def test_another_version_leaves_what_was_told_as_it_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its snapshots are of another kind, so that it reads all events again, and its sentences are other ones."""
    config = make_config(tmp_path)
    made = watch_log.change_row

    def put_otherwise(transition: Transition, event_seq: int) -> ChangeRow:
        return made(replace(transition, reason=f"{transition.reason}, in other words"), event_seq)

    with open_store(config.store.dsn) as store:
        doubt(store, config)
        look(store, config, 7)  # the deadline of minute 6 passes, behind the last event
        before = store.incidents.changes()
        assert before[-1].priority == "company_wide"
        monkeypatch.setattr("incidents.engine.engine.VERSION", 1_000)
        monkeypatch.setattr(watch_log, "change_row", put_otherwise)
        look(store, config, 7.5)
        assert store.incidents.changes() == before
        add(store, rounds(8, 20), 20)
        look(store, config, 20)
        after = store.incidents.changes()
        assert after[: len(before)] == before
        assert after[-1].status == "resolved"
        assert all(row.reason.endswith("in other words") for row in after[len(before) :])
