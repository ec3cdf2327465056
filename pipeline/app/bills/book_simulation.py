"""`prebill simulate --all`: whom to simulate, by the configuration; pipeline.rating.book_simulation does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app.failures import UsageFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from pipeline.app.configuration.settings import Config, CustomerSettings
    from pipeline.coverage.periods import Month
    from pipeline.rating.book import PlanBook
    from pipeline.rating.book_months import BookCustomer
    from pipeline.rating.book_simulation import BookSimulation
    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.simulation import Simulation
    from pipeline.store.store import Store


def simulate_all(
    store: Store,
    config: Config,
    month: Month,
    whom: Sequence[CustomerSettings],
    book: PlanBook,
    compiled: CompiledBook,
    now: datetime,
    *,
    left_out: Callable[[str], None],
    watch: Callable[[int, int], None] = lambda _done, _all: None,
) -> BookSimulation:
    """Counts these customers' month. `left_out` hears of those who cannot be simulated at all."""
    from pipeline.app.bills.month_bill import count_part, own_plan, spans_of
    from pipeline.app.configuration.customers import Owners
    from pipeline.app.coverage.still_open import reasons_of, refuse_future
    from pipeline.coverage.model import GapState
    from pipeline.rating.book_months import BookCustomer
    from pipeline.rating.book_simulation import simulate_book
    from pipeline.rating.held import Held
    from pipeline.rating.simulate import simulate
    from pipeline.rating.usage_join import join_usage

    refuse_future(month, now)
    known = {each.id: each for each in whom}
    customers = []
    for who in whom:
        try:
            spans = spans_of(who, month)
            refuse_future(month, now, spans)
            customers.append(BookCustomer(who.id, spans, own_plan(who, spans[-1], book), who.name))
        except UsageFailure as error:
            left_out(str(error))

    def alone(customer: BookCustomer) -> Simulation:
        who = known[customer.id]
        parts = [count_part(store, config, who, span, str(month)) for span in customer.spans]
        return simulate(
            join_usage([part.usage for part in parts]),
            compiled,
            customer.span.whole,
            current=customer.plan,
            held=Held(customer.spans, tuple(own_plan(who, span, book) for span in customer.spans)),
            switch=False,
        )

    zone_of = {edge.id: edge.zone for edge in config.edge}
    owner = Owners(config.customer).owner
    # of gaps all are named to everybody: who is served by which edge is not read here
    gaps = store.gaps((GapState.OPEN, GapState.SHRUNK))

    def why_open(customer: BookCustomer) -> tuple[str, ...]:
        ends = (customer.spans[0].period.begin, customer.span.period.end)
        return reasons_of(gaps, (), (int(ends[0].timestamp()) // 60, int(ends[1].timestamp()) // 60), now)

    return simulate_book(store, zone_of, owner, month, customers, compiled, alone, why_open, watch=watch)
