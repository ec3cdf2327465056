"""What lines say is known when they are told: why the worst is assumed, what cleared it, and who is not seen to be
served."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from incidents.events import Event, Probe, Tick, Traffic
from incidents.model import Audience, Change, Scope, Transition

from .drawn import START, run
from .test_hanging import C1, C2, GAP, probe

WORST = "not verified within 5 minutes, so the worst is assumed: "


def minute_of(number: int, edge: str, errors: int = 0, requests: int = 1000) -> Traffic:
    begin = START + 60 * number
    return Traffic(
        at=begin + 60,
        edge=edge,
        minute=begin,
        requests=requests,
        customer="c1",
        errors_5xx=errors,
        origin_5xx=errors,
    )


def tick(minute: float) -> Tick:
    return Tick(at=START + 60 * minute)


def letters(lines: list[Transition]) -> list[tuple[float, tuple[str, ...]]]:
    return [((line.at - START) / 60, line.customers) for line in lines if line.audience is Audience.CLIENT]


def raised(lines: list[Transition]) -> list[str]:
    return [line.reason for line in lines if line.change is Change.RAISED]


LOOKS = [
    probe(minute, ok=vantage != "c" or minute in (0, 3, 4), vantage=vantage)
    for minute in range(5)
    for vantage in "abc"
]
LUCK = [minute_of(0, "e1", 500), minute_of(0, "e2"), *[minute_of(minute, "e2") for minute in (1, 2, 3)]]
ORIGIN = [minute_of(0, "e1", 500), minute_of(0, "e2", 500), probe(1, ok=True)]


@pytest.mark.parametrize(
    ("known", "now"),
    [
        (LOOKS, "nothing fresh shows that c1 is served"),
        (LUCK, "nothing fresh shows that the clients of edge e1 are served"),
        (ORIGIN, "nothing fresh shows that c1 is served"),
    ],
    ids=["most looks were fine", "a neighbour carried", "only his origin failed"],
)
def test_the_worst_is_assumed_for_what_is_known_then(known: list[Event], now: str) -> None:
    assert raised(run([*known, tick(20)])) == [WORST + now]


def test_what_cleared_it_is_named() -> None:
    surge = [minute_of(minute, edge, 500 * (minute == 0)) for minute in range(18) for edge in ("e1", "e2")]
    (over,) = [line for line in run([*surge, probe(0, ok=True)]) if line.change is Change.RESOLVED]
    assert [fact.text for fact in over.evidence if fact.at > over.at - 120] == [
        "0 of 10,000 requests fail (0 %)"
    ]
    one = [
        minute_of(minute, edge, 500 * (minute == 0 and edge == "e1"))
        for minute in range(18)
        for edge in ("e1", "e2")
    ]
    (over,) = [line for line in run(one) if line.change is Change.RESOLVED]
    assert (over.scope.kind, over.evidence[-1].text) == ("edge", "0 of 5,000 requests fail (0 %)")
    usual = [minute_of(minute, "e1", requests=1000 * (minute != 20)) for minute in range(40)]
    (over,) = [
        line
        for line in run([*usual, *[probe(minute, ok=True) for minute in range(40)]])
        if line.change is Change.RESOLVED
    ]
    assert over.evidence[-1].text == "1,000 requests a minute, 1,000 are usual"


def test_letters_go_to_those_whom_nothing_shows_served_and_on_to_who_had_one() -> None:
    hit = replace(GAP, customers=("c1", "c2"))

    def seen(since: int, until: int, scope: Scope = C1) -> list[Probe]:
        return [probe(minute, ok=True, scope=scope) for minute in range(since, until)]

    first = [*seen(0, 18), *seen(18, 43, scope=C2)]
    again = seen(29, 43)
    lines = run([hit, *first, *again])
    assert letters(lines) == [(5, ("c2",)), (25, ("c1", "c2")), (39, ("c1", "c2"))]
    assert [line.customers for line in lines if line.change is Change.RAISED] == [("c1", "c2")]
    at_once = run([hit, *seen(0, 23), *seen(10, 23, scope=C2)])
    assert letters(at_once) == [(5, ("c2",)), (20, ("c2",))]
