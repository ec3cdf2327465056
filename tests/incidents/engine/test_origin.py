"""Whose the errors of a client are: his origin's, where its own probes show it, though logs cannot tell."""

from __future__ import annotations

import pytest

from incidents.engine import Engine
from incidents.events import Event, Probe, Traffic
from incidents.model import Audience, Harm, Priority, Scope, Transition

from .drawn import START

C1 = Scope("customer", "c1")
ORIGIN = Scope("origin", "c1")


def minute(number: int, *, origin: tuple[str, ...], client: bool | None = True) -> list[Event]:
    """Both edges answer half of c1's requests with 5xx, as logs tell it; probes of him and of his origin."""
    at = START + 60 * number
    found: list[Event] = [
        Traffic(at=at, edge=edge, minute=at - 60, requests=1000, errors_5xx=500, customer="c1")
        for edge in ("e1", "e2")
    ]
    if client is not None:
        found += [Probe(at=at, scope=C1, vantage=vantage, ok=client) for vantage in "ab"]
    return found + [Probe(at=at, scope=ORIGIN, vantage=each, ok=False, detail="502") for each in origin]


def told(
    engine: Engine, *, origin: tuple[str, ...] = ("a", "b"), client: bool | None = True
) -> list[Transition]:
    """Two minutes of probes, so that the origin is confirmed to fail, then minutes with errors."""
    lines: list[Transition] = []
    for number in range(1, 12):
        events = minute(number, origin=origin, client=client)
        kept = [each for each in events if number > 2 or not isinstance(each, Traffic)]
        lines += engine.advance(START + 60 * number, kept)
    return lines


def test_several_looks_at_the_origin_show_the_cause() -> None:
    engine = Engine()
    lines = [line for line in told(engine) if line.scope == C1]
    assert {line.priority for line in lines} == {Priority.HIGH}
    assert lines[0].reason == "only the origin of c1 fails, our probe is fine: the client is warned first"
    assert any("origin c1 fails 502" in fact.text for fact in lines[0].evidence)
    assert Audience.CLIENT in {line.audience for line in lines}


@pytest.mark.parametrize(
    ("origin", "client"),
    [(("a",), True), ((), True), (("a", "b"), None), (("a", "b"), False)],
    ids=["one look", "no look", "nobody looks at the client", "the client fails too"],
)
def test_less_shows_no_cause(origin: tuple[str, ...], client: bool | None) -> None:
    lines = [line for line in told(Engine(), origin=origin, client=client) if line.scope == C1]
    assert lines[-1].priority is Priority.COMPANY_WIDE


def test_a_cause_that_is_shown_no_more_is_ours_to_find() -> None:
    engine = Engine()
    told(engine)
    lines: list[Transition] = []
    for number in range(12, 20):
        lines += engine.advance(START + 60 * number, minute(number, origin=()))
    (line, *_) = [each for each in lines if each.scope == C1 and each.priority is Priority.COMPANY_WIDE]
    assert line.harm is Harm.CONFIRMED
    assert line.at == START + 60 * 15  # just after it, when the look of minute 10 is too old to confirm
