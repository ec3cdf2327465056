"""What people may do at the desk: each act of a person as the events that it makes, or why it may not be done.
Pure: the store appends what comes out, and asks again where somebody was quicker."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from incidents.desk.model import (
    Acknowledged,
    Answered,
    Called,
    Closed,
    Filed,
    HoursBought,
    Named,
    NpsGiven,
    Paused,
    Promised,
    Received,
    Resumed,
    Standing,
    Worked,
)
from incidents.desk.paid import hours_left
from incidents.words import instant_text

if TYPE_CHECKING:
    from incidents.desk.managers import Managers
    from incidents.desk.model import Channel, DeskEvent, Request, RequestKind
    from incidents.desk.requests import Desk


class ActError(ValueError):
    """Why an act may not be done, as a sentence."""


def find_request(desk: Desk, request_id: str) -> Request:
    """Raises ActError where there is none."""
    request = desk.requests.get(request_id.removeprefix("#"))
    if request is None:
        waiting = ", ".join(each.id for each in desk.open[-10:]) or "none"
        raise ActError(f"there is no request {request_id!r}; open ones: {waiting}")
    return request


def next_id(desk: Desk) -> str:
    """The number of the next request: 1, 2, 3 …"""
    return str(1 + max((int(key) for key in desk.requests if re.fullmatch(r"\d{1,18}", key)), default=0))


def receive(
    desk: Desk,
    *,
    at: float,
    actor: str,
    key: str,
    kind: RequestKind,
    channel: Channel,
    customer: str = "",
    lang: str = "en",
    address: str = "",
    subject: str = "",
    text: str = "",
    message_id: str = "",
    attachments: tuple[str, ...] = (),
    automatic: bool = False,
) -> list[DeskEvent]:
    """A request comes in; nothing where one of this key is there already. Without an address it is acknowledged by
    whoever takes it in, in the same instant: he stands before the client, or answers his program."""
    if key in desk.keys:
        return []
    number = next_id(desk)
    found: list[DeskEvent] = [
        Received(
            at=at, actor=actor, key=key, request=number, kind=kind, channel=channel, customer=customer, lang=lang,
            address=address, subject=subject, text=text, message_id=message_id, attachments=attachments,
            automatic=automatic,
        )
    ]  # fmt: skip
    if not address and not automatic:
        found.append(Acknowledged(at=at, actor=actor, key=f"ack:{number}", request=number))
    return found


def name_managers(desk: Desk, managers: Managers, late: set[str], at: float) -> list[DeskEvent]:
    """A manager for the first open request that has none; called until nothing comes. `late`: requests whose clock ran
    out with nobody working, and who get anyone."""
    for request in desk.open:
        if request.manager or request.received_at > at:
            continue
        chosen = managers.choose(desk, request.lang, at, anyone=request.id in late)
        if chosen is not None:
            return [
                Named(at=at, actor="desk", key=f"named:{request.id}:1", request=request.id, manager=chosen.id)
            ]
    return []


def _count(request: Request, kind: type) -> int:
    return 1 + sum(isinstance(event, kind) for event in request.history)


def _open(desk: Desk, request_id: str, at: float) -> Request:
    request = find_request(desk, request_id)
    if not request.is_open:
        raise ActError(f"request {request.id} is closed")
    return _not_before(request, at)


def _not_before(request: Request, at: float) -> Request:
    if at < request.changed_at:
        raise ActError(
            f"request {request.id}: this would be before what happened to it last; expected a later time"
        )
    return request


def assign(
    desk: Desk, managers: Managers, request_id: str, manager: str, *, at: float, actor: str
) -> list[DeskEvent]:
    """A person says who is on it."""
    request = _open(desk, request_id, at)
    if managers.find(manager) is None:
        raise ActError(f"there is no manager {manager!r} in the configuration ([[support.manager]])")
    if request.manager == manager:
        return []
    key = f"named:{request.id}:{_count(request, Named)}"
    return [Named(at=at, actor=actor, key=key, request=request.id, manager=manager)]


def file(
    desk: Desk,
    request_id: str,
    *,
    customer: str | None,
    kind: RequestKind | None,
    lang: str | None,
    address: str | None = None,
    at: float,
    actor: str,
) -> list[DeskEvent]:
    """A person says whose it is, what about, or where letters go."""
    request = find_request(desk, request_id)
    _not_before(request, at)
    key = f"filed:{request.id}:{_count(request, Filed)}"
    return [
        Filed(
            at=at, actor=actor, key=key, request=request.id, customer=customer, kind=kind, lang=lang, address=address
        )
    ]  # fmt: skip


def answer(
    desk: Desk,
    request_id: str,
    *,
    text: str,
    message_id: str = "",
    managers: Managers | None = None,
    at: float,
    actor: str,
) -> list[DeskEvent]:
    """A person has written to the client; the letter has gone already. A manager who answers what nobody was on yet
    is on it from then on."""
    request = find_request(desk, request_id)
    _not_before(request, at)
    key = f"answered:{request.id}:{_count(request, Answered)}"
    found: list[DeskEvent] = [
        Answered(at=at, actor=actor, key=key, request=request.id, text=text, message_id=message_id)
    ]
    if request.is_open and not request.manager and managers is not None and managers.find(actor) is not None:
        named = f"named:{request.id}:{_count(request, Named)}"
        found.insert(0, Named(at=at, actor=actor, key=named, request=request.id, manager=actor))
    return found


def promise(desk: Desk, request_id: str, *, due: float, at: float, actor: str) -> list[DeskEvent]:
    """A date is promised."""
    request = _open(desk, request_id, at)
    if due <= at:
        raise ActError(f"request {request.id}: expected a date to come, found one that is past")
    key = f"promised:{request.id}:{_count(request, Promised)}"
    return [Promised(at=at, actor=actor, key=key, request=request.id, due=due)]


def pause(desk: Desk, request_id: str, *, reason: str, at: float, actor: str) -> list[DeskEvent]:
    """It waits for the client, who must have been asked first."""
    request = _open(desk, request_id, at)
    if request.standing is Standing.WAITING:
        return []
    if request.standing is not Standing.ANSWERED:
        raise ActError(
            f"request {request.id} cannot wait for the client: it is he who waits for an answer of ours"
        )
    key = f"paused:{request.id}:{_count(request, Paused)}"
    return [Paused(at=at, actor=actor, key=key, request=request.id, reason=reason)]


def resume(desk: Desk, request_id: str, *, reason: str, at: float, actor: str) -> list[DeskEvent]:
    """It waits no more."""
    request = _open(desk, request_id, at)
    if request.standing is not Standing.WAITING:
        raise ActError(f"request {request.id} does not wait for the client")
    key = f"resumed:{request.id}:{_count(request, Resumed)}"
    return [Resumed(at=at, actor=actor, key=key, request=request.id, reason=reason)]


def close(desk: Desk, request_id: str, *, text: str, at: float, actor: str) -> list[DeskEvent]:
    """It is done. A client who was never answered is not done with; a machine's letter may be."""
    request = find_request(desk, request_id)
    if not request.is_open:
        return []
    _not_before(request, at)
    if not request.letters and not request.automatic:
        raise ActError(f"request {request.id} was never answered by a person: answer first, then close")
    key = f"closed:{request.id}:{_count(request, Closed)}"
    return [Closed(at=at, actor=actor, key=key, request=request.id, text=text)]


