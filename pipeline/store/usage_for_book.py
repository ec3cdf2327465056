"""Reads of many facts for rating: names with facts, winners of a stretch as numbers, rows of a batch of resources as
blocks of columns; and the same of closed months. Rows go to pipeline.rating.book_batches and month_usage, which keep
those of winners.

A whole book is read in the order of facts' key, resources by resources, with all winners of its minutes held as one
column of numbers: day by day, every day would go through the minutes of all resources again.
"""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pipeline.store.blocks import read_blocks
from pipeline.store.closing_sql import BEST, STRETCH
from pipeline.store.reader import EDGE_LATE_MINUTES, EDGE_SOON_MINUTES, winners_within
from pipeline.store.sessions import name_of, names_subquery
from pipeline.store.winner_set import WinnerSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from pipeline.store.sessions import Params, Sessions

UNKNOWN = 0xFFFF
"""The place of an edge that nobody named."""

LOOKED_UP = 100_000
"""Facts of which the segments are looked up, one by one."""

SEGMENTS_AT_ONCE = 4_000_000
"""Ledger rows whose winners are found in one statement, about 60 bytes each."""

FEW = 3
"""Names that are looked for by the key: each has a dozen stretches, and their analysis grows with the square."""

_MINUTES = "minute >= toDateTime({from_s:UInt32}, 'UTC') AND minute < toDateTime({to_s:UInt32}, 'UTC')"
# for the partitions alone: what is counted at a request's own minute lies as near to its segment's
_SEGMENTS = (
    "segment_minute >= toDateTime({since_s:UInt32}, 'UTC')"
    " AND segment_minute < toDateTime({until_s:UInt32}, 'UTC')"
)
_WITHIN = f"{_MINUTES} AND {_SEGMENTS}"


@dataclass(frozen=True, slots=True, eq=False)
class BookRows:
    """Columns of n facts: `name`, `edge`: uint32, uint16, places in the names asked for and in the edges named;
    `minute`: uint32, since the epoch; counts uint64; `write_id`: uint64, None where all rows count."""

    name: NDArray[np.uint32]
    edge: NDArray[np.uint16]
    minute: NDArray[np.uint32]
    requests: NDArray[np.uint64]
    bytes_sent: NDArray[np.uint64]
    body_bytes: NDArray[np.uint64]
    write_id: NDArray[np.uint64] | None

    def __len__(self) -> int:
        return len(self.minute)

    @property
    def addresses(self) -> NDArray[np.int64]:
        """What `kernels.meter.add_facts` asks for."""
        columns = (self.name, self.edge, self.minute, self.requests, self.bytes_sent, self.body_bytes)
        first = 0 if self.write_id is None else self.write_id.ctypes.data
        return np.array([first, *(column.ctypes.data for column in columns)], np.int64)


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """A close without its proof: what a customer used in minutes [first, after) is kept under `id`, in `rows` rows."""

    id: int
    customer: str
    first: int
    after: int
    rows: int


