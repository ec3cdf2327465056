"""Readings become one line that only rises, whatever becomes of the counters."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coverage.model import Reading
from pipeline.coverage.readings import at_minutes, edge_line

MINUTE = 29_891_520


def readings(*rows: tuple[float, int, int]) -> list[Reading]:
    """(minutes from the start, requests, bytes)."""
    return [Reading("e1", (MINUTE + at) * 60, requests, sent) for at, requests, sent in rows]


def deltas(rows: list[Reading]) -> list[tuple[int, int]]:
    line = edge_line(rows)
    return list(zip(np.diff(line.requests).tolist(), np.diff(line.bytes_sent).tolist(), strict=True))


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 10**9)), min_size=1), st.randoms())
def test_in_any_order_and_given_twice(steps: list[tuple[int, int]], dice: random.Random) -> None:
    rows, requests, sent = [], 10**6, 10**12
    for minute, (more_requests, more_sent) in enumerate(steps):
        requests, sent = requests + more_requests, sent + more_sent
        rows.append((float(minute), requests, sent))
    shuffled = readings(*rows, *rows[::2])
    dice.shuffle(shuffled)
    assert deltas(shuffled) == steps[1:]


def test_a_restart_counts_from_nothing() -> None:
    line = edge_line(readings((0, 900, 9000), (1, 1000, 10_000), (2, 40, 400), (3, 140, 1400)))
    assert line.requests.tolist() == [0, 100, 140, 240]
    assert line.bytes_sent.tolist() == [0, 1000, 1400, 2400]
    assert line.reset.tolist() == [False, False, True, False]


def test_a_second_restart_soon_after_the_first() -> None:
    assert deltas(readings((0, 9, 90), (1, 1000, 10_000), (2, 500, 5000), (3, 600, 6000))) == [
        (991, 9910), (500, 5000), (100, 1000),
    ]  # fmt: skip


@pytest.mark.parametrize("bits", [32, 64])
def test_a_counter_that_comes_round_is_no_restart(bits: int) -> None:
    line = edge_line(readings((0, 900, (1 << bits) - 300), (1, 1000, 700), (2, 1100, 1700)))
    assert np.diff(line.bytes_sent).tolist() == [1000, 1000]
    assert not line.reset.any()


def test_readings_of_another_machine_are_left_out() -> None:
    ours = [(float(m), 10_000 + 10 * m, 10**7 + 1000 * m) for m in range(0, 20, 2)]
    theirs = [(float(m), 777_000 + 20 * m, 10**9 + 9000 * m) for m in range(1, 19, 2)]
    assert deltas(readings(*ours, *theirs)) == [(20, 2000)] * 9


def test_values_that_no_counter_has_do_not_break_the_line() -> None:
    line = edge_line(readings((0, 5, 5), (1, 1 << 64, 1 << 70), (2, 6, 6)))
    assert line.bytes_sent.max() <= 1 << 62
    assert (np.diff(line.bytes_sent) >= 0).all()


def test_nothing_is_an_empty_line() -> None:
    assert len(at_minutes(edge_line([])).minute) == 0


def test_readings_at_the_end_of_minutes_stand() -> None:
    found = at_minutes(edge_line(readings((0, 100, 0), (1, 107, 50), (4, 130, 90))))
    assert (found.minute - MINUTE).tolist() == [0, 1, 4]
    assert found.requests.tolist() == [0, 7, 30]


@pytest.mark.parametrize("late_s", [2, 25, -3, -25])
def test_readings_beside_the_end_of_minutes_are_interpolated(late_s: int) -> None:
    rows = [(m + late_s / 60, 600 * m + 10 * late_s, 0) for m in range(10, 20)]
    found = at_minutes(edge_line(readings(*rows)))
    assert np.diff(found.requests).tolist() == [600] * (len(found.minute) - 1)
    assert len(found.minute) >= 9


def test_a_missing_reading_makes_one_delta_of_several_minutes() -> None:
    rows = [(m + 3 / 60, 600 * m, 0) for m in (0, 1, 2, 6, 7, 8)]
    found = at_minutes(edge_line(readings(*rows)))
    assert (found.minute - MINUTE).tolist() == [1, 2, 6, 7, 8]


def test_often_polled_counters_are_taken_as_they_were_read() -> None:
    rows = [(s / 60, s * s, s) for s in range(7, 600, 5)]
    found = at_minutes(edge_line(readings(*rows)))
    assert (found.minute - MINUTE).tolist() == list(range(1, 10))
    first = 7
    for minute, requests in zip(found.minute.tolist(), found.requests.tolist(), strict=True):
        last = max(s for s in range(7, 600, 5) if s <= (minute - MINUTE) * 60)
        assert requests == last * last - first * first


@given(
    st.lists(
        st.tuples(st.floats(0, 60, allow_nan=False), st.integers(0, 1 << 65), st.integers(0, 1 << 65)),
        max_size=30,
    )
)
def test_whatever_is_read_the_line_only_rises(rows: list[tuple[float, int, int]]) -> None:
    line = edge_line(readings(*rows))
    found = at_minutes(line)
    for values in (line.requests, line.bytes_sent, found.requests, found.bytes_sent, found.minute):
        assert all(a <= b for a, b in pairwise(values.tolist()))
