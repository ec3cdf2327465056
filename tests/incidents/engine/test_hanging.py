"""What hangs below an outage: its question does not wait for the clock of the outage, whatever evidence there is."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.engine import Engine
from incidents.events import Event, Gap, Probe, Request, Tick, Traffic
from incidents.model import Change, Kind, Priority, Scope, Status, Transition

from .drawn import START, STEP, STEPS, events, run, thrown, thrown_losses
from .test_invariants import END, SMALL, no_later, worst

C1 = Scope("customer", "c1")
C2 = Scope("customer", "c2")
GAP = Gap(at=START, edge="e1", since=START - 600, until=START - 300, loss_class="missing", customers=("c1",))
WORD = Request(at=START, id="r1", customer="c1", kind="technical")


def probe(minute: float, ok: bool, vantage: str = "a", scope: Scope = C1) -> Probe:
    return Probe(at=START + 60 * minute, scope=scope, vantage=vantage, ok=ok)


def called(lines: list[Transition]) -> list[tuple[float, Kind]]:
    """What was raised for the whole company by itself, and when, in minutes."""
    return [
        ((line.at - START) / 60, line.kind)
        for line in lines
        if line.change is Change.RAISED and line.priority is Priority.COMPANY_WIDE and not line.parent
    ]


@pytest.mark.parametrize("first", [GAP, WORD], ids=["gap", "request"])
def test_a_failing_probe_moves_no_deadline_back(first: Event) -> None:
    lines = run([first, probe(4.5, ok=False), Tick(at=START + 360)])
    assert called(lines) == [(5, Kind.OUTAGE)]


def test_an_outage_that_most_probes_deny_answers_for_its_own_clients_alone() -> None:
    both = Gap(
        at=START, edge="e1", since=START - 600, until=START - 300, loss_class="missing",
        customers=("c1", "c2"),
    )  # fmt: skip
    held = [probe(1, ok=vantage != "a", vantage=vantage) for vantage in "abc"]
    assert called(run([both, *held, Tick(at=START + 330)])) == [(5, Kind.BILLING_GAP)]
    assert called(run([GAP, *held, Tick(at=START + 330)])) == []


def test_who_has_called_everyone_is_not_hushed_by_a_lesser_outage() -> None:
    lines = run([GAP, probe(6, ok=False), Tick(at=START + 360)])
    last = [line for line in lines if line.kind is Kind.BILLING_GAP][-1]
    assert (last.priority, last.parent) == (Priority.COMPANY_WIDE, "")


def test_clients_who_are_carried_are_served_while_nobody_looks_at_their_edge() -> None:
    one = Probe(at=START, scope=Scope("edge", "e1"), vantage="a", ok=False)
    carried = Traffic(at=START + 240, edge="e2", minute=START + 180, requests=1000, customer="c1")
    assert called(run([one, carried, Tick(at=START + 420)])) == []
    assert called(run([one, carried, Tick(at=START + 660)])) == [(9, Kind.OUTAGE)]


def test_losses_that_name_more_clients_change_an_outage_at_once() -> None:
    """c1 is fine as long as he is looked at; then lost logs tell that the edge has another client, whom nobody saw."""
    edge = Scope("edge", "e1")
    known = Traffic(at=START, edge="e1", minute=START - 60, requests=1000, customer="c1")
    looks = [probe(1, ok=False, scope=edge), probe(4, ok=True), probe(4, ok=False, scope=edge)]
    named = Gap(
        at=START + 420, edge="e1", since=START - 600, until=START - 300, loss_class="missing",
        customers=("c1", "c2"),
    )  # fmt: skip
    assert called(run([known, *looks, Tick(at=START + 440)])) == []
    assert called(run([known, *looks, named, Tick(at=START + 440)])) == [(7, Kind.OUTAGE)]


def test_when_minutes_with_names_age_the_other_edges_answer() -> None:
    lines = run([
        Traffic(at=START + 60, edge="e1", minute=START, requests=1000, customer="c2", errors_5xx=200),
        Traffic(at=START + 120, edge="e2", minute=START + 60, requests=0),
        Traffic(at=START + 180, edge="e1", minute=START + 120, requests=1000, errors_5xx=200),
        Tick(at=START + 400),
    ])  # fmt: skip
    assert lines[-1].reason == "a surge of errors at edge e1; its neighbours do not carry the clients"


def test_an_edge_serves_no_less_than_its_clients_get() -> None:
    whole = Traffic(at=START + 60, edge="e1", minute=START, requests=0)
    theirs = Traffic(at=START + 60, edge="e1", minute=START, requests=1000, customer="c1", errors_5xx=200)
    opened = [line for line in run([whole, theirs]) if line.change is Change.OPENED]
    assert [(line.scope, line.priority) for line in opened] == [(Scope("edge", "e1"), Priority.HIGH)]


@pytest.mark.parametrize("again", [[], [9], [6.5, 9], [9, 9.5]], ids=str)
def test_a_break_of_minutes_that_were_fine_puts_no_call_off(again: list[float]) -> None:
    """The first suspicion is of minute 0; what showed that all was well would have been too old at minute 10."""
    look = [probe(0, ok=False, vantage="b"), probe(1.5, ok=True, vantage="b"), probe(5, ok=True, vantage="c")]
    more = [probe(minute, ok=False, vantage="c") for minute in again]
    ((at, kind),) = called(run([*look, *more, Tick(at=START + 960)]))
    assert kind is Kind.OUTAGE
    assert at <= 10


def test_a_blip_in_clean_minutes_calls_nobody_while_another_prober_is_fine() -> None:
    """Two probers, a minute each; one of them fails once more after it was well."""
    looks = [
        probe(minute, ok=(minute, vantage) not in {(0, "a"), (8, "a")}, vantage=vantage)
        for minute in range(20)
        for vantage in "ab"
    ]
    assert called(run([*looks, Tick(at=START + 1200)])) == []


def of_clients(drawn: list[Event]) -> tuple[int, int]:
    found = worst([line for line in run([*drawn, END]) if line.kind is not Kind.WATCHDOG])
    return found.last, found.ever


def check_harm_of_every_kind(drawn: list[Event], seed: int) -> None:
    """1: one more failing probe of a client or an edge never leaves less urgency, whatever else is told. A prober that
    speaks is not silent: watchdogs are not counted. Nor are origins' probes drawn: they tell whose the cause is."""
    dice = random.Random(seed)  # noqa: S311
    scope = dice.choice([C1, C2, Scope("edge", "e1"), Scope("edge", "e2")])
    more = Probe(at=START + STEP * dice.randint(0, STEPS), scope=scope, vantage=dice.choice("abcd"), ok=False)
    before, after = of_clients(drawn), of_clients([*drawn, more])
    assert after[0] >= before[0]
    assert after[1] >= before[1]


