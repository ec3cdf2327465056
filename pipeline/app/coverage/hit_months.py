"""The contract months of customers whom gaps hit, read from the store many at a time and rated with something added."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

    import pyarrow as pa

    from pipeline.app.bills.month_bill import ContractPart
    from pipeline.app.configuration.settings import Config
    from pipeline.coverage.model import Close
    from pipeline.rating.book import PlanBook
    from pipeline.rating.model import Plan, Span
    from pipeline.rating.stake import ContractMonth, LostUsage
    from pipeline.store.store import Store

FACTS_AT_ONCE = 2_000_000
"""Facts of customers who are read together, about 60 bytes each; one with more is read alone."""

Key = tuple[str, str]
"""A customer, and a month of his as `of` names it."""


@dataclass(frozen=True, slots=True)
class HitMonth:
    """A part of a month, its usage, and the plan that prices it."""

    part: ContractPart
    plan: Plan
    zones: Mapping[str, str]

    @property
    def currency(self) -> str:
        """The plan's."""
        return self.plan.currency

    def net(self, lost: Sequence[LostUsage]) -> Decimal:
        """What he owes for it before taxes, with this put back. Raises UsageFailure."""
        from pipeline.app.bills.month_bill import bill_part
        from pipeline.rating.lost_usage import usage_with

        if not lost:
            return bill_part(self.part, self.plan, brief=True).net
        usage = usage_with(self.part.usage, lost, lambda edge, _minute: self.zones.get(edge, ""))
        return bill_part(self.part, self.plan, usage, brief=True).net


class HitMonths:
    """Which months of contracts there are, and what was used in them."""

    def __init__(self, store: Store, config: Config, book: PlanBook) -> None:
        from pipeline.app.configuration.contracts import contracts_of

        self._store, self._config, self._book = store, config, book
        self._contracts = {customer.id: contracts_of(customer) for customer in config.customer}
        self._customers = {customer.id: customer for customer in config.customer}
        self._zones = {edge.id: edge.zone for edge in config.edge}

    def of(self, customer: str, first: int, after: int) -> list[ContractMonth]:
        """The parts of his contracts' months that share minutes with [first, after)."""
        from datetime import UTC, datetime

        from pipeline.coverage.periods import Month
        from pipeline.rating.contracts import spans_in
        from pipeline.rating.stake import ContractMonth

        # a day more on either side, because months end by the zones of contracts
        begin, end = (datetime.fromtimestamp(at * 60, UTC) for at in (first - 1440, after + 1440))
        month, found = Month(begin.year, begin.month), []
        while (month.year, month.month) <= (end.year, end.month):
            for place, span in enumerate(spans_in(self._contracts.get(customer, ()), month)):
                since, until = _minutes(span)
                if since < after and first < until:
                    found.append(ContractMonth(f"{month}/{place}", since, until))
            month = month.following
        return found

    def read(self, keys: Sequence[Key]) -> Iterator[tuple[Key, HitMonth]]:
        """Each of these with its usage; what was closed as it was closed, the rest as it stands now, at one cut."""
        cut = self._store.cut()
        open_: dict[tuple[int, int], list[tuple[Key, Span]]] = {}
        closed = self._closed({month.split("/")[0] for _, month in keys})
        for key in keys:
            span = self._span(key)
            first, after = _minutes(span)
            if (key[0], first, after) in closed:
                yield key, self._month(key, span, self._store.closing.usage(closed[key[0], first, after]))
            else:
                open_.setdefault((first, after), []).append((key, span))
        for (first, after), wanted in open_.items():
            yield from self._open(cut, first, after, wanted)

    def _closed(self, periods: set[str]) -> dict[tuple[str, int, int], Close]:
        closes = [close for period in sorted(periods) for close in self._store.closes(period)]
        return {(close.customer, close.first, close.after): close for close in closes}

    def _open(
        self, cut: int, first: int, after: int, wanted: Sequence[tuple[Key, Span]]
    ) -> Iterator[tuple[Key, HitMonth]]:
        from pipeline.app.configuration.customers import Owners

        owner = Owners(self._config.customer).owner
        spans = {key[0]: (key, span) for key, span in wanted}
        names: dict[str, list[str]] = {customer: [] for customer in spans}
        facts = dict.fromkeys(spans, 0)
        for name, count in self._store.book.names(first, after).items():
            if (customer := owner(name)) in spans:
                names[customer].append(name)
                facts[customer] += count
        for some in _batches(facts, FACTS_AT_ONCE):
            of_name = {name: customer for customer in some for name in names[customer]}
            table = self._store.usage(cut, resources=sorted(of_name), minutes=(first, after))
            for customer, own in _split(table, of_name, some):
                yield spans[customer][0], self._month(*spans[customer], own)

    def _month(self, key: Key, span: Span, table: pa.Table) -> HitMonth:
        from pipeline.app.bills.month_bill import ContractPart, plan_for
        from pipeline.rating.usage import usage_from_table

        zones = self._zones if "zone" not in table.column_names else None
        part = ContractPart(self._customers[key[0]], span, usage_from_table(table, zones), None)
        return HitMonth(part, plan_for(part, self._book), self._zones)

    def _span(self, key: Key) -> Span:
        from pipeline.coverage.periods import Month
        from pipeline.rating.contracts import spans_in

        month, place = key[1].split("/")
        return spans_in(self._contracts[key[0]], Month.parse(month))[int(place)]


def _minutes(span: Span) -> tuple[int, int]:
    return int(span.period.begin.timestamp()) // 60, int(span.period.end.timestamp()) // 60


def _batches(facts: Mapping[str, int], most: int) -> Iterator[list[str]]:
    batch: list[str] = []
    held = 0
    for customer, count in facts.items():
        if batch and held + count > most:
            yield batch
            batch, held = [], 0
        batch.append(customer)
        held += count
    if batch:
        yield batch


def _split(
    table: pa.Table, of_name: Mapping[str, str], customers: Sequence[str]
) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each customer, of one without any as well."""
    import numpy as np
    import pyarrow.compute as pc

    coded = pc.dictionary_encode(table["resource"]).combine_chunks()
    coded = coded.chunk(0) if hasattr(coded, "chunks") else coded
    places = {customer: place for place, customer in enumerate(customers)}
    owners = np.array([places[of_name[name]] for name in coded.dictionary.to_pylist()] or [0], np.int64)
    owner = owners[coded.indices.to_numpy(zero_copy_only=False)]
    order = np.argsort(owner, kind="stable")
    bounds = np.searchsorted(owner[order], np.arange(len(customers) + 1))
    ordered = table.take(order)
    for customer, (begin, end) in zip(customers, pairwise(bounds.tolist()), strict=True):
        yield customer, ordered.slice(begin, end - begin)
