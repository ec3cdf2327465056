"""What must hold between people, rota and channels: every problem at once, and warnings for `prebill doctor`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from incidents.people.rota import HOLE_DAYS, holes
from incidents.people.times import dates_of, is_country, zone_of
from incidents.words import counted
from pipeline.shape import Key, Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from incidents.people.settings import LevelSettings, OncallSettings, People

_HARMLESS = re.compile(r"[\w.-]{1,64}")
"""What may be shown of a channel that was mistyped: anything longer or with more signs may hold a secret."""


def problems(people: People, channels: Collection[str], customers: Collection[str]) -> list[Problem]:
    """Every problem: ids twice, names of nobody, zones and countries that are none, empty levels, times the
    wrong way round.

    `channels`, `customers`: the ids that the rest of the configuration has.
    """
    return [
        *_persons(people, channels),
        *_oncall(people.oncall, [person.id for person in people.person]),
        *_contacts(people, channels, customers),
    ]


def warnings(people: People, at: float) -> list[str]:
    """What is allowed and still leaves a notice with nobody to read it."""
    found = [
        f"{person.id} has no channel: nothing reaches him" for person in people.person if not person.channels
    ]
    if people.person and not people.oncall.level:
        found.append("there is no [[oncall.level]]: every page goes to the whole company at once")
    missing = holes(people.oncall, at)
    for level in dict.fromkeys(hole.level for hole in missing):
        mine = [hole for hole in missing if hole.level == level]
        more = (
            f", and {counted(len(mine) - 1, 'more time')} in the next {HOLE_DAYS} days"
            if len(mine) > 1
            else ""
        )
        found.append(
            f"level {level}: nobody is on call from {_text(mine[0].since)} to {_text(mine[0].until)}{more}"
        )
    return found


def _persons(people: People, channels: Collection[str]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place, person in enumerate(people.person):
        key: Key = ("person", place)
        if (other := first.setdefault(person.id, place)) != place:
            yield Problem((*key, "id"), f'"{person.id}" is already the id of person[{other}]')
        if ":" in person.id or "/" in person.id:
            yield Problem((*key, "id"), f'expected a name without ":" and "/", found "{person.id}"')
        yield from _zone((*key, "tz"), person.tz)
        yield from _country((*key, "country"), person.country)
        yield from _channels(key, person.channels, channels)


def _contacts(people: People, channels: Collection[str], customers: Collection[str]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place, contact in enumerate(people.contact):
        key: Key = ("contact", place)
        if contact.customer not in customers:
            hint = nearest(contact.customer, sorted(customers)) if customers else "there are none"
            yield Problem((*key, "customer"), f'no [[customer]] has the id "{contact.customer}"; {hint}')
        if (other := first.setdefault(contact.customer, place)) != place:
            yield Problem(
                (*key, "customer"),
                f'"{contact.customer}" already has contact[{other}]: give it more channels',
            )
        yield from _channels(key, contact.channels, channels)


def _channels(key: Key, given: tuple[str, ...], known: Collection[str]) -> Iterator[Problem]:
    for place, channel in enumerate(given):
        if "://" in channel or channel.startswith(("env:", "file:")) or channel in known:
            continue
        shown = f'"{channel}"' if _HARMLESS.fullmatch(channel) else "a text that is none, and not shown"
        hint = nearest(channel, sorted(known)) if known else "there is no [[channel]]"
        yield Problem(
            (*key, "channels", place),
            "expected an apprise URL, env:NAME or file:PATH that hold one, or the id of a [[channel]], "
            f"found {shown}; {hint}",
        )


def _oncall(oncall: OncallSettings, persons: list[str]) -> Iterator[Problem]:
    key: Key = ("oncall",)
    yield from _zone((*key, "tz"), oncall.tz)
    yield from _country((*key, "country"), oncall.country)
    if zone_of(oncall.tz) is not None:
        off = dates_of(oncall.days_off, oncall.tz)
        for place, day in enumerate(dates_of(oncall.working_days, oncall.tz)):
            if day in off:
                yield Problem(
                    (*key, "working_days", place), f"{day} is one of days_off too: it is one or the other"
                )
    for what in ("queue", "company"):
        yield from _named((*key, what), getattr(oncall, what), persons)
    for role in ("commander", "operations", "liaison", "scribe"):
        yield from _named((*key, "roles", role), getattr(oncall.roles, role), persons)
    for place, level in enumerate(oncall.level):
        yield from _level((*key, "level", place), level, oncall.country, persons)
    yield from _overrides(oncall, persons)


def _level(key: Key, level: LevelSettings, country: str, persons: list[str]) -> Iterator[Problem]:
    if not level.rotation and not level.people:
        yield Problem(key, "nobody is in it: give it a rotation, or people; or leave the level out")
    yield from _named((*key, "people"), level.people, persons)
    for place, rotation in enumerate(level.rotation):
        at: Key = (*key, "rotation", place)
        yield from _named((*at, "people"), rotation.people, persons)
        if rotation.at.minutes >= 24 * 60:
            yield Problem((*at, "at"), 'expected a time before "24:00"; the day\'s begin is "00:00"')
        if rotation.on != "every_day" and not country:
            yield Problem((*at, "on"), f'"{rotation.on}" needs oncall.country, to know the holidays')


def _overrides(oncall: OncallSettings, persons: list[str]) -> Iterator[Problem]:
    known = zone_of(oncall.tz)
    zone = known or ZoneInfo("UTC")
    taken: list[tuple[int, datetime, datetime, int]] = []
    for place, override in enumerate(oncall.override):
        key: Key = ("oncall", "override", place)
        yield from _named((*key, "person"), (override.person,), persons, one=True)
        if override.level > len(oncall.level):
            yield Problem((*key, "level"), f"there are {len(oncall.level)} levels, found {override.level}")
        if known is None and (override.from_.has_offset or override.to.has_offset):
            continue  # a wrong zone is told; only times by the same clocks can be compared without it
        since, until = override.from_.at(zone), override.to.at(zone)
        if until <= since:
            yield Problem((*key, "to"), f"must be after from ({_text(since.timestamp())}); it is exclusive")
            continue
        for level, begin, end, other in taken:
            if level == override.level and since < end and begin < until:
                yield Problem(key, f"overlaps oncall.override[{other}]: at any time one override holds")
        taken.append((override.level, since, until, place))


def _named(key: Key, names: tuple[str, ...], persons: list[str], *, one: bool = False) -> Iterator[Problem]:
    for place, name in enumerate(names):
        if name not in persons:
            hint = nearest(name, persons) if persons else "there is no [[person]]"
            yield Problem(key if one else (*key, place), f'no [[person]] has the id "{name}"; {hint}')


def _zone(key: Key, name: str) -> Iterator[Problem]:
    if zone_of(name) is None:
        yield Problem(key, f'expected a time zone like "Europe/Moscow", found "{name}"')


def _country(key: Key, code: str) -> Iterator[Problem]:
    if code and not is_country(code):
        yield Problem(
            key, f'expected a country whose holidays are known, two letters like "RU", found "{code}"'
        )


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ")
