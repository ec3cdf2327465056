"""Counters against logs: what the edge served and never logged is found to the minute, and nothing else is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.coverage.counters import Tolerance, deltas_of, disagree
from pipeline.coverage.model import CounterDelta, LedgerColumns, Reading, Stream
from tests.coverage.planted_traffic import Traffic, draw_traffic, lose_lines
from tests.coverage.reference_sequences import Row, ledger_of

FIRST = 29_891_520
Ints = NDArray[np.int64]


@dataclass
class Edge:
    """What an edge serves and logs, minute by minute, and how its counters are read.

    `late_s`: seconds after a minute's end that a reading is taken, which it says; `skew_s`: that it does not say.
    `under_way`: part of a minute's bytes and requests counted in it and logged in the next. `restarts`: minutes.
    """

    traffic: Traffic
    late_s: float = 0.0
    skew_s: float = 0.0
    under_way: float = 0.0
    every: int = 1
    unread: frozenset[int] = frozenset()
    restarts: tuple[float, ...] = ()
    kept: Traffic = field(init=False)

    def __post_init__(self) -> None:
        self.kept = self.traffic

    def lose(self, rng: np.random.Generator, first: int, after: int, share: float) -> tuple[int, int]:
        """Lose at least one line of each minute; how many, and the bytes in them."""
        gone = lost = 0
        for minute in range(first, after):
            lines = int(self.kept.lines[minute])
            if lines:
                some = min(lines, max(1, int(rng.binomial(lines, share))))
                self.kept, sent, _ = lose_lines(rng, self.kept, minute, some)
                gone, lost = gone + some, lost + sent
        return gone, lost

    def ledger(self) -> LedgerColumns:
        """The logs, each minute with what the one before left under way."""
        logged = {}
        for name in ("lines", "sent"):
            kept: Ints = getattr(self.kept, name)
            later = (kept * self.under_way * np.random.default_rng(5).uniform(0, 2, len(kept))).astype(
                np.int64
            )
            logged[name] = kept - later + np.concatenate([[0], later[:-1]])
        return replace(self.kept, **logged).ledger(FIRST)

    def readings(self) -> list[Reading]:
        """The counters, at the ends of minutes or about there."""
        ends = np.arange(len(self.traffic.lines) + 1)
        totals = [np.concatenate([[0], np.cumsum(c)]) for c in (self.traffic.lines, self.traffic.sent)]
        rows = []
        for minute in range(0, len(ends), self.every):
            at = minute + (self.late_s + self.skew_s) / 60
            if minute in self.unread or not 0 <= at <= ends[-1]:
                continue
            began = max((r for r in self.restarts if r <= at), default=None)
            values = [
                int(np.interp(at, ends, total)) - (int(np.interp(began, ends, total)) if began else -(10**15))
                for total in totals
            ]
            rows.append(Reading("e1", (FIRST + minute) * 60 + self.late_s, *values))
        return rows

    def wrong(self) -> list[CounterDelta]:
        return disagree(deltas_of(self.readings(), self.ledger()))


def lacking(deltas: list[CounterDelta]) -> int:
    return sum(d.bytes_sent - d.logged_bytes for d in deltas)


def edge(
    seed: int, minutes: int = 2880, mean: float = 300.0, **how: object
) -> tuple[np.random.Generator, Edge]:
    rng = np.random.default_rng(seed)
    return rng, Edge(draw_traffic(rng, minutes, mean), **how)  # type: ignore[arg-type]


HARMLESS: dict[str, dict[str, Any]] = {
    "exact": {},
    "read every five minutes": {"every": 5},
    "read two seconds late": {"late_s": 2.0},
    "read half a minute late": {"late_s": 29.0},
    "a clock three seconds behind": {"skew_s": 3.0},
    "a clock three seconds ahead": {"skew_s": -3.0},
    "requests under way": {"under_way": 0.02},
    "restarts": {"restarts": (100.3, 700.0, 701.5, 2000.9)},
    "missing readings": {"unread": frozenset(m for m in range(2880) if m % 7 in (3, 4) or 600 < m < 700)},
    "all of it": {
        "late_s": 2.0, "under_way": 0.01, "restarts": (900.4,), "unread": frozenset(range(5, 2880, 11)),
    },
}  # fmt: skip


@pytest.mark.parametrize("mean", [20, 300])
@pytest.mark.parametrize("name", HARMLESS)
def test_nothing_is_lost(name: str, mean: float) -> None:
    for seed in range(5):
        assert edge(seed, mean=mean, **HARMLESS[name])[1].wrong() == []


@pytest.mark.parametrize("every", [1, 5])
@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
def test_planted_losses_are_found_to_the_minute_and_to_the_byte(
    share: float, every: int, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = found = within = cells = cells_found = lost = named = 0
    for seed in range(12):
        rng, one = edge(seed, 1440, every=every)
        truth, cover = np.zeros(1440, bool), np.zeros(1440, bool)
        spans = [(at, at + int(rng.integers(1, 16))) for at in range(100, 1400, 100)]
        for first, after in list(spans):
            lines, sent = one.lose(rng, first, after, share)
            lost += sent
            truth[first:after] = one.traffic.lines[first:after] > 0
            if lines <= 5 and sent <= 65_536:
                # Nobody is to be told of so little: the tolerance says so.
                spans.remove((first, after))
                within += 1
        wrong = one.wrong()
        named += lacking(wrong)
        for delta in wrong:
            assert truth[delta.first - FIRST : delta.after - FIRST].any()
            cover[delta.first - FIRST : delta.after - FIRST] = True
        cells += int(truth.sum())
        cells_found += int((truth & cover).sum())
        planted += len(spans)
        found += sum(bool(cover[first:after].any()) for first, after in spans)
    with capsys.disabled():
        print(
            f"\n{share:.0%} lost, read every {every} min: {found} of {planted} losses, {within} within",
            end=" ",
        )
        print(f"the tolerance; {cells_found:,} of {cells:,} minutes; bytes off by {named / lost - 1:+.3%}")
    assert found >= 0.99 * planted
    assert cells_found >= 0.99 * cells
    assert abs(named / lost - 1) <= 0.02


@pytest.mark.parametrize("name", ["read two seconds late", "a clock three seconds ahead", "missing readings"])
def test_a_loss_of_a_fifth_is_found_through_noise(name: str) -> None:
    for seed in range(6):
        rng, one = edge(seed, **HARMLESS[name])
        _, lost = one.lose(rng, 1200, 1215, 0.2)
        wrong = one.wrong()
        assert wrong
        assert FIRST + 1190 <= wrong[0].first < wrong[-1].after <= FIRST + 1225
        assert lacking(wrong) == pytest.approx(lost, rel=0.15)


def test_small_losses_of_quiet_minutes_add_up() -> None:
    found = 0
    for seed in range(8):
        rng, one = edge(seed, 1440, 15.0)
        one.lose(rng, 600, 660, 0.07)
        wrong = one.wrong()
        found += bool(wrong) and wrong[0].first >= FIRST + 590 and wrong[-1].after <= FIRST + 670
    assert found >= 7


def test_two_losses_with_sound_minutes_between_are_two() -> None:
    rng, one = edge(1, 600, 500.0)
    one.lose(rng, 200, 203, 0.5)
    one.lose(rng, 230, 233, 0.1)
    minutes = {m - FIRST for d in one.wrong() for m in range(d.first, d.after)}
    assert minutes == {200, 201, 202, 230, 231, 232}


def test_all_streams_of_an_edge_count_and_no_other_edge() -> None:
    rows = [
        Row(FIRST + m, unit=0, lines=10, bytes_sent=10**6, stream=Stream(*of))
        for m in range(10)
        for of in (("e1", "access"), ("e1", "hls"), ("e2", "access"))
    ]
    readings = [Reading("e1", (FIRST + m) * 60.0, 20 * m, 2 * 10**6 * m) for m in range(11)]
    deltas = deltas_of(readings, ledger_of(rows))
    assert [(d.requests, d.logged_requests, d.bytes_sent, d.logged_bytes) for d in deltas] == [
        (20, 20, 2 * 10**6, 2 * 10**6)
    ] * 10
    assert deltas_of(readings, [ledger_of(rows[:7]), ledger_of(rows[7:])]) == deltas


def test_repeated_lines_are_logged_once() -> None:
    rows = [Row(FIRST, unit=0, lines=12, duplicates=2, bytes_sent=500)]
    readings = [Reading("e1", (FIRST + m) * 60.0, 10 * m, 500 * m) for m in (0, 1)]
    (delta,) = deltas_of(readings, ledger_of(rows))
    assert (delta.logged_requests, delta.logged_bytes) == (10, 500)


def test_the_tolerance_is_the_users() -> None:
    of = [CounterDelta("e1", FIRST + m, FIRST + m + 1, 1000, 10**8, 1000, 10**8) for m in range(60)]
    of[30] = of[30]._replace(logged_bytes=10**8 - 400_000)
    assert disagree(of) == []
    assert disagree(of, tolerance=Tolerance(percent=0.3)) == [of[30]]
    assert disagree(of, tolerance=Tolerance(percent=0.3, bytes_sent=500_000)) == []
    of[30] = of[30]._replace(logged_bytes=10**8, logged_requests=990)
    assert disagree(of) == [of[30]]
    assert disagree(of, tolerance=Tolerance(requests=10)) == []


def test_a_reset_never_hides_that_more_was_served_since_than_logged() -> None:
    of = [CounterDelta("e1", FIRST + m, FIRST + m + 1, 1000, 10**8, 1000, 10**8) for m in range(60)]
    of[30] = of[30]._replace(requests=600, bytes_sent=6 * 10**7, reset=True)
    assert disagree(of) == []
    of[30] = of[30]._replace(logged_requests=100, logged_bytes=10**7)
    assert disagree(of) == [of[30]]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 3000, allow_nan=False), st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1)
        ),
        max_size=25,
    )
)
def test_no_readings_break_it(rows: list[tuple[float, int, int]]) -> None:
    readings = [Reading("e1", FIRST * 60 + at, requests, sent) for at, requests, sent in rows]
    ledger = ledger_of([Row(FIRST + m, unit=0, lines=m, bytes_sent=1000 * m) for m in range(50)])
    deltas = deltas_of(readings, ledger)
    assert all(d.first < d.after and d.requests >= 0 and d.bytes_sent >= 0 for d in deltas)
    assert set(disagree(deltas)) <= set(deltas)
    assert deltas_of([], ledger) == disagree([]) == []
