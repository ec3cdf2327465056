"""Which sequence holes make a minute partial: those that nothing else explains; from holes to states, in place.

A hole between two segments lies on the earlier one's minute too, since its last lines may be among the lost. Where
minutes between them are missing, they are the loss, and the minute before is whole as far as anyone knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.model import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.coverage.model import Coverage, SequenceHole

_EXPLAINS = np.zeros(256, np.bool_)
_EXPLAINS[[State.MISSING, State.DAMAGED, State.LATE, State.UNKNOWN]] = True


def unexplained(coverage: Coverage, holes: Sequence[SequenceHole]) -> list[SequenceHole]:
    """The holes that are losses by themselves: not across minutes that are lost or may still come, nor at the end
    of which a damaged segment lies, which lost its first lines."""
    rows = {stream: row for row, stream in enumerate(coverage.streams)}
    left = []
    for hole in holes:
        row = rows.get(hole.stream)
        if row is None:
            continue
        begin = max(0, hole.from_minute - coverage.first)
        end = max(begin, hole.after_minute - coverage.first)
        states = coverage.states[row]
        explained = not hole.inside and (
            _EXPLAINS[states[begin:end]].any() or (end < len(states) and states[end] == State.DAMAGED)
        )
        if not explained:
            left.append(hole)
    return left


def mark_partial(coverage: Coverage, holes: Sequence[SequenceHole]) -> None:
    """Minutes that are in and that these holes lie on become PARTIAL, in place."""
    rows = {stream: row for row, stream in enumerate(coverage.streams)}
    for hole in holes:
        if hole.stream in rows:
            begin = max(0, hole.from_minute - coverage.first)
            of_hole = coverage.states[
                rows[hole.stream], begin : max(begin, hole.after_minute - coverage.first)
            ]
            of_hole[(of_hole == State.RECEIVED) | (of_hole == State.EMPTY)] = State.PARTIAL
