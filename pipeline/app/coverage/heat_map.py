"""A heat map of coverage: edges by time, the worst state of each cell; from a Coverage to cells, pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from pipeline.coverage.model import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.coverage.model import Coverage

Zoom = Literal["month", "day", "hour", "minute"]
"""How much time a cell holds."""


class Look(NamedTuple):
    """How a state is shown: its letter, its colour, and what it is called."""

    letter: str
    style: str
    name: str


LOOKS: dict[State, Look] = {
    State.NONE: Look(" ", "", "not expected"),
    State.DECOMMISSIONED: Look("o", "dim", "decommissioned"),
    State.PAUSED: Look("p", "cyan", "paused"),
    State.EMPTY: Look("e", "green", "empty"),
    State.RECEIVED: Look("r", "green", "received"),
    State.LATE: Look("L", "yellow", "late"),
    State.UNEXPECTED: Look("X", "magenta", "unexpected"),
    State.UNKNOWN: Look("U", "black on white", "unknown"),
    State.PARTIAL: Look("S", "black on yellow", "partial"),
    State.DAMAGED: Look("D", "white on magenta", "damaged"),
    State.MISSING: Look("M", "bold white on red", "missing"),
}
"""Every state, the least worrying first: a cell shows the last that is in it. Letters of good states are small."""

IN = (State.RECEIVED, State.EMPTY, State.PARTIAL, State.DAMAGED)
EXPECTED = (*IN, State.LATE, State.MISSING, State.UNKNOWN)
LOST = (State.MISSING, State.DAMAGED, State.PARTIAL)

_ORDER = tuple(LOOKS)
_RANK = np.zeros(256, np.uint8)
for _place, _state in enumerate(_ORDER):
    _RANK[_state] = _place


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the map: its name, the worst state of each cell, and how many of its minutes are in each state."""

    name: str
    cells: tuple[State, ...]
    counts: dict[State, int]

    @property
    def lost(self) -> int:
        """Minutes that are missing, damaged or partial."""
        return sum(self.counts.get(state, 0) for state in LOST)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """`starts`: the first minute of each cell. `counts`: minutes in each state, all rows together."""

    zoom: Zoom
    starts: tuple[int, ...]
    rows: tuple[Row, ...]
    counts: dict[State, int]


def zoom_for(minutes: int) -> Zoom:
    """What shows a period in few lines and still finds a place in it."""
    if minutes <= 4 * 60:
        return "minute"
    if minutes <= 8 * 1440:
        return "hour"
    return "day" if minutes <= 200 * 1440 else "month"


def cell_starts(first: int, after: int, zoom: Zoom) -> list[int]:
    """The first minute of each cell of [first, after); days and months are those of UTC."""
    if zoom != "month":
        size = {"minute": 1, "hour": 60, "day": 1440}[zoom]
        return [first, *range(first // size * size + size, after, size)]
    starts = [first]
    at = datetime.fromtimestamp(first * 60, UTC)
    year, month = at.year, at.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        minute = int(datetime(year, month, 1, tzinfo=UTC).timestamp()) // 60
        if minute >= after:
            return starts
        starts.append(minute)


def draw(coverage: Coverage, zoom: Zoom, *, by_stream: bool = False) -> HeatMap:
    """The map of a coverage: a row an edge, or one a stream."""
    starts = cell_starts(coverage.first, coverage.after, zoom)
    places = np.array(starts, np.int64) - coverage.first
    names: dict[str, list[int]] = {}
    for number, stream in enumerate(coverage.streams):
        names.setdefault(str(stream) if by_stream else stream.edge, []).append(number)
    rows = []
    total: dict[State, int] = {}
    for name, numbers in names.items():
        states = coverage.states[
            numbers[0] : numbers[-1] + 1
        ]  # streams are in order, so those of an edge adjoin
        counts = _counts(states)
        for state, count in counts.items():
            total[state] = total.get(state, 0) + count
        worst = np.maximum.reduceat(_RANK[states].max(axis=0), places)
        rows.append(Row(name, tuple(_ORDER[rank] for rank in worst.tolist()), counts))
    return HeatMap(zoom, tuple(starts), tuple(rows), total)


def worst_rows(rows: Sequence[Row], limit: int) -> tuple[tuple[Row, ...], int]:
    """At most `limit` rows in their order, those with the most lost minutes first chosen; and how many are left out."""
    if len(rows) <= limit:
        return tuple(rows), 0
    by_loss = sorted(range(len(rows)), key=lambda place: (-_worry(rows[place]), place))
    return tuple(rows[place] for place in sorted(by_loss[:limit])), len(rows) - limit


def _worry(row: Row) -> int:
    return row.lost + row.counts.get(State.LATE, 0) + row.counts.get(State.UNKNOWN, 0)


def _counts(states: NDArray[np.uint8]) -> dict[State, int]:
    found = np.bincount(states.ravel(), minlength=len(State))
    return {State(place): int(count) for place, count in enumerate(found.tolist()) if count}


def share_in(counts: dict[State, int]) -> float | None:
    """The part of the expected minutes that is in and whole; `None` where nothing was expected."""
    expected = sum(counts.get(state, 0) for state in EXPECTED)
    whole = counts.get(State.RECEIVED, 0) + counts.get(State.EMPTY, 0)
    return whole / expected if expected else None
