"""Months in zones: their ends, days of 23 and 25 hours, midnights that are missing or come twice, contracts that begin
and end inside them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest

from pipeline.coverage.periods import ContractMonth, Month, Term, contract_months


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 60


@pytest.mark.parametrize(
    ("month", "tz", "first", "after", "minutes"),
    [
        ("2026-10", "UTC", "2026-10-01T00:00", "2026-11-01T00:00", 31 * 1440),
        ("2026-10", "Europe/Moscow", "2026-09-30T21:00", "2026-10-31T21:00", 31 * 1440),
        ("2026-03", "America/New_York", "2026-03-01T05:00", "2026-04-01T04:00", 31 * 1440 - 60),
        ("2026-11", "America/New_York", "2026-11-01T04:00", "2026-12-01T05:00", 30 * 1440 + 60),
        ("2026-02", "Asia/Kathmandu", "2026-01-31T18:15", "2026-02-28T18:15", 28 * 1440),
        ("2028-02", "Asia/Kathmandu", "2028-01-31T18:15", "2028-02-29T18:15", 29 * 1440),
        ("2026-12", "Europe/Moscow", "2026-11-30T21:00", "2026-12-31T21:00", 31 * 1440),
        ("2026-04", "Australia/Lord_Howe", "2026-03-31T13:00", "2026-04-30T13:30", 30 * 1440 + 30),
        # on the first of October 2023 there was no midnight in Asuncion
        ("2023-10", "America/Asuncion", "2023-10-01T04:00", "2023-11-01T03:00", 31 * 1440 - 60),
        # on the first of November 2020 the hour after midnight came twice in Havana
        ("2020-11", "America/Havana", "2020-11-01T04:00", "2020-12-01T05:00", 30 * 1440 + 60),
    ],
)  # fmt: skip
def test_a_month_in_a_zone(month: str, tz: str, first: str, after: str, minutes: int) -> None:
    found = Month.parse(month).minutes(tz)
    assert found == (utc(first), utc(after))
    assert found[1] - found[0] == minutes


@pytest.mark.parametrize("year", [2007, 2020, 2026, 2030])
def test_months_of_every_zone_leave_out_no_minute(year: int) -> None:
    """The local day of a month's first minute is the first, and of the minute before it is not later than the last."""
    for tz in available_timezones():
        zone, month = ZoneInfo(tz), Month(year, 1)
        for _ in range(12):
            first, after = month.minutes(tz)
            assert after == month.following.begins(tz)
            assert datetime.fromtimestamp(first * 60, zone).day == 1, (tz, month)
            before = datetime.fromtimestamp((first - 1) * 60, zone)
            assert (before.year, before.month) != (month.year, month.month), (tz, month)
            month = month.following


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-1", "26-01", "2026-01-01", "", "1969-12", "２０２６-01"]
)
def test_what_is_no_month_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="expected a month like 2026-10"):
        Month.parse(text)


def test_contracts_that_begin_and_end_inside_the_month() -> None:
    month = Month(2026, 11)
    terms = [
        Term("b", "UTC", utc("2026-01-01T00:00")),
        Term("a", "Europe/Moscow", utc("2026-01-01T00:00"), utc("2026-11-10T21:00")),
        Term("a", "Europe/Moscow", utc("2026-11-10T21:00")),
        Term("gone", "UTC", utc("2025-01-01T00:00"), utc("2026-11-01T00:00")),
        Term("next", "UTC", utc("2026-12-01T00:00")),
    ]
    assert contract_months(terms, month) == [
        ContractMonth(month, "a", utc("2026-10-31T21:00"), utc("2026-11-10T21:00"), "Europe/Moscow"),
        ContractMonth(month, "a", utc("2026-11-10T21:00"), utc("2026-11-30T21:00"), "Europe/Moscow"),
        ContractMonth(month, "b", utc("2026-11-01T00:00"), utc("2026-12-01T00:00"), "UTC"),
    ]
