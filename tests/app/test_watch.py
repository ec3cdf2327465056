"""The watch: restarts lose nothing and tell nothing twice, one at a time; failures and dead parts are told."""

from __future__ import annotations

import json
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from incidents.words import instant_text
from pipeline.app.watch.lease import COVERAGE, WATCH, HeldFailure, holding, is_dead, wanted
from pipeline.app.watch.loop import Feed
from pipeline.app.watch.watching import watch_of
from pipeline.coverage.evidence import parse_evidence
from pipeline.store import open_store
from pipeline.store.leases import LeaseLostError
from tests.app.watch_cdn import FIRST, Clock, make_config, put_minutes, put_probes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from pipeline.app.configuration.settings import Config
    from pipeline.store import Store
    from pipeline.store.incident_rows import ChangeRow

NOW = FIRST * 60.0
BOOK = """
[[channel]]
id = "book"
kind = "file"
url = "{folder}/book.ndjson"
hears = ["queue", "on_call", "company", "client"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, BOOK.format(folder=tmp_path))


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    with open_store(config.store.dsn) as opened:
        yield opened


def run_for(
    store: Store, config: Config, clock: Clock, *moments: float, act: Callable[[float], None]
) -> None:
    """A watch from its start to its end, with a look at each moment after `act` has happened."""
    with watch_of(store, config, clock, threading.Event(), checks=False) as (watch, _):
        for at in moments:
            clock.at = at
            act(at)
            watch.once()


def told(tmp_path: Path) -> list[dict[str, Any]]:
    book = tmp_path / "book.ndjson"
    lines = book.read_text().splitlines() if book.exists() else []
    return [notice for line in lines for notice in json.loads(line)["notices"]]


def bodies(rows: list[ChangeRow]) -> list[tuple[dict[str, Any], int]]:
    return [(row.body, row.event_seq) for row in rows]


def story(store: Store, at: float) -> None:
    """Probes that are fine, then fail for one customer, then are fine again."""
    minute = round((at - NOW) / 60)
    put_probes(store, at, customers=["c2"])
    put_probes(store, at, ok=not 2 <= minute < 6, customers=["c1"])


def test_restarts_anywhere_come_to_the_same_log_and_tell_nothing_twice(tmp_path: Path) -> None:
    moments = [NOW + 60 * minute for minute in range(19)]  # well again from minute 16 on
    logs, books = [], []
    for name, cuts in (("whole", [19]), ("cut", [1, 3, 4, 5, 9, 17, 19]), ("always", range(1, 20))):
        folder = tmp_path / name
        folder.mkdir()
        config = make_config(folder, BOOK.format(folder=folder))
        with open_store(config.store.dsn) as store:
            begin = 0
            for end in cuts:
                run_for(
                    store,
                    config,
                    Clock(moments[begin]),
                    *moments[begin:end],
                    act=partial(story, store),
                )
                begin = end
            logs.append([row.body for row in store.incidents.changes()])
        books.append([(notice["notice"], notice["at"]) for notice in told(folder)])
    assert any(row["change"] == "resolved" for row in logs[0])
    assert logs[1] == logs[0]
    assert logs[2] == logs[0]
    assert len(books[0]) == len(set(books[0]))
    assert books[1] == books[2] == books[0]


def test_what_was_taken_up_before_a_crash_is_decided_after_it(
    config: Config, store: Store, tmp_path: Path
) -> None:
    """Events in the log, and no transition yet: as after a kill between the two."""
    put_probes(store, NOW, ok=False, customers=["c1"])
    rows = store.evidence(("probe",))
    store.incidents.append_events(rows, NOW + 1, after=0)
    run_for(store, config, Clock(NOW + 2), NOW + 2, act=lambda _: None)
    assert {row.priority for row in store.incidents.changes()} >= {"high"}
    assert {row["priority"] for row in told(tmp_path)} >= {"high"}
    once = bodies(store.incidents.changes())
    run_for(store, config, Clock(NOW + 3), NOW + 3, act=lambda _: None)
    assert bodies(store.incidents.changes()) == once


def test_what_was_decided_before_a_crash_is_told_after_it(
    config: Config, store: Store, tmp_path: Path
) -> None:
    run_for(store, config, Clock(NOW), NOW, act=lambda at: put_probes(store, at, ok=False, customers=["c1"]))
    keys = [(notice["notice"], notice["at"]) for notice in told(tmp_path)]
    (tmp_path / "book.ndjson").unlink()
    store._sessions.execute("TRUNCATE TABLE incident_deliveries")  # nobody wrote down that it was told
    run_for(store, config, Clock(NOW + 5), NOW + 5, act=lambda _: None)
    again = [(notice["notice"], notice["at"]) for notice in told(tmp_path)]
    assert sorted(again) == sorted(keys), "told again, under the same keys"


def test_a_notice_that_nobody_gets_goes_further_up(tmp_path: Path) -> None:
    """The one on call cannot be reached: the next level hears at once."""
    more = f"""
