"""How long the people of each level have to acknowledge: one time for all of them, or one for each."""

from __future__ import annotations

from datetime import timedelta

import pytest

from incidents.engine import Engine
from incidents.engine.canonical import incident_id
from incidents.events import DeliveryFailed, Event, Probe, Said, Tick
from incidents.model import Audience, Scope, Status, Transition
from incidents.policy import Policy, problems
from pipeline.configured import Duration

from .drawn import run

T0 = 1_793_491_200.0
LINE = Scope("support_line", "main")
"""Its suspicion stays high: it is never verified away, and never concerns the whole company."""


def policy(*minutes: int, levels: int = 3) -> Policy:
    return Policy(acknowledge=tuple(Duration(timedelta(minutes=each)) for each in minutes), levels=levels)


def pages(given: Policy, until: float) -> list[tuple[float, int]]:
    """When each level is told of a test call that fails, in minutes."""
    engine = Engine(given)
    told: list[Transition] = engine.advance(T0, [Probe(at=T0, scope=LINE, vantage="a", ok=False)])
    told += engine.advance(T0 + 60 * until, [Tick(at=T0 + 60 * until)])
    return [((each.at - T0) / 60, each.level) for each in told if each.audience is Audience.ON_CALL]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Policy(), [(0, 1), (5, 2), (10, 3), (15, 3), (20, 3)]),
        (policy(7), [(0, 1), (7, 2), (14, 3), (21, 3)]),
        (policy(2, 5, 10), [(0, 1), (2, 2), (7, 3), (17, 3)]),
        (policy(1, 10), [(0, 1), (1, 2), (11, 3), (21, 3)]),
        (policy(3, levels=1), [(0, 1), (3, 1), (6, 1), (9, 1), (12, 1), (15, 1), (18, 1), (21, 1)]),
    ],
    ids=["default", "one for all", "one for each", "the last holds on", "one level"],
)
def test_each_level_has_its_time(given: Policy, expected: list[tuple[float, int]]) -> None:
    assert pages(given, 22) == expected


def test_a_page_that_reached_nobody_gives_the_next_level_its_own_time() -> None:
    engine = Engine(policy(2, 9))
    first = engine.advance(T0, [Probe(at=T0, scope=LINE, vantage="a", ok=False)])
    notice = next(each.notice for each in first if each.audience is Audience.ON_CALL)
    (further,) = engine.advance(T0 + 30, [DeliveryFailed(at=T0 + 30, notice=notice)])
    assert further.level == 2
    later = engine.advance(T0 + 1200, [Tick(at=T0 + 1200)])
    assert [(each.at - T0, each.level) for each in later] == [(30 + 540, 3), (30 + 1080, 3)]


def heard(events: list[Event]) -> tuple[set[tuple[Audience | None, int]], list[tuple[Audience | None, int]]]:
    """Who was told that it is there, and who that it is over, in the order of telling."""
    lines = [each for each in run(events) if each.notice]
    over = [each for each in lines if each.status is Status.RESOLVED]
    return {(each.audience, each.level) for each in lines if each not in over}, [
        (each.audience, each.level) for each in over
    ]


@pytest.mark.parametrize("minutes", [3, 8, 27])
def test_every_level_that_was_woken_hears_the_end_once(minutes: int) -> None:
    fine = [Probe(at=T0 + 60 * each, scope=LINE, vantage="a", ok=True) for each in (minutes, minutes + 10)]
    woken, told = heard([Probe(at=T0, scope=LINE, vantage="a", ok=False), *fine])
    assert told == sorted(woken)
    assert len(told) == min(3, 1 + (minutes + 9) // 5)


def test_of_what_came_back_those_hear_the_end_who_were_woken_this_time() -> None:
    looks = [(0, False), (12, True), (22, True), (24, False), (25, True), (35, True)]
    _, told = heard([Probe(at=T0 + 60 * each, scope=LINE, vantage="a", ok=ok) for each, ok in looks])
    assert [level for _, level in told] == [1, 2, 3, 1, 2, 3]
    acked = Said(at=T0 + 1450, act="ack", incident=incident_id("2support_line:main", T0), actor="anna")
    again = [Probe(at=T0 + 60 * each, scope=LINE, vantage="a", ok=ok) for each, ok in looks]
    _, told = heard([*again, acked])
    assert [level for _, level in told] == [1, 2, 3, 1]


def test_a_page_that_reached_nobody_and_so_went_to_everyone_ends_for_everyone() -> None:
    given = policy(5, levels=1)
    engine = Engine(given)
    (_, page) = engine.advance(T0, [Probe(at=T0, scope=LINE, vantage="a", ok=False)])
    engine.advance(T0 + 1, [DeliveryFailed(at=T0 + 1, notice=page.notice)])
    (_, over) = engine.advance(T0 + 2, [Said(at=T0 + 2, act="resolve", incident=page.incident, actor="anna")])
    assert over.audience is Audience.COMPANY


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (policy(5, 0), [("acknowledge", 1)]),
        (policy(1, 2, 3, 4), [("acknowledge",)]),
        (policy(1, 2, levels=2), []),
    ],
)
def test_what_cannot_be(given: Policy, expected: list[tuple[object, ...]]) -> None:
    assert [problem.key for problem in problems(given)] == expected
