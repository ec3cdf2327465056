"""What only a server can do to a store: refuse a password, lack the database, be killed and come back."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from pipeline.model import Origin
from pipeline.store import QueryError, StoreError, open_store
from tests.store.cases import MINUTE, make_entry, write
from tests.store.crash_writer import SEGMENTS, attempt, check
from tests.store.server import MISSING, Server, command, find_library, with_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.cluster

KILLS = 4


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that may be killed."""
    if find_library() is None:
        pytest.skip(MISSING)
    server = Server(tmp_path / "server")
    try:
        server.start()
        yield server
    finally:
        server.kill()


def test_no_such_database_and_no_such_password(server_dsn: str) -> None:
    with pytest.raises(StoreError, match="Database no_such_database does not exist") as caught:
        open_store(with_database(server_dsn, "no_such_database"))
    password = server_dsn.rpartition("@")[0].rpartition(":")[2]
    assert password not in str(caught.value)
    with pytest.raises(StoreError, match="Authentication failed") as caught:
        open_store(with_database(server_dsn.replace(password, "wrong-secret"), "default"))
    assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["server"], indirect=True)
def test_a_store_says_which_server_it_is_on(server_dsn: str, dsn: str) -> None:
    with open_store(dsn) as store:
        assert not store.owner
        assert f"{store.door[0]}:{store.door[1]}" in server_dsn
        assert int(store.status().engine_version.partition(".")[0]) >= 23


def test_the_grants_that_we_name_are_enough(server: Server) -> None:
    command(server.dsn, "CREATE DATABASE prebill")
    origin, old = Origin("e1", "access", MINUTE), datetime.now(UTC) - timedelta(days=3)
    with open_store(with_database(server.dsn_of("prebill_writer"), "prebill")) as store:
        write(store, origin, 1, 5, committed_at=old)
        write(store, origin, 2, 6, lines=99, committed_at=old)
        store.commit([make_entry(origin, 1, preferred=True, reason="x", committed_at=old)])
        store.set_edges([("e1", "ru-central", origin.at, None)])
        assert store.sweep(datetime.now(UTC)).superseded == 1
        assert store.usage(store.cut())["requests"].to_pylist() == [5]
        assert store.query("SELECT zone, requests FROM usage").to_pylist() == [
            {"zone": "ru-central", "requests": 5}
        ]
        status = store.status()
        assert (status.attempts, status.facts_rows > 0, status.disk_bytes > 0) == (3, True, True)
        with pytest.raises(QueryError, match="Not enough privileges"):
            store._sessions.execute("DROP TABLE ledger")
        with pytest.raises(QueryError, match="Not enough privileges"):
            store._sessions.execute("CREATE DATABASE another")
    with pytest.raises(StoreError, match="max_query_size is readonly"):
        open_store(with_database(server.dsn_of("reader"), "prebill"))


def test_a_server_killed_at_random_moments(server: Server) -> None:
    """kill -9 of the server while one writes: what was acknowledged is all there, nothing is half there, and the
    same open store goes on when the server is back."""
    command(server.dsn, "CREATE DATABASE books")
    acknowledged: set[int] = set()
    write_id = 1
    with open_store(with_database(server.dsn, "books")) as store:
        for turn in range(KILLS):
            # anywhere within the commits after the first
            killer = threading.Timer(0.05 * turn, server.kill)
            try:
                while True:
                    attempt(store, write_id)
                    acknowledged |= set(range(write_id, write_id + SEGMENTS))
                    write_id += SEGMENTS
                    if killer.ident is None:
                        killer.start()
            except StoreError:
                # no write_id twice: this attempt may have left facts
                write_id += SEGMENTS
            killer.join()
            server.start()
            check(store, acknowledged)
    assert len(acknowledged) >= KILLS * SEGMENTS
