"""A drawn fleet behind the methods of the store that the incident engine's feeds read: days of traffic by customer, as
the watch would have seen them come in, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from loadtest.fleet_ledger import take_rows
from loadtest.fleet_shares import KNOT, parts_of
from pipeline.store.usage_lately import ServedRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from loadtest.fleet_ledger import FleetRun
    from pipeline.coverage.model import LedgerColumns


Stretch = tuple[str, int, int]
"""A customer, and minutes [first, after) since 1970."""


class FleetUsage:
    """Facts and ledger of a run as they stood at `now`; one resource a customer, called as he is. Every answer is fine,
    but where `failing` says otherwise: (customer, first, after) minutes whose answers are 5xx; in those of `gone`
    nobody asks for anything of this customer. `one_in`: of so many requests of anybody one fails, 0: none."""

    def __init__(
        self, run: FleetRun, failing: Sequence[Stretch] = (), gone: Sequence[Stretch] = (), one_in: int = 0
    ) -> None:
        fleet = run.fleet
        self.run, self.now = run, 0.0
        self.customers = tuple(sorted({fleet.customer_of(each) for each in range(fleet.resources)}))
        self._failing, self._one_in = failing, one_in
        order = np.argsort(run.ledger.committed, kind="stable")
        self._ledger = take_rows(run.ledger, order)
        self._came = self._ledger.committed
        own = np.array([self.customers.index(fleet.customer_of(n)) for n in range(fleet.resources)])
        sums = np.zeros((len(fleet.pairs), fleet.minutes + 1, len(self.customers)), np.int64)
        for row in range(len(fleet.pairs)):
            rng = fleet.rng(40, row)
            for begin in range(0, fleet.minutes, KNOT):
                end = min(begin + KNOT, fleet.minutes)
                parts = np.bincount(own, parts_of(fleet, row, begin), len(self.customers))
                drawn = rng.multinomial(run.kept_lines[row, begin:end], parts / parts.sum())
                sums[row, begin + 1 : end + 1] = drawn
        for customer, begin, end in gone:
            sums[:, begin + 1 - fleet.first : end + 1 - fleet.first, self.customers.index(customer)] = 0
        self._before = np.cumsum(sums, axis=1)

    # -- what LiveUsage asks of a store

    @property
    def usage_lately(self) -> FleetUsage:
        """The questions about facts are answered here too."""
        return self

    def cut(self) -> int:
        """How many rows of the ledger have come."""
        return int(np.searchsorted(self._came, self.now, "right"))

    def ledger_columns(self, first: int, after: int, *, cut: int) -> LedgerColumns:
        """The segments of minutes [first, after) that have come."""
        minutes = self._ledger.minute[:cut]
        return take_rows(self._ledger, np.flatnonzero((minutes >= first) & (minutes < after)))

    def ledger_news(self, since: int, cut: int) -> tuple[LedgerColumns, NDArray[np.uint64]]:
        """What came between two cuts."""
        return take_rows(self._ledger, np.arange(since, cut)), np.empty(0, np.uint64)

    def count(self, first: int, after: int) -> int:
        """Facts of these minutes."""
        return (after - first) * len(self.run.fleet.pairs) * len(self.customers)

    def by_resource(
        self, first: int, after: int, cut: int, *, resources: Sequence[str] | None = None
    ) -> list[ServedRow]:
        """By edge, minute and customer, of what has come."""
        ledger = self.ledger_columns(first, after, cut=cut)
        fleet = self.run.fleet
        rows = {pair: row for row, pair in enumerate(fleet.pairs)}
        found = []
        for place, minute in zip(ledger.stream.tolist(), ledger.minute.tolist(), strict=True):
            stream = ledger.streams[place]
            served = self._of(rows[stream.edge, stream.stream], minute, minute + 1)
            for customer, requests in zip(self.customers, served.tolist(), strict=True):
                if requests and (resources is None or customer in resources):
                    bad = any(
                        customer == name and begin <= minute < end for name, begin, end in self._failing
                    )
                    errors = requests if bad else self._some(requests, minute)
                    found.append(
                        ServedRow(stream.edge, minute, customer, requests, errors, requests * 78_000)
                    )
        return found

    def shares(self, firsts: Sequence[int], after: int, cut: int, errors: int) -> dict[str, tuple[int, ...]]:
        """Requests and answers 5xx of each customer since these minutes, where any fail."""
        edges = sorted({edge for edge, _ in self.run.fleet.pairs})
        found: dict[str, list[int]] = {name: [] for name in self.customers}
        for first in firsts:
            served = self.levels(first, after, cut, edges)
            bad = {name: self._some(requests, 0) for name, requests in served.items()}
            for name, begin, end in self._failing:
                more = self.levels(max(begin, first), max(first, min(end, after)), cut, edges)
                bad[name] = bad.get(name, 0) + more.get(name, 0)
            for name, sums in found.items():
                sums += [served.get(name, 0), bad.get(name, 0)]
        return {name: tuple(sums) for name, sums in found.items() if max(sums[1::2]) >= errors}

    def _some(self, requests: int, minute: int) -> int:
        """Those that fail although nothing is wrong; at times one more, at times one less."""
        if not self._one_in:
            return 0
        return min(requests, (requests + minute * 7919 % self._one_in) // self._one_in)

    def resources(self, first: int, after: int) -> set[str]:
        """All of them."""
        del first, after
        return set(self.customers)

    def levels(self, first: int, after: int, cut: int, edges: Sequence[str]) -> dict[str, int]:
        """Requests of each customer at these edges."""
        del cut
        wanted = [row for row, (edge, _) in enumerate(self.run.fleet.pairs) if edge in edges]
        total = sum((self._of(row, first, after) for row in wanted), np.zeros(len(self.customers), np.int64))
        return {
            name: requests for name, requests in zip(self.customers, total.tolist(), strict=True) if requests
        }

    def _of(self, row: int, first: int, after: int) -> NDArray[np.int64]:
        begin, end = (
            min(max(0, each - self.run.fleet.first), self.run.fleet.minutes) for each in (first, after)
        )
        return np.asarray(self._before[row, end] - self._before[row, begin])
