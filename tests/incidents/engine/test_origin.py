"""Whose the errors of a client are: his origin's, where its own probes show it, though logs cannot tell."""

from __future__ import annotations

import pytest

from incidents.engine import Engine
from incidents.events import Event, Probe, Said, Tick, Traffic
from incidents.model import Audience, Change, Harm, Priority, Scope, Status, Transition

from .drawn import START, run

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
    lines = told(Engine())
    above, *theirs = lines[0], *(line for line in lines if line.scope == C1)
    assert {line.priority for line in lines} == {Priority.HIGH}
    assert theirs[0].reason == (
        "only the origin of c1 fails, our probe is fine: the client is warned first; "
        f"it hangs below {above.incident}"
    )
    assert any("origin c1 fails 502" in fact.text for fact in theirs[0].evidence)
    assert {line.parent for line in theirs} == {above.incident}


def heard(lines: list[Transition]) -> list[tuple[float, str, str]]:
    """Notices: the minute, who hears, of what."""
    return [
        ((line.at - START) / 60, f"{line.audience} {line.level or ''}".strip(), line.scope.kind)
        for line in lines
        if line.audience
    ]


def looks(minutes: range, *, ok: bool, scope: Scope = ORIGIN, later: float = 0.0) -> list[Event]:
    return [
        Probe(at=START + 60 * (number + later), scope=scope, vantage=vantage, ok=ok)
        for number in minutes
        for vantage in "ab"
    ]


def errors(minutes: range, bad: range) -> list[Event]:
    found: list[Event] = []
    for number in minutes:
        found += [each for each in minute(number, origin=(), client=None) if number in bad]
        found += [
            Traffic(
                at=START + 60 * number,
                edge=edge,
                minute=START + 60 * (number - 1),
                requests=900,
                customer="c1",
            )
            for edge in ("e1", "e2")
            if number not in bad
        ]
    return found


def test_one_failure_of_an_origin_is_one_page_and_one_letter_and_its_end_calls_nobody() -> None:
    """The burn window still holds the errors of before when the origin is well again: nobody is called for them."""
    down = looks(range(3, 12), ok=False) + looks(range(12, 30), ok=True)
    served = looks(range(30), ok=True, scope=C1)
    lines = run([*down, *served, *errors(range(1, 30), range(5, 12))])
    assert heard(lines) == [
        (3, "client", "origin"),
        (3, "on_call 1", "origin"),
        (8, "on_call 2", "origin"),
        (13, "on_call 3", "origin"),
        (18, "on_call 3", "origin"),
        *((22, f"on_call {level}", "origin") for level in (1, 2, 3)),
        (22, "client", "origin"),
    ]
    assert [
        (line.at, line.parent) for line in lines if line.scope == C1 and line.change is Change.RESOLVED
    ] == [(START + 60 * 26, "")]


def test_errors_that_go_on_behind_the_origin_s_recovery_are_ours_to_find() -> None:
    down = looks(range(3, 12), ok=False) + looks(range(12, 30), ok=True)
    served = looks(range(30), ok=True, scope=C1)
    lines = run([*down, *served, *errors(range(1, 30), range(5, 30))])
    (raised,) = [line for line in lines if line.change is Change.RAISED]
    assert (raised.scope, raised.priority, raised.at) == (C1, Priority.COMPANY_WIDE, START + 60 * 14)


def test_a_client_s_outage_stands_above_that_of_his_origin() -> None:
    down = looks(range(3, 12), ok=False) + looks(range(12, 26), ok=True)
    client = looks(range(3, 12), ok=False, scope=C1, later=0.5) + looks(
        range(12, 26), ok=True, scope=C1, later=0.5
    )
    lines = run([*down, *client])
    assert heard(lines) == [
        (3, "client", "origin"),
        (3, "on_call 1", "origin"),
        (3.5, "on_call 1", "customer"),
        (4.5, "company", "customer"),
        (4.5, "client", "customer"),
        (22.5, "company", "customer"),
        (22.5, "client", "customer"),
    ]
    ((at, change),) = [(line.at, line.change) for line in lines if line.change is Change.MERGED]
    assert (at, change) == (START + 210, Change.MERGED)


