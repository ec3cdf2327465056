"""Reads at a cut: usage of the winning attempts, and the ledger's own questions (winners, neighbours, fingerprints)."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pipeline.model import DIMENSIONS, MEASURES, LedgerEntry, Origin
from pipeline.store.columns import ENTRY_SELECT, entry_from_row
from pipeline.store.sessions import Params, Sessions, ids_subquery, in_chunks, names_subquery

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

IDS_AT_ONCE = 20_000
"""Ids of one statement: 33 bytes each in its text."""

SEGMENTS_AT_ONCE = 4_000_000
"""Ledger rows whose winners are held in memory at once, about 60 bytes each."""

FACTS_AT_ONCE = 1_000_000
"""Facts of one customer whose winners are held in memory at once, about 45 bytes each."""

Piece = tuple[tuple[int, int] | None, tuple[int, int]]
"""[from, to) minutes of requests, or all, and [from, to) minutes of the segments that hold them."""

EDGE_LATE_MINUTES, EDGE_SOON_MINUTES = 48 * 60, 60
"""How far before and after its segment's minute a request may lie."""

GROUPABLE = tuple(name for name in DIMENSIONS if name in ("minute", "resource", "edge"))


class Reader:
    """Questions to facts and ledger. What takes a `cut` sees the ledger as it was then, whatever is written since."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def cut(self) -> int:
        """The greatest visible `seq`; fix it first, then read."""
        return int(self._sessions.one("SELECT max(seq) FROM ledger"))

    def usage(
        self,
        cut: int,
        *,
        resources: Sequence[str] | None = None,
        minutes: tuple[int, int] | None = None,
        edges: Sequence[str] | None = None,
        by: Sequence[str] = ("minute", "resource", "edge"),
    ) -> pa.Table:
        """Sums of the winning facts, each fact once, grouped and ordered by `by`.

        `minutes` is [from, to) in minutes since the epoch, of the requests themselves. Columns: those of `by` (minute
        as uint32 minutes since the epoch), then MEASURES as uint64. Raises ValueError for an unknown dimension.
        """
        pieces = self._pieces(resources, minutes)
        tables = []
        for some, span in pieces or [(minutes, (0, 1))]:
            sql, params = usage_query(
                cut, resources=resources, minutes=some, edges=edges, by=by, segment_minutes=span
            )
            tables.append(_plain_text(self._sessions.arrow(sql, params).rename_columns([*by, *MEASURES])))
        return _merge(tables, by)

    def _pieces(self, resources: Sequence[str] | None, minutes: tuple[int, int] | None) -> list[Piece]:
        """`minutes`, cut where a customer has so many facts that their winners would not fit into 100 MiB, and the
        minutes of the segments behind them; without resources, all `minutes` for each span of the book.

        Asked before the read itself, which is safe: what the cut counts was there before the cut was fixed.
        """
        if resources is None:
            return [(minutes, span) for span in self._spans()]
        where, params = _filter(resources, minutes, None)
        if minutes is not None and self._at_most(where, params) <= FACTS_AT_ONCE:
            # where segments of these minutes lie is known: to count and look took 12 ms of a month's 130
            return [(minutes, (max(0, minutes[0] - EDGE_SOON_MINUTES), minutes[1] + EDGE_LATE_MINUTES))]
        count, first, last, since, until = (
            int(value)
            for value in self._sessions.rows(
                "SELECT count(), toUInt32(min(minute)), toUInt32(max(minute)), toUInt32(min(segment_minute)),"
                f" toUInt32(max(segment_minute)) FROM facts WHERE {where}",
                params,
            )[0]
        )
        span = (since // 60, until // 60 + 1)
        if count <= FACTS_AT_ONCE:
            return [(minutes, span)]
        begin, end = first // 60, last // 60 + 1
        pieces = min(1 + count // FACTS_AT_ONCE, end - begin)
        return [
            (some, span) for some in pairwise(begin + (end - begin) * i // pieces for i in range(pieces + 1))
        ]

    def _at_most(self, where: str, params: Params) -> int:
        """How many facts the index says there can be, a third of the time that counting them takes."""
        rows = self._sessions.rows(f"EXPLAIN ESTIMATE SELECT minute FROM facts WHERE {where}", params)
        return sum(int(row[3]) for row in rows)

    def totals(self, cut: int) -> dict[str, int]:
        """The sum of each measure over every winning fact, and `rows`."""
        sums = ", ".join(f"sum({name})" for name in MEASURES)
        found = [0] * (1 + len(MEASURES))
        for span in self._spans():
            where, params = _filter(None, None, None, span)
            sql = f"SELECT count(), {sums} FROM facts WHERE {where} AND write_id IN ({_WINNERS} {BEST})"
            row = self._sessions.rows(sql, {**params, "cut": cut})[0]
            found = [a + int(b) for a, b in zip(found, row, strict=True)]
        return dict(zip(("rows", *MEASURES), found, strict=True))

    def _spans(self) -> list[tuple[int, int]]:
        """[from, to) minutes of segments that cover all facts: a month each, or less where a month has many segments.

        Work on the whole book goes span by span, so that the set of winners stays within memory.
        """
        # both come from the partitions' own bounds, without reading a row
        count, first, last = self._sessions.rows(
            "SELECT count(), toUInt32(min(segment_minute)), toUInt32(max(segment_minute)) FROM facts"
        )[0]
        if not count:
            return []
        return ledger_spans(self._sessions, int(first) // 60, int(last) // 60 + 1, SEGMENTS_AT_ONCE)

    def winners(self, segment_ids: Iterable[int], cut: int | None = None) -> dict[int, LedgerEntry]:
        """The winning entry of each segment that has one at the cut (default: now), by segment_id."""
        found: dict[int, LedgerEntry] = {}
        bound, params = ("seq <= {cut:UInt64} AND", {"cut": cut}) if cut is not None else ("", {})
        for ids in in_chunks(segment_ids, IDS_AT_ONCE):
            where = f"{bound} segment_id IN ({ids_subquery(ids)})"
            for entry in self._entries(f"{where} {BEST}", params):
                found[entry.segment_id] = entry
        return found

    def attempts(self, segment_ids: Iterable[int]) -> list[LedgerEntry]:
        """Every entry of these segments, ordered by segment_id and seq."""
        return [
            entry
            for ids in in_chunks(segment_ids, IDS_AT_ONCE)
            for entry in self._entries(f"segment_id IN ({ids_subquery(ids)}) ORDER BY segment_id, seq")
        ]

    def ledger_tail(self, since_seq: int, limit: int = 100_000) -> list[LedgerEntry]:
        """Entries after `since_seq` in the order of seq, at most `limit` of them."""
        return self._entries(
            "seq > {since:UInt64} AND seq <= {to:UInt64} ORDER BY seq",
            {"since": since_seq, "to": since_seq + limit},
        )

    def neighbours(self, edge: str, stream: str, epoch: str, first: int, next: int) -> list[LedgerEntry]:  # noqa: A002
        """Winning entries of one (edge, stream, epoch) whose numbers overlap or adjoin [first, next), in order."""
        return self.neighbours_of([(edge, stream, epoch, first, next)])[0]

    def neighbours_of(self, ranges: Sequence[tuple[str, str, str, int, int]]) -> list[list[LedgerEntry]]:
        """`neighbours` of many (edge, stream, epoch, first, next) at once, in the order asked."""
        bounds: dict[tuple[str, str, str], tuple[int, int]] = {}
        for edge, stream, epoch, first, after in ranges:
            low, high = bounds.get((edge, stream, epoch), (first, after))
            bounds[edge, stream, epoch] = (min(low, first), max(high, after))
        candidates: set[int] = set()
        for (edge, stream, epoch), (low, high) in bounds.items():
            rows = self._sessions.rows(
                "SELECT DISTINCT segment_id FROM ledger WHERE edge = {edge:String} AND stream = {stream:String}"
                " AND sequence_epoch = {epoch:String} AND sequence_unit != ''"
                " AND sequence_first <= {high:UInt64} AND sequence_next >= {low:UInt64}",
                {"edge": edge, "stream": stream, "epoch": epoch, "low": low, "high": high},
            )
            candidates.update(int(row[0]) for row in rows)
        entries = [e for e in self.winners(candidates).values() if e.sequence]
        entries.sort(key=lambda e: (e.sequence.first, e.segment_id) if e.sequence else (0, 0))
        return [[e for e in entries if _touches(e, wanted)] for wanted in ranges]

    def reaches(self, edges: Iterable[str]) -> dict[tuple[str, str, str], int]:
        """(edge, stream, epoch) → one more than the greatest sequence number of any attempt, for all of these edges."""
        rows = self._sessions.rows(
            "SELECT edge, stream, sequence_epoch, max(sequence_next) FROM ledger"
            f" WHERE edge IN ({names_subquery(sorted(set(edges)))}) AND sequence_unit != ''"
            " GROUP BY edge, stream, sequence_epoch"
        )
        return {(edge, stream, epoch): int(after) for edge, stream, epoch, after in rows}

    def fingerprints(self, origins: Iterable[Origin], fmt: str | None = None) -> dict[int, set[str]]:
        """segment_id → fingerprints of the versions already attempted; segments never attempted are absent. With
        `fmt`, versions that were quarantined as no log of another format were not attempted."""
        found: dict[int, set[str]] = {}
        counts = "1" if fmt is None else "state != 'quarantined' OR format IN ('', {fmt:String})"
        for ids in in_chunks((origin.segment_id for origin in origins), IDS_AT_ONCE):
            for segment_id, seen in self._sessions.rows(
                f"SELECT segment_id, groupUniqArrayIf(fingerprint, {counts}) FROM ledger"
                f" WHERE segment_id IN ({ids_subquery(ids)}) GROUP BY segment_id",
                {} if fmt is None else {"fmt": fmt},
            ):
                found[int(segment_id)] = set(seen)
        return found

    def _entries(self, where: str, params: Params | None = None) -> list[LedgerEntry]:
        sql = f"SELECT {ENTRY_SELECT} FROM ledger WHERE {where}"
        return [entry_from_row(row) for row in self._sessions.rows(sql, params)]


def ledger_spans(sessions: Sessions, first: int, after: int, at_once: int) -> list[tuple[int, int]]:
    """Minutes [first, after) cut at the beginnings of months (UTC), and where a month has more than about `at_once`
    attempts."""
    spans: list[tuple[int, int]] = []
    for begin, end in months(first, after):
        held = sessions.one(
            "SELECT count() FROM ledger WHERE segment_id >= bitShiftLeft(toUInt128({begin:UInt32}), 96)"
            " AND segment_id < bitShiftLeft(toUInt128({end:UInt32}), 96)",
            {"begin": begin, "end": end},
        )
        pieces = 1 + int(held) // at_once
        spans.extend(pairwise(begin + (end - begin) * piece // pieces for piece in range(pieces + 1)))
    return spans


def usage_query(
    cut: int,
    *,
    segment_minutes: tuple[int, int],
    resources: Sequence[str] | None = None,
    minutes: tuple[int, int] | None = None,
    edges: Sequence[str] | None = None,
    by: Sequence[str] = ("minute", "resource", "edge"),
) -> tuple[str, Params]:
    """The statement behind `Reader.usage`, and its parameters.

    `segment_minutes` bounds the winners to that stretch of the ledger, which is sorted by segment_id, that is by
    minute. With resources, `segment_key` finds among them those of the same facts; a colliding key adds a segment's
    true winner, which the condition on facts then drops. The stretch is then only a hint to the index: testing it on
    every row would read every id. Without resources the facts are bounded by it, too.
    """
    unknown = [name for name in by if name not in GROUPABLE]
    if unknown:
        raise ValueError(f"usage by {', '.join(unknown)}: expected some of {', '.join(GROUPABLE)}")
    where, params = _filter(resources, minutes, edges, segment_minutes)
    winners = f"{_WINNERS} {BEST}"
    if resources is not None:
        where, of_facts = _filter(resources, minutes, edges)
        params |= of_facts
        winners = (
            "SELECT write_id FROM ledger"
            f" PREWHERE segment_key IN (SELECT toUInt64(segment_id) FROM facts WHERE {where})"
            f" WHERE seq <= {{cut:UInt64}} AND indexHint({STRETCH}) {BEST}"
        )
    # names come from logs: what is no UTF-8 must not make the whole answer unreadable
    groups = {
        "minute": "intDiv(toUInt32(minute), 60) AS m",
        "resource": "toValidUTF8(resource)",
        "edge": "toValidUTF8(edge)",
    }
    grouped = by
    if resources is not None and len(resources) == 1 and len(by) > 1:
        # one name needs no group of its own: 15 of 34 ms for 42,000 facts
        groups["resource"] = "toValidUTF8(any(resource))"
        grouped = [name for name in by if name != "resource"]
    # identity() keeps the set of winners out of the index: comparing it with every mark took longer than the read
    select = ", ".join([groups[name] for name in by] + [f"sum({name}) AS {name}_sum" for name in MEASURES])
    keys = ", ".join("m" if name == "minute" else name for name in grouped)
    sql = f"SELECT {select} FROM facts WHERE {where} AND identity(write_id) IN ({winners})"
    if grouped:
        sql += f" GROUP BY {keys} ORDER BY {keys}"
    return sql, {**params, "cut": cut}


def winners_within(
    cut: int, first: int, after: int, edges: Sequence[str] | None = None, streams: Sequence[str] | None = None
) -> tuple[str, Params]:
    """A statement for the write_ids that win at the cut among segments of minutes [first, after), of these edges and
    streams or of all; its parameters."""
    of = "" if edges is None else f" AND edge IN ({names_subquery(edges)})"
    of += "" if streams is None else f" AND stream IN ({names_subquery(streams)})"
    return f"{_WINNERS}{of} {BEST}", {"cut": cut, "since_s": first * 60, "until_s": after * 60}


STRETCH = (
    "segment_id >= bitShiftLeft(toUInt128(intDiv({since_s:UInt32}, 60)), 96)"
    " AND segment_id < bitShiftLeft(toUInt128(intDiv({until_s:UInt32}, 60)), 96)"
)
# in the order of the ledger's key, one segment at a time: memory does not grow with their number, as with argMax
BEST = "ORDER BY segment_id, full_rank DESC, seq DESC LIMIT 1 BY segment_id"
_WINNERS = f"SELECT write_id FROM ledger WHERE seq <= {{cut:UInt64}} AND {STRETCH}"


def _filter(
    resources: Sequence[str] | None,
    minutes: tuple[int, int] | None,
    edges: Sequence[str] | None,
    segment_minutes: tuple[int, int] | None = None,
) -> tuple[str, Params]:
    """The condition on facts, and its parameters: of the caller's words only hex enters the SQL itself."""
    terms: list[str] = []
    params: dict[str, Any] = {}
    for column, names in (("resource", resources), ("edge", edges)):
        if names is not None:
            # a subquery, because a function of an array is not used by the primary key (88 M names were read instead of
            # one customer's)
            terms.append(f"{column} IN ({names_subquery(names)})")
    if minutes is not None:
        terms.append(
            "minute >= toDateTime({from_s:UInt32}, 'UTC') AND minute < toDateTime({to_s:UInt32}, 'UTC')"
        )
        params["from_s"], params["to_s"] = minutes[0] * 60, minutes[1] * 60
    if segment_minutes is not None:
        terms.append(
            "segment_minute >= toDateTime({since_s:UInt32}, 'UTC')"
            " AND segment_minute < toDateTime({until_s:UInt32}, 'UTC')"
        )
        params["since_s"], params["until_s"] = segment_minutes[0] * 60, segment_minutes[1] * 60
    return " AND ".join(terms) or "1", params


