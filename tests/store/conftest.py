"""Shared by the store's tests: a store in a folder of its own and, marked `cluster`, in a database of its own on a
server."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.model import Origin
from pipeline.store import Store, open_store
from tests.empty_store import lay_store
from tests.store.cases import MINUTE
from tests.store.server import MISSING, NAMED, Server, command, find_library, with_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def server_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A ClickHouse server, without a database."""
    if named := os.environ.get(NAMED):
        yield named
        return
    if find_library() is None:
        pytest.skip(MISSING)
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        server.start()
        yield server.dsn
    finally:
        server.kill()


@pytest.fixture(params=["embedded", pytest.param("server", marks=pytest.mark.cluster)])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store that nobody has opened yet."""
    if request.param == "embedded":
        yield f"chdb://{tmp_path}/store"
        return
    server = request.getfixturevalue("server_dsn")
    name = f"prebill_test_{secrets.token_hex(4)}"
    command(server, f"CREATE DATABASE {name}")
    yield with_database(server, name)
    command(server, f"DROP DATABASE {name} SYNC")


@pytest.fixture
def store(dsn: str) -> Iterator[Store]:
    if dsn.startswith("chdb://"):
        lay_store(Path(dsn.removeprefix("chdb://")))
    with open_store(dsn) as opened:
        yield opened


@pytest.fixture
def origin() -> Callable[[int], Origin]:
    return lambda place: Origin("e1", "access", MINUTE + place)
