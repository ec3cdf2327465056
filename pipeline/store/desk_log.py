"""The support desk's log in the store: events appended and read back, never changed. What may be appended the desk
decides, anew before every try, so that two processes at once do it once."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.store.instants import instants, micros, seconds
from pipeline.store.numbered import append_numbered, last_number

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.store.sessions import Sessions

TABLE = "desk_events"
ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class DeskRow:
    """One event. `at`, `added_at`: epoch seconds. `key`: the same for the same thing. `body`: the event as JSON.
    `request`, `customer`: what it is about, where it names one. `seq`: 0 until it is written."""

    at: float
    added_at: float
    type: str
    actor: str
    key: str
    body: str
    request: str = ""
    customer: str = ""
    seq: int = 0


Decide = Callable[[list[DeskRow]], Sequence[DeskRow]]


class _NothingNewError(Exception):
    """All of it is there already; leaves append_numbered without an INSERT."""


class DeskLog:
    """Reads and appends to the desk's log."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def end(self) -> int:
        """The last event's `seq`; 0 while there is none."""
        return last_number(self._sessions, TABLE)

    def events(self, after: int = 0) -> list[DeskRow]:
        """Events with seq > after, in the order in which they were written."""
        found: list[DeskRow] = []
        while rows := self._sessions.rows(
            "SELECT toUnixTimestamp64Micro(at), toUnixTimestamp64Micro(added_at), type, actor, key, body, request,"
            f" customer, seq FROM {TABLE} WHERE seq > {{after:UInt64}} AND seq <= {{until:UInt64}} ORDER BY seq",
            {"after": after, "until": after + ROWS_AT_ONCE},
        ):
            found += [
                DeskRow(seconds(at), seconds(added), kind, actor, key, body, request, customer, int(seq))
                for at, added, kind, actor, key, body, request, customer, seq in rows
            ]
            after = found[-1].seq
        return found

    def append(self, decide: Decide, read: Sequence[DeskRow] = ()) -> list[DeskRow]:
        """Appends what `decide(all events so far)` wants, in one INSERT, and returns it as written. `read`: the first
        of them, as `events` gave them, which are not read again.

        Of rows whose key is there already, or twice among them, the first stands. Where somebody else appends at the
        same time `decide` is asked again, with his rows among them; what it raises ends the whole.
        """
        written: list[DeskRow] = []
        known = list(read)

        def rows(first: int, mark: int) -> pa.Table:
            nonlocal written
            # read on after the number was taken: whoever writes meanwhile takes it from us, and we decide anew
            known.extend(self.events(known[-1].seq if known else 0))
            held = {row.key for row in known}
            new: dict[str, DeskRow] = {}
            for row in decide(known):
                if row.key not in held:
                    new.setdefault(row.key, row)
            written = []
            if not new:
                raise _NothingNewError
            table = _table(list(new.values()), first, mark)
            written = _numbered(list(new.values()), first)
            return table

        with contextlib.suppress(_NothingNewError):
            append_numbered(self._sessions, TABLE, rows)
        return written


def _numbered(rows: Sequence[DeskRow], first: int) -> list[DeskRow]:
    return [
        replace(row, seq=seq, at=seconds(micros(row.at)), added_at=seconds(micros(row.added_at)))
        for seq, row in enumerate(rows, first)
    ]


def _table(rows: Sequence[DeskRow], first: int, mark: int) -> pa.Table:
    import pyarrow as pa

    return pa.table(
        {
            "seq": pa.array(range(first, first + len(rows)), pa.uint64()),
            "commit_id": pa.array([mark] * len(rows), pa.uint64()),
            "at": instants(row.at for row in rows),
            "added_at": instants(row.added_at for row in rows),
            "type": [row.type for row in rows],
            "request": [row.request for row in rows],
            "customer": [row.customer for row in rows],
            "actor": [row.actor for row in rows],
            "key": [row.key for row in rows],
            "body": [row.body for row in rows],
        }
    )
