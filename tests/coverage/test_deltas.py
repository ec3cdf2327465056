"""Deltas as columns are the deltas one by one, and what is lost by them is the same, however few are looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.coverage.counter_losses import weigh
from pipeline.coverage.counters import deltas_of
from pipeline.coverage.deltas import Deltas
from pipeline.coverage.model import Coverage, LedgerColumns, Reading, State, Stream
from pipeline.coverage.readings import ReadingColumns
from tests.coverage.reference_sequences import Row, ledger_of

FIRST, MINUTES = 1000, 40
EDGES = ("e1", "e2", "e3")


def columns_of(readings: list[Reading]) -> ReadingColumns:
    """As the store gives them: by edge and time."""
    rows = sorted(readings, key=lambda reading: (reading.edge, reading.at))
    edges = tuple(sorted({row.edge for row in rows}))
    return ReadingColumns(
        edges,
        np.cumsum([0, *(sum(row.edge == edge for row in rows) for edge in edges)]).astype(np.int64),
        np.array([row.at for row in rows], np.float64),
        np.array([row.requests_total for row in rows], np.uint64),
        np.array([row.bytes_sent_total for row in rows], np.uint64),
    )


@st.composite
def served(draw: st.DrawFn) -> tuple[list[Reading], LedgerColumns]:
    """Edges that count what they serve, minute by minute or nearly so, with restarts, noise and lost lines."""
    aside = draw(st.sampled_from([0.0, 0.0, 2.5]))
    readings, rows = [], []
    for edge in EDGES[: draw(st.integers(0, 3))]:
        total, resets = 0, draw(st.sets(st.integers(0, MINUTES - 1), max_size=1))
        lost = draw(st.dictionaries(st.integers(0, MINUTES - 1), st.integers(1, 60), max_size=3))
        for minute in range(MINUTES):
            readings.append(Reading(edge, (FIRST + minute) * 60.0 + aside, total, total * 10_000))
            total = 0 if minute in resets else total
            total += 100 + minute % 7
            lines = 100 + minute % 7 - lost.get(minute, 0)
            row = Row(FIRST + minute, unit=0, lines=lines, bytes_sent=lines * 10_000, stream=Stream(edge))
            rows.append(row)
    return readings, ledger_of(rows or [Row(FIRST, unit=0)])


@settings(deadline=None)
@given(served())
def test_columns_say_the_same_as_nouns(world: tuple[list[Reading], LedgerColumns]) -> None:
    readings, ledger = world
    nouns, columns = deltas_of(readings, ledger), deltas_of(columns_of(readings), ledger)
    assert isinstance(columns, Deltas)
    assert list(columns) == list(nouns)
    assert columns[:] == [columns[place] for place in range(len(columns))]
    states = np.full((len(EDGES), MINUTES), State.RECEIVED, np.uint8)
    coverage = Coverage(tuple(Stream(edge) for edge in EDGES), FIRST, states)
    assert weigh([], coverage, columns) == weigh([], coverage, list(nouns))


def test_an_edge_that_lacks_is_looked_at() -> None:
    readings = [Reading("e1", (FIRST + m) * 60.0, 100 * m, 10**6 * m) for m in range(MINUTES)]
    row = Row(FIRST, unit=0, lines=100, bytes_sent=10**6, stream=Stream("e1"))
    rows = [replace(row, minute=FIRST + m) for m in range(MINUTES) if m != 20]
    coverage = Coverage((Stream("e1"),), FIRST, np.full((1, MINUTES), State.RECEIVED, np.uint8))
    (loss,) = weigh([], coverage, deltas_of(columns_of(readings), ledger_of(rows)))
    assert (loss.first, loss.after, loss.lost_bytes.expected) == (FIRST + 20, FIRST + 21, 10**6)
