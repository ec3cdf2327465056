"""A watch that was away asks before it takes its own silence for the clients'; for so long, and no longer."""

from __future__ import annotations

import pytest

from incidents.engine import Engine
from incidents.events import Event, Gap, Probe, Tick
from incidents.model import Audience, Change, Harm, Priority, Scope, Transition
from incidents.policy import Policy
from pipeline.configured import Duration

T0 = 1_793_491_200.0


def at(minute: float) -> float:
    return T0 + 60 * minute


def look(minute: float, *, ok: bool = True, customer: str = "c1") -> list[Event]:
    return [
        Probe(at=at(minute), scope=Scope("customer", customer), vantage=vantage, ok=ok)
        for vantage in ("a", "b")
    ]


def lost(minute: float, *customers: str) -> Gap:
    return Gap(
        at=at(minute), edge="e1", since=T0, until=at(1), loss_class="missing", customers=customers or ("c1",)
    )


def verified(policy: Policy | None = None) -> Engine:
    """Logs are lost, a task for working hours: the clients were served at minute 10, when the watch ended."""
    engine = Engine(policy)
    for minute in range(10):
        engine.advance(at(minute), [*look(minute), *([lost(2)] if minute == 2 else [])])
    engine.advance(at(10), look(10))
    return engine


def back(engine: Engine, minute: float, since: float = 10, *more: Event) -> list[Transition]:
    return engine.advance(at(minute), [Tick(at=at(minute), away_since=at(since)), *more])


def woken(made: list[Transition]) -> list[tuple[float, Priority]]:
    return [
        (one.at, one.priority)
        for one in made
        if one.change is Change.NOTICE and one.audience is not Audience.QUEUE
    ]


@pytest.mark.parametrize("away", [6, 60, 1440])
def test_a_restart_that_is_answered_pages_nobody(away: int) -> None:
    engine = verified()
    made = back(engine, 10 + away)
    (task,) = engine.incidents
    assert (task.priority, task.harm, task.wants_probe) == (Priority.NORMAL, Harm.UNKNOWN, True)
    assert "the watch was away from 2026-11-01T00:10:00Z" in task.reason
    made += engine.advance(at(11 + away), look(11 + away))
    made += engine.advance(at(15 + away), look(15 + away))
    assert woken(made) == []
    (task,) = engine.incidents
    assert (task.priority, task.harm) == (Priority.NORMAL, Harm.NONE)


def test_silence_is_raised_when_the_grace_is_over() -> None:
    engine = verified()
    made = back(engine, 70)
    made += engine.advance(at(90), [Tick(at=at(90))])
    raised = [(one.at, one.priority) for one in made if one.change is Change.RAISED]
    assert raised == [(at(72), Priority.HIGH), (at(75), Priority.COMPANY_WIDE)]
    assert {one.scope.kind for one in made if one.at == at(72) and one.change is Change.OPENED} == {"vantage"}


def test_a_failure_is_raised_at_once() -> None:
    engine = verified()
    made = back(engine, 70, 10, *look(70, ok=False), *look(70.5, ok=False))
    assert (at(70), Priority.HIGH) in woken(made)


def test_without_the_word_of_a_restart_silence_is_raised_as_ever() -> None:
    made = verified().advance(at(70), [Tick(at=at(70))])
    assert [one.at for one in made if one.change is Change.RAISED] == [at(15), at(20)]


def test_what_was_unknown_before_is_not_asked_for_again() -> None:
    engine = verified()
    made = engine.advance(at(16), [Tick(at=at(16))])
    assert woken(made), "raised while somebody watched"
    made = back(engine, 70, 16)
    assert (at(20), Priority.COMPANY_WIDE) in woken(made)


def test_a_task_that_is_new_after_a_restart_is_judged_as_ever() -> None:
    engine = verified()
    new = Gap(at=at(70), edge="e2", since=T0, until=at(1), loss_class="missing", customers=("c1",))
    made = back(engine, 70, 10, new)
    assert {
        (one.scope.id, when) for one in made if one.change is Change.OPENED for when in [one.priority]
    } >= {("e2", Priority.HIGH)}
    engine = verified()
    made = back(engine, 70, 10, lost(70, "c1", "c9"))
    assert (at(70), Priority.HIGH) in woken(made), "nobody ever saw c9 served"


def test_restart_after_restart_puts_nothing_off() -> None:
    """Each within the grace of the one before: it ends where the first one said."""
    engine = verified()
    made = back(engine, 20)
    for number in range(1, 20):
        made += back(engine, 20 + number / 2, 20 + (number - 1) / 2)
    assert min(when for when, _ in woken(made)) == at(22)


def test_no_grace_is_asked_for() -> None:
    made = back(verified(Policy(restart_grace=Duration.parse("0s"))), 70)
    assert [one.at for one in made if one.change is Change.RAISED][:1] == [at(15)]


def test_a_snapshot_knows_of_it() -> None:
    engine = verified()
    back(engine, 70)
    again = Engine.restore(Policy(), engine.snapshot())
    tick = [Tick(at=at(80))]
    assert again.advance(at(80), tick) == engine.advance(at(80), tick)


def test_the_grace_begins_when_the_watch_is_back_though_old_news_follow() -> None:
    """The tick stands before what was true meanwhile; what was silent then is raised when the grace ends."""
    engine = verified()
    made = engine.advance(at(10.01), [Tick(at=at(10.01), away_since=at(10), away_until=at(70))])
    made += engine.advance(at(30), look(30, customer="c2"))
    made += engine.advance(at(70))
    assert woken(made) == []
    made += engine.advance(at(71), look(71))
    assert woken(made) == []
    (task,) = engine.incidents
    assert (task.priority, task.harm) == (Priority.NORMAL, Harm.NONE)


def test_no_line_tells_of_a_return_that_was_yet_to_come() -> None:
    engine = verified()
    made = back(engine, 70)
    early = [one for one in made if "the watch was away" in one.reason and one.at < at(70)]
    assert early
    assert not [one for one in early if "01:10:00Z" in one.reason]


def test_what_grew_old_just_after_the_end_of_the_watch_is_asked_for() -> None:
    """The watch ended with the very minute to which a look counts."""
    engine = verified()
    engine.advance(at(15), [Tick(at=at(15))])
    assert woken(back(engine, 16, 10)) == []
