"""Whom lost minutes hit, and which of them planned work explains."""

from __future__ import annotations

import pytest

from incidents.events import Event, Gap, GapClosed, Maintenance, Tick, Traffic
from incidents.model import Change, Harm, Priority, Scope

from .drawn import START, run
from .test_hanging import called, probe


def gap(told: float, since: float, until: float, *customers: str) -> Gap:
    return Gap(
        at=START + 60 * told, edge="e1", since=START + 60 * since, until=START + 60 * until,
        loss_class="missing", customers=customers,
    )  # fmt: skip


E1 = Scope("edge", "e1")
SERVES_C2 = Traffic(at=START, edge="e1", minute=START - 60, requests=900, customer="c2")
UNNAMED = gap(1, -10, -5)
NAMED = gap(4, -5, -4, "c1")


@pytest.mark.parametrize("before", [[SERVES_C2], []], ids=["c2 is known there", "nobody is known there"])
def test_a_gap_that_names_a_client_says_nothing_of_another_gap(before: list[Event]) -> None:
    lines = run([*before, UNNAMED, probe(3, ok=True), NAMED, Tick(at=START + 420)])
    assert Change.LOWERED not in {line.change for line in lines}
    assert [minute for minute, _ in called(lines)] == [6]


def test_all_of_whom_it_may_hit_are_told() -> None:
    opened = run([SERVES_C2, NAMED, UNNAMED])
    assert opened[-1].customers == ("c1", "c2")
    assert "hits c1, c2" in {fact.text for fact in opened[-1].evidence}


def test_the_edge_s_own_probe_answers_for_everybody() -> None:
    edge = probe(3, ok=True, scope=E1)
    lines = run([SERVES_C2, UNNAMED, edge, NAMED, Tick(at=START + 420)])
    assert lines[-1].harm is Harm.NONE


def test_when_the_gap_that_named_nobody_has_come_the_others_name_whom_they_hit() -> None:
    came = GapClosed(at=START + 300, edge="e1", since=UNNAMED.since, until=UNNAMED.until)
    lines = run([SERVES_C2, UNNAMED, NAMED, probe(4, ok=True), came, Tick(at=START + 420)])
    assert [(line.at, line.priority) for line in lines if line.change is Change.LOWERED] == [
        (came.at, Priority.NORMAL)
    ]


def work(since: float, until: float, told: float = 0, scope: Scope = E1) -> Maintenance:
    return Maintenance(at=START + 60 * told, scope=scope, since=START + 60 * since, until=START + 60 * until)


def test_minutes_lost_before_the_work_are_not_muted_by_it() -> None:
    lines = run([work(0, 480), gap(1, -10, -5, "c1"), Tick(at=START + 1800)])
    assert lines[0].priority is Priority.HIGH
    assert [minute for minute, _ in called(lines)] == [6]


@pytest.mark.parametrize("told", [16, 35, 600])
def test_minutes_lost_in_the_work_wake_nobody_whenever_they_are_told(told: int) -> None:
    inside = gap(told, 10, 15, "c1")
    lines = run([work(0, 30), inside, Tick(at=max(START + 60 * 29, inside.at + 600))])
    (line,) = lines
    assert (line.priority, line.harm) == (Priority.NORMAL, Harm.SUSPECTED)
    assert line.reason.startswith("muted, planned work: ")


def test_minutes_of_works_that_touch_are_planned() -> None:
    both = [work(0, 12), work(12, 30, scope=Scope("all", "all"))]
    assert [line.priority for line in run([*both, gap(35, 10, 15, "c1"), Tick(at=START + 3600)])] == [
        Priority.NORMAL
    ]


def test_one_more_minute_than_planned_is_judged() -> None:
    lines = run([work(0, 30), gap(28, 20, 28, "c1"), gap(29, 28, 31, "c1"), Tick(at=START + 60 * 29)])
    assert [(line.change, line.priority) for line in lines[:2]] == [
        (Change.OPENED, Priority.NORMAL),
        (Change.RAISED, Priority.HIGH),
    ]
    assert lines[1].reason.startswith("it goes beyond the plan: ")
    late = run([work(0, 30), gap(35, 20, 30, "c1"), gap(36, 30, 32, "c1"), Tick(at=START + 60 * 36)])
    assert late[1].priority is Priority.HIGH


def test_what_is_told_in_the_work_is_judged_at_its_end() -> None:
    lines = run([work(0, 30), gap(20, 10, 15, "c1"), Tick(at=START + 60 * 30)])
    assert (lines[1].at, lines[1].priority) == (START + 60 * 30, Priority.HIGH)
    assert lines[1].reason.startswith("the planned work is over: ")


def test_clients_who_are_hurt_are_in_no_plan_of_an_edge() -> None:
    hurt = [probe(36 + minute, ok=False, vantage=vantage) for minute in (0, 1) for vantage in "ab"]
    lines = run([work(0, 30), gap(35, 10, 15, "c1"), *hurt])
    assert lines[-1].priority is Priority.COMPANY_WIDE


def test_a_plan_told_later_for_another_time_forgets_none() -> None:
    lines = run([work(0, 30), work(2000, 2030, told=600), gap(605, 10, 15, "c1"), Tick(at=START + 60 * 615)])
    assert [line.priority for line in lines] == [Priority.NORMAL]
