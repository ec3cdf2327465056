"""Runs the engine over a file of events (NDJSON, as INTERFACES names them), instant by instant: a drill that touches
nothing; its lines go to `prebill incidents replay`."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from incidents.engine import Engine
from incidents.events import event_of
from incidents.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from incidents.events import Event
    from incidents.model import Transition

ACTOR = "replay"
DAY_S = 86_400.0


def read_events(lines: str | bytes | Iterable[str | bytes]) -> list[Event]:
    """The events of a file in time order; raises EvidenceError with every fault of every line."""
    from pipeline.coverage.evidence import parse_evidence

    events = [event_of(line) for line in parse_evidence(lines, actor=ACTOR, now=0.0)]
    return sorted((event for event in events if event is not None), key=lambda event: event.at)


def replay_events(events: Iterable[Event], engine: Engine) -> Iterator[Transition]:
    """What an engine makes of events in time order; those of one instant are decided together.

    Silence is passed a day at a time, so that what is told in it need not be held at once.
    """
    for at, instant in groupby(events, key=lambda event: event.at):
        while 0 < engine.now < at - DAY_S:
            yield from engine.advance(engine.now + DAY_S)
        yield from engine.advance(at, list(instant))


def replay(lines: str | bytes | Iterable[str | bytes], policy: Policy | None = None) -> Iterator[Transition]:
    """Every transition and notice, in time order; nothing happens after the last event."""
    yield from replay_events(read_events(lines), Engine(policy or Policy()))
