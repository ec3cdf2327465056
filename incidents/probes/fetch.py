"""One GET, to the address that is asked for, with the host's name in it and its certificate verified; no cookies, no
credentials, no proxies, nothing followed. Used by HTTP probes and to read blackbox exporters."""

from __future__ import annotations

import asyncio
import functools
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpcore
from msgspec import Struct

from incidents.probes.addresses import first_to_answer, resolve
from incidents.probes.result import OwnFaultError, Phase
from incidents.probes.settings import bracketed, split_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_BODY = 1 << 20
_IN_PATH = "/:;=@!$&'()*+,%~-._"
_IN_QUERY = "/:;=@!$&'()*+,?%~-._"


class Fetched(Struct, frozen=True):
    """An answer: `body` up to 1 MiB of it; `expires`: when the certificate ends, epoch seconds, 0 without TLS."""

    status: int
    location: str
    body: bytes
    expires: float


async def fetch(
    url: str,
    phase: Phase,
    *,
    address: str = "",
    trusted: bool = False,
    loopback: bool = False,
    ca: str = "",
    headers: Mapping[bytes | str, bytes | str] | None = None,
) -> Fetched:
    """One GET, without following anything. `address` (host, host:port): connected to in place of the URL's host,
    which Host, SNI and the certificate's check still name. `trusted`: any address will do;
    `loopback`: this machine's too."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host, port = ascii_host(url), port_of(url)
    target = quote(parts.path or "/", safe=_IN_PATH) + (
        f"?{quote(parts.query, safe=_IN_QUERY)}" if parts.query else ""
    )
    authority = bracketed(host) + ("" if port == (443 if secure else 80) else f":{port}")
    sent: dict[bytes | str, bytes | str] = {
        "Host": authority,
        "User-Agent": "prebill-probe",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
    }
    request = httpcore.Request(
        "GET",
        httpcore.URL(scheme=parts.scheme, host=host, port=port, target=target),
        headers={**sent, **(headers or {}), "Connection": "close"},
    )
    phase.name = "connect"
    network = _Network(phase, address, trusted=trusted, loopback=loopback)
    pool = httpcore.AsyncConnectionPool(
        ssl_context=trust(ca) if secure else None, network_backend=network, retries=0
    )
    async with pool:
        response = await pool.handle_async_request(request)
        try:
            stream = response.extensions.get("network_stream")
            body = bytearray()
            phase.name = "body"
            async for chunk in response.aiter_stream():
                body += chunk
                if len(body) >= MAX_BODY:
                    break
        finally:
            await response.aclose()
    location = next((value for name, value in response.headers if name.lower() == b"location"), b"")
    return Fetched(
        response.status,
        location.decode("utf-8", "replace"),
        bytes(body[:MAX_BODY]),
        getattr(stream, "expires", 0.0),
    )


def port_of(url: str) -> int:
    """The port of a URL, its scheme's own where it names none."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def ascii_host(url: str) -> str:
    """The host of a URL as it is asked for on the wire."""
    return (urlsplit(url).hostname or "").encode("idna").decode()


@functools.lru_cache(maxsize=64)
def trust(ca: str) -> ssl.SSLContext:
    """Verification of chain, host and dates is on, always; `ca`: a file of authorities in place of the system's."""
    try:
        return ssl.create_default_context(cafile=ca or None)
    except OSError as error:
        raise OwnFaultError(f"authorities in {ca} cannot be read: {error.strerror or error}") from None


class _Network(httpcore.AsyncNetworkBackend):
    """Connects where the probe says, after asking whether it may."""

    def __init__(self, phase: Phase, address: str, *, trusted: bool, loopback: bool) -> None:
        self._phase, self._address = phase, address
        self._trusted, self._loopback = trusted, loopback
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """One address after the other, as a visitor's browser would."""
        if self._address:
            host, port = split_address(self._address, port)
        self._phase.name = "name lookup"
        addresses = await resolve(host, port, trusted=self._trusted, loopback=self._loopback)
        self._phase.name = "connect"

        async def connect(address: str) -> httpcore.AsyncNetworkStream:
            return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

        inner = await first_to_answer(addresses, connect, httpcore.AsyncNetworkStream.aclose)
        self._phase.name = "answer"
        return _Stream(inner, self._phase)

    async def sleep(self, seconds: float) -> None:
        """As the interface wants it."""
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that tells its phase, and keeps the certificate's end while the connection is open."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, phase: Phase, expires: float = 0.0) -> None:
        self._inner, self._phase, self.expires = inner, phase, expires

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        self._phase.name = "TLS handshake"
        inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        self._phase.name = "answer"
        spoken = inner.get_extra_info("ssl_object")
        certificate = spoken.getpeercert() if spoken is not None else None
        ends = certificate.get("notAfter") if certificate else None
        return _Stream(inner, self._phase, float(ssl.cert_time_to_seconds(ends)) if ends else 0.0)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
