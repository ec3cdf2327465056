"""Who may do what only one may do at a time: a name held until an instant of the wall clock, renewed while its holder
lives, free once that is past. In the store, so that it holds between processes and between machines."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.store.errors import StoreError
from pipeline.store.instants import instants, seconds
from pipeline.store.numbered import append_numbered

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.store.sessions import Sessions

TABLE = "leases"


class LeaseLostError(StoreError):
    """Another holder has it now: whatever was to be done under it must stop."""


@dataclass(frozen=True, slots=True)
class Lease:
    """`holder`: a word that no other holder has. Instants are epoch seconds of the wall clock."""

    name: str
    holder: str
    host: str
    pid: int
    begun_at: float
    ends_at: float

    def holds_at(self, now: float) -> bool:
        """Nobody else may have it at this instant."""
        return self.ends_at > now


class Leases:
    """Takes, renews and gives up. Of two that try at once one gets it."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def current(self, name: str) -> Lease | None:
        """The last that was written of this name, also where it has ended."""
        rows = self._sessions.rows(
            "SELECT holder, host, pid, toUnixTimestamp64Micro(begun_at), toUnixTimestamp64Micro(ends_at)"
            f" FROM {TABLE} WHERE name = {{name:String}} ORDER BY seq DESC LIMIT 1",
            {"name": name},
        )
        if not rows:
            return None
        holder, host, pid, begun, ends = rows[0]
        return Lease(name, holder, host, int(pid), seconds(begun), seconds(ends))

    def take(self, wanted: Lease, *, now: float, over: str = "") -> Lease:
        """Takes it where nobody else holds it; `over`: a holder known to be dead, whose time need not have passed.

        Returns who holds it now: `wanted` itself, or the other one.
        """
        try:
            self._append(wanted, now, over)
        except _HeldError as held:
            return held.lease
        return wanted

    def renew(self, held: Lease, *, now: float, ends_at: float) -> Lease:
        """Keeps it until `ends_at`. Raises LeaseLostError where another one has taken it since."""
        longer = replace(held, ends_at=ends_at)
        try:
            self._append(longer, now, held.holder)
        except _HeldError as other:
            raise LeaseLostError(_lost(other.lease)) from None
        if (current := self.current(held.name)) is not None and current.holder != held.holder:
            raise LeaseLostError(_lost(current))
        return longer

    def release(self, held: Lease, *, now: float) -> None:
        """Gives it up, if it is still his."""
        current = self.current(held.name)
        if current is not None and current.holder == held.holder and current.ends_at > now:
            self.renew(held, now=now, ends_at=now)

    def _append(self, wanted: Lease, now: float, over: str) -> None:
        def rows(first: int, mark: int) -> pa.Table:
            # read after the number was taken: whoever writes meanwhile takes it from us, and we look anew
            current = self.current(wanted.name)
            if current is not None and current.holder not in (wanted.holder, over) and current.holds_at(now):
                raise _HeldError(current)
            if over == wanted.holder and current is not None and current.holder != wanted.holder:
                raise _HeldError(current)  # it ended, and another one had it meanwhile
            return _row(wanted, first, mark)

        append_numbered(self._sessions, TABLE, rows)


class _HeldError(Exception):
    def __init__(self, lease: Lease) -> None:
        self.lease = lease


def _lost(other: Lease) -> str:
    return f"{other.name} is held by process {other.pid} on {other.host} now"


def _row(lease: Lease, seq: int, mark: int) -> pa.Table:
    import pyarrow as pa

    return pa.table(
        {
            "seq": pa.array([seq], pa.uint64()),
            "commit_id": pa.array([mark], pa.uint64()),
            "name": [lease.name],
            "holder": [lease.holder],
            "host": [lease.host],
            "pid": pa.array([lease.pid], pa.uint32()),
            "begun_at": instants([lease.begun_at]),
            "ends_at": instants([lease.ends_at]),
        }
    )
