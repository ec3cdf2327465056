"""A stretch of a month under one plan, from usage to bill: metered, prorated, rated. Pure; for bills and what-ifs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.rating.meter import meter_plan
from pipeline.rating.proration import factor_of
from pipeline.rating.rate import rate_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.rating.model import Bill, Plan, Span
    from pipeline.rating.usage import Usage


def rate_span(plan: Plan, usage: Usage, span: Span, *, provisional: Sequence[str] = ()) -> Bill:
    """The bill for the part of a month in which one contract holds, on its plan or another. Raises RateError,
    UsageError."""
    bill = rate_plan(
        plan,
        meter_plan(plan, usage, span.period),
        span.period,
        factor=factor_of(span.period, span.whole, plan.proration),
        tax=span.tax,
        discounts=span.discounts,
        customer=span.contract.customer,
    )
    return replace(bill, provisional=tuple(provisional))
