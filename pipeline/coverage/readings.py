"""Readings of an edge's cumulative counters made into one line that only rises, and that line at the ends of minutes.

Readings come from the store in any order; pipeline.coverage.counters makes deltas of the line. What is understood on
the way: a reading given twice, a counter that began again at 0, one of 32 or 64 bits that came round, and readings of
another machine under the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.coverage.model import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_WRAPS = (1 << 32, 1 << 64)

_OFTEN_S = 15.0
"""Readings this near to one another are taken as they are: little of a minute is in the wrong one, and all that is
counted stays a number that was really read."""

_NEAR_S = 30.0
"""A reading further from the end of a minute says nothing of that end."""

_JUST_S = 1.0

MOST = 1 << 62
"""What no honest counter rises by: a line goes no higher."""


@dataclass(frozen=True, slots=True)
class ReadingColumns:
    """Readings as columns, by edge and time: millions of them, where a noun each would take minutes and gigabytes.

    `edges`: ascending. `starts`: int64[edges + 1], where each edge's rows begin. `at`: float64[n], epoch seconds;
    `requests`, `bytes_sent`: uint64[n], the totals.
    """

    edges: tuple[str, ...]
    starts: NDArray[np.int64]
    at: NDArray[np.float64]
    requests: NDArray[np.uint64]
    bytes_sent: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.at)

    @classmethod
    def empty(cls) -> ReadingColumns:
        """No readings."""
        none = np.zeros(0, np.uint64)
        return cls((), np.zeros(1, np.int64), np.zeros(0), none, none)

    def line(self, place: int) -> Line:
        """The line of one edge's readings."""
        rows = slice(self.starts[place], self.starts[place + 1])
        at, requests, sent = self.at[rows], self.requests[rows], self.bytes_sent[rows]
        if len(at) and max(int(requests[-1]), int(sent[-1])) <= MOST:
            # lower than the last where they rise; where not, they are looked at one by one
            line = _rising_columns(at, requests.astype(np.int64), sent.astype(np.int64))
            if line is not None:
                return line
        totals = zip(at.tolist(), requests.tolist(), sent.tolist(), strict=True)
        return edge_line([Reading(self.edges[place], *row) for row in totals])


class _Row(NamedTuple):
    at: float
    requests: int
    bytes_sent: int


@dataclass(frozen=True, slots=True)
class Line:
    """One edge's counters as they would have gone on without resets. `at`: float64[n], ascending; `requests`,
    `bytes_sent`: int64[n], from 0 at the first reading; `reset`: bool[n], they began again since the one before."""

    at: NDArray[np.float64]
    requests: NDArray[np.int64]
    bytes_sent: NDArray[np.int64]
    reset: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Minutes:
    """A line where minutes end. `minute`: int64[n], the minute after each end; the rest as of the line; `reset`: since
    the one before."""

    minute: NDArray[np.int64]
    requests: NDArray[np.int64]
    bytes_sent: NDArray[np.int64]
    reset: NDArray[np.bool_]


def edge_line(readings: Sequence[Reading]) -> Line:
    """The line of one edge's readings: a delta is the rise between two, and all of the new value after a reset."""
    return _rising(readings) or _mended(_in_order(readings))


def _rising(readings: Sequence[Reading]) -> Line | None:
    """The line where readings come in order and only rise, as nearly all do, in a ninth of the time; None where not."""
    try:
        requests = np.array([reading.requests_total for reading in readings], np.int64)
        sent = np.array([reading.bytes_sent_total for reading in readings], np.int64)
    except OverflowError:
        return None
    return _rising_columns(np.array([reading.at for reading in readings], np.float64), requests, sent)


def _rising_columns(
    at: NDArray[np.float64], requests: NDArray[np.int64], sent: NDArray[np.int64]
) -> Line | None:
    if not len(at) or max(requests[-1], sent[-1]) > MOST or min(requests[0], sent[0]) < 0:
        return None
    if np.any(at[1:] <= at[:-1]) or np.any(requests[1:] < requests[:-1]) or np.any(sent[1:] < sent[:-1]):
        return None
    return Line(at, requests - requests[0], sent - sent[0], np.zeros(len(at), bool))


def _mended(rows: list[_Row]) -> Line:
    if any(b[1] < a[1] or b[2] < a[2] for a, b in pairwise(rows)):
        rows = _without_strangers(rows)
    at = np.array([row.at for row in rows], np.float64)
    requests, sent = [0] if rows else [], [0] if rows else []
    reset = np.zeros(len(rows), bool)
    for i in range(1, len(rows)):
        before, row = rows[i - 1], rows[i]
        more_requests, more_sent = row.requests - before.requests, row.bytes_sent - before.bytes_sent
        if more_requests < 0 or more_sent < 0:
            more_requests, more_sent, reset[i] = _after_fall(before, row)
        requests.append(min(requests[-1] + more_requests, MOST))
        sent.append(min(sent[-1] + more_sent, MOST))
    return Line(at, np.array(requests, np.int64), np.array(sent, np.int64), reset)


