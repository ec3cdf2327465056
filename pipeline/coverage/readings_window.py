"""Counter readings of the last hours kept in memory, brought further by those that came since; for kept.py.

Readings have no numbers, so nothing tells which are new but how many there are: where as many came as are found among
the last minutes', these are all; else some came for earlier minutes, and everything is read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.readings import ReadingColumns

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Read = Callable[[float], tuple[ReadingColumns, int, int]]

RECENT_S = 900.0
"""Readings of so much time before the latest are asked for again."""


class ReadingsWindow:
    """All readings from `since` on. `read(since)`: all from then on, how many rows of the table these are (of one edge
    and instant only the last is a reading), and how many the table had just before."""

    def __init__(self, since: float, read: Read) -> None:
        self.since = since
        self._columns, rows, self._count = read(since)
        self._look_from(max(since, self._latest() - RECENT_S), read, rows)

    def _look_from(self, recent: float, read: Read, rows: int) -> None:
        """From where on news are looked for: at what the whole of it was read from, or a second look is needed."""
        self._recent, self._rows = recent, rows
        if recent > self.since:
            _, self._rows, count = read(recent)
            if count != self._count:
                self._count = -1  # more came between: nobody knows which

    def _latest(self) -> float:
        return float(self._columns.at.max()) if len(self._columns) else self.since

    def refresh(self, count: int, read: Read) -> bool:
        """Take in what came until the table had `count` rows, or more; False where some is of earlier minutes, and
        nothing was taken in."""
        if count == self._count:
            return True
        news, rows, count = read(self._recent)
        if self._count < 0 or rows - self._rows != count - self._count:
            return False
        self._columns = _joined(_before(self._columns, self._recent), news)
        self._count, self._rows = count, rows
        latest = self._latest()
        if latest > self._recent + 3 * RECENT_S:  # seldom, since it takes another look
            self._look_from(latest - RECENT_S, read, rows)
        return True

    def columns(self, since: float, until: float) -> ReadingColumns:
        """Those in [since, until)."""
        columns = self._columns
        return _chosen(columns, (columns.at >= since) & (columns.at < until))

    def forget(self, since: float) -> None:
        """Leave out those before `since`."""
        if since > self.since and since <= self._recent:
            self._columns, self.since = self.columns(since, np.inf), since


def _before(columns: ReadingColumns, at: float) -> ReadingColumns:
    return _chosen(columns, columns.at < at)


def _chosen(columns: ReadingColumns, which: NDArray[np.bool_]) -> ReadingColumns:
    counts = np.diff(np.concatenate([[0], np.cumsum(which)])[columns.starts])
    there = np.flatnonzero(counts)
    return ReadingColumns(
        tuple(columns.edges[place] for place in there.tolist()),
        np.concatenate([[0], np.cumsum(counts[there])]).astype(np.int64),
        columns.at[which],
        columns.requests[which],
        columns.bytes_sent[which],
    )


def _joined(earlier: ReadingColumns, later: ReadingColumns) -> ReadingColumns:
    """Two that do not overlap in time, by edge and time again."""
    edges = tuple(sorted({*earlier.edges, *later.edges}))
    place = {edge: number for number, edge in enumerate(edges)}
    rows = [
        np.repeat(np.array([place[edge] for edge in part.edges], np.int64), np.diff(part.starts))
        for part in (earlier, later)
    ]
    counts = np.bincount(np.concatenate(rows), minlength=len(edges))
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    # an edge's later rows are its last
    of_edge = np.bincount(rows[1], minlength=len(edges))
    at_later = (starts[1:] - np.cumsum(of_edge))[rows[1]] + np.arange(len(rows[1]))
    mine = np.ones(len(rows[0]) + len(rows[1]), np.bool_)
    mine[at_later] = False

    def join(one: NDArray[np.generic], other: NDArray[np.generic]) -> NDArray[np.generic]:
        out = np.empty(len(mine), one.dtype)
        out[mine], out[at_later] = one, other
        return out

    return ReadingColumns(
        edges,
        starts,
        join(earlier.at, later.at),  # type: ignore[arg-type]
        join(earlier.requests, later.requests),  # type: ignore[arg-type]
        join(earlier.bytes_sent, later.bytes_sent),  # type: ignore[arg-type]
    )
