"""Contracts in time: the spans of a month share no minute and leave none out; taxes, discounts and versions by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coverage.periods import Month
from pipeline.rating.book import PlanBook
from pipeline.rating.contracts import plan_of, spans_in
from pipeline.rating.model import Charge, Contract, Discount, Meter, Model, Plan, Tax, Term
from pipeline.rating.plan_errors import NoPlanError

OCTOBER = Month(2026, 10)
FLAT = Charge("fee", Meter.FLAT, Model.FLAT, "month", flat=Decimal(5))
VAT_20, VAT_22 = Tax("НДС", Decimal(20), included=False), Tax("НДС", Decimal(22), included=False)
ZONES = ["UTC", "Europe/Moscow", "America/New_York", "Australia/Lord_Howe"]


def moscow(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC) - timedelta(hours=3)


def contract(plan: str, begin: datetime, end: datetime | None = None, tz: str = "Europe/Moscow") -> Contract:
    return Contract("c1", plan, begin, end, tz)


def test_a_month_under_one_contract_is_one_span_of_its_own_zone() -> None:
    (span,) = spans_in([contract("start", moscow(2026, 1, 1))], OCTOBER)
    assert (span.period.begin, span.period.end) == (moscow(2026, 10, 1), moscow(2026, 11, 1))
    assert span.period == span.whole
    assert (span.tax, span.discounts) == (None, ())


def test_a_plan_changed_in_mid_month_gives_two_spans_of_one_month() -> None:
    change = moscow(2026, 10, 12)
    first, second = spans_in(
        [contract("pro", change), contract("start", moscow(2026, 1, 1), change)], OCTOBER
    )
    assert (first.contract.plan, second.contract.plan) == ("start", "pro")
    assert (first.period.begin, first.period.end) == (moscow(2026, 10, 1), change)
    assert (second.period.begin, second.period.end) == (change, moscow(2026, 11, 1))
    assert first.whole == second.whole


def test_contracts_outside_the_month_have_nothing_in_it() -> None:
    ended = contract("old", moscow(2026, 1, 1), moscow(2026, 10, 1))
    later = contract("new", moscow(2026, 11, 1))
    assert spans_in([ended, later], OCTOBER) == ()


@given(
    st.sampled_from(ZONES),
    st.lists(st.integers(0, 70 * 1440), min_size=1, max_size=5, unique=True).map(sorted),
)
def test_contracts_in_sequence_share_no_minute_and_leave_none_out(tz: str, starts: list[int]) -> None:
    at = [datetime(2026, 9, 1, tzinfo=UTC) + timedelta(minutes=minute) for minute in starts]
    ends: list[datetime | None] = [*at[1:], None]
    spans = spans_in(
        [contract(f"p{n}", begin, end, tz) for n, (begin, end) in enumerate(zip(at, ends, strict=True))],
        OCTOBER,
    )
    begin, end = (datetime.fromtimestamp(minute * 60, UTC) for minute in OCTOBER.minutes(tz))
    bounds = [(span.period.begin, span.period.end) for span in spans]
    covered = max(begin, at[0])
    for first, after in bounds:
        assert first == covered < after
        covered = after
    assert covered == end if bounds else at[0] >= end
    assert all((span.whole.begin, span.whole.end) == (begin, end) for span in spans)


def test_the_tax_is_the_last_that_began_before_the_span_is_over() -> None:
    taxed = Contract(
        "c1", "start", moscow(2025, 1, 1), None, "Europe/Moscow",
        taxes=((Term(moscow(2025, 1, 1)), VAT_20), (Term(moscow(2026, 1, 1)), VAT_22)),
    )  # fmt: skip
    assert [span.tax for span in spans_in([taxed], Month(2025, 12))] == [VAT_20]
    assert [span.tax for span in spans_in([taxed], Month(2026, 1))] == [VAT_22]


def test_discounts_hold_in_their_time_and_once_in_the_first_bill() -> None:
    always = Discount("always", Decimal(10))
    autumn = Discount("autumn", Decimal(5))
    welcome = Discount("welcome", None, Decimal(500), once=True)
    sorry = Discount("sorry", None, Decimal(900), once=True)
    discounted = Contract(
        "c1", "start", moscow(2026, 8, 15), None, "Europe/Moscow",
        discounts=(
            (Term(), welcome),
            (Term(), always),
            (Term(moscow(2026, 9, 1), moscow(2026, 11, 1)), autumn),
            (Term(moscow(2026, 10, 7)), sorry),
        ),
    )  # fmt: skip
    given = {
        month: [
            discount.name
            for span in spans_in([discounted], Month(2026, month))
            for discount in span.discounts
        ]
        for month in (7, 8, 9, 10, 11)
    }
    assert given == {
        7: [],
        8: ["welcome", "always"],
        9: ["always", "autumn"],
        10: ["always", "autumn", "sorry"],
        11: ["always"],
    }


def test_a_contract_keeps_the_version_that_was_valid_when_it_began() -> None:
    old = Plan("start", 1, {}, "RUB", date(2025, 1, 1), None, (FLAT,))
    new = Plan("start", 2, {}, "RUB", date(2026, 1, 1), None, (FLAT,))
    book = PlanBook([old, new])
    # 31 December 21:00 UTC is 1 January in Moscow
    assert plan_of(contract("start", datetime(2025, 12, 31, 21, tzinfo=UTC)), book) is new
    assert plan_of(contract("start", datetime(2025, 12, 31, 20, tzinfo=UTC)), book) is old
    named = Contract("c1", "start", moscow(2026, 5, 1), None, "Europe/Moscow", version=1)
    assert plan_of(named, book) is old


def test_a_contract_in_another_currency_than_its_plan_is_refused() -> None:
    book = PlanBook([Plan("start", 1, {}, "RUB", date(2025, 1, 1), None, (FLAT,))])
    with pytest.raises(NoPlanError, match='plan "start" version 1 is in RUB, the contract in USD'):
        plan_of(Contract("c1", "start", moscow(2026, 5, 1), None, "Europe/Moscow", currency="USD"), book)
