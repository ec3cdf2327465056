"""One customer's month out of the store as rating wants it: rows by minute, resource and zone, of winning facts at a
cut or of a close. Facts are added up as they come, where they are many for the minutes that they lie in: however large
he is, what is in memory at once are their sums, and what came while the winners were looked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from pipeline.coverage.model import Close
    from pipeline.rating.usage import Usage
    from pipeline.store.store import Store
    from pipeline.store.usage_for_book import BookRows
    from pipeline.store.winner_set import WinnerSet

ROWS_HELD = 2_000_000
"""Facts that wait for the winners at most; 42 bytes each."""

FACTS_PER_CELL = 1
"""From how many on a name's facts are added up in cells of 32 bytes, one a minute and zone."""

EDGES = 1 << 16
"""Places of edges; the last is that of those which nobody named."""


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
    names, zones = sorted(facts), sorted({"", *zone_of.values()})
    if not names:
        return MonthRead(_usage((), (), []), frozenset())
    counts, edges = [facts[name] for name in names], list(zone_of)
    with ThreadPoolExecutor(1) as other:
        # neither needs the other, and the store answers both at once
        finding = other.submit(store.book.winners_of, cut, names, sum(counts), first, after)
        while True:
            sums = _Sums(counts, [zones.index(zone_of.get(edge, "")) for edge in edges], len(zones), minutes)
            for rows in _once_found(store.book.facts(names, edges, first, after), finding):
                sums.add(rows, finding.result())
            if not sums.seen[len(edges) :].any():
                break
            # an edge that is not configured: its name is wanted, and so that of every one
            edges += store.book.other_edges(names, edges, first, after)
    served = frozenset(edges[at] for at in np.flatnonzero(sums.seen).tolist())
    return MonthRead(_usage(names, zones, sums.parts()), served)


def read_close(store: Store, close: Close) -> Usage:
    """What a close counted, by the zones of then."""
    from pipeline.store.usage_for_book import ClosedMonth

    month = ClosedMonth(close.id, close.customer, close.first, close.after, close.rows)
    names = list(store.closing.counted_resources([close.id]).get(close.id, ()))
    zones = store.book.closed_zones(close.period)
    if not names:
        return _usage((), zones, [])
    minutes = (close.first, close.after)
    rows_of = {names[0]: close.rows} if len(names) == 1 else store.book.rows_of_close(month, close.period)
    counts = [rows_of.get(name, 0) for name in names]
    sums = _Sums(counts, range(len(zones)), len(zones), minutes)
    for rows in store.book.closed([month], close.period, names, zones, minutes):
        sums.add(rows, None)
    return _usage(names, zones, sums.parts())


def _once_found(blocks: Iterable[BookRows], finding: Future[WinnerSet]) -> Iterator[BookRows]:
    """The same, held back until the winners are found, unless it gets too much."""
    held: list[BookRows] = []
    count = 0
    for rows in blocks:
        held.append(rows)
        count += len(rows)
        if finding.done() or count >= ROWS_HELD:
            finding.result()
            yield from held
            held, count = [], 0
    finding.result()
    yield from held


Part = tuple["NDArray[Any]", ...]
"""Minute, resource, zone, and the three counts."""


class _Sums:
    """Facts as they come: those of names that have as many facts as there are cells of a minute and zone are added up
    in cells, which take less memory than they; of the others the rows that win are kept. `seen`: edges of winners."""

    def __init__(
        self, facts: Sequence[int], zone_of: Sequence[int], zones: int, minutes: tuple[int, int]
    ) -> None:
        from kernels.memory import zeroed
        from kernels.meter import CELL_WORDS

        self._first, self._width, self._zones = minutes[0], minutes[1] - minutes[0], zones
        self._zone_of = np.zeros(EDGES, np.uint16)
        self._zone_of[: len(zone_of)] = zone_of
        self.seen = np.zeros(EDGES, np.uint8)
        rich = np.array(facts, np.int64) >= FACTS_PER_CELL * self._width * zones
        self._rich = np.flatnonzero(rich)
        self._slot_of = np.where(rich, np.cumsum(rich) - 1, -1).astype(np.int64)
        self._cells = zeroed((len(self._rich), self._width * zones * CELL_WORDS), np.uint64)
        self._left: list[Part] = []

    def add(self, rows: BookRows, winners: WinnerSet | None) -> None:
        """The winners among them; None: rows of a close, where all count and the edge is the zone."""
        from kernels import entry

        # whoever has facts needs the winners among them
        assert (rows.write_id is None) == (winners is None)  # noqa: S101
        words = np.zeros(3, np.int64) if winners is None else winners.words
        left = np.empty(len(rows), np.uint32)
        kept = entry.add_facts(
            len(rows),
            rows.addresses.ctypes.data,
            words.ctypes.data,
            self._zone_of.ctypes.data,
            self._slot_of.ctypes.data,
            self._first,
            self._width,
            self._zones,
            self._cells.ctypes.data,
            self.seen.ctypes.data,
            left.ctypes.data,
        )
        if kept:
            counts = (rows.requests, rows.bytes_sent, rows.body_bytes)
            every = (rows.minute, rows.name, self._zone_of[rows.edge], *counts)
            self._left.append(tuple(column[left[:kept]] for column in every))

    def parts(self) -> list[Part]:
        """Sums, and what is left."""
        from kernels import entry

        found, cells = list(self._left), self._width * self._zones
        for name, sums in zip(self._rich.tolist(), self._cells, strict=True):
            minute, zone = np.empty(cells, np.uint32), np.empty(cells, np.uint16)
            counts = np.empty((3, cells), np.uint64)
            out = np.array([c.ctypes.data for c in (minute, zone, *counts)], np.int64)
            n = entry.list_cells(sums.ctypes.data, self._width, self._zones, self._first, out.ctypes.data)
            found.append((minute[:n], np.full(n, name, np.uint32), zone[:n], *counts[:, :n]))
        return found


def _usage(names: Sequence[str], zones: Sequence[str], parts: Sequence[Part]) -> Usage:
    from pipeline.rating.usage import Usage

    nothing: Part = (*[np.empty(0, np.uint32)] * 2, np.empty(0, np.uint16), *[np.empty(0, np.uint64)] * 3)
    minute, name, zone, *counts = (np.concatenate(column) for column in zip(nothing, *parts, strict=True))
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
