"""Slow burns through the store: whose errors go on a little too long is told of in whole, and paged once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from incidents.engine.windows import sum_window
from incidents.policy import Policy
from pipeline.app.watch.live_burns import SlowBurns
from pipeline.app.watch.watching import watch_of
from pipeline.store import open_store
from tests.app.watch_cdn import CUSTOMERS, EDGES, FIRST, Clock, make_config, put_minutes, put_probes, served

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.app.watch.loop import Watch

HOURS = 150


def eager(watch: Watch) -> None:
    """Its feed of usage does not rest, so that every look is one step."""
    (feed,) = [each for each in watch._feeds if each.name == "usage"]
    feed.step.__self__._rest = 0.0  # type: ignore[attr-defined]


def test_a_slow_burn_pages_for_its_customer_alone(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    with open_store(config.store.dsn) as store:
        put_minutes(store, FIRST, FIRST + 20)
        put_minutes(store, FIRST + 20, FIRST + HOURS, failing=["c1"])
        clock = Clock((FIRST + HOURS) * 60.0)
        with watch_of(store, config, clock, threading.Event(), checks=False) as (watch, _):
            eager(watch)
            for minute in range(HOURS, HOURS + 14):
                put_minutes(store, FIRST + minute, FIRST + minute + 1, failing=["c1"])
                clock.at = (FIRST + minute + 1) * 60.0 + 30
                put_probes(store, clock.at)
                watch.once()
            traffic = watch.log.engine._state.traffic
            last = FIRST + HOURS + 13
            for edge in EDGES:
                pair = traffic[edge].pairs["c1"]
                burn = sum_window(pair.cells, pair.past, (FIRST - 1) * 60.0, last * 60.0)
                minutes = range(FIRST, last + 1)
                assert burn.requests == sum(served(edge, "c1", each) for each in minutes)
                assert burn.errors == sum(served(edge, "c1", each) // 100 for each in minutes[20:])
                assert "c2" not in traffic[edge].pairs, "who is fine is not told"
        (row,) = store.incidents.incidents()
        assert (row.scope_kind, row.scope_id, row.priority, row.harm) == (
            "customer",
            "c1",
            "high",
            "suspected",
        )
        (opened,) = [each for each in store.incidents.changes() if each.change == "opened"]
        assert "burn 6 times what the objective allows, over 6 h" in opened.reason


def test_who_may_burn_is_asked_now_and_then(tmp_path: Path) -> None:
    """Bounded in rows and in time: a piece of the hours at once, the newest first; the next question waits."""
    config = make_config(tmp_path)
    owners = {resource: customer for customer, resource in CUSTOMERS.items()}
    with open_store(config.store.dsn) as store:
        put_minutes(store, FIRST, FIRST + 60)
        put_minutes(store, FIRST + 60, FIRST + 90, failing=["c2"])
        after, now, cut = FIRST + 90, (FIRST + 90) * 60.0, store.cut()
        taken = iter([0.0, 30.0])  # an answer took half a minute
        burns = SlowBurns(store, Policy(), owners.get)
        assert burns.ask(after, cut, now, lambda: next(taken)) == {"c2"}
        assert burns.ask(after, cut, now + 590, lambda: 0.0) == set()
        assert burns.ask(after, cut, now + 600, lambda: 0.0) == {"c2"}
        assert burns.queue([], after, after) == set()
        assert burns.queue(["c2"], after - 20, after) == {CUSTOMERS["c2"]}
        told = []
        while piece := burns.history(cut, now, edges=len(EDGES)):
            assert len(piece) <= 60
            assert {line["customer"] for line in piece} == {"c2"}
            told.append(piece[0]["minute"])
        assert told == sorted(told, reverse=True)
        assert len(told) == 3
        assert SlowBurns(store, Policy(slow_burn=()), owners.get).ask(after, cut, now, lambda: 0.0) == set()
