"""The first story over a day: logs of an edge are cut, clients are served: one task, nobody paged, the money right."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.app.coverage.gap_money import money_of
from pipeline.app.watch.watching import watch_of
from pipeline.store import open_store
from tests.app.watch_cdn import (
    CUSTOMERS,
    FIRST,
    PRICE_PER_GB,
    Clock,
    make_config,
    put_minutes,
    put_probes,
    sent,
)

if TYPE_CHECKING:
    from pathlib import Path

STEP = 5


@pytest.mark.parametrize("hours", [1, pytest.param(24, marks=pytest.mark.nightly)])
def test_cut_logs_are_one_task_that_wakes_nobody(tmp_path: Path, hours: int) -> None:
    config, clock = make_config(tmp_path), Clock(FIRST * 60.0)
    cut, end = FIRST + 120, FIRST + 120 + hours * 60
    with (
        open_store(config.store.dsn) as store,
        watch_of(store, config, clock, threading.Event()) as (watch, _),
    ):
        for minute in range(FIRST, end, STEP):
            put_minutes(store, minute, minute + STEP, silent=("e2",) if minute >= cut else ())
            clock.at = (minute + STEP) * 60.0 + 30
            put_probes(store, clock.at)
            watch.once()
        changes = store.incidents.changes()
        assert {row.priority for row in changes} == {"normal"}
        assert {row.audience for row in changes if row.change == "notice"} == {"queue"}
        (task,) = store.incidents.incidents()
        assert (task.kind, task.scope_id, task.harm, task.status) == ("billing_gap", "e2", "none", "open")
        (gap,) = store.gaps()
        lost = range(gap.loss.first, gap.loss.after)
        assert lost == range(cut, lost[-1] + 1)
        assert lost[-1] >= end - 8
        truth = PRICE_PER_GB * sum(sent("e2", c, minute) for c in CUSTOMERS for minute in lost) / 1e9
        stakes, why = money_of(store, config, [gap], now=clock.at)
        assert why == ""
        assert float(stakes[gap.id].totals["RUB"].expected) == pytest.approx(truth, rel=0.05)
        (standing,) = watch.log.engine.incidents
        assert standing.money is not None
        assert float(standing.money.expected) * len(lost) == pytest.approx(truth, rel=0.05)
