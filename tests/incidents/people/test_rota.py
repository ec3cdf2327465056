"""The rota against a slow, obvious reference: overrides, holidays, and days of 23 and 25 hours."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from incidents.people.hours import works_from
from incidents.people.rota import holes, on_call, shifts
from incidents.people.rules import problems
from incidents.people.settings import (
    LevelSettings,
    OncallSettings,
    Override,
    People,
    PersonSettings,
    Rotation,
    WorkingHours,
)
from incidents.people.times import RotaTime, TimeOfDay, wall
from pipeline.configured import Instant


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def weekly(**more: object) -> OncallSettings:
    rotation = Rotation(people=("anna", "boris"), from_=Instant(date(2026, 3, 2)), **more)  # type: ignore[arg-type]
    return OncallSettings(tz="Europe/Berlin", country="DE", level=(LevelSettings(rotation=(rotation,)),))


def test_a_week_each_changing_at_the_hour_of_the_clocks() -> None:
    rota = weekly()
    assert on_call(rota, 1, at("2026-03-02T09:59:59+01:00")) == ()
    assert on_call(rota, 1, at("2026-03-02T10:00:00+01:00")) == ("anna",)
    assert on_call(rota, 1, at("2026-03-09T09:59:59+01:00")) == ("anna",)
    assert on_call(rota, 1, at("2026-03-09T10:00:00+01:00")) == ("boris",)


def test_summer_time_moves_no_hand_over() -> None:
    rota = weekly(days=1)
    found = [
        (shift.since, shift.people)
        for shift in shifts(rota, 1, at("2026-03-28T10:00+01:00"), at("2026-03-31T10:00+02:00"))
    ]
    assert found == [
        (at("2026-03-28T10:00+01:00"), ("anna",)),
        (at("2026-03-29T10:00+02:00"), ("boris",)),
        (at("2026-03-30T10:00+02:00"), ("anna",)),
    ]


def test_an_hour_shown_twice_hands_over_once() -> None:
    rota = weekly(days=1, at=TimeOfDay(150))
    found = list(shifts(rota, 1, at("2026-10-25T00:00+02:00"), at("2026-10-25T06:00+01:00")))
    assert [shift.since for shift in found][1:] == [at("2026-10-25T02:30+02:00")]


def test_an_override_takes_the_level_for_its_time_and_says_why() -> None:
    rota = weekly()
    override = Override(
        from_=RotaTime(datetime(2026, 3, 3, 12, tzinfo=UTC)),
        to=RotaTime(datetime(2026, 3, 3, 18, tzinfo=UTC)),
        person="viktor",
        reason="anna flies",
    )
    rota = OncallSettings(tz=rota.tz, level=rota.level, override=(override,))
    found = list(shifts(rota, 1, at("2026-03-03T00:00Z"), at("2026-03-04T00:00Z")))
    assert [(shift.people, shift.override) for shift in found] == [
        (("anna",), ""),
        (("viktor",), "anna flies"),
        (("anna",), ""),
    ]


@pytest.mark.parametrize(
    "written", ["2026-03-03T10:00:00", datetime(2026, 3, 3, 10), "2026-03-03T10:00:00+01:00"]
)
def test_an_override_may_be_written_by_the_clocks_of_the_rota(written: object) -> None:
    """Berlin's, an hour before UTC."""
    override = Override(from_=RotaTime.parse(written), to=RotaTime.parse("2026-03-04"), person="viktor")
    rota = OncallSettings(tz="Europe/Berlin", level=weekly().level, override=(override,))
    assert on_call(rota, 1, at("2026-03-03T08:59Z")) == ("anna",)
    assert on_call(rota, 1, at("2026-03-03T09:00Z")) == ("viktor",)
    assert on_call(rota, 1, at("2026-03-03T23:00Z")) == ("anna",)


def test_holidays_and_weekends_have_a_rotation_of_their_own() -> None:
    start = Instant(date(2026, 4, 1))
    rota = OncallSettings(
        tz="Europe/Berlin",
        country="DE",
        level=(
            LevelSettings(
                rotation=(
                    Rotation(people=("anna",), from_=start, on="workdays", at=TimeOfDay(0)),
                    Rotation(people=("boris",), from_=start, on="holidays", at=TimeOfDay(0)),
                )
            ),
        ),
    )
    assert on_call(rota, 1, at("2026-05-01T12:00+02:00")) == ("boris",), "a Friday, and Labour Day"
    assert on_call(rota, 1, at("2026-05-02T12:00+02:00")) == ("boris",), "a Saturday"
    assert on_call(rota, 1, at("2026-05-04T12:00+02:00")) == ("anna",)
    assert holes(rota, at("2026-04-02T00:00Z")) == []


