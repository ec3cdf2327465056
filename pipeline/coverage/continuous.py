"""The check of every minute: only what can have changed since the last one is looked at, and what was found is written.

What can change a minute: time (while it is not settled), a ledger row of its own, an act on an edge, a reading. The
first two are followed minute by minute; everything within reach is looked at at the start, after an act, and hourly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.coverage.control import check, first_minutes, record, roster_of, widen
from pipeline.coverage.kept import Kept
from pipeline.coverage.model import FOREVER, GapState, State, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.coverage.control import Checked, Settings, Source
    from pipeline.coverage.kept import News
    from pipeline.coverage.model import Gap, Roster
    from pipeline.store.store import Store

RECENT_MINUTES = 120
"""What is always looked at: more than most allowances, so that all that is not settled lies in it."""

WIDE_MINUTES = 720
"""How far back a recent look is widened to hold a gap whole; longer ones wait for WIDE_EVERY_S, or a row of theirs."""

WIDE_EVERY_S = 600.0
ALL_EVERY_S = 3600.0


@dataclass
class Continuous:
    """Checks again and again; what it remembers is in the store too, so it may be killed and made anew at any time.

    `reach_s`: how far back minutes are looked at. `done`: checks so far.
    """

    store: Store
    settings: Settings
    reach_s: float
    done: int = 0
    _kept: Kept = field(init=False)
    _acts: int = -1
    _all_at: float = 0.0
    _wide_at: float = 0.0
    _unsettled: int | None = None
    _firsts: dict[Stream, int] = field(default_factory=dict)
    _roster: Roster | None = None
    _whole: bool = True
    _hours: dict[Stream, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._kept = Kept(self.store)

    def step(self, now: float) -> list[Checked]:
        """Check what can have changed by `now`, write it, and hand it back, the most recent stretch first."""
        self._note(self._kept.refresh())
        acts = len(self._kept.evidence(("edge",)))
        due = now - self._all_at >= ALL_EVERY_S or now < self._all_at
        if acts != self._acts:
            self._roster = None
        checks = [self._all(now)] if self._whole or due or acts != self._acts else self._changed(now)
        for checked in checks:
            record(self.store, checked)
        self._acts, self._whole = acts, False
        self._hours.clear()
        self.done += 1
        return checks

    def _note(self, news: News) -> None:
        """What is new is remembered until it has been looked at, should that fail."""
        self._whole = self._whole or news.whole
        for stream, hours in news.hours.items():
            self._hours.setdefault(stream, set()).update(hours)
        for stream, minute in news.firsts.items():
            if minute < self._firsts.get(stream, FOREVER):
                self._firsts[stream] = minute
                self._roster = None

    def _all(self, now: float) -> Checked:
        self._all_at = self._wide_at = now
        self._firsts = first_minutes(self.store)
        self._roster = None
        first, after = reach(self._expected(), self._kept.gaps(), now, self.reach_s)
        return self._check(self.store, first, after, now)

    def _changed(self, now: float) -> list[Checked]:
        hours = self._hours
        after = int(now) // 60
        first = after - RECENT_MINUTES
        if self._unsettled is not None:
            first = min(first, self._unsettled)
        wide = now - self._wide_at >= WIDE_EVERY_S
        if wide:
            self._wide_at = now
        gaps = [gap for gap in self._kept.gaps() if gap.state is not GapState.CLOSED]
        whole = [g for g in gaps if wide or g.loss.first >= after - WIDE_MINUTES or _touched(g, hours)]
        first, after = widen(first, after, whole)
        checks = [self._check(self._kept, first, after, now)]
        # What came for minutes before that is looked at where it belongs.
        early = sorted({hour for of_stream in hours.values() for hour in of_stream if hour * 60 < first})
        done = first
        for begin, end in reversed(_stretches(early)):
            begin, end = widen(begin, min(end, done), whole)
            if begin < done:
                checks.append(self._check(self._kept, begin, min(end, done), now))
                done = begin
        return checks

    def _check(self, source: Source, first: int, after: int, now: float) -> Checked:
        roster = self._expected()
        checked = check(source, self.settings, now=now, first=first, after=after, roster=roster)
        coverage = checked.coverage
        if after >= int(now) // 60:  # the stretch that ends now tells how far back is not settled
            waits = ((coverage.states == State.UNKNOWN) | (coverage.states == State.LATE)).any(axis=0)
            self._unsettled = first + int(waits.argmax()) if waits.any() else None
        return checked

    def _expected(self) -> Roster:
        if self._roster is None:
            self._roster = roster_of(self._kept, self.settings, self._firsts)
        return self._roster


def reach(roster: Roster, gaps: Sequence[Gap], now: float, reach_s: float) -> tuple[int, int]:
    """Minutes that may still change: from `reach_s` ago, or the first that the roster knows of, until now."""
    after = int(now) // 60
    known = [spans[0].first for spans in roster.spans.values() if spans]
    first = max(after - int(reach_s) // 60, min(known, default=after - 1))
    return widen(min(first, after - 1), after, gaps)


def _touched(gap: Gap, hours: dict[Stream, set[int]]) -> bool:
    loss = gap.loss
    return any(
        loss.first <= (hour + 1) * 60 and hour * 60 <= loss.after
        for stream, of_stream in hours.items()
        if stream.edge == loss.stream.edge
        for hour in of_stream
    )


def _stretches(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending hours as stretches of minutes; those that touch are one."""
    stretches: list[tuple[int, int]] = []
    for hour in hours:
        begin, end = hour * 60, hour * 60 + 60
        if stretches and stretches[-1][1] == begin:
            begin, _ = stretches.pop()
        stretches.append((begin, end))
    return stretches
