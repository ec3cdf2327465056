"""Estimates are honest: of losses planted in traffic with all its rhythm and noise, intervals hold nine in ten or more,
and expected values are right on the whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pipeline.coverage.estimates import Baseline
from pipeline.coverage.model import MOST, Amount, Stream
from tests.coverage.planted_traffic import Traffic, draw_traffic, lose_lines
from tests.coverage.reference_sequences import Row, ledger_of

S = Stream("e1")
FIRST = 29_891_520
Planted = tuple[Amount, int]


def lose_minutes(
    rng: np.random.Generator,
    traffic: Traffic,
    minutes: int,
    *,
    hour: bool,
    before: bool = True,
    after: bool = True,
) -> Planted:
    """The estimate of minutes that never came, and the truth; `hour`: with an hour of ledger around them only."""
    at = int(rng.integers(len(traffic.lines) - 1440, len(traffic.lines) - minutes - 60))
    truth = int(traffic.sent[at : at + minutes].sum())
    begin, end = (at - 60, at + minutes + 60) if hour else (0, len(traffic.lines))
    begin, end = (begin if before else at), (end if after else at + minutes)
    seen = traffic.cut(begin, end).ledger(FIRST + begin, slice(at - begin, at - begin + minutes))
    baseline = Baseline.of(seen, FIRST + begin, FIRST + end)
    return baseline.missing(S, FIRST + at, FIRST + at + minutes), truth


def lose_share(rng: np.random.Generator, traffic: Traffic, share: float, *, by_line: bool) -> Planted:
    """The estimate of lines lost out of a minute, and the truth."""
    at = int(rng.integers(100, len(traffic.lines) - 100))
    held = max(1, int(traffic.lines[at]))
    lines = min(held, max(1, int(rng.binomial(held, share))))
    if not traffic.lines[at]:
        return Amount(0, 0, 0, 0, ""), 0
    left, sent, content = lose_lines(rng, traffic, at, lines)
    baseline = Baseline.of(
        left.cut(at - 60, at + 61).ledger(FIRST + at - 60), FIRST + at - 60, FIRST + at + 61
    )
    amount = baseline.lines(S, FIRST + at, lines) if by_line else baseline.log_bytes(S, FIRST + at, content)
    return amount, sent


Lose = Callable[[np.random.Generator, Traffic], Planted]

METHODS: dict[str, tuple[int, str, Lose]] = {
    "1 minute, an hour around": (2, "neighbours", lambda r, t: lose_minutes(r, t, 1, hour=True)),
    "2-30 minutes, an hour around": (
        2,
        "neighbours",
        lambda r, t: lose_minutes(r, t, int(r.integers(2, 31)), hour=True),
    ),
    "up to 3 hours, an hour around": (
        2,
        "neighbours",
        lambda r, t: lose_minutes(r, t, int(r.integers(31, 181)), hour=True),
    ),
    "up to 30 minutes, only the hour before": (
        2,
        "neighbours",
        lambda r, t: lose_minutes(r, t, int(r.integers(1, 31)), hour=True, after=False),
    ),
    "up to 30 minutes, only the hour after": (
        2,
        "neighbours",
        lambda r, t: lose_minutes(r, t, int(r.integers(1, 31)), hour=True, before=False),
    ),
    "up to 30 minutes, days known": (
        3,
        "neighbours",
        lambda r, t: lose_minutes(r, t, int(r.integers(1, 31)), hour=False),
    ),
    "up to 3 hours, days known": (
        3,
        "days",
        lambda r, t: lose_minutes(r, t, int(r.integers(31, 181)), hour=False),
    ),
    "up to 6 hours, weeks known": (
        23,
        "weeks",
        lambda r, t: lose_minutes(r, t, int(r.integers(31, 361)), hour=False),
    ),
    "1 % of the lines": (1, "sequence", lambda r, t: lose_share(r, t, 0.01, by_line=True)),
    "5 % of the lines": (1, "sequence", lambda r, t: lose_share(r, t, 0.05, by_line=True)),
    "20 % of the lines": (1, "sequence", lambda r, t: lose_share(r, t, 0.2, by_line=True)),
    "all lines": (1, "sequence", lambda r, t: lose_share(r, t, 1.0, by_line=True)),
    "1 % of the log's bytes": (1, "sequence", lambda r, t: lose_share(r, t, 0.01, by_line=False)),
    "20 % of the log's bytes": (1, "sequence", lambda r, t: lose_share(r, t, 0.2, by_line=False)),
}


@pytest.mark.parametrize("mean", [25, 400])
@pytest.mark.parametrize("name", METHODS)
def test_intervals_hold_nine_truths_in_ten(name: str, mean: int, capsys: pytest.CaptureFixture[str]) -> None:
    days, method, lose = METHODS[name]
    rng = np.random.default_rng([mean, len(name), ord(name[0])])
    planted: list[Planted] = []
    for _ in range(12 if days > 20 else 40):
        traffic = draw_traffic(rng, days * 1440, mean * rng.uniform(0.5, 2))
        planted += [lose(rng, traffic) for _ in range(10)]
    rows = np.array([(a.low, a.expected, a.high, truth) for a, truth in planted], np.float64)
    low, expected, high, truth = rows.T
    covered = float(((low <= truth) & (truth <= high)).mean())
    bias = float(expected.sum() / truth.sum() - 1)
    # Chance alone puts the sum of what was lost this far off.
    error = float(np.sqrt(((expected - truth) ** 2).sum()) / truth.sum())
    with capsys.disabled():
        width = float(np.median((high - low) / np.maximum(expected, 1)))
        print(f"\n{mean:4d} lines/min, {name}: {covered:.1%} of {len(rows)} hold the truth,", end=" ")
        print(f"bias {bias:+.1%}, width {width:.2f}")
    assert {a.method for a, _ in planted if a.method} <= {method}
    assert np.all((low <= expected) & (expected <= high))
    assert covered >= 0.9
    assert abs(bias) <= 0.02 + 3 * error


def test_a_night_without_traffic_is_estimated_as_nothing() -> None:
    rows = [Row(FIRST + m, unit=0, lines=0, state=2) for m in range(120) if m != 60]
    amount = Baseline.of(ledger_of(rows), FIRST, FIRST + 120).missing(S, FIRST + 60, FIRST + 61)
    assert (amount.low, amount.expected, amount.high, amount.exact) == (0, 0, 0, None)


def test_where_traffic_is_the_same_every_minute_nothing_is_uncertain_of_lines() -> None:
    rows = [Row(FIRST + m, unit=0, lines=10, bytes_sent=1000) for m in range(120)]
    amount = Baseline.of(ledger_of(rows), FIRST, FIRST + 120).lines(S, FIRST + 60, 7)
    assert (amount.low, amount.expected, amount.high) == (700, 700, 700)


def test_damaged_minutes_are_no_measure_of_others() -> None:
    rows = [
        Row(FIRST + m, unit=0, lines=10, bytes_sent=1000 if m % 2 else 10, state=1 if m % 2 else 3)
        for m in range(120)
    ]
    baseline = Baseline.of(ledger_of(rows), FIRST, FIRST + 120)
    assert baseline.missing(S, FIRST + 61, FIRST + 62).expected == 1000
    assert baseline.lines(S, FIRST + 61, 3).expected == 300


def test_repeated_lines_are_counted_once() -> None:
    rows = [Row(FIRST + m, unit=0, lines=20, duplicates=10, bytes_sent=1000) for m in range(120)]
    assert Baseline.of(ledger_of(rows), FIRST, FIRST + 120).lines(S, FIRST + 60, 1).expected == 100


def test_parts_and_pieces_add_up() -> None:
    whole = [Row(FIRST + m, unit=0, lines=10, bytes_sent=1000) for m in range(120)]
    halves = [Row(FIRST + m, unit=0, lines=5, bytes_sent=500) for m in range(120)]
    one = Baseline.of(ledger_of(whole), FIRST, FIRST + 120).missing(S, FIRST + 119, FIRST + 121)
    two = Baseline.of([ledger_of(halves), ledger_of(halves)], FIRST, FIRST + 120).missing(
        S, FIRST + 119, FIRST + 121
    )
    assert one == two


def test_a_stream_of_which_nothing_is_near_is_estimated_by_others_from_nothing_on() -> None:
    rows = [Row(FIRST + m, unit=0, lines=10, bytes_sent=1000, stream=Stream("e2")) for m in range(120)]
    baseline = Baseline.of(ledger_of(rows), FIRST, FIRST + 120)
    for amount in (
        baseline.missing(S, FIRST + 60, FIRST + 62),
        baseline.lines(S, FIRST + 60, 20),
        baseline.log_bytes(Stream("e2"), FIRST, 5),
    ):
        assert amount.low == 0
        assert amount.exact is None
    assert baseline.missing(S, FIRST + 60, FIRST + 62).expected == 2000
    assert baseline.lines(S, FIRST + 60, 20).expected == 2000


def test_nothing_known_at_all_is_said_so() -> None:
    baseline = Baseline.of([], FIRST, FIRST + 120)
    for amount in (baseline.missing(S, FIRST, FIRST + 5), baseline.lines(S, FIRST, 5)):
        assert (amount.low, amount.expected, amount.exact, amount.method) == (0, 0, None, "unknown")


def test_no_lost_lines_are_no_bytes() -> None:
    assert Baseline.of([], FIRST, FIRST + 120).lines(S, FIRST, 0) == Amount(0, 0, 0, 0, "sequence")


def test_an_amount_never_exceeds_what_the_store_holds() -> None:
    """Lines may claim exabytes; a gap of many such minutes must still be written."""
    assert Amount(5, 3 * MOST, 4 * MOST, None, "far minutes") == Amount(5, MOST, MOST, None, "far minutes")
    assert Amount(MOST, MOST, MOST, MOST + 1, "counter").exact == MOST
    assert Amount(0, 1, 2, None, "neighbours").exact is None
