"""The kernels of coverage write where they may and nowhere else, whatever rows, spans and widths they are given."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kernels import entry

AROUND = 64
CANARY = 0xA5
FIRST = 1000

rows = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(0, 2**32 - 1) | st.integers(FIRST - 3, FIRST + 40), st.integers(0, 255)
    ),
    max_size=80,
)


def guarded(cells: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Zeroed cells, and the whole buffer with canaries on both sides of them."""
    whole = np.full(cells + 2 * AROUND, CANARY, np.uint8)
    cells_of = whole[AROUND : AROUND + cells]
    cells_of[:] = 0
    return cells_of, whole


def untouched(whole: NDArray[np.uint8]) -> bool:
    return bool((whole[:AROUND] == CANARY).all() and (whole[-AROUND:] == CANARY).all())


@settings(deadline=None)  # kernels are compiled at their first call
@given(rows, st.integers(0, 4), st.integers(0, 37))
def test_marks_are_the_worst_of_each_minute_and_stay_within_it(
    given_rows: list[tuple[int, int, int]], streams: int, width: int
) -> None:
    marks, whole = guarded(streams * width)
    table = np.array(given_rows, np.int64).reshape(-1, 3)
    stream, minute = table[:, 0].astype(np.uint32), table[:, 1].astype(np.uint32)
    state = table[:, 2].astype(np.uint8)
    lines = marks.ctypes.data + width * np.arange(streams, dtype=np.int64)
    done = entry.mark_minutes(
        stream.ctypes.data,
        minute.ctypes.data,
        state.ctypes.data,
        len(table),
        lines.ctypes.data,
        streams,
        FIRST,
        width,
    )
    strangers = [i for i, (place, _, _) in enumerate(given_rows) if place >= streams]
    assert done == (-1 - strangers[0] if strangers else len(given_rows))
    wanted = np.zeros((streams, width), np.uint8)
    for place, at, what in given_rows[: strangers[0] if strangers else None]:
        if FIRST <= at < FIRST + width:
            mark = {1: 2, 2: 1, 3: 3, 4: 3}.get(what, 0)
            wanted[place, at - FIRST] = max(wanted[place, at - FIRST], mark)
    assert marks.reshape(streams, width).tolist() == wanted.tolist()
    assert untouched(whole)


@settings(deadline=None)
@given(
    st.integers(0, 3),
    st.integers(0, 37),
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 40), st.integers(0, 40), st.sampled_from([-1, 0, 7, 9])), max_size=4
        )
    ),
    st.randoms(use_true_random=False),
)
def test_settling_stays_within_its_rows(
    streams: int, width: int, spans: list[list[tuple[int, int, int]]], random: object
) -> None:
    assert hasattr(random, "randint")
    marks, whole = guarded(streams * width)
    marks[:] = [random.randint(0, 3) for _ in range(len(marks))]
    before = marks.reshape(streams, width).copy()
    due = np.full(width, 4, np.uint8)
    of = [sorted(spans[i]) if i < len(spans) else [] for i in range(streams)]
    starts = np.cumsum([0, *map(len, of)]).astype(np.int64)
    flat = np.array([span for some in of for span in some], np.int64).reshape(-1, 3)
    entry.settle_minutes(
        marks.ctypes.data, streams, width, due.ctypes.data, starts.ctypes.data, flat.ctypes.data
    )
    assert untouched(whole)
    for row in range(streams):
        says = np.zeros(width, np.int64)
        reached = 0
        for first, after, out in of[row]:
            first, after = max(first, reached), min(after, width)
            if first < after:
                says[first:after] = out
                reached = after
        for minute in range(width):
            there, out = before[row, minute], says[minute]
            states = {0: 4, 1: 2, 2: 1, 3: 5} if out < 0 else dict.fromkeys((1, 2, 3), 8) | {0: out}
            assert marks.reshape(streams, width)[row, minute] == states[there]


def test_runs_beyond_the_room_are_counted_and_not_written() -> None:
    states = np.array([[1, 2, 1, 2, 1]], np.uint8)
    runs = np.full((3, 4), 77, np.uint32)
    found = entry.find_runs(states.ctypes.data, 1, 5, 1 << 1 | 1 << 2, runs.ctypes.data, 2)
    assert found == 5
    assert runs.tolist() == [[0, 0, 1, 1], [0, 1, 2, 2], [77] * 4]
