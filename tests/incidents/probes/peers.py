"""Real peers for probes, each on a free port of this machine: nginx with an authority of our own, dnsmasq, Debian's
blackbox exporter, sipp."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pytest

from incidents.probes.run import run_probe
from incidents.probes.settings import ProbeSettings, ProbingSettings, TargetSettings
from pipeline.configured import Duration
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from incidents.probes.result import Result

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def seconds(text: str) -> Duration:
    """A duration as the configuration writes it."""
    return Duration.parse(text)


def needed(binary: str, package: str) -> str:
    """Where a peer is; without it the test is skipped, or fails where it must be there."""
    found = shutil.which(binary, path=PATH)
    if found is None:
        message = f"{binary} is missing: apt-get install {package}. Probes were not tested against it."
        if os.environ.get("PREBILL_REQUIRE_PEERS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return found


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_BOUND = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
_BOUND.bind(("127.0.0.1", 0))
REFUSING = f"127.0.0.1:{_BOUND.getsockname()[1]}"
"""An address that refuses: bound, so that nobody else gets it, and not listening."""


def takes_connections(port: int) -> bool:
    """Whether something listens on a TCP port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def a_probe(kind: str, **keys: object) -> ProbeSettings:
    """One of customer c1 with a short timeout, unless told otherwise."""
    about = {} if "target" in keys else {"customer": "c1"}
    return ProbeSettings(**{"name": "p", "kind": kind, "timeout": seconds("3s"), **about, **keys})  # type: ignore[arg-type]


SUPPORT_LINE = TargetSettings(kind="support_line")


async def look(probe: ProbeSettings, now: float | None = None, **probing: object) -> Result:
    """What one look gives."""
    settings = msgspec.structs.replace(ProbingSettings(), **probing)
    return await run_probe(probe, settings, time.time() if now is None else now)


@dataclass
class Process:
    """A peer that is started, ended and started again."""

    command: list[str]
    ready: Callable[[], bool]
    running: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        self.running = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: self._alive() and self.ready(), f"{self.command[0]} answers")

    def stop(self) -> None:
        if self.running is not None:
            self.running.terminate()
            try:
                self.running.wait(10)
            except subprocess.TimeoutExpired:
                self.running.kill()
                self.running.wait(10)
            self.running = None

    def _alive(self) -> bool:
        assert self.running is not None
        if self.running.poll() is not None:
            pytest.fail(f"{' '.join(self.command)} ended with code {self.running.returncode} at its start")
        return True


@dataclass
class Nginx(Process):
    """Serves c1.example.test and other.example.test over TLS, and plain HTTP beside it."""

    http_port: int = 0
    tls_port: int = 0
    old_port: int = 0
    authority: str = ""


NGINX = """
{user}
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {folder}/access.log; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{http} default_server; server_name _;
    location = / {{ return 200 "served to $host$request_uri\\n"; }}
    location = /agent {{ return 200 "$http_user_agent|$http_authorization|$http_cookie\\n"; }}
    location = /path {{ return 200 "$request_uri\\n"; }}
    location = /broken {{ return 503; }}
    location = /moved {{ return 302 /; }}
    location = /round {{ return 302 /round; }}
    location = /inward {{ return 302 http://localhost:{http}/; }}
    location = /secret {{ return 302 http://user:word@127.0.0.1:{http}/; }}
    location = /elsewhere {{ return 302 ftp://127.0.0.1/; }}
  }}
  server {{
    listen 127.0.0.1:{tls} ssl; server_name c1.example.test;
    ssl_certificate {folder}/c1.pem; ssl_certificate_key {folder}/c1.key;
    location = / {{ return 200 "served to $host by $ssl_server_name\\n"; }}
    location = /plain {{ return 302 http://c1.example.test:{http}/; }}
  }}
  server {{
    listen 127.0.0.1:{old} ssl; server_name c1.example.test;
    ssl_certificate {folder}/old.pem; ssl_certificate_key {folder}/old.key;
    location = / {{ return 200 "expired\\n"; }}
  }}
}}
"""
