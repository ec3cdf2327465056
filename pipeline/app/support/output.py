"""Requests of the desk on a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incidents.desk.log import encode_event, event_type
from incidents.desk.model import Acknowledged, Filed, Standing, Warned
from incidents.desk.screen_words import reason_text, word
from incidents.desk.screen_words import say as told
from incidents.words import instant_text
from pipeline.app.terminal import out, print_json, printable, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.desk.clocks import Clocks
    from incidents.desk.model import Request, RequestEvent
    from incidents.desk.report_words import Teller


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


def print_list(requests: Sequence[Request], clocks: Clocks, now: float, language: str, *, json: bool) -> None:
    """A line a request, the latest first."""
    documents = [request_json(request, clocks, now) for request in requests]
    documents.sort(key=lambda each: (-each["late_by_seconds"], each["received_at"]))
    if json:
        print_json(documents)
        return
    if not documents:
        say(told("none", language))
        return
    from rich.table import Table
    from rich.text import Text

    from incidents.desk.report_words import Teller

    tell = Teller(language, clocks.settings.tz)
    table = Table(box=None, pad_edge=False, show_edge=False)
    for head in ("", "customer", "kind", "standing", "manager", "promised", "late", "subject"):
        table.add_column(head and told(head, language), no_wrap=head not in ("late", "subject"))
    for each in documents:
        late = (
            f"{word('clock', each['late'], language)}, {_span(each['late_by_seconds'], tell)}"
            if each["late"]
            else ""
        )
        subject = printable(each["subject"] or "")
        who = each["customer"] or each["address"] or "-"
        about, standing = word("kind", each["kind"], language), word("standing", each["standing"], language)
        due = tell.time(each["promised"]) if each["promised"] else "-"
        cells = [f"#{each['id']}", who, about, standing, each["manager"] or "-", due, late, subject]
        table.add_row(*(Text(cell, style="bold red" if late and cell == late else "") for cell in cells))
    out().print(table)


def print_request(request: Request, clocks: Clocks, now: float, language: str, *, json: bool) -> None:
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
    who = request.customer or request.address or told("nobody_known", language)
    kind, standing = word("kind", request.kind, language), word("standing", request.standing.value, language)
    print(printable(f"#{request.id} {request.subject}".strip()))
    print(f"  {told('what', language, kind=kind, who=printable(who), standing=standing)}")
    if request.manager:
        print(f"  {told('on_it', language, manager=printable(request.manager))}")
    if request.standing is Standing.CLOSED and request.nps is not None:
        print(f"  {told('score', language, score=request.nps)}")
    if request.bounced_at is not None:
        since = instant_text(request.bounced_at)
        print(f"  {told('bounced', language, address=printable(request.address), at=since)}")
    for clock in document["clocks"]:
        what, state = word("clock", clock["what"], language), word("state", clock["state"], language)
        print(f"  {what:<15} {state:<9} {_until(clock, language)}")
    for event in request.history:
        happened = word("event", event_type(event), language)
        print(f"\n{instant_text(event.at)}  {happened}  {printable(event.actor)}{_with_it(event, language)}")
        said = getattr(event, "text", "") or reason_text(getattr(event, "reason", ""), language)
        for line in said.splitlines():
            print(f"    {printable(line)}")


def _until(clock: dict[str, Any], language: str) -> str:
    if clock["done_at"]:
        return told("done", language, at=clock["done_at"])
    return told("due", language, at=clock["due_by"]) if clock["due_by"] else told("after_pause", language)


def _with_it(event: RequestEvent, language: str) -> str:
    parts = []
    if isinstance(event, Warned):
        parts.append(word("clock", event.what.partition(":")[0], language))
    if isinstance(event, Filed):
        kind = event.kind and word("kind", event.kind, language)
        parts += [each for each in (event.customer, kind, event.lang, event.address) if each]
    if (manager := getattr(event, "manager", "")) and not isinstance(event, Acknowledged):
        parts.append(told("told_manager", language, manager=manager))
    if (due := getattr(event, "due", None)) is not None:
        parts.append(told("told_by", language, at=instant_text(due)))
    if (score := getattr(event, "score", None)) is not None:
        parts.append(told("told_score", language, score=score))
    if attachments := getattr(event, "attachments", ()):
        parts.append(told("told_attached", language, names=", ".join(attachments)))
    return printable("".join(f"  {part}" for part in parts))


def _span(seconds: float, tell: Teller) -> str:
    """`2 d 3 h`, `5 min`."""
    return tell.span(max(60.0, seconds // 60 * 60))
