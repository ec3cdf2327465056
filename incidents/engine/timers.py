"""When each subject is to be judged again: one waking a subject, kept in the state; a heap over them finds the next."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from incidents.engine.state import State

Due = tuple[float, int]
"""A time, and whether it is meant exactly (0) or just after it (1), when what was just fresh enough is too old."""


class Timers:
    """Over the wakings of a state; those in the heap that no longer stand are passed over."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._heap = sorted((at, phase, subject) for subject, (at, phase) in state.wakes.items())

    def first(self) -> Due | None:
        """What rings next."""
        while self._heap and self._state.wakes.get(self._heap[0][2]) != self._heap[0][:2]:
            heapq.heappop(self._heap)
        return self._heap[0][:2] if self._heap else None

    def wake(self, subject: str, at: float | None, phase: int) -> None:
        """Ask to be judged again then; an earlier waking that stands is left, it only looks once more."""
        if at is None or (at, phase) <= (self._state.now, 0):
            return
        known = self._state.wakes.get(subject)
        if known is None or (at, phase) < known:
            self._state.wakes[subject] = (at, phase)
            heapq.heappush(self._heap, (at, phase, subject))

    def ring(self, due: Due) -> set[str]:
        """The subjects whose time has come; each asks anew when it is judged."""
        rung = set()
        while self.first() == due:
            subject = heapq.heappop(self._heap)[2]
            del self._state.wakes[subject]
            rung.add(subject)
        return rung
