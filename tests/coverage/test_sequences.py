"""Sequence holes: every number that no segment has, and none beside, in whatever way segments come."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.coverage.model import SequenceHole, Stream
from pipeline.coverage.sequences import Numbers, find_holes
from tests.coverage.reference_sequences import Row, holes_between, ledger_of


def found(rows: list[Row]) -> set[tuple[object, ...]]:
    return {
        (h.stream, h.epoch, h.unit, h.first, h.next, h.from_minute, h.after_minute)
        for h in find_holes(ledger_of(rows))
        if not h.inside
    }


def spans(holes: list[SequenceHole]) -> list[tuple[int, int, int, int]]:
    return [(h.first, h.next, h.from_minute, h.after_minute) for h in holes]


@st.composite
def deliveries(draw: st.DrawFn, idle: bool = False) -> list[Row]:
    """Streams that count on from some number, segments with and without parts, some lost, in any order.
    `idle`: among them heartbeats at 0 or 1, which may say nothing of where the counting stood."""
    rows: list[Row] = []
    for stream, epoch in itertools.product((Stream("e1"), Stream("e2", "hls")), ("1", "2")):
        number, minute = draw(st.integers(0, 50)), draw(st.integers(100, 110))
        unit = draw(st.sampled_from((1, 2)))
        for size in draw(st.lists(st.integers(0, 6), max_size=12)):
            if draw(st.integers(0, 4)):
                rows.append(Row(minute, number, number + size, stream=stream, epoch=epoch, unit=unit))
            if idle and not draw(st.integers(0, 3)):
                named = draw(st.integers(0, 1))
                rows.append(Row(minute, named, named, stream=stream, epoch=epoch, unit=unit))
            number += size
            minute += draw(st.integers(0, 2))
    return draw(st.permutations(rows))


@settings(max_examples=300, deadline=None)
@given(deliveries())
def test_holes_are_the_numbers_that_no_segment_has(rows: list[Row]) -> None:
    assert found(rows) == holes_between(rows)


@settings(max_examples=200, deadline=None)
@given(deliveries(idle=True))
def test_heartbeats_at_0_or_1_change_no_number_that_is_lost(rows: list[Row]) -> None:
    """Heartbeats of one number are one statement, from the first to the last; so only their minutes may differ."""
    assert {hole[:5] for hole in found(rows)} == {hole[:5] for hole in holes_between(rows)}


@settings(max_examples=60, deadline=None)
@given(deliveries(), st.integers(1, 7))
def test_pieces_of_a_ledger_come_to_the_same(rows: list[Row], size: int) -> None:
    whole = find_holes(ledger_of(rows))
    pieces = [ledger_of(rows[at : at + size]) for at in range(0, len(rows), size)]
    assert find_holes(pieces) == whole


@settings(deadline=None)
@given(deliveries(), st.randoms(use_true_random=False))
def test_order_and_repetition_of_rows_change_nothing(rows: list[Row], dice: random.Random) -> None:
    again = rows + dice.sample(rows, len(rows) // 2)
    dice.shuffle(again)
    assert {(h.stream, h.epoch, h.first, h.next) for h in find_holes(ledger_of(again))} == {
        (h.stream, h.epoch, h.first, h.next) for h in find_holes(ledger_of(rows))
    }


def test_a_hole_begins_in_the_earlier_segments_minute_and_ends_before_the_later_ones() -> None:
    rows = [Row(10, 0, 100), Row(14, 150, 200)]
    assert spans(find_holes(ledger_of(rows))) == [(100, 150, 10, 14)]


def test_a_hole_within_a_minute_is_that_minutes() -> None:
    rows = [Row(10, 0, 100), Row(10, 150, 200)]
    assert spans(find_holes(ledger_of(rows))) == [(100, 150, 10, 11)]


def test_a_heartbeat_that_carries_its_number_narrows_a_hole() -> None:
    rows = [Row(10, 0, 100), Row(12, 100, 100, state=2), Row(13, 130, 130, state=2), Row(20, 130, 200)]
    assert spans(find_holes(ledger_of(rows))) == [(100, 130, 12, 13)]


def test_an_empty_segment_at_0_after_greater_numbers_says_nothing_of_them() -> None:
    before, idle = Row(100, 100, 200), Row(101, 0, 0)
    assert found([before, idle]) == set()
    assert found([before, idle, Row(102, 200, 300)]) == set()
    assert found([before, idle, Row(102, 0, 50)]) == set()
    assert spans(find_holes(ledger_of([before, idle, Row(102, 250, 300)]))) == [(200, 250, 100, 102)]
    assert spans(find_holes(ledger_of([idle, Row(102, 10, 20)]))) == [(0, 10, 101, 102)]


@pytest.mark.parametrize("unit", [1, 2])
def test_numbers_lost_within_a_segment_are_exact(unit: int) -> None:
    rows = [Row(10, 0, 100, unit=unit), Row(11, 100, 200, held=93, unit=unit), Row(12, 200, 300, unit=unit)]
    (hole,) = find_holes(ledger_of(rows))
    assert (hole.lost, hole.inside, hole.from_minute, hole.after_minute, hole.unit) == (7, True, 11, 12, unit)


def test_an_unreadable_segment_lacks_all_its_numbers() -> None:
    (hole,) = find_holes(ledger_of([Row(10, 0, 100, held=0, state=4), Row(11, 100, 200)]))
    assert (hole.lost, hole.inside) == (100, True)


def test_what_overlapping_segments_leave_out_for_one_another_is_no_hole() -> None:
    rows = [Row(10, 0, 100), Row(11, 60, 200, held=140, duplicates=40), Row(12, 200, 300)]
    assert find_holes(ledger_of(rows)) == []


def test_of_overlapping_segments_one_may_hold_what_the_other_lacks() -> None:
    # The first lacks 50..54; the second has them, and leaves out the 35 of its first 40 that the first holds.
    rows = [Row(10, 0, 100), Row(11, 100, 150, held=45), Row(12, 110, 200, held=90, duplicates=35)]
    assert find_holes(ledger_of(rows)) == []


def test_of_overlapping_segments_what_both_lack_is_counted_once() -> None:
    rows = [Row(11, 100, 150, held=45), Row(12, 110, 200, held=85, duplicates=35)]
    assert [h.lost for h in find_holes(ledger_of(rows))] == [5]


def counting(minute: int, number: int, segments: int, epoch: str = "1", size: int = 50) -> list[Row]:
    return [Row(minute + i, number + i * size, number + (i + 1) * size, epoch=epoch) for i in range(segments)]


NOT_LOST = {
    "a new epoch": counting(10, 880_001, 9) + counting(19, 1, 9, epoch="2"),
    "a restart that says nothing": counting(10, 880_001, 9) + counting(19, 0, 9),
    "a restart that says nothing, numbers from 1": counting(10, 880_001, 9) + counting(19, 1, 9),
    "a restart whose first segments never came": counting(10, 880_001, 9) + counting(19, 150, 9),
    "restarts again and again": [row for i in range(5) for row in counting(10 + 9 * i, 0, 9 - i)],
    "a counter that comes round": counting(10, (1 << 32) - 450, 9) + counting(19, 0, 9),
    "a rotated file under its old inode": counting(10, 0, 9) + counting(19, 0, 4) + counting(23, 200, 9),
    "a restart within a minute": [*counting(10, 880_001, 9), Row(18, 880_451, 880_470), *counting(18, 0, 9)],
    "a restart within a segment": [
        *counting(10, 880_001, 9),
        Row(19, 0, 880_470, held=19 + 30),
        *counting(20, 30, 9),
    ],
    "an edge whose clock was set back": counting(10, 0, 5) + counting(12, 250, 9),
    "a clock set back at the start": [Row(11, 0, 50), Row(10, 50, 100), Row(11, 100, 150), Row(12, 150, 250)],
    "the first segment once more, later": [*counting(10, 0, 9), Row(30, 0, 50, held=50, duplicates=50)],
    "the first segment once more, before others": [
        *counting(10, 0, 9),
        Row(18, 0, 50, held=50, duplicates=50),
        *counting(19, 450, 9),
    ],
    "two senders of one name, each with its epoch": [
        row for pair in zip(counting(10, 0, 9), counting(10, 7000, 9, epoch="b"), strict=True) for row in pair
    ],
    "numbers that cannot be": [*counting(10, 0, 3), Row(13, 1 << 63, (1 << 63) + 5), Row(14, 9, 3, held=0)],
    "no numbers at all": [Row(minute, unit=0) for minute in range(20)],
    "nothing at all": [],
}


@pytest.mark.parametrize("name", NOT_LOST)
def test_nothing_is_lost(name: str) -> None:
    rows = NOT_LOST[name]
    random.Random(1).shuffle(rows)  # noqa: S311
    assert find_holes(ledger_of(rows)) == []


@pytest.mark.parametrize("share", [0.5, 0.2, 0.05, 0.01])
@pytest.mark.parametrize("where", ["inside", "between"])
def test_planted_losses_are_found_to_the_line(share: float, where: str) -> None:
    dice = random.Random(f"{share}{where}")  # noqa: S311
    rows, number, planted = [], 1, 0
    for minute in range(100, 400):
        lines = dice.randrange(50, 400)
        lost = sum(dice.random() < share for _ in range(lines)) if 150 <= minute < 350 else 0
        planted += lost
        if where == "inside":
            rows.append(Row(minute, number, number + lines, held=lines - lost))
        else:
            rows.append(Row(minute, number, number + lines - lost))
        number += lines
    holes = find_holes(ledger_of(rows))
    assert sum(hole.lost for hole in holes) == planted
    assert min(h.from_minute for h in holes) >= 150
    assert max(h.after_minute for h in holes) <= 350


def test_many_epochs_and_many_rows_grow_what_is_kept() -> None:
    rows = [Row(m, 7 * m, 7 * m + 5, epoch=str(m % 300)) for m in range(4000)]
    numbers = Numbers()
    numbers.add(ledger_of(rows[:1000]))
    numbers.add(ledger_of(rows[1000:]))
    assert {(h.epoch, h.first, h.next) for h in numbers.holes()} == {
        (e, f, n) for _, e, _, f, n, _, _ in holes_between_fast(rows)
    }


def holes_between_fast(rows: list[Row]) -> set[tuple[Stream, str, int, int, int, int, int]]:
    """The reference's answer where every segment of an epoch is followed by a hole."""
    by_epoch: dict[str, list[Row]] = {}
    for row in rows:
        by_epoch.setdefault(row.epoch, []).append(row)
    return {
        (a.stream, a.epoch, 1, a.next, b.first, a.minute, b.minute)
        for own in by_epoch.values()
        for a, b in itertools.pairwise(own)
    }


def test_of_heartbeats_at_one_number_the_earliest_ends_a_hole() -> None:
    rows = [Row(105, 8, 9), Row(100, 0, 0), Row(102, 8, 8), Row(105, 8, 8)]
    for order in itertools.permutations(rows):
        assert spans(find_holes(ledger_of(list(order)))) == [(0, 8, 100, 102)]
