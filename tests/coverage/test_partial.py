"""A hole makes minutes partial only where nothing else explains it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coverage.model import Coverage, SequenceHole, State, Stream
from pipeline.coverage.partial import mark_partial
from tests.coverage.reference_states import partial_slowly

OF = {"r": State.RECEIVED, "e": State.EMPTY, "M": State.MISSING, "D": State.DAMAGED, "L": State.LATE,
      "U": State.UNKNOWN, "S": State.PARTIAL, "p": State.PAUSED}  # fmt: skip
FIRST = 1000


def marked(letters: str, first: int, after: int, *, inside: bool = False, stream: str = "access") -> str:
    """The states of minutes after a hole over [first, after), counted from the first minute."""
    coverage = Coverage(
        (Stream("e1", "access"), Stream("e1", "video")),
        FIRST,
        np.array([[OF[x] for x in letters]] * 2, np.uint8),
    )
    hole = SequenceHole(Stream("e1", stream), "1", 1, 10, 20, FIRST + first, FIRST + after, inside)
    mark_partial(coverage, [hole])
    assert (
        "".join(letter for state in coverage.states[1] for letter, s in OF.items() if s == state) == letters
    )
    return "".join(letter for state in coverage.states[0] for letter, s in OF.items() if s == state)


@pytest.mark.parametrize(
    ("before", "first", "after", "then"),
    [
        ("rrrr", 1, 2, "rSrr"),
        ("rerr", 0, 3, "SSSr"),
        ("rMMr", 0, 3, "rMMr"),  # the missing minutes are the loss
        ("rLrr", 0, 2, "rLrr"),  # they may still come
        ("rUrr", 0, 2, "rUrr"),
        ("rDrr", 0, 1, "rDrr"),  # the damaged segment at its end lost its first lines
        ("rDrr", 1, 2, "rDrr"),
        ("rprr", 0, 2, "Sprr"),
        ("rrrr", -5, 1, "Srrr"),  # holes reach over the ends
        ("rrrr", 3, 9, "rrrS"),
        ("rrrr", 8, 9, "rrrr"),
    ],
)
def test_a_hole_between_segments(before: str, first: int, after: int, then: str) -> None:
    assert marked(before, first, after) == then


def test_a_hole_within_a_segment_is_that_segments() -> None:
    assert marked("rrrM", 2, 3, inside=True) == "rrSM"
    assert marked("rDrr", 1, 2, inside=True) == "rDrr"


def test_a_hole_of_another_stream_is_passed_over() -> None:
    assert marked("rrrr", 0, 4, stream="other") == "rrrr"


@given(
    st.lists(st.sampled_from([s for s in State if s is not State.PARTIAL]), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(-3, 14), st.integers(0, 6), st.booleans()), max_size=6),
)
def test_holes_of_any_kind_mark_what_the_reference_says(
    states: list[State], of: list[tuple[int, int, bool]]
) -> None:
    stream = Stream("e1")
    holes = [SequenceHole(stream, "1", 1, 0, 5, FIRST + a, FIRST + a + n, inside) for a, n, inside in of]
    coverage = Coverage((stream,), FIRST, np.array([states], np.uint8))
    mark_partial(coverage, holes)
    wanted = partial_slowly({FIRST + i: state for i, state in enumerate(states)}, holes)
    assert [State(state) for state in coverage.states[0]] == list(wanted.values())
