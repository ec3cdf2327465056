"""Closes in the store: usage of winning attempts at a cut copied into closed_usage and its attempts pinned, then, as
one INSERT, the rows of `closes` that make it count. pipeline/coverage/closing.py calls this."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.coverage.model import Close
from pipeline.model import MEASURES
from pipeline.store.changes import read_changes
from pipeline.store.closing_sql import COUNT_ROWS, OF_CLOSE, PIN, RESOURCES, TAKE, pieces_of, served_sql
from pipeline.store.digests import digest_closes
from pipeline.store.errors import StoreError
from pipeline.store.instants import instants, minutes, seconds
from pipeline.store.numbered import append_numbered
from pipeline.store.sessions import in_chunks, name_of, names_subquery

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.coverage.adjustments import Changes
    from pipeline.store.sessions import Params, Sessions

KEPT = timedelta(hours=24)
"""How long a close may take before what it wrote is taken for dead."""

IDS_AT_ONCE = 5_000

_COLUMNS = (
    "seq, close_id, period, tz, customer, toUInt32(`from`), toUInt32(`to`), cut, digest, rows,"
    " toUnixTimestamp64Micro(closed_at), actor, reason, body"
)


class ClosedMeanwhileError(StoreError):
    """Another process closed what this one was about to close."""


@dataclass(frozen=True, slots=True)
class Taking:
    """What a close is to count: resources (raw names out of logs) of one customer in minutes [first, after)."""

    close_id: int
    customer: str
    first: int
    after: int
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What it did count: rows of closed_usage, their sums in the order of MEASURES, and the edges in them."""

    rows: int = 0
    sums: tuple[int, ...] = (0,) * len(MEASURES)
    edges: frozenset[str] = frozenset()


class Closes:
    """Reads and writes closed periods. A close counts once its row is in `closes`; nobody sees what comes before."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    # -- reads

    def closes(
        self,
        period: str | None = None,
        customer: str | None = None,
        *,
        minutes: tuple[int, int] | None = None,
    ) -> list[Close]:
        """Closed months in the order in which they were closed; of a period (YYYY-MM), of a customer, or those that
        share minutes with [first, after)."""
        terms, params = ["1"], dict[str, Any]()
        if period is not None:
            terms.append("period = {period:String}")
            params["period"] = period
        if customer is not None:
            terms.append(f"customer IN ({names_subquery([customer])})")
        if minutes is not None:
            terms.append("toUInt32(`from`) < {after_s:UInt32} AND toUInt32(`to`) > {first_s:UInt32}")
            params |= {"first_s": minutes[0] * 60, "after_s": minutes[1] * 60}
        rows = self._sessions.rows(
            f"SELECT {_COLUMNS} FROM closes WHERE {' AND '.join(terms)} ORDER BY seq", params
        )
        return [_close(row) for row in rows]

    def usage(self, close: Close) -> pa.Table:
        """The rows of a close: minute (uint32, since 1970), resource, edge, zone and MEASURES, by the first three."""
        return self._sessions.arrow(
            "SELECT intDiv(toUInt32(closed_usage.minute), 60) AS minute,"
            " toValidUTF8(closed_usage.resource) AS resource,"
            " toValidUTF8(closed_usage.edge) AS edge, toString(closed_usage.zone) AS zone,"
            f" {', '.join(MEASURES)} FROM closed_usage WHERE {OF_CLOSE}"
            " ORDER BY closed_usage.minute, closed_usage.resource, closed_usage.edge",
            _of(close),
            {"output_format_arrow_string_as_string": 1},
        )

    def resources(self, first: int, after: int) -> list[str]:
        """Every resource with facts in minutes [first, after), counted or not; raw names, as the log has them."""
        span = {"from_s": first * 60, "to_s": after * 60}
        return sorted(name_of(name) for (name,) in self._sessions.rows(RESOURCES, span))

    def served(
        self, cut: int, first: int, after: int, owners: Mapping[str, str]
    ) -> dict[str, frozenset[str]]:
        """customer → the edges that served him in minutes [first, after) as counted at the cut; `owners`: resource (raw
        name) → customer."""
        customers = sorted(set(owners.values()))
        place = {customer: at for at, customer in enumerate(customers)}
        sql = served_sql([(name, place[customer]) for name, customer in owners.items()])
        found: dict[str, set[str]] = {}
        for piece in pieces_of(self._sessions, first, after) if owners else ():
            for at, edges in self._sessions.rows(sql, {**piece.params, "cut": cut}):
                found.setdefault(customers[at], set()).update(map(name_of, edges))
        return {customer: frozenset(edges) for customer, edges in found.items()}

    def counted_resources(self, close_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """close_id → the resources that it counts, raw names."""
        found: dict[int, list[str]] = {}
        for some in in_chunks(close_ids, IDS_AT_ONCE):
            listed = ",".join(map(str, some))
            for close_id, name in self._sessions.rows(
                f"SELECT close_id, hex(resource) FROM closed_resources WHERE close_id IN ({listed}) ORDER BY 1, 2"
            ):
                found.setdefault(int(close_id), []).append(name_of(name))
        return {close_id: tuple(names) for close_id, names in found.items()}

    def changes(self, since_cut: int, cut: int, first: int, after: int) -> Changes:
        """Usage of minutes [first, after) at `cut` less that at `since_cut`, over all resources."""
        return read_changes(self._sessions, since_cut, cut, first, after)

    def digests(self, closes: Sequence[Close]) -> dict[int, str]:
        """id → SHA-256, in hex, of each close's `rows` in closed_usage as ClickHouse's TabSeparated lines: minute
        (epoch seconds), resource, edge, zone and MEASURES, in the order of the first three."""
        return digest_closes(self._sessions, closes)

    # -- writes, in this order

    def begin(self, period: str, takings: Sequence[Taking], now: datetime) -> int:
        """Writes down what an attempt is going to count, and returns the attempt. Clears away what died a day ago."""
        import pyarrow as pa

        self._clear(now)
        attempt = secrets.randbits(64)
        rows = [(taking, name) for taking in takings for name in taking.resources]
        columns = {
            "attempt": pa.array([attempt] * len(rows), pa.uint64()),
            "close_id": pa.array([taking.close_id for taking, _ in rows], pa.uint64()),
            "period": pa.array([period] * len(rows), pa.string()),
            "customer": pa.array([taking.customer for taking, _ in rows], pa.string()),
            "resource": pa.array([name.encode("utf-8", "surrogateescape") for _, name in rows], pa.binary()),
            "from": pa.array([taking.first * 60 for taking, _ in rows], pa.uint32()),
            "to": pa.array([taking.after * 60 for taking, _ in rows], pa.uint32()),
            "begun_at": pa.array([now] * len(rows), pa.timestamp("ms", tz="UTC")),
        }
        if rows:
            self._sessions.insert("closed_resources", pa.table(columns))
        return attempt

    def take(self, attempt: int, cut: int, first: int, after: int, now: datetime, by: str) -> None:
        """Pins every attempt at a segment whose facts are counted, then copies the usage; minutes [first, after) are
        all those of the attempt's takings, and each of them keeps to its own."""
        for piece in pieces_of(self._sessions, first, after):
            params = {**piece.params, "cut": cut, "attempt": attempt}
            at = {"pinned_by": by, "at_ms": int(now.timestamp() * 1000)}
            self._sessions.execute(PIN, params | at)
            self._sessions.execute(TAKE, params)

    def taken(self, attempt: int) -> dict[int, Taken]:
        """close_id → what the attempt counted for it; nothing for those without usage."""
        found = {}
        for close_id, rows, edges, *sums in self._sessions.rows(COUNT_ROWS, {"attempt": attempt}):
            found[int(close_id)] = Taken(int(rows), tuple(map(int, sums)), frozenset(map(name_of, edges)))
        return found

    def finish(self, closes: Sequence[Close]) -> list[Close]:
        """Makes these closes count, all in one INSERT, and gives them back with their numbers. Raises
        ClosedMeanwhileError, and writes none, where another process has closed minutes of one of them."""
        if not closes:
            return []

        def rows(first_seq: int, mark: int) -> pa.Table:
            # asked again before every try: who closes between this and the insert takes the number, and we try again
            span = (min(close.first for close in closes), max(close.after for close in closes))
            taken = {(other.customer, other.first) for other in self.closes(minutes=span)}
            if lost := sorted(close.customer for close in closes if (close.customer, close.first) in taken):
                raise ClosedMeanwhileError(f"{', '.join(lost)}: closed by another process meanwhile")
            return _table(closes, first_seq, mark)

        last = append_numbered(self._sessions, "closes", rows)
        return [replace(close, seq=last - len(closes) + place) for place, close in enumerate(closes, 1)]

    def _clear(self, now: datetime) -> None:
        dead = self._sessions.rows(
            "SELECT DISTINCT period, close_id FROM closed_resources"
            " WHERE begun_at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')"
            " AND close_id NOT IN (SELECT close_id FROM closes)",
            {"at": int((now - KEPT).timestamp() * 1000)},
        )
        for some in in_chunks([int(row[1]) for row in dead], IDS_AT_ONCE):
            listed = ",".join(map(str, some))
            self._sessions.execute(f"DELETE FROM closed_usage WHERE close_id IN ({listed})")
            self._sessions.execute(f"DELETE FROM closed_resources WHERE close_id IN ({listed})")