class BookReader:
    """Questions to facts, ledger and closes for rating. What is read of facts holds losers, too: `winners` tells."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def names(self, first: int, after: int) -> dict[str, int]:
        """Facts of each resource in minutes [first, after), counted or not; raw names, as the log has them."""
        sql = f"SELECT hex(resource), count() FROM facts WHERE {_WITHIN} GROUP BY resource"
        return {name_of(name): int(count) for name, count in self._sessions.rows(sql, _span(first, after))}

    def names_like(self, patterns: Sequence[str], first: int, after: int) -> dict[str, int]:
        """The same of the resources that these patterns may be of: names, or `*.` and a domain; letter case does not
        count. There may be others among them, so ask whose each is.

        A few names are found by the key: another spelling differs first in one letter, and so lies in one of few short
        stretches (10 ms for one name in 100 M facts; with the name itself among them every one of its facts would be
        held against all stretches, 100 ms for 1.7 M); what is more goes through all names (0.2 s on two cores).
        """
        whole = sorted({each.lower() for each in patterns if each[:2] != "*."})
        below = sorted({each[1:].lower() for each in patterns if each[:2] == "*."})
        if below or len(whole) > FEW:
            terms = [f"lower(resource) IN ({names_subquery(whole)})"]
            terms += [f"endsWith(lower(resource), unhex('{_bytes(each).hex()}'))" for each in below]
            # ClickHouse folds ASCII alone
            terms.append("NOT isValidASCII(resource)")
            names = []
        else:
            terms = sorted({term for each in whole for term in _other_spellings(_bytes(each))}) or ["0"]
            names = whole
        sql = f"SELECT DISTINCT hex(resource) FROM facts WHERE {' OR '.join(terms)}"
        return self.counts([*names, *(name_of(name) for (name,) in self._sessions.rows(sql))], first, after)

    def counts(self, names: Sequence[str], first: int, after: int) -> dict[str, int]:
        """Facts of each of these resources in minutes [first, after), counted or not, or a few more; none of those
        without any."""
        if not names:
            return {}
        # in the order of the key and without the segments' minutes: 12 ms for 1.7 M facts instead of 23
        sql = (
            f"SELECT hex(resource), count() FROM facts WHERE resource IN ({names_subquery(names)}) AND {_MINUTES}"
            f" AND indexHint({_SEGMENTS}) GROUP BY resource SETTINGS optimize_aggregation_in_order = 1"
        )
        return {name_of(name): int(count) for name, count in self._sessions.rows(sql, _span(first, after))}

    def winners(self, cut: int, first: int, after: int) -> WinnerSet:
        """The write_ids that win at the cut, of all segments that may hold requests of minutes [first, after)."""
        span = _span(first, after)
        since, until = span["since_s"] // 60, span["until_s"] // 60
        held = self._sessions.one(
            "SELECT count() FROM ledger WHERE segment_id >= bitShiftLeft(toUInt128({since:UInt32}), 96)"
            " AND segment_id < bitShiftLeft(toUInt128({until:UInt32}), 96)",
            {"since": since, "until": until},
        )
        pieces = 1 + int(held) // SEGMENTS_AT_ONCE
        found: list[NDArray[np.uint64]] = []
        for begin, end in pairwise(since + (until - since) * i // pieces for i in range(pieces + 1)):
            found += self._write_ids(*winners_within(cut, begin, end))
        return WinnerSet(*found)

    def winners_of(self, cut: int, names: Sequence[str], facts: int, first: int, after: int) -> WinnerSet:
        """Those among them that have facts of these resources, and perhaps others; `facts`: how many there are.

        Of few facts each one's segment is looked up (110 ms for 78,000), else all of the stretch are found (200 ms
        for 2 M segments).
        """
        if facts > LOOKED_UP:
            return self.winners(cut, first, after)
        span = _span(first, after)
        sql = (
            "SELECT write_id FROM ledger PREWHERE segment_key IN (SELECT toUInt64(segment_id) FROM facts WHERE"
            f" resource IN ({names_subquery(names)}) AND {_WITHIN})"
            f" WHERE seq <= {{cut:UInt64}} AND indexHint({STRETCH}) {BEST}"
        )
        return WinnerSet(*self._write_ids(sql, {**span, "cut": cut}))

    def _write_ids(self, sql: str, params: Params) -> Iterator[NDArray[np.uint64]]:
        for block in read_blocks(self._sessions, sql, params):
            yield block["write_id"]

    def facts(self, names: Sequence[str], edges: Sequence[str], first: int, after: int) -> Iterator[BookRows]:
        """Every fact of these resources in minutes [first, after), in no order."""
        if len(edges) >= UNKNOWN:
            raise ValueError(f"edges: expected fewer than {UNKNOWN}, found {len(edges)}")
        sql = (
            f"SELECT {_place('resource', names, 'UInt32')} AS name, {_place('edge', edges, 'UInt16')} AS place,"
            " intDiv(toUInt32(minute), 60) AS at, requests, bytes_sent, body_bytes, write_id"
            f" FROM facts WHERE resource IN ({names_subquery(names)}) AND {_WITHIN}"
        )
        return self._rows(sql, _span(first, after))

    def _rows(self, sql: str, params: Params) -> Iterator[BookRows]:
        for block in read_blocks(self._sessions, sql, params):
            yield BookRows(
                block["name"],
                block["place"],
                block["at"],
                block["requests"],
                block["bytes_sent"],
                block["body_bytes"],
                block.get("write_id"),
            )

    def minutes_of_facts(self, names: Sequence[str], first: int, after: int) -> list[tuple[int, int]]:
        """(minute, facts) of these resources in minutes [first, after), in order; to cut a large customer's month."""
        sql = (
            "SELECT intDiv(toUInt32(minute), 60) AS at, count() FROM facts"
            f" WHERE resource IN ({names_subquery(names)}) AND {_WITHIN} GROUP BY at ORDER BY at"
        )
        return [(int(at), int(count)) for at, count in self._sessions.rows(sql, _span(first, after))]

    def closed(
        self,
        months: Sequence[ClosedMonth],
        period: str,
        names: Sequence[str],
        zones: Sequence[str],
        minutes: tuple[int, int],
    ) -> Iterator[BookRows]:
        """What these closes count of minutes [from, to), of these resources; `edge` is the place of its zone."""
        ids = ",".join(str(month.id) for month in months)
        sql = (
            f"SELECT {_place('resource', names, 'UInt32')} AS name, {_place('zone', zones, 'UInt16')} AS place,"
            " intDiv(toUInt32(minute), 60) AS at, requests, bytes_sent, body_bytes FROM closed_usage"
            " WHERE period = {period:String}"
            f" AND customer IN ({names_subquery([month.customer for month in months])}) AND close_id IN ({ids})"
            " AND minute >= toDateTime({from_s:UInt32}, 'UTC') AND minute < toDateTime({to_s:UInt32}, 'UTC')"
        )
        span = {"period": period, "from_s": minutes[0] * 60, "to_s": minutes[1] * 60}
        return self._rows(sql, span)

    def minutes_of_closes(self, months: Sequence[ClosedMonth], period: str) -> list[tuple[int, int]]:
        """(minute, rows) of these closes, in order."""
        ids = ",".join(str(month.id) for month in months)
        sql = (
            "SELECT intDiv(toUInt32(minute), 60) AS at, count() FROM closed_usage WHERE period = {period:String}"
            f" AND customer IN ({names_subquery([month.customer for month in months])}) AND close_id IN ({ids})"
            " GROUP BY at ORDER BY at"
        )
        return [(int(at), int(count)) for at, count in self._sessions.rows(sql, {"period": period})]

    def rows_of_close(self, month: ClosedMonth, period: str) -> dict[str, int]:
        """Rows of each resource that a close counts."""
        sql = (
            "SELECT hex(resource), count() FROM closed_usage WHERE period = {period:String}"
            f" AND customer IN ({names_subquery([month.customer])}) AND close_id = {month.id} GROUP BY resource"
        )
        return {name_of(name): int(count) for name, count in self._sessions.rows(sql, {"period": period})}

    def closed_zones(self, period: str) -> list[str]:
        """The zones that closes of a period count usage in."""
        sql = (
            "SELECT DISTINCT toString(zone) AS z FROM closed_usage WHERE period = {period:String} ORDER BY z"
        )
        return [str(zone) for (zone,) in self._sessions.rows(sql, {"period": period})]

    def other_edges(self, names: Sequence[str], edges: Sequence[str], first: int, after: int) -> list[str]:
        """Edges that have facts of these resources, beside the ones named."""
        sql = (
            f"SELECT DISTINCT hex(edge) FROM facts WHERE resource IN ({names_subquery(names)}) AND {_WITHIN}"
            f" AND edge NOT IN ({names_subquery(edges)})"
        )
        return sorted(name_of(name) for (name,) in self._sessions.rows(sql, _span(first, after)))

    def closed_months(self, period: str) -> list[ClosedMonth]:
        """Every close of a period (YYYY-MM), without proofs."""
        rows = self._sessions.rows(
            "SELECT close_id, customer, intDiv(toUInt32(`from`), 60), intDiv(toUInt32(`to`), 60), rows FROM closes"
            " WHERE period = {period:String} ORDER BY seq",
            {"period": period},
        )
        return [ClosedMonth(int(i), customer, int(f), int(a), int(n)) for i, customer, f, a, n in rows]


