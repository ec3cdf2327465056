"""Times of the day and working days: wall clocks of a zone into instants, right across changes of the clocks;
from settings into the rota."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.configured import Instant

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class TimeOfDay:
    """A time on a wall clock, written `"09:00"`; `"24:00"` is the day's end."""

    minutes: int

    @classmethod
    def parse(cls, value: object) -> TimeOfDay:
        """From text or TOML's own time; raises ValueError that says what was expected."""
        if isinstance(value, time) and value.tzinfo is None and not value.second and not value.microsecond:
            return cls(value.hour * 60 + value.minute)
        if isinstance(value, str) and (match := re.fullmatch(r"(\d{2}):(\d{2})", value)):
            hours, minutes = int(match[1]), int(match[2])
            if minutes < 60 and hours * 60 + minutes <= 24 * 60:
                return cls(hours * 60 + minutes)
        raise ValueError('a time of the day in quotes, like "09:00"')

    def __str__(self) -> str:
        return f"{self.minutes // 60:02}:{self.minutes % 60:02}"


@dataclass(frozen=True, slots=True)
class RotaTime:
    """A date, a time by the rota's own clocks, or one with an offset."""

    value: datetime | date

    @classmethod
    def parse(cls, value: object) -> RotaTime:
        """From TOML's own times and dates, or the same as text; raises ValueError that says what was expected."""
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
            except ValueError:
                value = None
        if isinstance(value, date):
            return cls(value)
        raise ValueError(
            "a date, or a time by the rota's clocks like 2026-11-01T10:00:00, or one with its offset"
        )

    @property
    def has_offset(self) -> bool:
        """Whether it is the same instant whatever the rota's clocks say."""
        return isinstance(self.value, datetime) and self.value.tzinfo is not None

    def at(self, zone: ZoneInfo) -> datetime:
        """The instant in UTC; a date begins at midnight."""
        value = self.value if isinstance(self.value, datetime) else datetime.combine(self.value, time())
        return (value if value.tzinfo is not None else value.replace(tzinfo=zone)).astimezone(UTC)


def zone_of(name: str) -> ZoneInfo | None:
    """The zone, None for a name that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def wall(zone: ZoneInfo, day: date, clock: TimeOfDay) -> float:
    """Epoch seconds at which that day's clocks show that time: the first time where they show it twice, and
    what it would have been where they jump over it."""
    return (datetime.combine(day, time(), tzinfo=zone) + timedelta(minutes=clock.minutes)).timestamp()


def local_day(zone: ZoneInfo, at: float) -> date:
    """The date in the zone."""
    return datetime.fromtimestamp(at, zone).date()


@functools.cache
def _calendar(country: str) -> Any:
    import holidays

    return holidays.country_holidays(country)


def is_country(code: str) -> bool:
    """Whether the holidays of that country are known."""
    import holidays

    return code in holidays.list_supported_countries()


@dataclass(frozen=True, slots=True)
class OwnDays:
    """Dates that are days off, or worked on, whatever the calendar of a country says."""

    off: frozenset[date] = frozenset()
    working: frozenset[date] = frozenset()


NO_OWN_DAYS = OwnDays()


@functools.lru_cache(maxsize=64)
def own_days(off: tuple[Instant, ...], working: tuple[Instant, ...], tz: str) -> OwnDays:
    """Out of settings: a date is that date, a time the one that it falls on in the zone."""
    return OwnDays(frozenset(dates_of(off, tz)), frozenset(dates_of(working, tz)))


def dates_of(given: Collection[Instant], tz: str) -> list[date]:
    """The dates of instants in a zone."""
    zone = ZoneInfo(tz)
    return [each.at(zone).astimezone(zone).date() for each in given]


def is_holiday(country: str, day: date, own: OwnDays = NO_OWN_DAYS) -> bool:
    """A public holiday, or a day off of one's own; without a country there are no others."""
    if day in own.working or day in own.off:
        return day in own.off
    return bool(country) and day in _calendar(country)


def is_working_day(country: str, day: date, days: Collection[str], own: OwnDays = NO_OWN_DAYS) -> bool:
    """One of the working week's days and no holiday, or a day off that work was moved to, by the country or by
    oneself: whoever works on Mondays works then."""
    usual = WEEKDAYS[day.weekday()] in days
    if day in own.off:
        return False
    if day in own.working:
        return usual or "mon" in days
    if not country:
        return usual
    calendar = _calendar(country)
    if usual:
        return day not in calendar
    moved = day.weekday() >= 5 and "mon" in days and calendar.is_working_day(day)
    return bool(moved)
