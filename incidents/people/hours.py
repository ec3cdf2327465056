"""When a person works, and when he next will: what concerns nobody's service waits for that."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from incidents.people.times import DAY, NO_OWN_DAYS, is_working_day, local_day, wall

if TYPE_CHECKING:
    from incidents.people.settings import PersonSettings
    from incidents.people.times import OwnDays

LOOK_AHEAD = 40
"""Days: longer than any country's holidays in a row."""


def works_from(person: PersonSettings, country: str, at: float, own: OwnDays = NO_OWN_DAYS) -> float:
    """The first time from `at` on at which he works: `at` itself for who works now, or names no hours. `own`: the
    rota's own days, which are his too where he lives by its country's calendar."""
    hours = person.hours
    if hours is None:
        return at
    zone = ZoneInfo(person.tz)
    if person.country not in ("", country):
        own = NO_OWN_DAYS
    today = local_day(zone, at)
    for ahead in range(-1, LOOK_AHEAD):
        day = today + ahead * DAY
        if not is_working_day(person.country or country, day, hours.days, own):
            continue
        begin = wall(zone, day, hours.from_)
        end = wall(zone, day if hours.to > hours.from_ else day + DAY, hours.to)
        if at < end:
            return max(at, begin)
    return at
