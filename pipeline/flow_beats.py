"""Beats: the instants up to which a running pipeline has taken in all that it was given, noted in the store.

Coverage reads them: where there are none we were blind (stopped, cut off from spool or store, or far behind), and what
was due then is unknown instead of missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BEAT_S = 20.0
"""Time between two beats: well below the minute without one that counts as blindness."""

TICK_S = 5.0
"""How often it is looked whether a beat is due."""


class Beats:
    """Works out the next beat from what is on its way; knows neither clock nor store."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._ticked = float("-inf")
        self._beaten = float("-inf")

    def is_due(self, now_s: float) -> bool:
        """Whether it is time for a tick."""
        return now_s - self._ticked >= TICK_S

    def tick(self, now_s: float, on_the_way: Iterable[str]) -> float | None:
        """The instant to note as a beat, None where none is due.

        `on_the_way`: paths that were found and are not in the ledger. All that had been found at the instant is in:
        what is seen here for the first time was found after the last tick. So a backlog holds the beat back until it
        is in, as if we had still been away.
        """
        self._since = {path: self._since.get(path, self._ticked) for path in on_the_way}
        upto = min(self._since.values(), default=now_s)
        self._ticked = now_s
        if upto - self._beaten < BEAT_S or upto == float("-inf"):
            return None
        return upto

    def noted(self, at_s: float) -> None:
        """The store has this beat."""
        self._beaten = at_s
