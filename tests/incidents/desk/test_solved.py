"""What the incident engine hears of technical requests: that they came, came again, and are solved."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from incidents.desk import acts
from incidents.desk.evidence import Held, OpenIncident, closings_of, evidence_of, solved_lines
from incidents.desk.model import Replied, Request
from incidents.engine import Engine
from incidents.events import Request as Asked
from incidents.events import Said, event_of
from incidents.model import Change, Kind, Status
from incidents.words import instant_text
from pipeline.coverage.evidence import parse_evidence
from tests.incidents.desk.cases import WEDNESDAY, MemoryLog

HOUR = 3600.0


def closed_request(log: MemoryLog, kind: Any = "technical", text: str = "restarted") -> Request:
    """Received on Wednesday, answered an hour later, closed after two."""
    log.append(
        lambda desk: acts.receive(
            desk, at=WEDNESDAY, actor="cli", key="k1", kind=kind, channel="cli", customer="c1", lang="en",
            address="", subject="", text="all is black",
        )
    )  # fmt: skip
    log.append(lambda desk: acts.answer(desk, "1", text="on it", at=WEDNESDAY + HOUR, actor="olga"))
    log.append(lambda desk: acts.close(desk, "1", text=text, at=WEDNESDAY + 2 * HOUR, actor="olga"))
    return log.read().requests["1"]


@pytest.fixture
def engine() -> Engine:
    """It has heard of request 1."""
    made = Engine()
    made.advance(WEDNESDAY + 1, [Asked(at=WEDNESDAY, id="1", customer="c1", kind="technical")])
    return made


def standing(engine: Engine, **more: Any) -> OpenIncident:
    (one,) = [each for each in engine.incidents if each.kind is Kind.CLIENT_REQUEST]
    given = {"id": one.id, "kind": one.kind.value, "customer": one.scope.id, "began": one.opened_at}
    return OpenIncident(**given | {"updated": one.opened_at} | more)


def test_a_solved_request_ends_the_incident_that_it_alone_held_open(engine: Engine) -> None:
    request = closed_request(MemoryLog())
    lines, held = solved_lines([request], [standing(engine)])
    assert held == []
    assert lines == [
        {
            "at": instant_text(WEDNESDAY + 2 * HOUR), "type": "resolve", "incident": standing(engine).id,
            "actor": "olga", "text": "request 1 is solved: restarted",
        }
    ]  # fmt: skip
    assert solved_lines([request], [standing(engine)]) == (lines, held), "the same whenever it is asked"
    (row,) = parse_evidence(json.dumps(lines[0]), actor="support desk", now=WEDNESDAY)
    event = event_of(row)
    assert event is not None
    engine.advance(WEDNESDAY + 2 * HOUR + 1, [event])
    assert [each.status for each in engine.incidents if each.kind is Kind.CLIENT_REQUEST] == [Status.RESOLVED]


def test_not_where_other_evidence_is_bad(engine: Engine) -> None:
    request, own = closed_request(MemoryLog()), standing(engine)
    outage = OpenIncident("o1", "outage", "c1", WEDNESDAY, WEDNESDAY)
    assert solved_lines([request], [own, outage]) == ([], [Held("1", own.id, "o1")])
    below = standing(engine, parent="o2")
    assert solved_lines([request], [below]) == ([], [Held("1", own.id, "o2")])
    elsewhere = OpenIncident("o3", "outage", "c2", WEDNESDAY, WEDNESDAY)
    assert len(solved_lines([request], [own, elsewhere])[0]) == 1


def test_nothing_of_requests_that_are_open_or_not_technical_or_of_others(engine: Engine) -> None:
    own = standing(engine)
    request = closed_request(MemoryLog())
    assert solved_lines([closed_request(MemoryLog(), kind="billing")], [own]) == ([], [])
    assert solved_lines([replace(request, id="2")], [own]) == ([], [])
    assert solved_lines([replace(request, customer="c2")], [own]) == ([], [])
    again = MemoryLog()
    closed_request(again)
    reply(again, WEDNESDAY + 3 * HOUR)
    assert solved_lines(again.read().requests.values(), [own]) == ([], [])


def reply(log: MemoryLog, at: float) -> None:
    log.append(lambda _: [Replied(at=at, actor="c1", key="k2", request="1", text="it is black again")])


def test_a_client_who_writes_again_has_his_problem_again() -> None:
    log = MemoryLog()
    closed_request(log)
    first = evidence_of(log.read().requests.values())
    assert [line["at"] for line in first] == [instant_text(WEDNESDAY)]
    reply(log, WEDNESDAY + 3 * HOUR)
    both = evidence_of(log.read().requests.values())
    assert [line["at"] for line in both] == [instant_text(WEDNESDAY), instant_text(WEDNESDAY + 3 * HOUR)]
    assert [line["at"] for line in evidence_of(log.read().requests.values(), WEDNESDAY + HOUR)] == [
        both[1]["at"]
    ]


def told(log: MemoryLog) -> list[Any]:
    """All that the desk has to say, as the engine hears it."""
    requests = log.read().requests.values()
    lines = [json.dumps(line) for line in (*closings_of(requests), *evidence_of(requests))]
    return [event_of(row) for row in parse_evidence(lines, actor="support desk", now=WEDNESDAY)]


def test_what_came_and_was_closed_before_anybody_looked_wakes_no_one() -> None:
    log, engine = MemoryLog(), Engine()
    closed_request(log)
    assert engine.advance(WEDNESDAY + 9 * HOUR, told(log)) == []
    assert engine.due is None
    assert engine.incidents == ()
    (line,) = closings_of(log.read().requests.values())
    assert (line["actor"], line["text"], line["solved"]) == ("olga", "restarted", True)
    assert (line["at"], line["closed"]) == (instant_text(WEDNESDAY), instant_text(WEDNESDAY + 2 * HOUR))
    assert closings_of(log.read().requests.values(), WEDNESDAY + 2 * HOUR + 1) == []


def test_who_wrote_again_after_that_is_heard() -> None:
    log, engine = MemoryLog(), Engine()
    closed_request(log)
    reply(log, WEDNESDAY + 3 * HOUR)
    made = engine.advance(WEDNESDAY + 9 * HOUR, told(log))
    assert [each.change for each in made] == [Change.OPENED, Change.NOTICE]
    assert made[0].evidence[0].at == WEDNESDAY + 3 * HOUR


def test_a_closing_ends_no_incident_and_brings_none_back(engine: Engine) -> None:
    log = MemoryLog()
    closed_request(log)
    assert engine.advance(WEDNESDAY + 2 * HOUR + 1, told(log))[-1].change is Change.NOTICE, "it goes on"
    (one,) = engine.incidents
    assert one.status is Status.OPEN
    engine.advance(
        WEDNESDAY + 2 * HOUR + 2, [Said(at=WEDNESDAY, act="resolve", incident=one.id, actor="olga")]
    )
    reply(log, WEDNESDAY + 2 * HOUR + 60)
    log.append(lambda desk: acts.close(desk, "1", text="", at=WEDNESDAY + 2 * HOUR + 90, actor="olga"))
    assert engine.advance(WEDNESDAY + 2 * HOUR + 120, told(log)) == [], (
        "he wrote again, and it was closed again"
    )
    assert [each.status for each in engine.incidents] == [Status.RESOLVED]
