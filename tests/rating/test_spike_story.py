"""The story whole, with the real engine: 3,000 a month, a viral day, a million; a better plan, a discount, the rebill,
why the bills differ, and when it has paid back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pipeline.rating import rebill
from pipeline.rating.bill_books import read_books
from pipeline.rating.bill_changes import check_sums
from pipeline.rating.bill_diff import Cause, Terms, explain_difference
from pipeline.rating.bill_entries import Entry, Kind
from pipeline.rating.model import Bill, Charge, Discount, Meter, Model, Plan, Quantity, Tax, Tier
from pipeline.rating.payback import Churn, Note, forecast_payback
from pipeline.rating.rate import rate_plan
from pipeline.rating.rebill import difference
from tests.rating.billing import NOW, PERIOD

TAX = Tax("НДС", Decimal(22), included=False)
HALF = Discount("viral day", percent=Decimal(50), once=True)


def make_plan(name: str, minimum: str, *tiers: tuple[str | None, str]) -> Plan:
    made = tuple(Tier(None if up is None else Decimal(up), Decimal(price), Decimal(0)) for up, price in tiers)
    charge = Charge("traffic", Meter.BYTES_SENT, Model.GRADUATED, "GB", {"en": "Traffic"}, tiers=made)
    return Plan(name, 1, {"en": name}, "RUB", date(2026, 1, 1), None, (charge,), minimum=Decimal(minimum))


PLANS = {
    "start": make_plan("start", "3000", ("2500", "1.20"), (None, "1.20")),
    "volume": make_plan("volume", "60000", ("100000", "0.60"), (None, "0.30")),
    "large": make_plan("large", "200000", (None, "0.28")),
}


def rate(terms: Terms) -> Bill:
    units = Decimal(terms.usage)
    counted = [Quantity("traffic", units, int(units * 10**9))]
    plan = PLANS[terms.plan]
    return rate_plan(plan, counted, PERIOD, tax=terms.tax, discounts=terms.discounts, customer="c1")


def test_the_story() -> None:
    told = Terms("833333.37", "start", 1, tax=TAX)
    million = rate(told)
    assert million.net == Decimal("1000000.04")
    best = min(PLANS, key=lambda name: rate(Terms(told.usage, name, 1, tax=TAX)).total)
    assert best == "large"
    offered = Terms("833401.00", best, 1, (HALF,), TAX)  # a late segment came meanwhile
    offer = rate(offered)

    log: list[Entry] = rebill.issue(read_books([]), [(million, None)], 1, at=NOW, actor="robot")
    name, new = rebill.propose(
        read_books(log), 1, offer, discounts=[HALF], at=NOW, actor="anna", reason="viral day"
    )
    log += new
    log += rebill.approve(read_books(log), name, 2, at=NOW, actor="boris", reason="he stays")
    books = read_books(log)
    credit, issued = books.documents[2].bill, books.documents[3].bill
    assert [entry.kind for entry in books.documents.values()] == [Kind.BILL, Kind.CREDIT_NOTE, Kind.BILL]
    assert (million.total + credit.total, million.tax + credit.tax) == (Decimal(0), Decimal(0))
    assert issued == offer
    moved = difference(books, name).delta
    assert check_sums(moved) == []
    assert moved.total == credit.total + issued.total == offer.total - million.total

    causes = {change.cause: change for change in explain_difference(million, told, offer, offered, rate)}
    assert list(causes) == [Cause.LATE_DATA, Cause.PLAN, Cause.DISCOUNT]
    assert causes[Cause.LATE_DATA].net == Decimal("81.16")  # 67.63 GB at 1.20
    assert causes[Cause.DISCOUNT].net < 0
    assert sum(change.total for change in causes.values()) == moved.total

    years = [Decimal(3000), Decimal(3200), Decimal(2950), Decimal(3400)] * 6
    granted = -causes[Cause.DISCOUNT].net
    payback = forecast_payback(years, granted, churn=Churn(12, 4_000))
    assert payback.months.expected is not None
    usual, months = sum(years, Decimal(0)) / 24, payback.months.expected
    assert usual * (months - 1) < granted <= usual * months
    assert Note.BEYOND_HISTORY in payback.notes
    assert payback.value.expected is not None
    assert payback.value.expected > granted, "it is worth it"
