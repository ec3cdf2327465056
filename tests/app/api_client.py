"""A support API on a free port over a store of its own, and calls to it, whole and broken, over real sockets."""

from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from incidents.desk.api.door import hash_of
from incidents.desk.api.settings import ApiSettings, ApiToken
from incidents.desk.settings import Manager, SupportSettings
from pipeline.app.configuration.settings import Config, CustomerSettings, SpoolSettings, StoreSettings
from pipeline.app.support.api import SupportApi
from pipeline.app.support.server import ApiServer
from pipeline.configured import Duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.store import Store

SECRET, SECRET_OF_C1 = "secret", "secret-of-c1"
TOKENS = (
    ApiToken(name="portal", sha256=hash_of(SECRET)),
    ApiToken(name="c1-shop", sha256=hash_of(SECRET_OF_C1), customers=("c1",)),
)
GOOD = {"customer": "c1", "kind": "technical", "text": "Видео не идёт"}


def api_config(**more: Any) -> Config:
    """Two customers, one manager who always works."""
    api = ApiSettings(listen="127.0.0.1:0", per_minute=10_000, patience=Duration.parse("10s"), token=TOKENS)
    return Config(
        store=StoreSettings(dsn="chdb:///nowhere"),
        spool=SpoolSettings(path="nowhere"),
        customer=(
            CustomerSettings(id="c1", resources=("a.example",), lang="ru"),
            CustomerSettings(id="c2", resources=("b.example",)),
        ),
        support=SupportSettings(
            head="Анна", manager=(Manager(id="olga", name="Ольга"),), api=replace(api, **more)
        ),
    )


class Api:
    """What runs, and how often it woke its watch."""

    def __init__(self, store: Store, config: Config, clock: Callable[[], float] = time.time) -> None:
        assert config.support.api is not None
        self.woken = 0
        self.desk = SupportApi(store, config, config.support.api, clock, self._wake)
        self.server = ApiServer(config.support.api, self.desk.answer)
        self.port = self.server.address[1]

    def _wake(self) -> None:
        self.woken += 1

    def post(self, body: object, token: str = SECRET, **headers: str) -> tuple[int, dict[str, Any]]:
        """Status and document of a request that is handed in."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, _, document = call(
            self.port, "POST", "/v1/requests", raw, {"Content-Type": "application/json"} | headers, token
        )
        return status, document

    def get(self, number: str, token: str = SECRET) -> tuple[int, dict[str, Any]]:
        """Status and document of a request that is asked for."""
        status, _, document = call(self.port, "GET", f"/v1/requests/{number}", None, {}, token)
        return status, document


@contextmanager
def running(
    store: Store, config: Config | None = None, clock: Callable[[], float] = time.time
) -> Iterator[Api]:
    """An API without a watch."""
    api = Api(store, config or api_config(), clock)
    api.server.start()
    try:
        yield api
    finally:
        api.server.stop()


def call(
    port: int, method: str, path: str, body: bytes | None, headers: dict[str, str], token: str = SECRET
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and document of one call."""
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        wire.request(method, path, body, {"Authorization": f"Bearer {token}"} | headers)
        answer = wire.getresponse()
        content = answer.read()
        return answer.status, dict(answer.getheaders()), json.loads(content) if content else {}
    finally:
        wire.close()


def raw_call(port: int, say: Callable[[socket.socket], None]) -> bytes:
    """All that comes back on a connection on which `say` has its say."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        say(wire)
        found = b""
        while part := wire.recv(65536):
            found += part
        return found
