"""Gaps and counters to evidence while the check of coverage finds them: what changed since, with what it costs as soon
as that is reckoned (pipeline.app.coverage.gap_pricing); no gap waits for its money."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from incidents.evidence.accepted import Accepted
from incidents.evidence.gaps import OPEN, gap_lines, told_of
from incidents.evidence.lines import counter_line, resolve_line
from incidents.model import MoneyRate
from pipeline.coverage.model import FOREVER, GapState
from pipeline.store.instants import micros

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from incidents.evidence.accepted import OpenLosses
    from incidents.evidence.gaps import Told
    from pipeline.coverage.model import Gap
    from pipeline.store.gap_money import RatedGap
    from pipeline.store.store import Store

READ_BACK_S, FIRST_READ_S = 120.0, 900.0
KEPT_READINGS = 200_000

AGAIN_S = 3600.0
"""Gaps that changed so long before a restart are told again."""


class LiveGaps:
    """Reads what is new of the history of gaps; for one thread. `told_until`: how far the engine's time had come before
    a restart: what came meanwhile is told then, some of it for the second time, which changes nothing. `tasks`: those
    of lost minutes behind which the clients are served."""

    def __init__(
        self, store: Store, told_until: float = FOREVER, tasks: Callable[[], OpenLosses] = tuple
    ) -> None:
        self._store, self._tasks = store, tasks
        self._seq = 0
        self._told_until = told_until
        self._open: dict[str, Told] = {}
        self._gaps: dict[str, Gap] = {}
        self._accepted = Accepted()
        self._unrated: dict[str, Gap] = {}

    @property
    def unrated(self) -> Sequence[Gap]:
        """Open gaps whose money nobody has reckoned as they are now."""
        return tuple(self._unrated.values())

    @property
    def open(self) -> Mapping[str, Gap]:
        """Gaps that are open, by id."""
        return self._gaps

    def step(self, now: float) -> list[dict[str, Any]]:
        """Lines of what changed; a task whose gaps somebody has accepted, all of them, is resolved by his word."""
        news, self._seq = self._store.gaps_since(self._seq)
        latest = {gap.id: gap for gap in news}
        self._accepted.note(news)
        changed = [gap for gap in latest.values() if gap.state in OPEN]
        waiting = [gap for name, gap in self._unrated.items() if name not in latest]
        rates = self._rates([*changed, *waiting])
        if not news and not rates:
            return self._settled(now)
        before = self._open
        if self._told_until < FOREVER:
            since, self._told_until = self._told_until - AGAIN_S, FOREVER
            before = {
                f"{gap.id} {place}": told_of(gap, None)
                for place, gap in enumerate(news)
                if latest[gap.id].updated >= since and latest[gap.id].state is not GapState.ACCEPTED
            }
        picture = dict(self._open)
        picture |= {gap.id: told_of(gap, rates[gap.id][0]) for gap in waiting if gap.id in rates}
        for name, gap in latest.items():
            picture.pop(name, None)
            self._gaps.pop(name, None)
            if gap.state in OPEN:
                self._gaps[name] = gap
                # what a minute of it costs changes little while it grows: it does not wait to be rated again
                picture[name] = told_of(gap, rates.get(name, (None, False))[0])
            elif gap.state is GapState.ACCEPTED and name in self._open:
                picture[name] = self._open[name]  # lost for good is not come: a person settles it
        lines = gap_lines(before, picture, now)
        self._open = picture
        self._unrated = {
            name: gap
            for name, gap in self._gaps.items()
            if not rates.get(name, (None, False))[1] and (name in latest or name in self._unrated)
        }
        return lines or self._settled(now)

    def _settled(self, now: float) -> list[dict[str, Any]]:
        """Only when nothing else is told: a person's word settles all that its task holds."""
        busy = {gap.loss.stream.edge for gap in self._gaps.values()}
        return [
            resolve_line(incident, now, actor=", ".join(who), text=f"lost for good: {'; '.join(why)}")
            for incident, edge, spans in self._tasks()
            if edge not in busy and (found := self._accepted.words(edge, spans)) is not None
            for who, why in [found]
        ]

    def _rates(self, gaps: Sequence[Gap]) -> dict[str, tuple[MoneyRate | None, bool]]:
        """By gap, of those that were ever rated: a minute's money, and whether the gap was then as it is now."""
        rated = self._store.gap_money([gap.id for gap in gaps]) if gaps else {}
        return {
            gap.id: (rate_of(rated[gap.id]), micros(rated[gap.id].updated) == micros(gap.updated))
            for gap in gaps
            if gap.id in rated
        }


def rate_of(rated: RatedGap) -> MoneyRate | None:
    """What each of its minutes costs; None where nobody is rated, or in several currencies."""
    if not rated.currency:
        return None
    minutes = max(1, rated.minutes)
    each = (max(Decimal(0), Decimal(amount)) / minutes for amount in (rated.low, rated.expected, rated.high))
    return MoneyRate(*(f"{amount:.6f}".rstrip("0").rstrip(".") for amount in each))


class LiveCounters:
    """Reads what is new of the edges' own counters; for one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._count = -1
        self._told: dict[tuple[str, float], tuple[int, int]] = {}
        self._newest = 0.0

    def step(self, now: float) -> list[dict[str, Any]]:
        """Lines of readings that are new."""
        count = self._store.marks().readings
        if count == self._count:
            return []
        first = self._count < 0
        since = now - FIRST_READ_S if first else min(self._newest, now) - READ_BACK_S
        self._count = count
        lines = []
        for reading in sorted(
            self._store.readings(since, FOREVER * 60.0), key=lambda each: (each.at, each.edge)
        ):
            key, totals = (reading.edge, reading.at), (reading.requests_total, reading.bytes_sent_total)
            if self._told.get(key) != totals and reading.at <= now:
                self._told[key] = totals
                self._newest = max(self._newest, reading.at)
                lines.append(counter_line(reading.edge, reading.at, *totals))
        if len(self._told) > KEPT_READINGS:
            self._told = {key: value for key, value in self._told.items() if key[1] >= since}
        return lines
