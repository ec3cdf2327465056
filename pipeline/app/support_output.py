"""Requests of the desk on a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incidents.desk.log import encode_event, event_type
from incidents.desk.model import Acknowledged, Standing
from incidents.words import instant_text
from pipeline.app.terminal import out, print_json, printable, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.desk.clocks import Clocks
    from incidents.desk.model import Request, RequestEvent


def request_json(request: Request, clocks: Clocks, now: float) -> dict[str, Any]:
    """A request and its clocks."""
    late = clocks.worst(request, now)
    return {
        "id": request.id,
        "customer": request.customer or None,
        "kind": request.kind,
        "lang": request.lang,
        "channel": request.channel,
        "address": request.address or None,
        "bounced_at": _instant(request.bounced_at),
        "subject": request.subject,
        "standing": request.standing.value,
        "received_at": instant_text(request.received_at),
        "manager": request.manager or None,
        "letters": len(request.letters),
        "promised": instant_text(request.promises[-1].due) if request.promises else None,
        "closed_at": _instant(request.closed_at),
        "nps": request.nps,
        "late": late.what.value if late else None,
        "late_by_seconds": round(late.late_by(now)) if late else 0,
        "clocks": [
            {
                "what": clock.what.value,
                "state": clock.state.value,
                "since": instant_text(clock.since),
                "target_by": _instant(clock.target_by),
                "due_by": _instant(clock.due_by),
                "limit_by": _instant(clock.limit_by),
                "done_at": _instant(clock.done_at),
                "took_seconds": round(clock.took),
            }
            for clock in clocks.of(request, now)
        ],
    }


def _instant(at: float | None) -> str | None:
    return None if at is None else instant_text(at)


def print_list(requests: Sequence[Request], clocks: Clocks, now: float, *, json: bool) -> None:
    """A line a request, the latest first."""
    documents = [request_json(request, clocks, now) for request in requests]
    documents.sort(key=lambda each: (-each["late_by_seconds"], each["received_at"]))
    if json:
        print_json(documents)
        return
    if not documents:
        say("No requests.")
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_edge=False)
    for head in ("", "customer", "kind", "standing", "manager", "promised", "late", "subject"):
        table.add_column(head, no_wrap=head not in ("late", "subject"))
    for each in documents:
        late = f"{each['late']}, {span(each['late_by_seconds'])}" if each["late"] else ""
        subject = printable(each["subject"] or "")
        cells = [f"#{each['id']}", each["customer"] or each["address"] or "-", each["kind"], each["standing"],
                 each["manager"] or "-", (each["promised"] or "-")[:16], late, subject]  # fmt: skip
        table.add_row(*(Text(cell, style="bold red" if late and cell == late else "") for cell in cells))
    out().print(table)


def print_request(request: Request, clocks: Clocks, now: float, *, json: bool) -> None:
    """All of one request: what it is, its clocks, and everything that happened to it."""
    from msgspec.json import decode

    document = request_json(request, clocks, now)
    if json:
        history = [decode(encode_event(event)) for event in request.history]
        for event in history:
            event["at"] = instant_text(event["at"])
            if "due" in event:
                event["due"] = instant_text(event["due"])
        print_json({**document, "text": request.text, "history": history})
        return
    who = request.customer or request.address or "nobody known"
    print(printable(f"#{request.id} {request.subject}".strip()))
    print(f"  {request.kind} request of {printable(who)}, {request.standing.value}")
    if request.manager:
        print(f"  manager: {printable(request.manager)}")
    if request.standing is Standing.CLOSED and request.nps is not None:
        print(f"  score: {request.nps} of 10")
    if request.bounced_at is not None:
        print(
            f"  letters to {printable(request.address)} come back, since {instant_text(request.bounced_at)}: "
            "nothing is sent there"
        )
    for clock in document["clocks"]:
        done = (
            f"done {clock['done_at']}" if clock["done_at"] else f"due {clock['due_by'] or 'after the pause'}"
        )
        print(f"  {clock['what']:<13} {clock['state']:<8} {done}")
    for event in request.history:
        print(f"\n{instant_text(event.at)}  {event_type(event)}  {printable(event.actor)}{_told(event)}")
        for line in (getattr(event, "text", "") or getattr(event, "reason", "")).splitlines():
            print(f"    {printable(line)}")


def _told(event: RequestEvent) -> str:
    parts = []
    if (manager := getattr(event, "manager", "")) and not isinstance(event, Acknowledged):
        parts.append(f"manager {manager}")
    if (due := getattr(event, "due", None)) is not None:
        parts.append(f"by {instant_text(due)}")
    if (score := getattr(event, "score", None)) is not None:
        parts.append(f"{score} of 10")
    if attachments := getattr(event, "attachments", ()):
        parts.append(f"attached: {', '.join(attachments)}")
    return printable("".join(f"  {part}" for part in parts))


def span(seconds: float) -> str:
    """`2 d 3 h`, `5 min`."""
    from incidents.desk.report_words import Teller

    return Teller("en", "UTC").span(max(60.0, seconds // 60 * 60))
