"""The incident log in the store: what the engine was told, what it decided, who was told; appended and read back, never
changed. The one that holds the lease of the watch appends events; its place in the log tells when it no longer does."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pipeline.coverage.evidence import Evidence
from pipeline.store.incident_names import Known, stored_texts, with_names
from pipeline.store.incident_rows import ActRow, ChangeRow, DeliveryRow, IncidentRow, Snapshot, Taken
from pipeline.store.instants import instants, micros, seconds
from pipeline.store.leases import LeaseLostError
from pipeline.store.numbered import append_numbered, last_number
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pyarrow as pa

    from pipeline.store.sessions import Sessions

ROWS_AT_ONCE = 50_000
LATEST = 500
_SOURCE = ", ".join(
    f"JSONExtractRaw(body, '{key}')" for key in ("vantage", "edge", "stream", "customer", "target", "id")
)
"""What tells who has spoken: an event of the same type and source takes the place of the one before."""

EVENTS, CHANGES, DELIVERIES = "incident_events", "incident_changes", "incident_deliveries"
ACTS, SNAPSHOTS = "incident_acts", "incident_snapshots"


class _NothingNewError(Exception):
    """All of it is there already; leaves append_numbered without an INSERT."""


class IncidentLog:
    """Reads and appends to the incident log; safe to use from many threads."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._names: Known = {}

    # -- events

    def end(self) -> tuple[int, float]:
        """The last event's `seq` and when it was taken up; (0, 0.0) while there is none."""
        seq, at = self._sessions.rows(
            f"SELECT max(seq), max(toUnixTimestamp64Micro(taken_at)) FROM {EVENTS}"
        )[0]
        return int(seq), seconds(at)

    def began(self) -> float | None:
        """When the first event was taken up."""
        rows = self._sessions.rows(f"SELECT toUnixTimestamp64Micro(taken_at) FROM {EVENTS} WHERE seq = 1")
        return seconds(rows[0][0]) if rows else None

    def append_events(
        self, rows: Sequence[Evidence], taken_at: float | Sequence[float], *, after: int
    ) -> int:
        """Appends what was taken up at one instant, or each row at its own, behind the event `after`; returns the last
        one's `seq`.

        Raises LeaseLostError where somebody else has appended meanwhile: only one may.
        """
        if not rows:
            return after
        taken = [taken_at] * len(rows) if isinstance(taken_at, int | float) else list(taken_at)

        def table(first: int, mark: int) -> pa.Table:
            if first != after + 1:
                raise LeaseLostError(
                    f"expected the incident log to end at {after}, found {first - 1}: another prebill watches"
                )
            return _event_table(rows, taken, first, mark)

        return append_numbered(self._sessions, EVENTS, table)

    def events(self, after: int = 0, until: int | None = None) -> Iterator[list[Taken]]:
        """Events with after < seq ≤ until (default: the last), in order, some thousands at a time."""
        until = self.end()[0] if until is None else until
        while after < until:
            rows = self._sessions.rows(
                "SELECT seq, toUnixTimestamp64Micro(taken_at), toUnixTimestamp64Micro(at), type, body, actor"
                f" FROM {EVENTS} WHERE seq > {{after:UInt64}} AND seq <= {{until:UInt64}} ORDER BY seq",
                {"after": after, "until": min(until, after + ROWS_AT_ONCE)},
            )
            if not rows:
                return
            yield [_taken(row) for row in rows]
            after = int(rows[-1][0])

    def latest(self, names: Sequence[str], types: Sequence[str], since: float) -> list[Taken]:
        """Of events of these types that name one of `names` and are of `since` or later: the latest of each source."""
        if not names:
            return []
        needles = ",".join(json.dumps(name, ensure_ascii=False).encode().hex() for name in names)
        rows = self._sessions.rows(
            "SELECT seq, toUnixTimestamp64Micro(taken_at), toUnixTimestamp64Micro(at), type, body, actor"
            f" FROM {EVENTS} WHERE taken_at >= fromUnixTimestamp64Micro({{since:Int64}}, 'UTC')"
            f" AND type IN ({names_subquery(list(types))})"
            f" AND multiSearchAny(body, arrayMap(h -> unhex(h), splitByChar(',', '{needles}')))"
            f" ORDER BY {EVENTS}.at DESC, seq DESC LIMIT 1 BY type, {_SOURCE} LIMIT {LATEST}",
            {"since": micros(since)},
        )
        return [_taken(row) for row in rows]

    # -- changes

    def append_changes(self, rows: Sequence[ChangeRow]) -> int:
        """Appends transitions and notices that are not there yet, in order; returns how many were new."""
        new = 0
        for at in range(0, len(rows), ROWS_AT_ONCE):
            new += self._append_changes(rows[at : at + ROWS_AT_ONCE])
        return new

    def _append_changes(self, rows: Sequence[ChangeRow]) -> int:
        count, known = 0, self._names

        def table(first: int, mark: int) -> pa.Table:
            nonlocal count, known
            held = self._held_changes(min(row.at for row in rows))
            new = list({row.key: row for row in rows if row.key not in held}.values())
            count = len(new)
            if not new:
                raise _NothingNewError
            texts, known = stored_texts(new, first, self._names)
            return _change_table(new, texts, first, mark)

        with contextlib.suppress(_NothingNewError):
            append_numbered(self._sessions, CHANGES, table)
            self._names = known  # only now are the lines that have them sure to be there
        return count

    def _held_changes(self, since: float) -> set[str]:
        rows = self._sessions.rows(
            f"SELECT lower(hex(key)) FROM {CHANGES}"
            " WHERE at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')",
            {"since": micros(since)},
        )
        return {key for (key,) in rows}

    def changes(self, incident: str | None = None, after: int = 0, *, since: float = 0.0) -> list[ChangeRow]:
        """Transitions and notices after `seq`, at or after `since`, of one incident or of all, in order."""
        of = "" if incident is None else "incident = {incident:String} AND "
        rows = self._sessions.rows(
            f"SELECT {_CHANGE_COLUMNS} FROM {CHANGES} WHERE {of}seq > {{after:UInt64}}"
            " AND at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC') ORDER BY seq",
            {"after": after, "incident": incident or "", "since": micros(since)},
        )
        return self._whole(rows)

    def incidents(self) -> list[IncidentRow]:
        """Every incident as it stands, the oldest first."""
        rows = self._sessions.rows(f"SELECT {_INCIDENT_COLUMNS} FROM incidents")
        return [_incident(row) for row in rows]

    def notices(self, since: float) -> list[ChangeRow]:
        """Notices given at or after `since`, in order."""
        rows = self._sessions.rows(
            f"SELECT {_CHANGE_COLUMNS} FROM {CHANGES} WHERE change = 'notice'"
            " AND at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC') ORDER BY seq",
            {"since": micros(since)},
        )
        return self._whole(rows)

    def _whole(self, rows: Sequence[tuple[Any, ...]]) -> list[ChangeRow]:
        return with_names([_change(row) for row in rows], self._bodies)

    def _bodies(self, numbers: Collection[int]) -> dict[int, str]:
        wanted = ",".join(map(str, sorted(numbers)))
        rows = self._sessions.rows(
            f"SELECT seq, body FROM {CHANGES} WHERE seq IN (SELECT toUInt64(arrayJoin(splitByChar(',', '{wanted}'))))"
        )
        return {int(seq): body for seq, body in rows}

    # -- deliveries

    def append_deliveries(self, rows: Sequence[DeliveryRow]) -> None:
        """Appends what became of tries."""
        if rows:
            append_numbered(
                self._sessions, DELIVERIES, lambda first, mark: _delivery_table(rows, first, mark)
            )

    def deliveries(
        self, *, incident: str | None = None, since: float = 0.0, after: int = 0
    ) -> list[DeliveryRow]:
        """Tries at or after `since`, behind `seq`, for one incident or for all, in order."""
        of = "" if incident is None else "incident = {incident:String} AND "
        rows = self._sessions.rows(
            f"SELECT {_columns(_DELIVERY_FIELDS)} FROM {DELIVERIES} WHERE {of}seq > {{after:UInt64}}"
            " AND at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC') ORDER BY seq",
            {"incident": incident or "", "since": micros(since), "after": after},
        )
        return [_delivery(row) for row in rows]

    # -- acts of people beside the engine

    def append_acts(self, rows: Sequence[ActRow]) -> int:
        """Appends acts that are not there yet; returns how many were new."""
        count = 0

        def table(first: int, mark: int) -> pa.Table:
            nonlocal count
            held = {act.own_key for act in self.acts()}
            new = list({row.own_key: row for row in rows if row.own_key not in held}.values())
            count = len(new)
            if not new:
                raise _NothingNewError
            return _act_table(new, first, mark)

        if rows:
            with contextlib.suppress(_NothingNewError):
                append_numbered(self._sessions, ACTS, table)
        return count

    def acts(self, incident: str | None = None) -> list[ActRow]:
        """What people did, about one incident or about all, in order."""
        of = "1" if incident is None else "incident = {incident:String}"
        rows = self._sessions.rows(
            f"SELECT toUnixTimestamp64Micro(at), incident, act, actor, reason, body, key, seq FROM {ACTS}"
            f" WHERE {of} ORDER BY seq",
            {"incident": incident or ""},
        )
        return [
            ActRow(seconds(at), about, act, actor, reason, json.loads(body), key, int(seq))
            for at, about, act, actor, reason, body, key, seq in rows
        ]

    # -- snapshots

    def append_snapshot(self, snapshot: Snapshot) -> None:
        """Keeps a state of the engine."""
        append_numbered(self._sessions, SNAPSHOTS, lambda first, mark: _snapshot_table(snapshot, first, mark))

    def snapshot(self) -> Snapshot | None:
        """The latest that lies within the log; None where there is none."""
        rows = self._sessions.rows(
            f"SELECT event_seq, toUnixTimestamp64Micro(at), state FROM {SNAPSHOTS}"
            f" WHERE event_seq <= {{last:UInt64}} ORDER BY seq DESC LIMIT 1",
            {"last": last_number(self._sessions, EVENTS)},
        )
        if not rows:
            return None
        # base64 on the way: a String comes back as text, and a state is any bytes
        return Snapshot(int(rows[0][0]), seconds(rows[0][1]), base64.b64decode(rows[0][2]))


