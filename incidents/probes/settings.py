"""What is probed, how and when, as it is configured: `[probing]` and `[[probe]]` of prebill.toml; read by the front
door, given to the probes."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from msgspec import Meta, Struct

from pipeline.configured import Duration, Name
from pipeline.shape import Key, Problem, key_text, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

MAX_TIMEOUT_S = 60

_Some = Annotated[int, Meta(ge=1, le=1_000, description="a whole number from 1 to 1,000")]
_Few = Annotated[int, Meta(ge=0, le=20, description="a whole number from 0 to 20")]
_Calls = Annotated[int, Meta(ge=0, le=1_440, description="a whole number from 0 to 1,440")]
_Days = Annotated[int, Meta(ge=0, le=3_650, description="a whole number of days, 0 or more")]
_Milliseconds = Annotated[
    int, Meta(ge=1, le=MAX_TIMEOUT_S * 1_000, description="a whole number of milliseconds, 1 or more")
]
_Code = Annotated[int, Meta(ge=100, le=699, description="a status code, like 200")]


def _seconds(count: int) -> Duration:
    return Duration(timedelta(seconds=count))


class BlackboxSettings(Struct, frozen=True, kw_only=True):
    """A running blackbox exporter, which is a vantage point of its own."""

    url: Name
    vantage: Name


class ProbingSettings(Struct, frozen=True, kw_only=True):
    """How all probes run. `vantage`: this process's place; empty: the machine's name."""

    vantage: str = ""
    every: Duration = _seconds(20)
    again: Duration = _seconds(5)
    timeout: Duration = _seconds(5)
    at_once: _Some = 20
    recovery: Duration = _seconds(1_800)
    loopback: bool = False
    seed: str = ""
    blackbox: tuple[BlackboxSettings, ...] = ()


class TargetSettings(Struct, frozen=True, kw_only=True):
    """What a probe is evidence about, where that is no customer."""

    kind: Literal["edge", "origin", "control", "support_line"]
    id: str = ""


class ProbeSettings(Struct, frozen=True, kw_only=True):
    """One look: where to, and what must be seen there. `module`: the name of the blackbox exporters' module for it."""

    name: Name
    kind: Literal["http", "tcp", "dns", "sip"]
    customer: str = ""
    target: TargetSettings | None = None
    url: str = ""
    address: str = ""
    timeout: Duration | None = None
    module: str = ""
    latency_ms: _Milliseconds | None = None
    status: tuple[_Code, ...] = ()
    contains: str = ""
    redirects: _Few = 5
    certificate_days: _Days = 0
    ca: str = ""
    query: str = ""
    record: Literal["A", "AAAA", "CNAME", "MX", "NS", "SOA", "TXT"] = "A"
    answer: tuple[Name, ...] = ()
    transport: Literal["udp", "tcp"] = "udp"
    uri: str = ""
    calls_per_day: _Calls = 0

    @property
    def about(self) -> tuple[str, str]:
        """(kind, id) of what it is evidence about."""
        if self.target is not None:
            return self.target.kind, self.target.id
        return "customer", self.customer


_OF_KIND = {
    "http": ("url", "address", "status", "contains", "redirects", "certificate_days", "ca", "module"),
    "tcp": ("address", "contains", "module"),
    "dns": ("address", "query", "record", "answer", "module"),
    "sip": ("address", "transport", "uri", "status", "calls_per_day"),
}
_REQUIRED = {"http": ("url",), "tcp": ("address",), "dns": ("address", "query"), "sip": ("address",)}
_WITHOUT_ID = ("control", "support_line")


def problems(
    probing: ProbingSettings, probes: Sequence[ProbeSettings], customers: Collection[str] | None = None
) -> list[Problem]:
    """Everything wrong between the keys; `customers`: the ids that are known, None where that cannot be said."""
    found = list(_of_probing(probing))
    names: dict[str, int] = {}
    calls: dict[tuple[str, str], tuple[int, int]] = {}
    for place, probe in enumerate(probes):
        key: Key = ("probe", place)
        if (other := names.setdefault(probe.name, place)) != place:
            found.append(Problem((*key, "name"), f'"{probe.name}" is already the name of probe[{other}]'))
        if probe.name == "call":
            found.append(Problem((*key, "name"), "`prebill probe call` reports a call: take another name"))
        found += _of_probe(key, probe, customers)
        first, per_day = calls.setdefault(probe.about, (place, probe.calls_per_day))
        if per_day != probe.calls_per_day:
            found.append(
                Problem(
                    (*key, "calls_per_day"),
                    f"must be {per_day}, as for {key_text(('probe', first))}: probes of one customer or "
                    "target run together",
                )
            )
    return found


def _of_probing(probing: ProbingSettings) -> Iterator[Problem]:
    for name in ("every", "again", "timeout"):
        if getattr(probing, name).span < timedelta(seconds=1):
            yield Problem(("probing", name), 'must be "1s" at least')
    yield from _timeout(("probing", "timeout"), probing.timeout)
    if probing.again.span > probing.every.span:
        yield Problem(
            ("probing", "again"), "must be at most probing.every: it is how soon a failure is checked"
        )
    vantages: dict[str, int] = {}
    for place, exporter in enumerate(probing.blackbox):
        key: Key = ("probing", "blackbox", place)
        if what := url_fault(exporter.url):
            yield Problem((*key, "url"), what)
        if exporter.vantage == probing.vantage or (vantages.setdefault(exporter.vantage, place) != place):
            yield Problem(
                (*key, "vantage"), f'"{exporter.vantage}" is already a vantage point: each has its own'
            )


