"""What an edge served around a gap, by resource: from winning facts, for the shares of the customers that it hits."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.store.numbered import last_number
from pipeline.store.reader import winners_within
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.store.sessions import Sessions


def read_usage_blocks(
    sessions: Sessions, edge: str, stream: str | None, bounds: Sequence[int], cut: int | None = None
) -> list[tuple[int, str, int, int]]:
    """(block, resource, bytes_sent, requests) of the winning segments of an edge's stream (None: of all) in each block
    k of minutes [bounds[k], bounds[k + 1]); `bounds` ascend. By block, the largest first.

    By the segments' minutes, not the requests': close enough for shares, and the winners to look for are few.
    """
    cut = last_number(sessions, "ledger") if cut is None else cut
    winners, params = winners_within(cut, bounds[0], bounds[-1], [edge], None if stream is None else [stream])
    rows = sessions.rows(
        f"SELECT roundDown(toUInt32(segment_minute), {[60 * bound for bound in bounds]}) AS since,"
        " toValidUTF8(resource) AS name, sum(bytes_sent) AS sent, sum(requests) AS asked FROM facts"
        f" WHERE edge IN ({names_subquery([edge])}) AND segment_minute >= toDateTime({{since_s:UInt32}}, 'UTC')"
        " AND segment_minute < toDateTime({until_s:UInt32}, 'UTC')"
        f" AND identity(write_id) IN ({winners}) GROUP BY since, name ORDER BY since, sent DESC, name",
        params,
    )
    block = {60 * bound: place for place, bound in enumerate(bounds)}
    return [(block[since], name, int(sent), int(asked)) for since, name, sent, asked in rows]
