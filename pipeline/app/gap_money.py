"""What gaps cost: each hit customer's month rated with and without what was lost, under the contract he has."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from pipeline.app.failures import UsageFailure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from pipeline.app.month_bill import ContractPart
    from pipeline.app.settings import Config
    from pipeline.coverage.model import Gap
    from pipeline.rating.book import PlanBook
    from pipeline.rating.model import Plan
    from pipeline.rating.stake import ContractMonth, LostUsage, Stake
    from pipeline.store.store import Store


def money_of(store: Store, config: Config, gaps: Sequence[Gap]) -> tuple[dict[str, Stake], str]:
    """The stake of each gap by its id, net of taxes, and why it is not known where it is not.

    A plan book that cannot be read takes the money away, and never the gaps.
    """
    from pipeline.app.plan_files import book_of
    from pipeline.rating.stake import stake_of

    if not any(customer.contract for customer in config.customer):
        return {}, "no customer has a contract"
    try:
        months = _Months(store, config, book_of(config))
        return {gap.id: stake_of([gap], months.rate, months.of) for gap in gaps}, ""
    except UsageFailure as failure:
        return {}, f"{failure.problems[0]}"


class _Months:
    """The contract months that gaps touch, each read once."""

    def __init__(self, store: Store, config: Config, book: PlanBook) -> None:
        from pipeline.app.contracts import contracts_of
        from pipeline.app.month_bill import count_part, plan_for

        self._contracts = {customer.id: contracts_of(customer) for customer in config.customer}
        self._zones = {edge.id: edge.zone for edge in config.edge}
        customers = {customer.id: customer for customer in config.customer}

        @cache
        def part_of(customer: str, name: str) -> tuple[ContractPart, Plan]:
            from pipeline.coverage.periods import Month
            from pipeline.rating.contracts import spans_in

            month, place = name.split("/")
            span = spans_in(self._contracts[customer], Month.parse(month))[int(place)]
            part = count_part(store, config, customers[customer], span, month)
            return part, plan_for(part, book)

        self._part_of = part_of
        self._rated: dict[tuple[str, str], Decimal] = {}

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
                since, until = (int(at.timestamp()) // 60 for at in (span.period.begin, span.period.end))
                if since < after and first < until:
                    found.append(ContractMonth(f"{month}/{place}", since, until))
            month = month.following
        return found

    def rate(self, customer: str, month: str, lost: Sequence[LostUsage]) -> tuple[Decimal, str]:
        """What he owes for it before taxes, with this put back."""
        from pipeline.app.month_bill import bill_part
        from pipeline.rating.lost_usage import usage_with

        part, plan = self._part_of(customer, month)
        if lost:
            usage = usage_with(part.usage, lost, lambda edge, _minute: self._zones.get(edge, ""))
            return bill_part(part, plan, usage).net, plan.currency
        if (customer, month) not in self._rated:
            self._rated[customer, month] = bill_part(part, plan).net
        return self._rated[customer, month], plan.currency
