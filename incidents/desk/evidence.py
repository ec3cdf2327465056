"""Technical requests as evidence for the incident engine, as soon as it is known whose they are. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incidents.words import instant_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.desk.model import Request


def evidence_of(requests: Iterable[Request], since: float = 0.0) -> list[dict[str, Any]]:
    """Lines of evidence, the same whenever it is asked, so that the incident log takes each once. `since`: of
    requests that came then or later. A request of nobody known is none: a stranger's letter wakes no one
    before a person files it."""
    return [
        {
            "at": instant_text(request.received_at),
            "type": "request",
            "id": request.id,
            "customer": request.customer,
            "kind": "technical",
        }
        | ({"text": text} if (text := _text(request)) else {})
        for request in requests
        if request.kind == "technical" and request.customer and request.received_at >= since
    ]


def _text(request: Request) -> str:
    return "\n".join(part for part in (request.subject, request.text) if part.strip())[:1_000]
