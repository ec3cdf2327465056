"""Sequence holes: the numbers of a stream that no segment has, out of the ledger's columns, for losses and coverage.

Within an (edge, stream, epoch, unit) numbers have no holes where nothing was lost. Segments may come in any order,
overlap, and be read piece by piece. Where a counting begins anew, nothing is known across: by a new epoch as the
interface says, and also where numbers begin at 0 or 1 again, or below all before, under an old name (an inode that is
used again, a restart that says nothing, a counter of 32 bits that has come round).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kernels import entry
from pipeline.coverage.model import LedgerColumns, SequenceHole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pipeline.coverage.model import Stream

_FIELDS = 7
"""Of a run, as kernels.sequence_holes has them: counting, first, next, minute, last minute, lacking, unit."""

_SLOTS = 4
"""Runs that the kernel keeps open for each stream."""

_EPOCHS = 1 << 20
"""Room for epochs in the number of a counting."""


class Numbers:
    """All sequence numbers of a ledger as runs; rows are added piece by piece, then asked for their holes."""

    def __init__(self) -> None:
        self._streams: dict[Stream, int] = {}
        self._epochs: dict[str, int] = {}
        self._open = np.empty((0, _SLOTS, _FIELDS), np.int64)
        self._closed: list[NDArray[np.int64]] = []

    def add(self, ledger: LedgerColumns) -> None:
        """Take in segments, in any order; in the order of their minutes is quickest."""
        unit = np.ascontiguousarray(ledger.unit, np.uint8)
        n = len(unit)
        if not n or not unit.any():
            return
        streams = np.array(
            [self._streams.setdefault(s, len(self._streams)) for s in ledger.streams], np.int64
        )
        epochs = np.array([self._epochs.setdefault(e, len(self._epochs)) for e in ledger.epochs], np.int64)
        if len(self._epochs) > _EPOCHS:
            raise ValueError(f"expected at most {_EPOCHS} epochs, found {len(self._epochs)}")
        self._make_room()
        columns = _columns(ledger, unit)
        table = np.array([column.ctypes.data for column in columns], np.int64)
        order = _order(columns[0].view(np.uint32), columns[1].view(np.uint32))
        counts = np.zeros(1, np.int64)
        row, room = 0, 4 * len(self._streams) + 1024
        while row < n:
            runs = np.empty((room, _FIELDS), np.int64)
            counts[0] = 0
            row = entry.join_segments(
                table.ctypes.data,
                order.ctypes.data if order is not None else 0,
                row,
                n,
                streams.ctypes.data,
                epochs.ctypes.data,
                _EPOCHS,
                self._open.ctypes.data,
                runs.ctypes.data,
                room,
                counts.ctypes.data,
            )
            self._closed.append(runs[: counts[0]])
            room = min(2 * room, n + 1024)

    def _make_room(self) -> None:
        more = len(self._streams) - len(self._open)
        if more:
            empty = np.full((more, _SLOTS, _FIELDS), -1, np.int64)
            self._open = np.ascontiguousarray(np.concatenate([self._open, empty]))

    def holes(self) -> list[SequenceHole]:
        """The numbers that none has, by stream, epoch, unit and number."""
        still = self._open.reshape(-1, _FIELDS)
        runs = np.concatenate([*self._closed, still[still[:, 0] >= 0]])
        if not len(runs):
            return []
        runs = _without_idle(runs[np.lexsort((runs[:, 1], runs[:, 3], runs[:, 0]))])
        begun = np.empty(len(runs), np.int64)
        entry.number_countings(runs.ctypes.data, len(runs), begun.ctypes.data)
        sort = np.lexsort((runs[:, 3], runs[:, 2], runs[:, 1], begun))
        runs, begun = np.ascontiguousarray(runs[sort]), np.ascontiguousarray(begun[sort])
        _settle_heartbeats(runs, begun)
        found = np.empty((2 * len(runs), 6), np.int64)
        count = entry.find_holes(runs.ctypes.data, begun.ctypes.data, len(runs), found.ctypes.data)
        return self._named(runs, found[:count])

    def _named(self, runs: NDArray[np.int64], found: NDArray[np.int64]) -> list[SequenceHole]:
        streams, epochs = list(self._streams), list(self._epochs)
        countings = runs[found[:, 0], 0]
        named = [
            SequenceHole(
                stream=streams[counting // 4 // _EPOCHS],
                epoch=epochs[counting // 4 % _EPOCHS],
                unit=counting % 4,
                first=first,
                next=after,
                from_minute=from_minute,
                after_minute=after_minute,
                inside=bool(inside),
            )
            for counting, (_, first, after, from_minute, after_minute, inside) in zip(
                countings.tolist(), found.tolist(), strict=True
            )
        ]
        return sorted(named, key=lambda h: (h.stream, h.epoch, h.unit, h.from_minute, h.first, h.next))


def find_holes(ledger: LedgerColumns | Iterable[LedgerColumns]) -> list[SequenceHole]:
    """The holes in the sequence numbers of a ledger, whole or in pieces.

    Holes between two segments belong to the minutes from the earlier one's on and before the later one's, or to the
    later one's where that is none; those within one to its own, as its last numbers: which it lacks, nothing tells.
    Numbers lost before the first and after the last segment of a counting are not known.
    """
    numbers = Numbers()
    for piece in [ledger] if isinstance(ledger, LedgerColumns) else ledger:
        numbers.add(piece)
    return numbers.holes()


def _without_idle(runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Runs, ordered by counting and minute, but for empty segments at number 0 or 1 where only greater numbers came
    before: a heartbeat that names no place, or a new file that is still empty. They say nothing of the others."""
    idle = (runs[:, 1] == runs[:, 2]) & (runs[:, 1] <= 1)
    if not idle.any():
        return np.ascontiguousarray(runs)
    _, group = np.unique(runs[:, 0], return_inverse=True)
    begun, low = (np.full(int(group[-1]) + 1, len(runs)) for _ in range(2))
    for since, which in ((begun, ~idle), (low, ~idle & (runs[:, 1] <= 1))):
        np.minimum.at(since, group[which], np.flatnonzero(which))
    place = np.arange(len(runs))
    return np.ascontiguousarray(runs[~(idle & (place > begun[group]) & (place < low[group]))])