def check_harm_is_no_later(drawn: list[Event], seed: int) -> None:
    """1: with one more failing look at a client nobody is called later: of few looks, an ok among them here and there,
    when what was fine has grown old. A prober that becomes a suspect by it is left out, as its word is."""
    dice = random.Random(seed)  # noqa: S311
    looks = [each for each in drawn if isinstance(each, Probe) and each.scope.kind == "customer"]
    more = Probe(at=START + STEP * dice.randint(0, STEPS), scope=C1, vantage=dice.choice("abcd"), ok=False)
    before, after = run([*looks, END]), run([*looks, more, END])
    if not any("it is the suspect" in line.reason for line in after):
        no_later(before, after)


def check_loss_of_every_kind(drawn: list[Event], seed: int, *, when: bool = False) -> None:
    """1: with more lost minutes no priority is lower in the end, whomever they are said to hit and whatever is planned.

    `when`: nor is it reached later. That is asked of draws of gaps and looks: elsewhere a gap may also tell who is
    served by an edge, or have clients looked at who were told of since, and fresh health then holds a call for a while.
    """
    dice = random.Random(seed)  # noqa: S311
    since = START + 60 * dice.randint(-5, 30)
    more = Gap(
        at=START + STEP * dice.randint(0, STEPS), edge=dice.choice(["e1", "e2"]), since=since,
        until=since + 60 * dice.randint(1, 8), loss_class="missing", customers=dice.choice([(), ("c1",), ("c2",)]),
    )  # fmt: skip
    of_edge = [
        [line for line in run(told) if line.kind is Kind.BILLING_GAP and line.scope.id == more.edge]
        for told in ([*drawn, END], [*drawn, more, END])
    ]
    if when:
        no_later(*of_edge)
    assert worst(of_edge[1]).last >= worst(of_edge[0]).last


