"""The time of a month in which somebody has contracts, and what that time costs as it stands: the bills of its parts,
each on its own plan. From contracts and usage to simulations, letters and rebills, which all compare with that sum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.model import Bill, Discount, Period, Quantity
from pipeline.rating.proration import factor_of
from pipeline.rating.rate import rate_plan
from pipeline.rating.rounding import RateError, add_up
from pipeline.rating.units import to_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.rating.meter import Metering
    from pipeline.rating.model import Charge, Plan, Span


@dataclass(frozen=True, slots=True)
class Standing:
    """What a month costs as it stands. `plans`: of each part; `bills`: with discounts and taxes, as they are issued;
    `nets`: of each part before both, as plans are compared; `shifted`: their sum at other shares of the usage, None
    where it has no price. `numbers`: of the bills that were issued, 0 of one that was not."""

    plans: tuple[Plan, ...]
    bills: tuple[Bill, ...]
    nets: tuple[Decimal, ...]
    shifted: tuple[Decimal | None, ...]
    numbers: tuple[int, ...] = ()

    @property
    def net(self) -> Decimal:
        """Before discounts and taxes."""
        return add_up(self.nets)

    @property
    def total(self) -> Decimal:
        """What he is asked to pay."""
        return add_up(bill.total for bill in self.bills)


@dataclass(frozen=True, slots=True)
class Held:
    """Spans of one customer's month, in time's order, at least one, and the plan of each."""

    spans: tuple[Span, ...]
    plans: tuple[Plan, ...]

    @property
    def period(self) -> Period:
        """From the beginning of the first contract's part to the end of the last one's, in the last one's zone."""
        return Period(self.spans[0].period.begin, self.spans[-1].period.end, self.spans[-1].period.tz)

    @property
    def plain(self) -> bool:
        """Whether one contract holds in all of the month."""
        return len(self.spans) == 1 and self.spans[0].period == self.spans[0].whole

    def factor(self, rule: str) -> Fraction:
        """The part of a month that it is, by a plan's rule of proration; never more than one month, though zones of
        time that follow each other may share some hours."""
        if rule == "none":
            return Fraction(1)
        parts = (factor_of(span.period, span.whole, rule) for span in self.spans)
        return min(sum(parts, Fraction(0)), Fraction(1))

    def once(self) -> Span:
        """One span over all of it, for an alternative that is rated once: the last contract's, with the tax that holds
        at its end, and the discounts of every part, each once."""
        last = self.spans[-1]
        discounts: dict[Discount, None] = {}
        for span in self.spans:
            discounts |= dict.fromkeys(span.discounts)
        return replace(last, period=self.period, discounts=tuple(discounts))


def standing_of(held: Held, metering: Metering, shifts: Sequence[int] = ()) -> Standing | None:
    """The bills of its parts, and their sums at these per cent of the usage; None where a part has no price.
    `metering`: of all of the time. UsageError where the usage lacks what a plan counts."""
    bills, nets = [], []
    shifted: list[Decimal | None] = [Decimal(0)] * len(shifts)
    for span, plan in zip(held.spans, held.plans, strict=True):
        quantities = metering.part(span.period).quantities(plan)
        factor = factor_of(span.period, span.whole, plan.proration)
        try:
            nets.append(rate_plan(plan, quantities, span.period, factor=factor).net)
            bills.append(
                rate_plan(
                    plan,
                    quantities,
                    span.period,
                    factor=factor,
                    tax=span.tax,
                    discounts=span.discounts,
                    customer=span.contract.customer,
                )
            )
        except RateError:
            return None
        charges = {charge.id: charge for charge in plan.charges}
        for place, share in enumerate(shifts):
            moved = [scaled_quantity(charges[q.charge], q, share) for q in quantities]
            try:
                more = rate_plan(plan, moved, span.period, factor=factor).net
            except RateError:
                shifted[place] = None
                continue
            before = shifted[place]
            shifted[place] = None if before is None else add_up((before, more))
    return Standing(held.plans, tuple(bills), tuple(nets), tuple(shifted))


def rate_once(held: Held, plan: Plan, metering: Metering, more: Sequence[Discount] = ()) -> Bill:
    """All of the time on one plan, as one bill with his discounts, then `more`, and his tax. Raises RateError,
    UsageError."""
    span = held.once()
    return rate_plan(
        plan,
        metering.quantities(plan),
        span.period,
        factor=held.factor(plan.proration),
        tax=span.tax,
        discounts=(*span.discounts, *more),
        customer=span.contract.customer,
    )


def scaled_quantity(charge: Charge, quantity: Quantity, share: int) -> Quantity:
    """What so many per cent of the usage would count; a fixed fee is counted once."""
    if charge.meter.value == "flat":
        return quantity
    base = quantity.base * share // 100
    windows = tuple(each * share / 100 for each in quantity.windows)
    units = add_up(windows) if windows else to_units(base, charge.unit)
    return replace(quantity, units=units, base=base, windows=windows)
