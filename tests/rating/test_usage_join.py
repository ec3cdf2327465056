"""Usage of several sources as one, against a dictionary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coverage.adjustments import Changes
from pipeline.rating.usage import COUNTS, Usage, usage_of
from pipeline.rating.usage_join import change_usage, join_usage

Rows = list[tuple[int, str, str, int]]
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.sampled_from(["eu", "ru"]), st.integers(0, 9)),
    max_size=12,
)


def made(rows: Rows) -> Usage:
    names, zones = sorted({row[1] for row in rows}), sorted({row[2] for row in rows})
    counts = {name: [row[3] * (at + 1) for row in rows] for at, name in enumerate(COUNTS)}
    places: Any = [names.index(row[1]) for row in rows], [zones.index(row[2]) for row in rows]
    return usage_of([row[0] for row in rows], resource=(names, places[0]), zone=(zones, places[1]), **counts)


def told(usage: Usage) -> Mapping[tuple[int, str, str], int]:
    found: Counter[tuple[int, str, str]] = Counter()
    for at in range(len(usage)):
        key = int(usage.minute[at]), usage.resources[usage.resource[at]], usage.zones[usage.zone[at]]
        found[key] += int(usage.requests[at])
        assert usage.body_bytes[at] == 3 * usage.requests[at]
    return {key: count for key, count in found.items() if count}


def sums(rows: Rows) -> Mapping[tuple[int, str, str], int]:
    found: Counter[tuple[int, str, str]] = Counter()
    for minute, resource, zone, count in rows:
        found[minute, resource, zone] += count
    return {key: count for key, count in found.items() if count}


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_parts_end_to_end(parts: list[Rows]) -> None:
    assert told(join_usage([made(rows) for rows in parts])) == sums([row for rows in parts for row in rows])


@given(ROWS, ROWS, ROWS)
def test_what_changed_since_leads_to_what_is_now(stays: Rows, went: Rows, came: Rows) -> None:
    before, after = made(stays + went), stays + came
    rows = [(*row[:3], -row[3]) for row in went] + came
    names, zones = sorted({row[1] for row in rows}), sorted({row[2] for row in rows})
    values = np.array([[row[3] * times for row in rows] for times in (1, 2, 3, 0, 0, 0)], np.int64).reshape(
        6, -1
    )
    changes = Changes(
        tuple(names),
        ("e1",),
        tuple(zones),
        np.array([names.index(row[1]) for row in rows], np.uint32),
        np.array([row[0] for row in rows], np.uint32),
        np.zeros(len(rows), np.uint32),
        np.array([zones.index(row[2]) for row in rows], np.uint32),
        values,
    )
    assert told(change_usage(before, changes)) == sums(after)


def test_what_an_edge_lost_after_it_was_put_into_another_zone_is_lost_where_it_was_counted() -> None:
    before = made([(1, "a", "eu", 5), (1, "a", "ru", 1), (1, "b", "eu", 2), (2, "a", "eu", 9)])
    values = np.array([[-4 * times, 3 * times] for times in (1, 2, 3, 0, 0, 0)], np.int64)
    none = np.zeros(2, np.uint32)
    changes = Changes(("a",), ("e1",), ("asia",), none, np.array([1, 2], np.uint32), none, none, values)
    assert told(change_usage(before, changes)) == {
        (1, "a", "eu"): 1,
        (1, "a", "ru"): 1,
        (1, "b", "eu"): 2,
        (2, "a", "eu"): 9,
        (2, "a", "asia"): 3,
    }
