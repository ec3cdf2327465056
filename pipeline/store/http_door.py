"""The owner's door: ClickHouse's HTTP protocol on 127.0.0.1 over the embedded engine, so that the CLI, dashboards and
any ClickHouse client read and write while the owner works. Started by connect.py; statements run in engine.py."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import http.server
import json
import secrets
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from pipeline.store.engine import Statement, connection, execute
from pipeline.store.errors import QueryError
from pipeline.store.http_body import Body, BodyError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

WIRE_LIMIT = 2 << 30
PLAIN_LIMIT = 8 << 30
QUESTION_LIMIT = 64 << 20
"""Bytes of a statement without data."""
AT_ONCE = 32
"""Requests served at once; the others wait their turn."""
IDLE_S = 120

OWN_PARAMETERS = frozenset(
    {"query", "database", "default_format", "user", "password", "session_id", "session_timeout", "session_check",
     "query_id", "quota_key", "compress", "decompress", "wait_end_of_query", "buffer_size", "role",
     "client_protocol_version", "enable_http_compression", "send_progress_in_http_headers",
     "http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close"}
)  # fmt: skip
"""URL parameters that are the protocol's own; `param_x` are a query's parameters, and all the others are settings."""

STATUS = {
    516: 401,
    194: 401,
    192: 401,
    60: 404,
    81: 404,
    46: 404,
    164: 403,
    497: 403,
    241: 500,
    48: 501,
    159: 408,
}
"""ClickHouse error number → HTTP status; what is not here is 400 for a statement that cannot be read and 500 else."""
UNREADABLE = frozenset({62, 47, 27, 6, 26, 33, 36, 43, 53, 115, 117, 456, 457})


class Door:
    """The server: `token` opens it for reading and writing, `read_token` for reading; under any user name."""

    def __init__(self, path: Path, token: str, read_token: str, port: int = 0) -> None:
        self.token = token
        self.read_token = read_token
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.path = path
        self._server.door = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="prebill-door", daemon=True)

    def start(self) -> None:
        """Answers from now on, in threads of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no more requests and returns when those under way have ended."""
        if self._thread.is_alive():
            with contextlib.suppress(OSError):  # wakes the loop, which else looks up every half second
                self._server.socket.shutdown(socket.SHUT_RDWR)
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.drain()

    def role(self, secret: str) -> str:
        """'write', 'read', or '' for a wrong secret; takes the same time for all."""
        given = secret.encode("utf-8", "surrogateescape")
        writes = hmac.compare_digest(given, self.token.encode())
        reads = hmac.compare_digest(given, self.read_token.encode())
        return "write" if writes else "read" if reads else ""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    path: Path
    door: Door

    def __init__(self, address: tuple[str, int], handler: Any) -> None:
        super().__init__(address, handler)
        self.slots = threading.BoundedSemaphore(AT_ONCE)
        self.sockets: set[socket.socket] = set()

    def drain(self) -> None:
        """Waits for requests under way, then cuts what idles."""
        for _ in range(AT_ONCE):
            self.slots.acquire(timeout=30)
        for each in list(self.sockets):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "prebill"
    sys_version = ""
    timeout = IDLE_S
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.sockets.add(self.connection)

    def finish(self) -> None:
        self.server.sockets.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent: the owner's own log tells what matters."""

    def do_GET(self) -> None:
        self._serve(readonly=True)

    def do_POST(self) -> None:
        self._serve(readonly=False)

    def _serve(self, *, readonly: bool) -> None:
        self._sent = False
        url = urlsplit(self.path)
        try:
            body = Body(self.rfile, self.headers, wire_limit=WIRE_LIMIT, plain_limit=PLAIN_LIMIT)
        except BodyError as error:
            self.close_connection = True
            self._plain(error.status, f"{error}\n")
            return
        try:
            if url.path in ("/ping", "/replicas_status"):
                self._plain(200, "Ok.\n")
            elif url.path not in ("/", "/query"):
                self._plain(404, f"There is no handle {url.path}\n")
            else:
                with self.server.slots:
                    self._query(url.query, body, readonly)
        except BodyError as error:
            self.close_connection = True
            self._plain(error.status, f"Code: 33. DB::Exception: {error}. (CANNOT_READ_ALL_DATA)\n", code=33)
        except QueryError as error:
            self._fail(error)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True
            return
        if not body.drain():
            self.close_connection = True

    def _query(self, query: str, body: Body, readonly: bool) -> None:
        role = self.server.door.role(self._secret())
        if not role:
            text = "Code: 516. DB::Exception: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)\n"
            self._plain(
                401, text, code=516, extra={"WWW-Authenticate": 'Basic realm="ClickHouse server HTTP API"'}
            )
            return
        params = dict(parse_qsl(query, keep_blank_values=True))
        for flag in ("compress", "decompress"):
            if params.get(flag, "0") not in ("0", "", "false"):
                raise QueryError(f"Code: 48. DB::Exception: {flag}=1 is not implemented: use Content-Encoding. "
                                 f"(NOT_IMPLEMENTED)", 48)  # fmt: skip
        if (self.headers.get("Content-Type") or "").lower().startswith("multipart/"):
            raise QueryError("Code: 48. DB::Exception: multipart bodies (external data) are not implemented. "
                             "(NOT_IMPLEMENTED)", 48)  # fmt: skip
        sql = params.get("query", "").encode()
        read_only = role == "read" or readonly
        statement = Statement(
            sql=sql + b"\n" if sql.strip() else b"",
            body=_first_whole(body.blocks()) if not read_only else _bounded(body.blocks()),
            readonly=read_only,
            database=params.get("database") or self.headers.get("X-ClickHouse-Database") or "",
            default_format=params.get("default_format")
            or self.headers.get("X-ClickHouse-Format")
            or "TabSeparated",
            settings={
                k: v for k, v in params.items() if k not in OWN_PARAMETERS and not k.startswith("param_")
            },
            params={k[6:]: v for k, v in params.items() if k.startswith("param_")},
        )
        query_id = params.get("query_id") or secrets.token_hex(16)
        with (
            connection(self.server.path, statement) as conn,
            contextlib.closing(execute(conn, statement)) as answer,
        ):
            self._send(answer.format, answer.summary, answer.chunks, query_id)

    def _secret(self) -> str:
        """Bearer token, Basic password or X-ClickHouse-Key; never from the URL, which is logged on its way."""
        kind, _, value = (self.headers.get("Authorization") or "").partition(" ")
        if kind.lower() == "bearer":
            return value.strip()
        if kind.lower() == "basic":
            try:
                return base64.b64decode(value, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return ""
        return self.headers.get("X-ClickHouse-Key") or ""

    def _send(self, name: str, summary: dict[str, str], chunks: Iterable[bytes], query_id: str) -> None:
        flow = iter(chunks)
        first = next(flow, b"")  # an error before the first byte still gets its own status
        headers = {
            "Content-Type": _content_type(name),
            "Transfer-Encoding": "chunked",
            "X-ClickHouse-Summary": json.dumps(summary),
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": "UTC",
        }
        self._head(200, headers | ({"X-ClickHouse-Format": name} if name else {}))
        try:
            while first:
                for at in range(0, len(first), 1 << 20):
                    part = memoryview(first)[at : at + (1 << 20)]
                    self.wfile.write(b"%x\r\n" % len(part))
                    self.wfile.write(part)
                    self.wfile.write(b"\r\n")
                first = next(flow, b"")
        except QueryError as error:
            # as a server does: the message in the stream, and the stream left without its end
            text = f"\n{error}\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _fail(self, error: QueryError) -> None:
        status = STATUS.get(error.code, 400 if error.code in UNREADABLE else 500)
        self._plain(status, f"{error}\n", code=error.code)

    def _plain(self, status: int, text: str, code: int = 0, extra: dict[str, str] | None = None) -> None:
        if self._sent:
            self.close_connection = True
            return
        data = text.encode()
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "Content-Length": str(len(data)),
            **(extra or {}),
        }
        if code:
            headers["X-ClickHouse-Exception-Code"] = str(code)
        if self.close_connection:
            headers["Connection"] = "close"
        self._head(status, headers)
        self.wfile.write(data)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self._sent = True
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _content_type(name: str) -> str:
    if name.startswith("JSON"):
        return "application/json; charset=UTF-8"
    return "text/plain; charset=UTF-8" if name in ("", "Pretty") else "application/octet-stream"


def _bounded(blocks: Iterable[bytes]) -> Any:
    read = 0
    for block in blocks:
        read += len(block)
        if read > QUESTION_LIMIT:
            raise BodyError(f"the statement has more than {QUESTION_LIMIT} bytes", 413)
        yield block


def _first_whole(blocks: Iterable[bytes]) -> Any:
    """The blocks with the first one at least 64 KiB (or all there is), so that an INSERT's head is not cut in two."""
    flow = iter(blocks)
    first = b""
    for block in flow:
        first += block
        if len(first) >= 1 << 16:
            break
    if first:
        yield first
    yield from flow
