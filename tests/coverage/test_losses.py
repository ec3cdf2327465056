"""Every lost minute is in one loss, by the most exact sign of it: cases, and drawn worlds with their truth."""

# ruff: noqa: ARG002 - a fake baseline knows one rate for all

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.coverage.counters import Tolerance
from pipeline.coverage.losses import Claim, find_losses
from pipeline.coverage.model import (
    FOREVER,
    Amount,
    CounterDelta,
    Coverage,
    Expectation,
    Loss,
    LossClass,
    Roster,
    SequenceHole,
    Span,
    State,
    Stream,
)
from pipeline.coverage.sequences import find_holes
from pipeline.coverage.states import cover
from tests.coverage.reference_sequences import E1, Row, ledger_of

VIDEO = Stream("e1", "video")
ALL = Stream("e1", "*")
MISSING, DAMAGED, SEQUENCE, COUNTER = LossClass
FIRST, AFTER = 100, 130


class Plain:
    """A thousand bytes to clients a minute, ten of them a line, five bytes of log a line; give or take a half."""

    def _about(self, expected: int, method: str) -> Amount:
        return Amount(expected // 2, expected, expected * 3 // 2, None, method)

    def missing(self, stream: Stream, first: int, after: int) -> Amount:
        return self._about(1000 * (after - first), "neighbours")

    def lines(self, stream: Stream, minute: int, lost_lines: int) -> Amount:
        return self._about(10 * lost_lines, "sequence")

    def log_bytes(self, stream: Stream, minute: int, lost: int) -> Amount:
        return self._about(2 * lost, "sequence")


def cover_of(
    rows: Sequence[Row], *, says: Mapping[Stream, tuple[Span, ...]] | None = None, late: Sequence[int] = ()
) -> tuple[Coverage, np.ndarray[tuple[int], np.dtype[np.uint8]]]:
    streams = {row.stream for row in rows} | {E1}
    expected = (Span(FIRST, FOREVER, Expectation.EXPECTED),)
    roster = Roster({s: (says or {}).get(s, expected) for s in streams})
    due = np.full(AFTER - FIRST, State.MISSING, np.uint8)
    due[[minute - FIRST for minute in late]] = State.LATE
    return cover(ledger_of(list(rows)), roster, FIRST, AFTER, due=due), due


def losses_of(
    rows: Sequence[Row],
    deltas: Sequence[CounterDelta] = (),
    *,
    claims: Sequence[Claim] = (),
    late: Sequence[int] = (),
    says: Mapping[Stream, tuple[Span, ...]] | None = None,
    tolerance: Tolerance | None = None,
) -> list[Loss]:
    coverage, due = cover_of(rows, says=says, late=late)
    ledger = ledger_of(list(rows))
    holes = find_holes(ledger)
    return find_losses(coverage, ledger, holes, deltas, Plain(), claims=claims, due=due, tolerance=tolerance)


def row(minute: int, first: int, after: int, **more: object) -> Row:
    return Row(minute, first, after, bytes_sent=10 * (after - first), **more)  # type: ignore[arg-type]


def steady(lost: Sequence[int] = (), stream: Stream = E1, unit: int = 1) -> list[Row]:
    """A hundred lines a minute, numbered on, without the minutes that are lost."""
    return [
        row(m, 100 * (m - FIRST), 100 * (m + 1 - FIRST), stream=stream, unit=unit)
        for m in range(FIRST, AFTER)
        if m not in lost
    ]


def brief(losses: Sequence[Loss]) -> list[tuple[str, LossClass, int, int, int | None]]:
    return [(loss.stream.stream, loss.kind, loss.first, loss.after, loss.lost_lines) for loss in losses]


def test_nothing_lost() -> None:
    assert losses_of(steady()) == []


def test_missing_minutes_have_the_lines_that_numbers_tell() -> None:
    (loss,) = losses_of(steady((110, 111, 112)))
    assert brief([loss]) == [("access", MISSING, 110, 113, 300)]
    assert loss.lost_bytes == Amount(1500, 3000, 4500, None, "sequence")
    assert loss.evidence == ("sequence: 300 lines lost, within 1000-1299 of epoch '1'",)


def test_missing_at_the_first_and_last_minutes_is_estimated() -> None:
    losses = losses_of(steady((100, 101, 129)))
    assert brief(losses) == [("access", MISSING, 100, 102, None), ("access", MISSING, 129, 130, None)]
    assert [loss.lost_bytes.expected for loss in losses] == [2000, 1000]


def test_late_minutes_are_no_loss_and_their_numbers_are_none() -> None:
    assert losses_of(steady((127, 128)), late=(126, 127, 128, 129)) == []


def test_hole_over_minutes_that_are_waited_for_is_none() -> None:
    rows = steady((126, 127))
    coverage, _ = cover_of(rows, late=(126, 127))
    ledger = ledger_of(rows)
    assert find_losses(coverage, ledger, find_holes(ledger), [], Plain()) == []


def test_part_that_may_still_come_is_no_loss() -> None:
    rows = [r for r in steady() if r.minute != 129] + [row(129, 2900, 2950), row(129, 2960, 3000)]
    assert losses_of(rows, late=(129,)) == []
    assert brief(losses_of(rows)) == [("access", SEQUENCE, 129, 130, 10)]


def test_holes_on_neighbouring_minutes_are_one_loss() -> None:
    rows = [r for r in steady() if r.minute not in (110, 111, 115)]
    rows += [row(110, 1000, 1090), row(111, 1100, 1195), row(115, 1500, 1599)]
    assert brief(losses_of(rows)) == [("access", SEQUENCE, 110, 112, 15), ("access", SEQUENCE, 115, 116, 1)]


def test_bytes_of_the_log_do_not_tell_lines() -> None:
    (loss,) = losses_of(steady((110,), unit=2))
    assert brief([loss]) == [("access", MISSING, 110, 111, None)]
    assert loss.lost_bytes.expected == 200


def test_lines_within_a_segment_that_was_not_numbered_are_not_lost() -> None:
    rows = [*steady((110,)), Row(110, 0, 0, held=100, unit=1)]
    plain = [r if r.minute != 110 else Row(110, unit=0, lines=100, bytes_sent=1000) for r in rows]
    assert losses_of(plain) == []


@pytest.mark.parametrize("unit", [0, 1])
def test_damaged_minute_lacks_what_numbers_tell_beyond_what_was_read(unit: int) -> None:
    torn = (
        Row(110, 1000, 1060, state=3, bytes_sent=600)
        if unit
        else Row(110, unit=0, state=3, lines=60, bytes_sent=600)
    )
    assert brief(losses_of([*steady((110,)), torn])) == [("access", DAMAGED, 110, 111, 40)]


def test_damaged_segment_that_lost_its_first_lines_explains_the_hole_before_it() -> None:
    torn = row(110, 1040, 1100, state=3)
    assert brief(losses_of([*steady((110,)), torn])) == [("access", DAMAGED, 110, 111, 40)]


def test_damaged_without_numbers_by_its_sidecar_else_by_what_is_usual() -> None:
    rows = [Row(m, unit=0, lines=100, bytes_sent=1000) for m in range(FIRST, AFTER) if m not in (110, 111)]
    rows += [Row(m, unit=0, state=3, lines=60, bytes_sent=600) for m in (110, 111)]
    (claimed,) = losses_of(rows, claims=[Claim(E1, 110, 40, 390), Claim(E1, 111, 40)])
    assert claimed.lost_lines == 80
    assert claimed.lost_bytes == Amount(590, 790, 990, None, "claim and sequence")
    (half,) = losses_of(rows, claims=[Claim(E1, 110, 40, 400)])
    assert half.lost_lines is None
    assert half.lost_bytes == Amount(400, 400 + 400, 400 + 900, None, "claim and neighbours")


def test_missing_and_damaged_side_by_side_are_two() -> None:
    rows = [*steady((110, 111)), row(111, 1100, 1160, state=3)]
    assert brief(losses_of(rows)) == [("access", MISSING, 110, 111, 100), ("access", DAMAGED, 111, 112, 40)]


def test_missing_beside_damaged_without_numbers_cannot_tell_its_lines() -> None:
    rows = [*steady((110, 111)), Row(111, unit=0, state=3, lines=60, bytes_sent=600)]
    losses = losses_of(rows)
    assert brief(losses) == [("access", MISSING, 110, 111, None), ("access", DAMAGED, 111, 112, None)]
    assert [loss.lost_bytes.expected for loss in losses] == [1000, 400]


def test_hole_over_two_silences_tells_neither_of_them() -> None:
    rows = [*steady((110, 111, 112)), Row(111, unit=0, state=2)]
    losses = losses_of(rows)
    assert brief(losses) == [("access", MISSING, 110, 111, None), ("access", MISSING, 112, 113, None)]
    assert all("shared" in loss.evidence[0] for loss in losses)


def test_silence_across_midnight_and_the_turn_of_a_month_is_one() -> None:
    at = 29_891_513
    rows = [
        Row(m, 100 * (m - at), 100 * (m + 1 - at)) for m in range(at, at + 14) if not at + 3 <= m < at + 11
    ]
    ledger = ledger_of(rows)
    roster = Roster({E1: (Span(at, FOREVER, Expectation.EXPECTED),)})
    coverage = cover(ledger, roster, at, at + 14, due=np.full(14, State.MISSING, np.uint8))
    losses = find_losses(coverage, ledger, find_holes(ledger), [], Plain())
    assert brief(losses) == [("access", MISSING, at + 3, at + 11, 800)]


# -- counters


def counted(
    rows: Sequence[Row], lack: dict[int, tuple[int, int]], every: int = 1, scale: int = 1000
) -> list[CounterDelta]:
    """What counters say that agree with the rows but for `lack`: minute → (requests, bytes) that were not logged.

    `scale` times as much is served as the rows say, so that tolerance has something to do.
    """
    deltas = []
    for first in range(FIRST, AFTER, every):
        minutes = range(first, first + every)
        lines = scale * sum(r.next - r.first for r in rows if r.minute in minutes)
        sent = scale * sum(r.bytes_sent for r in rows if r.minute in minutes)
        requests = sum(lack.get(m, (0, 0))[0] for m in minutes)
        lacking = sum(lack.get(m, (0, 0))[1] for m in minutes)
        deltas.append(CounterDelta("e1", first, first + every, lines + requests, sent + lacking, lines, sent))
    return deltas


MUCH = (100_000, 900_000)


def test_what_was_never_logged_is_a_loss_of_all_streams() -> None:
    rows = steady()
    (loss,) = losses_of(rows, counted(rows, {110: MUCH, 111: MUCH}))
    assert (loss.stream, loss.kind, loss.first, loss.after) == (ALL, COUNTER, 110, 112)
    assert (loss.lost_bytes.expected, loss.lost_bytes.method) == (1_800_000, "counter")
    assert loss.lost_bytes.low < 1_800_000 < loss.lost_bytes.high


@pytest.mark.parametrize("every", [1, 5])
def test_missing_minutes_explain_what_the_counters_miss_in_them(every: int) -> None:
    rows = steady((110, 111))
    deltas = counted(rows, {110: (100, 1000), 111: (100, 1100)}, every, scale=1)
    fine = Tolerance(0.5, 1, 1)
    assert brief(losses_of(rows, deltas, tolerance=fine)) == [("access", MISSING, 110, 112, 200)]
    rows = [Row(r.minute, unit=0, lines=100, bytes_sent=1000) for r in rows]  # nobody counted what is missing
    deltas = [CounterDelta(d.edge, d.first, d.after, 100 * every, 1000 * every, 0, 0) for d in deltas]
    for place, delta in enumerate(deltas):
        here = sum(delta.first <= r.minute < delta.after for r in rows)
        deltas[place] = delta._replace(logged_requests=100 * here, logged_bytes=1000 * here)
    (loss,) = losses_of(rows, deltas, tolerance=fine)
    assert brief([loss]) == [("access", MISSING, 110, 112, None)]
    assert (loss.lost_bytes.expected, loss.lost_bytes.method) == (2000, "counter")


def test_figure_of_the_counters_is_taken_where_it_is_the_narrower() -> None:
    rows = [*steady(), *steady((110,), VIDEO)]
    (loss,) = losses_of(rows, [CounterDelta("e1", 110, 111, 300, 2800, 200, 2000)])
    assert (loss.stream, loss.kind) == (VIDEO, MISSING)
    assert (loss.lost_bytes.expected, loss.lost_bytes.method) == (800, "counter")
    assert loss.lost_bytes.low >= 700
    assert "counters: 100 requests and 800 bytes more than logged" in loss.evidence


def test_loss_of_minutes_that_are_lost_otherwise_is_no_second_one() -> None:
    rows = [r for r in steady() if r.minute != 110] + [row(110, 1000, 1090)]
    losses = losses_of(rows, counted(rows, {109: MUCH, 110: MUCH, 111: MUCH}))
    assert [(loss.kind, loss.first, loss.after) for loss in losses] == [
        (COUNTER, 109, 110),
        (COUNTER, 111, 112),
        (SEQUENCE, 110, 111),
    ]


def test_few_numbered_lines_do_not_explain_much_of_five_minutes() -> None:
    rows = [r for r in steady() if r.minute != 112] + [row(112, 1200, 1290)]
    losses = losses_of(rows, counted(rows, dict.fromkeys(range(110, 115), MUCH), every=5))
    assert [(loss.kind, loss.first, loss.after) for loss in losses] == [
        (COUNTER, 110, 112),
        (COUNTER, 113, 115),
        (SEQUENCE, 112, 113),
    ]
    assert 4_300_000 < sum(loss.lost_bytes.expected for loss in losses) < 4_501_000


def test_counters_wait_for_what_is_late() -> None:
    rows = steady((128,))
    assert losses_of(rows, counted(rows, {128: MUCH, 129: MUCH}), late=(128, 129)) == []


@pytest.mark.parametrize("says", [Expectation.PAUSED, Expectation.DECOMMISSIONED])
def test_counters_of_an_edge_of_which_nothing_is_expected_are_no_loss(says: Expectation) -> None:
    quiet = {E1: (Span(FIRST, 110, Expectation.EXPECTED), Span(110, FOREVER, says))}
    rows = [r for r in steady() if r.minute < 110]
    deltas = counted(rows, dict.fromkeys(range(110, 120), MUCH))
    assert losses_of(rows, deltas, says=quiet) == []


def test_edge_that_counts_and_never_logged_has_lost_it_all() -> None:
    (loss,) = losses_of(steady(), [CounterDelta("e9", 110, 111, *MUCH, 0, 0)])
    assert (loss.stream, loss.kind, loss.first, loss.after) == (Stream("e9", "*"), COUNTER, 110, 111)


# -- drawn worlds


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Row], dict[Stream, dict[int, int]], dict[Stream, set[int]]]:
    """Two streams that count lines on; some minutes are missing, torn, or lack lines. The truth: lost lines by minute,
    and the minutes that are missing or damaged."""
    rows: list[Row] = []
    lost: dict[Stream, dict[int, int]] = {E1: {}, VIDEO: {}}
    gone: dict[Stream, set[int]] = {E1: set(), VIDEO: set()}
    for stream in (E1, VIDEO):
        number = 0
        for minute in range(FIRST, AFTER):
            size = draw(st.integers(1, 9))
            inside = FIRST < minute < AFTER - 1
            fate = draw(st.sampled_from("____m_d_l")) if inside else "_"
            lacks = {"_": 0, "m": size}.get(fate, draw(st.integers(0, size)))
            if lacks:
                lost[stream][minute] = lacks
            if fate in "md":
                gone[stream].add(minute)
            if fate == "d":
                kept = size - lacks
                numbered = draw(st.booleans())
                some = {"first": number, "next": number + kept} if numbered else {"lines": kept, "unit": 0}
                rows.append(Row(minute, **{"first": 0, "next": 0, **some}, state=3, stream=stream))  # type: ignore[arg-type]
            elif fate != "m":
                rows.append(Row(minute, number, number + size - lacks, stream=stream))
            number += size
    return draw(st.permutations(rows)), lost, gone


