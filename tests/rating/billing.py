"""Bills for tests: drawn ones that add up, and the story's own (3,000 a month, and a spike of a million)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from pipeline.rating.model import Bill, Line, Part, Period

PERIOD = Period(
    datetime(2026, 9, 30, 21, tzinfo=UTC), datetime(2026, 10, 31, 21, tzinfo=UTC), "Europe/Moscow"
)
NOW = datetime(2026, 11, 5, 9, 30, 15, 250_001, tzinfo=UTC)

amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=2)
texts = st.text(st.characters(codec="utf-8"), max_size=8)


def make_bill(
    lines: list[Line], *, customer: str = "c1", plan: str = "start", period: Period = PERIOD, version: int = 1
) -> Bill:
    """A bill whose sums are those of its lines."""
    net = sum((line.amount for line in lines if line.kind != "tax"), Decimal(0))
    tax = sum((line.amount for line in lines if line.kind == "tax"), Decimal(0))
    return Bill(customer, plan, version, period, "RUB", tuple(lines), net, tax, net + tax)


def make_line(amount: str, name: str = "traffic", kind: str = "charge", quantity: str = "1") -> Line:
    """A line of one part at a price of its own."""
    units, value = Decimal(quantity), Decimal(amount)
    return Line(
        kind,
        name,
        {"en": name},
        units,
        "GB",
        value,
        (Part("tier 1", units, value / units, value),),
        "per_unit",
    )


def simple_bill(net: str, *, customer: str = "c1", plan: str = "start", period: Period = PERIOD) -> Bill:
    """One charge and 22 % of tax."""
    tax = (Decimal(net) * 22 / 100).quantize(Decimal("0.01"))
    return make_bill(
        [make_line(net), make_line(str(tax), "НДС", "tax")], customer=customer, plan=plan, period=period
    )


parts = st.builds(Part, what=texts, units=amounts, price=amounts, amount=amounts)
lines = st.builds(
    Line,
    kind=st.sampled_from(["charge", "discount", "tax", "minimum"]),
    id=st.sampled_from(["traffic", "requests", "НДС", "скидка"]),
    names=st.dictionaries(st.sampled_from(["ru", "en"]), texts),
    quantity=st.decimals(min_value=-(10**30), max_value=10**30, places=6),
    unit=st.sampled_from(["GB", "GiB", ""]),
    amount=amounts,
    parts=st.lists(parts, max_size=2).map(tuple),
    rule=texts,
)
bills = st.lists(lines, max_size=6).map(make_bill)
