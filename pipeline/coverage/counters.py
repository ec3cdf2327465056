"""Counters: what an edge says it served, in all, against what its logs hold; the only sign of what it never logged.

Readings come from the store (counters files and events), logged sums out of the ledger; disagreements go to losses.

What is compared is an edge's minutes, all its streams together. A delta of the counters and the lines of the same
minutes never agree to the byte, although nothing is lost: a request is counted as it runs and logged at its end, the
reading comes a moment late, its clock is a second off. All these give to one minute what they take from the next, so
over several minutes they cancel, and a loss does not. Hence:

- a disagreement is sought in stretches of minutes, not minute by minute: the absolute tolerance is granted once a
  stretch, since it is what may hang over at its two ends, the relative one for every byte of it;
- how much hangs over is seen in the same edge's minutes around, where the logs hold *more* than the counters say: no
  loss does that. Twice as much, scaled by how much traffic changes there, is granted to the ends of a
  stretch: nothing at all for an edge whose counters agree to the byte, so that a loss of 1 % in one minute is seen
  there, and some seconds' worth at a flash crowd for one that is read three seconds late.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.deltas import Deltas
from pipeline.coverage.model import LedgerColumns
from pipeline.coverage.readings import MOST, ReadingColumns, at_minutes, edge_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from pipeline.coverage.model import CounterDelta, Reading

    Floats = NDArray[np.float64]

AROUND = 360
"""Minutes before and after within which an edge's own noise is looked for."""

_MARGIN = 2.0
"""Noise granted, as a multiple of the worst seen in the hours around. False stretches in 160 days of an edge whose
clock is three seconds off: 1 with 2, 2 with 1.5, 5 with 1."""

_STEADY = 0.1
"""The part of a minute's traffic that noise may come from although traffic does not change."""

_NEAR = 5
"""Deltas before and after a stretch in which what it lacks may be found."""

_CLEAN, _SPARED = 5.0, 0.1
"""A stretch has ended where, at its rate, so many requests more would have been lost, and less than this part was."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What counters and logs may differ by without a loss: more than `percent` of what was served and more than
    `bytes_sent`, or `requests`, must be wanting."""

    percent: float = 0.5
    bytes_sent: int = 65_536
    requests: int = 5


def deltas_of(
    readings: Sequence[Reading] | ReadingColumns, ledger: LedgerColumns | Iterable[LedgerColumns]
) -> Deltas:
    """What each edge served between readings, and what its logs hold of the same minutes; by edge and time.

    Readings in any order, repeated ones included. The first of an edge is its baseline. A reading that is missing
    makes a delta of several minutes. `ledger`, whole or in pieces, must hold all minutes of the readings.
    """
    if isinstance(readings, ReadingColumns):
        if (simple := _simple_deltas(readings, ledger)) is not None:
            return simple
        served = {edge: at_minutes(readings.line(place)) for place, edge in enumerate(readings.edges)}
    else:
        by_edge: dict[str, list[Reading]] = defaultdict(list)
        for reading in readings:
            by_edge[reading.edge].append(reading)
        served = {edge: at_minutes(edge_line(own)) for edge, own in sorted(by_edge.items())}
    starts, lines, sent = _logged(ledger, {edge: line.minute for edge, line in served.items()})
    values = np.zeros((7, len(lines)), np.int64)
    for (begin, end), line in zip(pairwise(starts.tolist()), served.values(), strict=True):
        if end > begin:
            values[0, begin:end], values[1, begin:end] = line.minute[:-1], line.minute[1:]
            values[2, begin:end], values[3, begin:end] = np.diff(line.requests), np.diff(line.bytes_sent)
            values[6, begin:end] = line.reset[1:]
    values[4], values[5] = lines, sent
    return Deltas(tuple(served), starts, values)


def _simple_deltas(
    readings: ReadingColumns, ledger: LedgerColumns | Iterable[LedgerColumns]
) -> Deltas | None:
    """The same of all edges at once, where every reading is at the end of a minute and none is less than the one
    before, as nearly all are; None where not."""
    minute = np.round(readings.at / 60).astype(np.int64)
    n, own = len(minute), np.ones(max(len(minute) - 1, 0), np.bool_)
    own[readings.starts[1:-1] - 1] = False  # from one edge's last to the next one's first is no delta
    if not n or not np.array_equal(minute * 60.0, readings.at):
        return None
    if max(int(readings.requests.max()), int(readings.bytes_sent.max())) > MOST:
        return None
    columns = [minute, readings.requests.astype(np.int64), readings.bytes_sent.astype(np.int64)]
    steps = [np.diff(column)[own] for column in columns]
    if np.any(steps[0] <= 0) or np.any(steps[1] < 0) or np.any(steps[2] < 0):
        return None
    bounds = {
        edge: minute[readings.starts[i] : readings.starts[i + 1]] for i, edge in enumerate(readings.edges)
    }
    starts, lines, sent = _logged(ledger, bounds)
    none = np.zeros(len(lines), np.int64)
    values = np.stack([minute[:-1][own], minute[1:][own], *steps[1:], lines, sent, none])
    return Deltas(readings.edges, starts, values)


