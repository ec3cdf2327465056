"""What only a server can do to a store: refuse a password, lack the database, be killed and come back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.store import StoreError, open_store
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


def test_a_server_killed_at_random_moments(server: Server) -> None:
    """kill -9 of the server while one writes: what was acknowledged is all there, nothing is half there, and the
    same open store goes on when the server is back."""
    command(server.dsn, "CREATE DATABASE books")
    acknowledged: set[int] = set()
    write_id = 1
    with open_store(with_database(server.dsn, "books")) as store:
        for turn in range(KILLS):
            killer = threading.Timer(0.05 + 0.11 * turn, server.kill)
            killer.start()
            try:
                while True:
                    attempt(store, write_id)
                    acknowledged |= set(range(write_id, write_id + SEGMENTS))
                    write_id += SEGMENTS
            except StoreError:
                # no write_id twice: this attempt may have left facts
                write_id += SEGMENTS
            killer.join()
            server.start()
            check(store, acknowledged)
    assert len(acknowledged) >= KILLS * SEGMENTS