def test_the_call_to_everyone_for_an_origin_is_no_later_below_its_client() -> None:
    """Five minutes after the first suspicion, though nobody confirms what is seen of the client."""
    one = Probe(at=START + 240, scope=C1, vantage="a", ok=False)
    lines = run([*looks(range(1), ok=False), one, Tick(at=START + 400)])
    called = [line for line in lines if line.audience is Audience.COMPANY]
    assert [(line.at, line.scope) for line in called] == [(START + 300, C1)]
    held = [Probe(at=START + 240, scope=C1, vantage=vantage, ok=vantage != "a") for vantage in "abc"]
    lines = run([*looks(range(1), ok=False), *held, Tick(at=START + 400)])
    called = [line for line in lines if line.audience is Audience.COMPANY]
    assert [(line.at, line.scope) for line in called] == [(START + 300, ORIGIN)]


def test_an_origin_is_high_again_when_its_client_is_shown_to_be_served() -> None:
    """It had called everyone, for nobody looked; ten clean minutes answer that, though it goes on failing."""
    lines = run(looks(range(22), ok=False) + looks(range(8, 22), ok=True, scope=C1))
    assert [(line.at, line.change, line.priority) for line in lines if not line.audience] == [
        (START, Change.OPENED, Priority.HIGH),
        (START + 300, Change.RAISED, Priority.COMPANY_WIDE),
        (START + 60 * 18, Change.LOWERED, Priority.HIGH),
    ]
    (lowered,) = [line for line in lines if line.change is Change.LOWERED]
    assert lowered.reason.startswith("verified, the clients are served: a: customer c1 is fine at ")


def test_who_was_told_of_an_origin_alone_hears_its_end_below_its_client() -> None:
    """His outage is a suspicion that most probes deny: no letter went out, and its page stayed with the first."""
    origin = looks(range(12), ok=False) + looks(range(12, 23), ok=True)
    fine = looks(range(12), ok=True, scope=C1)
    denied = [
        Probe(at=START + 60 * number + 30, scope=C1, vantage=vantage, ok=vantage != "c")
        for number in range(12, 24)
        for vantage in "abc"
    ]
    lines = run([*origin, *fine, *denied])
    (end,) = {line.at for line in lines if line.scope == ORIGIN and line.change is Change.RESOLVED}
    assert [(line.audience, line.level) for line in lines if line.at == end and line.audience] == [
        (Audience.ON_CALL, 3),
        (Audience.CLIENT, 0),
    ]


@pytest.mark.parametrize(
    ("origin", "client"),
    [(("a",), True), ((), True), (("a", "b"), None), (("a", "b"), False)],
    ids=["one look", "no look", "nobody looks at the client", "the client fails too"],
)
def test_less_shows_no_cause(origin: tuple[str, ...], client: bool | None) -> None:
    lines = [line for line in told(Engine(), origin=origin, client=client) if line.scope == C1]
    assert lines[-1].priority is Priority.COMPANY_WIDE


def test_a_cause_that_is_shown_late_lowers_nothing_and_is_a_person_s_to_say() -> None:
    engine = Engine()
    for number in range(1, 10):
        lines = engine.advance(START + 60 * number, minute(number, origin=("a", "b") if number > 3 else ()))
    (outage,) = [one for one in engine.incidents if one.scope == C1]
    assert (outage.priority, outage.status) == (Priority.COMPANY_WIDE, Status.OPEN)
    at = START + 60 * 9.5
    engine.advance(at, [Said(at=at, act="resolve", incident=outage.id, actor="anna")])
    lines = engine.advance(START + 600, minute(10, origin=("a", "b")))
    (back,) = [line for line in lines if line.scope == C1]
    assert (back.change, back.priority, bool(back.parent)) == (Change.REOPENED, Priority.HIGH, True)


def test_a_cause_that_is_shown_no_more_is_ours_to_find() -> None:
    engine = Engine()
    told(engine)
    lines: list[Transition] = []
    for number in range(12, 20):
        lines += engine.advance(START + 60 * number, minute(number, origin=()))
    (line, *_) = [each for each in lines if each.scope == C1 and each.priority is Priority.COMPANY_WIDE]
    assert line.harm is Harm.CONFIRMED
    assert line.at == START + 60 * 15  # just after it, when the look of minute 10 is too old to confirm
