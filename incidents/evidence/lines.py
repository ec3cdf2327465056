"""Lines of evidence out of figures: each as `pipeline.coverage.evidence` takes it, with the instant from which it is
true. They go to the incident log and from there to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incidents.words import instant_text
from pipeline.coverage.evidence import Evidence, parse_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.model import MoneyRate

ACTOR = "watch"


def evidence_of(body: dict[str, Any], now: float, actor: str = ACTOR) -> Evidence:
    """A line as the log takes it; `now` (epoch seconds): when it was made."""
    target = body.get("target") or {}
    edge = body.get("edge") or (target.get("id", "") if target.get("kind") == "edge" else "")
    return Evidence(
        at=parse_instant(body["at"]), type=body["type"], edge=edge, stream=body.get("stream") or "", body=body,
        actor=body.get("actor") or actor, added_at=now,
    )  # fmt: skip


def moment(at: float) -> float:
    """An instant as lines can say it: to the millisecond, never later than it is."""
    return int(at * 1000) / 1000


def traffic_line(
    edge: str,
    minute: int,
    now: float,
    *,
    requests: int,
    errors_5xx: int,
    bytes_sent: int,
    customer: str = "",
    for_errors: bool = False,
) -> dict[str, Any]:
    """What an edge served in a minute (since 1970), to one customer or to all; `for_errors`: told for the share of
    errors alone. It is true from the minute's end on."""
    body: dict[str, Any] = {
        "at": instant_text(moment(min(now, minute * 60.0 + 60))),
        "type": "traffic",
        "edge": edge,
        "minute": instant_text(minute * 60.0),
        "requests": requests,
        "errors_5xx": errors_5xx,
        "bytes_sent": bytes_sent,
    }
    if customer:
        body["customer"] = customer
    if for_errors:
        body["for_errors"] = True
    return body


def counter_line(edge: str, at: float, requests_total: int, bytes_sent_total: int) -> dict[str, Any]:
    """A reading of an edge's cumulative counters."""
    return {
        "at": instant_text(moment(at)),
        "type": "counter",
        "edge": edge,
        "requests_total": requests_total,
        "bytes_sent_total": bytes_sent_total,
    }


def gap_line(
    edge: str,
    first: int,
    after: int,
    at: float,
    *,
    loss_class: str,
    stream: str,
    customers: Sequence[str],
    per_minute: MoneyRate | None,
) -> dict[str, Any]:
    """Lost minutes [first, after) since 1970, whom they hit, and what each of them costs."""
    body: dict[str, Any] = {
        "at": instant_text(moment(at)),
        "type": "gap",
        "edge": edge,
        "from": instant_text(first * 60.0),
        "to": instant_text(after * 60.0),
        "class": loss_class,
    }
    if stream:
        body["stream"] = stream
    if customers:
        body["customers"] = list(customers)
    if per_minute is not None:
        body["per_minute"] = {
            "low": per_minute.low,
            "expected": per_minute.expected,
            "high": per_minute.high,
        }
    return body


def gap_closed_line(edge: str, first: int, after: int, at: float, *, stream: str) -> dict[str, Any]:
    """What was lost in minutes [first, after) has come."""
    body: dict[str, Any] = {
        "at": instant_text(moment(at)),
        "type": "gap_closed",
        "edge": edge,
        "from": instant_text(first * 60.0),
        "to": instant_text(after * 60.0),
    }
    if stream:
        body["stream"] = stream
    return body


def resolve_line(incident: str, at: float, *, actor: str, text: str) -> dict[str, Any]:
    """A person's word that closes an incident."""
    return {
        "at": instant_text(moment(at)),
        "type": "resolve",
        "incident": incident,
        "actor": actor[:255],
        "text": text[:2000],
    }


def own_probe_line(part: str, at: float, *, ok: bool, detail: str, vantage: str) -> dict[str, Any]:
    """How a part of our own does, by the watchdog."""
    body: dict[str, Any] = {
        "at": instant_text(moment(at)),
        "type": "probe",
        "target": {"kind": "control", "id": part},
        "vantage": vantage,
        "ok": ok,
    }
    if detail:
        body["detail"] = detail[:500]
    return body


def failed_line(notice: str, at: float) -> dict[str, Any]:
    """A notice that reached nobody."""
    return {"at": instant_text(moment(at)), "type": "delivery_failed", "notice": notice}


def tick_line(at: float) -> dict[str, Any]:
    """Time goes on."""
    return {"at": instant_text(moment(at)), "type": "tick"}


def away_line(since: float, until: float) -> dict[str, Any]:
    """A watch begins again that was away: it stands before all that was true meanwhile."""
    line = tick_line(min(moment(since) + 0.001, until))
    return {**line, "away_since": instant_text(since), "away_until": instant_text(until)}
