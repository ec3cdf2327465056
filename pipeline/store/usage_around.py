"""What an edge served around a gap, by resource: from winning facts, for the shares of the customers that it hits."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.store.numbered import last_number
from pipeline.store.reader import winners_within
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    from pipeline.store.sessions import Sessions


def read_usage_around(
    sessions: Sessions, edge: str, first: int, after: int, cut: int | None = None
) -> list[tuple[str, int, int]]:
    """(resource, bytes_sent, requests) of the winning segments of an edge in minutes [first, after), largest first.

    By the segments' minutes, not the requests': close enough for shares, and the winners to look for are few.
    """
    cut = last_number(sessions, "ledger") if cut is None else cut
    winners, params = winners_within(cut, first, after)
    rows = sessions.rows(
        "SELECT toValidUTF8(resource) AS name, sum(bytes_sent) AS sent, sum(requests) AS asked FROM facts"
        f" WHERE edge IN ({names_subquery([edge])}) AND segment_minute >= toDateTime({{since_s:UInt32}}, 'UTC')"
        " AND segment_minute < toDateTime({until_s:UInt32}, 'UTC')"
        f" AND identity(write_id) IN ({winners}) GROUP BY name ORDER BY sent DESC, name",
        params,
    )
    return [(name, int(sent), int(asked)) for name, sent, asked in rows]
