"""Bills of a customer's month out of the store: usage as closed, or as it stands; its proof; what came later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.app.failures import UsageFailure
from pipeline.instants import minute_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pipeline.app.configuration.settings import Config, CustomerSettings
    from pipeline.coverage.adjustments import Adjustment
    from pipeline.coverage.model import Close
    from pipeline.coverage.periods import ContractMonth, Month
    from pipeline.coverage.proof import Proof
    from pipeline.rating.book import PlanBook
    from pipeline.rating.held import Held
    from pipeline.rating.model import Bill, Plan, Span
    from pipeline.rating.month_usage import MonthRead
    from pipeline.rating.usage import Usage
    from pipeline.store.store import Store

NAMED = 20
"""Open gaps that a provisional bill lists."""


@dataclass(frozen=True, slots=True)
class ContractPart:
    """The part of a month in which one contract of a customer holds, and what he used in it. `proof`: None where nobody
    asked; `open`: why it may still change; `late`: what came after the close."""

    customer: CustomerSettings
    span: Span
    usage: Usage
    proof: Proof | None
    open: tuple[str, ...] = ()
    late: Adjustment | None = None


def customer_of(config: Config, name: str) -> CustomerSettings:
    """The customer of that id. Raises UsageFailure with those that there are."""
    for customer in config.customer:
        if customer.id == name:
            return customer
    from pipeline.shape import nearest

    known = sorted(customer.id for customer in config.customer)
    raise UsageFailure(f"no customer {name!r} in the configuration; {nearest(name, known)}")


def spans_of(customer: CustomerSettings, month: Month) -> tuple[Span, ...]:
    """The parts of a month in which his contracts hold. Raises UsageFailure where none does."""
    from pipeline.app.configuration.contracts import contracts_of
    from pipeline.rating.contracts import spans_in

    spans = spans_in(contracts_of(customer), month)
    if not spans:
        raise UsageFailure(
            f"customer {customer.id} has no contract in {month}, so his usage has no price",
            mend="A contract is `contract = [{ plan = …, from = …, tz = … }]` in his [[customer]].",
        )
    return spans


def month_parts(
    store: Store, config: Config, customer: CustomerSettings, month: Month, now: datetime
) -> list[ContractPart]:
    """What a customer used under each of his contracts in a month. Raises UsageFailure where none holds, or none has
    begun."""
    from pipeline.app.coverage.still_open import refuse_future
    from pipeline.coverage.periods import ContractMonth

    spans = spans_of(customer, month)
    refuse_future(month, now, spans)
    closes = {(c.first, c.after): c for c in store.closes(period=str(month), customer=customer.id)}
    found = []
    for span in spans:
        first, after = (int(at.timestamp()) // 60 for at in (span.period.begin, span.period.end))
        part = ContractMonth(month, customer.id, first, after, span.period.tz)
        if (first, after) in closes:
            found.append(_closed(store, config, customer, span, closes[first, after]))
        else:
            found.append(_open(store, config, customer, span, part, now))
    return found


def _closed(
    store: Store, config: Config, customer: CustomerSettings, span: Span, close: Close
) -> ContractPart:
    from pipeline.app.configuration.customers import Owners
    from pipeline.coverage.closing import adjustments
    from pipeline.coverage.proof import Proof
    from pipeline.rating.month_usage import read_close

    late = adjustments(store, [close], Owners(config.customer).owner)
    return ContractPart(
        customer,
        span,
        read_close(store, close),
        Proof.from_json(close.body["proof"]),
        late=late[0] if late else None,
    )


def _open(
    store: Store,
    config: Config,
    customer: CustomerSettings,
    span: Span,
    part: ContractMonth,
    now: datetime,
) -> ContractPart:
    from pipeline.app.coverage.checking import settings_of
    from pipeline.coverage import control
    from pipeline.coverage.closing import prove_months
    from pipeline.coverage.model import GapState

    settings = settings_of(config)
    begin, end = control.widen(part.first, part.after, store.gaps())
    checked = control.check(store, settings, now=now.timestamp(), first=begin, after=end)
    read = _read(store, config, customer, (part.first, part.after), checked.cut)
    proof = prove_months([part], {part: read.edges}, checked.coverage, checked.gaps, checked.cut)[part]
    lost = [
        gap for gap in proof.gaps if gap.state == GapState.OPEN.value or gap.state == GapState.SHRUNK.value
    ]
    reasons = [f"the month is not closed; counted until {now:%Y-%m-%d %H:%M} UTC"]
    reasons += [
        f"gap {gap.id} of {gap.edge}, {minute_text(gap.first)} to {minute_text(gap.after)}, is open"
        for gap in lost[:NAMED]
    ]
    if len(lost) > NAMED:
        reasons.append(f"{len(lost) - NAMED} more gaps are open")
    return ContractPart(customer, span, read.usage, proof, tuple(reasons))


def _read(
    store: Store, config: Config, customer: CustomerSettings, minutes: tuple[int, int], cut: int
) -> MonthRead:
    """What his resources used, and the edges that served him."""
    from pipeline.app.configuration.customers import Owners
    from pipeline.rating.month_usage import read_month

    owner = Owners(config.customer).owner
    zone_of = {edge.id: edge.zone for edge in config.edge}
    return read_month(
        store, customer.resources, lambda name: owner(name) == customer.id, zone_of, minutes, cut
    )


def bills_before(
    store: Store,
    config: Config,
    customer: CustomerSettings,
    month: Month,
    count: int,
    plan: Plan | None = None,
) -> list[Decimal]:
    """What his last months before this one come to, as rated now, oldest first: on his own plans then, or all on
    `plan`. Months in which he used nothing are left out; it stops where he had no contract yet."""
    from pipeline.app.configuration.plan_files import book_of

    book = book_of(config)
    return [
        sum((bill_part(part, plan or plan_for(part, book), brief=True).total for part in parts), Decimal(0))
        for parts in parts_before(store, config, customer, month, count)
    ]


def parts_before(
    store: Store, config: Config, customer: CustomerSettings, month: Month, count: int
) -> list[list[ContractPart]]:
    """His last months before this one, oldest first. Months in which he used nothing are left out; it stops where he
    had no contract yet."""
    from pipeline.app.configuration.contracts import contracts_of
    from pipeline.rating.contracts import spans_in

    found: list[list[ContractPart]] = []
    for _ in range(count):
        month = month.before
        spans = spans_in(contracts_of(customer), month)
        if not spans:
            break
        parts = [count_part(store, config, customer, span, str(month)) for span in spans]
        if any(len(part.usage) for part in parts):
            found.append(parts)
    return found[::-1]


def count_part(
    store: Store,
    config: Config,
    customer: CustomerSettings,
    span: Span,
    period: str,
    now: datetime | None = None,
) -> ContractPart:
    """A part without its proof: as closed, or as it stands; `now`: it is told why it may still change."""
    from pipeline.app.coverage.still_open import why_open
    from pipeline.rating.month_usage import read_close

    first, after = (int(at.timestamp()) // 60 for at in (span.period.begin, span.period.end))
    for close in store.closes(period=period, customer=customer.id):
        if (close.first, close.after) == (first, after):
            return ContractPart(customer, span, read_close(store, close), None)
    read = _read(store, config, customer, (first, after), store.cut())
    reasons = why_open(store, read.edges, (first, after), now) if now else ()
    return ContractPart(customer, span, read.usage, None, reasons)


def plan_for(part: ContractPart, book: PlanBook) -> Plan:
    """The version of the contract's plan that was sold when the contract began. Raises UsageFailure."""
    return own_plan(part.customer, part.span, book)


