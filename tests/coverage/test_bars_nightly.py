"""Every bar at its full size, by the code of `python -m loadtest.naive --full`; and that each bar can be missed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loadtest.fleet_bars import missed_bars
from loadtest.fleet_judge import Score
from loadtest.fleet_scenario import scenario_names
from loadtest.naive import compare


@pytest.mark.nightly
@pytest.mark.parametrize("name", scenario_names())
def test_a_month_of_fifty_edges_reaches_every_bar(name: str) -> None:
    row = compare(name, full=True)
    print(f"\n{name}: {row.ours}")
    assert missed_bars(name, row.ours) == []


@pytest.mark.parametrize("name", ["silence", "lines-5", "counters-5", "clean", "customer"])
def test_the_small_size_reaches_them_too(name: str) -> None:
    assert missed_bars(name, compare(name).ours) == []


GOOD = Score(
    planted=100,
    cells=500,
    cells_found=500,
    gaps=100,
    lines=[(5, 5)],
    sent=[(1, 2, 3, 2)],
    shared=[(1.0, 1.0)],
)
SOMETHING: Any = object()


@pytest.mark.parametrize(
    ("name", "spoiled", "told"),
    [
        ("silence", {"missed": [SOMETHING]}, "1 losses, 0 minutes not found"),
        ("silence", {"cells_found": 499}, "0 losses, 1 minutes not found"),
        ("silence", {"planted": 0}, "expected planted losses"),
        ("silence", {"doubled": 1}, "1 lost minutes are in two gaps"),
        ("lines-1", {"lines": [(5, 6)]}, "lines off by 1"),
        ("lines-1", {"unnamed_lines": 1}, "1 gaps do not name their lines"),
        ("lines-1", {"missed": [SOMETHING]}, "1 losses"),
        ("counters-5", {"missed": [SOMETHING] * 2}, "found 98.00% of the losses"),
        ("counters-20", {"sent": [(96, 97, 101, 100)]}, "bytes off by 3.00%"),
        ("clean", {"gaps": 1}, "expected no gap, found 1"),
        ("disturbed", {"gaps": 1, "false": [SOMETHING]}, "expected no false gap, found 1"),
        ("nothing-known", {"sent": [(1, 2, 3, 4)] * 2 + [(1, 2, 3, 2)] * 8}, "the truth in 80.0%"),
        ("counters-1", {"false": [SOMETHING]}, "expected no false gap, found 1"),
        ("customer", {"shared": [(0.9, 1.0)]}, "90.0% of the bytes"),
    ],
)
def test_each_bar_can_be_missed(name: str, spoiled: dict[str, Any], told: str) -> None:
    good = replace(GOOD, gaps=0) if name in ("clean", "disturbed") else GOOD
    assert missed_bars(name, good) == []
    assert any(told in bar for bar in missed_bars(name, replace(good, **spoiled)))
