"""Migrations: once each, in order, safe together, never changed afterwards, and from a dump of every older schema."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.coverage.evidence import parse_evidence
from pipeline.model import Origin
from pipeline.store.errors import SchemaError
from pipeline.store.migrate import SCHEMA, applied_versions, load_migrations, migrate, split_statements
from tests.store.cases import MINUTE, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.store import Store

DUMPS = Path(__file__).parent / "dumps"
RELEASED = DUMPS / "released.sha256"


def _folder(tmp_path: Path, *texts: str) -> Path:
    folder = tmp_path / "schema"
    folder.mkdir(exist_ok=True)
    for place, text in enumerate(texts, 1):
        (folder / f"{place:04d}_step.sql").write_text(text)
    return folder


def _become(store: Store, dump: Path) -> None:
    """Puts an older store, out of a dump, in the place of the present one."""
    present = store._sessions.rows(
        "SELECT name, engine FROM system.tables WHERE database = currentDatabase()"
    )
    for name, engine in sorted(present, key=lambda row: row[1] != "View"):
        store._sessions.execute(f"DROP {'VIEW' if engine == 'View' else 'TABLE'} {name}")
    for statement in split_statements(dump.read_text()):
        store._sessions.execute(statement)


def _columns(store: Store) -> list[tuple[object, ...]]:
    return store._sessions.rows(
        "SELECT table, name, type, default_kind, default_expression, compression_codec FROM system.columns"
        " WHERE database = currentDatabase() ORDER BY table, name"
    )


def test_released_files_are_never_changed() -> None:
    released = dict(line.split()[::-1] for line in RELEASED.read_text().splitlines())
    for name, checksum in released.items():
        found = hashlib.sha256((SCHEMA / name).read_bytes()).hexdigest()
        assert found == checksum, f"{name} was released and is changed: put it back, and add a new migration"
    assert set(released) <= {path.name for path in SCHEMA.glob("*.sql")}


def test_a_second_start_applies_nothing(store: Store) -> None:
    assert migrate(store._sessions) == []
    assert sorted(applied_versions(store._sessions)) == [m.version for m in load_migrations()]


def test_a_newer_schema_is_refused_with_both_versions(store: Store) -> None:
    store._sessions.execute(
        "INSERT INTO migrations (version, name, checksum) VALUES (99, '0099_future', 'x')"
    )
    with pytest.raises(
        SchemaError, match=rf"version 99 .*0099_future.* knows up to {len(load_migrations())}:"
    ):
        migrate(store._sessions)


def test_a_changed_applied_file_is_an_error(store: Store, tmp_path: Path) -> None:
    text = (SCHEMA / "0001_facts_and_ledger.sql").read_text()
    folder = tmp_path / "changed"
    folder.mkdir()
    (folder / "0001_facts_and_ledger.sql").write_text(text + "\n-- an innocent comment\n")
    with pytest.raises(SchemaError, match="was changed after it was applied"):
        migrate(store._sessions, load_migrations(folder))


@pytest.mark.parametrize("dump", sorted(DUMPS.glob("schema_*.sql")), ids=lambda dump: dump.stem)
def test_from_the_dump_of_each_older_version(store: Store, dump: Path) -> None:
    """Every dump (SQL of an older schema with data in it) becomes the present schema, its data intact."""
    present = _columns(store)
    _become(store, dump)
    migrate(store._sessions)
    assert _columns(store) == present
    assert store.totals(store.cut())["requests"] == 42
    assert store.query("SELECT sum(requests) AS n FROM usage").to_pylist() == [{"n": 42}]
    origin = Origin("e1", "access", MINUTE, "1")
    assert store.winners([origin.segment_id])[origin.segment_id].write_id == 2
    assert store.query("SELECT edge, state, reason FROM segments").to_pylist() == [
        {"edge": "e1", "state": "received", "reason": ""}
    ]


def test_gaps_and_closes_come_through(store: Store) -> None:
    """From the dump of version 4 on there is a gap, and a closed month whose digest still is that of its rows."""
    for dump in sorted(DUMPS.glob("schema_*.sql"))[2:]:
        _become(store, dump)
        migrate(store._sessions)
        assert [(gap.id, gap.minutes, gap.reason) for gap in store.gaps()] == [("g1", 2, "anna: lost")]
        (close,) = store.closes()
        assert (close.customer, close.rows) == ("c1", 1)
        assert store.closing.digests([close]) == {close.id: close.digest}
        assert store.query("SELECT customer, requests FROM closed").to_pylist() == [
            {"customer": "c1", "requests": 42}
        ]


def test_bills_come_through(store: Store) -> None:
    """From the dump of version 5 on there is a bill and its rebill, in a log that nobody touched."""
    for dump in sorted(DUMPS.glob("schema_*.sql"))[3:]:
        _become(store, dump)
        migrate(store._sessions)
        assert store.bills.faults() == []
        assert [(entry.number, entry.bill.plan) for entry in store.bills.books().standing.values()] == [
            (3, "start")
        ]
        totals = store.query("SELECT toString(sum(total)) AS owed FROM bills").to_pylist()
        assert totals == [{"owed": "219600.09"}]


def test_incidents_and_requests_come_through(store: Store) -> None:
    """From the dump of version 8 on: an incident, its evidence, who was told of it; a request; a gap's money."""
    for dump in sorted(DUMPS.glob("schema_*.sql"))[4:]:
        _become(store, dump)
        migrate(store._sessions)
        assert [row.incident for row in store.incidents.incidents()] == ["i1"]
        assert [row.ok for row in store.incidents.deliveries(incident="i1")] == [True]
        ((taken,),) = store.incidents.events()
        assert taken.evidence.key == parse_evidence(json.dumps(taken.evidence.body), actor="", now=0.0)[0].key
        assert [row.customer for row in store.desk.events()] == ["c1"]
        assert store.query("SELECT money.expected AS m FROM gaps").to_pylist() == [{"m": "2"}]


