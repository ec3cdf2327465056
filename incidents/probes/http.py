"""Looks at a page the way a visitor would, redirects and all, from the edge that is asked for, and says how it differs
from what must be there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from incidents.probes.addresses import is_named_inward
from incidents.probes.fetch import fetch, port_of
from incidents.probes.result import Phase, UnmetError
from incidents.probes.settings import bracketed, split_address, url_fault
from incidents.words import counted

if TYPE_CHECKING:
    from incidents.probes.settings import ProbeSettings

WARN_DAYS = 14
_REDIRECTS = (301, 302, 303, 307, 308)
_DAY_S = 86_400


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
        address = _address(probe, url) if same else ""
        trusted = same and (bool(address) or is_named_inward(host))
        got = await fetch(url, phase, address=address, trusted=trusted, loopback=loopback, ca=probe.ca)
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


def _address(probe: ProbeSettings, url: str) -> str:
    """Where to connect for a URL of the probe's own host: other hosts, to which a redirect leads, are looked up by
    name, and an address's port is for the port that was asked for first."""
    if not probe.address:
        return ""
    host, _ = split_address(probe.address, 0)
    return probe.address if port_of(url) == port_of(probe.url) else bracketed(host)


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
    return "less than a day" if count < 1 else counted(count, "day")


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