_CHANGE_FIELDS = tuple(field.name for field in fields(ChangeRow))
_INCIDENT_FIELDS = tuple(field.name for field in fields(IncidentRow))
_DELIVERY_FIELDS = tuple(field.name for field in fields(DeliveryRow))


def _columns(names: Sequence[str]) -> str:
    instant = ("at", "since", "updated")
    return ", ".join(f"toUnixTimestamp64Micro({name})" if name in instant else name for name in names)


_CHANGE_COLUMNS, _INCIDENT_COLUMNS = _columns(_CHANGE_FIELDS), _columns(_INCIDENT_FIELDS)


def _taken(row: tuple[Any, ...]) -> Taken:
    seq, taken_at, at, kind, body, actor = row
    document: dict[str, Any] = json.loads(body)
    target, scope = document.get("target"), document.get("scope")
    edge = document.get("edge", "")
    if isinstance(target, dict) and target.get("kind") == "edge":
        edge = target.get("id", "")
    elif isinstance(scope, dict):
        edge = scope.get("edge", "")
    evidence = Evidence(
        seconds(at), kind, edge, document.get("stream") or "", document, actor, seconds(taken_at)
    )
    return Taken(int(seq), seconds(taken_at), evidence)


def _change(row: tuple[Any, ...]) -> ChangeRow:
    values = dict(zip(_CHANGE_FIELDS, row, strict=True))
    return ChangeRow(**{**values, "at": seconds(values["at"]), "body": json.loads(values["body"]),
                        "draft": bool(values["draft"])})  # fmt: skip


