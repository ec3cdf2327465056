"""The order of events that became known at one instant, and their identity: whatever order they came in, each counts
once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

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
    Tick,
    Traffic,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_encode = msgspec.msgpack.Encoder().encode

# What plans and acts say holds for the evidence of the same instant; people speak when it is in; of lost minutes
# that are told and have come in one instant, the coming is the later news.
_ORDER: dict[type, int] = {
    EdgeAct: 0,
    Maintenance: 1,
    Traffic: 2,
    Counter: 3,
    Segment: 4,
    Probe: 5,
    Request: 6,
    Gap: 7,
    GapClosed: 8,
    Said: 9,
    DeliveryFailed: 10,
    Tick: 11,
}


def in_order(events: Iterable[Event]) -> list[Event]:
    """Each different event once, in an order that depends on them alone."""
    keyed = {_encode(event): event for event in events}
    if len(keyed) == 1:
        return list(keyed.values())
    return [event for _, event in sorted(keyed.items(), key=_place)]


def digest_of(event: Event) -> str:
    """What identifies an event."""
    return hashlib.blake2b(_encode(event), digest_size=8).hexdigest()


def incident_id(subject: str, at: float) -> str:
    """The id of an incident: it depends on what it is about and when it opened, on nothing later."""
    return hashlib.blake2b(f"{subject}|{at!r}".encode(), digest_size=6).hexdigest()


def _place(item: tuple[bytes, Event]) -> tuple[int, float, float, bytes]:
    key, event = item
    when = getattr(event, "minute", None) or getattr(event, "since", None) or 0.0
    if isinstance(event, Request) and event.solved:
        when = 1.0  # behind the word that it answers
    return _ORDER[type(event)], event.at, when, key
