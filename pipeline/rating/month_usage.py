"""One customer's month out of the store as rating wants it: rows by minute, resource and zone, of winning facts at a
cut or of a close. However large he is, what is in memory at once is a piece of his facts and their sums."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.rating.book_batches import cut_minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pipeline.coverage.model import Close
    from pipeline.rating.usage import Usage
    from pipeline.store.store import Store
    from pipeline.store.usage_for_book import BookRows
    from pipeline.store.winner_set import WinnerSet

FACTS_AT_ONCE = 2_000_000
"""Facts of a piece; 45 bytes each, twice while they are picked."""


@dataclass(frozen=True, slots=True, eq=False)
class MonthRead:
    """What a customer used, and the edges that served him."""

    usage: Usage
    edges: frozenset[str]


def read_month(
    store: Store,
    patterns: Sequence[str],
    mine: Callable[[str], bool],
    zone_of: Mapping[str, str],
    minutes: tuple[int, int],
    cut: int,
) -> MonthRead:
    """Usage in minutes [from, to) at the cut of the resources that these patterns name, where they are `mine`; by the
    zones of edges."""
    first, after = minutes
    facts = {
        name: count for name, count in store.book.names_like(patterns, first, after).items() if mine(name)
    }
    names, count = sorted(facts), sum(facts.values())
    if not names:
        return MonthRead(_usage((), (), []), frozenset())
    with ThreadPoolExecutor(1) as other:
        # neither needs the other, and the store answers both at once
        finding = other.submit(store.book.winners_of, cut, names, count, first, after)
        spans = [(first, after)]
        if count > FACTS_AT_ONCE:
            spans = cut_minutes(store.book.minutes_of_facts(names, first, after), FACTS_AT_ONCE)
        edges = list(zone_of)
        pieces = _pieces(store, names, edges, spans)
        piece = next(pieces, None)
        winners = finding.result()
    zones = sorted({"", *zone_of.values()})
    gathered = _Gathered(len(names), len(zones), summed=len(spans) > 1)
    seen = np.zeros(1 << 16, np.bool_)
    while piece is not None:
        kept = _kept(piece, winners)
        seen[kept.edge] = True
        if seen[len(edges) :].any():
            # an edge that is not configured: its name is wanted, and so that of every one
            edges += store.book.other_edges(names, edges, first, after)
            piece = next(pieces := _pieces(store, names, edges, spans), None)
            gathered, seen = _Gathered(len(names), len(zones), summed=len(spans) > 1), np.zeros_like(seen)
            continue
        place = np.array([zones.index(zone_of.get(edge, "")) for edge in edges], np.uint32)
        gathered.add(kept, place[kept.edge])
        piece = next(pieces, None)
    served = frozenset(edges[at] for at in np.flatnonzero(seen).tolist())
    return MonthRead(_usage(names, zones, gathered.parts), served)


def read_close(store: Store, close: Close) -> Usage:
    """What a close counted, by the zones of then."""
    from pipeline.store.usage_for_book import ClosedMonth

    month = ClosedMonth(close.id, close.customer, close.first, close.after, close.rows)
    names = list(store.closing.counted_resources([close.id]).get(close.id, ()))
    zones = store.book.closed_zones(close.period)
    spans = [(close.first, close.after)]
    if close.rows > FACTS_AT_ONCE:
        spans = cut_minutes(store.book.minutes_of_closes([month], close.period), FACTS_AT_ONCE)
    gathered = _Gathered(len(names), len(zones), summed=len(spans) > 1)
    for span in spans if names else ():
        rows = store.book.closed([month], close.period, names, zones, span)
        gathered.add(rows, rows.edge.astype(np.uint32))
    return _usage(names, zones, gathered.parts)


def _pieces(
    store: Store, names: Sequence[str], edges: Sequence[str], spans: Sequence[tuple[int, int]]
) -> Iterator[BookRows]:
    for begin, end in spans:
        yield store.book.facts(names, edges, begin, end)


def _kept(rows: BookRows, winners: WinnerSet) -> BookRows:
    """The rows of winners. Losers are few: rows from the end take their places, which spares a copy of all columns."""
    from pipeline.store.usage_for_book import BookRows

    assert rows.write_id is not None  # noqa: S101 - facts have one
    wanted = winners.mark(rows.write_id) != 0
    count = int(wanted.sum())
    holes, fillers = np.flatnonzero(~wanted[:count]), count + np.flatnonzero(wanted[count:])

    def picked(column: NDArray[Any]) -> NDArray[Any]:
        if not len(holes):
            return column[:count]
        whole = column if column.flags.writeable else column.copy()
        whole[holes] = whole[fillers]
        return whole[:count]

    return BookRows(
        picked(rows.name),
        picked(rows.edge),
        picked(rows.minute),
        picked(rows.requests),
        picked(rows.bytes_sent),
        picked(rows.body_bytes),
        None,
    )


Part = tuple["NDArray[Any]", ...]
"""Minute, resource, zone, and the three counts."""


class _Gathered:
    """Pieces as they come or, where there are many, their sums by minute, resource and zone."""

    def __init__(self, names: int, zones: int, *, summed: bool) -> None:
        self._names, self._zones, self._summed = names, zones, summed
        self.parts: list[Part] = []

    def add(self, rows: BookRows, zone: NDArray[np.uint32]) -> None:
        counts = (rows.requests, rows.bytes_sent, rows.body_bytes)
        if not self._summed or not len(rows):
            self.parts.append((rows.minute, rows.name, zone, *counts))
            return
        first = int(rows.minute.min())
        key = (rows.minute.astype(np.uint64) - np.uint64(first)) * np.uint64(self._names) + rows.name
        key = key * np.uint64(self._zones) + zone
        order = np.argsort(key)
        key = key[order]
        starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        sums = (np.add.reduceat(count[order], starts) for count in counts)
        line, zones = np.divmod(key[starts], np.uint64(self._zones))
        minute, name = np.divmod(line, np.uint64(self._names))
        at = (minute + np.uint64(first)).astype(np.uint32)
        self.parts.append((at, name.astype(np.uint32), zones.astype(np.uint32), *sums))


def _usage(names: Sequence[str], zones: Sequence[str], parts: Sequence[Part]) -> Usage:
    from pipeline.rating.usage import Usage

    nothing: Part = (*[np.empty(0, np.uint32)] * 3, *[np.empty(0, np.uint64)] * 3)
    minute, name, zone, *counts = (
        column[0] if len(parts) == 1 else np.concatenate(column)
        for column in zip(*(parts or [nothing]), strict=True)
    )
    # zones without usage would have samples of their own
    there = np.zeros(len(zones) + 1, np.bool_)
    there[zone] = True
    place = (np.cumsum(there) - 1).astype(np.uint32)
    return Usage(
        tuple(names),
        tuple(zone for at, zone in enumerate(zones) if there[at]),
        minute,
        name,
        place[zone],
        counts[0],
        counts[1],
        counts[2],
    )
