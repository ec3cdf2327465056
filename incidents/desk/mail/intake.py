"""A letter becomes desk events: a new request, a reply in a thread, a score, a bounce, or nothing, and why. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from incidents.desk.acts import receive
from incidents.desk.mail.headers import ids_in
from incidents.desk.mail.kinds import kind_of
from incidents.desk.mail.letters import TAG
from incidents.desk.mail.own_words import own_words
from incidents.desk.mail.reports import FAILED
from incidents.desk.mail.thanks import bare_thanks
from incidents.desk.model import (
    Acknowledged,
    Answered,
    Bounced,
    Filed,
    Ignored,
    Introduced,
    NpsAsked,
    NpsGiven,
    Received,
    Replied,
    Standing,
    Thanked,
)

if TYPE_CHECKING:
    from incidents.desk.mail.message import Incoming
    from incidents.desk.model import DeskEvent, Request
    from incidents.desk.requests import Desk
    from incidents.desk.settings import SupportSettings

_SCORE = re.compile(r"^\s*(10|[0-9])(?:\s*/\s*10)?\s*[.!]?\s*$")


def take_in(
    desk: Desk, letter: Incoming, settings: SupportSettings, *, at: float, lang_of: dict[str, str]
) -> list[DeskEvent]:
    """What a letter brings; nothing where it was taken in before. `at`: when our mailbox had it. `lang_of`: of each
    customer."""
    key = f"mail:{letter.message_id}"[:255]
    if key in desk.keys:
        return []
    who = customer_of(letter.sender, settings)
    if letter.report.kind:
        return [_reported(desk, letter, key, at)]
    request = _thread(desk, letter, who)
    if reason := _no_request(letter, settings):
        return [_ignored(key, at, letter, reason)]
    if request is not None and not letter.automatic:
        return _reply(request, letter, settings, key=key, at=at) or _new(
            desk, letter, settings, who, key, at, lang_of
        )
    if letter.automatic and (request is not None or not who):
        return [_ignored(key, at, letter, f"written by a machine ({letter.automatic})")]
    return _new(desk, letter, settings, who, key, at, lang_of)


def customer_of(address: str, settings: SupportSettings) -> str:
    """Whose an address is: by itself, then by its domain; empty where nobody's."""
    known = {each.email.lower(): each.customer for each in settings.addresses}
    address = address.lower()
    return known.get(address) or known.get("@" + address.rpartition("@")[2], "")


def _no_request(letter: Incoming, settings: SupportSettings) -> str:
    if not letter.sender:
        return "its sender cannot be read"
    own = {(settings.email or "").lower(), (settings.head_email or "").lower()}
    own |= {(each.email or "").lower() for each in settings.manager}
    if letter.sender in own - {""}:
        return "written by the desk itself"
    return ""


def _ignored(key: str, at: float, letter: Incoming, reason: str) -> Ignored:
    return Ignored(
        at=at, actor="mail", key=key, reason=reason, sender=letter.sender, message_id=letter.message_id
    )


def _reported(desk: Desk, letter: Incoming, key: str, at: float) -> DeskEvent:
    """What a mail server reports: our letters to an address end with the first that failed for good. It names ours in
    the part that came back, in its headers or its words."""
    if letter.report.kind != FAILED:
        return _ignored(key, at, letter, f"a server's report: {letter.report.kind}")
    named = (*letter.report.ids, *letter.references, *ids_in(letter.text))
    request = next((request for each in named if (request := _ours(desk, each)) is not None), None)
    if request is None:
        return _ignored(key, at, letter, "a bounce of no letter that is known")
    written = {e.address for e in request.history if isinstance(e, Received | Filed) and e.address}
    return Bounced(
        at=at,
        actor="mail",
        key=key,
        request=request.id,
        address=next((each for each in letter.report.recipients if each in written), request.address),
        message_id=letter.message_id,
        text=letter.text,
    )


def _ours(desk: Desk, message_id: str) -> Request | None:
    """The request that a letter of ours is of."""
    request = desk.requests.get(desk.letters.get(message_id, ""))
    if request is None:
        return None
    ours = (
        event
        for event in request.history
        if isinstance(event, Acknowledged | Introduced | Answered | NpsAsked)
    )
    return request if any(event.message_id == message_id for event in ours) else None


def _thread(desk: Desk, letter: Incoming, who: str) -> Request | None:
    """The request that a letter is of: by what it replies to, else by a number in its subject: the last, where ours
    is put, since the client's own systems have theirs. Only of one's own: of the address, or of the customer, so that
    nobody writes into another's."""
    for message_id in letter.references:
        request = desk.requests.get(desk.letters.get(message_id, ""))
        if request is not None and _belongs(request, letter, who, domain=True):
            return request
    for tag in reversed(TAG.findall(letter.subject)):
        request = desk.requests.get(tag)
        if request is not None and _belongs(request, letter, who, domain=False):
            return request
    return None


def _belongs(request: Request, letter: Incoming, who: str, *, domain: bool) -> bool:
    if not letter.sender:
        return False
    if letter.sender == request.address or (who and who == request.customer):
        return True
    same = letter.sender.rpartition("@")[2] == request.address.rpartition("@")[2]
    return domain and bool(request.address) and same and not who


def _reply(
    request: Request, letter: Incoming, settings: SupportSettings, *, key: str, at: float
) -> list[DeskEvent]:
    """He writes again. After it is closed a number is his score, and what comes long after is a new request; bare
    thanks are noted and nothing more, unless it is our turn anyway."""
    of: dict[str, Any] = {
        "actor": letter.sender, "key": key, "request": request.id, "message_id": letter.message_id
    }  # fmt: skip
    words = own_words(letter.text)
    names = (settings.head, *(manager.name or manager.id for manager in settings.manager))
    thanks = None if letter.attachments else bare_thanks(words, names)
    if not request.is_open and request.nps_asked_at is not None and words:
        first, _, rest = words.partition("\n")
        found = _SCORE.match(first)
        score = int(found[1]) if found else thanks.score if thanks else None
        if score is not None:
            return [NpsGiven(**of, at=at, score=score, text=rest.strip() if found else words)]
    if thanks is not None and request.standing not in (Standing.NEW, Standing.OPEN):
        return [Thanked(**of, at=at, text=words)]
    if request.closed_at is not None and at - request.closed_at > settings.reopen.span.total_seconds():
        return []
    return [Replied(**of, at=max(at, request.changed_at), text=letter.text, attachments=letter.attachments)]


def _new(
    desk: Desk,
    letter: Incoming,
    settings: SupportSettings,
    who: str,
    key: str,
    at: float,
    lang_of: dict[str, str],
) -> list[DeskEvent]:
    return receive(
        desk,
        at=at,
        actor=letter.sender,
        key=key,
        kind=kind_of(letter, settings),
        channel="email",
        customer=who,
        lang=lang_of.get(who) or language_of(letter),
        address=letter.sender,
        subject=letter.subject,
        text=letter.text,
        message_id=letter.message_id,
        attachments=letter.attachments,
        automatic=bool(letter.automatic),
    )


def language_of(letter: Incoming) -> str:
    """`ru` where the subject or his own words have Cyrillic letters, else `en`."""
    return (
        "ru" if re.search(r"[а-яё]", f"{letter.subject}\n{own_words(letter.text)}", re.IGNORECASE) else "en"
    )
