"""Months of a large network's ledger as columns, made in a second or two, with outages whose minutes are known.

Rows lie as the store keeps them, minute by minute with the streams of a minute in the order of their hashes; they go to
`loadtest.bench_coverage`. Only what coverage reads is there; the other columns are one zero, shown as many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.coverage.model import FOREVER, Expectation, LedgerColumns, Roster, Span, Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_MINUTE = 29_891_520  # 2026-11-01T00:00Z
DAY = 1440
MONTH = 30 * DAY
ORDERS = 64
"""Orders of the streams within a minute; they repeat, since what matters is that neighbours are strangers."""

HEARTBEATS, DAMAGED = 97, 100_003
"""Of so many segments one is empty, or damaged."""


@dataclass(frozen=True, slots=True)
class MonthLedger:
    """Columns and the roster that expects them, minutes [first, after), and how many minutes of streams are lost."""

    columns: LedgerColumns
    roster: Roster
    first: int
    after: int
    lost: int


def streams_of(edges: int, name: str = "e{:05}") -> tuple[Stream, ...]:
    """The streams of so many edges, whose names are made of their numbers."""
    return tuple(Stream(name.format(number)) for number in range(edges))


def roster_of(edges: int, first: int, name: str = "e{:05}") -> Roster:
    """Every edge expected from `first` on."""
    spans = (Span(first, FOREVER, Expectation.EXPECTED),)
    return Roster(dict.fromkeys(streams_of(edges, name), spans))


def make_month(edges: int, minutes: int = MONTH, *, first: int = FIRST_MINUTE, seed: int = 1) -> MonthLedger:
    """One segment a minute of each edge, but for outages: one a month of each edge, up to two hours long."""
    random = np.random.default_rng(seed)
    lost = _outages(random, edges, minutes)
    orders = np.stack([random.permutation(edges).astype(np.uint32) for _ in range(ORDERS)])
    rows = edges * minutes - int(lost.sum())
    stream, minute = np.empty(rows, np.uint32), np.empty(rows, np.uint32)
    filled = 0
    for day in range(0, minutes, DAY):
        after = min(day + DAY, minutes)
        of_day = orders[np.arange(day, after) % ORDERS]
        there = ~np.take_along_axis(lost[day:after], of_day.astype(np.int64), axis=1)
        end = filled + int(there.sum())
        stream[filled:end] = of_day[there]
        minute[filled:end] = np.repeat(
            np.arange(first + day, first + after, dtype=np.uint32), there.sum(axis=1)
        )
        filled = end
    state = np.ones(rows, np.uint8)
    state[::HEARTBEATS] = 2
    state[::DAMAGED] = 3
    columns = narrow_columns(streams_of(edges), stream, minute, state)
    return MonthLedger(columns, roster_of(edges, first), first, first + minutes, int(lost.sum()))


def _outages(random: np.random.Generator, edges: int, minutes: int) -> NDArray[np.bool_]:
    """Which (minute, edge) are lost."""
    lost = np.zeros((minutes, edges), bool)
    count = max(1, edges * minutes // MONTH)
    starts, lengths = random.integers(0, minutes, count), random.integers(1, 121, count)
    for start, length, edge in zip(starts, lengths, random.integers(0, edges, count), strict=True):
        lost[start : start + length, edge] = True
    return lost


def narrow_columns(
    streams: tuple[Stream, ...],
    stream: NDArray[np.uint32],
    minute: NDArray[np.uint32],
    state: NDArray[np.uint8],
) -> LedgerColumns:
    """Ledger columns of which only stream, minute and state are real."""

    def nothing(kind: Any) -> Any:
        return np.broadcast_to(np.zeros(1, kind), len(minute))

    wide, place, flag = nothing(np.uint64), nothing(np.uint32), nothing(np.uint8)
    counts = {"lines": wide, "duplicates": wide, "bytes_sent": wide, "content_bytes": wide}
    numbers = {"epoch": place, "first": wide, "next": wide, "unit": flag}
    return LedgerColumns(
        streams, ("",), stream, minute, state, **counts, **numbers, committed=nothing(np.float64)
    )
