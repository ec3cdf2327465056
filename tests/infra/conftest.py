"""A real nginx with infra/nginx's own configuration, before an origin of our own, in a temporary prefix."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

INFRA = Path(__file__).resolve().parents[2] / "infra" / "nginx"


class _Origin(BaseHTTPRequestHandler):
    """/o/SIZE/N an object, /chunked/N one without a length, /missing, /broken; anything posted is thanked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind, *rest = self.path.lstrip("/").split("/")
        if kind == "chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for size in (1, 700, 5_000):
                self.wfile.write(b"%x\r\n%s\r\n" % (size, b"x" * size))
            self.wfile.write(b"0\r\n\r\n")
        elif kind == "o":
            self._answer(200, b"o" * int(rest[0]), ("ETag", '"constant"'), ("Accept-Ranges", "bytes"))
        else:
            self._answer(500 if kind == "broken" else 404, b"no")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(201, b"thanks")

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@dataclass(frozen=True)
class Edge:
    """A running nginx: its port, its log, its pid file."""

    prefix: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        return self.prefix / "logs" / "edge.log"

    @property
    def pid_file(self) -> Path:
        return self.prefix / "logs" / "nginx.pid"


@pytest.fixture(scope="session")
def nginx_binary() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        message = "nginx is missing: apt-get install nginx-light. Nothing about real edge logs was tested."
        if os.environ.get("PREBILL_REQUIRE_NGINX") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture
def edge(nginx_binary: str, tmp_path: Path) -> Iterator[Edge]:
    origin = ThreadingHTTPServer(("127.0.0.1", 0), _Origin)
    threading.Thread(target=origin.serve_forever, daemon=True).start()
    prefix = tmp_path / "nginx"
    for folder in ("logs", "cache"):
        (prefix / folder).mkdir(parents=True)
    shutil.copy(INFRA / "edge-tsv.conf", prefix)
    port = _free_port()
    text = (INFRA / "edge.conf").read_text()
    text = text.replace("127.0.0.1:8081", f"127.0.0.1:{origin.server_port}").replace(
        "127.0.0.1:8080", f"127.0.0.1:{port}"
    )
    # The temporary folder is closed to www-data, and the workers open the new log themselves.
    (prefix / "edge.conf").write_text(f"user {_user()};\n{text}" if os.getuid() == 0 else text)
    process = subprocess.Popen([nginx_binary, "-p", str(prefix), "-c", "edge.conf", "-g", "daemon off;"])
    try:
        _wait_for_port(port, process)
        yield Edge(prefix, port, process)
    finally:
        process.terminate()
        process.wait(20)
        origin.shutdown()
        origin.server_close()


def _user() -> str:
    import grp
    import pwd

    return f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(500):
        if process.poll() is not None:
            pytest.fail(f"nginx ended with code {process.returncode} at its start")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            threading.Event().wait(0.02)
        else:
            return
    pytest.fail(f"nginx does not answer on port {port}")
