"""Evidence drawn at random over a small CDN: two customers, two edges, three vantage points, half an hour long."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from msgspec.structs import replace

from incidents.engine import Engine
from incidents.events import (
    Counter,
    EdgeAct,
    Event,
    Gap,
    GapClosed,
    Maintenance,
    Probe,
    Request,
    Segment,
    Tick,
    Traffic,
)
from incidents.model import MoneyRate, Scope
from incidents.replay import replay_events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.model import Transition
    from incidents.policy import Policy

START = 1_793_491_200.0
STEP = 30.0
STEPS = 70

steps = st.integers(0, STEPS)
times = steps.map(lambda step: START + STEP * step)
minutes = steps.map(lambda step: START + 60 * (step // 2))
customers = st.sampled_from(["c1", "c2"])
edges = st.sampled_from(["e1", "e2"])
vantages = st.sampled_from(["a", "b", "c"])
SCOPES = [
    Scope("customer", "c1"),
    Scope("customer", "c2"),
    Scope("edge", "e1"),
    Scope("edge", "e2"),
    Scope("origin", "c1"),
    Scope("control", "detector"),
    Scope("support_line", "line"),
]
targets = st.sampled_from(SCOPES)
money = st.sampled_from([None, MoneyRate("1", "2", "3"), MoneyRate("1000", "2000", "3000")])


@st.composite
def spans(draw: st.DrawFn) -> tuple[float, float]:
    first, length = draw(st.integers(0, 30)), draw(st.integers(1, 8))
    return START + 60 * first, START + 60 * (first + length)


@st.composite
def traffic(draw: st.DrawFn) -> Traffic:
    minute = draw(minutes)
    requests = draw(st.sampled_from([0, 40, 1000, 1000, 1000]))
    errors = draw(st.sampled_from([0, 0, 0, requests // 5]))
    return Traffic(
        at=minute + 60,
        edge=draw(edges),
        minute=minute,
        requests=requests,
        customer=draw(st.sampled_from(["", "c1", "c2"])),
        errors_5xx=errors,
        origin_5xx=draw(st.sampled_from([0, errors])),
    )


@st.composite
def gaps(draw: st.DrawFn) -> Gap:
    since, until = draw(spans())
    hit = draw(st.sampled_from([(), ("c1",), ("c1", "c2")]))
    return Gap(
        at=draw(times), edge=draw(edges), since=since, until=until, loss_class="missing", customers=hit,
        per_minute=draw(money),
    )  # fmt: skip


@st.composite
def closings(draw: st.DrawFn) -> GapClosed:
    since, until = draw(spans())
    return GapClosed(at=draw(times), edge=draw(edges), since=since, until=until)


@st.composite
def works(draw: st.DrawFn) -> Maintenance:
    since, until = draw(spans())
    scope = draw(st.sampled_from([Scope("edge", "e1"), Scope("customer", "c1"), Scope("all", "all")]))
    return Maintenance(at=draw(times), scope=scope, since=since, until=until)


probes = st.builds(Probe, at=times, scope=targets, vantage=vantages, ok=st.booleans())
others = st.one_of(
    traffic(),
    st.builds(Counter, at=times, edge=edges, requests_total=st.integers(0, 5000), bytes_sent_total=st.just(0)),
    st.builds(Segment, at=times, edge=edges, minute=minutes, state=st.just("received")),
    gaps(),
    closings(),
    st.builds(EdgeAct, at=times, edge=edges, action=st.sampled_from(["add", "decommission", "pause", "resume"])),
    works(),
    st.builds(
        Request, at=times, id=st.sampled_from(["r1", "r2"]), customer=customers,
        kind=st.sampled_from(["technical", "billing"]), solved=st.booleans(),
    ),
    st.builds(Tick, at=times, away_since=st.one_of(st.none(), times)),
)  # fmt: skip
events = st.lists(st.one_of(probes, probes, others), min_size=1, max_size=40)


@st.composite
def rounds(draw: st.DrawFn) -> list[Event]:
    """Probes made as a prober makes them: each vantage point looks at every customer, minute by minute."""
    count = draw(st.integers(2, 24))
    seen_from = draw(st.integers(1, 3))
    return [
        Probe(
            at=START + 60 * number, scope=Scope("customer", customer), vantage=vantage,
            ok=draw(st.sampled_from([True, True, False])),
        )
        for number in range(count)
        for vantage in "abc"[:seen_from]
        for customer in ("c1", "c2")
    ]  # fmt: skip


def thrown(seed: int) -> list[Event]:
    """Like `events`, by plain dice: a hundred times faster, for runs of many thousands; nothing is shrunk."""
    dice = random.Random(seed)  # noqa: S311
    return [_throw(dice) for _ in range(dice.randint(1, 60))]


def thrown_rounds(seed: int) -> list[Event]:
    """Like `rounds`, by plain dice."""
    dice = random.Random(seed)  # noqa: S311
    count, seen_from, health = dice.randint(2, 40), dice.randint(1, 3), dice.choice([0.3, 0.6, 0.9, 0.97])
    return [
        Probe(
            at=START + 60 * number,
            scope=Scope("customer", customer),
            vantage=vantage,
            ok=dice.random() < health,
        )
        for number in range(count)
        for vantage in "abc"[:seen_from]
        for customer in ("c1", "c2")
    ]


def thrown_losses(seed: int) -> list[Event]:
    """Lost minutes of one edge, some of which name whom they hit, and few looks at the clients there."""
    dice = random.Random(seed)  # noqa: S311
    drawn: list[Event] = []
    for _ in range(dice.randint(4, 14)):
        event = _throw(dice)
        at = START + STEP * dice.randint(0, 20)
        if isinstance(event, Gap):
            drawn.append(replace(event, edge="e1", at=at))
        elif isinstance(event, Traffic):
            drawn.append(replace(event, edge="e1", errors_5xx=0))
        else:
            client = Scope("customer", dice.choice(["c1", "c2"]))
            drawn.append(Probe(at=at, scope=client, vantage="a", ok=dice.random() < 0.9))
    return [*drawn, Gap(at=START, edge="e1", since=START - 60, until=START, loss_class="missing")]


def _throw(dice: random.Random) -> Event:
    at = START + STEP * dice.randint(0, STEPS)
    minute = START + 60 * dice.randint(0, STEPS // 2)
    edge, customer = dice.choice(["e1", "e2"]), dice.choice(["c1", "c2"])
    since = START + 60 * dice.randint(0, 30)
    until = since + 60 * dice.randint(1, 8)
    kind = dice.choices(range(10), [30, 12, 5, 2, 6, 4, 2, 3, 3, 3])[0]
    if kind == 0:
        return Probe(at=at, scope=dice.choice(SCOPES), vantage=dice.choice("abc"), ok=dice.random() < 0.6)
    if kind == 1:
        requests = dice.choice([0, 40, 1000, 1000, 1000])
        errors = dice.choice([0, 0, 0, requests // 5])
        return Traffic(
            at=minute + 60, edge=edge, minute=minute, requests=requests, errors_5xx=errors,
            customer=dice.choice(["", "c1", "c2"]), origin_5xx=dice.choice([0, errors]),
        )  # fmt: skip
    if kind == 2:
        return Counter(at=at, edge=edge, requests_total=dice.randint(0, 5000), bytes_sent_total=0)
    if kind == 3:
        return Segment(at=at, edge=edge, minute=minute, state="received")
    if kind == 4:
        hit = dice.choice([(), ("c1",), ("c1", "c2")])
        rate = dice.choice([None, MoneyRate("1", "2", "3"), MoneyRate("1000", "2000", "3000")])
        return Gap(
            at=at, edge=edge, since=since, until=until, loss_class="missing", customers=hit, per_minute=rate
        )
    if kind == 5:
        return GapClosed(at=at, edge=edge, since=since, until=until)
    if kind == 6:
        return EdgeAct(at=at, edge=edge, action=dice.choice(["add", "decommission", "pause", "resume"]))
    if kind == 7:
        scope = dice.choice([Scope("edge", "e1"), Scope("customer", "c1"), Scope("all", "all")])
        return Maintenance(at=at, scope=scope, since=since, until=until)
    if kind == 8:
        return Request(
            at=at, id=dice.choice(["r1", "r2"]), customer=customer, kind=dice.choice(["technical", "billing"]),
            solved=dice.random() < 0.3,
        )  # fmt: skip
    return Tick(at=at, away_since=dice.choice([None, at - 60 * dice.randint(0, 20)]))


def in_time(drawn: Iterable[Event]) -> list[Event]:
    """As a file of events is taken."""
    return sorted(drawn, key=lambda event: event.at)


def run(drawn: Iterable[Event], policy: Policy | None = None) -> list[Transition]:
    """All that the engine makes of it."""
    return list(replay_events(in_time(drawn), Engine(policy)))
