"""The benchmark of rating out of the store, on little: its month adds up, and it notices a net that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.bench_book_store import check, measure_book, simulate_everybody
from loadtest.book_store import BookStore
from loadtest.measure import MeasureError
from loadtest.plan_mix import draw_plans
from pipeline.store import open_store


def test_a_small_book_holds(tmp_path: Path) -> None:
    small = BookStore(20_000, customers=60)
    with open_store(f"chdb://{tmp_path}/store") as store:
        small.build(store, lambda _text: None)
        assert store.cut() == small.segments + -(-small.segments // 200)
        # half the facts of every 200th segment are of an attempt that lost
        assert 0 < small.facts - store.totals(store.cut())["rows"] < small.facts // 100
        (found,) = measure_book(store, small, whole=False)
        assert "3,000 nets equal" in found.note


def test_a_wrong_column_is_noticed(tmp_path: Path) -> None:
    small = BookStore(5_000, customers=60)
    with open_store(f"chdb://{tmp_path}/store") as store:
        small.build(store, lambda _text: None)
        found = simulate_everybody(store, small, draw_plans(10))
        found.counted.columns[:] += 10**12
        with pytest.raises(MeasureError, match="expected"):
            check(store, small, found, found.best())
