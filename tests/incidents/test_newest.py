"""What has come most lately about an incident: each source's last word, its age, and whether it still says anything."""

from __future__ import annotations

import pytest

from incidents.events import Counter, EdgeAct, Event, Gap, GapClosed, Probe, Request, Segment, Tick, Traffic
from incidents.model import Scope
from incidents.newest import SHOWN_A_KIND, newest_of
from incidents.policy import Policy

T0 = 1_793_491_200.0
C1, E1 = Scope("customer", "c1"), Scope("edge", "e1")


def look(at: float, vantage: str = "a", *, ok: bool = True, scope: Scope = C1, detail: str = "") -> Probe:
    return Probe(at=T0 + at, scope=scope, vantage=vantage, ok=ok, detail=detail)


def told(events: list[Event], scope: Scope = C1, *customers: str, at: float = 60) -> list[tuple[str, bool]]:
    found = newest_of(events, scope, customers, now=T0 + at, policy=Policy())
    return [(each.fact.text, each.stale) for each in found]


def test_each_vantage_point_has_its_last_word_and_what_is_too_old_is_marked() -> None:
    events: list[Event] = [look(-400, "b"), look(30, ok=False, detail="status 502"), look(0), look(90)]
    assert told(events) == [("a: customer c1 fails status 502", False), ("b: customer c1 is fine", True)]
    assert told(events, at=330) == [("a: customer c1 is fine", False), ("b: customer c1 is fine", True)]
    (only,) = newest_of([look(0)], C1, (), now=T0 + 301, policy=Policy())
    assert only.json == {
        "at": "2026-11-01T00:00:00Z", "age_s": 301.0, "stale": True, "source": "probe",
        "text": "a: customer c1 is fine",
    }  # fmt: skip


def test_a_look_at_the_very_limit_still_counts() -> None:
    assert told([look(0)], at=300) == [("a: customer c1 is fine", False)]


def test_test_calls_count_for_a_day_and_a_clients_word_until_it_is_answered() -> None:
    line = Scope("support_line", "main")
    assert told([look(0, scope=line)], line, at=80_000) == [("a: support_line main is fine", False)]
    asked = Request(at=T0, id="r1", customer="c1", kind="technical", text="all is black")
    assert told([asked], at=80_000) == [("c1 (technical): all is black", False)]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Traffic(at=T0, edge="e1", minute=T0, requests=1200, customer="c1", errors_5xx=7),
         "edge e1: 1,200 requests of c1, 7 failed"),
        (Traffic(at=T0, edge="e1", minute=T0, requests=9), "edge e1: 9 requests, 0 failed"),
        (Counter(at=T0, edge="e1", requests_total=5000, bytes_sent_total=0),
         "edge e1: 5,000 requests counted since its start"),
        (Segment(at=T0, edge="e1", minute=T0, state="received"), "edge e1: 2026-11-01T00:00:00Z received"),
        (Gap(at=T0, edge="e1", since=T0, until=T0 + 60, loss_class="missing"),
         "edge e1: missing, 2026-11-01T00:00:00Z to 2026-11-01T00:01:00Z"),
        (GapClosed(at=T0, edge="e1", since=T0, until=T0 + 60),
         "edge e1: came, 2026-11-01T00:00:00Z to 2026-11-01T00:01:00Z"),
        (EdgeAct(at=T0, edge="e1", action="pause"), "edge e1: pause"),
    ],
)  # fmt: skip
def test_what_edges_tell(event: Event, text: str) -> None:
    assert told([event, Tick(at=T0)], E1) == [(text, False)]
    assert told([event], Scope("edge", "e2")) == []


def test_a_gap_is_about_those_it_hits_and_a_task_about_its_customers() -> None:
    gap = Gap(at=T0, edge="e1", since=T0, until=T0 + 60, loss_class="missing", customers=("c1", "c2"))
    assert len(told([gap])) == 1
    assert told([look(0)], E1) == []
    assert told([look(0)], E1, "c1") == [("a: customer c1 is fine", False)]
    assert told([look(0, "probe-7")], Scope("vantage", "probe-7")) == [
        ("probe-7: customer c1 is fine", False)
    ]


def test_there_are_not_too_many_of_one_kind() -> None:
    assert len(told([look(0, f"v{number}") for number in range(40)])) == SHOWN_A_KIND
