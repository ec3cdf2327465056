"""What several edges served around their gaps, in few questions: `usage_around` for all losses of a check together."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from pipeline.store.reader import winners_within
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.store.sessions import Sessions

    Asked = tuple[str, str | None, tuple[int, ...]]
    Block = tuple[int, str, int, int]

EDGES_AT_ONCE = 50
MINUTES_AT_ONCE = 1440
"""Of one statement at most: its winners are those of all these minutes."""


def read_usage_blocks_of(sessions: Sessions, asked: Sequence[Asked], cut: int) -> list[list[Block]]:
    """`read_usage_blocks` of each (edge, stream, bounds), in the order asked."""
    # from the partitions' own bounds, without reading a row
    held, low, high = sessions.rows(
        "SELECT count(), toUInt32(min(segment_minute)), toUInt32(max(segment_minute)) FROM facts"
    )[0]
    there = [one for one in asked if held and one[2][-1] * 60 > int(low) and one[2][0] * 60 <= int(high)]
    found: dict[Asked, list[Block]] = {}
    for stream, some in _batches(there):
        found.update(zip(some, _read(sessions, stream, some, cut), strict=True))
    return [found.get(one, []) for one in asked]


def _batches(asked: Iterable[Asked]) -> Iterator[tuple[str | None, list[Asked]]]:
    """Questions about one stream's name, or all, whose minutes lie near to one another."""
    by_stream: dict[str | None, list[Asked]] = defaultdict(list)
    for one in dict.fromkeys(asked):
        by_stream[one[1]].append(one)
    for stream, of_stream in by_stream.items():
        batch: list[Asked] = []
        for one in sorted(of_stream, key=lambda one: one[2]):
            far = batch and one[2][-1] > batch[0][2][0] + MINUTES_AT_ONCE
            if far or len({other[0] for other in batch}) >= EDGES_AT_ONCE:
                yield stream, batch
                batch = []
            batch.append(one)
        if batch:
            yield stream, batch


def _read(sessions: Sessions, stream: str | None, asked: Sequence[Asked], cut: int) -> list[list[Block]]:
    first = min(bounds[0] for _, _, bounds in asked)
    after = max(bounds[-1] for _, _, bounds in asked)
    cuts: dict[str, set[int]] = defaultdict(set)
    for edge, _, bounds in asked:
        cuts[edge].update(bounds)
    edges = sorted(cuts)
    names = ",".join("'" + _hex(edge) + "'" for edge in edges)
    # below an edge's first bound is 0, above its last that one: both are no block
    since = ", ".join(
        f"edge_ = {place}, roundDown(toUInt32(segment_minute), {[0, *(60 * minute for minute in sorted(cuts[edge]))]})"
        for place, edge in enumerate(edges, 1)
    )
    winners, params = winners_within(cut, first, after, edges, None if stream is None else [stream])
    rows = sessions.rows(
        f"SELECT indexOf([{names}], hex(edge)) AS edge_, multiIf({since}, 0) AS since_,"
        " toValidUTF8(resource) AS name, sum(bytes_sent) AS sent, sum(requests) AS asked FROM facts"
        f" WHERE edge IN ({names_subquery(edges)}) AND segment_minute >= toDateTime({{since_s:UInt32}}, 'UTC')"
        " AND segment_minute < toDateTime({until_s:UInt32}, 'UTC')"
        f" AND identity(write_id) IN ({winners}) GROUP BY edge_, since_, name",
        params,
    )
    of_edge: dict[str, list[tuple[int, str, int, int]]] = defaultdict(list)
    for place, at, name, sent, requests in rows:
        of_edge[edges[place - 1]].append((int(at) // 60, name, int(sent), int(requests)))
    return [_blocks(of_edge.get(edge, []), bounds) for edge, _, bounds in asked]


def _blocks(cells: Iterable[tuple[int, str, int, int]], bounds: Sequence[int]) -> list[Block]:
    """Cells, each within one block or out of all, added up by block; by block, the largest first."""
    sums: dict[tuple[int, str], tuple[int, int]] = {}
    for minute, name, sent, requests in cells:
        if bounds[0] <= minute < bounds[-1]:
            key = bisect_right(bounds, minute) - 1, name
            had = sums.get(key, (0, 0))
            sums[key] = had[0] + sent, had[1] + requests
    ordered = sorted(sums.items(), key=lambda item: (item[0][0], -item[1][0], item[0][1]))
    return [(block, name, sent, requests) for (block, name), (sent, requests) in ordered]


def _hex(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").hex().upper()
