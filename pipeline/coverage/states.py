"""States of minutes: what is in by the ledger against what the roster expects, as one byte a minute, and as runs.

Rows come from the store's ledger, whole or piece by piece; what becomes of them goes to losses, to the store and to the
heat map. `now` and beats are epoch seconds, minutes are counted since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from kernels import entry
from kernels.memory import zeroed
from pipeline.coverage.model import Coverage, Expectation, Run, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from pipeline.coverage.model import LedgerColumns, Roster, Stream

MINUTE_S = 60

_ABSENT = {
    Expectation.NOT: int(State.NONE),
    Expectation.EXPECTED: -1,
    Expectation.PAUSED: int(State.PAUSED),
    Expectation.DECOMMISSIONED: int(State.DECOMMISSIONED),
}


def due_of(
    first: int,
    after: int,
    *,
    now: float,
    allowance_s: float,
    beats: NDArray[np.float64],
    looks: NDArray[np.float64] | None = None,
    recheck_s: float = 60.0,
) -> NDArray[np.uint8]:
    """What each minute [first, after) is, if expected and not in: LATE, MISSING or UNKNOWN; NONE until it has ended.

    A minute is due an allowance after its end; where we were blind at some instant between, an allowance after we saw
    again. Blind is a time without a beat longer than `recheck_s`, from its last beat on, since nothing tells when after
    it we stopped; also all time before the first beat. Without beats we were never blind, so `beats` that were cut to
    some hours must hold one if there is any.

    `looks`: instants at which somebody who does not stay (`prebill run --once`) had all in that lay there, ascending.
    Between two of them, an allowance apart, a sender had time: what ended before the first and is not in by the second
    is missing. One alone proves nothing: what could not reach us while we were away may be on its way.
    """
    ends = (np.arange(first, after, dtype=np.float64) + 1) * MINUTE_S
    deadlines, moved = ends + allowance_s, np.zeros(len(ends), bool)
    starts, untils = _blind(np.asarray(beats, np.float64), now, recheck_s)
    if len(starts):
        settled = _settled(starts, untils, allowance_s)
        spell = np.searchsorted(untils, ends, side="right")
        spell[spell == len(starts)] = len(starts) - 1
        moved = (starts[spell] < deadlines) & (untils[spell] > ends)
        deadlines = np.where(moved, settled[spell], deadlines)
    due = np.where(moved, int(State.UNKNOWN), int(State.LATE)).astype(np.uint8)
    due[now >= deadlines] = State.MISSING
    if looks is not None and len(known := looks[looks <= now]):
        seen = np.append(known, np.inf)[np.searchsorted(known, ends)]
        due[seen + allowance_s <= known[-1]] = State.MISSING
    due[ends > now] = State.NONE
    return due


def _blind(
    beats: NDArray[np.float64], now: float, silence_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """When we were blind: where spells start and end, ascending, apart or touching."""
    if not len(beats):
        return np.empty(0), np.empty(0)
    known = np.sort(beats[beats <= now])
    edges = np.concatenate(
        [[-np.inf], known, [now if len(known) and now - known[-1] <= silence_s else np.inf]]
    )
    silent = np.flatnonzero(np.diff(edges) > silence_s)
    return edges[silent], edges[silent + 1]


def _settled(
    starts: NDArray[np.float64], untils: NDArray[np.float64], allowance_s: float
) -> NDArray[np.float64]:
    """The deadline of what falls due in each spell: an allowance after it, or of the next that begins before that."""
    settled = untils + allowance_s
    for j in range(len(starts) - 2, -1, -1):
        if starts[j + 1] < settled[j]:
            settled[j] = settled[j + 1]
    return settled


class Marks:
    """What is in, a byte for each (stream, minute) of [first, after): rows are added piece by piece, then settled.

    So a month of a large network needs the memory of its states and of one piece, not of all its rows.
    """

    def __init__(self, streams: Iterable[Stream], first: int, after: int) -> None:
        if after < first:
            raise ValueError(f"expected a stretch of minutes, found one from {first} to {after}")
        self._first, self._width = first, after - first
        self._streams = tuple(sorted(set(streams)))
        self._marks = zeroed((len(self._streams), self._width), np.uint8)
        start = self._marks.ctypes.data
        self._rows = {stream: start + i * self._width for i, stream in enumerate(self._streams)}
        self._later: dict[Stream, NDArray[np.uint8]] = {}

    def add(self, streams: Sequence[Stream], stream: ArrayLike, minute: ArrayLike, state: ArrayLike) -> None:
        """Take in segments, in any order: their places in `streams`, minutes, and states as SEGMENT_STATES counts them.

        Minutes out of the stretch are left out. ValueError where columns differ in length or a place is no stream's.
        """
        places = np.ascontiguousarray(stream, np.uint32)
        minutes = np.ascontiguousarray(minute, np.uint32)
        states = np.ascontiguousarray(state, np.uint8)
        if not len(places) == len(minutes) == len(states):
            lengths = f"{len(places)}, {len(minutes)} and {len(states)}"
            raise ValueError(f"stream, minute, state: expected columns of one length, found {lengths} rows")
        rows = np.array([self._row(of) for of in streams], np.int64)
        columns = (places.ctypes.data, minutes.ctypes.data, states.ctypes.data, len(places))
        done = entry.mark_minutes(*columns, rows.ctypes.data, len(rows), self._first, self._width)
        if done < 0:
            place = -1 - done
            raise ValueError(
                f"row {place}: expected one of {len(rows)} streams, found the place {places[place]}"
            )

    def _row(self, stream: Stream) -> int:
        """Where the marks of a stream begin; one that was not foretold gets a row of its own."""
        if stream not in self._rows:
            self._later[stream] = zeroed(self._width, np.uint8)
            self._rows[stream] = self._later[stream].ctypes.data
        return self._rows[stream]

    def settle(self, roster: Roster, *, due: NDArray[np.uint8]) -> Coverage:
        """The coverage that these marks come to; they are used up. `due`: what `due_of` says of the same minutes."""
        due = np.ascontiguousarray(due, np.uint8)
        if len(due) != self._width:
            raise ValueError(f"due: expected a value for each of {self._width} minutes, found {len(due)}")
        streams, states = self._in_order(roster)
        starts, spans = _spans(roster, streams, self._first, self._width)
        table = (due.ctypes.data, starts.ctypes.data, spans.ctypes.data)
        entry.settle_minutes(states.ctypes.data, len(streams), self._width, *table)
        return Coverage(streams, self._first, states)

    def _in_order(self, roster: Roster) -> tuple[tuple[Stream, ...], NDArray[np.uint8]]:
        """All streams ascending, and their marks: copied only where streams came that were not foretold."""
        for stream in roster.spans:
            self._row(stream)
        if not self._later:
            return self._streams, self._marks
        streams = tuple(sorted(self._rows))
        old = dict(zip(self._streams, self._marks, strict=True))
        marks = zeroed((len(streams), self._width), np.uint8)
        for line, stream in zip(marks, streams, strict=True):
            line[:] = self._later[stream] if stream in self._later else old[stream]
        return streams, marks


def cover(
    ledger: LedgerColumns,
    roster: Roster,
    first: int,
    after: int,
    *,
    due: NDArray[np.uint8],
) -> Coverage:
    """The state of every minute [first, after) of every stream that the roster or the ledger names; partial.py says
    which of those that are in are not whole."""
    return cover_pieces((ledger,), roster, first, after, due=due)


def cover_pieces(
    pieces: Iterable[LedgerColumns],
    roster: Roster,
    first: int,
    after: int,
    *,
    due: NDArray[np.uint8],
) -> Coverage:
    """The same out of a ledger that is read piece by piece, day by day perhaps; each may name streams of its own."""
    rest = iter(pieces)
    heads = list(islice(rest, 1))
    marks = Marks(chain(roster.spans, *(head.streams for head in heads)), first, after)
    for piece in chain(heads, rest):
        marks.add(piece.streams, piece.stream, piece.minute, piece.state)
    return marks.settle(roster, due=due)


def _spans(
    roster: Roster, streams: Sequence[Stream], first: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The roster as `settle_minutes` reads it: where each stream's spans begin, and the spans."""
    of = [roster.spans.get(stream, ()) for stream in streams]
    starts = np.zeros(len(streams) + 1, np.int64)
    np.cumsum([len(spans) for spans in of], out=starts[1:])
    flat = [(span.first, span.after, _ABSENT[span.says]) for span in chain.from_iterable(of)]
    spans = np.array(flat, np.int64).reshape(-1, 3)
    spans[:, :2] = np.clip(spans[:, :2] - first, 0, width)
    return starts, spans


