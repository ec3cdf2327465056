"""The check of every minute: only what can have changed since the last one is looked at, and what was found is written.

What can change a minute: time (while it is not settled), a ledger row of its own, an act on an edge, a reading. The
first two are followed minute by minute; everything within reach is looked at at the start, after an act, and hourly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.coverage.control import check, first_minutes, record, roster_of, widen
from pipeline.coverage.model import GapState, State, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.coverage.control import Checked, Settings
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
    """Checks again and again; remembers only how far it has looked, so it may be killed and made anew at any time.

    `reach_s`: how far back minutes are looked at. `done`: checks so far.
    """

    store: Store
    settings: Settings
    reach_s: float
    done: int = 0
    _cut: int = -1
    _acts: int = -1
    _all_at: float = 0.0
    _wide_at: float = 0.0
    _unsettled: int | None = None
    _firsts: dict[Stream, int] = field(default_factory=dict)

    def step(self, now: float) -> list[Checked]:
        """Check what can have changed by `now`, write it, and hand it back, the most recent stretch first."""
        cut, acts = self.store.cut(), self.store.evidence(("edge",))
        whole = (
            self._cut < 0
            or len(acts) != self._acts
            or now - self._all_at >= ALL_EVERY_S
            or now < self._all_at
        )
        checks = [self._all(now)] if whole else self._changed(now, cut)
        for checked in checks:
            record(self.store, checked)
        self._cut, self._acts = cut, len(acts)
        self.done += 1
        return checks

    def _all(self, now: float) -> Checked:
        self._all_at = self._wide_at = now
        self._firsts = first_minutes(self.store)
        roster = roster_of(self.store, self.settings, self._firsts)
        first, after = reach(roster, self.store.gaps(), now, self.reach_s)
        return self._check(first, after, now)

    def _changed(self, now: float, cut: int) -> list[Checked]:
        hours = self._hours_since(self._cut) if cut > self._cut else {}
        after = int(now) // 60
        first = after - RECENT_MINUTES
        if self._unsettled is not None:
            first = min(first, self._unsettled)
        wide = now - self._wide_at >= WIDE_EVERY_S
        if wide:
            self._wide_at = now
        gaps = [gap for gap in self.store.gaps() if gap.state is not GapState.CLOSED]
        whole = [g for g in gaps if wide or g.loss.first >= after - WIDE_MINUTES or _touched(g, hours)]
        first, after = widen(first, after, whole)
        checks = [self._check(first, after, now)]
        # What came for minutes before that is looked at where it belongs.
        early = sorted({hour for of_stream in hours.values() for hour in of_stream if hour * 60 < first})
        done = first
        for begin, end in reversed(_stretches(early)):
            begin, end = widen(begin, min(end, done), whole)
            if begin < done:
                checks.append(self._check(begin, min(end, done), now))
                done = begin
        return checks

    def _check(self, first: int, after: int, now: float) -> Checked:
        checked = check(self.store, self.settings, now=now, first=first, after=after, firsts=self._firsts)
        coverage = checked.coverage
        if after >= int(now) // 60:  # the stretch that ends now tells how far back is not settled
            waits = ((coverage.states == State.UNKNOWN) | (coverage.states == State.LATE)).any(axis=0)
            self._unsettled = first + int(waits.argmax()) if waits.any() else None
        return checked

    def _hours_since(self, cut: int) -> dict[Stream, set[int]]:
        """Which hours of which streams have new ledger rows; streams that are new are noted."""
        rows = self.store.query(
            "SELECT edge, stream, intDiv(toUInt32(minute), 3600) AS hour, toUInt32(min(minute)) AS s"
            " FROM ledger WHERE seq > {cut:UInt64} GROUP BY edge, stream, hour",
            {"cut": cut},
        ).to_pylist()
        hours: dict[Stream, set[int]] = {}
        for row in rows:
            stream = Stream(row["edge"], row["stream"])
            hours.setdefault(stream, set()).add(row["hour"])
            minute = row["s"] // 60
            self._firsts[stream] = min(self._firsts.get(stream, minute), minute)
        return hours


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
