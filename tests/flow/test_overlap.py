"""Overlaps are settled so that every number is counted once, whatever the order in which segments come."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Skip
from pipeline.overlap import Holding, Run, intersect, settle, subtract, unite

runs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), max_size=4).map(
    lambda pairs: [(a, a + n) for a, n in pairs]
)


def numbers(some: Iterable[Run]) -> set[int]:
    return {n for first, after in some for n in range(first, after)}


def recount(*held: Holding) -> dict[int, tuple[Skip, ...]]:
    """The segments that left out other numbers than they should, with what they should."""
    left_out = {h.segment_id: numbers((s.first, s.next) for s in h.skips) & numbers(h.runs) for h in held}
    found = settle(held)
    return {i: s for i, s in found.items() if numbers((k.first, k.next) for k in s) != left_out[i]}


@given(runs, runs)
def test_run_arithmetic_is_set_arithmetic(a: list[Run], b: list[Run]) -> None:
    assert numbers(unite(a)) == numbers(a)
    assert numbers(intersect(unite(a), unite(b))) == numbers(a) & numbers(b)
    assert numbers(subtract(a, b)) == numbers(a) - numbers(b)
    for result in (unite(a), subtract(a, b)):
        assert all(x[1] < y[0] for x, y in itertools.pairwise(result))


holdings = st.lists(runs, min_size=1, max_size=6).map(
    lambda many: [Holding(segment_id, unite(some)) for segment_id, some in enumerate(many) if unite(some)]
)


@given(holdings, st.randoms())
def test_every_number_is_counted_exactly_once_in_any_order(held: list[Holding], random: object) -> None:
    skips = settle(held)
    counted = [n for h in held for n in numbers(replace(h, skips=skips[h.segment_id]).counted())]
    assert sorted(counted) == sorted(set().union(*(numbers(h.runs) for h in held)) if held else [])
    shuffled = list(held)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert settle(shuffled) == skips


@given(holdings, st.randoms())
def test_settling_as_they_come_ends_where_settling_all_at_once_does(
    held: list[Holding], random: object
) -> None:
    random.shuffle(held)  # type: ignore[attr-defined]
    present: dict[int, Holding] = {}
    for holding in held:
        present[holding.segment_id] = holding
        for segment_id, skips in settle(present.values()).items():
            if segment_id in recount(*present.values()) or segment_id == holding.segment_id:
                present[segment_id] = replace(present[segment_id], skips=skips)
        assert recount(*present.values()) == {}
    assert {i: h.skips for i, h in present.items()} == settle(held)


@given(holdings, st.sets(st.integers(0, 5)))
def test_nothing_is_counted_twice_beside_what_stands(held: list[Holding], gone: set[int]) -> None:
    first = settle(held)
    before = [replace(h, skips=first[h.segment_id], fixed=h.segment_id in gone) for h in held]
    assert recount(*(h for h in before if h.fixed)) == {}
    skips = settle(before)
    counted = [n for h in before for n in numbers(replace(h, skips=skips[h.segment_id]).counted())]
    assert sorted(counted) == sorted(set().union(*(numbers(h.runs) for h in held)) if held else [])


A = Holding(1, ((0, 100),))
B = Holding(2, ((80, 200),), skips=(Skip(80, 100),))


def test_settled_neighbours_are_left_alone() -> None:
    assert recount(A, B) == {}
    assert recount(Holding(1, ((0, 80),)), Holding(2, ((80, 200),))) == {}


def test_an_earlier_neighbour_comes_late() -> None:
    assert recount(A, replace(B, skips=())) == {2: (Skip(80, 100),)}


def test_a_neighbour_becomes_longer_or_shorter_or_goes() -> None:
    assert recount(replace(A, runs=((0, 150),)), B) == {2: (Skip(80, 150),)}
    assert recount(replace(A, runs=((0, 90),)), B) == {2: (Skip(80, 90),)}
    assert recount(B) == {2: ()}


def test_the_later_one_becomes_the_earlier_one() -> None:
    longer = replace(B, runs=((0, 200),), skips=(), segment_id=0)
    assert recount(A, longer) == {1: (Skip(0, 100),)}


def test_only_numbers_that_are_held_are_left_to_another() -> None:
    holed = replace(A, runs=((0, 85), (90, 100)))
    assert recount(holed, B) == {2: (Skip(80, 85), Skip(90, 100))}


def test_a_counting_that_began_anew_is_no_repetition() -> None:
    old = Holding(1, ((0, 100),), minutes=(10, 11))
    assert recount(old, Holding(2, ((0, 120),), minutes=(5_000, 5_000))) == {}
    assert recount(old, Holding(2, ((0, 120),), minutes=(11, 12))) == {2: (Skip(0, 100),)}


def test_a_segment_whose_file_is_gone_makes_the_others_go_round_it() -> None:
    gone = Holding(2, ((80, 200),), fixed=True)
    assert recount(A, gone) == {1: (Skip(80, 100),)}
