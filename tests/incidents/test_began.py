"""Given evidence that is older than the moment when it was read, letters and post-mortems say when it began."""

from __future__ import annotations

import pytest

from incidents.after.account import account_of
from incidents.after.model import Account
from incidents.after.postmortem import postmortem_text
from incidents.began import began
from incidents.channels.model import Sending
from incidents.engine import Engine
from incidents.events import Event, Probe, Request, Said, Traffic
from incidents.messages.compose import Composer
from incidents.model import Audience, Change, Fact, Harm, Kind, Scope, Transition
from incidents.people.recipients import Customer, Recipient, Why
from incidents.people.roles import Roles
from incidents.tasks.words import short_instant
from tests.incidents.channels.givens import company, transition
from tests.incidents.engine.drawn import START

C1 = Scope("customer", "c1")
SINCE = START - START % 60 + 600


def clock(at: float) -> str:
    return f"{(int(at) // 3600) % 24:02}:{(int(at) // 60) % 60:02}"


def errors(first: int, last: int, *, at: float, bad: bool = True) -> list[Event]:
    """Minutes behind SINCE of both edges, all told at once."""
    return [
        Traffic(
            at=at, edge=edge, minute=SINCE + 60 * number, requests=1000, errors_5xx=500 * bad, customer="c1"
        )
        for number in range(first, last)
        for edge in ("e1", "e2")
    ]


def fail(at: float, *, ok: bool = False) -> list[Event]:
    return [Probe(at=at, scope=C1, vantage=vantage, ok=ok, detail="" if ok else "502") for vantage in "ab"]


def letter(lines: list[Transition]) -> str:
    composer = Composer(company().people, 1200.0)
    for each in lines:
        composer.learn(each)
    first = next(each for each in lines if each.audience is Audience.CLIENT)
    who = Recipient(id="c1", why=Why.CLIENT, channels=("w",), customers=(Customer(id="c1", name="Cinema"),))
    sending = Sending(notice=first, recipient=who, channel="w")
    return composer.message("k", [sending], {first.incident: Roles()}, first.at).text


def account(lines: list[Transition], now: float) -> Account:
    outage = next(each.incident for each in lines if each.kind is Kind.OUTAGE)
    found = account_of(outage, lines, now=now)
    assert found is not None
    return found


@pytest.mark.parametrize("read", [5, 6, 40], ids=["five", "six", "forty minutes late"])
def test_errors_of_logs_that_are_read_later_began_when_the_logs_say(read: int) -> None:
    now = SINCE + 60 * read + 13
    engine = Engine()
    lines = engine.advance(now, [*errors(-9, 0, at=now, bad=False), *errors(0, read, at=now)])
    assert {fact.since for fact in lines[0].evidence if fact.source == "traffic"} == {SINCE}
    assert lines[0].json["evidence"][0].keys() >= {"at", "source", "text", "since"}
    assert f"since {clock(SINCE)} (UTC) requests to your sites fail" in letter(lines)
    lines += engine.advance(now + 46, [])
    found = account(lines, now + 46)
    assert (found.opened, found.since, found.hurt_s) == (now, SINCE, now + 46 - SINCE)
    assert f"The evidence shows harm from {short_instant(SINCE)} on." in postmortem_text(found)
    assert "По доказательствам, вред — с" in postmortem_text(found, "ru")


def test_a_probe_that_failed_before_anybody_looked_is_the_beginning() -> None:
    engine = Engine()
    engine.advance(SINCE - 60, fail(SINCE - 60, ok=True))
    lines = engine.advance(SINCE + 70, [*fail(SINCE), *fail(SINCE + 60)])
    assert lines[0].harm is Harm.CONFIRMED
    assert {fact.since for fact in lines[0].evidence} == {SINCE}
    assert f"since {clock(SINCE)} " in letter(lines)
    assert account(lines, SINCE + 100).hurt_s == 100


def test_a_fall_began_with_its_first_minute() -> None:
    engine = Engine()
    usual: list[Event] = [
        Traffic(at=SINCE - 60 * n, edge="e1", minute=SINCE - 60 * n, requests=1000, customer="c1")
        for n in range(30, 0, -1)
    ]
    for event in usual:
        engine.advance(event.at, [event])
    none = Traffic(at=SINCE + 90, edge="e1", minute=SINCE, requests=0, customer="c1")
    lines = engine.advance(SINCE + 90, [*fail(SINCE + 80, ok=True), none])
    assert [each.since for each in lines[0].evidence if "are usual" in each.text] == [SINCE]


def test_what_a_person_dismissed_is_not_the_beginning_of_what_comes_after() -> None:
    fact = Fact(1000.0, "probe", "a: customer c1 fails", 100.0)
    assert began(transition(at=1000.0, evidence=(fact,))) == 100.0
    assert began(transition(at=1000.0, evidence=(fact,)), after=900.0) == 900.0
    assert began(transition(at=1000.0, evidence=(Fact(10.0, "probe", "a: customer c1 is fine"),))) == 1000.0


def test_the_summary_and_the_table_of_a_post_mortem_say_one_time_of_harm() -> None:
    # given a client who reported a problem an hour before probes failed, and a person who dismissed that
    engine = Engine()
    lines = engine.advance(SINCE, [Request(at=SINCE, customer="c1", id="7", kind="technical", text="down")])
    hour = SINCE + 3600
    lines += engine.advance(hour - 20, fail(hour - 20))
    lines += engine.advance(hour, fail(hour))
    outage = next(each.incident for each in lines if each.kind is Kind.OUTAGE)
    lines += engine.advance(hour + 300, [Said(at=hour + 300, act="resolve", incident=outage, actor="boris")])
    found = account(lines, hour + 900)
    assert found.resolved_by == "boris"
    assert found.json["hurt_seconds"] == 320
    assert [(each.customer, each.hurt_s) for each in found.hit] == [("c1", 320)]
    request = next(each.incident for each in lines if each.kind is Kind.CLIENT_REQUEST)
    own = account_of(request, lines, now=hour + 900)
    assert own is not None
    assert (own.harm, own.hurt_s) == (Harm.SUSPECTED, 0)
    assert Change.MERGED in {each.change for each in lines}


@pytest.mark.parametrize(
    ("origin", "said"), [(0, "50 of 100 requests fail (50 %)"), (40, ", 40 at the origin")]
)
def test_of_the_origin_nothing_is_said_where_logs_cannot_know(origin: int, said: str) -> None:
    told = [
        Traffic(
            at=SINCE + 60,
            edge="e1",
            minute=SINCE,
            requests=100,
            errors_5xx=50,
            origin_5xx=origin,
            customer="c1",
        ),
        Traffic(at=SINCE + 60, edge="e2", minute=SINCE, requests=0, customer="c1"),
    ]
    (opened, *_) = Engine().advance(SINCE + 60, told)
    assert opened.evidence[0].text.endswith(said)
