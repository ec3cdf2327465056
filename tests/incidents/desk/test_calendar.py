"""Working time against a slow, obvious count of minutes: across changes of the clock, holidays, nights and pauses."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.desk.calendar import (
    EveryHour,
    WorkCalendar,
    counted,
    deadline,
    desk_calendar,
    holidays_of,
    moved_to,
)
from incidents.desk.model import Span
from incidents.desk.settings import DAYS, Hours, SupportSettings, minutes_of, problems
from pipeline.configured import Instant

# Spring and autumn changes of both lie within these days, at night; hours begin and end outside of the changed hour.
ZONES = ("Europe/Moscow", "America/New_York", "Europe/Berlin", "Asia/Kolkata")
BEGINS = tuple(
    datetime(2026, month, day, tzinfo=UTC).timestamp() for month, day in ((3, 6), (3, 27), (10, 23), (10, 30))
)
TIMES = ("00:00", "04:30", "09:00", "12:15", "18:00", "22:00", "24:00")


def works(at: float, zone: str, hours: tuple[Hours, ...], off: set[date]) -> bool:
    """Whether a minute is worked, by its own wall clock, and by yesterday's hours that reach into it."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    for window in hours:
        begin, end = minutes_of(window.from_), minutes_of(window.to)
        end += 1440 if end <= begin else 0
        for back in (0, 1):
            day = local.date() - timedelta(days=back)
            minute = local.hour * 60 + local.minute + 1440 * back
            if DAYS[day.weekday()] in window.days and day not in off and begin <= minute < end:
                return True
    return False


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, tuple[Hours, ...], set[date], float, float, list[Span]]:
    zone = draw(st.sampled_from(ZONES))
    hours = tuple(
        Hours(
            from_=draw(st.sampled_from(TIMES[:-1])),
            to=draw(st.sampled_from(TIMES)),
            days=tuple(draw(st.lists(st.sampled_from(DAYS), unique=True, max_size=7))),
        )
        for _ in range(draw(st.integers(1, 2)))
    )
    begin = draw(st.sampled_from(BEGINS)) + 60 * draw(st.integers(0, 1440))
    end = begin + 60 * draw(st.integers(0, 5 * 1440))
    first = datetime.fromtimestamp(begin, UTC).date()
    off = {first + timedelta(days=n) for n in draw(st.lists(st.integers(-1, 6), max_size=3))}
    cuts = sorted(draw(st.lists(st.integers(0, 6 * 1440), max_size=4, unique=True)))
    pauses = [Span(begin + 60 * a, begin + 60 * b) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    return zone, hours, off, begin, end, pauses


@settings(max_examples=60, deadline=None)
@given(cases())
def test_minutes_are_those_that_one_counts(
    case: tuple[str, tuple[Hours, ...], set[date], float, float, list[Span]],
) -> None:
    zone, hours, off, begin, end, pauses = case
    calendar = WorkCalendar(zone, hours, off.__contains__)
    minutes = range(round(begin), round(end), 60)
    counts = [at for at in minutes if works(at, zone, hours, off)]
    assert calendar.between(begin, end) == 60 * len(counts)
    outside = [at for at in counts if not any(p.since <= at < (p.until or 0) for p in pauses)]
    assert counted(calendar, begin, end, pauses) == 60 * len(outside)
    if outside:
        found = deadline(calendar, begin, 60 * len(outside), pauses)
        assert found == outside[-1] + 60
        assert counted(calendar, begin, found, pauses) == 60 * len(outside)


def test_a_day_of_the_spring_change_has_23_hours() -> None:
    calendar = WorkCalendar("Europe/Berlin", [Hours(from_="00:00", to="24:00", days=DAYS)])
    begin = datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    assert calendar.between(begin, begin + 23 * 3600) == 23 * 3600
    assert calendar.after(begin, 24 * 3600) == begin + 24 * 3600


def test_friday_evening_goes_on_on_monday() -> None:
    calendar = WorkCalendar("Europe/Moscow", [Hours()])
    friday = datetime(2026, 11, 20, 17, 30, tzinfo=ZoneInfo("Europe/Moscow")).timestamp()
    monday = datetime(2026, 11, 23, 9, 30, tzinfo=ZoneInfo("Europe/Moscow")).timestamp()
    assert calendar.after(friday, 3600) == monday
    assert not calendar.is_working(friday + 3600)
    assert calendar.is_working(monday)


def test_holidays_of_a_country_and_of_the_desk() -> None:
    off = holidays_of("RU", [date(2026, 7, 15)])
    assert off(date(2026, 1, 1))
    assert off(date(2026, 7, 15))
    assert not off(date(2026, 7, 16))
    assert not holidays_of("")(date(2026, 1, 1))
    assert [moved_to("RU")(date(2027, 2, day)) for day in (19, 20, 21)] == [False, True, False]
    assert moved_to("", [date(2026, 12, 5)])(date(2026, 12, 5))
    assert holidays_of("DE-BY")(date(2026, 1, 6))


@pytest.mark.parametrize("hours", [[Hours(days=())], [Hours(days=("mon",))]])
def test_time_that_never_comes_is_none_and_ends(hours: list[Hours]) -> None:
    calendar = WorkCalendar("UTC", hours, lambda _: True)
    assert calendar.after(0.0, 1.0) is None
    assert calendar.between(0.0, 86_400.0 * 365) == 0


def test_a_pause_that_goes_on_holds_the_clock() -> None:
    always = EveryHour()
    assert deadline(always, 100.0, 50.0, [Span(120.0)]) is None
    assert deadline(always, 100.0, 20.0, [Span(120.0)]) == 120.0
    assert deadline(always, 100.0, 50.0, [Span(120.0, 130.0)]) == 160.0


def test_a_moved_saturday_has_the_hours_of_a_working_day() -> None:
    zone = ZoneInfo("Europe/Moscow")
    begin = datetime(2026, 12, 4, 17, tzinfo=zone).timestamp()  # a Friday, an hour before the end

    def calendar(**more: tuple[Instant, ...]) -> WorkCalendar:
        return desk_calendar(SupportSettings(tz="Europe/Moscow", country="RU", **more))  # type: ignore[arg-type]

    usual = calendar().after(begin, 2 * 3600)
    assert usual == datetime(2026, 12, 7, 10, tzinfo=zone).timestamp()
    moved = calendar(working_days=(Instant(date(2026, 12, 5)),)).after(begin, 2 * 3600)
    assert moved == datetime(2026, 12, 5, 10, tzinfo=zone).timestamp()
    both = calendar(days_off=(Instant(date(2026, 12, 7)),)).after(begin, 2 * 3600)
    assert both == datetime(2026, 12, 8, 10, tzinfo=zone).timestamp()
    known = calendar().after(datetime(2027, 2, 19, 18, tzinfo=zone).timestamp(), 3600)
    assert known == datetime(2027, 2, 20, 10, tzinfo=zone).timestamp(), "the country moved it"


def test_a_day_cannot_be_both() -> None:
    same = (Instant(date(2026, 12, 5)),)
    (found,) = problems(SupportSettings(days_off=same, working_days=same), set())
    assert found.key == ("working_days", 0)
