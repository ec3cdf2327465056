"""Who is on call at a time, until when, who is next, and where the calendar has a hole: from the settings alone."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct

from incidents.people.times import DAY, WEEKDAYS, is_holiday, is_working_day, local_day, wall

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from incidents.people.settings import OncallSettings, Override, Rotation

HOLE_DAYS = 30


class Shift(Struct, frozen=True):
    """Who holds a level in [since, until), epoch seconds; nobody where `people` is empty."""

    level: int
    since: float
    until: float
    people: tuple[str, ...]
    override: str = ""


class _Turn(Struct, frozen=True):
    since: float
    until: float
    person: str


def levels(oncall: OncallSettings) -> range:
    """The levels that there are: 1, 2, …"""
    return range(1, len(oncall.level) + 1)


def on_call(oncall: OncallSettings, level: int, at: float) -> tuple[str, ...]:
    """Whom a page of that level reaches at that time: nobody for a hole, or for a level that is not there."""
    if level not in levels(oncall):
        return ()
    if (override := _override(oncall, level, at)) is not None:
        return (override.person,)
    held = oncall.level[level - 1]
    zone = ZoneInfo(oncall.tz)
    today = local_day(zone, at)
    turns = (
        turn.person
        for rotation in held.rotation
        for turn in _turns(oncall, rotation, today - 2 * DAY, today + DAY)
        if turn.since <= at < turn.until
    )
    return tuple(dict.fromkeys((*turns, *held.people)))


def shifts(oncall: OncallSettings, level: int, since: float, until: float) -> Iterator[Shift]:
    """The level's calendar in [since, until), without a hole: nobody is a shift too."""
    changes = sorted(
        {since, *(each for each in _changes(oncall, level, since, until) if since < each < until)}
    )
    pieces = (
        (begin, on_call(oncall, level, begin), _reason(_override(oncall, level, begin))) for begin in changes
    )
    joined = [(key, next(group)[0]) for key, group in itertools.groupby(pieces, key=lambda piece: piece[1:])]
    for place, ((people, reason), begin) in enumerate(joined):
        end = joined[place + 1][1] if place + 1 < len(joined) else until
        yield Shift(level, begin, end, people, reason)


def holes(oncall: OncallSettings, at: float, days: int = HOLE_DAYS) -> list[Shift]:
    """When, in the next days, a level that has people would reach nobody."""
    until = at + days * DAY.total_seconds()
    return [
        shift for level in levels(oncall) for shift in shifts(oncall, level, at, until) if not shift.people
    ]


def _override(oncall: OncallSettings, level: int, at: float) -> Override | None:
    zone = ZoneInfo(oncall.tz)
    for each in oncall.override:
        if each.level == level and each.from_.at(zone).timestamp() <= at < each.to.at(zone).timestamp():
            return each
    return None


def _reason(override: Override | None) -> str:
    return "" if override is None else override.reason or "override"


def _changes(oncall: OncallSettings, level: int, since: float, until: float) -> Iterator[float]:
    zone = ZoneInfo(oncall.tz)
    for rotation in oncall.level[level - 1].rotation:
        first, last = local_day(zone, since) - 2 * DAY, local_day(zone, until) + DAY
        for turn in _turns(oncall, rotation, first, last):
            yield turn.since
            yield turn.until
    for each in oncall.override:
        if each.level == level:
            yield each.from_.at(zone).timestamp()
            yield each.to.at(zone).timestamp()


def _turns(oncall: OncallSettings, rotation: Rotation, first: date, last: date) -> Iterator[_Turn]:
    """A turn for each day that begins in [first, last]: by dates, so that a day of 23 or 25 hours is one day."""
    zone = ZoneInfo(oncall.tz)
    begun = rotation.from_.at(zone).astimezone(zone).date()
    to = rotation.to or rotation.at
    day = max(first, begun)
    while day <= last:
        if _counts(oncall, rotation, day):
            end = day if to > rotation.at else day + DAY
            person = rotation.people[(day - begun).days // rotation.days % len(rotation.people)]
            yield _Turn(wall(zone, day, rotation.at), wall(zone, end, to), person)
        day += DAY


def _counts(oncall: OncallSettings, rotation: Rotation, day: date) -> bool:
    if rotation.weekdays is not None and WEEKDAYS[day.weekday()] not in rotation.weekdays:
        return False
    if rotation.on == "every_day":
        return True
    own = oncall.own_days
    works = is_working_day(oncall.country, day, WEEKDAYS[:5], own)
    if rotation.on == "workdays":
        return works
    return not works or is_holiday(oncall.country, day, own)
