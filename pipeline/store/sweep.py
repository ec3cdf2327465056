"""Deletes the facts of attempts that do not count any more, or never did, 24 hours after they stopped counting."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pipeline.store.damage import parts_aside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.store.sessions import Sessions

KEPT = timedelta(hours=24)
"""How long a reader may go on with the cut that it fixed, and an attempt may take from its facts to its commit."""

SEQS_AT_ONCE = 1_000_000
WRITES_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class SweepReport:
    """Attempts whose facts were deleted: superseded by another attempt, and orphaned (never committed)."""

    superseded: int
    orphaned: int


def sweep(sessions: Sessions, now: datetime) -> SweepReport:
    """Deletes facts of superseded and orphaned write_ids older than 24 h; never those that a close pinned, never those
    that win now. Can be interrupted and run again at any time, by one process at a time. Nothing while parts of tables
    cannot be read: facts seem to be nobody's where it is their ledger rows that are gone."""
    if parts_aside(sessions):
        return SweepReport(0, 0)
    cutoff_ms = int((now - KEPT).timestamp() * 1000)
    young = sessions.rows(
        "SELECT minIf(seq, toUnixTimestamp64Milli(committed_at) > {at:Int64}),"
        " countIf(toUnixTimestamp64Milli(committed_at) > {at:Int64}), max(seq) FROM ledger",
        {"at": cutoff_ms},
    )[0]
    old_cut = int(young[0]) - 1 if young[1] else int(young[2])
    swept = int(sessions.one("SELECT max(cut) FROM sweeps"))
    superseded = 0
    for low in range(swept, old_cut, SEQS_AT_ONCE):
        superseded += delete_facts(
            sessions, _superseded(sessions, low, min(low + SEQS_AT_ONCE, old_cut), old_cut)
        )
    orphans = _orphans(sessions, cutoff_ms)
    orphaned = delete_facts(sessions, orphans)
    if superseded or orphaned or old_cut > swept:
        _record(sessions, old_cut, now, superseded + orphaned)
    # what is settled, either way, needs no announcement any more
    sessions.execute(
        "DELETE FROM writes WHERE begun_at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')", {"at": cutoff_ms}
    )
    return SweepReport(superseded, orphaned)


def _superseded(sessions: Sessions, low: int, high: int, old_cut: int) -> list[tuple[int, int]]:
    """(write_id, segment_id) of attempts that lost at `old_cut` and lose now; of segments changed in (low, high]."""
    changed = (
        "SELECT segment_id FROM ledger WHERE segment_id IN"
        " (SELECT segment_id FROM ledger WHERE seq > {low:UInt64} AND seq <= {high:UInt64})"
        " GROUP BY segment_id HAVING uniqExact(write_id) > 1"
    )
    winner = (
        "SELECT argMax(write_id, (full_rank, seq)) FROM ledger"
        " WHERE segment_id IN ({changed}) {cut} GROUP BY segment_id"
    )
    rows = sessions.rows(
        f"SELECT DISTINCT write_id, segment_id FROM ledger WHERE segment_id IN ({changed}) AND seq <= {{cut:UInt64}}"
        f" AND write_id NOT IN ({winner.format(changed=changed, cut='AND seq <= {cut:UInt64}')})"
        f" AND write_id NOT IN ({winner.format(changed=changed, cut='')})"
        f" AND write_id NOT IN (SELECT write_id FROM pinned_writes)",
        {"low": low, "high": high, "cut": old_cut},
    )
    return [(int(write_id), int(segment_id)) for write_id, segment_id in rows]


def _orphans(sessions: Sessions, cutoff_ms: int) -> list[tuple[int, int]]:
    """(write_id, segment_id) of attempts announced before the cutoff that the ledger does not know."""
    old = "FROM writes WHERE begun_at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')"
    rows = sessions.rows(
        f"SELECT DISTINCT write_id, segment_id {old} AND write_id NOT IN"
        f" (SELECT write_id FROM ledger WHERE segment_id IN (SELECT segment_id {old}))"
        " AND write_id NOT IN (SELECT write_id FROM pinned_writes)",
        {"at": cutoff_ms},
    )
    return [(int(write_id), int(segment_id)) for write_id, segment_id in rows]


def delete_facts(sessions: Sessions, attempts: Iterable[tuple[int, int]]) -> int:
    """Deletes their facts, month by month: a deletion reads only the parts of its partition."""
    months: dict[str, list[int]] = defaultdict(list)
    for write_id, segment_id in attempts:
        months[f"{datetime.fromtimestamp((segment_id >> 96) * 60, UTC):%Y%m}"].append(write_id)
    for month, writes in months.items():
        for at in range(0, len(writes), WRITES_AT_ONCE):
            listed = ",".join(map(str, writes[at : at + WRITES_AT_ONCE]))
            sessions.execute(f"DELETE FROM facts IN PARTITION {month} WHERE write_id IN ({listed})")
    return sum(map(len, months.values()))


def _record(sessions: Sessions, cut: int, now: datetime, writes: int) -> None:
    import pyarrow as pa

    columns = {
        "cut": pa.array([cut], pa.uint64()),
        "swept_at": pa.array([now], pa.timestamp("ms", tz="UTC")),
        "writes": pa.array([writes], pa.uint64()),
    }
    sessions.insert("sweeps", pa.table(columns))
