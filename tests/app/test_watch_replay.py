"""The log of a watch is an event file: a replay of it decides what the watch decided, at the same instants and under
the same ids."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from incidents.words import instant_text
from pipeline.app.watch.watching import watch_of
from pipeline.coverage.evidence import parse_evidence
from pipeline.store import open_store
from tests.app.watch_cdn import FIRST, Clock, make_config

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store import Store
    from tests.app.conftest import Prebill

NOW = FIRST * 60.0


def add(store: Store, *bodies: dict[str, object]) -> None:
    lines = [json.dumps({"at": instant_text(at), **body}) for body in bodies if (at := NOW + body.pop("s"))]  # type: ignore[operator]
    store.add_evidence(parse_evidence("\n".join(lines), actor="anna", now=NOW))


def probes(second: float, *, ok: bool) -> list[dict[str, object]]:
    return [{"s": second, "type": "probe", "customer": "c1", "vantage": v, "ok": ok} for v in ("a", "b")]


def test_the_log_of_a_watch_replayed_is_the_same(tmp_path: Path, prebill: Prebill) -> None:
    """Requests that are taken up later than they were made, an acknowledgement without an author in its line, an
    outage, restarts, and a deadline that passes behind the last event."""
    config = make_config(tmp_path)
    with open_store(config.store.dsn) as store:

        def look(*seconds: float) -> None:
            clock = Clock(NOW)
            for second in seconds:
                clock.at = NOW + second
                with watch_of(store, config, clock, threading.Event(), checks=False) as (watch, _):
                    watch.once()

        add(store, *probes(0, ok=True))
        look(1.25)
        for number in range(3):
            request = {"type": "request", "id": f"r{number}", "customer": "c1", "kind": "technical"}
            add(store, {"s": 5.5 + 30 * number, **request})
            look(17.123457 + 30 * number)  # below the millisecond, as instants of a live watch are
        for incident in store.incidents.incidents():
            add(store, {"s": 100, "type": "ack", "incident": incident.incident})
        look(100.7)
        for second in range(110, 180, 10):
            add(store, *probes(second, ok=False))
        look(181.000003, 300, 3600)
        made = [json.loads(json.dumps(row.body)) for row in store.incidents.changes()]
        last = max(taken.taken_at for some in store.incidents.events() for taken in some)
        assert {row.status for row in store.incidents.changes()} >= {"open", "acknowledged"}
        assert store.incidents.changes()[-1].at > last, "a deadline behind the last event"
        assert [
            taken for some in store.incidents.events() for taken in some if taken.evidence.at < taken.taken_at
        ]
    told = prebill("incidents", "events")
    assert told.returncode == 0, told.stderr
    replayed = prebill("incidents", "replay", "-", "--json", stdin=told.stdout)
    assert replayed.returncode == 0, replayed.stderr
    assert [_place(json.loads(line)) for line in replayed.stdout.splitlines()] == [
        _place(body) for body in made
    ]


def _place(told: dict[str, object]) -> dict[str, object]:
    keys = ("incident", "change", "priority", "status", "notice", "actor", "parent", "reason")
    found = {key: told.get(key) or "" for key in keys}
    at = told["at"]
    return {**found, "at": at if isinstance(at, str) else instant_text(float(str(at)))}


def test_a_time_of_taking_up_that_is_none_is_refused(prebill: Prebill) -> None:
    line = json.dumps({"at": instant_text(NOW), "type": "tick", "taken_at": "yesterday"})
    refused = prebill("incidents", "replay", "-", stdin=line)
    assert refused.returncode == 2
    assert 'key taken_at: found "yesterday", expected an RFC 3339 time' in refused.stderr
