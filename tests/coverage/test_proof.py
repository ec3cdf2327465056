"""The completeness proof: its sums hold whatever the states are, and it names its gaps."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.coverage.model import Amount, Coverage, Gap, GapState, Loss, LossClass, Share, State, Stream
from pipeline.coverage.periods import ContractMonth, Month
from pipeline.coverage.proof import Minutes, Proof, prove, tally_minutes

FIRST = 29_000_000
R, E, MISS, DAM, PART, L, U, P, UNEX, DEC, N = (
    State.RECEIVED, State.EMPTY, State.MISSING, State.DAMAGED, State.PARTIAL, State.LATE, State.UNKNOWN, State.PAUSED,
    State.UNEXPECTED, State.DECOMMISSIONED, State.NONE,
)  # fmt: skip
MONTH = ContractMonth(Month(2026, 10), "c1", FIRST, FIRST + 10, "Europe/Moscow")
STATES = np.array(
    [
        [R, R, E, MISS, MISS, R, R, R, DAM, R],
        [R, P, P, N, R, PART, L, U, UNEX, DEC],
        [R, R, R, R, R, R, R, R, R, R],
    ],
    np.uint8,
)
COVERAGE = Coverage((Stream("e1"), Stream("e1", "video"), Stream("e2")), FIRST, STATES)


def gap(kind: LossClass, first: int, after: int, stream: Stream, *, exact: int | None = None) -> Gap:
    amount = Amount(100, 200, 400, exact, "neighbours")
    loss = Loss(stream, kind, FIRST + first, FIRST + after, None, amount)
    return Gap(f"g{kind.name}{first}", loss, GapState.OPEN, 0.0, 0.0, (Share("c1", 0.25),))


GAPS = [
    gap(LossClass.MISSING, 3, 5, Stream("e1")),
    gap(LossClass.DAMAGED, 8, 9, Stream("e1"), exact=77),
    gap(LossClass.COUNTER, 0, 2, Stream("e2", "*"), exact=9),
    gap(LossClass.COUNTER, 2, 3, Stream("e1", "*")),
]


def test_minutes_of_each_edge() -> None:
    found = tally_minutes(COVERAGE, GAPS, FIRST, FIRST + 10)
    # e1: its empty minute 2 lost something by the counter; of access 2 missing and 1 damaged, of video 1 partial
    assert found == {
        "e1": Minutes(expected=15, received=8, empty=0, lost=5, estimated=4, unsettled=2, unexpected=1),
        "e2": Minutes(expected=10, received=8, lost=2),
    }


def test_a_gap_that_closed_is_lost_no_more_and_one_that_is_accepted_is() -> None:
    for state, lost in ((GapState.CLOSED, 0), (GapState.ACCEPTED, 2), (GapState.SHRUNK, 2)):
        gaps = [replace(GAPS[2], state=state)]
        assert tally_minutes(COVERAGE, gaps, FIRST, FIRST + 10)["e2"].lost == lost


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_sum_always_holds(data: st.DataObject) -> None:
    rows = data.draw(
        st.lists(st.lists(st.sampled_from(list(State)), min_size=12, max_size=12), min_size=1, max_size=3)
    )
    coverage = Coverage(
        tuple(Stream("e", f"s{i}") for i in range(len(rows))), FIRST, np.array(rows, np.uint8)
    )
    spans = data.draw(
        st.lists(
            st.tuples(st.integers(-4, 13), st.integers(1, 8), st.sampled_from(list(LossClass)), st.booleans())
        )
    )
    whole, one = Stream("e", "*"), Stream("e", "s0")
    gaps = [
        gap(
            kind, first, first + long, whole if kind is LossClass.COUNTER else one, exact=1 if exact else None
        )
        for first, long, kind, exact in spans
    ]
    first, after = sorted(data.draw(st.lists(st.integers(0, 12), min_size=2, max_size=2, unique=True)))
    (m,) = tally_minutes(coverage, gaps, FIRST + first, FIRST + after).values()
    assert m.expected == m.received + m.empty + m.lost + m.unsettled
    assert 0 <= m.estimated <= m.lost
    assert min(m.received, m.empty, m.unsettled, m.unexpected) >= 0
    inside = np.array(rows)[:, first:after]
    assert m.expected == int(np.isin(inside, [R, E, MISS, DAM, PART, L, U]).sum())


def test_minutes_that_nobody_looked_at_are_an_error() -> None:
    with pytest.raises(ValueError, match="does not hold"):
        tally_minutes(COVERAGE, [], FIRST, FIRST + 11)


def test_a_proof_counts_the_edges_that_served_and_names_the_gaps() -> None:
    minutes = tally_minutes(COVERAGE, GAPS, FIRST, FIRST + 10)
    proof = prove(
        MONTH, cut=88, minutes=minutes, edges=frozenset({"e1"}), gaps=GAPS[:2], digest="ab" * 32, rows=7
    )
    assert (proof.edges, proof.minutes, proof.complete) == (1, minutes["e1"], False)
    document = proof.to_json()
    assert document["expected_minutes"] == 15
    counts = ("received", "empty", "lost", "estimated", "unsettled", "unexpected")
    assert [document[f"{name}_minutes"] for name in counts] == [8, 0, 5, 4, 2, 1]
    assert document["digest"] == "sha256:" + "ab" * 32
    assert [g["id"] for g in document["gaps"]] == ["gMISSING3", "gDAMAGED8"]
    assert document["gaps"][0]["lost_bytes"] == {"low": 100, "expected": 200, "high": 400, "exact": None}
    assert document["gaps"][0]["share"] == 0.25
    assert (document["from"], document["to"]) == ("2025-02-19T21:20:00Z", "2025-02-19T21:30:00Z")
    assert Proof.from_json(json.loads(json.dumps(document))) == proof


def test_a_gap_of_an_edge_that_is_not_known_to_serve_him_counts_its_edge() -> None:
    minutes = tally_minutes(COVERAGE, GAPS, FIRST, FIRST + 10)
    proof = prove(MONTH, cut=1, minutes=minutes, edges=frozenset({"e1"}), gaps=GAPS)
    assert (proof.edges, proof.minutes) == (2, minutes["e1"] + minutes["e2"])


def test_where_no_edge_is_known_to_have_served_all_count() -> None:
    minutes = tally_minutes(COVERAGE, GAPS, FIRST, FIRST + 10)
    proof = prove(MONTH, cut=1, minutes=minutes, edges=frozenset())
    assert (proof.edges, proof.minutes) == (0, minutes["e1"] + minutes["e2"])
    assert (proof.to_json()["digest"], proof.to_json()["rows"]) == (None, None)
    assert Proof.from_json(json.loads(json.dumps(proof.to_json()))) == proof


def test_a_gap_over_the_months_end_counts_what_lies_inside() -> None:
    over = gap(LossClass.MISSING, 8, 30, Stream("e1"))
    proof = prove(MONTH, cut=1, minutes={}, edges=frozenset({"e1"}), gaps=[over])
    assert (proof.gaps[0].minutes, proof.gaps[0].after) == (2, FIRST + 30)


def test_a_complete_month_says_so() -> None:
    proof = prove(
        MONTH, cut=1, minutes=tally_minutes(COVERAGE, [], FIRST, FIRST + 10), edges=frozenset({"e2"})
    )
    assert proof.complete
