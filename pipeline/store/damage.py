"""What the store lost of its own: parts of tables that the engine found broken and put aside, tables that are gone,
usage that the ledger names and facts do not have. pipeline.app tells it, pipeline.restore counts it again."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.store.errors import DamagedError, QueryError
from pipeline.store.reader import BEST, STRETCH, ledger_spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.store.migrate import Migration
    from pipeline.store.sessions import Sessions

DENIED = 497
"""ClickHouse's own error number where a user of a server may not look."""

SEGMENTS_AT_ONCE = 1_000_000
"""Ledger rows whose facts are added up at once, about 100 bytes each."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A part of a table that cannot be read: nothing of it is counted. `path`: where it lies."""

    table: str
    part: str
    path: str


@dataclass(frozen=True, slots=True)
class LostFacts:
    """An attempt that counts, by its ledger entry with `parsed` requests, while facts have `found` of them."""

    segment_id: int
    write_id: int
    parsed: int
    found: int


def parts_aside(sessions: Sessions) -> tuple[Aside, ...]:
    """The parts that the engine put aside as broken. On a server whose user may not look: none."""
    try:
        rows = sessions.rows(
            "SELECT table, name, path FROM system.detached_parts"
            " WHERE database = currentDatabase() AND reason LIKE '%broken%' ORDER BY table, name"
        )
    except QueryError as error:
        if error.code == DENIED:
            return ()
        raise
    return tuple(Aside(*row) for row in rows)


def forget_aside(sessions: Sessions, aside: Sequence[Aside]) -> None:
    """Deletes parts that were put aside, when all that they held is there again."""
    for each in aside:
        sessions.execute(
            f"ALTER TABLE {each.table} DROP DETACHED PART '{each.part}' SETTINGS allow_drop_detached = 1"
        )


def check_tables(sessions: Sessions, migrations: Sequence[Migration]) -> None:
    """Raises DamagedError where tables or views that these migrations made are not there."""
    there = {
        row[0] for row in sessions.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")
    }
    if gone := [f"{kind} {name}" for name, kind in _made_by(migrations).items() if name not in there]:
        raise DamagedError(f"the store is damaged: not there any more: {', '.join(gone)}")


def _made_by(migrations: Sequence[Migration]) -> dict[str, str]:
    names: dict[str, str] = {}
    for migration in migrations:
        for statement in migration.statements:
            if found := _MADE.match(statement):
                names[found[2]] = found[1].lower()
            elif found := _DROPPED.match(statement):
                names.pop(found[2], None)
    return names


_MADE = re.compile(r"CREATE (TABLE|VIEW) IF NOT EXISTS (\w+)")
_DROPPED = re.compile(r"DROP (TABLE|VIEW) IF EXISTS (\w+)")


def ledger_lacks(sessions: Sessions) -> int:
    """How many rows of the ledger are gone: they are numbered without holes."""
    rows, last = sessions.rows("SELECT count(), max(seq) FROM ledger")[0]
    return int(last) - int(rows)


def lost_facts(
    sessions: Sessions, cut: int, minutes: tuple[int, int] | None = None
) -> Iterator[list[LostFacts]]:
    """Attempts whose facts are not what their entries say, of those that win at the cut or that a close counted (what
    changed since is told against them), among segments of minutes [first, after), or all; piece by piece. A row of
    facts has one request at least, so requests tell of every row that is gone."""
    if minutes is None:
        count, first, last = sessions.rows(
            "SELECT count(), toUInt32(min(minute)), toUInt32(max(minute)) FROM ledger"
        )[0]
        minutes = (int(first) // 60, int(last) // 60 + 1) if count else (0, 0)
    for first, after in ledger_spans(sessions, *minutes, SEGMENTS_AT_ONCE) if minutes[0] < minutes[1] else ():
        rows = sessions.rows(_LOST, {"cut": cut, "since_s": first * 60, "until_s": after * 60})
        if rows:
            yield [LostFacts(*map(int, row)) for row in rows]


# facts of attempts that do not count are added up, too: they are few, and to look for each row among the winners costs
# more (15 M facts of 300,000 segments, two busy cores: 5 s with, 4 s without)
_LOST = f"""
SELECT segment_id, write_id, parsed, found
FROM (
    SELECT segment_id, write_id, parsed FROM ledger WHERE seq <= {{cut:UInt64}} AND {STRETCH} {BEST}
    UNION DISTINCT
    SELECT segment_id, write_id, parsed FROM ledger
    WHERE seq <= {{cut:UInt64}} AND {STRETCH} AND write_id IN (SELECT write_id FROM pinned_writes)
) AS counted
LEFT JOIN (
    SELECT write_id, sum(requests) AS found FROM facts
    WHERE segment_minute >= toDateTime({{since_s:UInt32}}, 'UTC')
        AND segment_minute < toDateTime({{until_s:UInt32}}, 'UTC')
    GROUP BY write_id
) AS held USING write_id
WHERE parsed != found ORDER BY segment_id
"""
