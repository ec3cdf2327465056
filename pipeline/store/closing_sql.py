"""The statements that copy a closed period's usage inside ClickHouse, and the pieces in which they go through it, so
that memory does not grow with the book. closes.py runs them."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.model import MEASURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.store.sessions import Params, Sessions

FACTS_AT_ONCE = 2_000_000
"""Facts of one piece: their groups take about 150 bytes each."""

SEGMENTS_AT_ONCE = 4_000_000
"""Ledger rows of one piece: their winners take about 60 bytes each."""

_HOUR = 3600

# the pieces are of requests' minutes, because a (resource, minute, edge) must be in one of them only; the segments that
# hold them lie around, and are bounded by what there is
_WITHIN = (
    "minute >= toDateTime({from_s:UInt32}, 'UTC') AND minute < toDateTime({to_s:UInt32}, 'UTC')"
    " AND segment_minute >= toDateTime({since_s:UInt32}, 'UTC')"
    " AND segment_minute < toDateTime({until_s:UInt32}, 'UTC')"
)
STRETCH = (
    "segment_id >= bitShiftLeft(toUInt128(intDiv({since_s:UInt32}, 60)), 96)"
    " AND segment_id < bitShiftLeft(toUInt128(intDiv({until_s:UInt32}, 60)), 96)"
)
BEST = "ORDER BY segment_id, full_rank DESC, seq DESC LIMIT 1 BY segment_id"
_WINNERS = f"SELECT write_id FROM ledger WHERE seq <= {{cut:UInt64}} AND {STRETCH} {BEST}"
_COUNTED = f"{_WITHIN} AND identity(write_id) IN ({_WINNERS})"
_OURS = "SELECT * FROM closed_resources WHERE attempt = {attempt:UInt64}"
_SUMS = ", ".join(MEASURES)

EDGES = (
    "SELECT edge, zone, if(`from` = min(`from`) OVER (PARTITION BY edge), toDateTime(0, 'UTC'), `from`) AS begins"
    " FROM edges WHERE generation = (SELECT max(generation) FROM edges)"
)
"""The zones of edges as configured now, each until the next begins: what an edge served before its first `from` or
after its `to` it served where it stands, and is priced there, in a closed month as in an open one."""

RESOURCES = (
    "SELECT DISTINCT hex(resource) FROM facts WHERE minute >= toDateTime({from_s:UInt32}, 'UTC')"
    " AND minute < toDateTime({to_s:UInt32}, 'UTC')"
)
"""Names that facts of these minutes have, counted or not."""


def served_sql(places: Sequence[tuple[str, int]]) -> str:
    """A statement for (place, edges) with counted usage in a piece; `places`: (resource, place of its customer)."""
    names = ",".join(name.encode("utf-8", "surrogateescape").hex() for name, _ in places)
    numbers = ",".join(str(place) for _, place in places)
    owned = (
        f"SELECT unhex(pair.1) AS resource, toUInt32(pair.2) AS place FROM (SELECT arrayJoin(arrayZip("
        f"splitByChar(',', '{names}'), splitByChar(',', '{numbers}'))) AS pair)"
    )
    return (
        "SELECT place, arrayMap(e -> hex(e), groupUniqArray(toString(edge))) FROM"
        f" (SELECT DISTINCT resource, edge FROM facts WHERE {_COUNTED}) AS f"
        f" INNER JOIN ({owned}) AS o ON f.resource = o.resource GROUP BY place"
    )


PIN = f"""
INSERT INTO pinned_writes (write_id, pinned_by, pinned_at)
SELECT DISTINCT f.write_id, {{pinned_by:String}}, fromUnixTimestamp64Milli({{at_ms:Int64}}, 'UTC')
FROM (SELECT resource, minute, write_id FROM facts
      WHERE {_COUNTED} AND resource IN (SELECT resource FROM ({_OURS}))) AS f
INNER JOIN ({_OURS}) AS r ON f.resource = r.resource
WHERE f.minute >= r.`from` AND f.minute < r.`to`
  AND f.write_id NOT IN (SELECT write_id FROM pinned_writes WHERE write_id IN ({_WINNERS}))