def _of(close: Close) -> Params:
    return {"period": close.period, "customer": close.customer, "close_id": close.id}


def _close(row: tuple[Any, ...]) -> Close:
    seq, close_id, period, tz, customer, from_s, to_s, cut, digest, rows, at_us, actor, reason, body = row
    return Close(
        period=period, tz=tz, customer=customer, first=int(from_s) // 60, after=int(to_s) // 60, cut=int(cut),
        digest=digest, rows=int(rows), closed_at=seconds(at_us), actor=actor, reason=reason,
        body=json.loads(body) if body else {}, id=int(close_id), seq=int(seq),
    )  # fmt: skip


def _table(closes: Sequence[Close], first_seq: int, mark: int) -> pa.Table:
    import pyarrow as pa

    u64, text = pa.uint64(), pa.string()
    return pa.table(
        {
            "seq": pa.array(range(first_seq, first_seq + len(closes)), u64),
            "commit_id": pa.array([mark] * len(closes), u64),
            "close_id": pa.array([close.id for close in closes], u64),
            "period": pa.array([close.period for close in closes], text),
            "tz": pa.array([close.tz for close in closes], text),
            "customer": pa.array([close.customer for close in closes], text),
            "from": minutes(close.first for close in closes),
            "to": minutes(close.after for close in closes),
            "cut": pa.array([close.cut for close in closes], u64),
            "digest": pa.array([close.digest for close in closes], text),
            "rows": pa.array([close.rows for close in closes], u64),
            "closed_at": instants(close.closed_at for close in closes),
            "actor": pa.array([close.actor for close in closes], text),
            "reason": pa.array([close.reason for close in closes], text),
            "body": pa.array([json.dumps(close.body, ensure_ascii=False) for close in closes], text),
        }
    )
