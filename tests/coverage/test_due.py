"""When a minute that is not in is late, missing or unknown: the allowance, and times in which we were blind."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.coverage.model import State
from pipeline.coverage.states import due_of
from tests.coverage.reference_states import due_of_minute

FIRST = 29_891_520
END = (FIRST + 1) * 60.0
"""When the first minute ends."""
ALLOWANCE = 300.0


def due_at(now: float, beats: list[float], minutes: int = 1) -> list[State]:
    """What minutes are, `now` and beats in seconds after the first one's end."""
    due = due_of(
        FIRST,
        FIRST + minutes,
        now=END + now,
        allowance_s=ALLOWANCE,
        beats=END + np.array(beats, np.float64),
    )
    return [State(state) for state in due]


def watching(start: float, until: float) -> list[float]:
    return [*np.arange(start, until, 20.0).tolist(), until]


@given(
    st.lists(st.integers(-400, 2400).map(float), max_size=12),
    st.integers(-100, 2600),
    st.sampled_from([0, 45, 300]),
    st.integers(0, 25),
)
@example([0.0, 60.0, 121.0], 500, 300, 10)
def test_every_minute_is_what_the_reference_says(
    beats: list[float], now: int, allowance: int, minutes: int
) -> None:
    at = END + np.array(beats, np.float64)
    found = due_of(FIRST, FIRST + minutes, now=END + now, allowance_s=allowance, beats=at)
    assert found.dtype == np.uint8
    assert [State(state) for state in found] == [
        due_of_minute(minute, now=END + now, allowance_s=allowance, beats=at.tolist())
        for minute in range(FIRST, FIRST + minutes)
    ]


def test_without_beats_a_minute_is_late_until_its_allowance_has_passed() -> None:
    assert due_at(-0.001, []) == [State.NONE]
    assert due_at(0, []) == [State.LATE]
    assert due_at(299.999, []) == [State.LATE]
    assert due_at(300, []) == [State.MISSING]


def test_while_we_watch_it_is_the_same() -> None:
    assert due_at(299, watching(-900, 299)) == [State.LATE]
    assert due_at(300, watching(-900, 300)) == [State.MISSING]


def test_a_beat_a_minute_is_watching_and_a_moment_more_is_not() -> None:
    steady = [-60.0 * 5 + 60 * i for i in range(12)]
    assert due_at(300, [at for at in steady if at <= 300]) == [State.MISSING]
    assert due_at(301, [-300.0, 0, 61, 121, 181, 241, 300]) == [State.UNKNOWN]


def test_what_was_due_while_we_were_down_is_unknown_until_we_have_watched_for_an_allowance() -> None:
    down = watching(-900, 100) + watching(1000, 1299)
    assert due_at(1299, down) == [State.UNKNOWN]
    assert due_at(1300, [*down, 1300]) == [State.MISSING]


def test_what_was_missing_before_we_went_down_stays_missing() -> None:
    assert due_at(5000, watching(-900, 310)) == [State.MISSING]


def test_what_is_due_while_we_are_down_is_unknown() -> None:
    assert due_at(5000, watching(-900, 299)) == [State.UNKNOWN]


def test_a_second_downtime_moves_the_deadline_again_and_again() -> None:
    beats = watching(-900, 100) + watching(1000, 1200) + watching(2000, 2299)
    assert due_at(2299, beats) == [State.UNKNOWN]
    assert due_at(2300, [*beats, 2300]) == [State.MISSING]


def test_a_downtime_after_the_deadline_moves_nothing() -> None:
    assert due_at(2000, watching(-900, 400) + watching(1900, 2000)) == [State.MISSING]


def test_a_downtime_that_was_over_when_the_minute_ended_moves_nothing() -> None:
    beats = [-900.0, *watching(0, 300)]
    assert due_at(299, beats) == [State.LATE]
    assert due_at(300, beats) == [State.MISSING]


def test_what_was_due_before_we_first_watched_is_settled_an_allowance_after_we_began() -> None:
    beats = watching(10_000, 10_299)
    assert due_at(10_299, beats) == [State.UNKNOWN]
    assert due_at(10_300, [*beats, 10_300]) == [State.MISSING]


def test_beats_after_now_are_not_yet_known() -> None:
    assert due_at(100, watching(-900, 90) + watching(5000, 6000)) == [State.LATE]
    assert due_at(100, [5000.0]) == [State.UNKNOWN]


def due_with(now: float, beats: list[float], looks: list[float], minutes: int = 1) -> list[State]:
    due = due_of(
        FIRST,
        FIRST + minutes,
        now=END + now,
        allowance_s=ALLOWANCE,
        beats=END + np.array(beats, np.float64),
        looks=END + np.array(looks, np.float64),
    )
    return [State(state) for state in due]


def test_two_looks_an_allowance_apart_settle_what_fell_due_while_we_were_away() -> None:
    away = watching(-400, -100)
    assert due_with(90_000, away, []) == [State.UNKNOWN]
    assert due_with(90_000, away, [86_400]) == [State.UNKNOWN]  # it may be on its way
    assert due_with(90_000, away, [86_400, 86_699]) == [State.UNKNOWN]
    assert due_with(90_000, away, [86_400, 86_700]) == [State.MISSING]
    assert due_with(86_650, away, [86_400, 86_700]) == [State.UNKNOWN]  # the second is not yet
    assert due_with(90_000, away, [-60, 86_400]) == [State.UNKNOWN]  # one was before the minute's end
    # minutes that ended after the last but one wait for another
    assert due_with(1000, away, [0, 300], 3) == [State.MISSING, State.UNKNOWN, State.UNKNOWN]


@given(
    st.lists(st.integers(-400, 2400).map(float), max_size=12),
    st.lists(st.integers(-400, 2400).map(float), max_size=6),
    st.integers(-100, 2600),
)
def test_looks_only_make_missing_what_was_unknown(beats: list[float], looks: list[float], now: int) -> None:
    without, found = due_at(now, beats, 25), due_with(now, beats, sorted(looks), 25)
    for minute, (was, state) in enumerate(zip(without, found, strict=True)):
        seen = [look for look in sorted(looks) if 60 * minute <= look <= now]
        if seen and seen[-1] >= seen[0] + ALLOWANCE:
            assert state is State.MISSING
        else:
            assert state is was
