"""What `prebill status` and `doctor` show of the store: one pass over the ledger, and the engine's own tables."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.model import SegmentState

if TYPE_CHECKING:
    from pipeline.store.sessions import Sessions


@dataclass(frozen=True, slots=True)
class EdgeStatus:
    """What is in of one (edge, stream): its winning segments, the latest minute among them, and when one came last."""

    edge: str
    stream: str
    segments: int
    latest_minute: int
    last_committed: datetime


@dataclass(frozen=True, slots=True)
class ToldReason:
    """What an attempt's ledger entry says against its segment or its sidecar; the attempt is the winner."""

    edge: str
    stream: str
    minute: int
    part: str
    state: SegmentState
    path: str
    reason: str
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The store at a cut. Counts of lines and bytes are of the winning attempts.

    `attempts`: ledger rows. `superseded`: committed attempts that do not count (any more). `unfinished`: attempts
    announced and not committed, in flight or orphaned by a crash, with their facts (`unfinished_rows`) and the time
    of the oldest; the sweep takes them after 24 h. `with_reason`: how many segments of each state have a reason;
    `reasons`: the last of each, newest first. An operator's reason for an override is none of these.
    """

    cut: int
    segments: dict[SegmentState, int]
    lines: int
    malformed: int
    duplicates: int
    flagged: int
    bytes_sent: int
    content_bytes: int
    attempts: int
    superseded: int
    unfinished: int
    unfinished_rows: int
    unfinished_since: datetime | None
    last_committed: datetime | None
    edges: tuple[EdgeStatus, ...]
    with_reason: dict[SegmentState, int]
    reasons: tuple[ToldReason, ...]
    facts_rows: int
    disk_bytes: int
    schema_version: int
    engine_version: str


def read_status(sessions: Sessions, cut: int) -> StoreStatus:
    """The status at a cut; memory does not grow with the ledger, time does (about 2 s for 20 M rows)."""
    rows = sessions.rows(_BY_EDGE, {"cut": cut})
    ledger_rows, attempts = sessions.rows(_ATTEMPTS, {"cut": cut})[0]
    states = {state: sum(int(r[2 + i]) for r in rows) for i, state in enumerate(SegmentState)}
    at = 2 + len(SegmentState)
    lines, malformed, duplicates, flagged, bytes_sent, content_bytes = (
        sum(int(r[at + i]) for r in rows) for i in range(6)
    )
    edges = tuple(
        EdgeStatus(r[0], r[1], sum(map(int, r[2:at])), int(r[at + 6]) // 60, _time(r[at + 7])) for r in rows
    )
    told = {SegmentState(r[0]): r for r in sessions.rows(_REASONS, {"cut": cut})}
    unfinished = sessions.rows(_UNFINISHED)[0]
    parts = sessions.rows(
        "SELECT sumIf(rows, table = 'facts'), sum(bytes_on_disk) FROM system.parts"
        " WHERE active AND database = currentDatabase()"
    )[0]
    return StoreStatus(
        cut=cut,
        segments=states,
        lines=lines,
        malformed=malformed,
        duplicates=duplicates,
        flagged=flagged,
        bytes_sent=bytes_sent,
        content_bytes=content_bytes,
        attempts=int(ledger_rows),
        superseded=int(attempts) - sum(states.values()),
        unfinished=int(unfinished[0]),
        unfinished_rows=int(unfinished[1]),
        unfinished_since=_time(unfinished[2]) if unfinished[0] else None,
        last_committed=max((edge.last_committed for edge in edges), default=None),
        edges=edges,
        with_reason={state: int(told[state][1]) if state in told else 0 for state in SegmentState},
        reasons=tuple(
            _reason(state, row) for state in SegmentState if state in told for row in told[state][2]
        ),
        facts_rows=int(parts[0]),
        disk_bytes=int(parts[1]),
        schema_version=int(sessions.one("SELECT max(version) FROM migrations")),
        engine_version=str(sessions.one("SELECT version()")),
    )


def _time(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _reason(state: SegmentState, row: Any) -> ToldReason:
    committed, minute, edge, stream, part, path, reason = row
    return ToldReason(edge, stream, int(minute) // -60, part, state, path, reason, _time(-int(committed)))


REASONS_KEPT = 100
"""Of each state."""

_STATES = ", ".join(f"countIf(state = '{state.value}')" for state in SegmentState)

# winners by sorting in the order of the key: over 20 M rows 2.2 s in 100 MiB, where argMax of tuples took 61 s
_BY_EDGE = f"""
SELECT edge, stream, {_STATES},
    sum(lines), sum(malformed), sum(duplicates), sum(flagged), sum(bytes_sent), sum(content_bytes),
    max(toUInt32(minute)), max(toUnixTimestamp64Milli(committed_at))
FROM (
    SELECT edge, stream, state, lines, malformed, duplicates, flagged, bytes_sent, content_bytes, minute, committed_at
    FROM ledger WHERE seq <= {{cut:UInt64}}
    ORDER BY segment_id, full_rank DESC, seq DESC LIMIT 1 BY segment_id
)
GROUP BY edge, stream ORDER BY edge, stream
"""

# few have a reason, and they are looked up by the key; where all have, it is one more pass like the one above
_REASONS = f"""
SELECT state, count(), groupArraySorted({REASONS_KEPT})(tuple(
    -toUnixTimestamp64Milli(committed_at), -toInt64(toUInt32(minute)), edge, stream, part, path, reason))
FROM (
    SELECT edge, stream, minute, part, state, preferred, path, reason, committed_at FROM ledger
    WHERE seq <= {{cut:UInt64}} AND segment_id IN (SELECT segment_id FROM ledger WHERE reason != '')
    ORDER BY segment_id, full_rank DESC, seq DESC LIMIT 1 BY segment_id
)
WHERE reason != '' AND NOT preferred GROUP BY state
"""

# an override is one more row about an attempt that has its own already
_ATTEMPTS = "SELECT count(), countIf(NOT preferred) FROM ledger WHERE seq <= {cut:UInt64}"

_UNFINISHED = """
SELECT count(), sum(rows), toUnixTimestamp64Milli(min(begun_at)) FROM writes
WHERE write_id NOT IN (SELECT write_id FROM ledger WHERE segment_id IN (SELECT segment_id FROM writes))
"""
