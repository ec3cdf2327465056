"""Technical requests as evidence for the incident engine: that they came, as soon as it is known whose they are, that
they came again, and that they are solved. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from incidents.desk.model import Closed
from incidents.engine.canonical import incident_id
from incidents.engine.subjects import REQUEST
from incidents.words import instant_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.desk.model import Request


def evidence_of(requests: Iterable[Request], since: float = 0.0) -> list[dict[str, Any]]:
    """Lines of evidence, the same whenever it is asked, so that the incident log takes each once. `since`: of
    what came then or later. A request of nobody known is none: a stranger's letter wakes no one before a
    person files it. A client who writes again after his request was closed has his problem again."""
    return [
        {
            "at": instant_text(at),
            "type": "request",
            "id": request.id,
            "customer": request.customer,
            "kind": "technical",
        }
        | ({"text": text} if (text := _text(request)) else {})
        for request in requests
        if request.kind == "technical" and request.customer
        for at in _words(request)
        if at >= since
    ]


def closings_of(requests: Iterable[Request], since: float = 0.0) -> list[dict[str, Any]]:
    """A line for each closing of a technical request, by whoever closed it: one that came and was closed while nobody
    watched wakes no one. It is of the instant of the word that it answers, so that both are taken up together, whenever
    that is; `closed` is the closing's own. The same whenever it is asked."""
    return [
        {
            "at": instant_text(max((word for word in _words(request) if word <= event.at), default=event.at)),
            "type": "request",
            "id": request.id,
            "customer": request.customer,
            "kind": "technical",
            "solved": True,
            "closed": instant_text(event.at),
            "actor": event.actor[:255] or "support desk",
        }
        | ({"text": event.text[:1_000]} if event.text.strip() else {})
        for request in requests
        if request.kind == "technical" and request.customer
        for event in request.history
        if isinstance(event, Closed) and event.at >= since
    ]


class OpenIncident(Struct, frozen=True):
    """An incident that is not resolved, as far as the desk must know it. `began`, `updated`: epoch seconds."""

    id: str
    kind: str
    customer: str
    began: float
    updated: float
    parent: str = ""


class Held(Struct, frozen=True):
    """A solved request whose incident goes on all the same, and the incident that says why."""

    request: str
    incident: str
    by: str


def solved_lines(
    requests: Iterable[Request], incidents: Iterable[OpenIncident]
) -> tuple[list[dict[str, Any]], list[Held]]:
    """A line for each incident that only a request held open that is closed now; and those that something else holds:
    an outage of the same customer, or the incident that it hangs below."""
    known = list(incidents)
    outages = {each.customer: each.id for each in known if each.kind == "outage" and each.customer}
    asked = [each for each in known if each.kind == "client_request"]
    lines, held = [], []
    for request in requests:
        if request.is_open or request.kind != "technical" or request.closed_at is None:
            continue
        for one in asked:
            if one.customer != request.customer or one.id != incident_id(REQUEST + request.id, one.began):
                continue
            if by := one.parent or outages.get(one.customer, ""):
                held.append(Held(request.id, one.id, by))
            else:
                lines.append(_solved(request, one))
    return lines, held


def _solved(request: Request, incident: OpenIncident) -> dict[str, Any]:
    closing = next((event for event in reversed(request.history) if isinstance(event, Closed)), None)
    text = f"request {request.id} is solved" + (f": {request.outcome}" if request.outcome else "")
    return {
        "at": instant_text(max(request.closed_at or 0.0, incident.updated)),
        "type": "resolve",
        "incident": incident.id,
        "actor": (closing.actor if closing else "") or "support desk",
        "text": text[:1_000],
    }


def _words(request: Request) -> list[float]:
    """When he told of it: first, and first after each closing."""
    again = (
        next((turn.since for turn in request.turns if turn.since > closed), None)
        for closed in request.closings
    )
    return sorted({request.received_at, *(at for at in again if at is not None)})


def _text(request: Request) -> str:
    return "\n".join(part for part in (request.subject, request.text) if part.strip())[:1_000]
