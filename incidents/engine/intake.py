"""Takes events up into what is known, and says which subjects they concern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.canonical import digest_of
from incidents.engine.losses import take_gap, take_gap_closed
from incidents.engine.meters import take_counter, take_edge_act
from incidents.engine.plans import take_maintenance
from incidents.engine.probes import take_probe
from incidents.engine.state import Asked, Skew
from incidents.engine.subjects import CLOCK, EDGE, REQUEST
from incidents.engine.traffic import answers_well, take_traffic
from incidents.events import (
    Counter,
    DeliveryFailed,
    EdgeAct,
    Event,
    Gap,
    GapClosed,
    Maintenance,
    Probe,
    Request,
    Said,
    Segment,
    Traffic,
)

if TYPE_CHECKING:
    from incidents.engine.limits import Limits
    from incidents.engine.links import Links
    from incidents.engine.state import State

_KEPT_SECONDS = 7 * 86_400.0
_MANY = 20_000
_ONCE = (Gap, GapClosed, EdgeAct, Maintenance, Request, Said, DeliveryFailed)
"""Acts: told twice they would count twice. Looks and measurements are known by their own time."""


def take(state: State, links: Links, limits: Limits, event: Event) -> set[str]:
    """Remember an event; the subjects to judge again."""
    if isinstance(event, Probe):
        return take_probe(state, event, limits)
    if isinstance(event, Traffic):
        touched = _traffic(state, links, limits, event)
        return touched | _minute(state, event.edge, event.minute, event.at, limits)
    if isinstance(event, Counter):
        return take_counter(state, event)
    if isinstance(event, Segment):
        return _minute(state, event.edge, event.minute, event.at, limits)
    if isinstance(event, Gap | GapClosed):
        touched = take_gap(state, event) if isinstance(event, Gap) else take_gap_closed(state, event)
        return touched | links.note_loss(event.edge)
    if isinstance(event, EdgeAct):
        return take_edge_act(state, event)
    if isinstance(event, Maintenance):
        return take_maintenance(state, event)
    if isinstance(event, Request):
        return _request(state, links, event)
    return set()


def _traffic(state: State, links: Links, limits: Limits, event: Traffic) -> set[str]:
    """An edge that begins to answer well, or ends to, may carry the clients of others that fail, or no more."""
    if not links.edges:
        return take_traffic(state, event, limits)
    before = answers_well(state, event.edge, event.at, limits)
    touched = take_traffic(state, event, limits)
    if EDGE + event.edge not in touched:
        return touched  # known already, or from the future
    if answers_well(state, event.edge, event.at, limits) is not before:
        touched |= links.edges
    return touched | {
        EDGE + home for home in state.homes.get(event.customer, ()) if EDGE + home in links.edges
    }


def is_news(state: State, event: Event) -> bool:
    """False for an act that was taken up before."""
    if not isinstance(event, _ONCE):
        return True
    digest = digest_of(event)
    if digest in state.seen:
        return False
    state.seen[digest] = state.now
    if len(state.seen) > _MANY and len(state.seen) % 1000 == 0:
        state.seen = {key: at for key, at in state.seen.items() if at > state.now - _KEPT_SECONDS}
    return True


def _minute(state: State, edge: str, minute: float, at: float, limits: Limits) -> set[str]:
    """A minute from the future comes from a wrong clock; a right one later begins to clear it."""
    skew = state.skews.get(edge)
    if minute > at + limits.skew:
        if skew is None:
            skew = state.skews[edge] = Skew(at)
        skew.wrong_at, skew.ahead = max((skew.wrong_at, skew.ahead), (at, minute - at))
    elif skew is None:
        return set()
    else:
        skew.right_at = max(skew.right_at, at)
    return {CLOCK + edge}


def _request(state: State, links: Links, event: Request) -> set[str]:
    asked = state.requests.get(event.id)
    if event.solved:
        return _request_solved(state, links, event)
    if asked is None:
        state.requests[event.id] = Asked(event.customer, event.kind, event.text, event.at)
        links.note_request(event.id)
    else:
        if asked.kind != "technical":
            asked.kind = event.kind
        if event.at > asked.word_at:
            asked.word_at, asked.text = event.at, event.text or asked.text
            incident = state.incidents.get(REQUEST + event.id)
            if incident is not None:
                incident.verified, incident.clean_at = False, None
    return {REQUEST + event.id}


def _request_solved(state: State, links: Links, event: Request) -> set[str]:
    """Of a request that came and was closed before anybody looked there is nothing left to be woken for. An incident
    that is open is not ended by this: a person's word ends it, where nothing else holds it."""
    asked, incident = state.requests.get(event.id), state.incidents.get(REQUEST + event.id)
    if asked is None or asked.word_at > event.at:
        return set()
    if incident is None:
        del state.requests[event.id]
        links.forget_request(event.id, asked.customer)
    elif incident.resolved_at is not None:
        asked.word_at = min(asked.word_at, incident.resolved_at)
    return set()