def _incident(row: tuple[Any, ...]) -> IncidentRow:
    values = dict(zip(_INCIDENT_FIELDS, row, strict=True))
    return IncidentRow(**{**values, "since": seconds(values["since"]), "updated": seconds(values["updated"])})


def _delivery(row: tuple[Any, ...]) -> DeliveryRow:
    values = dict(zip(_DELIVERY_FIELDS, row, strict=True))
    return DeliveryRow(**{**values, "at": seconds(values["at"]), "ok": bool(values["ok"])})


def _numbered(first: int, count: int, mark: int) -> dict[str, Any]:
    import pyarrow as pa

    u64 = pa.uint64()
    return {"seq": pa.array(range(first, first + count), u64), "commit_id": pa.array([mark] * count, u64)}


def _event_table(rows: Sequence[Evidence], taken: Sequence[float], first: int, mark: int) -> pa.Table:
    import pyarrow as pa

    columns = {
        "taken_at": instants(taken),
        "at": instants(row.at for row in rows),
        "type": [row.type for row in rows],
        "body": [json.dumps(row.body, ensure_ascii=False) for row in rows],
        "actor": [row.actor for row in rows],
        "key": pa.array([bytes.fromhex(row.key) for row in rows], pa.binary(16)),
    }
    return pa.table(_numbered(first, len(rows), mark) | columns)


