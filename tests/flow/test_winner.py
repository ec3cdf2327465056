"""The rule that picks a winner, as sequences of what an edge may send."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flow_settle import supersedes
from pipeline.model import LedgerEntry, SegmentState
from tests.flow.winners import pick_winners

R, D, Q, E = SegmentState.RECEIVED, SegmentState.DAMAGED, SegmentState.QUARANTINED, SegmentState.EMPTY

WHOLE = {"state": R, "lines": 10, "content_bytes": 500, "digest": b"w" * 16}
CASES = {
    # name: (contents in order of arrival, place of the one that must win)
    "comes longer": ([WHOLE, WHOLE | {"lines": 12, "content_bytes": 600, "digest": b"l" * 16}], 1),
    "comes shorter": ([WHOLE, WHOLE | {"lines": 4, "content_bytes": 200, "digest": b"s" * 16}], 0),
    "other content, as many lines, more bytes": (
        [WHOLE, WHOLE | {"content_bytes": 501, "digest": b"a" * 16}],
        1,
    ),
    "other content of the same size: by digest": ([WHOLE, WHOLE | {"digest": b"x" * 16}], 1),
    "damaged, then whole": ([WHOLE | {"state": D, "lines": 9, "digest": b"z" * 16}, WHOLE], 1),
    "whole, then damaged": ([WHOLE, WHOLE | {"state": D, "lines": 9, "digest": b"z" * 16}], 0),
    "damaged with more lines": ([WHOLE, WHOLE | {"state": D, "lines": 99, "digest": b"z" * 16}], 0),
    "quarantined, then whole": ([{"state": Q, "lines": 0, "content_bytes": 0, "digest": b""}, WHOLE], 1),
    "verified beats longer": ([WHOLE | {"verified": True}, WHOLE | {"lines": 99, "digest": b"l" * 16}], 0),
    "empty, then whole": ([{"state": E, "lines": 0, "content_bytes": 0, "digest": b"e" * 16}, WHOLE], 1),
}


def pick_winner(attempts: list[Any]) -> LedgerEntry:
    (winner,) = pick_winners(attempts).values()
    return winner


@pytest.mark.parametrize("name", CASES)
def test_the_winner_does_not_depend_on_arrival(name: str, entry: Any) -> None:
    contents, expected = CASES[name]
    for order in itertools.permutations(range(len(contents))):
        attempts = [entry(**contents[i], write_id=i, seq=seq) for seq, i in enumerate(order, 1)]
        assert pick_winner(attempts).write_id == expected


def test_the_same_content_again_the_latest_attempt_wins(entry: Any) -> None:
    first, again = entry(write_id=1, seq=1), entry(write_id=2, seq=2)
    assert pick_winner([again, first]) is again


def test_a_preferred_attempt_wins_and_the_latest_preference_counts(entry: Any) -> None:
    long, short = entry(write_id=1, seq=1, lines=99), entry(write_id=2, seq=2, lines=3, digest=b"s" * 16)
    attempts = [long, short, replace(short, seq=3, preferred=True)]
    assert pick_winner(attempts).write_id == 2
    attempts.append(replace(long, seq=4, preferred=True))
    assert pick_winner(attempts).write_id == 1


contents = st.fixed_dictionaries(
    {
        "state": st.sampled_from([R, D, E, Q]),
        "verified": st.booleans(),
        "lines": st.integers(0, 3),
        "content_bytes": st.integers(0, 3),
        "digest": st.sampled_from([b"a", b"b"]),
        "preferred": st.booleans(),
    }
)


@given(
    values=st.lists(contents, min_size=1, max_size=6, unique_by=lambda c: tuple(sorted(c.items()))),
    random=st.randoms(),
)
def test_any_order_of_different_contents_gives_the_same_winner(
    values: list[dict[str, Any]], random: Any, entry: Any
) -> None:
    def winning_rank(order: list[int]) -> Any:
        return pick_winner([entry(**values[i], seq=seq) for seq, i in enumerate(order, 1)]).rank

    order = list(range(len(values)))
    expected = winning_rank(order)
    random.shuffle(order)
    assert winning_rank(order) == expected


@given(values=st.lists(contents, min_size=1, max_size=6))
def test_one_at_a_time_or_all_at_once_is_the_same(values: list[dict[str, Any]], entry: Any) -> None:
    attempts = [entry(**value, write_id=i, seq=i) for i, value in enumerate(values, 1)]
    held = None
    for attempt in attempts:
        if supersedes(attempt, held):
            held = attempt
    assert held is pick_winner(attempts)
    assert held is pick_winner(attempts[::-1])
