"""The benchmark of rating out of the store, on little: its month adds up, and it notices a net that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.bench_book_store import _check, measure_book
from loadtest.book_store import BookStore
from loadtest.measure import MeasureError
from pipeline.store import open_store


def test_a_small_book_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.bench_book_store._peak_mib", lambda *, reset=False: 0.0)
    small = BookStore(20_000, customers=60)
    dsn = f"chdb://{tmp_path}/store"
    config = small.config(dsn, "plans")
    with open_store(dsn) as store:
        small.build(store, lambda _text: None)
        assert store.cut() == small.segments + -(-small.segments // 200)
        # half the facts of every 200th segment are of an attempt that lost
        assert 0 < small.facts - store.totals(store.cut())["rows"] < small.facts // 100
        (found,) = measure_book(store, config, whole=False)
        assert "3,000 nets equal" in found.note


def test_a_wrong_column_is_noticed(tmp_path: Path) -> None:
    from loadtest.plan_mix import draw_plans
    from pipeline.app.book_simulation import simulate_book
    from pipeline.coverage.periods import Month
    from pipeline.rating.book import PlanBook
    from pipeline.rating.compiled_book import compile_book

    small, plans = BookStore(5_000, customers=60), draw_plans(10)
    dsn = f"chdb://{tmp_path}/store"
    config = small.config(dsn, "plans")
    with open_store(dsn) as store:
        small.build(store, lambda _text: None)
        month, book = Month.parse("2026-11"), PlanBook(tuple(plans))
        found = simulate_book(
            store, config, month, config.customer, book, compile_book(plans), left_out=pytest.fail
        )
        found.counted.columns[:] += 10**12
        with pytest.raises(MeasureError, match="expected"):
            _check(store, config, found, found.best())
