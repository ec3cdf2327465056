"""Slow burns: sums over their windows against a reference that keeps every telling; what opens, and what ends it."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.engine import Engine
from incidents.engine.limits import limits_of
from incidents.engine.state import State
from incidents.engine.traffic import take_traffic
from incidents.engine.windows import errors_known, sum_window
from incidents.events import Event, Probe, Traffic
from incidents.evidence.usage import Served, TrafficTold
from incidents.model import Change, Harm, Priority, Scope, Status, Transition
from incidents.policy import Policy, SlowBurn, problems
from incidents.replay import replay_events
from pipeline.configured import Duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.engine.state import Cell, Past

START = 1_793_491_200.0
HOUR = 60
POLICY = Policy()
LIMITS = limits_of(POLICY)

Row = tuple[int, str, str, int, int, int]

tellings = st.lists(
    st.tuples(
        st.integers(0, 480),  # a minute
        st.sampled_from(["e1", "e2"]),
        st.sampled_from(["c1", "c2", ""]),
        st.integers(0, 50),  # requests
        st.integers(0, 9),  # errors
        st.integers(0, 3),  # when it was told, which decides between two
    ),
    min_size=1,
    max_size=60,
)


def told_last(rows: Iterable[Row]) -> dict[tuple[int, str, str], Traffic]:
    """The reference: of every minute the word that counts, the latest one, of one instant the worst."""
    best: dict[tuple[int, str, str], tuple[int, int, int]] = {}
    for minute, edge, customer, requests, errors, told in rows:
        key = minute, edge, customer
        best[key] = max(best.get(key, (-1, 0, 0)), (told, min(errors, requests), requests))
    return {
        (minute, edge, customer): event(minute, edge, customer, requests, errors, told)
        for (minute, edge, customer), (told, errors, requests) in best.items()
    }


def event(minute: int, edge: str, customer: str, requests: int, errors: int, told: int = 0) -> Traffic:
    at = START + 60 * minute
    return Traffic(
        at=at + 60 + told, edge=edge, customer=customer, minute=at, requests=requests, errors_5xx=errors,
        origin_5xx=errors // 2,
    )  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(tellings, st.integers(0, 1000), st.sampled_from([60, 300, 1800, 3600, 21_600]))
def test_sums_of_windows_are_exact(rows: list[Row], seed: int, window: int) -> None:
    """Whatever order minutes are told in, twice, late or corrected: as if each had been told once, at its end."""
    dice = random.Random(seed)  # noqa: S311
    again = [row for row in rows for _ in range(dice.randint(1, 2))]
    dice.shuffle(again)
    state = State()
    for minute, edge, customer, requests, errors, told in again:
        take_traffic(state, event(minute, edge, customer, requests, min(errors, requests), told), LIMITS)
        if dice.random() < 0.1:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)
    known = told_last(rows)

    def check(cells: list[Cell], past: Past | None, mine: list[Traffic]) -> None:
        last = max(one.minute for one in mine)
        within = [one for one in mine if last - window < one.minute <= last]
        burn = sum_window(cells, past, last - window, last)
        assert burn.requests == sum(one.requests for one in within)
        assert burn.errors == sum(one.errors_5xx for one in within)
        assert burn.origin == sum(one.origin_5xx for one in within)
        assert burn.minutes == len({one.minute for one in within})
        assert burn.at == max(one.at for one in within)
        assert burn.first <= min(one.minute for one in within) < burn.first + 300
        assert errors_known(cells, past) >= burn.errors

    for name, traffic in state.traffic.items():
        for customer, pair in traffic.pairs.items():
            mine = {key for key in known if key[1:] == (name, customer)}
            check(pair.cells, pair.past, [known[key] for key in mine])
        if any(traffic.pairs.keys() - {""}):
            theirs = [one for key, one in known.items() if key[1] == name and key[2]]
            check(traffic.sums, traffic.past, theirs)


def test_what_is_remembered_is_bounded() -> None:
    state = State()
    for minute in range(3 * 24 * HOUR):
        take_traffic(state, event(minute, "e1", "c1", 1000, 3), LIMITS)
    (pair,) = state.traffic["e1"].pairs.values()
    assert pair.past is not None
    assert len(pair.cells) == 5
    assert len(pair.past.slots) <= 73
    assert pair.past.errors == sum(slot.errors for slot in pair.past.slots)
    assert len(msgspec.msgpack.encode(pair)) < 12_000


def play(told: Iterable[Event], policy: Policy = POLICY) -> tuple[list[Transition], Engine]:
    engine = Engine(policy)
    return list(replay_events(sorted(told, key=lambda each: each.at), engine)), engine


def minutes(
    first: int,
    after: int,
    share: str,
    *,
    edges: tuple[str, ...] = ("e1", "e2"),
    requests: int = 1000,
    **more: str,
) -> list[Event]:
    errors = int(Fraction(share) * requests)
    customer = more.get("customer", "c1")
    return [
        event(minute, edge, customer, requests, errors) for minute in range(first, after) for edge in edges
    ]


def raised(made: Iterable[Transition]) -> set[tuple[str, Priority]]:
    return {(str(one.scope), one.priority) for one in made if one.priority is not Priority.NORMAL}


def probed(first: int, after: int) -> list[Event]:
    return [
        Probe(at=START + 60 * minute + 30, scope=Scope("customer", "c1"), vantage=vantage, ok=True)
        for minute in range(first, after)
        for vantage in ("a", "b")
    ]


@pytest.mark.parametrize("healthy", [True, False], ids=["probed", "unprobed"])
def test_a_slow_burn_is_paged_never_more_and_ends(healthy: bool) -> None:
    """1 % of errors is under the fast rate, and uses up a month's budget in three days."""
    told = minutes(0, 60, "0") + minutes(60, 360, "0.01") + minutes(360, 420, "0")
    made, _ = play([*told, *(probed(0, 420) if healthy else [])])
    assert {one.scope for one in made} == {Scope("customer", "c1")}
    assert {one.harm for one in made} == {Harm.SUSPECTED}
    assert {one.priority for one in made} == {Priority.HIGH}
    opened = next(one for one in made if one.change is Change.OPENED)
    assert START + 3600 < opened.at <= START + 5 * 3600
    assert "burn 6 times what the objective allows, over 6 h" in opened.reason
    (closed,) = [one for one in made if one.change is Change.RESOLVED]
    assert START + 60 * (360 + 10) < closed.at <= START + 60 * (360 + 30 + 12)
    assert made[-1].status is Status.RESOLVED


