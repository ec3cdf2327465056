"""Which deltas of the counters are explained by the losses that they overlap."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from pipeline.coverage.counter_losses import _accounted, _Edge, _touched
from pipeline.coverage.counters import Tolerance
from pipeline.coverage.model import Amount, CounterDelta, Loss, LossClass, Stream

EXACT = Tolerance(0.0, 0, 0)
FIRST = 1000


def delta(minute: int, requests: int, lacking: int | None = None, length: int = 1) -> CounterDelta:
    """A delta from FIRST + minute on that has so many requests, and bytes, more than were logged."""
    sent = requests * 1000 if lacking is None else lacking
    first = FIRST + minute
    return CounterDelta("e1", first, first + length, 500 + requests, 500_000 + sent, 500, 500_000)


def loss(minute: int, length: int, lines: int | None, high: int = 10_000) -> Loss:
    amount = Amount(0, high // 2, high, None, "neighbours")
    kind = LossClass.MISSING if lines is None else LossClass.DAMAGED
    return Loss(Stream("e1"), kind, FIRST + minute, FIRST + minute + length, lines, amount)


def accounted(
    deltas: list[CounterDelta], losses: list[Loss], waiting: int | None = None, allowed: Tolerance = EXACT
) -> set[int]:
    lost, waits, idle = (np.zeros(20, np.bool_) for _ in range(3))
    for each in losses:
        lost[each.first - FIRST : each.after - FIRST] = True
    if waiting is not None:
        waits[waiting] = True
    edge = _Edge("e1", FIRST, deltas, losses, lost, waits, idle)
    return _accounted(edge, defaultdict(list, _touched(edge)), allowed)


@pytest.mark.parametrize(
    ("requests", "lines", "explained"), [(10, 10, True), (9, 10, True), (11, 10, False), (0, 10, False)]
)
def test_each_request_is_held_against_the_lines_that_are_lost(
    requests: int, lines: int, explained: bool
) -> None:
    found = accounted([delta(3, requests, lacking=9000)], [loss(3, 1, lines)])
    assert found == ({0} if explained else set())


def test_with_its_requests_accounted_for_the_bytes_are_too() -> None:
    assert accounted([delta(3, 10, lacking=50_000_000)], [loss(3, 1, 10)]) == {0}


def test_without_lines_the_most_bytes_that_may_be_lost_decide_and_a_crowd_is_among_them() -> None:
    assert accounted([delta(3, 40, lacking=40_000)], [loss(3, 1, None, high=10_000)]) == {0}
    assert accounted([delta(3, 40, lacking=40_001)], [loss(3, 1, None, high=10_000)]) == set()


def test_deltas_that_share_a_loss_are_judged_together() -> None:
    shared = loss(3, 2, 10)
    assert accounted([delta(3, 10), delta(4, 0)], [shared]) == {0, 1}
    assert accounted([delta(3, 11), delta(4, 0)], [shared]) == set()
    # two losses side by side are two
    assert accounted([delta(3, 5), delta(4, 6)], [loss(3, 1, 5), loss(4, 1, 5)]) == {0}


def test_what_is_within_the_tolerance_is_explained() -> None:
    assert accounted([delta(3, 15)], [loss(3, 1, 10)], allowed=Tolerance(0.0, 0, 5)) == {0}
    assert accounted([delta(3, 16)], [loss(3, 1, 10)], allowed=Tolerance(0.0, 0, 5)) == set()


def test_nothing_is_said_while_a_part_may_come_or_of_a_loss_that_reaches_out() -> None:
    assert accounted([delta(3, 10)], [loss(3, 1, 10)], waiting=3) == set()
    assert accounted([delta(3, 10)], [loss(2, 2, 10)]) == set()
    assert accounted([delta(19, 10, length=2)], [loss(19, 1, 10)]) == set()
