"""A Locust scenario for an edge: users that speak HTTP over plain sockets and count every byte they receive, by host.

Run by itself, it writes the counts as JSON: `python -m loadtest.locust_edge --port 8080 --seconds 10 --counts FILE`.
Under Locust's own command it is an ordinary locustfile: `locust -f loadtest/locust_edge.py --host http://127.0.0.1:8080`.
"""

from __future__ import annotations

# Locust makes the standard library cooperative: before anything else imports sockets.
from locust import User, constant_throughput, events

from locust.exception import StopUser  # isort: skip

import argparse
import json
import random
import socket
import sys
import time
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

HOSTS = tuple(
    f"{sub}.site{n}.example.{zone}" for n in range(8) for sub, zone in (("img", "com"), ("video", "ru"))
)
STRANGER = "unknown.invalid"
"""The name under which infra/nginx/edge.conf logs those who ask for no host of ours."""

AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64)",
    'quoted "agent" \\ back',
    "tab\there",
    "Кинотеатр/1.0",
    "curl/8.5.0",
    "-",
)
SIZES = (0, 1, 200, 3_000, 40_000, 300_000)

COUNTS: dict[str, list[int]] = {}
"""By host: requests, bytes received, bytes of them after the header."""


class EdgeUser(User):  # type: ignore[misc]
    """One client with one connection at a time; every response is read to its last byte."""

    wait_time = constant_throughput(200)

    def on_start(self) -> None:
        """Fixes what this user will ask for."""
        self._random = random.Random()  # noqa: S311
        self._connection: socket.socket | None = None
        self._left = b""

    def on_stop(self) -> None:
        """Hangs up."""
        self._hang_up()

    def get(self) -> None:
        """An object, found in the cache or not, whole."""
        self._exchange("GET", self._host(), f"/o/{self._random.choice(SIZES)}/{self._random.randrange(40)}")

    def get_range(self) -> None:
        """A part of one."""
        path = f"/o/{SIZES[-1]}/{self._random.randrange(8)}"
        self._exchange("GET", self._host(), path, "Range: bytes=1000-4999")

    def get_unchanged(self) -> None:
        """One that has not changed."""
        self._exchange(
            "GET", self._host(), f"/o/200/{self._random.randrange(8)}", 'If-None-Match: "constant"'
        )

    def get_chunked(self) -> None:
        """One whose length is not known at first."""
        self._exchange("GET", self._host(), f"/chunked/{self._random.randrange(10**6)}")

    def head(self) -> None:
        """A header alone."""
        self._exchange("HEAD", self._host(), f"/o/3000/{self._random.randrange(8)}")

    def post(self) -> None:
        """A body the other way."""
        self._exchange("POST", self._host(), "/api?имя=тест", body=b"x" * self._random.randrange(5_000))

    def fail(self) -> None:
        """What is not there, and an origin that fails."""
        self._exchange("GET", self._host(), self._random.choice(("/missing", "/broken")))

    def stray(self) -> None:
        """A host that is not ours."""
        self._exchange("GET", STRANGER, "/")

    def nonsense(self) -> None:
        """Something that is no request."""
        self._exchange("NONSENSE", STRANGER, None)

    tasks: ClassVar = {
        get: 60,
        get_range: 8,
        get_unchanged: 6,
        get_chunked: 6,
        head: 5,
        post: 5,
        fail: 4,
        stray: 2,
        nonsense: 2,
    }
    """What a user does, and how often."""

    def _host(self) -> str:
        return HOSTS[min(self._random.randrange(len(HOSTS)), self._random.randrange(len(HOSTS)))]

    def _exchange(self, method: str, host: str, path: str | None, *headers: str, body: bytes = b"") -> None:
        if getattr(self.environment, "is_over", False):
            raise StopUser
        started = time.perf_counter()
        status, received, after_header, error = 0, 0, 0, None
        try:
            connection = self._connect()
            if path is None:
                connection.sendall(b"nonsense\r\n\r\n")
            else:
                agent = self._random.choice(AGENTS)
                lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"User-Agent: {agent}", *headers]
                if body:
                    lines.append(f"Content-Length: {len(body)}")
                connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            status, received, after_header = self._receive(connection, head_only=method == "HEAD")
            counts = COUNTS.setdefault(host, [0, 0, 0])
            for place, value in enumerate((1, received, after_header)):
                counts[place] += value
        except (OSError, ValueError) as problem:
            # A response that was not read to its end is not counted: the test must then fail, and say why.
            error = problem
            self._hang_up()
        self.environment.events.request.fire(
            request_type=method,
            name=(path or "nonsense").split("/")[1] if path else "nonsense",
            response_time=(time.perf_counter() - started) * 1000,
            response_length=received,
            exception=error,
            context={"status": status},
        )

    def _connect(self) -> socket.socket:
        if self._connection is None:
            target = urlsplit(self.host)
            self._connection = socket.create_connection((target.hostname, target.port or 80), timeout=30)
            self._left = b""
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _receive(self, connection: socket.socket, *, head_only: bool) -> tuple[int, int, int]:
        """Reads one response; returns its status, its size on the wire, and how much of that came after the header."""
        data = self._left
        while b"\r\n\r\n" not in data:
            data += self._read(connection)
        header, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = header.decode("latin-1").split("\r\n")
        status = int(first.split()[1])
        fields = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        if head_only or status in (204, 304):
            size = 0
        elif fields.get("transfer-encoding", "").lower() == "chunked":
            while not (rest == b"0\r\n\r\n" or rest.endswith(b"\r\n0\r\n\r\n")):
                rest += self._read(connection)
            size = len(rest)
        elif "content-length" in fields:
            size = int(fields["content-length"])
            parts, have = [rest], len(rest)
            while have < size:
                parts.append(self._read(connection))
                have += len(parts[-1])
            rest = b"".join(parts)
        else:
            raise ValueError(f"a response without a length: {header!r}")
        if len(rest) > size:
            raise ValueError(f"{len(rest) - size} bytes after the end of a response")
        if fields.get("connection", "").lower() == "close":
            if connection.recv(1):
                raise ValueError("bytes after a response that closes the connection")
            self._hang_up()
        return status, len(header) + 4 + size, size

    def _read(self, connection: socket.socket) -> bytes:
        data = connection.recv(1 << 16)
        if not data:
            raise ValueError("the connection was closed within a response")
        return data


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _show_counts(**_: Any) -> None:
    """Under Locust's own command: what was received, where it can be compared with the log."""
    print(json.dumps(COUNTS), file=sys.stderr)


def run(host: str, users: int, seconds: float) -> int:
    """Loads the edge, lets every user finish what he asked for, and returns the number of failed requests."""
    import gevent
    from locust.env import Environment

    environment = Environment(user_classes=[EdgeUser], host=host)
    environment.is_over = False
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=users)
    gevent.sleep(seconds)
    # Locust's own stop, even with stop_timeout, ended users in the middle of a response now and then: those responses
    # were in the log and not in the counts. So every user ends himself, between two requests.
    environment.is_over = True
    with gevent.Timeout(60):
        while runner.user_count:
            gevent.sleep(0.02)
    runner.quit()
    for name, error in {entry.name: entry.error for entry in environment.stats.errors.values()}.items():
        print(f"{name}: {error}", file=sys.stderr)
    return int(environment.stats.total.num_failures)


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 0, or 1 when a request failed."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.locust_edge", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--counts", type=Path, required=True)
    options = parser.parse_args(arguments)
    failed = run(f"http://127.0.0.1:{options.port}", options.users, options.seconds)
    options.counts.write_text(json.dumps({"failed": failed, "received": COUNTS}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
