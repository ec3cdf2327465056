"""Given a client's request below an outage, he gets one letter at a time, and none that contradicts another."""

from __future__ import annotations

import pytest

from incidents.channels.dispatch import Dispatcher
from incidents.channels.model import Delivery
from incidents.engine import Engine
from incidents.events import Event, Probe, Request, Said
from incidents.model import Kind, Scope, Transition
from incidents.policy import Policy
from tests.incidents.channels.givens import Scripted, company, contact, ways
from tests.incidents.engine.drawn import START

C1 = Scope("customer", "c1")
HOUR = START + 3600


class Company:
    """An engine and its channels. `once`: the dispatcher starts anew for each step, as `watch --once` does."""

    def __init__(self, *, send: bool, once: bool) -> None:
        self.settings = company(contact=(contact("c1", "c1-mail", lang="en"),))
        self.engine = Engine(Policy(send_to_clients=send))
        self.mail = Scripted()
        self.channels = ways(self.settings) | {"c1-mail": self.mail}
        self.letters = self.mail if send else self.channels["vera-way"]
        self.once = once
        self.made: list[Transition] = []
        self.done: list[Delivery] = []
        self.dispatcher = Dispatcher(self.settings, self.channels)

    def take(self, at: float, *events: Event) -> None:
        self.made += self.engine.advance(at, list(events))

    def send(self, at: float) -> list[str]:
        """What is told of clients at that time."""
        if self.once:
            self.dispatcher = Dispatcher(self.settings, self.channels)
            self.dispatcher.recover(self.made, self.done)
        before = len(self.letters.got)
        step = self.dispatcher.step(at, [] if self.once else self.made)
        self.done += step.deliveries
        if not self.once:
            self.made = []
        wanted = ("client",) if self.letters is self.mail else ("liaison",)
        return [each.text for each in self.letters.got[before:] if each.why in wanted]


def fail(at: float) -> list[Event]:
    return [Probe(at=at, scope=C1, vantage=vantage, ok=False, detail="502") for vantage in "ab"]


def outage_of(lines: list[Transition]) -> str:
    return next(each.incident for each in lines if each.kind is Kind.OUTAGE)


@pytest.mark.parametrize("once", [False, True], ids=["watching", "once"])
@pytest.mark.parametrize("send", [False, True], ids=["drafts", "sent"])
def test_a_request_and_the_outage_above_it_are_one_letter_at_a_time(send: bool, once: bool) -> None:
    given = Company(send=send, once=once)
    given.take(START, Request(at=START, customer="c1", id="7", kind="technical", text="down"))
    for minute in range(0, 60, 5):
        given.take(START + 60 * minute)
    # nobody watched for an hour: what was due of the request and of the outage goes at once
    given.take(HOUR - 20, *fail(HOUR - 20))
    given.take(HOUR, *fail(HOUR))
    outage = outage_of(given.made)
    (first,) = given.send(HOUR)
    assert "requests to your sites fail" in first
    assert "not solved yet" not in first
    # a person dismisses it: the request that hung below it stays open
    given.take(
        HOUR + 300, Said(at=HOUR + 300, act="resolve", incident=outage, actor="boris", text="false alarm")
    )
    (closed,) = given.send(HOUR + 300)
    assert "judge that the problem is over" in closed
    assert (
        "Your own report stays open with us until it is answered. Our next message about it comes at"
        in closed
    )
    assert "not solved yet" not in closed
    # and is told of by its own letters from then on, without the harm that a person dismissed
    given.take(HOUR + 1500)
    (later,) = given.send(HOUR + 1500)
    assert "signs that requests to your sites may fail" in later
    assert "requests to your sites fail" not in later


def test_a_client_whose_letters_were_missed_is_not_told_still() -> None:
    given = Company(send=True, once=True)
    given.take(START, *fail(START - 20), *fail(START))
    for minute in range(10, 60, 10):
        given.take(START + 60 * minute, *fail(START + 60 * minute))
    (first,) = given.send(START + 3000)
    assert first.startswith("Dear c1,\n\nsince")
    given.take(HOUR, *fail(HOUR))
    (second,) = given.send(HOUR)
    assert "is not solved yet" in second
