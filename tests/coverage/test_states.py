"""Coverage of every (stream, minute) against the slow reference, and in the cases that were decided."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.coverage.model import (
    Coverage,
    Expectation,
    LedgerColumns,
    Roster,
    Run,
    Span,
    State,
    Stream,
)
from pipeline.coverage.states import Marks, cover, cover_pieces, run_columns, runs_of
from tests.coverage.reference_states import cover_slowly, runs_slowly

FIRST = 29_891_520
WIDEST = 40
NAMED = [Stream(edge, stream) for edge in ("e1", "e10", "e2") for stream in ("access", "hls")]
ALL_MISSING = np.full(WIDEST, State.MISSING, np.uint8)


def ledger_of(rows: list[tuple[int, int, int]], streams: list[Stream] = NAMED) -> LedgerColumns:
    """A ledger of (place of the stream, minute from FIRST on, state)."""
    table = np.array(rows, np.int64).reshape(-1, 3)
    nothing: Any = np.zeros(len(table), np.uint64)
    return LedgerColumns(
        streams=tuple(streams),
        epochs=("",),
        stream=table[:, 0].astype(np.uint32),
        minute=(table[:, 1] + FIRST).astype(np.uint32),
        state=table[:, 2].astype(np.uint8),
        lines=nothing,
        duplicates=nothing,
        bytes_sent=nothing,
        content_bytes=nothing,
        epoch=nothing.astype(np.uint32),
        first=nothing,
        next=nothing,
        unit=nothing.astype(np.uint8),
        committed=nothing.astype(np.float64),
    )


def roster_of(**spans: list[tuple[int, int, Expectation]]) -> Roster:
    """A roster of access streams; minutes from FIRST on."""
    return Roster(
        {
            Stream(edge): tuple(Span(FIRST + a, FIRST + b, says) for a, b, says in of)
            for edge, of in spans.items()
        }
    )


rows = st.lists(
    st.tuples(st.integers(0, len(NAMED) - 1), st.integers(-3, WIDEST + 3), st.integers(1, 4)), max_size=150
)
dues = st.lists(
    st.sampled_from([State.NONE, State.LATE, State.MISSING, State.UNKNOWN]), min_size=WIDEST, max_size=WIDEST
)


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    """Any streams, some without spans, spans with and without minutes between them, some beyond the stretch."""
    spans: dict[Stream, tuple[Span, ...]] = {}
    for stream in draw(st.lists(st.sampled_from([*NAMED, Stream("e3")]), unique=True)):
        cuts = sorted(draw(st.sets(st.integers(-5, WIDEST + 5), max_size=6)))
        spans[stream] = tuple(
            Span(FIRST + a, FIRST + b, draw(st.sampled_from(Expectation)))
            for a, b in pairwise(cuts)
            if draw(st.booleans())
        )
    return Roster(spans)


@settings(deadline=None)  # kernels are compiled at their first call
@given(rows, rosters(), dues, st.integers(0, WIDEST))
def test_every_minute_is_what_the_reference_says(
    given_rows: list[tuple[int, int, int]],
    roster: Roster,
    due: list[State],
    width: int,
) -> None:
    ledger = ledger_of(given_rows)
    found = cover(ledger, roster, FIRST, FIRST + width, due=np.array(due[:width], np.uint8))
    wanted = cover_slowly(ledger, roster, FIRST, FIRST + width, due=[*due[:width]])
    assert found.streams == tuple(sorted({*NAMED, *roster.spans}))
    assert (found.first, found.after) == (FIRST, FIRST + width)
    assert {
        (stream, FIRST + minute): State(state)
        for stream, line in zip(found.streams, found.states, strict=True)
        for minute, state in enumerate(line)
    } == wanted


@settings(deadline=None)  # kernels are compiled at their first call
@given(rows, rosters(), dues, st.lists(st.integers(0, 150), max_size=3), st.randoms())
def test_pieces_in_any_order_with_streams_of_their_own_come_to_the_same(
    given_rows: list[tuple[int, int, int]], roster: Roster, due: list[State], cuts: list[int], random: Any
) -> None:
    whole = cover(ledger_of(given_rows), roster, FIRST, FIRST + WIDEST, due=np.array(due, np.uint8))
    random.shuffle(given_rows)
    ends = [0, *sorted(cuts), len(given_rows)]
    pieces = []
    for a, b in pairwise(ends):
        streams = sorted({NAMED[place] for place, _, _ in given_rows[a:b]}, reverse=True)
        moved = [(streams.index(NAMED[place]), minute, state) for place, minute, state in given_rows[a:b]]
        pieces.append(ledger_of(moved, streams))
    parts = cover_pieces([*pieces, ledger_of([])], roster, FIRST, FIRST + WIDEST, due=np.array(due, np.uint8))
    assert parts.streams == whole.streams
    assert np.array_equal(parts.states, whole.states)


@settings(deadline=None)  # kernels are compiled at their first call
@given(
    st.lists(st.lists(st.sampled_from(State), min_size=30, max_size=30), max_size=4),
    st.integers(0, 30),
    st.none() | st.sets(st.sampled_from(State)),
)
def test_runs_are_what_the_reference_says(
    given_states: list[list[State]], width: int, wanted: set[State] | None
) -> None:
    # states that repeat, so that runs pass the kernel's words of eight
    lines = [[line[i // 11] for i in range(width)] for line in given_states]
    streams = tuple(NAMED[: len(lines)])
    coverage = Coverage(streams, FIRST, np.array(lines, np.uint8).reshape(len(lines), width))
    minutes = {
        (stream, FIRST + i): state
        for stream, line in zip(streams, lines, strict=True)
        for i, state in enumerate(line)
    }
    chosen = set(State) - {State.NONE} if wanted is None else wanted
    assert runs_of(coverage, wanted) == runs_slowly(minutes, chosen)


def test_several_parts_of_a_minute_are_damaged_before_received_before_empty() -> None:
    roster = roster_of(e1=[(0, 40, Expectation.EXPECTED)])
    given_rows = [(0, 0, 2), (0, 0, 1), (0, 1, 1), (0, 1, 4), (0, 2, 3), (0, 2, 1), (0, 3, 2), (0, 3, 2)]
    ledger = ledger_of(given_rows, [Stream("e1")])
    coverage = cover(ledger, roster, FIRST, FIRST + 5, due=ALL_MISSING[:5])
    assert [State(state).name for state in coverage.states[0]] == [
        "RECEIVED", "DAMAGED", "DAMAGED", "EMPTY", "MISSING"
    ]  # fmt: skip


def test_what_is_in_while_nothing_was_expected_is_unexpected() -> None:
    says = [(2, 4, Expectation.PAUSED), (4, 6, Expectation.DECOMMISSIONED), (6, 8, Expectation.EXPECTED)]
    ledger = ledger_of([(0, minute, 1) for minute in (0, 2, 4, 6)], [Stream("e1")])
    coverage = cover(
        ledger,
        roster_of(e1=says),
        FIRST,
        FIRST + 9,
        due=ALL_MISSING[:9],
    )
    assert [State(state).name for state in coverage.states[0]] == [
        "UNEXPECTED", "NONE", "UNEXPECTED", "PAUSED", "UNEXPECTED", "DECOMMISSIONED", "RECEIVED", "MISSING", "NONE"
    ]  # fmt: skip


def test_the_first_and_the_last_minute_of_a_month_are_settled_like_the_others() -> None:
    roster = roster_of(e1=[(0, 43_200, Expectation.EXPECTED)])
    ledger = ledger_of([(0, minute, 1) for minute in range(1, 43_199)], [Stream("e1")])
    due = np.full(43_200, State.MISSING, np.uint8)
    runs = runs_of(cover(ledger, roster, FIRST, FIRST + 43_200, due=due), {State.MISSING})
    assert runs == [
        Run(Stream("e1"), FIRST, FIRST + 1, State.MISSING),
        Run(Stream("e1"), FIRST + 43_199, FIRST + 43_200, State.MISSING),
    ]


def test_nobody_expected_and_nothing_in_is_an_empty_coverage() -> None:
    coverage = cover(ledger_of([], []), Roster({}), FIRST, FIRST + 7, due=ALL_MISSING[:7])
    assert coverage.states.shape == (0, 7)
    assert runs_of(coverage) == []
    assert cover_pieces([], Roster({}), FIRST, FIRST, due=ALL_MISSING[:0]).states.shape == (0, 0)


def test_columns_hold_the_runs_for_the_store() -> None:
    states = np.array([[1, 1, 4, 4, 0, 1]], np.uint8)
    runs = run_columns(Coverage((Stream("e1"),), FIRST, states))
    assert len(runs) == 3
    assert runs.first.tolist() == [FIRST, FIRST + 2, FIRST + 5]
    assert runs.after.tolist() == [FIRST + 2, FIRST + 4, FIRST + 6]
    assert (runs.row.tolist(), runs.state.tolist()) == ([0, 0, 0], [1, 4, 1])


def test_a_place_that_is_no_streams_is_refused_before_anything_is_written_there() -> None:
    marks = Marks(NAMED, FIRST, FIRST + 10)
    with pytest.raises(ValueError, match=r"row 1: expected one of 2 streams, found the place 2"):
        marks.add(NAMED[:2], [1, 2], [FIRST, FIRST], [1, 1])


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="columns of one length, found 2, 1 and 2 rows"):
        Marks(NAMED, FIRST, FIRST + 10).add(NAMED, [1, 2], [FIRST], [1, 1])


def test_a_due_of_another_stretch_is_refused() -> None:
    with pytest.raises(ValueError, match="a value for each of 10 minutes, found 9"):
        cover(ledger_of([]), Roster({}), FIRST, FIRST + 10, due=ALL_MISSING[:9])


def test_a_stretch_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a stretch of minutes"):
        Marks(NAMED, FIRST, FIRST - 1)
