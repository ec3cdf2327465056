"""`open_store(dsn)`: becomes the owner of a chDB folder, or finds the running owner's door, or goes to a server."""

from __future__ import annotations

import os
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.store.damage import check_tables, parts_aside
from pipeline.store.dsn import ChdbDsn, ServerDsn, parse_dsn
from pipeline.store.errors import (
    DamagedError,
    NoStoreError,
    OwnerEndedError,
    StoreError,
)
from pipeline.store.making import check_room, is_there, made_whole
from pipeline.store.migrate import check_schema, load_migrations, migrate
from pipeline.store.owner import Address, FolderLock, is_owned, read_address
from pipeline.store.sessions import BASE_SETTINGS, LOCAL_SETTINGS, Sessions
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

OWNER_STARTS_WITHIN_S = 30.0
"""How long another process may take between locking the folder and answering."""

ENDING_S = (0.0, 0.02, 0.08, 0.15)
"""Pauses after which a visitor who was cut off looks whether the owner has ended."""

READ_LIMITS = {"max_execution_time": 300, "max_memory_usage": 4 << 30}
"""What a read-only query may use at most."""


def open_store(dsn: str, *, token: str | None = None, make: bool = True) -> Store:
    """The store that `dsn` names, its schema brought up to date; with `make` false nothing is made or changed, and a
    store that is not there, or older than this code, is an error.

    `chdb:///path`: the first process to open the folder owns it and answers ClickHouse's HTTP protocol on loopback
    until it closes; every other process that opens the same DSN is connected to it. `token` is the door's password for
    writing; without it a random one is made, which other processes of the same user find by themselves.
    `clickhouse://user:pass@host:8123/db`: a server. Raises DsnError,
    NoStoreError, SchemaError, DamagedError, StoreError.
    """
    parsed = parse_dsn(dsn)
    if isinstance(parsed, ServerDsn):
        return _open_server(parsed, make=make)
    if not make and not is_owned(parsed.path) and not is_there(parsed.path):
        raise NoStoreError(f"there is no store at {parsed.path}")
    return _open_folder(parsed, token, make=make)


def _bring_up(sessions: Sessions, *, make: bool, before: Callable[[], None] = lambda: None) -> None:
    """The schema as this code needs it, whole. Nothing is changed where what was applied to it cannot be read."""
    aside = {part.table: part for part in parts_aside(sessions)}
    if part := aside.get("migrations"):
        raise DamagedError(f"the store is damaged: its table migrations cannot be read ({part.path})")
    if make:
        migrate(sessions, before=before)
    else:
        check_schema(sessions)
    check_tables(sessions, load_migrations())


# -- a server


def _open_server(dsn: ServerDsn, *, make: bool) -> Store:
    where: dict[str, Any] = {
        "host": dsn.host, "port": dsn.port, "username": dsn.user, "password": dsn.password, "secure": dsn.secure,
    }  # fmt: skip
    gone = f"the store {dsn} does not answer as it should"
    sessions = Sessions(lambda: _http_client(**where, database=dsn.database), embedded=False, gone=gone)
    # the server's own users and grants hold for both; readonly, limits and the gate are what a client can add
    readers = Sessions(
        lambda: _http_client(**where, database=dsn.database, settings={**READ_LIMITS, "readonly": 1}),
        embedded=False,
        gone=gone,
    )
    try:
        _bring_up(sessions, make=make)
    except NoStoreError:
        sessions.close()
        raise NoStoreError(f"there is no store in {dsn}") from None
    except BaseException:
        sessions.close()
        raise
    return Store(
        str(dsn),
        sessions,
        readers,
        owner=False,
        door=(dsn.host, dsn.port),
        on_close=_closing(sessions, readers),
    )


def _closing(*pools: Sessions) -> Callable[[], None]:
    def close() -> None:
        for pool in pools:
            pool.close()

    return close


def _http_client(*, settings: dict[str, Any] | None = None, **where: Any) -> Any:
    import clickhouse_connect

    return clickhouse_connect.get_client(
        **where,
        settings=BASE_SETTINGS if settings is None else settings,
        autogenerate_session_id=False,
        compress=False,
        connect_timeout=10,
        send_receive_timeout=600,
        query_retries=1,
    )


# -- a folder


@dataclass(slots=True)
class _Owned:
    """The folder that this process owns, shared by every Store that it opens on it."""

    lock: FolderLock
    sessions: Sessions
    readers: Sessions
    door: Any
    uses: int = 0


_owned: dict[Path, _Owned] = {}
_opening = threading.RLock()


