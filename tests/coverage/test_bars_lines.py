"""Planted loss of lines: exact by sequence numbers, by counters without, and honest intervals where all is guessed."""

from __future__ import annotations

import pytest

from pipeline.coverage.model import LossClass
from tests.coverage.bars import score_of, size


@size
@pytest.mark.parametrize("share", [50, 20, 5, 1])
def test_lines_lost_with_sequences_are_found_exactly(share: int, full: bool) -> None:
    _, store, score = score_of(f"lines-{share}", full=full)
    assert score.recall == 1.0
    assert score.cells_found == score.cells
    assert not score.false
    assert score.unnamed_lines == 0
    assert score.lines_off == 0
    assert {gap.loss.kind for gap in store.gaps()} == {LossClass.SEQUENCE}
    assert score.covered >= 0.9
    assert score.doubled == 0


@size
@pytest.mark.parametrize("share", [50, 20, 5, 1])
def test_lines_lost_with_counters_only_are_found(share: int, full: bool) -> None:
    _, store, score = score_of(f"counters-{share}", full=full)
    assert not score.false
    assert {gap.loss.kind for gap in store.gaps()} <= {LossClass.COUNTER}
    if share >= 5:
        assert score.recall >= 0.99
        assert score.cells_found >= 0.99 * score.cells
        assert score.bytes_off <= 0.02
        assert score.worst_bytes_off <= 0.02
    assert score.covered >= 0.9


@size
def test_bytes_of_log_lost_are_found(full: bool) -> None:
    _, _, score = score_of("bytes-5", full=full)
    assert score.recall == 1.0
    assert score.cells_found == score.cells
    assert not score.false
    assert score.covered >= 0.9


@size
@pytest.mark.parametrize("name", ["no-counters", "nothing-known"])
def test_estimates_hold_the_truth_in_nine_cases_of_ten(name: str, full: bool) -> None:
    _, _, score = score_of(name, full=full)
    assert score.recall == 1.0
    assert not score.false
    assert score.covered >= 0.9
    # An interval that holds everything says nothing: it must be of the size of what it measures.
    widths = sorted((high - low) / max(expected, 1) for low, expected, high, _ in score.sent)
    assert widths[len(widths) // 2] <= 3.0


@size
def test_damaged_segments_are_found_with_what_they_lack(full: bool) -> None:
    _, store, score = score_of("damaged", full=full)
    assert score.recall == 1.0
    assert not score.false
    assert {gap.loss.kind for gap in store.gaps()} == {LossClass.DAMAGED}
    assert score.lines_off == 0
    assert score.covered >= 0.9


@size
def test_one_customers_collector_dead_is_found_on_its_edge(full: bool) -> None:
    run, store, score = score_of("customer", full=full)
    # Half the lines of a small customer may be less than counters are trusted to tell; numbers miss none.
    numbered = [loss for loss in score.missed if run.fleet.unit(run.truth.rows(loss.edge)[0]) != "none"]
    assert not numbered
    assert score.recall >= 0.9
    assert not score.false
    hit = {loss.edge for loss in run.truth.planted}
    assert {gap.loss.stream.edge for gap in store.gaps()} <= hit
    for loss in run.truth.planted:
        (customer,) = loss.customers
        gaps = [
            g
            for g in store.gaps()
            if g.loss.stream.edge == loss.edge and g.loss.first < loss.after and g.loss.after > loss.first
        ]
        assert gaps
        assert all(customer in {share.customer for share in gap.customers} for gap in gaps)
    # Nineteen twentieths is the bar; what is missing are losses of a few lines, which chance could explain.
    assert score.attributed >= 0.95


@pytest.mark.parametrize("seed", range(2, 10))
def test_what_one_customer_lost_is_his(seed: int) -> None:
    _, _, score = score_of("customer", full=False, seed=seed)
    assert score.attributed >= 0.95


@size
@pytest.mark.parametrize("name", ["lines-1", "lines-20", "bytes-5", "counters-1", "counters-50", "damaged"])
def test_what_all_lost_alike_is_shared_as_they_are_served(name: str, full: bool) -> None:
    _, _, score = score_of(name, full=full)
    assert score.attributed >= 0.95
    # Nobody is singled out where chance alone made him fall.
    wrong = [right / true for right, true in score.shared if right < 0.9 * true]
    assert len(wrong) <= 0.02 * len(score.shared)


@size
@pytest.mark.parametrize("name", ["silence", "stream-silence"])
def test_a_silent_stream_is_shared_by_its_own_customers(name: str, full: bool) -> None:
    """An edge's streams serve different customers most: by the whole edge 86 % and 88 % of the bytes were right."""
    _, _, score = score_of(name, full=full)
    assert score.attributed >= 0.93
