"""Gaps that somebody has accepted as lost for good, and whether they are all that a task of lost minutes holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.evidence.gaps import without
from pipeline.coverage.model import GapState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.engine.state import Span
    from pipeline.coverage.model import Gap

    OpenLosses = tuple[tuple[str, str, tuple[Span, ...]], ...]


class Accepted:
    """Takes in the history of gaps. Of an accepted one all minutes that it ever had count: those that came are not
    lost either."""

    def __init__(self) -> None:
        self._latest: dict[str, dict[str, Gap]] = {}
        self._had: dict[str, tuple[int, int]] = {}

    def note(self, news: Iterable[Gap]) -> None:
        """What is new of the history, in its order."""
        for gap in news:
            first, after = self._had.get(gap.id, (gap.loss.first, gap.loss.after))
            self._had[gap.id] = min(first, gap.loss.first), max(after, gap.loss.after)
            of_edge = self._latest.setdefault(gap.loss.stream.edge, {})
            if gap.state is GapState.ACCEPTED:
                of_edge[gap.id] = gap
            else:
                of_edge.pop(gap.id, None)

    def words(self, edge: str, spans: Iterable[Span]) -> tuple[list[str], list[str]] | None:
        """Who has accepted these lost minutes of an edge, and why; None where somebody has yet to."""
        mine = self._latest.get(edge, {}).values()
        told: dict[str, Gap] = {}
        for span in spans:
            first, after = round(span.since / 60), round(span.until / 60)
            hit = [
                gap
                for gap in mine
                if gap.loss.stream.stream == span.stream
                and self._had[gap.id][0] < after
                and first < self._had[gap.id][1]
            ]
            if without([(first, after)], [self._had[gap.id] for gap in hit]):
                return None
            told.update((gap.id, gap) for gap in hit)
        if not told:
            return None
        reasons = [gap.reason.partition(": ") for gap in told.values()]
        return list(dict.fromkeys(who for who, _, _ in reasons)), list(
            dict.fromkeys(why for _, _, why in reasons)
        )
