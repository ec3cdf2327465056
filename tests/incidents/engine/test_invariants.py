"""The invariants of the priority table, each over evidence drawn at random; the nightly run draws 20,000 of each."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from incidents.engine import Engine
from incidents.events import DeliveryFailed, Event, Gap, Probe, Said, Tick
from incidents.model import Audience, Change, Harm, Kind, MoneyRate, Priority, Scope, Status, Transition
from incidents.policy import Policy
from incidents.replay import replay_events

from .drawn import START, STEP, STEPS, events, in_time, probes, rounds, run, thrown, thrown_rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SMALL = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
END = Tick(at=START + STEP * STEPS + 60)


@dataclass
class Worst:
    """The greatest priority of anything open, at every instant that something changed, and at the end."""

    last: int
    ever: int


def worst(lines: Iterable[Transition]) -> Worst:
    standing: dict[str, int] = {}
    ever = -1
    for line in lines:
        standing[line.incident] = -1 if line.status is Status.RESOLVED else line.priority.rank
        ever = max(ever, *standing.values())
    return Worst(max(standing.values(), default=-1), ever)


def reached(lines: Iterable[Transition]) -> dict[tuple[Scope, int], float]:
    """When each client's outage, and the lost minutes of each edge, first stood at a priority, or above it."""
    first: dict[tuple[Scope, int], float] = {}
    for line in lines:
        if line.kind is Kind.BILLING_GAP or (line.kind is Kind.OUTAGE and line.scope.kind == "customer"):
            for rank in range(line.priority.rank + 1):
                first.setdefault((line.scope, rank), line.at)
    return first


def no_later(before: Iterable[Transition], after: Iterable[Transition]) -> None:
    """Whatever is told beside it, what hits clients is as urgent as it was, at the same time or before."""
    then, now = reached(before), reached(after)
    for key, at in then.items():
        assert now.get(key, END.at) <= at, f"{key} is reached at {now.get(key)}, not at {at}"


def check_order_is_nothing(drawn: list[Event], seed: int) -> None:
    """4: the events of an instant in another order, each told several times, give the same."""
    draw = random.Random(seed)  # noqa: S311
    again = [event for event in drawn for _ in range(draw.randint(1, 3))]
    draw.shuffle(again)
    assert run([*again, END]) == run([*drawn, END])


def check_cut_is_nothing(drawn: list[Event], seed: int) -> None:
    """4: a restart anywhere, from a snapshot, changes nothing; nor do acts that are told once more after it."""
    draw = random.Random(seed)  # noqa: S311
    engine = Engine()
    lines: list[Transition] = []
    told: list[Event] = []
    for at, instant in groupby(in_time([*drawn, END]), key=lambda event: event.at):
        known = list(instant)
        if draw.random() < 0.3:
            engine = Engine.restore(Policy(), engine.snapshot())
        acts = [event for event in told if not isinstance(event, Probe)]
        lines += engine.advance(at, known + draw.sample(acts, min(2, len(acts))))
        told += known
    assert lines == run([*drawn, END])


def check_future_changes_nothing(drawn: list[Event], seed: int) -> None:
    """What was said, ids included, does not depend on what comes later."""
    ordered = in_time(drawn)
    at = ordered[seed % len(ordered)].at
    until = [event for event in ordered if event.at <= at]
    early = run(until)
    assert run(ordered)[: len(early)] == early


def check_harm_never_lowers(drawn: list[Event], more: Probe) -> None:
    """1: one more failing probe of a client never leaves less urgency.

    Asked at the end, when every deadline has passed, and of when it was reached. A prober that by it fails for all of
    its clients is itself the suspect, as the priority table has it: what it alone says of one of them does not count.
    """
    extra = replace(more, ok=False, scope=Scope("customer", "c1" if more.at % 60 else "c2"))
    before, after = run([*drawn, END]), run([*drawn, extra, END])
    if any("it is the suspect" in line.reason for line in after):
        return
    without, with_it = worst(before), worst(after)
    assert with_it.last >= without.last
    assert with_it.ever >= without.ever
    no_later(before, after)


