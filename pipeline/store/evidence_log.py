"""What came from outside, and when we ourselves were there: events, counter readings and beats, written and read."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.coverage.evidence import Evidence, readings_of
from pipeline.coverage.model import Reading
from pipeline.coverage.readings import ReadingColumns
from pipeline.store.instants import instants, micros, seconds
from pipeline.store.ledger_news import dictionary
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.store.sessions import Params, Sessions

ROWS_AT_ONCE = 50_000
"""Rows of one INSERT: what one INSERT brings is there whole, or not at all."""

_AT = "toUnixTimestamp64Micro(at)"


def add_evidence(sessions: Sessions, rows: Sequence[Evidence]) -> int:
    """Appends the events that are not there yet, and the counter readings among them; returns how many were new."""
    distinct = list({row.key: row for row in rows}.values())
    new = 0
    for at in range(0, len(distinct), ROWS_AT_ONCE):
        new += _add_evidence(sessions, distinct[at : at + ROWS_AT_ONCE])
    add_readings(sessions, readings_of(distinct))
    return new


def _add_evidence(sessions: Sessions, rows: Sequence[Evidence]) -> int:
    import pyarrow as pa

    keys = ",".join(row.key for row in rows)
    bounds = {"since": min(micros(r.at) for r in rows), "until": max(micros(r.at) for r in rows)}
    there = sessions.rows(
        "SELECT lower(hex(key)) FROM evidence"
        f" WHERE type IN ({names_subquery(sorted({row.type for row in rows}))})"
        f" AND at >= {_from('since')} AND at <= {_from('until')}"
        f" AND key IN (SELECT toFixedString(unhex(arrayJoin(splitByChar(',', '{keys}'))), 16))",
        bounds,
    )
    held = {key for (key,) in there}
    rows = [row for row in rows if row.key not in held]
    if rows:
        columns = {
            "at": instants(row.at for row in rows),
            "type": [row.type for row in rows],
            "edge": [row.edge for row in rows],
            "stream": [row.stream for row in rows],
            "body": [json.dumps(row.body, ensure_ascii=False) for row in rows],
            "added_at": instants(row.added_at for row in rows),
            "actor": [row.actor for row in rows],
            "key": pa.array([bytes.fromhex(row.key) for row in rows], pa.binary(16)),
        }
        sessions.insert("evidence", pa.table(columns))
    return len(rows)


def read_evidence(
    sessions: Sessions, types: Sequence[str] | None = None, since: float | None = None
) -> list[Evidence]:
    """Events of these types (default: all) at or after `since`, each once, in the order of their times."""
    terms, params = ["1"], {}
    if types is not None:
        terms.append(f"type IN ({names_subquery(list(types))})")
    if since is not None:
        terms.append(f"at >= {_from('since')}")
        params["since"] = micros(since)
    # two that added the same line at the same time are two rows
    rows = sessions.rows(
        f"SELECT {_AT}, type, edge, stream, body, actor, toUnixTimestamp64Micro(added_at), lower(hex(key)) AS k"
        f" FROM evidence WHERE {' AND '.join(terms)} ORDER BY evidence.at, k, added_at LIMIT 1 BY k",
        params,
    )
    return [
        Evidence(seconds(at), kind, edge, stream, json.loads(body), actor, seconds(added))
        for at, kind, edge, stream, body, actor, added, _ in rows
    ]


def add_readings(sessions: Sessions, readings: Sequence[Reading]) -> int:
    """Appends the readings that are not there yet; returns how many were new. Another one of the same edge and instant
    takes the place of the one before."""
    import pyarrow as pa

    latest = {(r.edge, micros(r.at)): r for r in readings}
    if not latest:
        return 0
    edges = sorted({edge for edge, _ in latest})
    times = [at for _, at in latest]
    held = {
        (edge, int(at)): (int(requests), int(sent))
        for edge, at, requests, sent in _readings(sessions, min(times), max(times) + 1, edges)
    }
    new = [r for at, r in latest.items() if held.get(at) != (r.requests_total, r.bytes_sent_total)]
    for at in range(0, len(new), ROWS_AT_ONCE):
        some = new[at : at + ROWS_AT_ONCE]
        columns = {
            "edge": [r.edge for r in some],
            "at": instants(r.at for r in some),
            "requests_total": pa.array([r.requests_total for r in some], pa.uint64()),
            "bytes_sent_total": pa.array([r.bytes_sent_total for r in some], pa.uint64()),
        }
        sessions.insert("counters", pa.table(columns))
    return len(new)


def read_readings(sessions: Sessions, since: float, until: float, edge: str | None = None) -> list[Reading]:
    """Readings in [since, until), of one edge or of all, ordered by edge and time."""
    rows = _readings(sessions, micros(since), micros(until), None if edge is None else [edge])
    return [Reading(name, seconds(at), int(requests), int(sent)) for name, at, requests, sent in rows]


def read_reading_columns(
    sessions: Sessions, since: float, until: float | None = None
) -> tuple[ReadingColumns, int]:
    """The same of all edges as columns, without an object a reading; and how many rows of the table were looked at."""
    bound = "" if until is None else f" AND at < {_from('until')}"
    table = sessions.arrow(
        f"SELECT edge, {_AT} AS instant, requests_total, bytes_sent_total FROM counters"
        f" WHERE at >= {_from('since')}{bound} ORDER BY edge, counters.at, added_at DESC",
        {"since": micros(since), "until": micros(until or 0)},
        {"output_format_arrow_low_cardinality_as_dictionary": 1, "output_format_arrow_string_as_string": 0},
    )
    edges, edge = dictionary(table["edge"])
    instant = table["instant"].to_numpy()
    last = np.ones(len(edge), np.bool_)
    last[1:] = (edge[1:] != edge[:-1]) | (instant[1:] != instant[:-1])
    edge = edge[last]
    begins = np.flatnonzero(np.diff(edge, prepend=-1))
    columns = ReadingColumns(
        tuple(edges[place] for place in edge[begins].tolist()),
        np.append(begins, len(edge)).astype(np.int64),
        instant[last].astype(np.float64) / 1e6,
        table["requests_total"].to_numpy().astype(np.uint64)[last],
        table["bytes_sent_total"].to_numpy().astype(np.uint64)[last],
    )
    return columns, len(last)


def _readings(
    sessions: Sessions, since: int, until: int, edges: Sequence[str] | None
) -> list[tuple[Any, ...]]:
    params: Params = {"since": since, "until": until}
    of = "" if edges is None else f"edge IN ({names_subquery(edges)}) AND"
    return sessions.rows(
        f"SELECT edge, {_AT} AS instant, requests_total, bytes_sent_total FROM counters"
        f" WHERE {of} at >= {_from('since')} AND at < {_from('until')}"
        " ORDER BY edge, counters.at, added_at DESC LIMIT 1 BY edge, counters.at",
        params,
    )


def add_beats(sessions: Sessions, at: Sequence[float]) -> None:
    """Notes that prebill is there at these instants and looks."""
    import pyarrow as pa

    instants = pa.array([round(second * 1000) for second in at], pa.timestamp("ms", tz="UTC"))
    sessions.insert("beats", pa.table({"at": instants}))


def read_beats(sessions: Sessions, since: float, until: float) -> NDArray[np.float64]:
    """float64: instants of beats in [since, until), ascending, each once."""
    table = sessions.arrow(
        "SELECT DISTINCT toUnixTimestamp64Milli(at) AS ms FROM beats"
        f" WHERE at >= {_from('since')} AND at < {_from('until')} ORDER BY ms",
        {"since": micros(since), "until": micros(until)},
    )
    return np.asarray(table["ms"].to_numpy(), dtype=np.float64) / 1000.0


def _from(name: str) -> str:
    return f"fromUnixTimestamp64Micro({{{name}:Int64}}, 'UTC')"