def _forget_after_fork() -> None:
    # the engine's threads do not survive a fork: the child goes to the owner's door like any other process
    _owned.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


def _open_folder(dsn: ChdbDsn, token: str | None, *, make: bool) -> Store:
    with _opening:
        if dsn.path in _owned:
            return _share(dsn)
        deadline = time.monotonic() + OWNER_STARTS_WITHIN_S
        lock = FolderLock(dsn.path)
        while True:
            if lock.acquire():
                return _own(dsn, lock, token, make=make)
            address = read_address(dsn.path)
            if address is not None:
                store = _visit(dsn, address, make=make)
                if store is not None:
                    return store
            if time.monotonic() > deadline:
                raise StoreError(
                    f"the store {dsn} is locked by another process, which does not answer: expected its address in "
                    f"{dsn.path}/owner.json within {OWNER_STARTS_WITHIN_S:.0f} s; see which process holds owner.lock"
                )
            time.sleep(0.02)


def _own(dsn: ChdbDsn, lock: FolderLock, token: str | None, *, make: bool) -> Store:
    from pipeline.store.http_door import Door

    if _owned:
        lock.release()
        raise StoreError(
            f"this process already has {next(iter(_owned))} open: one process can hold one embedded store at a time; "
            f"close it first, or open {dsn.path} in another process"
        )
    gone = f"the store {dsn} does not answer as it should"
    sessions = Sessions(lambda: _embedded_client(dsn.path), embedded=True, gone=gone, folder=dsn.path)
    readers = Sessions(
        lambda: _embedded_client(dsn.path, readonly=True), embedded=True, gone=gone, folder=dsn.path
    )
    door = None
    try:
        with made_whole(dsn.path):
            _bring_up(sessions, make=make, before=lambda: check_room(dsn.path))
        door = Door(dsn.path, token or secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        door.start()
        lock.publish(Address(os.getpid(), door.port, door.token, door.read_token))
    except BaseException:
        if door is not None:
            door.stop()
        readers.close()
        sessions.close()
        lock.release()
        raise
    _owned[dsn.path] = _Owned(lock, sessions, readers, door)
    return _share(dsn)


def _share(dsn: ChdbDsn) -> Store:
    owned = _owned[dsn.path]
    owned.uses += 1

    def close() -> None:
        with _opening:
            owned.uses -= 1
            if owned.uses or _owned.get(dsn.path) is not owned:
                return
            del _owned[dsn.path]
            owned.lock.withdraw()
            owned.door.stop()
            owned.readers.close()
            owned.sessions.close()
            owned.lock.release()

    return Store(
        str(dsn),
        owned.sessions,
        owned.readers,
        owner=True,
        door=("127.0.0.1", owned.door.port),
        on_close=close,
    )


def _embedded_client(path: Path, *, readonly: bool = False) -> Any:
    import clickhouse_connect

    settings = dict(LOCAL_SETTINGS) if not readonly else {**LOCAL_SETTINGS, **READ_LIMITS}
    client = clickhouse_connect.get_client(dsn=f"chdb://{path}", settings=settings)
    if readonly:
        client.command("SET readonly = 1")
    return client


def _visit(dsn: ChdbDsn, address: Address, *, make: bool) -> Store | None:
    """A store over the owner's door; None while nobody answers there."""
    gone = f"the owner of the store {dsn} (process {address.pid}) does not answer"

    def client(secret: str, settings: dict[str, Any]) -> Any:
        return _http_client(
            host="127.0.0.1", port=address.port, username="prebill", password=secret, settings=settings
        )

    def ended() -> bool:
        # a process that is killed may let go of its connections a moment before it lets go of the folder
        for pause in ENDING_S:
            time.sleep(pause)
            # without an address it is ending, or the next one begins
            if not is_owned(dsn.path) or read_address(dsn.path) != address:
                return True
        return False

    sessions = Sessions(
        lambda: client(address.token, LOCAL_SETTINGS),
        embedded=False,
        gone=gone,
        folder=dsn.path,
        ended=ended,
    )
    readers = Sessions(lambda: client(address.read_token, {}), embedded=False, gone=gone, ended=ended)
    try:
        _bring_up(sessions, make=make)
    except StoreError as error:
        sessions.close()
        if type(error) in (StoreError, OwnerEndedError):
            return None
        raise
    return Store(
        str(dsn),
        sessions,
        readers,
        owner=False,
        door=("127.0.0.1", address.port),
        on_close=_closing(sessions, readers),
    )
