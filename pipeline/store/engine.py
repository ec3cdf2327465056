"""Runs one statement of the HTTP door on the embedded engine, in a fresh connection that keeps nothing of it."""

from __future__ import annotations

import contextlib
import errno
import itertools
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.store.errors import NO_SPACE, QueryError, query_error
from pipeline.store.gate import READONLY, check_question
from pipeline.store.handing import from_file, laid_down
from pipeline.store.statements import insert_head, tokens, trailing_format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

STREAMABLE = frozenset(
    {"Native", "TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "CSV", "RowBinary", "JSONEachRow"}
)  # fmt: skip
"""Formats without head or foot: blocks one after another are one result. The others are built whole, in memory."""

WHOLE_RESULT_BYTES = 2 << 30
"""A result in a format that cannot stream may not be larger."""

READ_SETTINGS = frozenset(
    {"max_execution_time", "max_result_rows", "max_result_bytes", "result_overflow_mode", "max_rows_to_read",
     "max_bytes_to_read", "read_overflow_mode", "max_block_size", "max_threads", "date_time_output_format",
     "extremes", "join_use_nulls", "session_timezone", "max_query_size", "enable_http_compression"}
)  # fmt: skip
"""Settings that a read-only user may send, beside output_format_…; they are set before the connection is locked."""

READ_LIMITS: dict[str, str] = {"max_execution_time": "300", "max_memory_usage": str(4 << 30)}

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(slots=True)
class Statement:
    """What one request asks: the text so far, the rest of the body, and what came beside them."""

    sql: bytes
    body: Iterator[bytes]
    readonly: bool
    database: str = ""
    default_format: str = "TabSeparated"
    settings: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Answer:
    """Chunks of a result in a format; `format` is empty where the statement returns nothing."""

    format: str
    chunks: Iterable[bytes]
    summary: dict[str, str] = field(default_factory=dict)

    def close(self) -> None:
        """Ends a stream that was left in its middle; before its connection closes.

        The engine ends a stream through its connection's memory: afterwards is a segmentation fault, which a reader
        that was killed brought to the whole process.
        """
        if isinstance(self.chunks, Generator):
            self.chunks.close()


@contextlib.contextmanager
def connection(path: Path, statement: Statement) -> Iterator[Any]:
    """A connection with this statement's database and settings; 1.3 ms, so none is ever used twice."""
    import chdb

    conn = chdb.connect(str(path))
    try:
        if statement.database and statement.database != "default":
            _run(conn, f"USE {_identifier(statement.database)}")
        settings = dict(statement.settings)
        if statement.readonly:
            refused = [k for k in settings if k not in READ_SETTINGS and not k.startswith("output_format_")]
            if refused:
                raise QueryError(f"Code: {READONLY}. DB::Exception: Cannot modify '{refused[0]}' setting in readonly "
                                 f"mode. (READONLY)", READONLY)  # fmt: skip
            settings = READ_LIMITS | settings
        if settings:
            _run(conn, "SET " + ", ".join(f"{_setting(k)} = {_string(v)}" for k, v in settings.items()))
        if statement.readonly:
            _run(conn, "SET readonly = 1")
        yield conn
    finally:
        conn.close()


def execute(conn: Any, statement: Statement) -> Answer:
    """Runs the statement. Raises QueryError; an error in the middle of a stream comes out of its chunks.

    The answer is to be closed before the connection.
    """
    if not statement.readonly:
        inserted = _insert(conn, statement)
        if inserted is not None:
            return inserted
    sql = statement.sql + b"".join(statement.body)
    try:
        text = sql.decode()
    except UnicodeDecodeError as error:
        message = f"Code: 62. DB::Exception: The query is not UTF-8 at byte {error.start}. (SYNTAX_ERROR)"
        raise QueryError(message, 62) from error
    if not tokens(sql, 1):
        raise QueryError("Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR)", 62)
    if statement.readonly:
        check_question(conn, text)
    found = conn._conn.classify_query(text, "default")
    reads = getattr(found["query_class"], "name", "") == "READ_ONLY"
    if not reads:
        result = _run(conn, text, params=statement.params)
        return Answer("", [], _summary(result))
    bare, embedded = trailing_format(sql)
    name = embedded or statement.default_format
    streams = (
        name in STREAMABLE and found["statement_count"] == 1 and _first_word(sql) in ("SELECT", "WITH", "(")
    )
    if streams:
        return Answer(name, _stream(conn, text, bare, name, statement.params))
    if not statement.readonly:
        _run(conn, f"SET max_result_bytes = {WHOLE_RESULT_BYTES}")
    result = _run(conn, text, name, statement.params)
    return Answer(name, [result.bytes() or b""], _summary(result))


def _first_word(sql: bytes) -> str:
    found = tokens(sql, 1)
    return found[0].text.upper() if found else ""


def _stream(conn: Any, text: str, bare: bytes, name: str, params: Mapping[str, str]) -> Iterator[bytes]:
    seen = False
    try:
        with conn.send_query(text, name, params=dict(params)) as stream:
            for chunk in stream:
                data = chunk.bytes()
                if data:
                    seen = True
                    yield data
    except Exception as error:
        raise query_error(error) from error
    if name == "Native" and not seen:
        yield _empty_native(conn, bare, params)


def _empty_native(conn: Any, bare: bytes, params: Mapping[str, str]) -> bytes:
    """A Native block of no rows with its columns, as a server sends; the embedded engine sends nothing at all.

    RowBinaryWithNamesAndTypes begins with the number of columns, all names, then all types.
    """
    head = _run(conn, bare.decode(), "RowBinaryWithNamesAndTypes", params).bytes() or b"\0"
    count, at = _varint(head, 0)
    words = []
    for _ in range(2 * count):
        size, start = _varint(head, at)
        at = start + size
        words.append(head[start - _width(size) : at])
    return head[: _width(count)] + b"\0" + b"".join(words[i] + words[count + i] for i in range(count))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _width(value: int) -> int:
    return max(1, (value.bit_length() + 6) // 7)


def _insert(conn: Any, statement: Statement) -> Answer | None:
    """An INSERT with data: its head is found in the first bytes, its data streams into the engine."""
    sql, body = statement.sql, statement.body
    if not sql.lstrip():
        sql = next(body, b"")
    try:
        # the query parameter holds a whole head; a body begins with one in its first block
        head = insert_head(sql)
    except ValueError as error:
        raise QueryError(f"Code: 1. DB::Exception: {error} (UNSUPPORTED_METHOD)", 1) from error
    if head is None:
        statement.sql, statement.body = sql, body
        return None
    try:
        with laid_down(itertools.chain((sql[head.data_at :],), body)) as file:
            done = _run(conn, from_file(head.head, file.fileno(), head.format))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM):
            raise  # of the connection that the body comes from
        message = f"Code: {NO_SPACE}. DB::Exception: No room to lay the body down: {error.strerror}. (NOT_ENOUGH_SPACE)"
        raise QueryError(message, NO_SPACE) from error
    return Answer(
        "", [], {"written_rows": str(done.rows_written()), "written_bytes": str(done.bytes_written())}
    )


def _run(conn: Any, sql: str, name: str = "TabSeparated", params: Mapping[str, str] | None = None) -> Any:
    try:
        return conn.query(sql, name, params=dict(params or {}))
    except Exception as error:
        raise query_error(error) from error


def _summary(result: Any) -> dict[str, str]:
    return {
        "read_rows": str(result.rows_read()),
        "read_bytes": str(result.bytes_read()),
        "elapsed_ns": str(int(result.elapsed() * 1e9)),
    }


def _setting(name: str) -> str:
    if not _NAME.match(name):
        raise QueryError(
            f"Code: 115. DB::Exception: {name!r} is no name of a setting. (UNKNOWN_SETTING)", 115
        )
    return name


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _string(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
