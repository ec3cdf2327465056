"""Working time: how much of it lies between two instants, and when so much of it is over; by local hours, days off,
holidays of a country, pauses, and the changes of a zone's clock. Times are epoch seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from incidents.desk.settings import DAYS, minutes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from incidents.desk.model import Span
    from incidents.desk.settings import Hours, Manager, SupportSettings

HORIZON_DAYS = 3_700
"""How far working time is looked for: ten years without any is none at all."""


class Calendar(Protocol):
    """What counts as time."""

    def between(self, since: float, until: float) -> float:
        """Seconds that count in [since, until); 0 where until is not after since."""

    def after(self, since: float, seconds: float) -> float | None:
        """The first instant at which so many have counted since `since`; None where there never will be."""


class EveryHour:
    """Every second counts."""

    def between(self, since: float, until: float) -> float:
        """All of it."""
        return max(0.0, until - since)

    def after(self, since: float, seconds: float) -> float | None:
        """Plainly later."""
        return since + seconds


class WorkCalendar:
    """Hours of the week in a zone. `day_off(date)`: whether nobody works on a date that would otherwise be
    worked on. `moved(date)`: whether work was moved to it: then it has the hours of the week's first working day, where
    it has none itself."""

    def __init__(
        self,
        tz: str,
        hours: Sequence[Hours],
        day_off: Callable[[date], bool] = lambda _: False,
        moved: Callable[[date], bool] = lambda _: False,
    ) -> None:
        self._zone = ZoneInfo(tz)
        self._day_off = day_off
        self._moved = moved
        self._windows: list[list[tuple[int, int]]] = [[] for _ in DAYS]
        for window in hours:
            begin, end = minutes_of(window.from_), minutes_of(window.to)
            end += 1440 if end <= begin else 0
            for day in window.days:
                self._windows[DAYS.index(day)].append((begin, end))
        self._day = lru_cache(maxsize=4096)(self._spans_of)

    @cached_property
    def _never(self) -> bool:
        return not any(self._windows)

    def is_working(self, at: float) -> bool:
        """Whether this instant counts."""
        return self.between(at, at + 1e-3) > 0

    def between(self, since: float, until: float) -> float:
        """Seconds of working time in [since, until)."""
        total = 0.0
        if until <= since or self._never:
            return total
        day, last = self._first_day(since), self._date(until)
        reached = since
        while day <= last:
            for begin, end in self._day(day):
                if end > reached and begin < until:
                    total += min(end, until) - max(begin, reached)
                    reached = max(reached, min(end, until))
            day += timedelta(days=1)
        return total

    def after(self, since: float, seconds: float) -> float | None:
        """When so many seconds of working time are over; `since` itself where none are asked for."""
        if seconds <= 0:
            return since
        if self._never:
            return None
        day, reached = self._first_day(since), since
        for _ in range(HORIZON_DAYS):
            for begin, end in self._day(day):
                if end > reached:
                    begin = max(begin, reached)
                    if end - begin >= seconds:
                        return begin + seconds
                    seconds -= end - begin
                    reached = end
            day += timedelta(days=1)
        return None

    def _first_day(self, at: float) -> date:
        return self._date(at) - timedelta(days=2)  # a window may reach into the next day

    def _date(self, at: float) -> date:
        return datetime.fromtimestamp(at, self._zone).date()

    def _spans_of(self, day: date) -> tuple[tuple[float, float], ...]:
        """The windows that begin on a date, in order."""
        windows = self._windows[day.weekday()]
        if self._moved(day):
            windows = windows or next(filter(None, self._windows), [])
        elif self._day_off(day):
            return ()
        return tuple(sorted((self._instant(day, begin), self._instant(day, end)) for begin, end in windows))

    def _instant(self, day: date, minutes: int) -> float:
        days, minute = divmod(minutes, 1440)
        on = day + timedelta(days=days)
        local = datetime(on.year, on.month, on.day, minute // 60, minute % 60, tzinfo=self._zone)
        return local.astimezone(UTC).timestamp()


def counted(calendar: Calendar, since: float, until: float, pauses: Sequence[Span] = ()) -> float:
    """Seconds that count in [since, until) outside of the pauses, which are in time's order and apart."""
    total = calendar.between(since, until)
    for pause in pauses:
        end = until if pause.until is None else min(pause.until, until)
        total -= calendar.between(max(since, pause.since), end)
    return total


def deadline(calendar: Calendar, since: float, seconds: float, pauses: Sequence[Span] = ()) -> float | None:
    """The instant at which so many seconds have counted outside of the pauses; None while one of them goes on."""
    reached = since
    for pause in pauses:
        if pause.until is not None and pause.until <= reached:
            continue
        before = calendar.between(reached, max(reached, pause.since))
        if before >= seconds:
            return calendar.after(reached, seconds)
        seconds -= before
        if pause.until is None:
            return None
        reached = max(reached, pause.until)
    return calendar.after(reached, seconds)


def holidays_of(country: str, days_off: Sequence[date] = ()) -> Callable[[date], bool]:
    """Whether a date is a holiday of a country (`RU`, `DE-BY`; empty: of none), or one of the desk's own days off."""
    own = frozenset(days_off)
    if not country:
        return lambda day: day in own
    import holidays

    name, _, part = country.partition("-")
    known = holidays.country_holidays(name, subdiv=part or None)
    return lambda day: day in own or day in known


def moved_to(country: str, working_days: Sequence[date] = ()) -> Callable[[date], bool]:
    """Whether work was moved to a date: by a country, to a Saturday or Sunday, or by the desk itself."""
    own = frozenset(working_days)
    if not country:
        return lambda day: day in own
    import holidays

    name, _, part = country.partition("-")
    known = holidays.country_holidays(name, subdiv=part or None)
    return lambda day: day in own or (day.weekday() >= 5 and known.is_working_day(day))


def desk_calendar(settings: SupportSettings) -> WorkCalendar:
    """The desk's own hours."""
    return _calendar(settings, settings.tz, settings.hours, settings.country)


def manager_calendar(manager: Manager, settings: SupportSettings) -> WorkCalendar:
    """A manager's hours, the desk's where he has none."""
    country = settings.country if manager.country is None else manager.country
    return _calendar(settings, manager.tz or settings.tz, manager.hours or settings.hours, country)


def _calendar(settings: SupportSettings, tz: str, hours: Sequence[Hours], country: str) -> WorkCalendar:
    zone = ZoneInfo(settings.tz)
    off, working = (
        [each.at(zone).astimezone(zone).date() for each in given]
        for given in (settings.days_off, settings.working_days)
    )
    return WorkCalendar(tz, hours, holidays_of(country, off), moved_to(country, working))
