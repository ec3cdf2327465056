"""States of minutes, a byte each: marks out of ledger rows, states out of marks and roster, and where runs begin.

Rows come from the store's ledger by way of pipeline.coverage.states, and runs go back there. A mark is 0 where nothing
is in, else the worst of what is: 1 empty, 2 received, 3 damaged. Eight minutes are settled at once, as a word. States
are counted as pipeline.coverage.model does.
"""

from __future__ import annotations

import numpy as np

from kernels.options import inner
from kernels.words import get, load8, load32, load64, prefetch, store8, store32, store64

_ONES = np.uint64(0x0101010101010101)
_ALL = np.uint64(255)
_1 = np.uint64(1)

_MARKS = 0x33120
"""The mark of a segment's state, four bits each: 1 received, 2 empty, 3 damaged, 4 quarantined."""

_UNEXPECTED = 8

_AHEAD = 24
"""Rows between asking for a minute's cache line and marking it; of no effect where rows lie minute by minute."""


def mark_minutes(stream, minute, state, n, rows, streams, first, width):  # type: ignore[no-untyped-def]
    """Mark the minutes that n segments are of; rows out of [first, first + width) are left. n, or -1 - the place of a
    row whose stream is none.

    Addresses: stream, minute: uint32[n]; state: uint8[n] of SEGMENT_STATES; rows: int64[streams], where each stream's
    marks begin, uint8[width].
    """
    ahead = n - _AHEAD
    for i in range(n):
        if i < ahead:
            there = np.int64(load32(stream + 4 * (i + _AHEAD)))
            if there < streams:
                prefetch(get(rows, there) + np.int64(load32(minute + 4 * (i + _AHEAD))) - first)
        place = np.int64(load32(stream + 4 * i))
        if place >= streams:
            return -1 - i
        at = np.int64(load32(minute + 4 * i)) - first
        if at < 0 or at >= width:
            continue
        at += get(rows, place)
        mark = (_MARKS >> (4 * min(load8(state + i), 7))) & 15
        store8(at, max(mark, load8(at)))
    return n


@inner
def _there(marks):  # type: ignore[no-untyped-def]
    """255 in each byte that holds a mark."""
    return ((marks | (marks >> _1)) & _ONES) * _ALL


@inner
def _states(marks):  # type: ignore[no-untyped-def]
    """Marks as states: 1 becomes EMPTY 2, 2 becomes RECEIVED 1, 3 becomes DAMAGED 5."""
    high = (marks >> _1) & _ONES
    low = marks & _ONES
    return (marks ^ ((low ^ high) * np.uint64(3))) + ((low & high) << _1)


@inner
def _settle_expected(marks, due, first, after):  # type: ignore[no-untyped-def]
    i = first
    while i + 8 <= after:
        word = load64(marks + i)
        store64(marks + i, _states(word) | (load64(due + i) & ~_there(word)))
        i += 8
    while i < after:
        word = np.uint64(load8(marks + i))
        store8(marks + i, np.int64(_states(word) | (np.uint64(load8(due + i)) & ~_there(word))))
        i += 1


@inner
def _settle_others(marks, out, first, after):  # type: ignore[no-untyped-def]
    unexpected, absent = _ONES * np.uint64(_UNEXPECTED), _ONES * np.uint64(out)
    i = first
    while i + 8 <= after:
        there = _there(load64(marks + i))
        store64(marks + i, (unexpected & there) | (absent & ~there))
        i += 8
    while i < after:
        there = _there(np.uint64(load8(marks + i)))
        store8(marks + i, np.int64((unexpected & there) | (absent & ~there)))
        i += 1


def settle_minutes(marks, rows, width, due, starts, spans):  # type: ignore[no-untyped-def]
    """Marks become states by what the roster says; the number of rows.

    Addresses: marks: uint8[rows, width]; due: uint8[width], what an expected minute is that is not in; starts:
    int64[rows + 1], where each row's spans begin; spans: int64[n, 3], ascending within a row: first and after, counted
    from the row's first minute, and what an absent minute is there, or -1 where it is expected. Outside it is 0.
    """
    for row in range(rows):
        line = marks + row * width
        at = 0
        for j in range(get(starts, row), get(starts, row + 1)):
            first, after = max(get(spans, 3 * j), at), min(get(spans, 3 * j + 1), width)
            if first >= after:
                continue
            _settle_others(line, 0, at, first)
            out = get(spans, 3 * j + 2)
            if out < 0:
                _settle_expected(line, due, first, after)
            else:
                _settle_others(line, out, first, after)
            at = after
        _settle_others(line, 0, at, width)
    return rows


def find_runs(states, rows, width, wanted, runs, room):  # type: ignore[no-untyped-def]
    """Runs of one of the wanted states in a row; how many there are, of which the first `room` are written.

    Addresses: states: uint8[rows, width]; runs: uint32[room, 4]: row, first, after, state. wanted: a bit a state.
    """
    count = 0
    for row in range(rows):
        line = states + row * width
        first = 0
        while first < width:
            state = load8(line + first)
            word = np.uint64(state) * _ONES
            after = first + 1
            while after + 8 <= width and load64(line + after) == word:
                after += 8
            while after < width and load8(line + after) == state:
                after += 1
            if (wanted >> state) & 1:
                if count < room:
                    store32(runs + 16 * count, row)
                    store32(runs + 16 * count + 4, first)
                    store32(runs + 16 * count + 8, after)
                    store32(runs + 16 * count + 12, state)
                count += 1
            first = after
    return count