def give_nps(desk: Desk, request_id: str, *, score: int, text: str, at: float, actor: str) -> list[DeskEvent]:
    """What the client said on closing."""
    request = find_request(desk, request_id)
    _not_before(request, at)
    if not request.closings:
        raise ActError(f"request {request.id} is not closed yet: he is asked when it is")
    if not 0 <= score <= 10:
        raise ActError(f"expected a score from 0 to 10, found {score}")
    key = f"nps:{request.id}:{_count(request, NpsGiven)}"
    return [NpsGiven(at=at, actor=actor, key=key, request=request.id, score=score, text=text)]


def work(desk: Desk, event: Worked, *, again: bool = False) -> list[DeskEvent]:
    """Paid work; prepaid hours must be there. The same a second time is a slip, unless it is meant (`again`)."""
    if not again:
        same = (each for each in desk.worked if _work_of(each) == _work_of(event))
        _no_second(next(same, None), "work", "; another --text tells two apart")
    if event.mode == "prepaid":
        left = hours_left(desk, event.customer, event.at)
        if Decimal(event.hours) > left:
            raise ActError(
                f"customer {event.customer} has {left} prepaid hours left, and {event.hours} are asked for"
            )
    return [event]


def buy(desk: Desk, event: HoursBought, *, again: bool = False) -> list[DeskEvent]:
    """Hours paid ahead; the same a second time is a slip, unless it is meant (`again`)."""
    if not again:
        _no_second(
            next((each for each in desk.bought if _purchase_of(each) == _purchase_of(event)), None),
            "purchase",
        )
    if event.expires <= event.at:
        raise ActError("expected hours to expire in the time to come")
    return [event]


def _work_of(event: Worked) -> tuple[object, ...]:
    """All but the time and who enters it."""
    hours, price = Decimal(event.hours), Decimal(event.price)
    return (event.customer, event.request, event.mode, hours, price, event.currency, event.text.strip())


def _purchase_of(event: HoursBought) -> tuple[object, ...]:
    return (event.customer, Decimal(event.hours), Decimal(event.price), event.currency, event.expires)


def _no_second(first: Worked | HoursBought | None, what: str, more: str = "") -> None:
    if first is not None:
        raise ActError(
            f"the same {what} of {first.customer} was entered at {instant_text(first.at)} by {first.actor}: "
            f"--again enters it once more{more}"
        )


def call(event: Called) -> list[DeskEvent]:
    """A call to the support line."""
    if event.score is not None and not event.answered:
        raise ActError("a call that nobody answered has no score")
    return [event]
