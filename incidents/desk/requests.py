"""Reads desk events into requests: what stands where, since when, and who owes whom a letter. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from incidents.desk.model import (
    Acknowledged,
    Answered,
    Bounced,
    Called,
    Closed,
    DeskEvent,
    Filed,
    HoursBought,
    Ignored,
    Introduced,
    Named,
    NpsAsked,
    NpsGiven,
    Paused,
    Promise,
    Promised,
    Received,
    Replied,
    Request,
    Resumed,
    Span,
    Standing,
    Thanked,
    Warned,
    Withheld,
    Worked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Desk(Struct, frozen=True, kw_only=True):
    """All that the log says up to an instant. `requests`: by id, in the order in which they came. `keys`: of every
    event. `letters`: message id → the request that it is of."""

    requests: dict[str, Request]
    worked: tuple[Worked, ...] = ()
    bought: tuple[HoursBought, ...] = ()
    calls: tuple[Called, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    keys: frozenset[str] = frozenset()
    letters: dict[str, str] = {}

    @property
    def open(self) -> list[Request]:
        """Requests that are not closed."""
        return [request for request in self.requests.values() if request.is_open]


def read_desk(events: Iterable[DeskEvent], until: float | None = None) -> Desk:
    """What the events at or before `until` (default: all) come to, by the times at which they are true; those of one
    time, and repeats of a key, in the order in which they were written."""
    ordered = sorted(
        (event for event in events if until is None or event.at <= until), key=lambda event: event.at
    )
    requests: dict[str, Request] = {}
    others: dict[type, list[DeskEvent]] = {Worked: [], HoursBought: [], Called: [], Ignored: []}
    keys: set[str] = set()
    letters: dict[str, str] = {}
    bounced: dict[str, float] = {}
    for event in ordered:
        if event.key in keys:
            continue
        keys.add(event.key)
        if isinstance(event, Worked | HoursBought | Called | Ignored):
            others[type(event)].append(event)
            continue
        if isinstance(event, Received):
            requests.setdefault(event.request, _opened(event))
        elif (request := requests.get(event.request)) is not None:
            changed = _CHANGES[type(event)](request, event)
            requests[event.request] = replace(changed, history=(*request.history, event))
            _note_bounce(bounced, request, event)
        else:
            continue  # an event dated before the request that it is of
        if message_id := getattr(event, "message_id", ""):
            letters.setdefault(message_id, event.request)
    if bounced:
        requests = {
            each.id: replace(each, bounced_at=bounced[each.address]) if each.address in bounced else each
            for each in requests.values()
        }
    return Desk(
        requests=requests,
        worked=tuple(others[Worked]),  # type: ignore[arg-type]
        bought=tuple(others[HoursBought]),  # type: ignore[arg-type]
        calls=tuple(others[Called]),  # type: ignore[arg-type]
        ignored=tuple(others[Ignored]),  # type: ignore[arg-type]
        keys=frozenset(keys),
        letters=letters,
    )


def _note_bounce(bounced: dict[str, float], request: Request, event: DeskEvent) -> None:
    """Bounces are an address's, not a request's: it is dead for all of them until a person says that it works."""
    if isinstance(event, Bounced) and (address := event.address or request.address):
        bounced.setdefault(address, event.at)
    elif isinstance(event, Filed) and event.address:
        bounced.pop(event.address, None)


def _opened(event: Received) -> Request:
    return Request(
        id=event.request,
        customer=event.customer,
        kind=event.kind,
        lang=event.lang,
        channel=event.channel,
        address=event.address,
        subject=event.subject,
        text=event.text,
        automatic=event.automatic,
        received_at=event.at,
        standing=Standing.NEW,
        changed_at=event.at,
        turns=(Span(event.at),),
        message_ids=_with((), event.message_id),
        history=(event,),
    )


def _with(ids: tuple[str, ...], message_id: str) -> tuple[str, ...]:
    return (*ids, message_id) if message_id and message_id not in ids else ids


def _filed(request: Request, event: Filed) -> Request:
    return replace(
        request,
        customer=request.customer if event.customer is None else event.customer,
        kind=event.kind or request.kind,
        lang=event.lang or request.lang,
        address=event.address or request.address,
    )


def _acknowledged(request: Request, event: Acknowledged) -> Request:
    return replace(
        request,
        acknowledged_at=event.at if request.acknowledged_at is None else request.acknowledged_at,
        told_manager=event.manager or request.told_manager,
        message_ids=_with(request.message_ids, event.message_id),
    )


def _withheld(request: Request, event: Withheld) -> Request:
    return replace(request, withheld_at=event.at if request.withheld_at is None else request.withheld_at)


def _named(request: Request, event: Named) -> Request:
    first = event.at if request.manager_at is None else request.manager_at
    return replace(request, manager=event.manager, manager_at=first)


def _introduced(request: Request, event: Introduced) -> Request:
    ids = _with(request.message_ids, event.message_id)
    return replace(request, told_manager=event.manager, message_ids=ids)


def _answered(request: Request, event: Answered) -> Request:
    standing = Standing.ANSWERED if request.standing in (Standing.NEW, Standing.OPEN) else request.standing
    return replace(
        request,
        standing=standing,
        changed_at=event.at,
        letters=(*request.letters, event.at),
        answered_by=(*request.answered_by, event.actor),
        turns=_ended(request.turns, event.at),
        message_ids=_with(request.message_ids, event.message_id),
    )


def _replied(request: Request, event: Replied) -> Request:
    """Whether he answers a question of ours or adds to his own, it is our turn; several letters are one turn. A person
    who writes into what a machine began waits since he wrote."""
    turns = request.turns if request.turns[-1].until is None else (*request.turns, Span(event.at))
    if request.automatic and turns == (Span(request.received_at),):
        turns = (Span(event.at),)
    return replace(
        request,
        standing=Standing.OPEN if request.letters else Standing.NEW,
        changed_at=event.at,
        turns=turns,
        pauses=_ended(request.pauses, event.at),
        closed_at=None,
        message_ids=_with(request.message_ids, event.message_id),
    )


def _thanked(request: Request, event: Thanked) -> Request:
    return replace(request, message_ids=_with(request.message_ids, event.message_id))


def _ended(spans: tuple[Span, ...], at: float) -> tuple[Span, ...]:
    return (*spans[:-1], Span(spans[-1].since, at)) if spans and spans[-1].until is None else spans


def _promised(request: Request, event: Promised) -> Request:
    return replace(request, promises=(*request.promises, Promise(event.at, event.due)))


def _paused(request: Request, event: Paused) -> Request:
    if not request.is_open or request.standing is Standing.WAITING:
        return request
    return replace(
        request,
        standing=Standing.WAITING,
        changed_at=event.at,
        pauses=(*request.pauses, Span(event.at)),
    )


def _resumed(request: Request, event: Resumed) -> Request:
    if request.standing is not Standing.WAITING:
        return request
    owed = request.turns[-1].until is None
    standing = (Standing.OPEN if request.letters else Standing.NEW) if owed else Standing.ANSWERED
    return replace(request, standing=standing, changed_at=event.at, pauses=_ended(request.pauses, event.at))


def _closed(request: Request, event: Closed) -> Request:
    if not request.is_open:
        return request
    return replace(
        request,
        standing=Standing.CLOSED,
        changed_at=event.at,
        closed_at=event.at,
        closings=(*request.closings, event.at),
        outcome=event.text,
        pauses=_ended(request.pauses, event.at),
    )


def _nps_asked(request: Request, event: NpsAsked) -> Request:
    ids = _with(request.message_ids, event.message_id)
    return replace(request, nps_asked_at=event.at, message_ids=ids)


def _nps_given(request: Request, event: NpsGiven) -> Request:
    ids = _with(request.message_ids, event.message_id)
    return replace(request, nps=event.score, nps_at=event.at, nps_text=event.text, message_ids=ids)


def _bounced(request: Request, _: Bounced) -> Request:
    return replace(request, bounces=request.bounces + 1)


def _warned(request: Request, event: Warned) -> Request:
    return replace(request, warned=request.warned | {event.what})


_CHANGES: dict[type, Callable[[Request, Any], Request]] = {
    Filed: _filed,
    Acknowledged: _acknowledged,
    Withheld: _withheld,
    Named: _named,
    Introduced: _introduced,
    Answered: _answered,
    Replied: _replied,
    Thanked: _thanked,
    Promised: _promised,
    Paused: _paused,
    Resumed: _resumed,
    Closed: _closed,
    NpsAsked: _nps_asked,
    NpsGiven: _nps_given,
    Bounced: _bounced,
    Warned: _warned,
}
