"""Who is heading for a bill far above his usual one: out of the store's usage so far, for `prebill spikes` and for the
watch beside a running pipeline.

First one rough read of the whole book finds whose usage is far off; only those are read exactly, projected and rated,
and only those that are raised are rated under every plan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from statistics import median_low
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipeline.app.failures import UsageFailure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.app.bills.spike_suspects import Suspect
    from pipeline.app.configuration.settings import Config, CustomerSettings
    from pipeline.coverage.periods import Month
    from pipeline.rating.book import PlanBook
    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.letter import Letter
    from pipeline.rating.model import Period, Plan, Span
    from pipeline.rating.spike import Outlook, SpikeWarning
    from pipeline.rating.usage import Usage
    from pipeline.store.store import Store

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class SpikeCase:
    """One customer who was read exactly: what his month is heading for; a letter's draft where that is raised."""

    customer: CustomerSettings
    warning: SpikeWarning
    letter: Letter | None = None


@dataclass(frozen=True, slots=True)
class SpikeLook:
    """What one look at the book found. `hour`: what was counted before this hour since 1970; `customers`: how many have
    a contract; `cases`: the suspects, read exactly; `left`: suspects for whom there was no room; `faults`: who cannot
    be judged, and why."""

    hour: int
    customers: int
    cases: tuple[SpikeCase, ...] = ()
    left: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def raised(self) -> tuple[SpikeCase, ...]:
        """Those to be warned, the dearest first."""
        from pipeline.rating.spike import Raised

        found = [case for case in self.cases if case.warning.raised is not Raised.NOT]
        return tuple(sorted(found, key=lambda case: (-case.warning.current.expected, case.customer.id)))


class SpikeWatch:
    """Looks again and again. Only whole hours count, so between them the last look is given; usual bills are kept for
    their month, whose earlier months are closed or nearly so."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store, self._config = store, config
        self._usual: dict[tuple[str, Month], Decimal] = {}
        self._last: SpikeLook | None = None

    def look(self, now: datetime) -> SpikeLook:
        """Every customer's month as of the last hour that is whole, and in by the allowance. Raises UsageFailure."""
        allowance = self._config.lateness.allowance.span.total_seconds()
        hour = int(now.timestamp() - allowance) // HOUR_S
        if self._last is None or self._last.hour != hour:
            self._last = self._look(hour, now)
        return self._last

    def _look(self, hour: int, now: datetime) -> SpikeLook:
        rated = {customer.id: customer for customer in self._config.customer if customer.contract}
        if not rated:
            return SpikeLook(hour, 0)
        from pipeline.app.bills.spike_suspects import find_suspects
        from pipeline.app.configuration.plan_files import book_of

        judge = _Judge(self._store, self._config, book_of(self._config), hour, now, self._usual)
        suspects = find_suspects(self._store, self._config, hour)
        most = self._config.spikes.at_most
        cases, faults = [], []
        for suspect in suspects[:most]:
            try:
                if case := judge.case(rated[suspect.customer], suspect):
                    cases.append(case)
            except UsageFailure as failure:
                faults.append(f"{suspect.customer}: {failure.problems[0]}")
        left = tuple(suspect.customer for suspect in suspects[most:])
        return SpikeLook(hour, len(rated), tuple(cases), left, tuple(faults))