def test_a_hole_in_the_calendar_is_found_with_its_times() -> None:
    rota = weekly(days=1, at=TimeOfDay(9 * 60), to=TimeOfDay(21 * 60))
    found = holes(rota, at("2026-06-01T08:00Z"), days=2)
    assert [(hole.since, hole.until) for hole in found] == [
        (at("2026-06-01T19:00Z"), at("2026-06-02T07:00Z")),
        (at("2026-06-02T19:00Z"), at("2026-06-03T07:00Z")),
    ]


def test_a_night_shift_goes_past_midnight() -> None:
    rota = weekly(days=7, at=TimeOfDay(21 * 60), to=TimeOfDay(9 * 60), weekdays=("sun",))
    assert on_call(rota, 1, at("2026-06-08T05:00+02:00")) == ("boris",), "the night that began on Sunday"
    assert on_call(rota, 1, at("2026-06-08T22:00+02:00")) == (), "Monday's is nobody's"


@pytest.mark.parametrize("level", [0, 2, 99])
def test_a_level_that_is_not_there_has_nobody(level: int) -> None:
    assert on_call(weekly(), level, at("2026-06-08T05:00Z")) == ()


def slowly(rota: OncallSettings, at: float) -> list[str]:
    """By walking every hand-over from the first one on."""
    rotation = rota.level[0].rotation[0]
    zone, day, turn, held = (
        ZoneInfo(rota.tz),
        rotation.from_.at(ZoneInfo(rota.tz)).astimezone(ZoneInfo(rota.tz)).date(),
        0,
        [],
    )
    while wall(zone, day, rotation.at) <= at:
        held = [rotation.people[turn // rotation.days % len(rotation.people)]]
        day, turn = day + timedelta(days=1), turn + 1
    return held


@settings(max_examples=60, deadline=None)
@given(
    days=st.integers(1, 9),
    clock=st.integers(0, 24 * 60 - 1),
    people=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    minute=st.integers(0, 300 * 24 * 60),
)
def test_turns_are_those_of_a_walk_through_every_day(
    days: int, clock: int, people: list[str], zone: str, minute: int
) -> None:
    rotation = Rotation(people=tuple(people), from_=Instant(date(2026, 3, 1)), days=days, at=TimeOfDay(clock))
    rota = OncallSettings(tz=zone, level=(LevelSettings(rotation=(rotation,)),))
    when = at("2026-03-01T00:00Z") + minute * 60
    assert list(on_call(rota, 1, when)) == slowly(rota, when)
    found = list(shifts(rota, 1, when, when + 3 * 86_400))
    assert found[0].since == when
    assert found[-1].until == when + 3 * 86_400
    assert all(one.until == two.since and one.people != two.people for one, two in itertools.pairwise(found))


SATURDAY = Instant(date(2026, 12, 5))


def test_a_moved_saturday_is_a_working_day_of_the_rota() -> None:
    workdays = Rotation(people=("anna",), from_=Instant(date(2026, 11, 30)), at=TimeOfDay(0), on="workdays")
    holidays = Rotation(people=("boris",), from_=Instant(date(2026, 11, 30)), at=TimeOfDay(0), on="holidays")
    rota = OncallSettings(
        tz="Europe/Moscow", country="RU", level=(LevelSettings(rotation=(workdays, holidays)),)
    )
    noon, monday = at("2026-12-05T12:00+03:00"), at("2026-12-07T12:00+03:00")
    assert (on_call(rota, 1, noon), on_call(rota, 1, monday)) == (("boris",), ("anna",))
    moved = replace(rota, working_days=(SATURDAY,), days_off=(Instant(date(2026, 12, 7)),))
    assert (on_call(moved, 1, noon), on_call(moved, 1, monday)) == (("anna",), ("boris",))
    assert on_call(moved, 1, at("2026-12-06T12:00+03:00")) == ("boris",)


def test_a_moved_saturday_is_worked_by_whoever_works_on_mondays_and_lives_by_that_calendar() -> None:
    anna = PersonSettings(id="anna", tz="Europe/Moscow", hours=WorkingHours())
    own = OncallSettings(tz="Europe/Moscow", country="RU", working_days=(SATURDAY,)).own_days
    friday = at("2026-12-04T20:00+03:00")
    assert works_from(anna, "RU", friday) == at("2026-12-07T10:00+03:00")
    assert works_from(anna, "RU", friday, own) == at("2026-12-05T10:00+03:00")
    assert works_from(replace(anna, country="DE"), "RU", friday, own) == at("2026-12-07T10:00+03:00")
    tuesdays = replace(anna, hours=WorkingHours(days=("tue",)))
    assert works_from(tuesdays, "RU", friday, own) == at("2026-12-08T10:00+03:00")


def test_a_day_cannot_be_off_and_worked() -> None:
    wrong = People(oncall=OncallSettings(days_off=(SATURDAY,), working_days=(SATURDAY,)))
    assert [found.key for found in problems(wrong, (), ())] == [("oncall", "working_days", 0)]