def _other_spellings(name: bytes) -> Iterator[str]:
    """Conditions that hold for every name which Python would fold to this one: up to some letter it is the same, and
    goes on with the capital letter, or beyond ASCII."""
    for place in range(len(name)):
        before, letter = name[:place], name[place : place + 1]
        if letter.upper() != letter:
            yield _between(before + letter.upper(), before + letter.upper())
        yield _between(before + b"\x80", before)


def _between(low: bytes, prefix: bytes) -> str:
    """From `low` on, and beginning with `prefix`."""
    stem = prefix.rstrip(b"\xff")
    end = f" AND resource < unhex('{(stem[:-1] + bytes([stem[-1] + 1])).hex()}')" if stem else ""
    return f"(resource >= unhex('{low.hex()}'){end})"


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _span(first: int, after: int) -> Params:
    """Minutes of requests, and of the segments that may hold them."""
    since, until = max(0, first - EDGE_SOON_MINUTES), after + EDGE_LATE_MINUTES
    return {"from_s": first * 60, "to_s": after * 60, "since_s": since * 60, "until_s": until * 60}


def _place(column: str, names: Sequence[str], kind: str) -> str:
    """SQL of a name's place among these; the largest number of its kind for others."""
    if not names:
        return f"bitNot(to{kind}(0))"
    listed = ",".join(name.encode("utf-8", "surrogateescape").hex() for name in names)
    texts = f"arrayMap(x -> unhex(x), splitByChar(',', '{listed}'))"
    return (
        f"transform({column}, {texts}, arrayMap(x -> to{kind}(x), range({len(names)})), bitNot(to{kind}(0)))"
    )


def join_rows(blocks: Iterable[BookRows]) -> BookRows:
    """All in one."""
    every = list(blocks)
    ids = [rows.write_id for rows in every if rows.write_id is not None]
    return BookRows(
        np.concatenate([np.empty(0, np.uint32), *(rows.name for rows in every)]),
        np.concatenate([np.empty(0, np.uint16), *(rows.edge for rows in every)]),
        np.concatenate([np.empty(0, np.uint32), *(rows.minute for rows in every)]),
        np.concatenate([np.empty(0, np.uint64), *(rows.requests for rows in every)]),
        np.concatenate([np.empty(0, np.uint64), *(rows.bytes_sent for rows in every)]),
        np.concatenate([np.empty(0, np.uint64), *(rows.body_bytes for rows in every)]),
        np.concatenate(ids) if ids else None,
    )