@dataclass(frozen=True, slots=True)
class RunColumns:
    """Runs as columns, by stream and minute, n of them: `row`: uint32[n], places in the coverage's streams; `first`,
    `after`: uint32[n], minutes; `state`: uint8[n]."""

    row: NDArray[np.uint32]
    first: NDArray[np.uint32]
    after: NDArray[np.uint32]
    state: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.row)


def run_columns(coverage: Coverage, states: Iterable[State] | None = None) -> RunColumns:
    """Runs of neighbouring minutes in one of the states, all but NONE where none are named."""
    of_minutes = np.ascontiguousarray(coverage.states, np.uint8)
    rows, width = of_minutes.shape
    chosen = set(State) - {State.NONE} if states is None else set(states)
    wanted = sum(1 << state for state in chosen)
    found = _find(of_minutes, rows, width, wanted)
    first = np.uint32(coverage.first)
    return RunColumns(found[:, 0], found[:, 1] + first, found[:, 2] + first, found[:, 3].astype(np.uint8))


def _find(states: NDArray[np.uint8], rows: int, width: int, wanted: int) -> NDArray[np.uint32]:
    """(row, first, after, state) of each run; counted first, since to look twice is cheaper than to guess."""
    count = entry.find_runs(states.ctypes.data, rows, width, wanted, 0, 0)
    found = np.empty((count, 4), np.uint32)
    entry.find_runs(states.ctypes.data, rows, width, wanted, found.ctypes.data, count)
    return found


def runs_of(coverage: Coverage, states: Iterable[State] | None = None) -> list[Run]:
    """The same as nouns."""
    runs = run_columns(coverage, states)
    columns = (runs.row.tolist(), runs.first.tolist(), runs.after.tolist(), runs.state.tolist())
    named = list(State)
    return [
        Run(coverage.streams[row], first, after, named[state])
        for row, first, after, state in zip(*columns, strict=True)
    ]
