"""Fetches a page the way a visitor would, from the edge that is asked for, and says how it differs from what must be
there; used by HTTP probes and to read blackbox exporters. No cookies, no credentials, no proxies."""

from __future__ import annotations

import asyncio
import functools
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

import httpcore
from msgspec import Struct

from incidents.probes.addresses import first_to_answer, is_named_inward, resolve
from incidents.probes.result import OwnFaultError, Phase, UnmetError
from incidents.probes.settings import split_address, url_fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from incidents.probes.settings import ProbeSettings

MAX_BODY = 1 << 20
WARN_DAYS = 14
_REDIRECTS = (301, 302, 303, 307, 308)
_DAY_S = 86_400


class Fetched(Struct, frozen=True):
    """An answer: `body` up to 1 MiB of it; `expires`: when the certificate ends, epoch seconds, 0 without TLS."""

    status: int
    location: str
    body: bytes
    expires: float


async def probe_http(probe: ProbeSettings, phase: Phase, now: float, *, loopback: bool = False) -> str:
    """Look once; the answer is a remark (a certificate that soon ends) or nothing.

    Raises UnmetError where the answer is not as it must be, RefusedAddressError, OSError and httpcore's errors where
    none came. `now`: epoch seconds, for the certificate.
    """
    url, seen = probe.url, 0
    first = urlsplit(url)
    ends: list[float] = []
    while True:
        host = urlsplit(url).hostname or ""
        same = host == first.hostname
        # A redirect to another host is looked up by its name: the address that was asked for is the first host's.
        address = probe.address if same else ""
        trusted = loopback or (same and (bool(address) or is_named_inward(host)))
        got = await fetch(url, phase, address=address, trusted=trusted, ca=probe.ca)
        if got.expires:
            ends.append(got.expires)
        if not (probe.redirects and got.status in _REDIRECTS and got.location):
            break
        seen += 1
        if seen > probe.redirects:
            raise UnmetError(f"more than {probe.redirects} redirects")
        url = _follow(url, got.location)
    check_status(got.status, probe.status)
    if probe.contains and probe.contains.encode() not in got.body:
        raise UnmetError(f"body without {probe.contains!r}")
    return certificate_remark(min(ends, default=0.0), probe.certificate_days, now)


def check_status(status: int, expected: tuple[int, ...]) -> None:
    """Raises UnmetError; without an expectation any 2xx will do."""
    if status in expected or (not expected and 200 <= status < 300):
        return
    wanted = " or ".join(map(str, expected)) or "2xx"
    raise UnmetError(f"status {status}, expected {wanted}")


def certificate_remark(expires: float, days: int, now: float) -> str:
    """What to say of a certificate's end (epoch seconds, 0: there is none); raises UnmetError within `days` of it."""
    if not expires:
        return ""
    left = expires - now
    whole = int(left // _DAY_S)
    said = "certificate expired" if left <= 0 else f"certificate expires in {_days(whole)}"
    if left < days * _DAY_S:
        raise UnmetError(said)
    return said if whole < WARN_DAYS else ""


def _days(count: int) -> str:
    return "less than a day" if count < 1 else "1 day" if count == 1 else f"{count} days"


def _follow(url: str, location: str) -> str:
    try:
        target = urljoin(url, location)
    except ValueError:
        raise UnmetError("redirect to no web address") from None
    if fault := url_fault(target):
        raise UnmetError(
            "redirect with credentials" if "credentials" in fault else "redirect to no web address"
        )
    if url.startswith("https:") and not target.startswith("https:"):
        raise UnmetError("redirect from https to http")
    return target


async def fetch(
    url: str,
    phase: Phase,
    *,
    address: str = "",
    trusted: bool = False,
    ca: str = "",
    headers: Mapping[bytes | str, bytes | str] | None = None,
) -> Fetched:
    """One GET, without following anything. `address` (host, host:port): connected to in place of the URL's host,
    which Host, SNI and the certificate's check still name. `trusted`: loopback addresses are no surprise."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = (parts.hostname or "").encode("idna").decode()
    port = parts.port or (443 if secure else 80)
    target = quote(parts.path or "/", safe="/:;=@!$&'()*+,%~-._") + (
        f"?{quote(parts.query, safe=_IN_QUERY)}" if parts.query else ""
    )
    authority = f"[{host}]" if ":" in host else host
    if parts.port is not None and parts.port != (443 if secure else 80):
        authority += f":{parts.port}"
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
    network = _Network(phase, address, trusted=trusted)
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


_IN_QUERY = "/:;=@!$&'()*+,?%~-._"


@functools.lru_cache(maxsize=64)
def trust(ca: str) -> ssl.SSLContext:
    """Verification of chain, host and dates is on, always; `ca`: a file of authorities in place of the system's."""
    try:
        return ssl.create_default_context(cafile=ca or None)
    except OSError as error:
        raise OwnFaultError(f"authorities in {ca} cannot be read: {error.strerror or error}") from None


class _Network(httpcore.AsyncNetworkBackend):
    """Connects where the probe says, after asking whether it may."""

    def __init__(self, phase: Phase, address: str, *, trusted: bool) -> None:
        self._phase, self._address, self._trusted = phase, address, trusted
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
        addresses = await resolve(host, port, trusted=self._trusted)
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