@settings(deadline=None)
@given(worlds(), st.data())
def test_every_lost_minute_is_in_one_loss(
    world: tuple[list[Row], dict[Stream, dict[int, int]], dict[Stream, set[int]]], data: st.DataObject
) -> None:
    rows, lost, gone = world
    unlogged = data.draw(st.dictionaries(st.integers(FIRST, AFTER - 1), st.just((10**6, 10**7)), max_size=6))
    deltas = counted(rows, unlogged, data.draw(st.sampled_from([1, 5])))
    losses = losses_of(rows, deltas)
    held: dict[tuple[Stream, int], Loss] = {}
    for loss in losses:
        assert FIRST <= loss.first < loss.after <= AFTER
        for minute in range(loss.first, loss.after):
            for stream in (E1, VIDEO) if loss.stream == ALL else (loss.stream,):
                assert (stream, minute) not in held, "in two losses"
                held[stream, minute] = loss
    for loss in losses:
        same = [other for other in losses if (other.stream, other.kind) == (loss.stream, loss.kind)]
        assert not any(other.after == loss.first for other in same), "neighbouring minutes of one class"
    for stream in (E1, VIDEO):
        for minute in gone[stream]:
            assert held[stream, minute].kind in (MISSING, DAMAGED)
        for minute in lost[stream]:
            # A hole belongs to the minutes from the earlier segment's on, so a torn one can lie at its end.
            near = [held.get((stream, m)) for m in (minute, minute + 1)]
            assert any(loss is not None and loss.stream == stream for loss in near)
        own = [loss for loss in losses if loss.stream == stream]
        if all(loss.lost_lines is not None for loss in own):
            assert sum(loss.lost_lines or 0 for loss in own) == sum(lost[stream].values())
        clean = {m for m in range(FIRST, AFTER) if m not in lost[stream] and m not in gone[stream]}
        for minute in clean:
            found = held.get((stream, minute))
            assert found is None or found.stream == ALL


@settings(deadline=None)
@given(worlds())
def test_nothing_depends_on_the_order_of_rows_and_holes(
    world: tuple[list[Row], dict[Stream, dict[int, int]], dict[Stream, set[int]]],
) -> None:
    rows, _, _ = world
    coverage, due = cover_of(rows)
    holes: list[SequenceHole] = find_holes(ledger_of(rows))
    one = find_losses(coverage, ledger_of(rows), holes, [], Plain(), due=due)
    other = find_losses(coverage, ledger_of(rows[::-1]), holes[::-1], [], Plain(), due=due)
    pieces = find_losses(coverage, [ledger_of(rows[:7]), ledger_of(rows[7:])], holes, [], Plain(), due=due)
    assert one == other == pieces