"""
"""Pins the attempts that a piece counts, those that are not pinned yet."""

TAKE = f"""
INSERT INTO closed_usage (close_id, period, customer, resource, minute, edge, zone, {_SUMS})
SELECT r.close_id, r.period, r.customer, u.resource, u.minute, u.edge, u.zone, {_SUMS}
FROM
(
    SELECT g.resource AS resource, g.minute AS minute, g.edge AS edge,
        e.zone AS zone, {_SUMS}
    FROM
    (
        SELECT resource, minute, edge, {", ".join(f"sum(f.{name}) AS {name}" for name in MEASURES)} FROM facts AS f
        WHERE {_COUNTED} AND resource IN (SELECT resource FROM ({_OURS}))
        GROUP BY resource, minute, edge
    ) AS g
    ASOF LEFT JOIN ({EDGES}) AS e ON g.edge = e.edge AND g.minute >= e.begins
) AS u
INNER JOIN ({_OURS}) AS r ON u.resource = r.resource
WHERE u.minute >= r.`from` AND u.minute < r.`to`
"""
"""Copies a piece's usage into closed_usage."""

COUNT_ROWS = (
    "SELECT close_id, count(), arrayMap(e -> hex(e), groupUniqArray(toString(edge))), "
    + ", ".join(f"sum({name})" for name in MEASURES)
    + " FROM closed_usage WHERE (customer, close_id) IN"
    f" (SELECT customer, close_id FROM ({_OURS})) GROUP BY close_id"
)
"""What an attempt counted."""

OF_CLOSE = "period = {period:String} AND customer = {customer:String} AND close_id = {close_id:UInt64}"
"""One close's rows of closed_usage."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Requests' minutes [from_s, to_s) and the minutes of their segments [since_s, until_s), in epoch seconds."""

    from_s: int
    to_s: int
    since_s: int
    until_s: int

    @property
    def params(self) -> Params:
        """The parameters of the statements above."""
        return {
            "from_s": self.from_s,
            "to_s": self.to_s,
            "since_s": self.since_s,
            "until_s": self.until_s,
        }


def segments_around(sessions: Sessions, first: int, after: int) -> tuple[int, int] | None:
    """The epoch seconds [since, until) of segments that hold requests of minutes [first, after); None without any."""
    count, since, until = sessions.rows(
        "SELECT count(), toUInt32(min(segment_minute)), toUInt32(max(segment_minute)) FROM facts"
        " WHERE minute >= toDateTime({from_s:UInt32}, 'UTC') AND minute < toDateTime({to_s:UInt32}, 'UTC')",
        {"from_s": first * 60, "to_s": after * 60},
    )[0]
    return (int(since), int(until) + 60) if count else None


def pieces_of(sessions: Sessions, first: int, after: int) -> list[Piece]:
    """Minutes [first, after) in pieces of whole hours that fit into memory; hours without facts are left out.

    Asked after the cut is fixed, which is safe: what the cut counts was there before.
    """
    hours = sessions.rows(
        "SELECT intDiv(toUInt32(minute), 3600) AS h, count(), toUInt32(min(segment_minute)),"
        " toUInt32(max(segment_minute)) FROM facts WHERE minute >= toDateTime({from_s:UInt32}, 'UTC')"
        " AND minute < toDateTime({to_s:UInt32}, 'UTC') GROUP BY h ORDER BY h",
        {"from_s": first * 60, "to_s": after * 60},
    )
    if not hours:
        return []
    span = {"since_s": min(int(h[2]) for h in hours), "until_s": max(int(h[3]) for h in hours) + 60}
    held = dict(
        sessions.rows(
            f"SELECT intDiv(toUInt32(minute), 3600) AS h, count() FROM ledger WHERE {STRETCH} GROUP BY h",
            span,
        )
    )
    found: list[Piece] = []
    facts = 0
    for hour, count, since, until in ((int(a), int(b), int(c), int(d) + 60) for a, b, c, d in hours):
        begins, ends = max(first * 60, hour * _HOUR), min(after * 60, (hour + 1) * _HOUR)
        if found:
            last = found[-1]
            wide = Piece(last.from_s, ends, min(last.since_s, since), max(last.until_s, until))
            segments = sum(
                held.get(h, 0) for h in range(wide.since_s // _HOUR, (wide.until_s - 1) // _HOUR + 1)
            )
            if facts + count <= FACTS_AT_ONCE and segments <= SEGMENTS_AT_ONCE:
                found[-1], facts = wide, facts + count
                continue
        found.append(Piece(begins, ends, since, until))
        facts = count
    return found
