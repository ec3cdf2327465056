"""Usage facts to evidence while they come in: looks only at minutes that got something new, at a cut, and tells what
matters; from the store to the inbox of the watch."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from incidents.evidence.usage import TrafficTold, by_customer, fallen, sums
from pipeline.app.watch.live_burns import SlowBurns
from pipeline.coverage.model import SEGMENT_STATES

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from incidents.policy import Policy
    from pipeline.store.store import Store

REACH_MINUTES = 20
"""Older minutes say nothing of what is hurt now."""

SETTLE_S = 20.0
"""So long after its end, and after the last row that came for it by a quarter of that, a minute is taken for whole."""

FACTS_AT_ONCE = 200_000
"""With more in the minutes looked at, only customers that matter are read one by one."""

ERRORS_FLOOR = 5
DAY, WEEK = 1440, 10_080
FALL_MINUTES, BESIDE_MINUTES, HOUR = 3, 5, 60
KEEP_S = 1800.0


class LiveUsage:
    """Reads what is new of facts and ledger; for one thread. `open_customers`: of open incidents. `rest`: after a
    step so many times as long as it took, so that however large the store a third of the time is spent here at most."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        owner: Callable[[str], str | None],
        open_customers: Callable[[], AbstractSet[str]],
        *,
        rest: float = 2.0,
    ) -> None:
        self._store, self._owner, self._open = store, owner, open_customers
        self._share = 1 - float(policy.fall_percent) / 100
        self._floor = float(policy.fall_requests)
        self._before = -(-int(policy.burn_window.span.total_seconds()) // 60) - 1
        self._cut, self._rest = -1, rest
        self._touched: dict[tuple[str, int], float] = {}
        self._streams: dict[str, dict[str, int]] = defaultdict(dict)
        self._in: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._told = TrafficTold()
        self._waiting: set[tuple[str, int]] = set()
        self._whole: set[tuple[str, int]] = set()
        self._fallen: dict[str, float] = {}
        self._burns = SlowBurns(store, policy, owner)
        self._burning: dict[str, float] = {}
        self._levels_at = 0
        self._not_before = 0.0
        self._seen: set[str] = set()

    def step(self, now: float) -> list[dict[str, Any]]:
        """Lines of what has become known since the last step."""
        if time.monotonic() < self._not_before:
            return []
        began = time.monotonic()
        cut = self._store.cut()
        changed = self._note(cut, now)
        settled = self._settle(now)
        lines = self._burns.history(cut, now, len(self._streams))
        if not changed and not settled:
            return self._rested(began, lines)
        cells = changed | settled
        first, after = min(minute for _, minute in cells), max(minute for _, minute in cells) + 1
        news = self._fallen_now(cut, now) | self._burning_now(after, cut, now) if settled else set()
        lines += self._look(first - self._before, after, cut, now)  # errors are looked at in their window
        if news:  # of whom the engine must know what he had before
            lines += self._look(int(now) // 60 - REACH_MINUTES, after, cut, now)
        return self._rested(began, lines)

    def _rested(self, began: float, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self._not_before = time.monotonic() + self._rest * (time.monotonic() - began)
        return lines

    def _note(self, cut: int, now: float) -> set[tuple[str, int]]:
        """Takes in the ledger's news; the minutes of the last time that it concerns."""
        since, self._cut = self._cut, cut
        oldest = int(now) // 60 - REACH_MINUTES
        if since == cut:
            return set()
        if since < 0:
            columns = self._store.ledger_columns(oldest - HOUR, int(now) // 60 + 2, cut=cut)
        else:
            columns, _ = self._store.ledger_news(since, cut)
        touched = set()
        whole = {SEGMENT_STATES.index(state) for state in ("received", "empty")}
        rows = zip(columns.stream.tolist(), columns.minute.tolist(), columns.state.tolist(), strict=True)
        for place, minute, state in rows:
            stream = columns.streams[place]
            known = self._streams[stream.edge]
            known[stream.stream] = max(minute, known.get(stream.stream, 0))
            if minute < oldest:
                continue
            cell = stream.edge, minute
            if state in whole:
                self._in[cell].add(stream.stream)
            touched.add(cell)
            self._touched[cell] = now
            self._whole.discard(cell)
        self._waiting |= touched
        for cell in [cell for cell in self._touched if cell[1] < oldest]:
            del self._touched[cell]
            self._in.pop(cell, None)
            self._waiting.discard(cell)
            self._whole.discard(cell)
        self._told.forget(oldest - 10)
        return touched

    def _settle(self, now: float) -> set[tuple[str, int]]:
        """Minutes that are whole from now on."""
        found = {
            cell
            for cell in self._waiting
            if now >= cell[1] * 60 + 60 + SETTLE_S
            and now >= self._touched[cell] + SETTLE_S / 4
            and self._expected(cell) <= self._in[cell]
        }
        self._waiting -= found
        self._whole |= found
        return found

    def _expected(self, cell: tuple[str, int]) -> set[str]:
        """The streams that this edge had within the hour before."""
        edge, minute = cell
        return {name for name, last in self._streams[edge].items() if last >= minute - HOUR}

    def _look(self, first: int, after: int, cut: int, now: float) -> list[dict[str, Any]]:
        lately, wanted = self._store.usage_lately, self._wanted(now)
        if lately.count(first, after) <= FACTS_AT_ONCE:
            rows = lately.by_resource(first, after, cut)
            served = by_customer(rows, self._owner)
            for cell, whole in sums(rows).items():
                served[cell][""] = whole
        else:
            served = by_customer(lately.by_edge(first, after, cut), self._owner)
            failing = lately.by_resource(first, after, cut, errors=ERRORS_FLOOR)
            names = sorted(
                {row.resource for row in failing} | self._resources_of(wanted | self._burning.keys())
            )
            rows = lately.by_resource(first, after, cut, resources=names)
            for cell, customers in by_customer(rows, self._owner).items():
                served[cell].update(customers)
        oldest = int(now) // 60 - REACH_MINUTES
        served = {cell: customers for cell, customers in served.items() if cell[1] >= oldest}
        whole_cells = {cell for cell in self._whole if first <= cell[1] < after}
        return self._told.lines(served, whole_cells, wanted, now, self._burning.keys())

    def _wanted(self, now: float) -> set[str]:
        self._fallen = {name: at for name, at in self._fallen.items() if at >= now - KEEP_S}
        self._burning = {name: at for name, at in self._burning.items() if at >= now - KEEP_S}
        return set(self._open()) | set(self._fallen)

    def _resources_of(self, customers: AbstractSet[str]) -> set[str]:
        return {name for name in self._seen if self._owner(name) in customers}

    def _fallen_now(self, cut: int, now: float) -> set[str]:
        """Customers whose level is far below what it was, and is at this time; those that were not known so before."""
        after = min((cell[1] for cell in self._waiting), default=int(now) // 60)
        after = min(after, max((cell[1] + 1 for cell in self._whole), default=0))
        if after <= self._levels_at:
            return set()
        self._levels_at = after
        first = after - FALL_MINUTES
        edges = sorted(
            edge
            for edge in {cell[0] for cell in self._whole}
            if all((edge, minute) in self._whole for minute in range(first, after))
        )
        if not edges:
            return set()
        level = self._level(first, after, cut, edges)
        before = self._level(first - HOUR, first, cut, edges)
        beside = [
            self._level(first - back - BESIDE_MINUTES, after - back + BESIDE_MINUTES, cut, edges)
            for back in (DAY, WEEK)
        ]
        found = fallen(level, (before, *beside), share=self._share, floor=self._floor)
        new = found - self._fallen.keys()
        self._fallen.update(dict.fromkeys(found, now))
        return new

    def _burning_now(self, after: int, cut: int, now: float) -> set[str]:
        """Customers whose errors may burn slowly, that were not known so before; their hours are told from now on."""
        found = self._burns.ask(after, cut, now, time.monotonic)
        new = found - self._burning.keys()
        self._burning.update(dict.fromkeys(found, now))
        self._seen |= self._burns.queue(new, int(now) // 60 - REACH_MINUTES, after)
        return new

    def _level(self, first: int, after: int, cut: int, edges: list[str]) -> dict[str, float]:
        """Requests a minute of each customer."""
        levels: dict[str, float] = defaultdict(float)
        found = self._store.usage_lately.levels(first, after, cut, edges)
        self._seen.update(found)
        for resource, requests in found.items():
            if (customer := self._owner(resource)) is not None:
                levels[customer] += requests / (after - first)
        return dict(levels)
