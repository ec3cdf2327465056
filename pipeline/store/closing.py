"""Closed periods in the store: what each counted, under which cut, and that the sweep never takes it."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.coverage.model import Close
from pipeline.model import MEASURES
from pipeline.store.instants import instants, micros, minutes, seconds
from pipeline.store.numbered import append_numbered
from pipeline.store.reader import EDGE_LATE_MINUTES, EDGE_SOON_MINUTES, months, winners_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from pipeline.store.sessions import Sessions

CLOSES_AT_ONCE = 2_000


def add_closes(sessions: Sessions, closes: Sequence[tuple[Close, pa.Table]]) -> list[Close]:
    """Writes what each close counted, then the closes themselves; gives them back with their `id` and `seq`.

    A usage has the columns `resource`, `minute` (minutes since 1970), `edge`, perhaps `zone`, and MEASURES. Of two closes
    of one period, customer and zone the first counts, whoever wrote the other.
    """
    done: list[Close] = []
    for at in range(0, len(closes), CLOSES_AT_ONCE):
        some = [
            (replace(close, id=secrets.randbits(63)), usage)
            for close, usage in closes[at : at + CLOSES_AT_ONCE]
        ]
        for period in sorted({close.period for close, _ in some}):
            rows = _usage_table([(close, usage) for close, usage in some if close.period == period])
            if rows.num_rows:
                sessions.insert("closed_usage", rows)
        named = [close for close, _ in some]
        last = append_numbered(
            sessions,
            "closes",
            lambda first, mark, named=named: _close_table(named, first, mark),  # type: ignore[misc]
        )
        first = last - len(named) + 1
        done.extend(replace(close, seq=first + place) for place, close in enumerate(named))
    return done


def read_closes(sessions: Sessions, period: str | None = None, customer: str | None = None) -> list[Close]:
    """Closes of a period and of a customer (default: all), the first of each contract, in the order of their writing."""
    terms, params = ["1"], {}
    for name, value in (("period", period), ("customer", customer)):
        if value is not None:
            terms.append(f"{name} = {{{name}:String}}")
            params[name] = value
    rows = sessions.rows(
        "SELECT * FROM (SELECT period, tz, customer, toUInt32(`from`), toUInt32(`to`), cut, digest, rows,"
        " toUnixTimestamp64Micro(closed_at), actor, reason, body, close_id, seq"
        f" FROM closes WHERE {' AND '.join(terms)} ORDER BY seq LIMIT 1 BY period, tz, customer) ORDER BY seq",
        params,
    )
    return [_close(row) for row in rows]


def read_closed_usage(sessions: Sessions, close: Close) -> pa.Table:
    """What a close counted: resource, minute (uint32, since 1970), edge, zone and MEASURES, ordered by the first three."""
    table = sessions.arrow(
        "SELECT toString(resource) AS resource, intDiv(toUInt32(closed_usage.minute), 60) AS minute,"
        f" toString(edge) AS edge, toString(zone) AS zone, {', '.join(MEASURES)} FROM closed_usage"
        " WHERE customer = {customer:String} AND close_id = {id:UInt64} AND period = {period:String}"
        " ORDER BY resource, minute, edge",
        {"customer": close.customer, "id": close.id, "period": close.period},
        {"output_format_arrow_string_as_string": 1},
    )
    return table


def pin_usage(sessions: Sessions, cut: int, first: int, after: int, pinned_by: str, now: float) -> int:
    """Keeps the attempts that won at the cut and have requests in minutes [first, after) from every sweep; returns how
    many were not pinned by `pinned_by` already. Goes by whole segments near those minutes, inside the store."""
    before = _pinned(sessions, pinned_by)
    since, until = first - EDGE_SOON_MINUTES, after + EDGE_LATE_MINUTES
    for begin, end in months(max(since, 0), until):
        sql, params = winners_within(cut, begin, end)
        sessions.execute(
            "INSERT INTO pinned_writes SELECT write_id, {by:String}, fromUnixTimestamp64Milli({now:Int64}, 'UTC')"
            f" FROM ({sql}) WHERE write_id NOT IN"
            " (SELECT write_id FROM pinned_writes WHERE pinned_by = {by:String})",
            {**params, "by": pinned_by, "now": micros(now) // 1000},
        )
    return _pinned(sessions, pinned_by) - before


def _pinned(sessions: Sessions, by: str) -> int:
    return int(sessions.one("SELECT count() FROM pinned_writes WHERE pinned_by = {by:String}", {"by": by}))


def _usage_table(closes: Sequence[tuple[Close, pa.Table]]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = []
    for close, usage in closes:
        count = usage.num_rows
        zone = usage["zone"] if "zone" in usage.column_names else pa.array([""] * count, pa.string())
        columns = {
            "close_id": pa.array([close.id] * count, pa.uint64()),
            "period": pa.array([close.period] * count, pa.string()),
            "customer": pa.array([close.customer] * count, pa.string()),
            "resource": usage["resource"].cast(pa.string()),
            "minute": pc.multiply(usage["minute"].cast(pa.uint32()), pa.scalar(60, pa.uint32())),
            "edge": usage["edge"].cast(pa.string()),
            "zone": zone.cast(pa.string()),
            **{name: usage[name].cast(pa.uint64()) for name in MEASURES},
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def _close_table(closes: Sequence[Close], first: int, mark: int) -> pa.Table:
    import pyarrow as pa

    u64 = pa.uint64()
    return pa.table(
        {
            "seq": pa.array(range(first, first + len(closes)), u64),
            "commit_id": pa.array([mark] * len(closes), u64),
            "close_id": pa.array([c.id for c in closes], u64),
            "period": [c.period for c in closes],
            "tz": [c.tz for c in closes],
            "customer": [c.customer for c in closes],
            "from": minutes(c.first for c in closes),
            "to": minutes(c.after for c in closes),
            "cut": pa.array([c.cut for c in closes], u64),
            "digest": [c.digest for c in closes],
            "rows": pa.array([c.rows for c in closes], u64),
            "closed_at": instants(c.closed_at for c in closes),
            "actor": [c.actor for c in closes],
            "reason": [c.reason for c in closes],
            "body": [json.dumps(c.body, ensure_ascii=False, sort_keys=True) for c in closes],
        }
    )


def _close(row: tuple[Any, ...]) -> Close:
    period, tz, customer, begins, ends, cut, digest, rows, closed_at, actor, reason, body, close_id, seq = row
    return Close(
        period=period,
        tz=tz,
        customer=customer,
        first=int(begins) // 60,
        after=int(ends) // 60,
        cut=int(cut),
        digest=digest,
        rows=int(rows),
        closed_at=seconds(closed_at),
        actor=actor,
        reason=reason,
        body=json.loads(body),
        id=int(close_id),
        seq=int(seq),
    )
