"""What a person's word on an outage means for what hangs below it: what it borrowed ends, what is its own remains."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.engine import Engine
from incidents.events import Event, Gap, Request, Said, Tick
from incidents.model import Audience, Change, Harm, Kind, Priority, Status, Transition

from .drawn import START, events, in_time, run, thrown
from .test_hanging import called, probe
from .test_invariants import SMALL

LOST = Gap(at=START + 150, edge="e1", since=START, until=START + 60, loss_class="missing", customers=("c1",))
WORD = Request(at=START + 150, id="r1", customer="c1", kind="technical")
DOWN: list[Event] = [probe(minute, ok=False, vantage=vantage) for minute in (0, 1) for vantage in "ab"]


def dismissed(drawn: list[Event], at: float, until: float) -> list[Transition]:
    """All of it, with the outage of c1 resolved by a person at `at`."""
    first = next(line for line in run(drawn) if line.change is Change.OPENED and line.scope.id == "c1")
    word = Said(at=at, act="resolve", incident=first.incident, actor="anna")
    return run([*drawn, word, Tick(at=until)])


@pytest.mark.parametrize("below", [LOST, WORD], ids=["gap", "request"])
def test_what_it_borrowed_ends_and_its_own_question_is_asked(below: Event) -> None:
    lines = [
        line for line in dismissed([*DOWN, below], START + 170, START + 600) if line.kind is not Kind.OUTAGE
    ]
    assert (lines[0].priority, lines[0].harm) == (Priority.COMPANY_WIDE, Harm.CONFIRMED)
    fallen, page = lines[1:3]
    assert (fallen.change, fallen.priority, fallen.harm) == (Change.LOWERED, Priority.HIGH, Harm.SUSPECTED)
    assert (fallen.at, fallen.actor, fallen.parent) == (START + 170, "anna", "")
    assert fallen.evidence
    assert fallen.reason.startswith("anna resolved ")
    assert (page.audience, page.level) == (Audience.ON_CALL, 1)
    assert called(lines) == [(470 / 60, lines[0].kind)]  # five minutes from then on


def test_what_had_called_everyone_by_itself_goes_on() -> None:
    """Its five minutes were over before the outage began."""
    early = Gap(at=START, edge="e1", since=START - 60, until=START, loss_class="missing", customers=("c1",))
    down = [probe(minute, ok=False, vantage=vantage) for minute in (6, 7) for vantage in "ab"]
    lines = dismissed([early, *down], START + 450, START + 460)
    last = [line for line in lines if line.kind is Kind.BILLING_GAP][-1]
    assert (last.at, last.priority, last.audience) == (START + 450, Priority.COMPANY_WIDE, Audience.CLIENT)


def test_a_word_of_the_last_clean_minutes_is_no_call_to_everyone_when_the_outage_closes() -> None:
    fine = [probe(minute, ok=True, vantage=vantage) for minute in range(2, 14) for vantage in "ab"]
    again = Request(at=START + 450, id="r1", customer="c1", kind="technical")
    lines = [line for line in run([*DOWN, *fine, again]) if line.kind is Kind.CLIENT_REQUEST]
    end = START + 720
    assert [(line.at, line.change, line.priority) for line in lines[:2]] == [
        (again.at, Change.OPENED, Priority.COMPANY_WIDE),
        (end, Change.LOWERED, Priority.HIGH),
    ]
    assert Audience.COMPANY not in {line.audience for line in lines}


def check_nothing_is_borrowed_from_what_is_over(drawn: list[Event], seed: int) -> None:
    """After a person resolves an outage nothing that hung below it calls everyone in its place, but what had called
    them before, or hangs below another one that does."""
    dice = random.Random(seed)  # noqa: S311
    engine = Engine()
    opened = [line for line in run(drawn) if line.change is Change.OPENED and line.kind is Kind.OUTAGE]
    if not opened:
        return
    one = dice.choice(opened)
    at = one.at + dice.choice([15, 75, 200, 500])
    lines: list[Transition] = []
    for event in in_time(drawn):
        if event.at < at:
            lines += engine.advance(event.at, [event])
    lines += engine.advance(at)
    alone = {line.incident for line in lines if line.priority is Priority.COMPANY_WIDE and not line.parent}
    below = {each.id for each in engine.incidents if each.parent == one.incident}
    told = engine.advance(at, [Said(at=at, act="resolve", incident=one.incident, actor="anna")])
    for each in engine.incidents:
        if each.id in below - alone and each.status is not Status.RESOLVED and not each.parent:
            assert each.priority is not Priority.COMPANY_WIDE
    assert not {line.incident for line in told if line.audience is Audience.COMPANY} & (below - alone)


@SMALL
@given(events, st.integers(0, 10_000))
def test_nothing_is_borrowed_from_what_is_over(drawn: list[Event], seed: int) -> None:
    check_nothing_is_borrowed_from_what_is_over(drawn, seed)


@pytest.mark.parametrize("chunk", range(4))
def test_nothing_is_borrowed_by_dice(chunk: int) -> None:
    for seed in range(100 * chunk, 100 * (chunk + 1)):
        check_nothing_is_borrowed_from_what_is_over(thrown(seed), seed)
