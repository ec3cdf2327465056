"""Which lost piece each gap goes on in: gaps as they were and losses as they are, of one edge, in; for history.py."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from pipeline.coverage.model import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.coverage.model import Gap, Loss

ALL_STREAMS = "*"


class Places:
    """The places of one edge's pieces by stream and time; those of one stream do not overlap."""

    def __init__(self, pieces: Sequence[Loss]) -> None:
        self._pieces = pieces
        self._of: dict[Stream, list[int]] = defaultdict(list)
        for place in sorted(range(len(pieces)), key=lambda place: pieces[place].first):
            self._of[pieces[place].stream].append(place)

    def same(self, loss: Loss) -> list[int]:
        """Those of its stream that overlap a loss, by time."""
        return self._over(loss.stream, loss)

    def related(self, loss: Loss) -> list[int]:
        """Those that overlap a loss between its stream and all streams of the edge, by time."""
        if loss.stream.stream != ALL_STREAMS:
            return self._over(Stream(loss.stream.edge, ALL_STREAMS), loss)
        others = [stream for stream in self._of if stream != loss.stream]
        found = [place for stream in others for place in self._over(stream, loss)]
        return sorted(found, key=lambda place: (self._pieces[place].first, self._pieces[place].stream))

    def _over(self, stream: Stream, loss: Loss) -> list[int]:
        places = self._of.get(stream, [])
        begin = bisect_right(places, loss.first, key=lambda place: self._pieces[place].after)
        return places[begin : bisect_left(places, loss.after, key=lambda place: self._pieces[place].first)]


def find_heirs(
    gaps: Sequence[Gap], pieces: Sequence[Loss]
) -> tuple[list[list[Gap]], list[list[Gap]], list[Gap]]:
    """By place of a piece, the gaps that go on in it and the gaps that it was part of; and those that go on in none.

    `gaps`: the eldest first; they stay in this order. Those that have no choice choose first, so that as many as can
    have a piece of their own; among several pieces a gap takes the earliest that no other has.
    """
    places = Places(pieces)
    on: list[list[Gap]] = [[] for _ in pieces]
    of: list[list[Gap]] = [[] for _ in pieces]
    same = [places.same(gap.loss) for gap in gaps]
    related = [places.related(gap.loss) for gap in gaps]
    choices = [own or others for own, others in zip(same, related, strict=True)]

    def turn(number: int) -> tuple[int, int]:
        if not same[number]:
            return 2, number
        return (0, number) if len(same[number]) == 1 else (1, gaps[number].loss.first)

    heirs: dict[int, int] = {}
    taken: set[int] = set()
    for number in sorted(range(len(gaps)), key=turn):
        if own := choices[number]:
            heirs[number] = next((place for place in own if place not in taken), own[0])
            taken.add(heirs[number])
    none = []
    for number, gap in enumerate(gaps):
        if number in heirs:
            on[heirs[number]].append(gap)
        else:
            none.append(gap)
        for place in (*same[number], *related[number]):
            of[place].append(gap)
    return on, of, none
