"""Brings a store's schema up to this code's: numbered SQL files in schema/, each applied once, with its checksum."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.store.errors import NoStoreError, QueryError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.store.sessions import Sessions

SCHEMA = Path(__file__).parent / "schema"

_HISTORY = """
CREATE TABLE IF NOT EXISTS migrations
(
    version    UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file: its statements, and the checksum of its text."""

    version: int
    name: str
    statements: tuple[str, ...]
    checksum: str


def load_migrations(folder: Path = SCHEMA) -> list[Migration]:
    """The migrations of a folder, in order. Raises SchemaError where a number is missing, double or unreadable."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        named = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", path.name)
        if not named:
            raise SchemaError(f"{path}: expected a name like 0001_what_it_does.sql")
        text = path.read_text("utf-8")
        found.append(
            Migration(
                int(named[1]), path.stem, split_statements(text), hashlib.sha256(text.encode()).hexdigest()
            )
        )
    for place, migration in enumerate(found, 1):
        if migration.version != place:
            raise SchemaError(f"{folder}: expected migration {place:04d}, found {migration.name}")
    return found


def split_statements(text: str) -> tuple[str, ...]:
    """The statements of a SQL file: comments (`--` to the end of a line) dropped, split at `;` outside quotes."""
    statements = [""]
    for piece in _PIECE.findall(text):
        if piece == ";":
            statements.append("")
        elif not piece.startswith("--"):
            statements[-1] += piece
    return tuple(found for found in map(str.strip, statements) if found)


_PIECE = re.compile(r"""--[^\n]*|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|.""", re.DOTALL)


def applied_versions(sessions: Sessions) -> dict[int, tuple[str, str]]:
    """version → (name, checksum) of what the store has been brought through."""
    rows = sessions.rows(
        "SELECT version, any(name), groupUniqArray(checksum) FROM migrations GROUP BY version"
    )
    for version, name, checksums in rows:
        if len(checksums) > 1:
            raise SchemaError(
                f"migration {version:04d} ({name}) was applied in two different forms: {checksums}"
            )
    return {version: (name, checksums[0]) for version, name, checksums in rows}


def migrate(
    sessions: Sessions,
    migrations: list[Migration] | None = None,
    before: Callable[[], None] = lambda: None,
) -> list[int]:
    """Applies what is not yet applied, after `before` if there is any, and returns those versions.

    Safe when two start together: every statement can be run again (`IF NOT EXISTS` and the like), and the record of a
    version is written once, by its deduplication token. Raises SchemaError for a schema newer than this code, and for
    an applied file that was changed afterwards.
    """
    migrations = load_migrations() if migrations is None else migrations
    sessions.execute(_HISTORY)
    done = applied_versions(sessions)
    _check(done, migrations)
    new = [migration for migration in migrations if migration.version not in done]
    if new:
        before()
    for migration in new:
        for statement in migration.statements:
            sessions.execute(statement)
        _record(sessions, migration)
    return [migration.version for migration in new]


def check_schema(sessions: Sessions) -> None:
    """Raises NoStoreError where there is no schema, and SchemaError where it is not this code's; changes nothing."""
    migrations = load_migrations()
    try:
        done = applied_versions(sessions)
    except QueryError as error:
        if error.code not in _NOT_THERE:
            raise
        raise NoStoreError("there is no store of prebill's in it") from None
    _check(done, migrations)
    if new := [migration for migration in migrations if migration.version not in done]:
        raise SchemaError(
            f"the store's schema is at version {max(done, default=0)}, this prebill needs {new[-1].version}: "
            f"`prebill run` brings it there"
        )


_NOT_THERE = (60, 81)
"""ClickHouse's own numbers for a table and a database that are not there."""


def _check(done: dict[int, tuple[str, str]], migrations: list[Migration]) -> None:
    known = {migration.version: migration for migration in migrations}
    for version, (name, checksum) in sorted(done.items()):
        if version not in known:
            raise SchemaError(
                f"the store's schema is at version {max(done)} ({done[max(done)][0]}), this prebill knows up to "
                f"{max(known, default=0)}: use the newer prebill that brought it there"
            )
        if known[version].checksum != checksum:
            raise SchemaError(
                f"migration {name} was changed after it was applied: the store has {checksum[:12]}…, the file is "
                f"{known[version].checksum[:12]}…; put the file back as it was and add a new migration"
            )


def _record(sessions: Sessions, migration: Migration) -> None:
    import pyarrow as pa

    row = {"version": pa.array([migration.version], pa.uint32()), "name": [migration.name],
           "checksum": [migration.checksum]}  # fmt: skip
    sessions.insert("migrations", pa.table(row), token=f"{migration.version}-{migration.checksum}")
