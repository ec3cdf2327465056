"""Whose errors may burn slowly: asks the facts of the last hours, and tells what the engine lacks of them, good minutes
too; from the store to the feed of usage."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from incidents.evidence.lines import traffic_line
from incidents.evidence.usage import by_customer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

    from incidents.policy import Policy
    from pipeline.store.store import Store

ASK_EVERY_S = 60.0
REST = 20.0
"""Times as long as an answer took: however many hours of facts there are, a twentieth of the time is spent here."""

MARGIN = 6
"""Who burns a sixth as fast as a page asks is told of in whole. Where only minutes with errors are told, the engine
concludes nothing unless they are a fifth of all, so what it sees is at most five times what is."""

ERRORS_FLOOR = 5
ROWS_AT_ONCE = 20_000
PIECE_MINUTES = 30


class SlowBurns:
    """For one thread. `owner`: the customer of a resource."""

    def __init__(self, store: Store, policy: Policy, owner: Callable[[str], str | None]) -> None:
        allowed = 1 - Fraction(policy.objective_percent) / 100
        self._store, self._owner = store, owner
        self._least = policy.slow_errors
        self._windows = [
            (int(each.long.span.total_seconds()) // 60, Fraction(each.rate) * allowed / MARGIN)
            for each in policy.slow_burn
        ]
        self._ask_at = 0.0
        self._pieces: deque[tuple[str, int, int]] = deque()
        self._resources: dict[str, set[str]] = {}

    def ask(self, after: int, cut: int, now: float, seconds: Callable[[], float]) -> set[str]:
        """Customers whose errors up to minute `after` may be a slow burn; asked now and then, else nobody."""
        if now < self._ask_at or not self._windows:
            return set()
        began = seconds()
        firsts = [after - minutes for minutes, _ in self._windows]
        found: dict[str, list[int]] = {}
        for resource, sums in self._store.usage_lately.shares(firsts, after, cut, ERRORS_FLOOR).items():
            if (customer := self._owner(resource)) is not None:
                known = found.setdefault(customer, [0] * len(sums))
                found[customer] = [one + more for one, more in zip(known, sums, strict=True)]
        self._ask_at = now + max(ASK_EVERY_S, REST * (seconds() - began))
        return {customer for customer, sums in found.items() if self._may_burn(sums)}

    def _may_burn(self, sums: list[int]) -> bool:
        pairs = zip(sums[::2], sums[1::2], self._windows, strict=True)
        return any(
            errors >= self._least and errors > share * requests for requests, errors, (_, share) in pairs
        )

    def queue(self, customers: Iterable[str], oldest: int, after: int) -> set[str]:
        """Have the hours before minute `oldest` told of them, the newest first; the resources that are theirs."""
        wanted = sorted(customers)
        if not wanted:
            return set()
        first = after - max(minutes for minutes, _ in self._windows)
        self._resources = {customer: set() for customer in (*wanted, *(piece[0] for piece in self._pieces))}
        for resource in self._store.usage_lately.resources(first, after):
            if (customer := self._owner(resource)) in self._resources:
                self._resources[customer].add(resource)
        for end in range(oldest, first, -PIECE_MINUTES):
            self._pieces.extend((customer, max(first, end - PIECE_MINUTES), end) for customer in wanted)
        return set().union(*(self._resources[customer] for customer in wanted))

    def history(self, cut: int, now: float, edges: int) -> list[dict[str, Any]]:
        """The next lines of what is to be told, as many as are borne at once."""
        if not self._pieces:
            return []
        _, first, after = self._pieces[0]
        most = 1 + ROWS_AT_ONCE // (max(1, edges) * PIECE_MINUTES)
        same = takewhile(lambda piece: piece[1:] == (first, after), self._pieces)
        customers = {customer for customer, _, _ in islice(same, most)}
        lines = self._told(customers, first, after, cut, now)
        for _ in customers:  # once the store has answered
            self._pieces.popleft()
        return lines

    def _told(
        self, customers: AbstractSet[str], first: int, after: int, cut: int, now: float
    ) -> list[dict[str, Any]]:
        names = sorted(set().union(*(self._resources[customer] for customer in customers)))
        rows = self._store.usage_lately.by_resource(first, after, cut, resources=names)
        return [
            traffic_line(
                edge, minute, now, customer=customer, requests=cell.requests,
                errors_5xx=cell.errors_5xx, bytes_sent=cell.bytes_sent, for_errors=True,
            )
            for (edge, minute), cells in sorted(by_customer(rows, self._owner).items(), key=lambda item: item[0][::-1])
            for customer, cell in sorted(cells.items())
            if customer in customers and first <= minute < after
        ]  # fmt: skip