def test_the_rank_of_version_2_is_right_after_each_of_its_statements(
    store: Store, origin: Callable[[int], Origin]
) -> None:
    """Version 1 took the later of two contents that agree in 48 bits of the digest; version 2 takes the greater, also
    where its column is not written out yet, and whichever statement was the last before a crash."""
    _become(store, DUMPS / "schema_0001.sql")
    sessions, digest = store._sessions, bytes(range(16))
    write(store, origin(1), 3, 5, digest=digest, malformed=1)
    write(store, origin(1), 4, 6, digest=digest[:15] + b"\0", malformed=2)
    shown = "SELECT malformed FROM segments WHERE malformed > 0"
    assert store.query(shown).to_pylist() == [{"malformed": 2}]
    (two,) = [migration for migration in load_migrations() if migration.version == 2]
    for last, statement in enumerate(two.statements, 1):
        sessions.execute(statement)
        assert store.winners([origin(1).segment_id])[origin(1).segment_id].write_id == 3
        for again in two.statements[:last]:
            sessions.execute(again)
        if last >= 5:  # both views are there again
            assert store.query(shown).to_pylist() == [{"malformed": 1}]
            assert store.query("SELECT sum(requests) AS n FROM usage").to_pylist() == [{"n": 42 + 5}]
    migrate(sessions)
    assert store.query(shown).to_pylist() == [{"malformed": 1}]
    pending = "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND NOT is_done"
    assert sessions.one(pending) == 0


def test_two_that_start_together_bring_an_older_store_up(store: Store) -> None:
    present = _columns(store)
    _become(store, DUMPS / "schema_0001.sql")
    failures: list[BaseException] = []

    def start() -> None:
        try:
            migrate(store._sessions)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert _columns(store) == present
    assert store.query("SELECT sum(requests) AS n FROM usage").to_pylist() == [{"n": 42}]


def test_a_made_up_older_version_is_brought_up(store: Store, tmp_path: Path) -> None:
    """The machinery on its own: a table of version 1 with rows in it, and a version 2 that widens it."""
    sessions = store._sessions
    sessions.execute("DROP TABLE migrations")
    one = "CREATE TABLE IF NOT EXISTS made_up (a UInt64) ENGINE = MergeTree ORDER BY a; -- the first\n"
    assert migrate(sessions, load_migrations(_folder(tmp_path, one))) == [1]
    sessions.execute("INSERT INTO made_up VALUES (7)")
    two = "ALTER TABLE made_up ADD COLUMN IF NOT EXISTS b String DEFAULT 'it''s; new'"
    assert migrate(sessions, load_migrations(_folder(tmp_path, one, two))) == [2]
    assert sessions.rows("SELECT a, b FROM made_up") == [(7, "it's; new")]
    assert migrate(sessions, load_migrations(_folder(tmp_path, one, two))) == []


def test_two_that_start_together_record_each_version_once(store: Store, tmp_path: Path) -> None:
    sessions = store._sessions
    sessions.execute("DROP TABLE migrations")
    steps = [f"CREATE TABLE IF NOT EXISTS step{i} (a UInt64) ENGINE = MergeTree ORDER BY a" for i in range(4)]
    migrations = load_migrations(_folder(tmp_path, *steps))
    failures: list[BaseException] = []

    def start() -> None:
        try:
            migrate(sessions, migrations)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sessions.rows("SELECT version, count() FROM migrations GROUP BY version ORDER BY version") == [
        (i, 1) for i in (1, 2, 3, 4)
    ]


def test_one_that_was_interrupted_goes_on(store: Store, tmp_path: Path) -> None:
    sessions = store._sessions
    sessions.execute("DROP TABLE migrations")
    text = (
        "CREATE TABLE IF NOT EXISTS half (a UInt64) ENGINE = MergeTree ORDER BY a;"
        "ALTER TABLE half ADD COLUMN IF NOT EXISTS b UInt64"
    )
    migrations = load_migrations(_folder(tmp_path, text))
    sessions.execute(migrations[0].statements[0])  # and then the process died
    assert migrate(sessions, migrations) == [1]
    assert sessions.rows("SELECT a, b FROM half") == []


@pytest.mark.parametrize(
    ("names", "says"),
    [(["0002_x.sql"], "expected migration 0001"), (["0001_x.sql", "0001_y.sql"], "expected migration 0002"),
     (["0001-x.sql"], "expected a name like")],
)  # fmt: skip
def test_numbers_are_checked(tmp_path: Path, names: Sequence[str], says: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(SchemaError, match=says):
        load_migrations(tmp_path)


def test_statements_are_split_outside_of_quotes_and_comments() -> None:
    text = "SELECT ';--', \"a;b\", `c;d`, 'it''s; \\'; x'; -- one; two\n;SELECT 2 - -1;\n-- the end"
    assert split_statements(text) == ("SELECT ';--', \"a;b\", `c;d`, 'it''s; \\'; x'", "SELECT 2 - -1")


def test_every_engine_of_the_schema_is_granted() -> None:
    """The test on a server holds all grants; this one runs everywhere, and says which engine a migration brought."""
    root = Path(__file__).parents[2]
    schema = "".join(file.read_text() for file in SCHEMA.glob("*.sql"))
    granted = re.findall(
        r"GRANT TABLE ENGINE ON (\w+)", (root / "infra" / "clickhouse" / "grants.sql").read_text()
    )
    assert set(re.findall(r"ENGINE = (\w+)", schema)) == set(granted)
