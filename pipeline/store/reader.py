"""Reads at a cut: usage of the winning attempts, and the ledger's own questions (winners, neighbours, fingerprints)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.model import DIMENSIONS, MEASURES, LedgerEntry, Origin
from pipeline.store.columns import ENTRY_SELECT, entry_from_row
from pipeline.store.sessions import Params, Sessions, ids_subquery

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

IDS_AT_ONCE = 20_000
"""Ids of one statement: 33 bytes each in its text."""

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
        sql, params = usage_query(cut, resources=resources, minutes=minutes, edges=edges, by=by)
        return _plain_text(self._sessions.arrow(sql, params).rename_columns([*by, *MEASURES]))

    def totals(self, cut: int) -> dict[str, int]:
        """The sum of each measure over every winning fact, and `rows`."""
        sums = ", ".join(f"sum({name})" for name in MEASURES)
        row = self._sessions.rows(
            f"SELECT count(), {sums} FROM facts WHERE write_id IN ({_ALL_WINNERS})", {"cut": cut}
        )[0]
        return dict(zip(("rows", *MEASURES), map(int, row), strict=True))

    def winners(self, segment_ids: Iterable[int], cut: int | None = None) -> dict[int, LedgerEntry]:
        """The winning entry of each segment that has one at the cut (default: now), by segment_id."""
        found: dict[int, LedgerEntry] = {}
        bound, params = ("seq <= {cut:UInt64} AND", {"cut": cut}) if cut is not None else ("", {})
        for ids in _chunks(segment_ids):
            where = f"{bound} segment_id IN ({ids_subquery(ids)})"
            for entry in self._entries(f"{where} ORDER BY segment_id, rank DESC, seq DESC LIMIT 1 BY segment_id", params):
                found[entry.segment_id] = entry
        return found

    def attempts(self, segment_ids: Iterable[int]) -> list[LedgerEntry]:
        """Every entry of these segments, ordered by segment_id and seq."""
        return [
            entry
            for ids in _chunks(segment_ids)
            for entry in self._entries(f"segment_id IN ({ids_subquery(ids)}) ORDER BY segment_id, seq")
        ]

    def ledger_tail(self, since_seq: int, limit: int = 100_000) -> list[LedgerEntry]:
        """Entries after `since_seq` in the order of seq, at most `limit` of them."""
        return self._entries(
            "seq > {since:UInt64} AND seq <= {to:UInt64} ORDER BY seq", {"since": since_seq, "to": since_seq + limit}
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
            " WHERE edge IN {edges:Array(String)} AND sequence_unit != '' GROUP BY edge, stream, sequence_epoch",
            {"edges": sorted(set(edges))},
        )
        return {(edge, stream, epoch): int(after) for edge, stream, epoch, after in rows}

    def fingerprints(self, origins: Iterable[Origin]) -> dict[int, set[str]]:
        """segment_id → fingerprints of the versions already attempted; segments never attempted are absent."""
        found: dict[int, set[str]] = {}
        for ids in _chunks(origin.segment_id for origin in origins):
            for segment_id, seen in self._sessions.rows(
                f"SELECT segment_id, groupUniqArray(fingerprint) FROM ledger"
                f" WHERE segment_id IN ({ids_subquery(ids)}) GROUP BY segment_id"
            ):
                found[int(segment_id)] = set(seen)
        return found

    def _entries(self, where: str, params: Params | None = None) -> list[LedgerEntry]:
        return [entry_from_row(row) for row in self._sessions.rows(f"SELECT {ENTRY_SELECT} FROM ledger WHERE {where}", params)]


def usage_query(
    cut: int,
    *,
    resources: Sequence[str] | None = None,
    minutes: tuple[int, int] | None = None,
    edges: Sequence[str] | None = None,
    by: Sequence[str] = ("minute", "resource", "edge"),
) -> tuple[str, Params]:
    """The statement behind `Reader.usage` and its parameters."""
    unknown = [name for name in by if name not in GROUPABLE]
    if unknown:
        raise ValueError(f"usage by {', '.join(unknown)}: expected some of {', '.join(GROUPABLE)}")
    where, params = _filter(resources, minutes, edges)
    # names come from logs: what is no UTF-8 must not make the whole answer unreadable
    groups = {
        "minute": "intDiv(toUInt32(minute), 60) AS m",
        "resource": "toValidUTF8(resource)",
        "edge": "toValidUTF8(edge)",
    }
    select = ", ".join([groups[name] for name in by] + [f"sum({name}) AS {name}_sum" for name in MEASURES])
    keys = ", ".join("m" if name == "minute" else name for name in by)
    sql = f"SELECT {select} FROM facts WHERE {where} AND write_id IN ({_winners_of(where)})"  # noqa: S608
    if by:
        sql += f" GROUP BY {keys} ORDER BY {keys}"
    return sql, {**params, "cut": cut}


_ALL_WINNERS = (
    "SELECT argMax(write_id, (rank, seq)) FROM ledger WHERE seq <= {cut:UInt64} GROUP BY segment_id"
)


def _winners_of(where: str) -> str:
    return (
        "SELECT argMax(write_id, (rank, seq)) FROM ledger WHERE seq <= {cut:UInt64}"
        f" AND segment_id IN (SELECT segment_id FROM facts WHERE {where}) GROUP BY segment_id"
    )


def _filter(
    resources: Sequence[str] | None, minutes: tuple[int, int] | None, edges: Sequence[str] | None
) -> tuple[str, Params]:
    """The condition on facts, and its parameters: nothing of the caller's enters the SQL itself."""
    terms: list[str] = []
    params: dict[str, Any] = {}
    for column, plural, names in (("resource", "resources", resources), ("edge", "edges", edges)):
        if names is not None:
            # hex, because a name of a log may be no UTF-8
            terms.append(f"{column} IN arrayMap(h -> unhex(h), {{{plural}:Array(String)}})")
            params[plural] = [name.encode("utf-8", "surrogateescape").hex() for name in names]
    if minutes is not None:
        terms.append("minute >= toDateTime({from_s:UInt32}, 'UTC') AND minute < toDateTime({to_s:UInt32}, 'UTC')")
        params["from_s"], params["to_s"] = minutes[0] * 60, minutes[1] * 60
    return " AND ".join(terms) or "1", params


def _touches(entry: LedgerEntry, wanted: tuple[str, str, str, int, int]) -> bool:
    edge, stream, epoch, first, after = wanted
    s = entry.sequence
    return (
        s is not None
        and (entry.origin.edge, entry.origin.stream, s.epoch) == (edge, stream, epoch)
        and s.first <= after
        and s.next >= first
    )


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    distinct = sorted(set(ids))
    for at in range(0, len(distinct), IDS_AT_ONCE):
        yield distinct[at : at + IDS_AT_ONCE]


def _plain_text(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) or pa.types.is_binary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    return table
