"""Letters that the desk writes: to clients (acknowledgement, the manager's name, a person's answer, closing with its
question), to the head of support (warnings). Pure; nothing of what a client wrote can become a header of ours."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.desk.clocks import Clocks, HeadWarning, warnings
from incidents.desk.mail.message import ADDRESS, clean, clean_text
from incidents.desk.mail.words import late_text, say, within_text
from incidents.desk.model import (
    Acknowledged,
    Introduced,
    NpsAsked,
    Standing,
    Warned,
    Withheld,
)
from incidents.words import counted

if TYPE_CHECKING:
    from incidents.desk.managers import Managers
    from incidents.desk.model import DeskEvent, Request
    from incidents.desk.requests import Desk
    from incidents.desk.settings import SupportSettings

TAG = re.compile(r"\[#(\d{1,18})\]")
"""Our number in a subject; others' systems write the same, so that it is the last that counts."""
MOST_REFERENCES = 20
MOST_WARNINGS = 50
"""Told in one letter; the rest are counted."""


class Letter(Struct, frozen=True, kw_only=True):
    """A letter to send, and the events that say so: to be recorded when the letter has gone, and not before."""

    request: str
    message: EmailMessage
    events: tuple[DeskEvent, ...]


class Office(Struct, frozen=True, kw_only=True):
    """What letters are made of."""

    settings: SupportSettings
    managers: Managers
    clocks: Clocks


def letters_due(desk: Desk, of: Office, now: float) -> list[Letter]:
    """Every letter to a client that should have gone by now and was not recorded; none to a machine, and to one address
    no more in an hour than the settings say."""
    found = [
        letter for make in (_acknowledgements, _introductions, _closings) for letter in make(desk, of, now)
    ]
    return _not_too_many(desk, found, of.settings, now)


def held_back(desk: Desk, of: Office, now: float) -> list[DeskEvent]:
    """Acknowledgements that do not go because of what went to their address in an hour, or because letters to it come
    back: that is not lateness."""
    made = _acknowledgements(desk, of, now)
    kept = {letter.request for letter in _not_too_many(desk, made, of.settings, now)}
    many = f"more than {of.settings.automatic_an_hour} letters to the address in an hour"
    reasons = {letter.request: many for letter in made if letter.request not in kept}
    for request in desk.open:
        if request.bounced_at is not None and request.acknowledged_at is None and not request.automatic:
            reasons[request.id] = f"letters to {request.address} come back"
    return [
        Withheld(at=now, actor="desk", key=f"withheld:{request}", request=request, reason=reason)
        for request, reason in reasons.items()
        if desk.requests[request].withheld_at is None
    ]


def answer_letter(
    request: Request, of: Office, text: str, now: float, number: int, actor: str = ""
) -> EmailMessage:
    """A person's answer, signed by the manager who writes it, else by the request's. Raises ValueError where the
    request has no address."""
    name = manager_name(actor if of.managers.find(actor) else request.manager, of)
    body = f"{clean_text(text).strip()}\n\n-- \n{name}\n" if name else f"{clean_text(text).strip()}\n"
    return _letter(request, of.settings, body, now, f"answer-{number}", automatic="")


def manager_name(manager: str, of: Office) -> str:
    """What a client calls a manager."""
    found = of.managers.find(manager)
    return (found.name or found.id) if found else manager


def _reachable(request: Request) -> bool:
    return bool(request.address) and not request.automatic and request.bounced_at is None


def _acknowledgements(desk: Desk, of: Office, now: float) -> list[Letter]:
    found = []
    for request in desk.open:
        if request.acknowledged_at is None and _reachable(request):
            lang, name = request.lang, manager_name(request.manager, of)
            s = of.settings
            within = within_text(s.first_answer_warn.span.total_seconds(), lang)
            always = request.kind in s.round_the_clock
            soon = within_text(s.name_manager.span.total_seconds(), lang)
            hours = "" if always else say("working", lang)
            named = (
                say("manager", lang, manager=name)
                if name
                else say("manager_soon", lang, within=soon, hours=hours)
            )
            body = say("acknowledge", lang, number=request.id, named=named, within=within,
                       hours="" if always else say("in_hours", lang), sign=_sign(s, lang))  # fmt: skip
            message = _letter(request, s, body, now, "ack", automatic="auto-replied")
            event = Acknowledged(
                at=now,
                actor="desk",
                key=f"ack:{request.id}",
                request=request.id,
                message_id=str(message["Message-ID"]),
                manager=request.manager,
            )
            found.append(Letter(request=request.id, message=message, events=(event,)))
    return found


def _introductions(desk: Desk, of: Office, now: float) -> list[Letter]:
    found = []
    for request in desk.open:
        told = request.told_manager
        if request.acknowledged_at is None or not _reachable(request) or request.manager in ("", told):
            continue
        if request.letters and not told:
            continue  # he has written to the client himself
        name = manager_name(request.manager, of)
        body = say(
            "introduce", request.lang, number=request.id, manager=name, sign=_sign(of.settings, request.lang)
        )
        count = sum(isinstance(event, Introduced) for event in request.history) + 1
        message = _letter(request, of.settings, body, now, f"manager-{count}", automatic="auto-generated")
        event = Introduced(
            at=now,
            actor="desk",
            key=f"introduced:{request.id}:{count}",
            request=request.id,
            manager=request.manager,
            message_id=str(message["Message-ID"]),
        )
        found.append(Letter(request=request.id, message=message, events=(event,)))
    return found


