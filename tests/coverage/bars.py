"""What the tests of the bars share: a scenario drawn, checked by coverage itself, judged, and its figures printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadtest.fleet_judge import judge
from loadtest.fleet_ledger import draw_fleet
from loadtest.fleet_scenario import read_scenario
from loadtest.fleet_store import FleetStore, check_fleet

if TYPE_CHECKING:
    from loadtest.fleet_judge import Score
    from loadtest.fleet_ledger import FleetRun
    from loadtest.fleet_scenario import Scenario

SIZES = [pytest.param(False, id="small"), pytest.param(True, id="month", marks=pytest.mark.nightly)]
"""A few edges and hours, in seconds; or a month of 50 edges."""

size = pytest.mark.parametrize("full", SIZES)


def scenario_of(name: str, *, full: bool, **changes: object) -> Scenario:
    """A scenario at one of its sizes, with some keys of its fleet changed."""
    scenario = read_scenario(name)
    return (scenario.full() if full else scenario).changed(**changes)


def score_of(name: str, *, full: bool, **changes: object) -> tuple[FleetRun, FleetStore, Score]:
    """The scenario, looked at once after all has come."""
    run = draw_fleet(scenario_of(name, full=full, **changes))
    store = FleetStore(run)
    score = judge(run, check_fleet(store).gaps)
    print(f"\n{name}: {score}")
    return run, store, score