def at_minutes(line: Line) -> Minutes:
    """The line at the ends of minutes that a reading lies near to, one for each such reading.

    A reading at the end itself stands. Between two it is interpolated, so that one that comes seconds late each minute
    does not give a minute's end to the next; where they follow each other within seconds, the one before the end
    stands.
    """
    whole = line.at / 60
    minutes = np.round(whole).astype(np.int64)
    if np.array_equal(whole, minutes):
        return Minutes(minutes, line.requests, line.bytes_sent, line.reset)
    ends = np.unique(minutes)
    instants = ends * 60.0
    n = len(line.at)
    before = np.searchsorted(line.at, instants, side="right") - 1
    low, high = np.clip(before, 0, max(n - 1, 0)), np.clip(before + 1, 0, max(n - 1, 0))
    if not n:
        empty = np.zeros(0, np.int64)
        return Minutes(empty, empty, empty, np.zeros(0, bool))
    behind, ahead = instants - line.at[low], line.at[high] - instants
    exact = (before >= 0) & (behind <= _JUST_S)
    inner = (before >= 0) & (before + 1 < n)
    often = inner & (behind + ahead <= _OFTEN_S)
    between = inner & (np.minimum(behind, ahead) <= _NEAR_S) & ~line.reset[high]
    starts = (before < 0) & (line.at[0] - instants <= _JUST_S)
    part = np.where(exact | often | starts, 0.0, behind / np.maximum(line.at[high] - line.at[low], 1e-9))
    # Where a counter began again nobody knows when: the nearer reading stands for the end.
    torn = inner & line.reset[high] & (np.minimum(behind, ahead) <= _NEAR_S) & ~exact & ~often
    part = np.where(torn, (ahead < behind).astype(np.float64), part)
    good = exact | often | between | starts | torn
    # Beyond 2^53 a product may be rounded past the next reading.
    values = [
        np.minimum(column[low] + np.round(part * (column[high] - column[low])).astype(np.int64), column[high])
        for column in (line.requests, line.bytes_sent)
    ]
    resets = np.cumsum(line.reset)
    reached = np.where(part > 0, resets[high], resets[low])[good]
    return Minutes(
        ends[good],
        values[0][good],
        values[1][good],
        np.diff(reached, prepend=reached[:1]) > 0,
    )


def _in_order(readings: Iterable[Reading]) -> list[_Row]:
    """By time; of several at one instant the greatest, since counters only rise."""
    latest: dict[float, tuple[int, int]] = {}
    for reading in readings:
        value = (reading.requests_total, reading.bytes_sent_total)
        latest[reading.at] = max(latest.get(reading.at, value), value)
    return [_Row(at, *value) for at, value in sorted(latest.items())]


def _without_strangers(rows: list[_Row]) -> list[_Row]:
    """Leave out readings that another machine answered: those around go on as if they were not there.

    A counter that began again stays low, one that goes on where it was before did not begin again. Only where it
    has come far, compared with what it goes on by, can the two be told apart.
    """
    kept: list[_Row] = []
    for i, row in enumerate(rows):
        if kept and i + 1 < len(rows) and _stranger(kept[-1], row, rows[i + 1]):
            continue
        kept.append(row)
    return kept


def _stranger(before: _Row, row: _Row, after: _Row) -> bool:
    falls = any(
        b < a for a, b in (*zip(before[1:], row[1:], strict=True), *zip(row[1:], after[1:], strict=True))
    )
    goes_on = all(a <= b and 3 * (b - a) <= a for a, b in zip(before[1:], after[1:], strict=True))
    return falls and goes_on


def _after_fall(before: _Row, row: _Row) -> tuple[int, int, bool]:
    """(requests, bytes, whether it is a reset) since a reading that was higher in one counter or in both.

    A restart sets both to 0. Where one only falls, from the last tenth of its bits to a value that goes on from there,
    it came round.
    """
    requests, sent = row.requests - before.requests, row.bytes_sent - before.bytes_sent
    if requests >= 0 and (round_ := _came_round(before.bytes_sent, row.bytes_sent)):
        return requests, round_, False
    if sent >= 0 and (round_ := _came_round(before.requests, row.requests)):
        return round_, sent, False
    return row.requests, row.bytes_sent, True


def _came_round(had: int, now: int) -> int:
    """What a counter of 32 or 64 bits rose by when it came round; 0 where it did not."""
    for wrap in _WRAPS:
        if wrap * 9 // 10 <= had < wrap and now + wrap - had < wrap // 2:
            return now + wrap - had
    return 0
