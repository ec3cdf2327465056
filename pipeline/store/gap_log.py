"""Gaps in the store: every state that one was ever in, and the latest of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.coverage.model import Amount, Gap, GapState, Loss, LossClass, Share, Stream
from pipeline.store.instants import instants, minutes, seconds
from pipeline.store.numbered import append_numbered
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from pipeline.store.sessions import Params, Sessions

GAPS_AT_ONCE = 20_000


def write_gaps(sessions: Sessions, gaps: Sequence[Gap]) -> int:
    """Appends these to the history, in the order given; returns how many."""
    for at in range(0, len(gaps), GAPS_AT_ONCE):
        some = gaps[at : at + GAPS_AT_ONCE]
        append_numbered(sessions, "gap_history", lambda first, mark, some=some: _table(some, first, mark))  # type: ignore[misc]
    return len(gaps)


def read_gaps(sessions: Sessions, states: Iterable[GapState] | None = None) -> list[Gap]:
    """The latest of each gap, of those that are in one of `states` now (default: all), ordered by minute and id."""
    of = "1" if states is None else f"state IN ({names_subquery([str(state) for state in states])})"
    latest = "SELECT * FROM gap_history ORDER BY id, seq DESC LIMIT 1 BY id"
    return _gaps(sessions, f"FROM ({latest}) WHERE {of} ORDER BY from_s, id")


def read_gaps_since(sessions: Sessions, seq: int) -> tuple[list[Gap], int]:
    """What was appended to the history after `seq`, oldest first, and the `seq` of the last of it."""
    sql = f"SELECT {_COLUMNS}, seq FROM gap_history WHERE seq > {{seq:UInt64}} ORDER BY seq"  # noqa: S608 - own words
    rows = sessions.rows(sql, {"seq": seq})
    return [_gap(row[:-1]) for row in rows], int(rows[-1][-1]) if rows else seq


def read_gap_history(sessions: Sessions, gap: str) -> list[Gap]:
    """All that one gap was, oldest first."""
    return _gaps(sessions, "FROM gap_history WHERE id = {id:String} ORDER BY seq", {"id": gap})


def _table(gaps: Sequence[Gap], first: int, mark: int) -> pa.Table:
    import pyarrow as pa

    u64, losses, amounts = pa.uint64(), [g.loss for g in gaps], [g.loss.lost_bytes for g in gaps]
    return pa.table(
        {
            "seq": pa.array(range(first, first + len(gaps)), u64),
            "commit_id": pa.array([mark] * len(gaps), u64),
            "id": [g.id for g in gaps],
            "updated": instants(g.updated for g in gaps),
            "class": [loss.kind.name.lower() for loss in losses],
            "edge": [loss.stream.edge for loss in losses],
            "stream": [loss.stream.stream for loss in losses],
            "from": minutes(loss.first for loss in losses),
            "to": minutes(loss.after for loss in losses),
            "lost_lines": pa.array([loss.lost_lines for loss in losses], u64),
            "lost_low": pa.array([a.low for a in amounts], u64),
            "lost_expected": pa.array([a.expected for a in amounts], u64),
            "lost_high": pa.array([a.high for a in amounts], u64),
            "lost_exact": pa.array([a.exact for a in amounts], u64),
            "method": [a.method for a in amounts],
            "customers": pa.array([[s.customer for s in g.customers] for g in gaps], pa.list_(pa.string())),
            "shares": pa.array([[s.share for s in g.customers] for g in gaps], pa.list_(pa.float64())),
            "state": [str(g.state) for g in gaps],
            "first_seen": instants(g.first_seen for g in gaps),
            "recoverable_until": instants(g.recoverable_until for g in gaps),
            "task": [g.task for g in gaps],
            "reason": [g.reason for g in gaps],
            "evidence": pa.array([list(loss.evidence) for loss in losses], pa.list_(pa.string())),
        }
    )


def _gaps(sessions: Sessions, what: str, params: Params | None = None) -> list[Gap]:
    return [_gap(row) for row in sessions.rows(f"SELECT {_COLUMNS} {what}", params)]


_COLUMNS = (
    "id, toUnixTimestamp64Micro(updated), toInt8(class), edge, stream, toUInt32(`from`) AS from_s, toUInt32(`to`),"
    " lost_lines, lost_low, lost_expected, lost_high, lost_exact, method, customers, shares, state,"
    " toUnixTimestamp64Micro(first_seen), toUnixTimestamp64Micro(recoverable_until), task, reason, evidence"
)


def _gap(row: tuple[Any, ...]) -> Gap:
    gap, updated, kind, edge, stream, begins, ends, lines, low, expected, high, exact = row[:12]
    method, customers, shares, state, first_seen, until, task, reason, evidence = row[12:]
    return Gap(
        id=gap,
        loss=Loss(
            stream=Stream(edge, stream),
            kind=LossClass(int(kind)),
            first=int(begins) // 60,
            after=int(ends) // 60,
            lost_lines=None if lines is None else int(lines),
            lost_bytes=Amount(
                int(low), int(expected), int(high), None if exact is None else int(exact), method
            ),
            evidence=tuple(evidence),
        ),
        state=GapState(state),
        first_seen=seconds(first_seen),
        updated=seconds(updated),
        customers=tuple(Share(c, float(s)) for c, s in zip(customers, shares, strict=True)),
        recoverable_until=None if until is None else seconds(until),
        task=task,
        reason=reason,
    )