def _closings(desk: Desk, of: Office, now: float) -> list[Letter]:
    found: list[Letter] = []
    if not of.settings.ask_nps:
        return found
    for request in desk.requests.values():
        if (
            request.standing is not Standing.CLOSED
            or request.nps_asked_at is not None
            or not _reachable(request)
        ):
            continue
        lang = request.lang
        outcome = clean_text(request.outcome).strip()
        body = say(
            "closed",
            lang,
            number=request.id,
            outcome=f"\n{outcome}\n" if outcome else "",
            sign=_sign(of.settings, lang),
        )
        message = _letter(request, of.settings, body, now, "closed", automatic="auto-generated")
        event = NpsAsked(
            at=now,
            actor="desk",
            key=f"nps_asked:{request.id}",
            request=request.id,
            message_id=str(message["Message-ID"]),
        )
        found.append(Letter(request=request.id, message=message, events=(event,)))
    return found


def warnings_due(desk: Desk, of: Office, now: float) -> list[Letter]:
    """One letter to the head with every warning that he did not have: a bad hour is a letter, not a hundred. Without
    his address none, and the report shows them all the same."""
    s = of.settings
    found = warnings(list(desk.requests.values()), of.clocks, now) if s.head_email else []
    if not found or s.head_email is None:
        return []
    lang = "ru" if any("ru" in manager.langs for manager in s.manager) else "en"
    told = [_warning(desk.requests[warning.request], warning, of, lang, now) for warning in found]
    first = found[0]
    subject = say("warning_subject", lang, number=first.request, what=told[0][0])
    if len(found) > 1:
        subject = say("warnings_subject", lang, warnings=counted(len(found), "warning", lang))
    what = " ".join(f"{warning.request}:{warning.what}" for warning in found)
    unique = hashlib.blake2b(what.encode(), digest_size=8).hexdigest()
    body = "\n".join(text for _, text in told[:MOST_WARNINGS])
    if len(told) > MOST_WARNINGS:
        body += "\n" + say("more_warnings", lang, count=len(told) - MOST_WARNINGS)
    message = _message(s, s.head_email, subject, body, now, f"warning-{unique}", "auto-generated")
    events = tuple(
        Warned(
            at=now,
            actor="desk",
            key=f"warned:{warning.request}:{warning.what}",
            request=warning.request,
            what=warning.what,
        )
        for warning in found
    )
    return [Letter(request=first.request, message=message, events=events)]


def _warning(request: Request, warning: HeadWarning, of: Office, lang: str, now: float) -> tuple[str, str]:
    """What is wrong in a few words, and the paragraph about it."""
    if warning.bounced:
        what = say("came_back", lang, address=request.address)
    elif warning.clock is None:
        what = say(
            "too_many", lang, letters=counted(warning.letters, "letter", lang), most=of.settings.letters
        )
    else:
        late = late_text(warning.clock.late_by(now), lang)
        what = say(f"late_{warning.clock.what}", lang, late=late)
    text = say(
        "warning",
        lang,
        number=request.id,
        customer=request.customer or request.address or "?",
        subject=clean(request.subject, 200),
        manager=manager_name(request.manager, of) or say("nobody", lang),
        what=what,
    )
    return what, text


def _not_too_many(desk: Desk, letters: list[Letter], settings: SupportSettings, now: float) -> list[Letter]:
    """A loop of two machines that do not say that they are ends here; letters held back go an hour later."""
    sent: dict[str, int] = {}
    for request in desk.requests.values():
        for event in request.history:
            if isinstance(event, Acknowledged | Introduced | NpsAsked) and event.at > now - 3600:
                sent[request.address] = sent.get(request.address, 0) + 1
    kept = []
    for letter in letters:
        address = desk.requests[letter.request].address
        if sent.get(address, 0) < settings.automatic_an_hour:
            sent[address] = sent.get(address, 0) + 1
            kept.append(letter)
    return kept


def _sign(settings: SupportSettings, lang: str) -> str:
    head = clean(settings.head, 100)
    where = clean(settings.name, 100)
    title = say("head_of", lang) + (f", {where}" if where else "")
    return f"{head}\n{title}" if head else title


def _letter(
    request: Request, settings: SupportSettings, body: str, now: float, what: str, *, automatic: str
) -> EmailMessage:
    subject = clean(request.subject, 200) or say("no_subject", request.lang)
    tag = f"[#{request.id}]"
    if TAG.findall(subject)[-1:] != [request.id]:
        subject = f"Re: {subject} {tag}" if not subject.lower().startswith("re:") else f"{subject} {tag}"
    origin = hashlib.blake2b("".join(request.message_ids[:1]).encode(), digest_size=6).hexdigest()
    unique = f"{what}-{request.id}-{origin}"
    message = _message(settings, request.address, subject, body, now, unique, automatic)
    references = request.message_ids[:1] + request.message_ids[1:][-MOST_REFERENCES:]
    if references:
        message["In-Reply-To"] = references[-1]
        message["References"] = " ".join(references)
    return message


def _message(
    settings: SupportSettings, to: str, subject: str, body: str, now: float, unique: str, automatic: str
) -> EmailMessage:
    """Raises ValueError for an address that is none."""
    if settings.email is None or not ADDRESS.fullmatch(settings.email):
        raise ValueError("[support] email: expected the address that letters come from")
    if not ADDRESS.fullmatch(to):
        raise ValueError(f"expected a mail address, found {to!r}")
    local, _, domain = settings.email.rpartition("@")
    message = EmailMessage(policy=SMTP)
    name = clean(settings.head, 100) or clean(settings.name, 100)
    message["From"] = Address(name, local, domain)
    message["To"] = Address("", *to.rsplit("@", 1))
    message["Subject"] = clean(subject, 250)
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = f"<{unique}@{domain}>"
    if automatic:
        message["Auto-Submitted"] = automatic
        message["X-Auto-Response-Suppress"] = "All"
    message.set_content(body, cte="base64" if not body.isascii() else None)
    return message