def _logged(
    ledger: LedgerColumns | Iterable[LedgerColumns], bounds: dict[str, NDArray[np.int64]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Requests and bytes in the logs of each edge between its bounds, and where each edge's begin: int64 all."""
    edges = list(bounds)
    sizes = np.array([max(len(bounds[edge]) - 1, 0) for edge in edges], np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    lines, sent = np.zeros(int(starts[-1]), np.int64), np.zeros(int(starts[-1]), np.int64)
    known = [edge for edge in edges if len(bounds[edge]) > 1]
    if known:
        first = min(int(bounds[edge][0]) for edge in known)
        width = max(int(bounds[edge][-1]) for edge in known) - first
        # The delta of each (edge, minute), -1 for none.
        places = np.full((len(edges), width), -1, np.int32)
        for row, edge in enumerate(edges):
            if sizes[row]:
                own = bounds[edge] - first
                places[row, own[0] : own[-1]] = np.repeat(np.arange(sizes[row]) + starts[row], np.diff(own))
        rows = {edge: row for row, edge in enumerate(edges)}
        for piece in [ledger] if isinstance(ledger, LedgerColumns) else ledger:
            _add_logged(piece, rows, places, first, lines, sent)
    return starts, lines, sent


def _add_logged(
    piece: LedgerColumns,
    rows: dict[str, int],
    places: NDArray[np.int32],
    first: int,
    lines: NDArray[np.int64],
    sent: NDArray[np.int64],
) -> None:
    of_stream = np.array([rows.get(stream.edge, -1) for stream in piece.streams] or [-1], np.int64)
    row = of_stream[piece.stream]
    at = piece.minute.astype(np.int64) - first
    inside = np.flatnonzero((row >= 0) & (at >= 0) & (at < places.shape[1]))
    place = places[row[inside], at[inside]]
    inside, place = inside[place >= 0], place[place >= 0]
    requests = piece.lines[inside].astype(np.int64) - piece.duplicates[inside].astype(np.int64)
    # float64 would round sums of more than 2^53 bytes; a delta is far from them, and bincount is ten times add.at.
    lines += np.bincount(place, requests, len(lines)).astype(np.int64)
    sent += np.bincount(place, piece.bytes_sent[inside].astype(np.float64), len(sent)).astype(np.int64)


def disagree(deltas: Sequence[CounterDelta], *, tolerance: Tolerance | None = None) -> list[CounterDelta]:
    """The deltas of all stretches in which more was served than logged, by edge and time.

    All minutes of a stretch are given, those that give back to their neighbours included: only together they say what
    is lost, the sum of (bytes_sent - logged_bytes) with its sign.
    """
    allowed = tolerance or Tolerance()
    by_edge: dict[str, list[CounterDelta]] = defaultdict(list)
    for delta in deltas:
        by_edge[delta.edge].append(delta)
    wrong: list[CounterDelta] = []
    for _, own in sorted(by_edge.items()):
        if not any(d.bytes_sent > d.logged_bytes or d.requests > d.logged_requests for d in own):
            continue
        own.sort(key=lambda delta: delta.first)
        for first, after in _stretches(own, allowed):
            wrong.extend(own[first:after])
    return wrong


def _stretches(deltas: Sequence[CounterDelta], allowed: Tolerance) -> list[tuple[int, int]]:
    """Places [first, after) of one edge's deltas in which requests or bytes are wanting."""
    rows = [
        (d.first, d.after, d.requests, d.logged_requests, d.bytes_sent, d.logged_bytes, d.reset)
        for d in deltas
    ]
    table = np.array(rows, np.float64).reshape(-1, 7)
    reset = table[:, 6] > 0
    found: set[int] = set()
    for column, least in ((2, allowed.requests), (4, allowed.bytes_sent)):
        served, logged = table[:, column], table[:, column + 1]
        # What was served before a reset is in no reading: the logs hold more, and that says nothing of noise.
        lacking = np.where(reset & (served < logged), 0.0, served - logged)
        granted = served * allowed.percent / 100
        if not found and not np.any(lacking > granted):
            continue
        slack = np.zeros(len(table))
        if not found and not _excursions(lacking, served, granted, slack, table[:, 2], float(least)):
            continue  # not even if there were no noise; how much there is takes longer to find out
        slack = _slack(table[:, 0], table[:, 1], lacking, served)
        for first, after in _excursions(lacking, served, granted, slack, table[:, 2], float(least)):
            if column == 2:  # bytes say better where it ends
                while after - first > 1 and lacking[first] <= slack[first]:
                    first += 1
                while after - first > 1 and lacking[after - 1] <= slack[after - 1]:
                    after -= 1
            found.update(range(first, after))
    return _grow(found, lacking, slack, table) if found else []


def _slack(first: Floats, after: Floats, lacking: Floats, served: Floats) -> Floats:
    """What may hang over at a delta's ends: what the logs have more than the counters around it, where traffic changes
    as much."""
    rate = served / np.maximum(after - first, 1)
    step = np.abs(np.diff(rate, prepend=rate[:1], append=rate[-1:]))
    change = step[:-1] + step[1:] + _STEADY * np.maximum(rate, 1.0)
    noise = np.maximum(-lacking, 0.0) / change
    noisy = np.flatnonzero(noise > 0)
    if not len(noisy):
        return np.zeros(len(first))
    at, seen = first[noisy], noise[noisy]
    begin = np.searchsorted(at, first - AROUND)
    end = np.searchsorted(at, first + AROUND, side="right")
    worst = [float(seen[b:e].max()) if e > b else 0.0 for b, e in zip(begin, end, strict=True)]
    return _MARGIN * np.array(worst) * change


def _excursions(
    lacking: Floats, served: Floats, granted: Floats, slack: Floats, requests: Floats, least: float
) -> list[tuple[int, int]]:
    """Stretches that lack more than is granted to their deltas and to their ends: one-sided cumulative sums.

    A stretch ends where the sum was greatest, and the search goes on from there: as soon as nothing is left of the sum,
    or deltas come that at the stretch's rate would have lost some requests, and have not.
    """
    found = []
    lacks, whole, grants, slacks, asked = (
        column.tolist() for column in (lacking, served, granted, slack, requests)
    )
    n, i = len(lacks), 0
    while i < n:
        if lacks[i] <= grants[i]:
            i += 1
            continue
        begin, peak, best, total = i, i, 0.0, 0.0
        lost = spared = since_lost = since_served = since_asked = 0.0
        while i < n:
            total += lacks[i] - grants[i]
            since_lost, since_served = since_lost + lacks[i], since_served + whole[i]
            since_asked += asked[i]
            i += 1
            if total > best:
                best, peak = total, i
                lost, spared = lost + since_lost, spared + since_served
                since_lost = since_served = since_asked = 0.0
            rate = lost / max(spared, 1.0)
            clean = since_lost <= _SPARED * rate * since_served and rate * since_asked >= _CLEAN
            if total <= 0 or clean:
                break
        given_back = _given_back(lacks[peak : peak + _NEAR]) + _given_back(
            lacks[max(0, begin - _NEAR) : begin][::-1]
        )
        # What hangs over at both ends of a stretch is what hangs over at both ends of a delta.
        if best - given_back > max(slacks[begin], slacks[peak - 1]) and lost - given_back > least:
            found.append((begin, peak))
        i = peak
    return found


def _given_back(lacks: list[float]) -> float:
    """How much of what was wanting is there in the deltas that follow, or that came before, whichever is most."""
    return -min(accumulate(lacks, initial=0.0))


def _grow(found: set[int], lacking: Floats, slack: Floats, table: Floats) -> list[tuple[int, int]]:
    """Places as stretches, each with the neighbours that lack bytes, too, or give back what its ends took."""
    members = set(found)
    for place in found:
        for step in (-1, 1):
            near = place + step
            while 0 <= near < len(table) and near not in members and _touch(table, near - step, near):
                if lacking[near] < 0:
                    members.add(near)
                if lacking[near] <= slack[near]:
                    break
                members.add(near)
                near += step
    stretches: list[tuple[int, int]] = []
    for place in sorted(members):
        if stretches and stretches[-1][1] == place and _touch(table, place - 1, place):
            stretches[-1] = (stretches[-1][0], place + 1)
        else:
            stretches.append((place, place + 1))
    return stretches


def _touch(table: Floats, a: int, b: int) -> bool:
    """Whether nothing lies between two deltas that follow one another."""
    return bool(table[min(a, b), 1] == table[max(a, b), 0])
