"""Days of a fleet's traffic through the feeds and the engine: clean days wake nobody, what is hurt is seen at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from incidents.engine import Engine
from incidents.events import event_of
from incidents.evidence.lines import evidence_of
from incidents.model import Audience, Change, Priority, Scope, Status
from incidents.policy import Policy
from incidents.words import instant_text
from loadtest.fleet_ledger import draw_fleet
from loadtest.fleet_scenario import read_scenario
from loadtest.fleet_usage import FleetUsage
from pipeline.app.watch.live_usage import LiveUsage

if TYPE_CHECKING:
    from typing import Any

    from incidents.model import Transition

POLICY = Policy()
SMALL = {"edges": 4, "minutes": 2880, "lines": 2000.0, "flashes": 6, "night_zero": 50, "holidays": (1,)}


def play(
    usage: FleetUsage,
    *,
    probes: bool,
    first: int = 0,
    minutes: int | None = None,
    counters: bool = True,
    step_s: int = 30,
) -> tuple[Engine, list[Transition]]:
    """The days, half a minute at a time: usage and counters as they come in, and probes that are fine."""
    fleet, engine = usage.run.fleet, Engine(POLICY)
    made: list[Transition] = []

    def open_customers() -> set[str]:
        return {
            name for each in engine.incidents if each.status is not Status.RESOLVED for name in each.customers
        }

    live = LiveUsage(usage, POLICY, lambda name: name, open_customers, rest=0)  # type: ignore[arg-type]
    readings = sorted(usage.run.readings, key=lambda each: each.at) if counters else []
    place = 0
    begin = fleet.start_s + first * 60
    for now in range(begin, begin + 60 * (minutes or fleet.minutes), step_s):
        usage.now = float(now)
        lines: list[dict[str, Any]] = live.step(float(now))
        while place < len(readings) and readings[place].at <= now:
            reading = readings[place]
            place += 1
            if reading.at > begin:
                lines.append(
                    {"at": instant_text(reading.at), "type": "counter", "edge": reading.edge,
                     "requests_total": reading.requests_total, "bytes_sent_total": reading.bytes_sent_total}
                )  # fmt: skip
        if probes and now % 60 == 0:
            lines += [
                {"at": instant_text(now), "type": "probe", "customer": name, "vantage": vantage, "ok": True}
                for name in usage.customers
                for vantage in ("v1", "v2")
            ]
        events = [event for line in lines if (event := event_of(evidence_of(line, now))) is not None]
        made += engine.advance(float(now), events)
    return engine, made


def escalations(made: list[Transition]) -> list[Transition]:
    return [each for each in made if each.priority is not Priority.NORMAL]


@pytest.mark.parametrize("probes", [True, False], ids=["probed", "unprobed"])
def test_clean_days_wake_nobody(probes: bool) -> None:
    """Nights without traffic, a holiday, crowds that come and go, maintenance."""
    usage = FleetUsage(draw_fleet(read_scenario("clean").changed(**SMALL)))
    _, made = play(usage, probes=probes)
    assert escalations(made) == []


@pytest.fixture(scope="module")
def month() -> FleetUsage:
    return FleetUsage(draw_fleet(read_scenario("clean").full()))


@pytest.mark.nightly
@pytest.mark.parametrize("day", range(0, 30, 2))
def test_thirty_clean_days_wake_nobody(month: FleetUsage, day: int) -> None:
    """A month of 50 edges, two days at a time."""
    _, made = play(month, probes=True, first=day * 1440, minutes=2880, step_s=60)
    assert escalations(made) == []


def test_errors_of_one_customer_are_seen_within_two_minutes() -> None:
    run = draw_fleet(
        read_scenario("clean").changed(**{**SMALL, "minutes": 900, "flashes": 0, "night_zero": 0})
    )
    begin = run.fleet.first + 840
    usage = FleetUsage(run, failing=[("c1", begin, begin + 30)])
    _, made = play(usage, probes=False, first=780, minutes=100)
    (first, *_) = [each for each in escalations(made) if each.change is Change.OPENED]
    assert first.scope == Scope("customer", "c1")
    assert first.at < begin * 60 + 150
    assert any(each.priority is Priority.COMPANY_WIDE for each in made)


def test_a_customer_whose_traffic_vanishes_is_noticed_and_his_probes_say_what_it_is() -> None:
    """Fine probes: the client is warned, and nobody is paged. None: somebody must look, at once."""
    run = draw_fleet(
        read_scenario("clean").changed(**{**SMALL, "minutes": 2880, "flashes": 0, "night_zero": 0})
    )
    begin = run.fleet.first + 2460
    usage = FleetUsage(run, gone=[("c1", begin, begin + 60)])
    _, made = play(usage, probes=True, first=2400, minutes=100, counters=False)
    assert {each.scope for each in made} == {Scope("customer", "c1")}
    assert escalations(made) == []
    assert {each.audience for each in made if each.audience} <= {Audience.QUEUE, Audience.CLIENT}
    assert any(each.audience is Audience.CLIENT for each in made)
    _, made = play(usage, probes=False, first=2400, minutes=100, counters=False)
    (first, *_) = escalations(made)
    assert (first.scope, first.priority) == (Scope("customer", "c1"), Priority.HIGH)
    assert begin * 60 < first.at < (begin + 6) * 60
