"""Which sequence holes make a minute partial: those that nothing else explains; from holes to states, in place.

A hole between two segments lies on the earlier one's minute too, since its last lines may be among the lost. Where
minutes between them are missing, they are the loss, and the minute before is whole as far as anyone knows.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.model import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.coverage.model import Coverage, SequenceHole

_EXPLAINS = np.zeros(256, np.bool_)
_EXPLAINS[[State.MISSING, State.DAMAGED, State.LATE, State.UNKNOWN]] = True


def mark_partial(coverage: Coverage, holes: Sequence[SequenceHole]) -> None:
    """Minutes that are in and that a hole lies on become PARTIAL, in place; but not by a hole across minutes that are
    lost or may still come, nor by one at the end of which a damaged segment lies, which lost its first lines."""
    of_row: dict[int, list[tuple[int, int, bool]]] = defaultdict(list)
    rows = {stream: row for row, stream in enumerate(coverage.streams)}
    width = coverage.after - coverage.first
    for hole in holes:
        if (row := rows.get(hole.stream)) is not None:
            begin = min(max(0, hole.from_minute - coverage.first), width)
            of_row[row].append(
                (begin, min(max(begin, hole.after_minute - coverage.first), width), hole.inside)
            )
    for row, spans in of_row.items():
        states = coverage.states[row]
        begin, end, inside = np.array(spans, np.int64).T
        explains = np.concatenate([[0], np.cumsum(_EXPLAINS[states])])
        ends_damaged = (end < width) & (states[np.minimum(end, width - 1)] == State.DAMAGED)
        own = (inside > 0) | ((explains[end] == explains[begin]) & ~ends_damaged)
        steps = np.bincount(begin[own], minlength=width + 1) - np.bincount(end[own], minlength=width + 1)
        torn = np.cumsum(steps)[:width] > 0
        states[torn & ((states == State.RECEIVED) | (states == State.EMPTY))] = State.PARTIAL