def check_health_of_every_kind(drawn: list[Event], seed: int) -> None:
    """3: without one healthy probe of a client or an edge no priority is lower, whatever else is told. Of a prober
    that was never heard of nobody knows that it is silent: watchdogs are not counted."""
    fine = [each for each in drawn if isinstance(each, Probe) and each.ok and each.scope.kind in _SERVED]
    if not fine:
        return
    without = fine[seed % len(fine)]
    before, after = of_clients(drawn), of_clients([each for each in drawn if each != without])
    assert after[0] >= before[0]
    assert after[1] >= before[1]


_SERVED = ("customer", "edge")


@SMALL
@given(events, st.integers(0, 10_000))
def test_harm_of_every_kind(drawn: list[Event], seed: int) -> None:
    check_harm_of_every_kind(drawn, seed)


@SMALL
@given(events, st.integers(0, 10_000))
def test_harm_is_no_later(drawn: list[Event], seed: int) -> None:
    check_harm_is_no_later(drawn, seed)


@pytest.mark.parametrize("seed", range(200))
def test_one_more_gap_of_an_edge_lowers_nothing(seed: int) -> None:
    check_loss_of_every_kind(thrown_losses(seed), seed, when=True)


@SMALL
@given(events, st.integers(0, 10_000))
def test_loss_of_every_kind(drawn: list[Event], seed: int) -> None:
    check_loss_of_every_kind(drawn, seed)


@SMALL
@given(events, st.integers(0, 10_000))
def test_health_of_every_kind(drawn: list[Event], seed: int) -> None:
    check_health_of_every_kind(drawn, seed)


@pytest.mark.nightly
@pytest.mark.parametrize("chunk", range(10))
def test_every_kind_at_length(chunk: int) -> None:
    for seed in range(2_000 * chunk, 2_000 * (chunk + 1)):
        check_harm_of_every_kind(thrown(seed), seed)
        check_harm_is_no_later(thrown(seed), seed)
        check_loss_of_every_kind(thrown(seed), seed)
        check_loss_of_every_kind(thrown_losses(seed), seed, when=True)
        check_health_of_every_kind(thrown(seed), seed)


def test_every_hit_client_is_told() -> None:
    minute = [
        Traffic(
            at=START + 60, edge="e1", minute=START, requests=1000, errors_5xx=500, customer=f"c{number:03}"
        )
        for number in range(300)
    ]
    lines = run([*minute, Tick(at=START + 60)])
    outage = next(line for line in lines if line.scope == Scope("edge", "e1"))
    lost = run([Gap(
        at=START, edge="e1", since=START - 60, until=START, loss_class="missing",
        customers=tuple(each.customer for each in minute),
    )])  # fmt: skip
    assert len(outage.customers) == len(lost[0].customers) == 300


def test_a_reminder_says_what_confirmed_it() -> None:
    engine = Engine()
    for minute in range(26):
        vantages = "ab" if minute < 2 else "a"
        for_all = [probe(minute, ok=False, vantage=vantage) for vantage in vantages]
        fine = [probe(minute, ok=True, vantage=vantage) for vantage in "bc" if minute >= 2]
        lines = engine.advance(START + 60 * minute, [*for_all, *fine])
        reminded = [line.reason for line in lines if line.reason.startswith("not resolved: ")]
        if reminded:
            assert all(reason.startswith("not resolved: probes of c1 fail") for reason in reminded)
            break
    else:
        pytest.fail("it was never said again")
    assert [one.status for one in engine.incidents if one.kind is Kind.OUTAGE] == [Status.OPEN]
