"""What a client's program is told of its request: that we have it, in the name of the head of support, and how it
stands. Pure; nothing that people of ours say to each other is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.desk.api.answers import Answer, other_content
from incidents.desk.api.door import PATH
from incidents.desk.clocks import What
from incidents.desk.mail.letters import manager_name
from incidents.desk.mail.message import clean
from incidents.desk.mail.words import say, within_text
from incidents.desk.model import Received
from incidents.desk.requests import read_desk
from incidents.words import instant_text

if TYPE_CHECKING:
    from incidents.desk.api.door import NewRequest
    from incidents.desk.mail.letters import Office
    from incidents.desk.model import Request

_ACKNOWLEDGED = {
    "en": "Hello,\n\nWe have your request; its number is #{number}.\n{named}\nA person answers you within {within}"
    "{hours}.\n\n{sign}\n",
    "ru": "Здравствуйте!\n\nМы получили ваше обращение, его номер #{number}.\n{named}\nОтвет от человека придёт в "
    "течение {within}{hours}.\n\n{sign}\n",
}


def taken(request: Request, asked: NewRequest, of: Office, *, new: bool) -> Answer:
    """201 for a new request, 200 with the same document for the same one again, 409 where it was another.

    The document tells of the instant at which the request came in, so that it is the same whenever it is asked for.
    """
    received = request.history[0]
    if not isinstance(received, Received) or not _same(received, asked):
        return other_content(asked.key, request.id)
    then = read_desk(request.history, request.received_at).requests[request.id]
    manager = manager_name(then.manager, of)
    document = {
        "id": then.id,
        "customer": then.customer,
        "kind": then.kind,
        "received_at": instant_text(then.received_at),
        "acknowledged": _acknowledgement(then, of, manager),
        "manager": manager or None,
        "manager_by": _by(then, of, What.MANAGER),
        "answer_by": _by(then, of, What.FIRST_ANSWER),
    }
    return Answer(status=201 if new else 200, body=document, headers={"Location": f"{PATH}/{then.id}"})


def _same(received: Received, asked: NewRequest) -> bool:
    first = (received.customer, received.kind, received.text, received.address, received.subject)
    return first == (asked.customer, asked.kind, asked.text, asked.contact, asked.subject)


def state(request: Request, of: Office) -> Answer:
    """How a request stands."""
    return Answer(
        status=200,
        body={
            "id": request.id,
            "customer": request.customer,
            "kind": request.kind,
            "state": request.standing.value,
            "received_at": instant_text(request.received_at),
            "acknowledged_at": _instant(request.acknowledged_at),
            "manager": manager_name(request.manager, of) or None,
            "manager_by": _by(request, of, What.MANAGER),
            "answer_by": _by(request, of, What.FIRST_ANSWER),
            "answered_at": _instant(request.letters[-1] if request.letters else None),
            "promised_by": _instant(request.promises[-1].due if request.promises else None),
            "closed_at": _instant(request.closed_at),
            "outcome": request.outcome or None,
        },
    )


def _acknowledgement(request: Request, of: Office, manager: str) -> str:
    s, lang = of.settings, request.lang
    always = request.kind in s.round_the_clock
    soon = within_text(s.name_manager.span.total_seconds(), lang)
    named = (
        say("manager", lang, manager=manager)
        if manager
        else say("manager_soon", lang, within=soon, hours="" if always else say("working", lang))
    )
    company = clean(s.name, 100)
    title = say("head_of", lang) + (f", {company}" if company else "")
    return _ACKNOWLEDGED["ru" if lang == "ru" else "en"].format(
        number=request.id,
        named=named,
        within=within_text(s.first_answer_warn.span.total_seconds(), lang),
        hours="" if always else say("in_hours", lang),
        sign="\n".join(line for line in (clean(s.head, 100), title) if line),
    )


def _by(request: Request, of: Office, what: What) -> str | None:
    """When a clock is late, whether it is met or not; None where no clock of the kind ever ran."""
    clocks = of.clocks.of(request, request.received_at)
    return next((_instant(each.due_by) for each in clocks if each.what is what), None)


def _instant(at: float | None) -> str | None:
    return None if at is None else instant_text(at)
