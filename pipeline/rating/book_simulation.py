"""A whole book's month simulated: everybody's usage counted at once, then each customer's best plan, or his ranking.

From the store, through pipeline.rating.book_months, to `prebill simulate --all`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.coverage.periods import Month
    from pipeline.rating.book_months import BookCustomer, CountedBook
    from pipeline.rating.book_ranking import Best
    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.simulation import Simulation
    from pipeline.store.store import Store


@dataclass(frozen=True, slots=True, eq=False)
class BookSimulation:
    """A month of many customers, counted: `book` has the plans that are compared and, `others`, those that some
    customers still have. `alone`: simulates one by one who could not be counted with the others; `why_open`: why the
    usage of a customer whose month is not closed may still change."""

    book: CompiledBook
    others: frozenset[int]
    counted: CountedBook
    alone: Callable[[BookCustomer], Simulation]
    why_open: Callable[[BookCustomer], tuple[str, ...]]

    def provisional(self, place: int) -> tuple[str, ...]:
        """Why a customer's usage may still change; empty where his month is closed."""
        return () if place in self.counted.closed else self.why_open(self.counted.customers[place])

    @property
    def still_open(self) -> int:
        """How many customers' months are not closed."""
        return len(self.counted.customers) - len(self.counted.closed)

    def simulations(self) -> Iterator[tuple[BookCustomer, Simulation]]:
        """Each customer's ranking with its reasons, but without the best day to switch."""
        from pipeline.rating.simulate import simulate_counted
        from pipeline.rating.simulation import provisionally

        for place, customer in enumerate(self.counted.customers):
            if place in self.counted.alone:
                found = self.alone(customer)
            else:
                month = self.counted.month(place)
                found = simulate_counted(
                    month,
                    month,
                    self.book,
                    customer.span.whole,
                    current=customer.plan,
                    tax=customer.span.tax,
                    discounts=customer.span.discounts,
                    others=self.others,
                    customer=customer.id,
                )
            yield customer, provisionally(found, self.provisional(place))

    def best(self) -> list[tuple[BookCustomer, Best]]:
        """Each customer's own plan and the best, with their nets."""
        from functools import partial

        from pipeline.rating.book_month import Seen
        from pipeline.rating.book_ranking import Asked, Best, best_plans

        counted = self.counted
        places = [place for place in range(len(counted.customers)) if place not in counted.alone]
        zones: dict[bytes, tuple[str, ...]] = {}
        asked = []
        for place in places:
            customer, mask = counted.customers[place], counted.there[place]
            key = mask.tobytes()
            if key not in zones:
                zones[key] = tuple(zone for zone, there in zip(counted.zones, mask, strict=True) if there)
            seen = Seen(zones[key], counted.pairs.get(place, ()))
            asked.append(Asked(customer.plan, customer.span.whole, seen, partial(counted.month, place)))
        found = dict(
            zip(places, best_plans(self.book, counted.columns[:, places], asked, self.others), strict=True)
        )
        for place in counted.alone:
            one = self.alone(counted.customers[place])
            own, net = counted.customers[place].plan, one.standing.net if one.standing else None
            first = one.ranked[0] if one.ranked else None
            if first is None or (net is not None and net <= first.net):
                # nothing is better than what he has, which is no one plan where it changed within the month
                found[place] = Best(own, net, own if net is not None else None, net, one.free)
            else:
                found[place] = Best(own, net, first.plan, first.net, one.free)
        return [(customer, found[place]) for place, customer in enumerate(counted.customers)]


def simulate_book(
    store: Store,
    zone_of: Mapping[str, str],
    owner: Callable[[str], str | None],
    month: Month,
    customers: Sequence[BookCustomer],
    compiled: CompiledBook,
    alone: Callable[[BookCustomer], Simulation],
    why_open: Callable[[BookCustomer], tuple[str, ...]] = lambda _customer: (),
    *,
    watch: Callable[[int, int], None] = lambda _done, _all: None,
) -> BookSimulation:
    """Counts these customers' month. `zone_of`: of edges; `owner`: resource → customer; `alone`: simulates one
    customer, without the best day to switch; `why_open`: why an open month may still change."""
    from pipeline.rating.book_months import count_book
    from pipeline.rating.compiled_book import compile_book

    known = {id(plan) for plan in compiled.every}
    others = {id(c.plan): c.plan for c in customers if id(c.plan) not in known}
    whole = compile_book([*compiled.every, *others.values()]) if others else compiled
    counted = count_book(store, zone_of, owner, month, whole, customers, watch=watch)
    return BookSimulation(whole, frozenset(others), counted, alone, why_open)