def check_health_is_needed(drawn: list[Event], seed: int) -> None:
    """3: without some of the healthy probes no priority is lower.

    Asked at the end, when every deadline has passed. A prober that without them fails for all of its clients is itself
    the suspect, as the priority table has it: what it says of one of them counts later, and holds open nothing alone.
    """
    draw = random.Random(seed)  # noqa: S311
    gap = Gap(
        at=START + 90, edge="e1", since=START, until=START + 60, loss_class="missing", customers=("c1",)
    )
    base = [*drawn, gap] if seed % 2 else drawn
    vantage, customer = draw.choice("abc"), draw.choice(["c1", "c2", None])
    fewer = [
        event
        for event in base
        if not (
            isinstance(event, Probe) and event.ok and event.vantage == vantage
            and customer in (None, event.scope.id) and draw.random() < 0.7
        )
    ]  # fmt: skip
    told = run([*fewer, END])
    without, with_them = worst(told), worst(run([*base, END]))
    assert without.ever >= with_them.ever
    if not any("it is the suspect" in line.reason for line in told):
        assert without.last >= with_them.last


def check_money_is_no_harm(drawn: list[Event], seed: int) -> None:
    """2: whatever is lost a minute, priorities are the same."""
    rich = [
        replace(event, per_minute=MoneyRate("1", "1" + "0" * (seed % 20), "9" * 25))
        if isinstance(event, Gap)
        else event
        for event in drawn
    ]
    shown = [(one.at, one.incident, one.priority, one.change, one.audience) for one in run([*drawn, END])]
    assert [
        (one.at, one.incident, one.priority, one.change, one.audience) for one in run([*rich, END])
    ] == shown


def check_lowering_is_named(drawn: list[Event], _: int) -> None:
    """7: every lowering and every end names its actor, its evidence and its time; and no priority falls without one.
    What the engine lowers it does on evidence that is fresh (test calls to the support line count for a day)."""
    ranks: dict[str, int] = {}
    for line in run([*drawn, END]):
        before = ranks.get(line.incident, -1)
        if line.change in (Change.LOWERED, Change.RESOLVED):
            assert line.actor
            assert line.reason
            assert line.evidence
            assert all(fact.at <= line.at for fact in line.evidence)
            if (
                line.actor == "engine"
                and line.scope.kind != "support_line"
                and line.kind is not Kind.BILLING_GAP
            ):
                assert max(fact.at for fact in line.evidence) >= line.at - 300
        elif line.change is not Change.REOPENED:
            assert line.priority.rank >= before
        ranks[line.incident] = line.priority.rank


def check_normal_is_verified(drawn: list[Event], _: int) -> None:
    """Harm alone sets priority: normal only without harm, or muted by a plan; company-wide never with harm none."""
    muted: set[str] = set()
    for line in run([*drawn, END]):
        if line.change in (Change.OPENED, Change.REOPENED):
            (muted.add if line.reason.startswith("muted") else muted.discard)(line.incident)
        elif line.change is Change.RAISED or line.reason.startswith(("the planned work", "it goes beyond")):
            muted.discard(line.incident)
        if (
            line.priority is Priority.NORMAL
            and line.status is not Status.RESOLVED
            and line.incident not in muted
        ):
            asked = "the watch was away from" in line.reason and line.kind is Kind.BILLING_GAP
            assert line.harm is (Harm.UNKNOWN if asked else Harm.NONE)
        if line.harm is Harm.CONFIRMED and line.status is not Status.RESOLVED and line.incident not in muted:
            assert line.priority is Priority.COMPANY_WIDE
        if line.incident in muted:
            assert line.change is not Change.NOTICE


def check_asking_ends(drawn: list[Event], _: int) -> None:
    """What a watch asks for as it begins again is known, or raised, when the grace is over."""
    engine = Engine()
    list(replay_events(in_time([*drawn, END]), engine))
    last = max(engine.now, END.at) + 121
    engine.advance(last, [Tick(at=last)])
    for one in engine.incidents:
        asked = one.harm is Harm.UNKNOWN and one.priority is Priority.NORMAL
        assert not asked or one.status is Status.RESOLVED or one.muted_until or one.parent


def check_silence_resolves_nothing(drawn: list[Event], _: int) -> None:
    """8: when all evidence stops, nothing is resolved that the last fresh evidence had not resolved."""
    kept = [event for event in drawn if not (isinstance(event, Probe) and event.scope.kind == "support_line")]
    ticks = [Tick(at=END.at + 60 * number) for number in range(60)]
    last = max((event.at for event in kept), default=0.0)
    for line in run([*kept, *ticks]):
        assert line.change is not Change.RESOLVED or line.at <= last + 300
        assert line.change is not Change.LOWERED or line.at <= last + 300


