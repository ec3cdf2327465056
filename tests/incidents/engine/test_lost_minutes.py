"""Whom lost minutes hit, and which of them planned work explains."""

from __future__ import annotations

import pytest

from incidents.events import Event, Gap, GapClosed, Tick, Traffic
from incidents.model import Change, Harm, Priority, Scope

from .drawn import START, run
from .test_hanging import called, probe


def gap(told: float, since: float, until: float, *customers: str) -> Gap:
    return Gap(
        at=START + 60 * told, edge="e1", since=START + 60 * since, until=START + 60 * until,
        loss_class="missing", customers=customers,
    )  # fmt: skip


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
    edge = probe(3, ok=True, scope=Scope("edge", "e1"))
    lines = run([SERVES_C2, UNNAMED, edge, NAMED, Tick(at=START + 420)])
    assert lines[-1].harm is Harm.NONE


def test_when_the_gap_that_named_nobody_has_come_the_others_name_whom_they_hit() -> None:
    came = GapClosed(at=START + 300, edge="e1", since=UNNAMED.since, until=UNNAMED.until)
    lines = run([SERVES_C2, UNNAMED, NAMED, probe(4, ok=True), came, Tick(at=START + 420)])
    assert [(line.at, line.priority) for line in lines if line.change is Change.LOWERED] == [
        (came.at, Priority.NORMAL)
    ]