@dataclass(eq=False)
class _Judge:
    """The exact part of one look, one suspect after another, all at one cut."""

    store: Store
    config: Config
    book: PlanBook
    hour: int
    now: datetime
    usual: dict[tuple[str, Month], Decimal]

    @cached_property
    def cut(self) -> int:
        return self.store.cut()

    @cached_property
    def compiled(self) -> CompiledBook:
        from pipeline.rating.compiled_book import compile_book

        day = datetime.fromtimestamp(self.hour * HOUR_S - 60, UTC).date()
        return compile_book(list(self.book.offered(day)))

    def case(self, customer: CustomerSettings, suspect: Suspect) -> SpikeCase | None:
        """None where no contract holds. Raises UsageFailure for what cannot be rated."""
        from pipeline.app.bills.offers import configured_offers
        from pipeline.app.bills.spike_letter import draft_letter
        from pipeline.app.configuration.contracts import contracts_of
        from pipeline.coverage.periods import Month
        from pipeline.rating.contracts import month_of, spans_in
        from pipeline.rating.course_usage import Courses
        from pipeline.rating.spike import Raised, watch_bill

        contracts = contracts_of(customer)
        tz = contracts[-1].tz
        at = datetime.fromtimestamp(self.hour * HOUR_S - 60, UTC).astimezone(ZoneInfo(tz))
        month = Month(at.year, at.month)
        spans = spans_in(contracts, month)
        if not spans:
            return None
        whole = month_of(month, tz)
        usage = self._usage(suspect.resources, whole)
        outlook = self._outlook(suspect.resources, whole)
        courses = Courses(outlook, usage)
        mine = self._plan(customer, spans[-1])
        own = courses.rate(lambda counted: self._bill(customer, spans, counted))
        usual = self._usual_bill(customer, month, spans, usage)
        factor, least = Decimal(self.config.spikes.factor), Decimal(self.config.spikes.least)
        rates, plans = {mine.id: own}, {mine.id: mine}
        warning = watch_bill(outlook, rates, mine.id, usual, threshold=factor, at_least=least)
        if warning.raised is not Raised.NOT:
            best = self._best(courses.usage(outlook.expected), whole, mine)
            if best.id != mine.id:
                plans[best.id] = best
                rates[best.id] = courses.rate(lambda counted: self._bill(customer, spans, counted, best))
                warning = watch_bill(outlook, rates, mine.id, usual, threshold=factor, at_least=least)
        warning = replace(warning, customer=customer.id, currency=mine.currency)
        if warning.raised is Raised.NOT:
            return SpikeCase(customer, warning)
        taxed = spans[-1].tax is not None
        offers = configured_offers(self.config, mine.currency)
        letter = draft_letter(customer, warning, plans, whole, usage, self.now, taxed=taxed, offers=offers)
        return SpikeCase(customer, warning, letter)

    def _usage(self, resources: tuple[str, ...], whole: Period) -> Usage:
        """The month so far, by the minute."""
        from pipeline.rating.usage import usage_from_table

        minutes = (int(whole.begin.timestamp()) // 60, self.hour * 60)
        table = self.store.usage(self.cut, resources=resources, minutes=minutes)
        return usage_from_table(table, {edge.id: edge.zone for edge in self.config.edge})

    def _outlook(self, resources: tuple[str, ...], whole: Period) -> Outlook:
        """The month's courses, by the hours of the weeks before."""
        from pipeline.rating.spike import WEEK, WEEKS, project_usage

        begin, end = int(whole.begin.timestamp()) // HOUR_S, -(-int(whole.end.timestamp()) // HOUR_S)
        first = min(begin, self.hour - WEEKS * WEEK)
        hours = self._hours(resources, first)
        return project_usage(hours, first, begin, end)

    def _hours(self, resources: tuple[str, ...], first: int) -> NDArray[np.int64]:
        import numpy as np

        from pipeline.rating.course_usage import MEASURES

        table = self.store.usage(
            self.cut, resources=resources, minutes=(first * 60, self.hour * 60), by=("minute",)
        )
        found = np.zeros((self.hour - first, len(MEASURES)), np.int64)
        at = table["minute"].to_numpy().astype(np.int64) // 60 - first
        for column, measure in enumerate(MEASURES):
            np.add.at(found[:, column], at, table[measure].to_numpy().astype(np.int64))
        return found

    def _bill(
        self, customer: CustomerSettings, spans: tuple[Span, ...], usage: Usage, plan: Plan | None = None
    ) -> Decimal:
        """What usage of the month comes to: each contract's part under its own plan, or all under another."""
        from pipeline.app.bills.month_bill import ContractPart, bill_part

        parts = (ContractPart(customer, span, usage, None) for span in spans)
        bills = (bill_part(part, plan or self._plan(customer, part.span)) for part in parts)
        return sum((bill.total for bill in bills), Decimal(0))

    def _plan(self, customer: CustomerSettings, span: Span) -> Plan:
        from pipeline.app.bills.month_bill import ContractPart, plan_for
        from pipeline.rating.usage import usage_of

        return plan_for(ContractPart(customer, span, usage_of([]), None), self.book)

    def _usual_bill(
        self, customer: CustomerSettings, month: Month, spans: tuple[Span, ...], usage: Usage
    ) -> Decimal:
        """The middle one of the months before; of a new customer, what he owes for nothing."""
        from pipeline.app.bills.month_bill import bills_before

        key = (customer.id, month)
        if key not in self.usual:
            before = bills_before(self.store, self.config, customer, month, self.config.spikes.months)
            none = usage.minute < 0
            columns = ("minute", "resource", "zone", "requests", "bytes_sent", "body_bytes")
            nothing = replace(usage, **{name: getattr(usage, name)[none] for name in columns})
            self.usual[key] = median_low(before) if before else self._bill(customer, spans, nothing)
        return self.usual[key]

    def _best(self, usage: Usage, whole: Period, mine: Plan) -> Plan:
        """The plan that is cheapest as the month is expected to be, before discounts and taxes."""
        from pipeline.rating.simulate import simulate

        ranked = simulate(usage, self.compiled, whole, current=mine, switch=False).ranked
        return ranked[0].plan if ranked else mine
