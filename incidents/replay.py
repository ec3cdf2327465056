"""Runs the engine over a file of events (NDJSON, of the types that `pipeline.coverage.evidence` lists), instant by
instant: a drill that touches nothing; its lines go to `prebill incidents replay`. The log of a watch is such a file:
`log_lines` writes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from incidents.engine import Engine
from incidents.events import event_of
from incidents.policy import Policy
from pipeline.coverage.evidence import parse_evidence, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from incidents.events import Event
    from incidents.model import Transition
    from pipeline.coverage.evidence import Evidence

ACTOR = "replay"
DAY_S = 86_400.0


class Known(NamedTuple):
    """An event, and when the engine is told of it (epoch seconds): by a watch when it was taken up, else when it is
    true."""

    at: float
    event: Event


def read_events(lines: str | bytes | Iterable[str | bytes]) -> list[Known]:
    """The events of a file in the order in which they became known; raises EvidenceError with every fault of every
    line."""
    known = [
        Known(parse_instant(row.body["taken_at"]) if row.body.get("taken_at") else row.at, event)
        for row in parse_evidence(lines, actor=ACTOR, now=0.0)
        if (event := event_of(row)) is not None
    ]
    return sorted(known, key=lambda each: each.at)


def log_lines(taken: Iterable[tuple[float, Evidence]], decided: float) -> Iterator[str]:
    """Lines that `read_events` reads as a watch was told them, each with the instant at which it was taken up; and a
    tick, where the last that was `decided` was a deadline behind them."""
    last = 0.0
    for at, row in taken:
        last = at
        actor = {"actor": row.actor} if row.actor else {}
        yield _line({**actor, **row.body, "taken_at": _exactly(at)})
    if decided > last > 0:
        until = _exactly(decided + 1e-6)
        yield _line({"at": until, "type": "tick", "taken_at": until})


def _line(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)


def _exactly(at: float) -> str:
    """To the microsecond, as a log keeps instants: the id of an incident hangs on it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def replay_events(events: Iterable[Event], engine: Engine) -> Iterator[Transition]:
    """What an engine makes of events in time order, each known when it is true."""
    return replay_known((Known(event.at, event) for event in events), engine)


def replay_known(known: Iterable[Known], engine: Engine) -> Iterator[Transition]:
    """What an engine makes of events in the order in which they became known; those of one instant are decided
    together.

    Silence is passed a day at a time, so that what is told in it need not be held at once.
    """
    for at, instant in groupby(known, key=lambda each: each.at):
        while 0 < engine.now < at - DAY_S:
            yield from engine.advance(engine.now + DAY_S)
        yield from engine.advance(at, [each.event for each in instant])


def replay(lines: str | bytes | Iterable[str | bytes], policy: Policy | None = None) -> Iterator[Transition]:
    """Every transition and notice, in time order; nothing happens after the last event."""
    yield from replay_known(read_events(lines), Engine(policy or Policy()))
