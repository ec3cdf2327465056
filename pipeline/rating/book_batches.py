"""A whole book's usage out of the store in batches of customers: open months from facts at one cut, closed ones as they
were closed. Batches go to pipeline.rating.book_months, their pieces of rows to pipeline.rating.book_usage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pipeline.rating.book_usage import Piece
    from pipeline.store.store import Store
    from pipeline.store.usage_for_book import BookRows, ClosedMonth

FACTS_AT_ONCE = 3_000_000
"""Facts of a batch; two batches are in memory, about 100 bytes a fact with what is made of it."""

NAMES_AT_ONCE = 20_000


@dataclass(slots=True)
class Batch:
    """Customers by place, the names of their resources, the place in `places` that each name belongs to, and how many
    facts they have. `closes`: theirs, of closed months."""

    places: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    facts: int = 0
    closes: list[ClosedMonth] = field(default_factory=list)


def fill_batches(owned: Iterable[tuple[int, Sequence[str], int]]) -> Iterator[Batch]:
    """(place, names, facts) of each customer in that order, as many in a batch as fit; one with more facts than that is
    a batch of his own."""
    batch = Batch()
    for place, names, facts in owned:
        full = batch.facts + facts > FACTS_AT_ONCE or len(batch.names) + len(names) > NAMES_AT_ONCE
        if batch.places and full:
            yield batch
            batch = Batch()
        batch.owners += [len(batch.places)] * len(names)
        batch.places.append(place)
        batch.names += names
        batch.facts += facts
    if batch.places:
        yield batch


def cut_minutes(counts: Iterable[tuple[int, int]], at_once: int) -> list[tuple[int, int]]:
    """Stretches of minutes with no more facts each, unless a minute alone has more; (minute, facts) in order."""
    spans: list[tuple[int, int]] = []
    begin, held, after = -1, 0, -1
    for minute, count in counts:
        if begin >= 0 and held + count > at_once:
            spans.append((begin, minute))
            begin, held = minute, 0
        begin = minute if begin < 0 else begin
        held, after = held + count, minute + 1
    return [*spans, (begin, after)] if begin >= 0 else []


class OpenFacts:
    """Facts of minutes [first, after) at one cut; what wins at it is found once."""

    def __init__(
        self, store: Store, zone_of: Mapping[str, str], zones: Sequence[str], first: int, after: int
    ) -> None:
        self._reader, self._span = store.book, (first, after)
        cut = store.cut()
        self._winners = self._reader.winners(cut, first, after)
        self._edges = list(zone_of)
        place = {zone: at for at, zone in enumerate(zones)}
        # an edge that is not configured is in no zone
        self._zone_of = np.full(1 << 16, place[""], np.uint16)
        self._zone_of[: len(self._edges)] = [place[zone] for zone in zone_of.values()]

    def batches(self, owner: Callable[[str], str | None], place_of: Mapping[str, int]) -> Iterator[Batch]:
        """Customers, id → place, in the order of their names, since that is how facts lie. `owner`: resource → id."""
        names: dict[int, list[tuple[int, str]]] = {place: [] for place in place_of.values()}
        for name, facts in self._reader.names(*self._span).items():
            place = place_of.get(owner(name) or "")
            if place is not None:
                names[place].append((facts, name))
        ordered = sorted(names.items(), key=lambda item: max(item[1], default=(0, ""))[1])
        return fill_batches(
            (place, sorted(name for _, name in each), sum(facts for facts, _ in each))
            for place, each in ordered
        )

    def pieces(self, batch: Batch) -> Iterator[Piece]:
        """The batch's facts; of a customer who has too many for one piece, in several."""
        from pipeline.store.usage_for_book import join_rows

        spans = [self._span]
        if batch.facts > FACTS_AT_ONCE:
            spans = cut_minutes(self._reader.minutes_of_facts(batch.names, *self._span), FACTS_AT_ONCE)
        for begin, end in spans if batch.names else ():
            rows = join_rows(self._reader.facts(batch.names, self._edges, begin, end))
            wanted = None if rows.write_id is None else self._winners.mark(rows.write_id)
            yield _piece(rows, self._zone_of[rows.edge], wanted)


class ClosedFacts:
    """What the closes of a month count."""

    def __init__(self, store: Store, period: str, zones: Sequence[str]) -> None:
        self._reader, self._closing = store.book, store.closing
        self._period, self._zones = period, list(zones)

    def batches(self, closes: Mapping[int, ClosedMonth]) -> Iterator[Batch]:
        """Customers, place → close, in the order of their ids, since that is how their rows lie."""
        resources = self._closing.counted_resources([close.id for close in closes.values()])
        ordered = sorted(closes.items(), key=lambda item: item[1].customer)
        # a resource that two of them count would have one place for both: then each customer is a batch
        names = [name for listed in resources.values() for name in listed]
        alone = len(set(names)) != len(names)
        owned = [(place, resources.get(close.id, ()), close.rows) for place, close in ordered]
        groups = [[each] for each in owned] if alone else [owned]
        for group in groups:
            for batch in fill_batches(group):
                batch.closes = [closes[place] for place in batch.places]
                yield batch

    def pieces(self, batch: Batch) -> Iterator[Piece]:
        """The batch's rows."""
        from pipeline.store.usage_for_book import join_rows

        first = min(close.first for close in batch.closes)
        after = max(close.after for close in batch.closes)
        spans = [(first, after)]
        if batch.facts > FACTS_AT_ONCE:
            counts = self._reader.minutes_of_closes(batch.closes, self._period)
            spans = cut_minutes(counts, FACTS_AT_ONCE)
        for span in spans if batch.names else ():
            rows = join_rows(self._reader.closed(batch.closes, self._period, batch.names, self._zones, span))
            yield _piece(rows, rows.edge, None)


def _piece(rows: BookRows, zones: NDArray[np.uint16], wanted: NDArray[np.uint8] | None) -> Piece:
    from pipeline.rating.book_usage import Piece

    return Piece(rows.name, zones, rows.minute, rows.requests, rows.bytes_sent, rows.body_bytes, wanted)
