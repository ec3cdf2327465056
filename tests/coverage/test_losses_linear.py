"""What a stream's losses cost grows with its minutes, not with their square, where every minute has a hole."""

from __future__ import annotations

import time

import numpy as np

from pipeline.coverage.estimates import Baseline
from pipeline.coverage.losses import find_losses
from pipeline.coverage.model import FOREVER, Expectation, LedgerColumns, Roster, Span, Stream
from pipeline.coverage.sequences import find_holes
from pipeline.coverage.states import cover, due_of


def damaged_days(days: int) -> float:
    """CPU seconds for a stream that is damaged, and lacks five numbers of a hundred, in every minute."""
    n, stream = days * 1440, Stream("e1")
    counted, none = np.full(n, 95, np.uint64), np.zeros(n, np.uint64)
    first, minute = np.arange(n, dtype=np.uint64) * np.uint64(100), np.arange(n, dtype=np.uint32)
    rows = LedgerColumns(
        streams=(stream,),
        epochs=("1",),
        stream=np.zeros(n, np.uint32),
        minute=minute,
        state=np.full(n, 3, np.uint8),
        lines=counted,
        duplicates=none,
        bytes_sent=counted * np.uint64(900),
        content_bytes=counted * np.uint64(100),
        epoch=np.zeros(n, np.uint32),
        first=first,
        next=first + np.uint64(95),
        unit=np.ones(n, np.uint8),
        committed=(minute * 60.0).astype(np.float64),
    )
    roster = Roster({stream: (Span(0, FOREVER, Expectation.EXPECTED),)})
    due = due_of(0, n, now=n * 60 + 900.0, allowance_s=300, beats=np.zeros(0))
    coverage, holes = cover(rows, roster, 0, n, due=due), find_holes(rows)
    taken = []
    for _ in range(3):
        began = time.thread_time()
        (loss,) = find_losses(coverage, rows, holes, [], Baseline.of(rows, 0, n), due=due)
        taken.append(time.thread_time() - began)
        assert (loss.first, loss.after) == (0, n)
        assert loss.lost_bytes.expected > 0
    return min(taken)


def test_a_hole_in_every_minute_costs_as_much_in_each_day() -> None:
    """Four times the minutes, four times the time: where each minute looked at every hole, it was sixteen times."""
    assert damaged_days(4) < 8 * damaged_days(1)
