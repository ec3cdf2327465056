"""Many customers' month counted at once for all plans of a book, from the store to the columns that are rated; who
cannot be counted so is named. For `prebill simulate --all`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pipeline.coverage.periods import Month
    from pipeline.rating.book_batches import Batch
    from pipeline.rating.book_month import BookMonth
    from pipeline.rating.book_needs import Needs
    from pipeline.rating.book_usage import Member, Piece
    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.model import Plan, Span
    from pipeline.store.store import Store
    from pipeline.store.usage_for_book import ClosedMonth

    Source = Callable[[Batch], Iterator[Piece]]
    Windows = tuple[NDArray[np.unsignedinteger[Any]], ...]

WINDOWS_HELD = 100_000_000
"""Windows of all customers at most, 4 bytes each, or 8 of large ones: 30,000 customers with four times every hour."""


@dataclass(frozen=True, slots=True)
class BookCustomer:
    """A customer with his contracts in a month, in time's order, and the plan of the last."""

    id: str
    spans: tuple[Span, ...]
    plan: Plan
    name: str = ""

    @property
    def span(self) -> Span:
        """The last contract's."""
        return self.spans[-1]


@dataclass(frozen=True, slots=True, eq=False)
class CountedBook:
    """`columns`, `samples`: [columns of the needs, customers]; `there`: bool[customers, zones], where there is usage;
    `pairs`, `windows`: of each customer, where plans ask for resources, for windows. `alone`: places of customers who
    have to be counted one at a time, and why; `closed`: of those whose month is closed. `rows`: [read, counted]."""

    needs: Needs
    customers: tuple[BookCustomer, ...]
    zones: tuple[str, ...]
    columns: NDArray[np.uint64]
    samples: NDArray[np.int64]
    there: NDArray[np.bool_]
    pairs: dict[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    windows: dict[int, Windows] = field(default_factory=dict)
    alone: dict[int, str] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    rows: list[int] = field(default_factory=lambda: [0, 0])

    def month(self, place: int) -> BookMonth:
        """One customer's."""
        from pipeline.rating.book_month import BookMonth

        return BookMonth(
            self.needs,
            tuple(self.columns[:, place].tolist()),
            tuple(self.samples[:, place].tolist()),
            tuple(self.zones[at] for at in np.flatnonzero(self.there[place]).tolist()),
            self.pairs.get(place, ()),
            tuple(tuple(each.tolist()) for each in self.windows.get(place, ())),
        )


def count_book(
    store: Store,
    zone_of: Mapping[str, str],
    owner: Callable[[str], str | None],
    month: Month,
    book: CompiledBook,
    customers: Sequence[BookCustomer],
    *,
    watch: Callable[[int, int], None] = lambda _done, _all: None,
    threads: int = 2,
) -> CountedBook:
    """What these customers' month comes to under all plans of the book. `zone_of`: of edges;
    `owner`: resource → customer; `watch(done, all)`: customers so far."""
    from pipeline.rating.book_batches import ClosedFacts, OpenFacts
    from pipeline.rating.book_needs import needs_of

    needs = needs_of(book)
    closes: dict[str, list[ClosedMonth]] = {}
    for close in store.book.closed_months(str(month)):
        closes.setdefault(close.customer, []).append(close)
    frozen = store.book.closed_zones(str(month)) if closes else []
    zones = tuple(sorted({"", *zone_of.values(), *frozen}))
    shape = (len(needs.columns), len(customers))
    made = CountedBook(
        needs,
        tuple(customers),
        zones,
        np.zeros(shape, np.uint64),
        np.zeros(shape, np.int64),
        np.zeros((len(customers), len(zones)), np.bool_),
    )
    # a plan of a currency that nobody pays in is compared with nothing, so nothing is counted for it
    coins = {customer.plan.currency for customer in customers}
    why_all = next((why for plan, why in needs.alone if plan.currency in coins), "")
    why_all = why_all or _too_many(needs, len(customers))
    members: dict[int, Member] = {}
    closed: dict[int, ClosedMonth] = {}
    for place, customer in enumerate(customers):
        if len(closes.get(customer.id, ())) >= len(customer.spans):
            made.closed.add(place)
        found = why_all or _member(customer, closes.get(customer.id, ()))
        if isinstance(found, str):
            made.alone[place] = found
            continue
        members[place] = found
        if mine := closes.get(customer.id):
            closed[place] = mine[0]
    work: list[tuple[Batch, Source]] = []
    if still := {place: member for place, member in members.items() if place not in closed}:
        first, after = min(m.first for m in still.values()), max(m.after for m in still.values())
        opened = OpenFacts(store, zone_of, zones, first, after)
        ids = {customers[place].id: place for place in still}
        work += [(batch, opened.pieces) for batch in opened.batches(owner, ids)]
    if closed:
        kept = ClosedFacts(store, str(month), zones)
        work += [(batch, kept.pieces) for batch in kept.batches(closed)]
    done = 0
    for batch, pieces in _ahead(work):
        _count(made, members, batch, pieces, threads)
        done += len(batch.places)
        watch(done, len(customers))
    return made


def _too_many(needs: Needs, customers: int) -> str:
    """Why nobody's windows can be held with everybody's; empty where they can."""
    for charge in needs.windows:
        if customers * len(needs.windows) * 31 * 86_400 > WINDOWS_HELD * (charge.window_s or 1):
            return f"charge {charge.id} prices windows of {charge.window_s} s, too many for all customers at once"
    return ""


def _member(customer: BookCustomer, closes: Sequence[ClosedMonth]) -> Member | str:
    """The minutes that count, where they are one stretch of one zone's month, all open or all closed; else why not."""
    from pipeline.rating.book_usage import Member

    periods = [span.period for span in customer.spans]
    stretches = [(int(p.begin.timestamp()) // 60, int(p.end.timestamp()) // 60) for p in periods]
    if len({period.tz for period in periods}) > 1:
        return "his contracts of the month have different time zones"
    if any(one[1] != other[0] for one, other in pairwise(stretches)):
        return "no contract holds in some days of the month"
    if len(periods) > 1:
        return "his contract changed within the month"
    if periods[0] != customer.span.whole:
        return "his contract holds in a part of the month"
    member = Member(customer.span.whole, stretches[0][0], stretches[-1][1])
    if closes and [(close.first, close.after) for close in closes] != [(member.first, member.after)]:
        return "his month is closed in parts"
    return member


def _ahead(work: Sequence[tuple[Batch, Source]]) -> Iterator[tuple[Batch, Iterator[Piece]]]:
    """Each batch with its pieces, which must be gone through; the next one is read while one is worked on."""

    def read() -> Iterator[Piece | None]:
        for batch, source in work:
            yield from source(batch)
            yield None

    with ThreadPoolExecutor(1) as reading:
        source = read()
        coming = reading.submit(next, source, None)

        def pieces() -> Iterator[Piece]:
            nonlocal coming
            while (piece := coming.result()) is not None:
                coming = reading.submit(next, source, None)
                yield piece
            coming = reading.submit(next, source, None)

        for batch, _ in work:
            yield batch, pieces()


def _count(
    made: CountedBook, members: dict[int, Member], batch: Batch, pieces: Iterator[Piece], threads: int
) -> None:
    from pipeline.rating.book_usage import reduce_pieces

    reduced = reduce_pieces(
        made.needs,
        [members[place] for place in batch.places],
        batch.names,
        np.array(batch.owners, np.int32),
        made.zones,
        pieces,
        threads=threads,
    )
    made.columns[:, batch.places] = reduced.columns
    made.samples[:, batch.places] = reduced.samples
    made.there[batch.places] = reduced.zones
    made.rows[0] += batch.facts
    made.rows[1] += reduced.rows
    for at, pairs in enumerate(reduced.pairs):
        made.pairs[batch.places[at]] = tuple(
            sorted((made.zones[zone], batch.names[name]) for zone, name in pairs)
        )
    for at, place in enumerate(batch.places) if reduced.windows else ():
        made.windows[place] = tuple(each[at] for each in reduced.windows)
    for at in np.flatnonzero(reduced.large).tolist():
        made.alone[batch.places[at]] = "his usage is too large to be counted with the others"
