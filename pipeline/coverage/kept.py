"""What a running check keeps of the store: it asks only for what came since the last one, and answers the rest itself.

`Kept` has the methods of the store that a check calls, and gives the same answers: ledger and gaps are numbered
without holes, so that what lies behind a number is all that is new; the other tables only grow. It may be thrown away
at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.coverage.ledger_window import LedgerWindow
from pipeline.coverage.model import FOREVER, Stream
from pipeline.coverage.readings import ReadingColumns
from pipeline.coverage.readings_window import ReadingsWindow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pipeline.coverage.evidence import Evidence
    from pipeline.coverage.model import Gap, LedgerColumns, Run
    from pipeline.store.ledger_news import Marks
    from pipeline.store.store import Store

MOST_ROWS = 1_000_000
"""Rows of the ledger that are kept at most, some 90 bytes each; what reaches further back is read each time."""

MOST_NEWS = 1_000_000
"""With more rows since the last check everything is looked at anew."""

BEATS_LATE_S = 600.0
"""So much later than its instant a beat may be written, by a clock that is wrong."""


DAY_S, FORGET_S = 86_400.0, 3600.0
"""Readings are kept of a day at most; those that are no longer asked for are forgotten every hour."""


@dataclass
class News:
    """What the ledger got since the last check: by stream, the hours (since 1970) that have new rows, and the first
    minute of these. `whole`: so much that nobody looked."""

    hours: dict[Stream, set[int]] = field(default_factory=dict)
    firsts: dict[Stream, int] = field(default_factory=dict)
    whole: bool = False


class Kept:
    """The store as a check sees it, as of the last `refresh`; for one thread."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._marks: Marks | None = None
        self._window: LedgerWindow | None = None
        self._asked = FOREVER
        self._acts: list[Evidence] = []
        self._beats: NDArray[np.float64] = np.empty(0)
        self._gaps: dict[str, Gap] = {}
        self._listed: list[Gap] | None = None
        self._gaps_seq = 0
        self._readings: ReadingsWindow | None = None

    def refresh(self) -> News:
        """Take in what came since the last time; all there is the first time, and where that fails half-way."""
        marks, before = self.store.marks(), self._marks
        self._marks = None
        news = self._take_ledger(marks, before)
        if marks.gaps != self._gaps_seq:
            self._take_gaps()
        if before is None or marks.evidence != before.evidence:
            self._acts = self.store.evidence(("edge",))
        if before is None or marks.beats != before.beats:
            self._take_beats()
        self._marks = marks
        return news

    def _take_ledger(self, marks: Marks, before: Marks | None) -> News:
        window, self._window = self._window, None
        if before is None or not before.ledger <= marks.ledger <= before.ledger + MOST_NEWS:
            return News(whole=True)
        if window is not None and self._asked > window.first:
            window.forget(self._asked)
        self._asked = FOREVER
        if marks.ledger == before.ledger:
            self._window = window
            return News()
        columns, keys = self.store.ledger_news(before.ledger, marks.ledger)
        if window is not None:
            again = window.repeated(columns, keys)
            if again is None:
                window.add(columns, keys)
            else:
                others = (columns.minute < again[0]) | (columns.minute >= again[1])
                window.add(_rows(columns, others), keys[others])
                window.replace(*again, *self.store.keyed_columns(*again, cut=marks.ledger))
            self._window = window
        return _news(columns)

    def _take_gaps(self) -> None:
        gaps, self._gaps_seq = self.store.gaps_since(self._gaps_seq)
        self._gaps.update((gap.id, gap) for gap in gaps)
        self._listed = None

    def _take_beats(self) -> None:
        held = self._beats
        since = float(held[-1]) - BEATS_LATE_S if len(held) else 0.0
        news = self.store.beats(since, FOREVER * 60.0)
        self._beats = np.concatenate([held[: np.searchsorted(held, since)], news])

    # -- what a check asks

    def cut(self) -> int:
        """The greatest `seq` of the ledger, as of the last refresh."""
        if self._marks is None:
            raise RuntimeError("refresh() first: nothing is known of the store")
        return self._marks.ledger

    def evidence(self, types: Sequence[str], since: float | None = None) -> list[Evidence]:
        """Events of these types; the acts on edges are at hand."""
        return (
            list(self._acts)
            if tuple(types) == ("edge",) and since is None
            else self.store.evidence(types, since)
        )

    def ledger_columns(self, first: int, after: int, *, cut: int | None = None) -> LedgerColumns:
        """The winners at the cut among segments of minutes [first, after)."""
        at = self.cut()
        if cut != at:
            return self.store.ledger_columns(first, after, cut=cut)
        window = self._window
        if window is None:
            if self.store.ledger_rows(first, FOREVER) > MOST_ROWS:
                return self.store.ledger_columns(first, after, cut=at)
            window = LedgerWindow(first, *self.store.keyed_columns(first, FOREVER, cut=at))
            self._window = window
        elif first < window.first:
            if self.store.ledger_rows(first, window.first) > MOST_ROWS - len(window):
                return self.store.ledger_columns(first, after, cut=at)
            window.reach_back(first, *self.store.keyed_columns(first, window.first, cut=at))
        self._asked = min(self._asked, first)
        return window.columns(first, after)

    def beats(self, since: float, until: float) -> NDArray[np.float64]:
        """Beats in [since, until), ascending."""
        begin, end = np.searchsorted(self._beats, [since, until])
        return self._beats[begin:end]

    def reading_columns(self, since: float, until: float) -> ReadingColumns:
        """Counter readings in [since, until); none are asked for where there are none."""
        count = self._marks.readings if self._marks is not None else 0
        if not count:
            return ReadingColumns.empty()
        read, window = self.store.readings_since, self._readings
        if until - since > DAY_S or (window is not None and since < window.since - DAY_S):
            return self.store.reading_columns(since, until)
        if window is None or since < window.since or not window.refresh(count, read):
            window = self._readings = ReadingsWindow(since, read)
        if window.since < since - FORGET_S:
            window.forget(since)
        return window.columns(since, until)

    def gaps(self) -> list[Gap]:
        """The latest of each gap, by minute and id."""
        if self._listed is None:
            self._listed = sorted(self._gaps.values(), key=lambda gap: (gap.loss.first, gap.id))
        return list(self._listed)

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """A question in SQL, asked of the store."""
        return self.store.query(sql, dict(params or {}))

    def usage_blocks(
        self, edge: str, stream: str | None, bounds: Sequence[int], cut: int | None = None
    ) -> list[tuple[int, str, int, int]]:
        """What an edge served in blocks of minutes, asked of the store."""
        return self.store.usage_blocks(edge, stream, bounds, cut)

    def usage_blocks_of(
        self, asked: Sequence[tuple[str, str | None, tuple[int, ...]]], cut: int
    ) -> list[list[tuple[int, str, int, int]]]:
        """The same of many at once."""
        return self.store.usage_blocks_of(asked, cut)

    def write_gaps(self, gaps: Sequence[Gap]) -> int:
        """Appends to the history; the next refresh brings it back."""
        return self.store.write_gaps(gaps)

    def write_coverage(self, first: int, after: int, runs: Sequence[Run], checked_at: float) -> int:
        """Makes `runs` what is known of these minutes."""
        return self.store.write_coverage(first, after, runs, checked_at)


def _rows(columns: LedgerColumns, which: NDArray[np.bool_]) -> LedgerColumns:
    from dataclasses import fields, replace

    names = (of.name for of in fields(columns) if of.name not in ("streams", "epochs"))
    return replace(columns, **{name: getattr(columns, name)[which] for name in names})


def _news(columns: LedgerColumns) -> News:
    news = News()
    hour, minute = columns.minute // np.uint32(60), columns.minute
    cells = np.unique(columns.stream.astype(np.int64) << 32 | hour)
    for cell in cells.tolist():
        news.hours.setdefault(columns.streams[cell >> 32], set()).add(cell & 0xFFFFFFFF)
    least = np.full(len(columns.streams), FOREVER, np.int64)
    np.minimum.at(least, columns.stream, minute)
    news.firsts = dict(zip(columns.streams, least.tolist(), strict=True))
    return news