def months(first: int, end: int) -> list[tuple[int, int]]:
    """[first, end) in minutes since the epoch, cut at the beginnings of months (UTC)."""
    edges = [first]
    at = datetime.fromtimestamp(first * 60, UTC)
    while True:
        at = at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1, day=1, hour=0, minute=0)
        begin = int(at.timestamp()) // 60
        if begin >= end:
            return list(pairwise([*edges, end]))
        edges.append(begin)


def _merge(parts: list[pa.Table], by: Sequence[str]) -> pa.Table:
    """Sums over spans: the same group may be in two, where a request lies across a month's end."""
    import pyarrow as pa

    if len(parts) == 1:
        return parts[0]
    whole = pa.concat_tables(parts)
    sums = whole.group_by(list(by), use_threads=False).aggregate([(name, "sum") for name in MEASURES])
    sums = sums.select([*by, *(f"{name}_sum" for name in MEASURES)]).rename_columns([*by, *MEASURES])
    sums = sums.sort_by([(name, "ascending") for name in by]) if by else sums
    return sums.cast(parts[0].schema)


def _touches(entry: LedgerEntry, wanted: tuple[str, str, str, int, int]) -> bool:
    edge, stream, epoch, first, after = wanted
    s = entry.sequence
    return (
        s is not None
        and (entry.origin.edge, entry.origin.stream, s.epoch) == (edge, stream, epoch)
        and s.first <= after
        and s.next >= first
    )


def _plain_text(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) or pa.types.is_binary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    return table