def check_each_end_has_its_beginning(drawn: list[Event], _: int) -> None:
    """A client hears that it is over where he was told that it began, this time and not the one before; and what comes
    back says what is seen now: as its harm is, so is its reason."""
    told: set[str] = set()
    for line in run([*drawn, END]):
        if line.change in (Change.OPENED, Change.REOPENED):
            told.discard(line.incident)
        elif line.audience is Audience.CLIENT:
            assert line.status is not Status.RESOLVED or line.incident in told
            told.add(line.incident)
        if line.change is Change.REOPENED:
            assert line.reason.startswith(("it is back (flap ", "muted, ", "it waits, "))
            certain = line.scope.kind == "customer" and "probes of " in line.reason
            assert not certain or line.harm is Harm.CONFIRMED


def check_ack_is_no_end(drawn: list[Event], seed: int) -> None:
    """5: an acknowledgement changes no priority and no clock, and the company hears on."""
    plain = run([*drawn, END])
    opened = [line for line in plain if line.change is Change.OPENED]
    if not opened:
        return
    line = opened[seed % len(opened)]
    ack = Said(at=line.at + STEP, act="ack", incident=line.incident, actor="anna")
    if any(isinstance(each, Tick) and (each.away_since or END.at) < ack.at <= each.at for each in drawn):
        return  # who acknowledges while nobody is said to watch shows that somebody did
    until = Tick(at=max(END.at, ack.at))  # or what only the later end of one run lets happen is compared
    acked, plain = run([*drawn, ack, until]), run([*drawn, until])

    def told(lines: list[Transition]) -> list[tuple[object, ...]]:
        return sorted(  # in which order an instant tells them is nothing
            (one.at, one.incident, one.harm, one.priority, one.change, one.audience or "")
            for one in lines
            if one.audience is not Audience.ON_CALL and one.change is not Change.ACKNOWLEDGED
        )

    assert told(acked) == told(plain)


def _height(notice: Transition) -> tuple[int, int]:
    """How far up a notice goes: the queue and the client's liaison below those on call, everyone above."""
    order = {Audience.QUEUE: 0, Audience.CLIENT: 0, Audience.ON_CALL: 1, Audience.COMPANY: 2}
    return order[notice.audience or Audience.QUEUE], int(notice.notice.rsplit(".", 1)[1])


def check_failure_goes_up(drawn: list[Event], seed: int) -> None:
    """6: a notice that reached nobody leads to another one in the same instant, further up."""
    notices = [line for line in run([*drawn, END]) if line.notice and line.status is not Status.RESOLVED]
    if not notices:
        return
    lost = notices[seed % len(notices)]
    failed = DeliveryFailed(at=lost.at + 1, notice=lost.notice)
    after = run([*(event for event in drawn if event.at <= lost.at), failed])
    sent = [
        line
        for line in after
        if line.at == failed.at and f"notice {lost.notice} reached nobody" in line.reason
    ]
    assert len(sent) == 1
    assert _height(sent[0]) > _height(lost)


CHECKS: list[Callable[[list[Event], int], None]] = [
    check_order_is_nothing,
    check_cut_is_nothing,
    check_future_changes_nothing,
    check_money_is_no_harm,
    check_lowering_is_named,
    check_normal_is_verified,
    check_asking_ends,
    check_silence_resolves_nothing,
    check_each_end_has_its_beginning,
    check_ack_is_no_end,
    check_failure_goes_up,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_invariant(check: Callable[[list[Event], int], None]) -> None:
    given(events, st.integers(0, 10_000))(SMALL(lambda drawn, seed: check(drawn, seed)))()


@SMALL
@given(rounds(), probes)
def test_more_harm_never_lowers(drawn: list[Event], more: Probe) -> None:
    check_harm_never_lowers(drawn, more)


@SMALL
@given(rounds(), st.integers(0, 10_000))
def test_less_health_never_lowers(drawn: list[Event], seed: int) -> None:
    check_health_is_needed(drawn, seed)


CHUNK = 2_000


@pytest.mark.nightly
@pytest.mark.parametrize("chunk", range(10))
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_invariant_at_length(check: Callable[[list[Event], int], None], chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        check(thrown(seed), seed)


@pytest.mark.nightly
@pytest.mark.parametrize("chunk", range(10))
def test_harm_and_health_at_length(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        drawn = thrown_rounds(seed)
        dice = random.Random(seed)  # noqa: S311
        at = START + STEP * dice.randint(0, STEPS)
        more = Probe(at=at, scope=Scope("customer", "c1"), vantage=dice.choice("abcd"), ok=False)
        check_harm_never_lowers(drawn, more)
        check_health_is_needed(drawn, seed)
