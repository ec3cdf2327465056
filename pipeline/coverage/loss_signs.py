"""Which loss a sequence hole is a sign of: holes and lost minutes in, each hole given where it belongs; for losses.py.

A hole on minutes that are missing is these minutes' own lines, else those of a damaged segment in it or at its end,
else a loss of its own. While something of its minutes may still come in due time, a hole says nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.model import State
from pipeline.coverage.states import runs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from pipeline.coverage.model import Coverage, LedgerColumns, Run, SequenceHole, Stream

LINES = 1
BYTES = 2
WAITING = (State.LATE, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Sign:
    """A hole and the numbers of it that are lost: those in segments without numbers are not. `shared`: with losses
    beside this one, or with minutes that are not looked at, so that nobody knows how many of them are here."""

    hole: SequenceHole
    lost: int
    shared: bool = False

    def __str__(self) -> str:
        what = "lines" if self.hole.unit == LINES else "bytes of its log"
        also = ", shared with other minutes" if self.shared else ""
        numbers = f"{self.hole.first}-{self.hole.next - 1} of epoch {self.hole.epoch!r}"
        return f"sequence: {self.lost:,} {what} lost, within {numbers}{also}"


@dataclass(slots=True)
class Signs:
    """Signs by the lost run that they belong to, and those that are losses of their own."""

    of_run: dict[Run, list[Sign]] = field(default_factory=lambda: defaultdict(list))
    own: list[Sign] = field(default_factory=list)


class RunIndex:
    """Runs of one kind, found by the minutes of a stream that they overlap."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs: dict[Stream, list[Run]] = defaultdict(list)
        for run in sorted(runs, key=lambda run: (run.stream, run.first)):
            self._runs[run.stream].append(run)

    def over(self, stream: Stream, first: int, after: int) -> list[Run]:
        """The runs that overlap minutes [first, after)."""
        runs = self._runs.get(stream, [])
        begin = bisect_right(runs, first, key=lambda run: run.after)
        return runs[begin : bisect_left(runs, after, key=lambda run: run.first)]


def assign(
    coverage: Coverage,
    runs: Sequence[Run],
    holes: Sequence[SequenceHole],
    unnumbered: Unnumbered,
    due: NDArray[np.uint8] | None,
) -> Signs:
    """Give every hole to its loss. `runs`: those in MISSING or DAMAGED. `due`: what `due_of` says of the minutes."""
    missing = RunIndex(run for run in runs if run.state is State.MISSING)
    damaged = RunIndex(run for run in runs if run.state is State.DAMAGED)
    waiting = RunIndex(runs_of(coverage, WAITING)) if holes else RunIndex(())
    undue = np.zeros(1, np.int64) if due is None else np.concatenate([[0], np.cumsum(due != State.MISSING)])
    signs = Signs()
    for hole in holes:
        first, after = hole.from_minute, max(hole.after_minute, hole.from_minute + 1)
        begin, end = max(first, coverage.first), min(after, coverage.after)
        lost = (
            hole.lost if hole.inside else hole.lost - unnumbered.within(hole.stream, first, after, hole.unit)
        )
        if lost <= 0 or begin >= end:
            continue
        gone, torn = missing.over(hole.stream, begin, end), damaged.over(hole.stream, begin, end)
        if hole.inside:
            for run in torn:
                signs.of_run[run].append(Sign(hole, lost))
            if not torn:
                signs.own.append(Sign(hole, lost))
            continue
        if waiting.over(hole.stream, begin, end):
            continue
        if due is not None and undue[end - coverage.first] > undue[begin - coverage.first]:
            continue
        hidden = first < coverage.first - 1 or after > coverage.after
        if gone:
            shared = hidden or len(gone) > 1 or any(map(unnumbered.torn, torn))
            for run in gone:
                signs.of_run[run].append(Sign(hole, lost, shared))
            continue
        torn = torn or damaged.over(hole.stream, after, after + 1)
        for run in torn:
            signs.of_run[run].append(Sign(hole, lost, hidden or len(torn) > 1))
        if not torn and not hidden:
            signs.own.append(Sign(hole, lost))
    return signs


class Unnumbered:
    """Lines that came in segments without numbers: a hole across such segments has lost these numbers not.

    Only rows of streams that have holes between segments are kept.
    """

    def __init__(self, ledger: Iterable[LedgerColumns], holes: Iterable[SequenceHole]) -> None:
        asked = frozenset(hole.stream for hole in holes if not hole.inside)
        found: dict[Stream, list[NDArray[np.int64]]] = defaultdict(list)
        if asked:
            for piece in ledger:
                self._take(piece, asked, found)
        self._rows: dict[Stream, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = {}
        for stream, parts in found.items():
            rows = np.concatenate(parts, axis=1)
            rows = rows[:, np.argsort(rows[0], kind="stable")]
            sums = np.concatenate([np.zeros((2, 1), np.int64), np.cumsum(rows[1:3], axis=1)], axis=1)
            self._rows[stream] = rows[0], sums, rows[0][rows[3] != 0]

    @staticmethod
    def _take(
        piece: LedgerColumns, asked: frozenset[Stream], found: dict[Stream, list[NDArray[np.int64]]]
    ) -> None:
        wanted = np.array([stream in asked for stream in piece.streams], np.bool_)
        if not wanted.any() or not len(piece):
            return
        rows = np.flatnonzero((piece.unit == 0) & (piece.state != 2))
        rows = rows[wanted[piece.stream[rows]]]
        rows = rows[np.argsort(piece.stream[rows], kind="stable")]
        places, begins = np.unique(piece.stream[rows], return_index=True)
        for place, of in zip(places.tolist(), np.split(rows, begins[1:]), strict=len(places) > 0):
            lines = piece.lines[of].astype(np.int64) - piece.duplicates[of].astype(np.int64)
            content = piece.content_bytes[of].astype(np.int64)
            table = np.stack([piece.minute[of].astype(np.int64), lines, content, piece.state[of] >= 3])
            found[piece.streams[place]].append(table)

    def within(self, stream: Stream, first: int, after: int, unit: int) -> int:
        """How many lines, or bytes of the log, came without numbers in minutes [first, after)."""
        if stream not in self._rows:
            return 0
        minutes, sums, _ = self._rows[stream]
        begin, end = np.searchsorted(minutes, [first, after])
        return int(sums[0 if unit == LINES else 1, end] - sums[0 if unit == LINES else 1, begin])

    def torn(self, run: Run) -> bool:
        """Whether a damaged run has segments without numbers, and so is itself part of a hole over it."""
        if run.stream not in self._rows:
            return False
        begin, end = np.searchsorted(self._rows[run.stream][2], [run.first, run.after])
        return bool(end > begin)
