"""What the engine is told, as types: made from evidence that pipeline.coverage.evidence has read and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from incidents.model import MoneyRate, Scope
from pipeline.coverage.evidence import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.coverage.evidence import Evidence


class _Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """`at`: epoch seconds, when it is true."""

    at: float


class Probe(_Event, frozen=True, tag="probe"):
    """One look at a customer's host, or at an edge, an origin, our control plane, the support line."""

    scope: Scope
    vantage: str
    ok: bool
    detail: str = ""


class Traffic(_Event, frozen=True, tag="traffic"):
    """A minute (its begin, epoch seconds) of an edge, of one customer or (customer empty) of all. `for_errors`: told
    for the share of errors alone; that it is less than the one before says nothing."""

    edge: str
    minute: float
    requests: int
    customer: str = ""
    errors_5xx: int = 0
    origin_5xx: int = 0
    bytes_sent: int = 0
    for_errors: bool = False


class Counter(_Event, frozen=True, tag="counter"):
    """A reading of an edge's cumulative counters."""

    edge: str
    requests_total: int
    bytes_sent_total: int


class Segment(_Event, frozen=True, tag="segment"):
    """A segment's arrival; `minute` is its begin, epoch seconds."""

    edge: str
    minute: float
    state: str
    stream: str = ""
    lines: int | None = None


class Gap(_Event, frozen=True, tag="gap"):
    """Lost minutes [since, until) of an edge, and what each of them costs. `customers`: whom it hits."""

    edge: str
    since: float
    until: float
    loss_class: str
    stream: str = ""
    customers: tuple[str, ...] = ()
    per_minute: MoneyRate | None = None


class GapClosed(_Event, frozen=True, tag="gap_closed"):
    """What was lost in [since, until) of an edge has come."""

    edge: str
    since: float
    until: float
    stream: str = ""


class EdgeAct(_Event, frozen=True, tag="edge"):
    """`action`: add, pause, resume or decommission."""

    edge: str
    action: str
    stream: str = ""
    actor: str = ""
    reason: str = ""


class Maintenance(_Event, frozen=True, tag="maintenance"):
    """Planned work in a scope, in [since, until)."""

    scope: Scope
    since: float
    until: float
    reason: str = ""


class Request(_Event, frozen=True, tag="request"):
    """A client's request; `kind`: technical, billing or question. `solved`: what was asked by
    this time is closed; where it was not taken up before, it opens nothing."""

    id: str
    customer: str
    kind: str
    text: str = ""
    solved: bool = False


class Said(_Event, frozen=True, tag="said"):
    """A person's word on an incident; `act`: ack, resolve or note."""

    act: str
    incident: str
    actor: str = ""
    text: str = ""


class DeliveryFailed(_Event, frozen=True, tag="delivery_failed"):
    """A notice that reached nobody."""

    notice: str


class Tick(_Event, frozen=True, tag="tick"):
    """Time goes on, and nothing else. `away_since`: where a watch begins again, until when one is known to have
    watched; `away_until`: when it began again, where that is later than the event: what was true meanwhile is told
    behind it."""

    away_since: float | None = None
    away_until: float | None = None


Event = (
    Probe
    | Traffic
    | Counter
    | Segment
    | Gap
    | GapClosed
    | EdgeAct
    | Maintenance
    | Request
    | Said
    | DeliveryFailed
    | Tick
)


def event_of(evidence: Evidence) -> Event | None:
    """The event that a checked line is, None for what concerns others only (marks of our own among them)."""
    make = _MAKERS.get(evidence.type)
    return None if make is None else make(evidence.at, evidence.body, evidence)


def _scope(body: dict[str, Any]) -> Scope:
    if "customer" in body:
        return Scope("customer", body["customer"])
    target = body["target"]
    return Scope(target["kind"], target.get("id", ""))


def _window(body: dict[str, Any]) -> dict[str, Any]:
    return {"since": parse_instant(body["from"]), "until": parse_instant(body["to"])}


def _some(body: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: body[key] for key in keys if body.get(key) is not None}


def _gap(at: float, body: dict[str, Any], _: Evidence) -> Gap:
    rate = body.get("per_minute")
    return Gap(
        at=at,
        edge=body["edge"],
        loss_class=body["class"],
        customers=tuple(body.get("customers") or ()),
        per_minute=MoneyRate(**{key: rate[key] for key in ("low", "expected", "high")}) if rate else None,
        **_window(body),
        **_some(body, "stream"),
    )


def _maintenance(at: float, body: dict[str, Any], _: Evidence) -> Maintenance:
    kind, name = next(iter(body["scope"].items()))
    return Maintenance(at=at, scope=Scope(kind, name), **_window(body), **_some(body, "reason"))


def _said(at: float, body: dict[str, Any], evidence: Evidence) -> Said:
    return Said(
        at=at, act=evidence.type, incident=body["incident"], actor=evidence.actor, **_some(body, "text")
    )


_MAKERS: dict[str, Callable[[float, dict[str, Any], Evidence], Event]] = {
    "probe": lambda at, body, _: Probe(
        at=at, scope=_scope(body), vantage=body["vantage"], ok=body["ok"], **_some(body, "detail")
    ),
    "traffic": lambda at, body, _: Traffic(
        at=at,
        minute=parse_instant(body["minute"]),
        **_some(body, "edge", "requests", "customer", "errors_5xx", "origin_5xx", "bytes_sent", "for_errors"),
    ),
    "counter": lambda at, body, _: Counter(
        at=at, **_some(body, "edge", "requests_total", "bytes_sent_total")
    ),
    "segment": lambda at, body, _: Segment(
        at=at, minute=parse_instant(body["minute"]), **_some(body, "edge", "state", "stream", "lines")
    ),
    "gap": _gap,
    "gap_closed": lambda at, body, _: GapClosed(
        at=at, edge=body["edge"], **_window(body), **_some(body, "stream")
    ),
    "edge": lambda at, body, evidence: EdgeAct(
        at=at, actor=evidence.actor, **_some(body, "edge", "action", "stream", "reason")
    ),
    "maintenance": _maintenance,
    "request": lambda at, body, _: Request(at=at, **_some(body, "id", "customer", "kind", "text", "solved")),
    "ack": _said,
    "resolve": _said,
    "note": _said,
    "delivery_failed": lambda at, body, _: DeliveryFailed(at=at, notice=body["notice"]),
    "tick": lambda at, body, _: Tick(
        at=at, **{key: parse_instant(body[key]) for key in ("away_since", "away_until") if body.get(key)}
    ),
}
