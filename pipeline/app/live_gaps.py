"""Gaps and counters to evidence while the check of coverage finds them: what changed since, with what it costs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from incidents.evidence.gaps import OPEN, gap_lines, told_of
from incidents.evidence.lines import counter_line
from incidents.model import MoneyRate
from pipeline.coverage.model import FOREVER, GapState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from incidents.evidence.gaps import Told
    from pipeline.app.settings import Config
    from pipeline.coverage.model import Gap
    from pipeline.rating.stake import Stake
    from pipeline.store.store import Store

RATED_AT_ONCE = 200
"""Gaps of one step whose money is reckoned; of the rest it is not known yet."""

READ_BACK_S, FIRST_READ_S = 120.0, 900.0
KEPT_READINGS = 200_000

AGAIN_S = 3600.0
"""Gaps that changed so long before a restart are told again."""


class LiveGaps:
    """Reads what is new of the history of gaps; for one thread. `told_until`: how far the engine's time had come before
    a restart: what came meanwhile is told then, some of it for the second time, which changes nothing."""

    def __init__(
        self, store: Store, config: Config | None, say: Callable[[str], None], told_until: float = FOREVER
    ) -> None:
        self._store, self._config, self._say = store, config, say
        self._seq = 0
        self._told_until = told_until
        self._open: dict[str, Told] = {}
        self._gaps: dict[str, Gap] = {}

    @property
    def open(self) -> Mapping[str, Gap]:
        """Gaps that are open, by id."""
        return self._gaps

    def step(self, now: float) -> list[dict[str, Any]]:
        """Lines of what changed; gaps that somebody accepted come with `accepted`."""
        news, self._seq = self._store.gaps_since(self._seq)
        if not news:
            return []
        latest = {gap.id: gap for gap in news}
        before = self._open
        if self._told_until < FOREVER:
            since, self._told_until = self._told_until - AGAIN_S, FOREVER
            before = {
                f"{gap.id} {place}": told_of(gap, None)
                for place, gap in enumerate(news)
                if latest[gap.id].updated >= since and latest[gap.id].state is not GapState.ACCEPTED
            }
        changed = [gap for gap in latest.values() if gap.state in OPEN]
        rates = self._rates(changed, now)
        picture = dict(self._open)
        for name, gap in latest.items():
            picture.pop(name, None)
            self._gaps.pop(name, None)
            if gap.state in OPEN:
                self._gaps[name] = gap
                picture[name] = told_of(gap, rates.get(name))
            elif gap.state is GapState.ACCEPTED and name in self._open:
                picture[name] = self._open[name]  # lost for good is not come: a person settles it
        lines = gap_lines(before, picture, now)
        self._open = picture
        return lines

    def _rates(self, gaps: Sequence[Gap], now: float) -> dict[str, MoneyRate]:
        if self._config is None or not gaps:
            return {}
        from pipeline.app.gap_money import money_of

        try:
            stakes, _ = money_of(self._store, self._config, gaps[:RATED_AT_ONCE], now=now, keep=True)
        except Exception as error:  # the money of a gap is worth less than the gap itself
            self._say(f"what gaps cost cannot be reckoned: {error}")
            return {}
        minutes = {gap.id: max(1, gap.minutes) for gap in gaps}
        return {name: rate for name, stake in stakes.items() if (rate := rate_of(stake, minutes[name]))}


def rate_of(stake: Stake, minutes: int) -> MoneyRate | None:
    """What each of so many minutes costs; None where nobody is rated, or in several currencies."""
    if len(stake.totals) != 1:
        return None
    (money,) = stake.totals.values()
    each = (max(Decimal(0), amount) / minutes for amount in (money.low, money.expected, money.high))
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