def own_plan(customer: CustomerSettings, span: Span, book: PlanBook) -> Plan:
    """The same for a customer whose usage nobody has read. Raises UsageFailure."""
    from pipeline.rating.contracts import plan_of
    from pipeline.rating.plan_errors import NoPlanError

    try:
        return plan_of(span.contract, book)
    except NoPlanError as error:
        raise UsageFailure(f"customer {customer.id}: {error}") from None


def held_of(parts: Sequence[ContractPart], book: PlanBook) -> Held:
    """The time in which his contracts hold, with the plan of each. Raises UsageFailure."""
    from pipeline.rating.held import Held

    return Held(tuple(part.span for part in parts), tuple(plan_for(part, book) for part in parts))


def bill_part(part: ContractPart, plan: Plan, usage: Usage | None = None, *, brief: bool = False) -> Bill:
    """The bill of a part under a plan, his own or another; `brief`: without what no charge counts. Raises UsageFailure
    for what cannot be rated."""
    from pipeline.rating.month import rate_span
    from pipeline.rating.rounding import RateError
    from pipeline.rating.uncounted_usage import uncounted_usage
    from pipeline.rating.usage import UsageError

    counted = part.usage if usage is None else usage
    try:
        bill = rate_span(plan, counted, part.span, provisional=part.open)
        free = () if brief else uncounted_usage(plan, counted, part.span.period)
        return replace(bill, customer_name=part.customer.name, uncounted=free)
    except (RateError, UsageError) as error:
        raise UsageFailure(f"customer {part.customer.id}, plan {plan.id}: {error}") from None


def less_part(part: ContractPart, percent: Decimal | None, why: str) -> ContractPart:
    """The part with one more discount, after those that he has: what a letter offers and a rebill gives alike."""
    from pipeline.rating.model import Discount

    if percent is None:
        return part
    one_more = Discount(why, percent=percent, once=True)
    return replace(part, span=replace(part.span, discounts=(*part.span.discounts, one_more)))


def adjust_bill(part: ContractPart, plan: Plan, bill: Bill) -> Bill | None:
    """What came after the close, priced on the closed month: from its bill to that of all that is known now."""
    if part.late is None:
        return None
    from pipeline.rating.bill_changes import delta_bill
    from pipeline.rating.rebill import CAME_LATE
    from pipeline.rating.usage_join import change_usage

    now = bill_part(part, plan, change_usage(part.usage, part.late.changes))
    return delta_bill(bill, now, CAME_LATE)