def _settle_heartbeats(runs: NDArray[np.int64], begun: NDArray[np.int64]) -> None:
    """Of runs that begin with one number, an empty one comes first, and says when a hole before it ended: let it be
    the earliest of them that says so, in place."""
    begins = (np.diff(runs[:, 1], prepend=-1) != 0) | (np.diff(begun, prepend=-1) != 0)
    starts = np.flatnonzero(begins)
    earliest = np.minimum.reduceat(runs[:, 3], starts)
    empty = runs[starts, 1] == runs[starts, 2]
    runs[starts[empty], 3] = earliest[empty]


def _columns(ledger: LedgerColumns, unit: NDArray[np.uint8]) -> list[NDArray[np.generic]]:
    """What `join_segments` reads, in its order."""
    words = (ledger.first, ledger.next, ledger.lines, ledger.duplicates, ledger.content_bytes)
    return [
        *(np.ascontiguousarray(column, np.uint32) for column in (ledger.stream, ledger.minute, ledger.epoch)),
        unit,
        *(np.ascontiguousarray(column, np.uint64) for column in words),
    ]


def _order(stream: NDArray[np.uint32], minute: NDArray[np.uint32]) -> NDArray[np.uint32] | None:
    """The rows' order by minute; None where each stream's rows are in it already: all together, or stream by stream."""
    back = minute[1:] < minute[:-1]
    if not back.any():
        return None
    change = stream[1:] != stream[:-1]
    if not np.any(back & ~change) and np.count_nonzero(change) < len(np.unique(stream[:-1][change])) + 1:
        return None
    first, last = int(minute.min()), int(minute.max())
    order, counts = np.empty(len(minute), np.uint32), np.zeros(last - first + 1, np.int64)
    if len(counts) > 4 * len(minute) + (1 << 20):
        return np.argsort(minute, kind="stable").astype(np.uint32)
    entry.order_by_minute(
        minute.ctypes.data, len(minute), first, order.ctypes.data, counts.ctypes.data, len(counts)
    )
    return order
