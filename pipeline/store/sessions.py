"""One way to talk to ClickHouse from many threads: a pool of clickhouse-connect clients, over the embedded engine of
this process or over HTTP. connect.py makes them; reader, writer, sweep and migrate use nothing else."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any

from pipeline.store.errors import OwnerEndedError, StoreError, is_no_room, no_room, query_error
from pipeline.store.handing import insert_in_place, insert_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

Params = dict[str, Any]

POOL_LIMIT = 24
"""Clients kept at most; more threads than that wait for one another."""

BASE_SETTINGS = {
    # lists of ids travel inside the statement
    "max_query_size": 64 << 20,
}

LOCAL_SETTINGS = {
    **BASE_SETTINGS,
    # from memory to memory: packing 73 MB of facts, and unpacking them, took 110 of 240 ms of CPU
    "output_format_arrow_compression_method": "none",
}


class Sessions:
    """A bounded pool of clients; one client serves one query at a time, so threads never share one.

    `make` opens a client; `embedded` says that it is over the engine of this process; `gone` begins the message of the
    StoreError when nobody answers, and `ended` tells whether that is since the owner has; `folder` is the store's where
    it is one of this machine.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        *,
        embedded: bool,
        gone: str,
        folder: Path | None = None,
        ended: Callable[[], bool] = lambda: False,
        limit: int = POOL_LIMIT,
    ) -> None:
        self.embedded = embedded
        self._make = make
        self._gone = gone
        self._folder = folder
        self._ended = ended
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        self._slots = threading.BoundedSemaphore(limit)
        self._closed = False
        self._table_functions: frozenset[str] | None = None

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        """A client for this thread alone; errors come out as QueryError and StoreError."""
        from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

        if self._closed:
            raise StoreError("the store has been closed")
        with self._slots:
            try:
                found = self._idle.get_nowait()
            except queue.Empty:
                found = self._open()
            keep = False
            try:
                yield found
                keep = True
            except OperationalError as error:
                raise self._unreachable(error) from error
            except ClickHouseError as error:
                # what a failed query had made by then an embedded connection gives to the next one that asks
                keep = not self.embedded
                raise query_error(error) from error
            finally:
                if keep and not self._closed:
                    self._idle.put(found)
                else:
                    found.close()

    def _open(self) -> Any:
        from clickhouse_connect.driver.exceptions import ClickHouseError

        try:
            return self._make()
        except (ClickHouseError, OSError) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> StoreError:
        if self._ended():
            return OwnerEndedError(self._gone.replace("does not answer", "has ended"))
        words = str(query_error(error)).strip().splitlines()
        return StoreError(f"{self._gone}: {words[0] if words else repr(error)}")

    def rows(self, sql: str, params: Params | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query as Python values."""
        with self.client() as client:
            return [tuple(row) for row in client.query(sql, parameters=params).result_rows]

    def one(self, sql: str, params: Params | None = None) -> Any:
        """The single value of a query."""
        return self.rows(sql, params)[0][0]

    def arrow(
        self, sql: str, params: Params | None = None, settings: Mapping[str, Any] | None = None
    ) -> pa.Table:
        """The result of a query as an Arrow table."""
        with self.client() as client:
            return client.query_arrow(sql, parameters=params, settings=dict(settings or {}))

    def ask(self, sql: str, params: Params | None = None) -> pa.Table:
        """A user's own question: the gate holds it where the engine's readonly does not."""
        from pipeline.store.gate import check_question, check_server_question

        if self.embedded:
            with self.client() as client:
                check_question(client._backend._handle.conn, sql)
        else:
            if self._table_functions is None:
                names = self.rows("SELECT lower(name) FROM system.table_functions")
                self._table_functions = frozenset(row[0] for row in names)
            check_server_question(sql, self._table_functions)
        return self.arrow(sql, params)

    def execute(self, sql: str, params: Params | None = None) -> None:
        """Runs a statement that returns nothing."""
        with self._writing("what was asked"), self.client() as client:
            client.command(sql, parameters=params)

    def insert(self, table: str, data: pa.Table, token: str = "") -> None:
        """Appends Arrow columns; with a token, only if no insert with the same token was there before."""
        with self._writing(f"{data.num_rows:,} rows of {table}"), self.client() as client:
            if self.embedded:
                _insert_embedded(client, table, data, token)
                return
            settings = {"insert_deduplication_token": token} if token else {}
            client.insert_arrow(table, data, settings={**settings, "async_insert": 0})

    def insert_many(self, table: str, data: pa.Table) -> None:
        """The same for very many rows: the embedded engine reads the columns where they are."""
        if not self.embedded:
            self.insert(table, data)
            return
        with self._writing(f"{data.num_rows:,} rows of {table}"), self.client() as client:
            handle = client._backend._handle
            with _telling(), handle.lock:
                insert_in_place(handle.conn.query, table, data)

    @contextlib.contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        try:
            yield
        except (StoreError, OSError) as error:
            if is_no_room(error):
                raise no_room(what, self._folder) from error
            raise

    def close(self) -> None:
        """Closes the idle clients; those in use close when they come back."""
        self._closed = True
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return


def _insert_embedded(client: Any, table: str, data: pa.Table, token: str) -> None:
    """Hands Arrow columns to the engine of this process; clickhouse-connect would write a file on the disk first."""
    columns = ", ".join(f"`{name}`" for name in data.column_names)
    settings = f" SETTINGS insert_deduplication_token = '{_quoted(token)}'" if token else ""
    # the client's own handle: private, but a second handle for every insert would cost a connect each
    handle = client._backend._handle
    with _telling(), handle.lock:
        insert_table(handle.conn.query, f"INSERT INTO {table} ({columns}){settings}", data)


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise query_error(error) from error


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def names_subquery(names: Sequence[str]) -> str:
    """A subquery of one String column with these names.

    Hex in one literal: a name of a log may be no UTF-8, and parameters travel in the URL, where a server takes 128 KiB.
    """
    if not names:
        return "SELECT '' WHERE 0"
    joined = ",".join(name.encode("utf-8", "surrogateescape").hex() for name in names)
    return f"SELECT unhex(arrayJoin(splitByChar(',', '{joined}')))"


def name_of(hex_name: str) -> str:
    """A name out of the hex in which it was asked for."""
    return bytes.fromhex(hex_name).decode("utf-8", "surrogateescape")


def in_chunks(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    """Each of these ids once, in order, so many at a time."""
    distinct = sorted(set(ids))
    for at in range(0, len(distinct), size):
        yield distinct[at : at + size]


def ids_subquery(ids: Sequence[int]) -> str:
    """A subquery of one UInt128 column with these ids.

    Hex in one literal: integers beyond 64 bits would be read as floats, and parameters travel in the URL.
    """
    from pipeline.store.columns import ids_as_bytes

    text = ids_as_bytes(ids).hex()
    joined = ",".join(text[i : i + 32] for i in range(0, len(text), 32))
    return f"SELECT arrayJoin(arrayMap(h -> reinterpretAsUInt128(unhex(h)), splitByChar(',', '{joined}')))"
