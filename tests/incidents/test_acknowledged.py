"""Who has acknowledged an incident: what its transitions tell is what the engine knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.acknowledged import acknowledged_by
from incidents.engine import Engine
from incidents.events import Said
from incidents.model import Change, Status
from tests.incidents.engine.drawn import in_time, run, thrown

if TYPE_CHECKING:
    from incidents.events import Event
    from incidents.model import Transition


def test_it_is_told_by_the_transitions_as_the_engine_knows_it() -> None:
    assert sum(compared(seed) for seed in range(20)) > 1000


def compared(seed: int) -> int:
    """How many acknowledgements held, of evidence drawn by chance with those of two people in it."""
    drawn = thrown(seed)
    acks: list[Event] = [
        Said(at=line.at + after, act="ack", incident=line.incident, actor=actor)
        for line in run(drawn)
        if line.change is Change.OPENED
        for actor, after in (("anna", 1), ("boris", 90), ("anna", 600))
    ]
    engine, seen = Engine(), 0
    lines: list[Transition] = []
    for event in in_time([*drawn, *acks]):
        lines += engine.advance(event.at, [event])
        for one in engine.incidents:
            if one.status is not Status.RESOLVED:
                history = [line for line in lines if line.incident == one.id]
                assert acknowledged_by(history) == one.acknowledged_by
                seen += len(one.acknowledged_by)
    return seen