def test_few_errors_open_nothing() -> None:
    """Three in an hour, of a hundred requests; and less than the objective allows, for hours."""
    few = [
        event(minute, edge, "c1", 2, int(minute % 40 == 7)) for minute in range(60) for edge in ("e1", "e2")
    ]
    assert play(few)[0] == []
    assert play(minutes(0, 400, "0.005"))[0] == []


def test_a_fast_burn_ends_by_the_fast_window() -> None:
    """What was an outage for 15 minutes is over after ten clean ones, though a longer window still holds its errors."""
    made, engine = play(minutes(0, 120, "0") + minutes(120, 135, "1/5") + minutes(135, 400, "0"))
    (incident,) = engine.incidents or (None,)
    assert incident is None or incident.status is Status.RESOLVED
    resolved = [one for one in made if one.change is Change.RESOLVED]
    assert len(resolved) == 1
    assert resolved[0].at <= START + 60 * (135 + 5 + 12)
    assert [one.change for one in made].count(Change.OPENED) == 1
    assert Change.REOPENED not in {one.change for one in made}


def test_a_slow_burn_behind_a_fast_one_keeps_it_open() -> None:
    made, engine = play(minutes(0, 120, "0") + minutes(120, 135, "1/5") + minutes(135, 200, "0.01"))
    (incident,) = engine.incidents
    assert incident.status is Status.OPEN
    assert incident.priority is Priority.COMPANY_WIDE
    assert Change.RESOLVED not in {one.change for one in made}


def test_a_slow_burn_grows_to_a_fast_one() -> None:
    made, _ = play(minutes(0, 240, "0.01") + minutes(240, 250, "1/5"))
    assert {str(one.scope) for one in made} == {str(Scope("customer", "c1"))}
    ranks = [one.priority for one in made if one.change in (Change.OPENED, Change.RAISED)]
    assert ranks == [Priority.HIGH, Priority.COMPANY_WIDE]