def _change_table(rows: Sequence[ChangeRow], texts: Sequence[str], first: int, mark: int) -> pa.Table:
    import pyarrow as pa

    words = ("incident", "kind", "scope_kind", "scope_id", "harm", "priority", "status", "change", "audience",
             "notice", "actor", "parent", "reason")  # fmt: skip
    columns = {
        "event_seq": pa.array([row.event_seq for row in rows], pa.uint64()),
        "at": instants(row.at for row in rows),
        **{name: [getattr(row, name) for row in rows] for name in words},
        "level": pa.array([row.level for row in rows], pa.uint16()),
        "draft": pa.array([row.draft for row in rows], pa.bool_()),
        "flaps": pa.array([row.flaps for row in rows], pa.uint32()),
        "body": list(texts),
        "key": pa.array([bytes.fromhex(row.key) for row in rows], pa.binary(16)),
    }
    return pa.table(_numbered(first, len(rows), mark) | columns)


def _delivery_table(rows: Sequence[DeliveryRow], first: int, mark: int) -> pa.Table:
    import pyarrow as pa

    words = ("notice", "incident", "recipient", "channel", "error", "reason", "key")
    columns = {
        "at": instants(row.at for row in rows),
        **{name: [getattr(row, name) for row in rows] for name in words},
        "attempt": pa.array([row.attempt for row in rows], pa.uint32()),
        "ok": pa.array([row.ok for row in rows], pa.bool_()),
    }
    return pa.table(_numbered(first, len(rows), mark) | columns)


def _act_table(rows: Sequence[ActRow], first: int, mark: int) -> pa.Table:
    import pyarrow as pa

    columns = {
        "at": instants(row.at for row in rows),
        **{name: [getattr(row, name) for row in rows] for name in ("incident", "act", "actor", "reason")},
        "body": [json.dumps(row.body, ensure_ascii=False, sort_keys=True) for row in rows],
        "key": [row.own_key for row in rows],
    }
    return pa.table(_numbered(first, len(rows), mark) | columns)


def _snapshot_table(snapshot: Snapshot, first: int, mark: int) -> pa.Table:
    import pyarrow as pa

    columns = {
        "event_seq": pa.array([snapshot.event_seq], pa.uint64()),
        "at": instants([snapshot.at]),
        "state": [base64.b64encode(snapshot.state).decode()],
    }
    return pa.table(_numbered(first, 1, mark) | columns)