[[channel]]
id = "broken"
kind = "file"
url = "{tmp_path}/nowhere/book.ndjson"
[[channel]]
id = "works"
kind = "file"
url = "{tmp_path}/book.ndjson"
[[person]]
id = "anna"
channels = ["broken"]
[[person]]
id = "boris"
channels = ["works"]
[oncall]
level = [{{ people = ["anna"] }}, {{ people = ["boris"] }}]
[notices]
tries = 1
"""
    config = make_config(tmp_path, more)
    with open_store(config.store.dsn) as store:

        def act(at: float) -> None:
            if at == NOW:
                line = {
                    "at": instant_text(at),
                    "type": "request",
                    "id": "r1",
                    "customer": "c1",
                    "kind": "technical",
                }
                store.add_evidence(parse_evidence(json.dumps(line), actor="desk", now=at))

        run_for(store, config, Clock(NOW), NOW, NOW + 2, act=act)
        failed = [row for row in store.incidents.deliveries() if not row.ok]
        assert {row.recipient for row in failed} == {"anna"}
        events = [taken.evidence.type for some in store.incidents.events() for taken in some]
        assert "delivery_failed" in events
        assert [notice["level"] for notice in told(tmp_path)][:1] == [2]


def test_one_watch_at_a_time(config: Config, store: Store) -> None:
    stop = threading.Event()
    with watch_of(store, config, Clock(NOW), stop, checks=False):
        held = pytest.raises(HeldFailure, match="another prebill watches this store already: process")
        with held, watch_of(store, config, Clock(NOW), stop, checks=False):
            pass
        stop.set()
        with pytest.raises(HeldFailure, match="stopped while"), holding(store, WATCH, stop, wait=True):
            pass
    with holding(store, WATCH, threading.Event()) as lost:
        assert not lost.is_set()


def test_a_dead_process_of_this_machine_is_not_waited_for(store: Store) -> None:
    import subprocess
    import sys
    from dataclasses import replace

    child = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    dead = replace(wanted(COVERAGE, time.time()), holder="gone", pid=int(child.stdout))
    assert is_dead(dead)
    assert store.leases.take(dead, now=time.time()) == dead
    with holding(store, COVERAGE, threading.Event()) as lost:
        assert not lost.is_set()
        assert store.leases.current(COVERAGE) != dead


def test_a_watch_that_lost_its_place_decides_nothing_more(config: Config, store: Store) -> None:
    clock = Clock(NOW)
    with watch_of(store, config, clock, threading.Event(), checks=False) as (watch, _):
        put_probes(store, NOW, ok=False, customers=["c1"])
        store.incidents.append_events(store.evidence(("probe",)), NOW + 1, after=1)  # another one has written
        put_probes(store, NOW + 1, ok=False, customers=["c1"])
        with pytest.raises(LeaseLostError, match="expected the incident log to end at 1"):
            watch.once()
        assert store.incidents.changes() == []


def test_a_part_that_dies_is_told_and_so_is_its_return(config: Config, store: Store) -> None:
    clock = Clock(NOW)
    with watch_of(store, config, clock, threading.Event(), checks=False) as (watch, _):
        feed = Feed("coverage", lambda _: [], every_s=0.01)
        watch._feeds = [feed]
        feed.thread = threading.Thread(target=lambda: None)
        feed.thread.start()
        feed.thread.join()
        feed.failure = "no memory"
        feed.alive_at = time.monotonic()
        watch._look_after_feeds()
        watch.step(clock.at)
        (row,) = store.incidents.incidents()
        assert (row.kind, row.scope_kind, row.scope_id) == ("watchdog", "control", "coverage")
        assert row.priority != "normal"
        assert "no memory" in json.dumps([change.body for change in store.incidents.changes()])
        for _ in range(15):
            clock.at += 61
            feed.alive_at = time.monotonic()
            watch._look_after_feeds()
            watch.step(clock.at)
        assert store.incidents.incidents()[0].status == "resolved"
        watch._ending.set()


def test_gaps_that_closed_while_nobody_watched_close_their_task(config: Config, store: Store) -> None:
    from pipeline.app.coverage.checking import check_and_record

    clock = Clock(NOW)

    def look(at: float) -> None:
        put_probes(store, at)
        check_and_record(store, config, clock())

    put_minutes(store, FIRST, FIRST + 30)
    put_minutes(store, FIRST + 30, FIRST + 40, silent=["e2"])
    run_for(store, config, clock, (FIRST + 41) * 60.0, act=look)
    (row,) = store.incidents.incidents()
    assert (row.kind, row.priority, row.status) == ("billing_gap", "normal", "open")
    put_minutes(store, FIRST + 30, FIRST + 40)
    clock.at = (FIRST + 50) * 60.0
    put_minutes(store, FIRST + 40, FIRST + 50)
    look(clock.at)
    moments = [clock.at + 60 * minute for minute in range(15)]
    run_for(store, config, clock, *moments, act=lambda at: put_probes(store, at))
    assert {row.status for row in store.incidents.incidents()} == {"resolved"}


@pytest.mark.parametrize(
    ("answered", "heard"),
    [(True, {"queue"}), (False, {"queue", "on_call", "company"})],
    ids=["answered", "silent"],
)
def test_a_restart_asks_first_and_pages_for_silence_alone(
    config: Config, store: Store, tmp_path: Path, answered: bool, heard: set[str]
) -> None:
    """A task of lost logs is open, the clients are served; for an hour nobody watches, nor probes."""
    from pipeline.app.coverage.checking import check_and_record

    clock = Clock(NOW)

    def look(at: float) -> None:
        put_probes(store, at)
        check_and_record(store, config, clock())

    put_minutes(store, FIRST, FIRST + 30)
    put_minutes(store, FIRST + 30, FIRST + 40, silent=["e2"])
    put_minutes(store, FIRST + 40, FIRST + 45)
    begin = (FIRST + 46) * 60.0
    run_for(store, config, clock, begin, begin + 60, begin + 120, act=look)
    again = clock.at = begin + 3600
    run_for(store, config, clock, again, act=lambda _: None)
    (row,) = store.incidents.incidents()
    assert (row.priority, row.harm) == ("normal", "unknown")
    assert "the watch was away from" in store.incidents.changes()[-1].reason
    moments = [again + 60 * minute for minute in range(1, 8)]
    run_for(store, config, clock, *moments, act=lambda at: put_probes(store, at) if answered else None)
    assert {notice["audience"] for notice in told(tmp_path)} - {"client"} == heard


@pytest.mark.parametrize("restarts", [False, True])
def test_accepted_gaps_end_their_task_in_the_name_of_who_accepted_them(
    config: Config, store: Store, restarts: bool
) -> None:
    from dataclasses import replace

    from pipeline.app.coverage.checking import check_and_record
    from pipeline.coverage.model import GapState

    clock = Clock(NOW)
    served = True

    def look(at: float) -> None:
        if served:
            put_probes(store, at)
        check_and_record(store, config, clock())

    def accept(place: int, who: str) -> None:
        gap = sorted(store.gaps(), key=lambda each: each.loss.first)[place]
        accepted = replace(gap, state=GapState.ACCEPTED, reason=f"{who}: its disk died", updated=clock.at)
        store.write_gaps([accepted])

    def stands() -> str:
        (row,) = [row for row in store.incidents.incidents() if row.kind == "billing_gap"]
        return row.status

    put_minutes(store, FIRST, FIRST + 30)
    put_minutes(store, FIRST + 30, FIRST + 40, silent=["e2"])
    put_minutes(store, FIRST + 40, FIRST + 50)
    put_minutes(store, FIRST + 50, FIRST + 55, silent=["e2"])
    put_minutes(store, FIRST + 55, FIRST + 60)
    run_for(store, config, clock, (FIRST + 61) * 60.0, act=look)
    assert [gap.minutes for gap in store.gaps()] == [10, 5]
    times = [(FIRST + 62 + minute) * 60.0 for minute in range(3)]
    accept(0, "anna")
    run_for(store, config, clock, *times[:2], act=look)
    assert stands() == "open"  # somebody has yet to accept the rest
    if restarts:
        accept(1, "boris")
        run_for(store, config, clock, times[2], act=look)
    else:

        def accept_then_look(at: float) -> None:
            look(at)
            accept(1, "boris")

        run_for(store, config, clock, times[2], act=accept_then_look)
    assert stands() == "resolved"
    *_, last = [row for row in store.incidents.changes() if row.change == "resolved"]
    assert last.body["actor"] == "anna, boris"
    assert last.body["reason"] == "lost for good: its disk died"
    put_minutes(store, FIRST + 60, FIRST + 70)
    run_for(store, config, clock, (FIRST + 71) * 60.0, act=look)
    assert stands() == "resolved"


def test_accepting_a_loss_does_not_say_that_clients_are_served(config: Config, store: Store) -> None:
    from dataclasses import replace

    from pipeline.app.coverage.checking import check_and_record
    from pipeline.coverage.model import GapState

    clock = Clock(NOW)
    put_minutes(store, FIRST, FIRST + 30)
    put_minutes(store, FIRST + 30, FIRST + 40, silent=["e2"])
    put_minutes(store, FIRST + 40, FIRST + 50)
    at = clock.at = (FIRST + 51) * 60.0
    check_and_record(store, config, clock())
    run_for(store, config, clock, at, act=lambda _: None)
    (gap,) = store.gaps()
    store.write_gaps([replace(gap, state=GapState.ACCEPTED, reason="anna: lost", updated=at)])
    run_for(store, config, clock, at + 60, at + 120, act=lambda _: None)
    (row,) = store.incidents.incidents()
    assert (row.priority, row.status) == ("high", "open")
    run_for(store, config, clock, at + 180, at + 240, act=lambda now: put_probes(store, now))
    (row,) = store.incidents.incidents()
    assert (row.priority, row.status) == ("normal", "resolved")


def test_who_reports_a_problem_is_looked_at_at_once(config: Config, store: Store) -> None:
    asked: list[set[tuple[str, str]]] = []
    line = {"at": instant_text(NOW), "type": "request", "id": "r1", "customer": "c1", "kind": "technical"}
    store.add_evidence(parse_evidence([json.dumps(line).encode()], actor="desk", now=NOW))
    with watch_of(store, config, Clock(NOW + 1), threading.Event(), checks=False) as (watch, _):
        watch.on_doubt(asked.append)
        watch.once()
    assert ("customer", "c1") in asked[0]
