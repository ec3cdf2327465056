"""Planted silence: every minute is found, raised in time, under its edge and stream, and never before it is due."""

from __future__ import annotations

import pytest

from loadtest.fleet_ledger import draw_fleet
from loadtest.fleet_store import ALLOWANCE_S, FleetStore, check_fleet
from pipeline.coverage.model import GapState, LossClass, State
from tests.coverage.bars import scenario_of, score_of, size


@size
@pytest.mark.parametrize("name", ["silence", "stream-silence", "borders"])
def test_every_silent_minute_is_found_and_nothing_else(name: str, full: bool) -> None:
    run, _, score = score_of(name, full=full)
    assert score.planted == len(run.truth.planted) > 0
    assert score.recall == 1.0
    assert score.cells_found == score.cells
    assert not score.false
    assert not score.misnamed
    assert score.doubled == 0


@size
def test_a_silent_edge_is_raised_within_the_allowance_and_a_minute(full: bool) -> None:
    run = draw_fleet(scenario_of("silence", full=full))
    waits = []
    for planted in run.truth.planted[:60]:
        deadline = (planted.first + 1) * 60 + ALLOWANCE_S
        store = FleetStore(run)
        early = check_fleet(store, now=deadline - 1, first=planted.first - 5, after=planted.first + 1)
        row = early.coverage.streams.index(_stream(planted.edge, planted.streams[0]))
        assert early.coverage.states[row, -1] == State.LATE
        assert not [gap for gap in early.gaps if gap.loss.first <= planted.first < gap.loss.after]
        check_fleet(store, now=deadline + 60, first=planted.first - 5, after=planted.first + 1)
        gaps = [gap for gap in store.gaps() if gap.loss.stream.edge == planted.edge]
        found = {gap.loss.stream.stream for gap in gaps if gap.loss.first == planted.first}
        assert found == set(planted.streams)
        waits += [gap.first_seen - (planted.first + 1) * 60 for gap in gaps]
    print(
        f"\nsilence: raised {max(waits):.0f} s after the minute's end, the allowance is {ALLOWANCE_S:.0f} s"
    )
    assert max(waits) <= ALLOWANCE_S + 60


def _stream(edge: str, stream: str) -> object:
    from pipeline.coverage.model import Stream

    return Stream(edge, stream)


@size
def test_one_streams_collector_dead_names_that_stream_alone(full: bool) -> None:
    run, store, _ = score_of("stream-silence", full=full)
    gaps = store.gaps()
    assert {gap.loss.stream.stream for gap in gaps} == {"video"}
    assert {gap.loss.kind for gap in gaps} == {LossClass.MISSING}
    assert len(gaps) == len(run.truth.planted)


def test_gaps_at_both_ends_and_before_the_first_log_have_their_own_minutes() -> None:
    run, store, score = score_of("borders", full=False)
    planted = {(p.edge, p.first, p.after) for p in run.truth.planted}
    found = {(gap.loss.stream.edge, gap.loss.first, gap.loss.after) for gap in store.gaps()}
    assert found == planted
    # An edge that never spoke is missing all the time, since the configuration expects it.
    assert ("e5", run.fleet.first, run.fleet.after) in found
    assert score.cells == 1 + 1 + 45 + 30 + 240


def test_a_long_silence_is_one_gap_that_grows_and_keeps_its_name() -> None:
    run = draw_fleet(scenario_of("silence", full=False))
    planted = max(run.truth.planted, key=lambda loss: loss.after - loss.first)
    store = FleetStore(run)
    for minute in range(planted.first, planted.after + 1):
        check_fleet(store, now=minute * 60 + ALLOWANCE_S + 61, first=planted.first - 5, after=minute + 1)
    gaps = [versions for versions in store.history.values() if versions[0].loss.first == planted.first]
    assert len(gaps) == len(planted.streams)
    for versions in gaps:
        assert versions[-1].loss.after == planted.after
        assert {gap.first_seen for gap in versions} == {versions[0].first_seen}
        assert versions[-1].state is GapState.OPEN
