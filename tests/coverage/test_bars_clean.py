"""Nothing lost: nights, holidays, crowds, maintenance, and what disturbs numbers, clocks and counters: no gap."""

from __future__ import annotations

import pytest

from loadtest.fleet_ledger import draw_fleet
from loadtest.fleet_store import ALLOWANCE_S, FleetStore, check_fleet
from pipeline.coverage.model import GapState, LossClass, State
from tests.coverage.bars import scenario_of, score_of, size


@size
@pytest.mark.parametrize("name", ["clean", "disturbed", "roster", "late"])
def test_no_gap_where_nothing_is_lost(name: str, full: bool) -> None:
    run, store, score = score_of(name, full=full)
    assert run.truth.minutes() == 0
    assert len(run.ledger) > 0.7 * len(run.fleet.pairs) * run.fleet.minutes
    assert score.gaps == 0, [gap.loss for gap in store.gaps()][:5]


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_no_gap_with_other_seeds(seed: int) -> None:
    for name in ("clean", "disturbed"):
        _, store, score = score_of(name, full=False, seed=seed)
        assert score.gaps == 0, [gap.loss for gap in store.gaps()][:5]


def test_maintenance_is_paused_from_the_next_minute_to_the_one_of_the_resume() -> None:
    run = draw_fleet(scenario_of("roster", full=False))
    coverage = check_fleet(FleetStore(run)).coverage
    states = {stream.edge: coverage.states[row] for row, stream in enumerate(coverage.streams)}
    # Paused at 40 s of minute 200, resumed at 40 s of minute 259: both are partly served.
    assert (states["e3"][201:259] == State.PAUSED).all()
    assert set(states["e3"][[200, 259]]) <= {State.RECEIVED, State.EMPTY}
    assert (states["e1"][:100] == State.NONE).all()
    assert (states["e2"][-120:] == State.DECOMMISSIONED).all()


def test_a_day_late_is_raised_and_closed_with_both_figures() -> None:
    run = draw_fleet(scenario_of("late", full=False))
    store = FleetStore(run)
    check_fleet(store, now=run.fleet.after * 60 + ALLOWANCE_S + 60)
    raised = store.gaps()
    assert len(raised) == 6
    assert {gap.loss.kind for gap in raised} == {LossClass.MISSING}
    check_fleet(store, now=run.fleet.after * 60 + 90_000)
    for versions in store.history.values():
        assert [gap.state for gap in versions] == [GapState.OPEN, GapState.CLOSED]
        assert versions[0].loss.lost_bytes.expected > 0
        assert versions[0].first_seen == versions[1].first_seen < versions[1].updated


def test_our_own_downtime_is_unknown_and_never_a_loss() -> None:
    run = draw_fleet(scenario_of("downtime", full=False))
    (planted,) = run.truth.planted
    store = FleetStore(run)
    seen: set[State] = set()
    for minute in range(run.fleet.first + 50, run.fleet.first + 330, 3):
        now = minute * 60.0
        if any(since <= now < until for since, until in _down(run.beats)):
            continue
        checked = check_fleet(store, now=now, first=run.fleet.first, after=minute)
        seen |= {State(value) for value in set(checked.coverage.states.ravel().tolist())}
        for gap in store.gaps():
            assert (gap.loss.stream.edge, gap.loss.first, gap.loss.after) == (
                planted.edge,
                planted.first,
                planted.after,
            )
    assert State.UNKNOWN in seen
    assert len(store.gaps()) == 1


def _down(beats: object) -> list[tuple[float, float]]:
    import numpy as np

    times = np.asarray(beats, float)
    ends = np.flatnonzero(np.diff(times) > 60)
    return [(float(times[end]), float(times[end + 1])) for end in ends]
