"""The ledger that coverage is measured on: its rows are those of a store, and its outages are what coverage finds."""

from __future__ import annotations

import numpy as np

from loadtest.bench_coverage import measure_minute, measure_months, time_pass
from loadtest.month_ledger import make_month


def test_a_month_has_every_minute_but_those_of_its_outages() -> None:
    month = make_month(30, 3000)
    rows = month.columns
    assert month.lost > 0
    assert len(rows) + month.lost == 30 * 3000
    keys = np.unique(rows.minute.astype(np.int64) * 30 + rows.stream)
    assert len(keys) == len(rows)
    assert (np.diff(rows.minute.astype(np.int64)) >= 0).all()
    assert (int(rows.minute[0]), int(rows.minute[-1]) + 1) == (month.first, month.after)
    assert set(np.unique(rows.state)) == {1, 2, 3}


def test_the_same_seed_gives_the_same_month() -> None:
    one, same, other = make_month(9, 200), make_month(9, 200), make_month(9, 200, seed=2)
    assert np.array_equal(one.columns.stream, same.columns.stream)
    assert not np.array_equal(one.columns.stream, other.columns.stream)


def test_a_pass_finds_what_was_lost() -> None:
    time_pass(make_month(30, 3000))


def test_the_tables_name_their_bars() -> None:
    table = measure_months(30, rounds=1)
    assert [row.name for row in table.rows][-2:] == ["2,000 edges", "4,000 edges"]
    assert [bool(row.bar) for row in table.rows] == [False, False, False, True, True]
    assert measure_minute(rounds=1).rows[0].bar == "≤ 200 ms"
