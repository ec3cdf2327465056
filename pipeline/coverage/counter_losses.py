"""What counters add to the losses that are known: their figures, where they are the better ones, and losses of their
own in minutes that are not otherwise lost; for losses.py, which has the other signs.

Of what an edge served and did not log, that is taken off first which its other losses explain. Minutes that a part may
still come for, and minutes in which nothing is expected of any stream of the edge, are no disagreement.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.counters import Tolerance, disagree
from pipeline.coverage.deltas import Deltas
from pipeline.coverage.model import Amount, CounterDelta, Loss, LossClass, State, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.coverage.model import Coverage

ALL_STREAMS = "*"

FLASH = 4
"""A lost minute whose lines nobody counted may have held so many times the most that is usual, and explains as much of
what a reading over several minutes lacks; more than that is a loss of the minutes beside it."""

NOISE_MINUTES = 60
_IDLE = (State.NONE, State.PAUSED, State.DECOMMISSIONED)
_WAITING = (State.LATE, State.UNKNOWN)


@dataclass(slots=True)
class _Edge:
    """One edge's deltas by time and its other losses; by minute of the coverage, whether something of it is lost, may
    still come, or is expected of nobody."""

    name: str
    first: int
    deltas: list[CounterDelta]
    losses: list[Loss]
    lost: NDArray[np.bool_]
    waiting: NDArray[np.bool_]
    idle: NDArray[np.bool_]

    def free(self, first: int, after: int) -> list[int]:
        """The minutes of [first, after) that a loss of the counters may be put on."""
        span = slice(first - self.first, after - self.first)
        free: list[int] = (np.flatnonzero(~(self.lost[span] | self.idle[span])) + first).tolist()
        return free

    def inside(self, delta: CounterDelta) -> bool:
        return self.first <= delta.first and delta.after <= self.first + len(self.lost)

    def waits(self, delta: CounterDelta) -> bool:
        return bool(self.waiting[delta.first - self.first : delta.after - self.first].any())


def weigh(
    losses: Sequence[Loss],
    coverage: Coverage,
    deltas: Sequence[CounterDelta],
    due: NDArray[np.uint8] | None = None,
    tolerance: Tolerance | None = None,
) -> list[Loss]:
    """The same losses, with the counters' figures where they are the narrower, and the counters' own."""
    allowed = tolerance or Tolerance()
    if isinstance(deltas, Deltas):
        deltas = _worth_a_look(deltas, losses, allowed)
    edges = _edges(losses, coverage, deltas, due)
    measured: dict[Loss, Loss] = {}
    reduced: list[CounterDelta] = []
    for edge in edges:
        touched = _touched(edge)
        for loss in edge.losses:
            better = _measured(edge, loss, touched, allowed)
            if better is not loss:
                measured[loss] = better
        left = _reduced(edge, touched, allowed)
        if any(d.bytes_sent > d.logged_bytes or d.requests > d.logged_requests for d in left):
            reduced.extend(left)
    found = [measured.get(loss, loss) for loss in losses]
    by_name = {edge.name: edge for edge in edges}
    for stretch in _stretches(disagree(reduced, tolerance=allowed)):
        found += _own(by_name[stretch[0].edge], stretch, allowed)
    return found


def _worth_a_look(deltas: Deltas, losses: Sequence[Loss], allowed: Tolerance) -> list[CounterDelta]:
    """The deltas of edges that lost something, or of which one lacks more than is granted to it; others cannot tell
    anything, and they are nearly all."""
    lost = {loss.stream.edge for loss in losses}
    lacking = deltas.lacking(allowed.percent).tolist()
    looked = (place for place, edge in enumerate(deltas.edges) if lacking[place] or edge in lost)
    return [delta for place in looked for delta in deltas.of_edge(place)]


def _edges(
    losses: Sequence[Loss], coverage: Coverage, deltas: Sequence[CounterDelta], due: NDArray[np.uint8] | None
) -> list[_Edge]:
    of_edge: dict[str, list[CounterDelta]] = defaultdict(list)
    for delta in deltas:
        of_edge[delta.edge].append(delta)
    rows: dict[str, list[int]] = defaultdict(list)
    for row, stream in enumerate(coverage.streams):
        rows[stream.edge].append(row)
    lost_of: dict[str, list[Loss]] = defaultdict(list)
    for loss in losses:
        lost_of[loss.stream.edge].append(loss)
    width = coverage.after - coverage.first
    undue = np.zeros(width, np.bool_) if due is None else due != State.MISSING
    waits, idles = np.zeros(256, np.bool_), np.zeros(256, np.bool_)
    waits[list(_WAITING)], idles[list(_IDLE)] = True, True
    edges = []
    for name, own in sorted(of_edge.items()):
        own.sort(key=lambda delta: delta.first)
        states = coverage.states[rows.get(name, [])]
        lost = np.zeros(width, np.bool_)
        for loss in lost_of.get(name, ()):
            lost[loss.first - coverage.first : loss.after - coverage.first] = True
        idle: NDArray[np.bool_] = np.zeros(width, np.bool_)
        if len(states):
            idle = np.all(idles[states], axis=0)
        waiting: NDArray[np.bool_] = np.any(waits[states], axis=0) | undue
        edges.append(_Edge(name, coverage.first, own, lost_of.get(name, []), lost, waiting, idle))
    return edges


def _touched(edge: _Edge) -> dict[int, list[Loss]]:
    """By place of a delta, the losses that it overlaps."""
    touched: dict[int, list[Loss]] = defaultdict(list)
    for loss in edge.losses:
        begin = bisect_right(edge.deltas, loss.first, key=lambda delta: delta.after)
        for place in range(begin, bisect_left(edge.deltas, _reach(loss), key=lambda delta: delta.first)):
            touched[place].append(loss)
    return touched


def _reach(loss: Loss) -> int:
    """Where the minutes end in which its lines were served: of numbers that are missing between two segments, the last
    may have been the first lines of the later one."""
    return loss.after + (loss.kind is LossClass.SEQUENCE)


def _measured(edge: _Edge, loss: Loss, touched: dict[int, list[Loss]], allowed: Tolerance) -> Loss:
    """The loss with what the edge served in its minutes and did not log, where only it can be meant by that and the
    counters know it more narrowly."""
    begin = bisect_right(edge.deltas, loss.first, key=lambda delta: delta.after)
    end = bisect_left(edge.deltas, _reach(loss), key=lambda delta: delta.first)
    own = edge.deltas[begin:end]
    if not own or own[0].first > loss.first or own[-1].after < loss.after:
        return loss
    if any(one.after != other.first for one, other in pairwise(own)):
        return loss
    if any(len(touched[place]) > 1 for place in range(begin, end)):
        return loss
    if any(delta.reset or not edge.inside(delta) or edge.waits(delta) for delta in own):
        return loss
    lacking = sum(delta.bytes_sent - delta.logged_bytes for delta in own)
    requests = sum(delta.requests - delta.logged_requests for delta in own)
    evidence = f"counters: {requests:,} requests and {lacking:,} bytes more than logged"
    told = replace(loss, evidence=(*loss.evidence, evidence)) if lacking > 0 or requests > 0 else loss
    amount, spare = loss.lost_bytes, edge.free(own[0].first, own[-1].after)
    blur = _blur(edge, own, allowed)
    if amount.exact is not None or 2 * blur >= amount.high - amount.low or lacking + blur < 0:
        return told
    if spare and lacking - blur > _most(loss):
        return told
    lacking = max(0, lacking)
    return replace(told, lost_bytes=Amount(max(0, lacking - blur), lacking, lacking + blur, None, "counter"))


def _blur(edge: _Edge, own: Sequence[CounterDelta], allowed: Tolerance) -> int:
    """By how much the counters and the logs of these minutes may differ otherwise: by what they differ around them."""
    first, after = own[0].first - NOISE_MINUTES, own[-1].after + NOISE_MINUTES
    begin = bisect_left(edge.deltas, first, key=lambda delta: delta.first)
    end = bisect_left(edge.deltas, after, key=lambda delta: delta.first)
    over = max((d.logged_bytes - d.bytes_sent for d in edge.deltas[begin:end] if not d.reset), default=0)
    return max(over, 0) + int(sum(delta.bytes_sent for delta in own) * allowed.percent / 100)


def _most(loss: Loss) -> int:
    """The most bytes that a loss explains."""
    return loss.lost_bytes.high * (1 if loss.lost_lines is not None else FLASH)


def _reduced(edge: _Edge, touched: dict[int, list[Loss]], allowed: Tolerance) -> list[CounterDelta]:
    """The deltas with what is explained counted as logged. Those that say nothing, or nothing yet, are made to agree:
    they stay, so that their neighbours are judged among all."""
    special = edge.lost | edge.waiting | edge.idle
    places = set(touched)
    for minute in (np.flatnonzero(special) + edge.first).tolist():
        begin = bisect_right(edge.deltas, minute, key=lambda delta: delta.after)
        if begin < len(edge.deltas) and edge.deltas[begin].first <= minute:
            places.add(begin)
    begin = bisect_left(edge.deltas, edge.first, key=lambda delta: delta.first)
    end = bisect_right(edge.deltas, edge.first + len(edge.lost), key=lambda delta: delta.after)
    places |= {*range(begin), *range(end, len(edge.deltas))}
    reduced = list(edge.deltas)
    accounted = _accounted(edge, touched, allowed)
    for place in places:
        delta = edge.deltas[place]
        if delta.bytes_sent == delta.logged_bytes and delta.requests == delta.logged_requests:
            continue  # as it is, it says nothing
        if place in accounted:
            reduced[place] = _agreeing(delta)
        elif not edge.inside(delta):
            if delta.bytes_sent > delta.logged_bytes or delta.requests > delta.logged_requests:
                reduced[place] = _agreeing(delta)
        elif edge.waits(delta) or not edge.free(delta.first, delta.after):
            reduced[place] = _agreeing(delta)
        else:
            reduced[place] = _explained(delta, touched.get(place, ()))
    return reduced


def _accounted(edge: _Edge, touched: dict[int, list[Loss]], allowed: Tolerance) -> set[int]:
    """Places of deltas whose losses explain all that is wanting. Deltas that share a loss are judged together: how its
    lines lie in their minutes is not known. Where each request is accounted for, its bytes are too."""
    groups: list[list[int]] = []
    for place in sorted(touched):
        linked = groups and groups[-1][-1] == place - 1
        if linked and any(one is other for one in touched[place] for other in touched[place - 1]):
            groups[-1].append(place)
        else:
            groups.append([place])
    accounted: set[int] = set()
    for group in groups:
        deltas = [edge.deltas[place] for place in group]
        losses = {id(loss): loss for place in group for loss in touched[place]}.values()
        whole = all(deltas[0].first <= loss.first and loss.after <= deltas[-1].after for loss in losses)
        if not whole or not all(edge.inside(d) and not edge.waits(d) for d in deltas):
            continue
        requests = sum(delta.requests - delta.logged_requests for delta in deltas)
        lacking = sum(delta.bytes_sent - delta.logged_bytes for delta in deltas)
        spare = max(allowed.requests, sum(delta.requests for delta in deltas) * allowed.percent / 100)
        if all(loss.lost_lines is not None for loss in losses):
            explained = requests <= sum(loss.lost_lines or 0 for loss in losses) + spare
            explained = explained and (requests > 0 or lacking <= 0)
        else:
            explained = lacking <= sum(map(_most, losses))
        if explained:
            accounted.update(group)
    return accounted


def _agreeing(delta: CounterDelta) -> CounterDelta:
    requests, sent = delta.requests, delta.bytes_sent
    return CounterDelta(delta.edge, delta.first, delta.after, requests, sent, requests, sent, delta.reset)


def _explained(delta: CounterDelta, losses: Sequence[Loss]) -> CounterDelta:
    lacking, requests = delta.bytes_sent - delta.logged_bytes, delta.requests - delta.logged_requests
    most, lines = 0, 0
    for loss in losses:
        minutes = loss.after - loss.first
        # which of a hole's lines were served in which of its minutes is not known
        common = min(loss.after, delta.after) - max(loss.first, delta.first)
        common = minutes if loss.kind is LossClass.SEQUENCE else common
        most += -(-_most(loss) * common // minutes)
        if loss.lost_lines is None:
            lines = max(lines, requests)
        else:
            lines += -(-loss.lost_lines * common // minutes)
    if most >= lacking and any(loss.lost_lines is None for loss in losses):
        return _agreeing(delta)
    if lines >= requests > 0 and any(loss.kind is LossClass.SEQUENCE for loss in losses):
        return _agreeing(delta)  # every request is accounted for, and its bytes with it
    return delta._replace(
        logged_requests=delta.logged_requests + max(0, min(lines, requests)),
        logged_bytes=delta.logged_bytes + max(0, min(most, lacking)),
    )


def _stretches(wrong: Sequence[CounterDelta]) -> list[list[CounterDelta]]:
    """Deltas of one edge that follow one another."""
    stretches: list[list[CounterDelta]] = []
    for delta in wrong:
        last = stretches[-1][-1] if stretches else None
        if last and last.edge == delta.edge and last.after == delta.first:
            stretches[-1].append(delta)
        else:
            stretches.append([delta])
    return stretches


def _own(edge: _Edge, stretch: Sequence[CounterDelta], allowed: Tolerance) -> list[Loss]:
    """What is lost by the counters alone, in the runs of minutes that are not otherwise lost."""
    runs: list[tuple[int, int, list[CounterDelta]]] = []
    for delta in stretch:
        if not edge.inside(delta) or edge.waits(delta):
            continue
        for minute in edge.free(delta.first, delta.after):
            if runs and runs[-1][1] == minute:
                first, _, of_run = runs.pop()
                runs.append((first, minute + 1, of_run if of_run[-1] is delta else [*of_run, delta]))
            else:
                runs.append((minute, minute + 1, [delta]))
    losses = []
    for first, after, of_run in runs:
        lacking = requests = served = 0
        for delta in of_run:
            free = edge.free(delta.first, delta.after)
            here = sum(first <= minute < after for minute in free)
            lacking += (delta.bytes_sent - delta.logged_bytes) * here // len(free)
            requests += (delta.requests - delta.logged_requests) * here // len(free)
            served += delta.bytes_sent * here // len(free)
        if lacking <= 0 and requests <= 0:
            continue
        lacking = max(0, lacking)
        blur = _blur(edge, [of_run[0]._replace(bytes_sent=served)], allowed) if lacking else 0
        amount = Amount(max(0, lacking - blur), lacking, lacking + blur, None, "counter")
        words = f"counters: {max(0, requests):,} requests and {lacking:,} bytes more than logged"
        stream = Stream(edge.name, ALL_STREAMS)
        losses.append(Loss(stream, LossClass.COUNTER, first, after, None, amount, (words,)))
    return losses
