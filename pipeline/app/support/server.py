"""The sockets of support requests by HTTP: the standard library's server within bounds of bytes, time and connections.

One call a connection. Whatever a client does, a thread of ours is his for three times `patience` and two seconds at
most.
"""

from __future__ import annotations

import contextlib
import errno
import http.server
import io
import re
import socket
import socketserver
import threading
import time
from typing import TYPE_CHECKING, Any

from incidents.desk.api import answers
from incidents.desk.api.door import BODY_LIMIT, Head
from incidents.desk.api.settings import address_of
from pipeline.app.failures import ReachFailure
from pipeline.app.support.bounded_wire import TooMuchError, Wire, linger
from pipeline.app.terminal import say
from pipeline.store.http_body import Body, BodyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from incidents.desk.api.answers import Answer
    from incidents.desk.api.settings import ApiSettings

    Answering = Callable[[Head, Callable[[], bytes]], Answer]

HEAD_LIMIT = 32 << 10
"""Bytes above a body: more than any proxy sends."""
WIRE_LIMIT = 4 * BODY_LIMIT
"""Bytes of a body with the sizes of its chunks."""
END_S = 10.0


class ApiServer:
    """Listens from the start; answers once started. Raises ReachFailure where the address cannot be had."""

    def __init__(self, settings: ApiSettings, answer: Answering) -> None:
        host, port = address_of(settings.listen)
        try:
            self._server = _Server((host, port), settings, answer)
        except OSError as error:
            why = {
                errno.EADDRINUSE: "another program listens there",
                errno.EADDRNOTAVAIL: "this machine has no such address",
                errno.EACCES: "this user may not listen there",
            }.get(error.errno or 0, error.strerror or str(error))
            raise ReachFailure(
                f"support.api.listen: {settings.listen}: {why}",
                mend="End that program, or name another port in the configuration; `prebill doctor` tells more.",
            ) from None
        found = self._server.server_address
        self.address: tuple[str, int] = (str(found[0]), int(found[1]))
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="support api", kwargs={"poll_interval": 0.2}, daemon=True
        )

    @property
    def is_alive(self) -> bool:
        """Whether calls are taken."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Answers from now on, in threads of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no more calls, and returns when those under way have ended, or have been cut."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.drain()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], settings: ApiSettings, answer: Answering) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.patience_s = settings.patience.span.total_seconds()
        self.answer = answer
        self._most = settings.at_once
        self._slots = threading.BoundedSemaphore(settings.at_once)
        self._sockets: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without the library's look at the name service."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "prebill", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for a connection, while there are any."""
        if not self._slots.acquire(blocking=False):
            self._refuse(request)
            return
        self._sockets.add(request)
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._give_back(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The same, and the place is free again whatever happens."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._give_back(request)

    def _give_back(self, request: socket.socket) -> None:
        self._sockets.discard(request)
        self._slots.release()

    def _refuse(self, request: socket.socket) -> None:
        """Says so without waiting for anything: this is the thread that accepts."""
        content = answers.away(f"There are {self._most} connections already")
        head = "".join(f"{name}: {value}\r\n" for name, value in _headers(content).items())
        with contextlib.suppress(OSError):
            request.setblocking(False)
            request.send(f"HTTP/1.1 503 Service Unavailable\r\n{head}\r\n".encode() + content.content)
            request.shutdown(socket.SHUT_WR)
            while request.recv(65536):
                pass
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; what else there may be was told where it happened."""

    def drain(self) -> None:
        """Waits for calls under way, then cuts what is left."""
        until = time.monotonic() + END_S
        for _ in range(self._most):
            self._slots.acquire(timeout=max(0.0, until - time.monotonic()))
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _headers(answer: Answer) -> dict[str, str]:
    return {
        "Content-Type": answer.media,
        "Content-Length": str(len(answer.content)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Connection": "close",
        **answer.headers,
    }


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._wire = Wire(self.connection, HEAD_LIMIT, self.server.patience_s)
        self.rfile = io.BufferedReader(self._wire, 8192)
        self.command, self.requestline, self.request_version = "", "", self.protocol_version
        self._sent, self._unread = False, True

    def finish(self) -> None:
        super().finish()
        if not self._unread or not self._sent:
            return
        linger(self.connection)

    def handle(self) -> None:
        """One call, and whatever goes wrong with it as an answer without a trace of ours."""
        try:
            self._call()
        except TimeoutError:
            self._try_send(answers.too_slow(self.server.patience_s))
        except TooMuchError:
            self._try_send(
                answers.plain_problem(431, f"Expected at most {HEAD_LIMIT:,} bytes of headers, found more.")
            )
        except OSError:
            return  # he went away
        except Exception as error:
            say(f"support api: an error of ours: {type(error).__name__}: {error}")
            self._try_send(answers.own_error())

    def _call(self) -> None:
        self.raw_requestline = self.rfile.readline(HEAD_LIMIT)
        if not self.raw_requestline or not self.parse_request():
            return
        if self.request_version == "HTTP/0.9":
            self._send(answers.plain_problem(400, "Expected HTTP/1.0 or HTTP/1.1, found HTTP/0.9."))
            return
        head = Head(
            method=self.command,
            path=self.path,
            authorization=self.headers.get("Authorization"),
            content_type=self.headers.get("Content-Type"),
            content_encoding=self.headers.get("Content-Encoding"),
        )
        try:
            self._send(self.server.answer(head, self._body))
        except BodyError as error:
            self._send(
                answers.too_large(BODY_LIMIT)
                if error.status == 413
                else answers.unreadable(f"The body cannot be read: {error}. Send it again.")
            )

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length")
        if length is not None and not re.fullmatch(r"[0-9]{1,15}", length.strip()):
            raise BodyError("Content-Length is no number", 400)
        self._wire.allow(WIRE_LIMIT, self.server.patience_s)
        try:
            found = b"".join(
                Body(self.rfile, self.headers, wire_limit=BODY_LIMIT, plain_limit=BODY_LIMIT).blocks()
            )
        except TooMuchError:
            raise BodyError("too long", 413) from None
        self._unread = False
        return found

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the library finds wrong with a head, as a problem document."""
        self._send(answers.plain_problem(int(code), f"{message or explain or 'The call cannot be read'}."))

    def _try_send(self, answer: Answer) -> None:
        with contextlib.suppress(OSError):
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        if self._sent:
            return
        self._sent = True
        if self.request_version == "HTTP/0.9":  # the library's word for a head that was not read to its end
            self.request_version = "HTTP/1.0"
        self.connection.settimeout(self.server.patience_s)
        self.send_response(answer.status)
        for name, value in _headers(answer).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    def version_string(self) -> str:
        """Whose program it is, and no version."""
        return "prebill"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent: the desk's log tells who handed in what."""