def _of_probe(key: Key, probe: ProbeSettings, customers: Collection[str] | None) -> Iterator[Problem]:
    if bool(probe.customer) == (probe.target is not None):
        which = "both" if probe.customer else "neither"
        yield Problem((*key, "customer"), f"expected either customer or target, found {which}")
    elif probe.customer and customers is not None and probe.customer not in customers:
        hint = f"; {nearest(probe.customer, sorted(customers))}" if customers else ""
        yield Problem((*key, "customer"), f'no customer has the id "{probe.customer}"{hint}')
    if probe.target is not None and not probe.target.id and probe.target.kind not in _WITHOUT_ID:
        yield Problem((*key, "target", "id"), f"required for {probe.target.kind}, and not given")
    for name in _REQUIRED[probe.kind]:
        if not getattr(probe, name):
            yield Problem((*key, name), f"required for {probe.kind}, and not given")
    defaults = dict(zip(probe.__struct_fields__, _defaults(), strict=True))
    for name in sorted({each for keys in _OF_KIND.values() for each in keys} - {*_OF_KIND[probe.kind]}):
        if getattr(probe, name) != defaults[name]:
            kinds = ", ".join(kind for kind, keys in _OF_KIND.items() if name in keys)
            yield Problem((*key, name), f"only for {kinds}; this is {probe.kind}")
    if probe.kind == "http" and probe.url and (what := url_fault(probe.url)):
        yield Problem((*key, "url"), what)
    if probe.address and (what := address_fault(probe.address, need_port=probe.kind == "tcp")):
        yield Problem((*key, "address"), what)
    if probe.timeout is not None:
        yield from _timeout((*key, "timeout"), probe.timeout)
    if probe.uri and not re.fullmatch(r"sips?:[^\s<>\"]{1,200}", probe.uri):
        yield Problem((*key, "uri"), f'expected one like "sip:support@example.ru", found "{probe.uri}"')
    if probe.query and not re.fullmatch(r"[^\s/:@]{1,253}", probe.query):
        yield Problem((*key, "query"), f'expected a name like "cdn.example.ru", found "{probe.query}"')


def _defaults() -> tuple[object, ...]:
    """Of every field of a probe, in order; the required ones have none."""
    blank = ProbeSettings(name="-", kind="http")
    return tuple(getattr(blank, name) for name in blank.__struct_fields__)


def _timeout(key: Key, timeout: Duration) -> Iterator[Problem]:
    if not timedelta(seconds=1) <= timeout.span <= timedelta(seconds=MAX_TIMEOUT_S):
        yield Problem(key, f'must be from "1s" to "{MAX_TIMEOUT_S}s"')


def url_fault(url: str) -> str:
    """What keeps a text from being a URL that can be probed; empty: nothing."""
    wrong = f'expected a URL like "https://cdn.example.ru/ping", found "{_without_secrets(url)}"'
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")
    except (ValueError, UnicodeError):
        return wrong
    if parts.scheme not in ("http", "https") or not host or port == 0 or re.search(r"[\s\x00-\x1f]", url):
        return wrong
    if _credentials(parts):
        return "a probe sends no credentials: leave user and password out"
    return ""


def _without_secrets(url: str) -> str:
    """A URL as an error may show it: neither user and password, nor a query, which often has a token."""
    return re.sub(r"\?.*", "?…", re.sub(r"//.*@", "//…@", url, flags=re.DOTALL), flags=re.DOTALL)


def _credentials(parts: SplitResult) -> bool:
    return parts.username is not None or parts.password is not None


def address_fault(address: str, *, need_port: bool) -> str:
    """What keeps a text from being an address, `host`, `host:port` or `[IPv6]:port`; empty: nothing."""
    try:
        _, port = split_address(address, 0)
    except ValueError:
        return f'expected "192.0.2.1:443", "[2001:db8::1]:443" or a host and a port, found "{address}"'
    return (
        f'expected host and port, like "192.0.2.1:443", found "{address}"' if need_port and not port else ""
    )


def bracketed(host: str) -> str:
    """A host as it stands before a port."""
    return f"[{host}]" if ":" in host else host


def split_address(address: str, default_port: int) -> tuple[str, int]:
    """Host and port; raises ValueError. A bare IPv6 address needs no brackets where no port follows."""
    try:
        return str(ipaddress.IPv6Address(address)), default_port
    except ValueError:
        pass
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:/@\[\]]{1,253}))(?::(\d{1,5}))?", address)
    if match is None:
        raise ValueError(address)
    host = match[1] or match[2]
    if match[1]:
        ipaddress.IPv6Address(host)
    else:
        host.encode("idna")
    port = int(match[3]) if match[3] else default_port
    if match[3] and not 0 < port < 65_536:
        raise ValueError(address)
    return host, port
