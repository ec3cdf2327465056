"""People, the rota and clients' contacts as prebill.toml has them: `[[person]]`, `[oncall]`, `[[contact]]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from incidents.people.times import OwnDays, RotaTime, TimeOfDay, Weekday, own_days
from pipeline.configured import Instant, Name

Role = Literal["commander", "operations", "liaison", "scribe"]
ROLES: tuple[Role, ...] = ("operations", "commander", "liaison", "scribe")
"""In the order in which they are named: first whoever repairs."""

Days = Annotated[tuple[Weekday, ...], Meta(min_length=1)]
Names = Annotated[tuple[Name, ...], Meta(min_length=1)]

_Days = Annotated[int, Meta(ge=1, le=366, description="a whole number of days, 1 to 366")]
_Level = Annotated[int, Meta(ge=1, le=100, description="the number of a level, from 1")]

WORKING_WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri")


class WorkingHours(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """When a person works, by the clocks of his zone; `to` before `from` goes past midnight."""

    from_: TimeOfDay = TimeOfDay(10 * 60)
    to: TimeOfDay = TimeOfDay(19 * 60)
    days: Days = WORKING_WEEK


class PersonSettings(Struct, frozen=True, kw_only=True):
    """Who can be told. `channels`: an apprise URL, `env:NAME` or `file:PATH` that hold one, or the id of a
    `[[channel]]`; for the queue the first that works, otherwise all. `roles`: those that he can take; none
    given: every one."""

    id: Name
    channels: tuple[Name, ...] = ()
    name: str = ""
    tz: Name = "UTC"
    lang: Literal["ru", "en"] = "en"
    country: str = ""
    hours: WorkingHours | None = None
    roles: tuple[Role, ...] = ()


class Rotation(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """People taking turns of `days` days from a first day on, by the rota's clocks.

    A turn's day goes from `at` to `at` of the next, or from `at` to `to`. `weekdays` and `on` choose among the
    days on which one begins, and do not change whose turn it is.
    """

    people: Names
    from_: Instant
    days: _Days = 7
    at: TimeOfDay = TimeOfDay(10 * 60)
    to: TimeOfDay | None = None
    weekdays: Days | None = None
    on: Literal["every_day", "workdays", "holidays"] = "every_day"


class LevelSettings(Struct, frozen=True, kw_only=True):
    """Who is paged at one level: whose turn it is, and `people` at any time."""

    rotation: Annotated[tuple[Rotation, ...], Meta(extra={"one_or_many": True})] = ()
    people: tuple[Name, ...] = ()


class Override(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """One person in place of a level's others, in [from, to): dates, or times by the rota's clocks or with offsets."""

    from_: RotaTime
    to: RotaTime
    person: Name
    level: _Level = 1
    reason: str = ""


class RolePreferences(Struct, frozen=True, kw_only=True):
    """Who takes a role before whoever is on call, in this order."""

    commander: tuple[Name, ...] = ()
    operations: tuple[Name, ...] = ()
    liaison: tuple[Name, ...] = ()
    scribe: tuple[Name, ...] = ()


class OncallSettings(Struct, frozen=True, kw_only=True):
    """The rota. `days_off`, `working_days`: dates, beside what the calendar of the country says, such as a
    Saturday that a working day was moved to. `queue`: who hears of the task queue, in working hours; none
    given: level 1. `company`: who hears of what concerns the whole company; none given: everyone."""

    tz: Name = "UTC"
    country: str = ""
    days_off: tuple[Instant, ...] = ()
    working_days: tuple[Instant, ...] = ()
    level: tuple[LevelSettings, ...] = ()
    override: tuple[Override, ...] = ()
    queue: tuple[Name, ...] = ()
    company: tuple[Name, ...] = ()
    roles: RolePreferences = RolePreferences()

    @property
    def own_days(self) -> OwnDays:
        """Of the rota, and of people of its country."""
        return own_days(self.days_off, self.working_days, self.tz)


class ContactSettings(Struct, frozen=True, kw_only=True):
    """Where a customer is written to; `channels` as a person's."""

    customer: Name
    channels: Names
    name: str = ""
    lang: Literal["", "ru", "en"] = ""


class People(Struct, frozen=True, kw_only=True):
    """All of it, as the rota and the stages take it."""

    person: tuple[PersonSettings, ...] = ()
    oncall: OncallSettings = OncallSettings()
    contact: tuple[ContactSettings, ...] = ()

    def of(self, name: str) -> PersonSettings | None:
        """The person of that id."""
        return next((each for each in self.person if each.id == name), None)
