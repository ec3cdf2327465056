"""When checks are due: pure, spread, restarted without harm; test calls at random times of day and night."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.probes.checks import Check
from incidents.probes.schedule import DAY_S, Last, after_run, next_call, next_due, test_calls
from incidents.probes.settings import ProbingSettings
from tests.incidents.probes.peers import SUPPORT_LINE, a_probe

T = 1_795_000_000.0
PROBING = ProbingSettings()
EVERY = PROBING.every.span.total_seconds()


def a_check(name: str = "c1", calls: int = 0) -> Check:
    if calls:
        line = a_probe("sip", target=SUPPORT_LINE, address="192.0.2.1", calls_per_day=calls)
        return Check("msk-1", line.about, (line,))
    return Check("msk-1", ("customer", name), (a_probe("http", url="http://a.example/"),))


@given(st.floats(0, 4e9), st.text(max_size=5))
def test_a_healthy_check_runs_about_every_interval(at: float, name: str) -> None:
    check, runs = a_check(name), [at]
    for _ in range(20):
        runs.append(next_due(check, Last(runs[-1]), 0.0, PROBING))
    waits = [after - before for before, after in itertools.pairwise(runs[1:])]
    assert 0 < runs[1] - runs[0] <= 1.1 * EVERY
    assert all(0.89 * EVERY <= wait <= 1.11 * EVERY for wait in waits)
    assert (runs[-1] - runs[1]) / 19 == pytest.approx(EVERY, rel=0.02)  # no drift


def test_a_late_run_does_not_move_the_next_ones_and_missed_ones_are_not_made_up() -> None:
    check = a_check()
    due = next_due(check, Last(T), 0.0, PROBING)
    assert next_due(check, Last(due + 0.3 * EVERY), 0.0, PROBING) == next_due(check, Last(due), 0.0, PROBING)
    after_pause = next_due(check, Last(due + 100 * EVERY), 0.0, PROBING)
    assert due + 100 * EVERY < after_pause <= due + 101.1 * EVERY


def test_checks_do_not_fire_together() -> None:
    due = sorted(next_due(a_check(f"c{n}"), Last(T), 0.0, PROBING) - T for n in range(1_000))
    in_each_tenth = [sum(n * EVERY / 10 <= at < (n + 1) * EVERY / 10 for at in due) for n in range(10)]
    assert min(in_each_tenth) > 60
    first = [next_due(a_check(f"c{n}"), None, T, PROBING) - T for n in range(1_000)]
    assert 0 <= min(first) < max(first) < 5
    assert len({round(at, 1) for at in first}) > 40


def test_vantage_points_do_not_fire_together_either() -> None:
    here = a_check()
    there = Check("spb-1", here.about, here.probes)
    assert next_due(here, Last(T), 0.0, PROBING) != next_due(there, Last(T), 0.0, PROBING)


def test_a_first_failure_is_looked_at_again_soon_a_lasting_one_at_the_usual_pace() -> None:
    check, once = a_check(), after_run(Last(T - EVERY), T, False)
    assert next_due(check, once, 0.0, PROBING) == T + 5
    lasting = after_run(once, T + 5, False)
    assert lasting.failures == 2
    assert next_due(check, lasting, 0.0, PROBING) == next_due(check, Last(T + 5), 0.0, PROBING)


def test_two_failures_are_seen_within_the_bar_of_a_minute() -> None:
    """nginx stopped → company_wide ≤ 60 s: at worst a whole interval, and two looks that time out."""
    timeout = PROBING.timeout.span.total_seconds()
    assert 1.1 * EVERY + timeout + PROBING.again.span.total_seconds() + timeout <= 45


def test_a_run_that_could_not_look_counts_as_neither() -> None:
    failed = after_run(None, T, False)
    assert after_run(failed, T + 1, None) == Last(T + 1, failures=1)
    assert after_run(None, T, None) == Last(T)


@given(st.text(max_size=8), st.integers(0, 60_000), st.integers(1, 200))
def test_calls_are_random_in_order_and_in_every_part_of_the_day(seed: str, day: int, per_day: int) -> None:
    calls = test_calls(seed, day, per_day)
    assert calls == test_calls(seed, day, per_day)
    assert list(calls) == sorted(calls)
    part = DAY_S / per_day
    parts = [int((at - day * DAY_S) / part + 1e-9) for at in calls]
    assert all(abs(found - place) <= 1 for place, found in enumerate(parts))
    assert day * DAY_S <= calls[0]
    assert calls[-1] <= (day + 1) * DAY_S


def test_calls_differ_from_day_to_day_and_fall_in_the_night_too() -> None:
    hours = {int(at % DAY_S // 3600) for day in range(30) for at in test_calls("s", day, 4)}
    assert hours == set(range(24))
    assert len({tuple(at % DAY_S for at in test_calls("s", day, 4)) for day in range(30)}) == 30
    assert test_calls("s", 1, 4) != test_calls("other", 1, 4)


@given(st.floats(0, 4e9), st.integers(1, 50))
def test_the_next_call_is_the_first_after(after: float, per_day: int) -> None:
    found = next_call("s", per_day, after)
    day = int(after // DAY_S)
    all_calls = [at for each in (day - 1, day, day + 1) for at in test_calls("s", each, per_day)]
    assert found == min(at for at in all_calls if at > after)


def test_test_calls_are_not_made_at_the_start_and_none_is_made_twice() -> None:
    check = a_check(calls=24)
    first = next_due(check, None, T, PROBING)
    assert T < first <= T + 2 * 3600
    second = next_due(check, after_run(None, first + 0.2, True), T, PROBING)
    assert first + 0.2 < second <= first + 2 * 3600


def test_a_test_call_that_failed_is_repeated_until_it_has_been_well_for_a_while() -> None:
    check = a_check(calls=1)
    last = after_run(None, T, False)
    at = next_due(check, last, T, PROBING)
    assert at == T + 5
    last = after_run(last, at, False)
    at = next_due(check, last, T, PROBING)
    assert at <= T + 5 + 1.1 * EVERY
    last, runs, well = after_run(last, at, True), 0, at
    while (at := next_due(check, last, T, PROBING)) - last.at <= 1.1 * EVERY:
        last, runs = after_run(last, at, True), runs + 1
    assert 1_800 <= last.at - well <= 1_800 + 1.1 * EVERY
    assert 80 <= runs <= 100  # half an hour of fresh evidence, on which an incident may close