def test_little_traffic_burns_too() -> None:
    """Eight requests a minute, three of which fail: the fast window has too few, the hour has not."""
    made, _ = play(minutes(0, 60, "2/5", requests=8))
    assert raised(made) == {(str(Scope("customer", "c1")), Priority.HIGH)}
    made, _ = play(minutes(0, 60, "1", requests=8))
    assert (str(Scope("customer", "c1")), Priority.COMPANY_WIDE) in raised(made), (
        "not served, and not verified"
    )


def test_an_edge_burns_slowly() -> None:
    """Of one edge's customers, while they are fine elsewhere: the edge's, one incident."""
    told = minutes(0, 300, "0.01", edges=("e1",)) + minutes(0, 300, "0", edges=("e2",))
    told += minutes(0, 300, "0.01", edges=("e1",), customer="c2") + minutes(
        0, 300, "0", edges=("e2",), customer="c2"
    )
    made, _ = play(told)
    assert raised(made) == {(str(Scope("edge", "e1")), Priority.HIGH)}


def test_a_customers_burn_is_not_his_edges() -> None:
    told = minutes(0, 300, "0.05") + minutes(0, 300, "0", customer="c2", requests=2000)
    made, _ = play(told)
    assert {one.scope for one in made} == {Scope("customer", "c1")}
    told = minutes(0, 300, "0.011") + minutes(0, 300, "0", customer="c2", requests=200)
    made, _ = play(told)
    assert {one.scope for one in made} == {Scope("customer", "c1")}


def test_minutes_of_errors_alone_are_no_share() -> None:
    """Told only where errors are, one minute in twenty: nobody knows what the others were."""
    told = [event(minute, edge, "c1", 40, 2) for minute in range(7, 360, 20) for edge in ("e1", "e2")]
    assert play(told)[0] == []
    rest = [
        event(minute, edge, "c1", 40, 0) for minute in range(360) if minute % 20 != 7 for edge in ("e1", "e2")
    ]
    assert play(told + rest)[0] == []


def test_what_is_told_for_its_errors_is_no_fall() -> None:
    """A crowd leaves while a customer's minutes are told for a few errors of his: nobody has asked for his level."""
    crowd = minutes(0, 20, "0.001", requests=2000) + minutes(20, 40, "0", requests=100)
    assert play(crowd)[0] != []
    for_errors = [msgspec.structs.replace(one, for_errors=True) for one in crowd if isinstance(one, Traffic)]
    assert play(for_errors)[0] == []


def test_of_who_has_errors_good_minutes_are_told_too() -> None:
    """Two errors of 60 requests would page everyone; of the 600 of the burn window they are nothing."""
    served = {
        ("e1", minute): {"c1": Served(120, 2 * (minute == 4)), "c2": Served(900)} for minute in range(5)
    }
    told = TrafficTold().lines(served, set(served), set(), START)
    assert [(line["requests"], line["errors_5xx"]) for line in told if line.get("customer") == "c1"] == [
        (120, 0), (120, 0), (120, 0), (120, 0), (120, 2),
    ]  # fmt: skip
    assert all(line["for_errors"] for line in told if line.get("customer"))
    assert "c2" not in {line.get("customer") for line in told}


def test_many_edges_that_serve_alike_all_matter() -> None:
    edges = tuple(f"e{number:02d}" for number in range(30))
    made, _ = play(minutes(0, 5, "1/5", edges=edges, requests=100))
    assert (str(Scope("customer", "c1")), Priority.COMPANY_WIDE) in raised(made)


def test_pairs_are_configured_and_checked() -> None:
    def span(text: str) -> Duration:
        return Duration.parse(text)

    assert problems(Policy(slow_burn=())) == []
    wrong = Policy(
        slow_burn=(
            SlowBurn(rate="2000", long=span("5m"), short=span("30s")),
            SlowBurn(rate="1", long=span("1h"), short=span("1h")),
        ),
        restart_grace=span("1h"),
    )
    assert [found.key for found in problems(wrong)] == [
        ("slow_burn", 0, "rate"), ("slow_burn", 0, "long"), ("slow_burn", 0, "short"), ("slow_burn", 1, "short"),
        ("restart_grace",),
    ]  # fmt: skip
    assert play(minutes(0, 300, "0.01"), Policy(slow_burn=()))[0] == []
