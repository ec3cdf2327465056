"""Who hears of a notice: by audience and level, in working hours, with roles, and nobody where there is nobody."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from incidents.model import Audience, Harm, Kind, Priority, Scope, Status, Transition
from incidents.model import Change as Did
from incidents.people.hours import works_from
from incidents.people.recipients import Customer, Recipient, Why, recipients
from incidents.people.roles import (
    HandOver,
    Roles,
    hand_over,
    hand_over_body,
    hand_over_of,
    name_roles,
    raised_at,
    roles_at,
    roles_of,
)
from incidents.people.rules import problems, warnings
from incidents.people.settings import (
    ROLES,
    ContactSettings,
    LevelSettings,
    OncallSettings,
    Override,
    People,
    PersonSettings,
    RolePreferences,
    Rotation,
    WorkingHours,
)
from incidents.people.times import RotaTime, TimeOfDay
from pipeline.configured import Instant


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


NOON = at("2026-11-24T12:00+03:00")  # a Tuesday


def person(name: str, **more: object) -> PersonSettings:
    return PersonSettings(id=name, **{"channels": (f"env:{name.upper()}",), "tz": "Europe/Moscow"} | more)  # type: ignore[arg-type]


PEOPLE = People(
    person=(person("anna"), person("boris"), person("vera"), person("oleg")),
    oncall=OncallSettings(
        tz="Europe/Moscow",
        country="RU",
        level=(LevelSettings(people=("anna",)), LevelSettings(people=("boris",))),
    ),
)


def ids(found: tuple[Recipient, ...]) -> list[str]:
    return [each.id for each in found]


@pytest.mark.parametrize(
    ("audience", "level", "whom"),
    [
        (Audience.QUEUE, 0, ["anna"]),
        (Audience.ON_CALL, 0, ["anna"]),
        (Audience.ON_CALL, 1, ["anna"]),
        (Audience.ON_CALL, 2, ["boris"]),
        (Audience.ON_CALL, 3, ["anna", "boris", "vera", "oleg"]),
        (Audience.COMPANY, 0, ["anna", "boris", "vera", "oleg"]),
        (Audience.CLIENT, 0, ["vera"]),
    ],
)
def test_each_audience_and_level(audience: Audience, level: int, whom: list[str]) -> None:
    assert ids(recipients(PEOPLE, audience, level, NOON, draft=True)) == whom


def test_who_has_no_channel_is_nobody() -> None:
    silent = replace(PEOPLE, person=(person("anna", channels=()), *PEOPLE.person[1:]))
    assert recipients(silent, Audience.ON_CALL, 1, NOON) == ()
    assert ids(recipients(silent, Audience.COMPANY, 0, NOON)) == ["boris", "vera", "oleg"]


def test_letters_go_to_contacts_and_the_rest_to_the_liaison() -> None:
    people = replace(PEOPLE, contact=(ContactSettings(customer="c1", channels=("env:C1",)),))
    customers = (Customer(id="c1", name="Cinema", lang="ru"), Customer(id="c2"))
    found = recipients(people, Audience.CLIENT, 0, NOON, Roles(liaison="oleg"), customers=customers)
    assert [(each.id, each.why, [customer.id for customer in each.customers]) for each in found] == [
        ("contact:c1", Why.CLIENT, ["c1"]),
        ("oleg", Why.LIAISON, ["c2"]),
    ]
    assert (found[0].name, found[0].lang) == ("Cinema", "ru")
    draft = recipients(
        people, Audience.CLIENT, 0, NOON, Roles(liaison="oleg"), draft=True, customers=customers
    )
    assert [(each.id, len(each.customers)) for each in draft] == [("oleg", 2)]


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        ("2026-11-24T12:00+03:00", "2026-11-24T12:00+03:00"),
        ("2026-11-24T19:00+03:00", "2026-11-25T10:00+03:00"),
        ("2026-11-25T09:59+03:00", "2026-11-25T10:00+03:00"),
        ("2026-11-27T19:30+03:00", "2026-11-30T10:00+03:00"),  # over a weekend
        ("2026-11-03T20:00+03:00", "2026-11-05T10:00+03:00"),  # over Unity Day
        ("2026-12-31T19:30+03:00", "2027-01-11T10:00+03:00"),  # over the New Year's holidays
    ],
)
def test_tasks_wait_for_working_hours(now: str, begins: str) -> None:
    anna = person("anna", hours=WorkingHours())
    assert works_from(anna, "RU", at(now)) == at(begins)
    assert works_from(person("anna"), "RU", at(now)) == at(now), "who names no hours"


def test_a_night_worker_works_past_midnight() -> None:
    hours = WorkingHours(from_=TimeOfDay(22 * 60), to=TimeOfDay(6 * 60), days=("fri",))
    anna = person("anna", hours=hours)
    assert works_from(anna, "", at("2026-11-28T05:59+03:00")) == at("2026-11-28T05:59+03:00")
    assert works_from(anna, "", at("2026-11-28T06:00+03:00")) == at("2026-12-04T22:00+03:00")


def test_roles_come_from_the_rota_each_from_another_person() -> None:
    assert name_roles(PEOPLE, NOON) == Roles(
        operations="anna", commander="boris", liaison="vera", scribe="oleg"
    )


def test_preferences_and_abilities_choose() -> None:
    choosy = replace(
        PEOPLE,
        person=(person("anna"), person("boris", roles=("scribe",)), person("vera"), person("oleg")),
        oncall=replace(PEOPLE.oncall, roles=RolePreferences(liaison=("oleg",))),
    )
    assert name_roles(choosy, NOON) == Roles(
        operations="anna", commander="vera", liaison="oleg", scribe="boris"
    )


def test_who_cannot_be_reached_takes_no_role_and_is_given_none() -> None:
    mute = (person("anna", channels=()), *PEOPLE.person[1:])
    rest = replace(
        PEOPLE, person=mute, oncall=replace(PEOPLE.oncall, roles=RolePreferences(scribe=("anna",)))
    )
    assert name_roles(rest, NOON) == Roles(
        operations="boris", commander="vera", liaison="oleg", scribe="boris"
    )
    given = act(giver="vera", taker="anna")
    assert hand_over(rest, name_roles(rest, NOON), given) == ["to: anna has no channel: nothing reaches him"]
    rooms = replace(PEOPLE, person=tuple(replace(each, channels=()) for each in PEOPLE.person))
    assert name_roles(rooms, NOON) == name_roles(PEOPLE, NOON), (
        "where only rooms are told anybody may read there"
    )


@settings(max_examples=200, deadline=None)
@given(
    able=st.lists(st.sets(st.sampled_from(ROLES)), min_size=1, max_size=6),
    levels=st.lists(st.integers(0, 5), max_size=3),
)
def test_every_role_has_somebody_who_may_take_it_and_two_only_where_people_are_few(
    able: list[set[str]], levels: list[int]
) -> None:
    persons = tuple(person(f"p{place}", roles=tuple(roles)) for place, roles in enumerate(able))
    rota = tuple(LevelSettings(people=(f"p{place % len(able)}",)) for place in levels)
    people = People(person=persons, oncall=OncallSettings(level=rota))
    held = name_roles(people, NOON).json
    assert name_roles(people, NOON + 1).json == held, "nothing in it is by chance"
    for role, name in held.items():
        may = {each.id for each in persons if not each.roles or role in each.roles}
        assert name in may or (not may and not name)
    if all(not roles for roles in able) and len(able) >= 4:
        assert len(set(held.values())) == 4


def act(**more: object) -> HandOver:
    given: dict[str, object] = {
        "at": NOON + 60,
        "role": "commander",
        "giver": "boris",
        "taker": "vera",
        "reason": "my shift ends",
        "actor": "boris",
    }
    return HandOver(**given | more)  # type: ignore[arg-type]


def test_a_hand_over_holds_from_then_on_and_is_written_down_whole() -> None:
    acts = [act(), act(at=NOON + 120, giver="vera", taker="oleg")]
    assert [roles_at(PEOPLE, NOON, acts, NOON + after).commander for after in (0, 60, 120)] == [
        "boris",
        "vera",
        "oleg",
    ]
    assert roles_at(PEOPLE, NOON + 100, acts, NOON + 130).commander == "boris", "one of an earlier time"
    assert hand_over_of(act().at, "boris", "my shift ends", hand_over_body(act())) == act()


def test_everything_that_stands_against_a_hand_over_is_told_at_once() -> None:
    roles = name_roles(PEOPLE, NOON)
    assert hand_over(PEOPLE, roles, act()) == []
    assert hand_over(PEOPLE, roles, act(giver="anna", taker="nobody", reason=" ")) == [
        "commander: held by boris, not by anna",
        "to: no [[person]] has the id 'nobody'",
        "reason: required: why it is handed over",
    ]
    assert len(hand_over(PEOPLE, roles, act(role="king", taker="boris"))) == 2


def change(priority: Priority, when: float) -> Transition:
    return Transition(
        at=when,
        incident="i1",
        kind=Kind.OUTAGE,
        scope=Scope("all"),
        harm=Harm.CONFIRMED,
        priority=priority,
        status=Status.OPEN,
        change=Did.UPDATED,
    )


def test_roles_are_held_while_it_concerns_the_company() -> None:
    wide, high = Priority.COMPANY_WIDE, Priority.HIGH
    story = [change(high, NOON), change(wide, NOON + 1), change(wide, NOON + 2)]
    assert raised_at(story) == NOON + 1
    assert roles_of(PEOPLE, story, [act()], NOON + 90).commander == "vera"
    assert not roles_of(PEOPLE, [*story, change(high, NOON + 3)], [], NOON + 90)


def test_every_problem_is_told_at_once_with_its_key() -> None:
    wrong = People(
        person=(
            person("anna", tz="Moscow", channels=("nix", "env:X", "json://localhost")),
            person("anna", country="XX"),
            person("a/b"),
        ),
        oncall=OncallSettings(
            tz="Europe/Moscow",
            queue=("carl",),
            roles=RolePreferences(scribe=("dora",)),
            level=(
                LevelSettings(),
                LevelSettings(
                    rotation=(
                        Rotation(
                            people=("emil",),
                            from_=Instant(date(2026, 1, 1)),
                            on="holidays",
                            at=TimeOfDay(1440),
                        ),
                    )
                ),
            ),
            override=(
                Override(
                    from_=RotaTime(date(2026, 1, 2)), to=RotaTime(date(2026, 1, 1)), person="fred", level=9
                ),
                Override(from_=RotaTime(date(2026, 1, 1)), to=RotaTime(date(2026, 1, 3)), person="anna"),
                Override(from_=RotaTime(date(2026, 1, 2)), to=RotaTime(date(2026, 1, 4)), person="anna"),
            ),
        ),
        contact=(ContactSettings(customer="c9", channels=("nix",)),),
    )
    keys = {".".join(map(str, each.key)) for each in problems(wrong, ["room"], ["c1"])}
    assert keys == {
        "person.0.tz",
        "person.0.channels.0",
        "person.1.id",
        "person.1.country",
        "person.2.id",
        "oncall.queue.0",
        "oncall.roles.scribe.0",
        "oncall.level.0",
        "oncall.level.1.rotation.0.people.0",
        "oncall.level.1.rotation.0.at",
        "oncall.level.1.rotation.0.on",
        "oncall.override.0.person",
        "oncall.override.0.level",
        "oncall.override.0.to",
        "oncall.override.2",
        "contact.0.customer",
        "contact.0.channels.0",
    }
    assert problems(PEOPLE, [], []) == []


def test_warnings_name_the_first_hole_and_count_the_others() -> None:
    day = Rotation(people=("anna",), from_=Instant(date(2026, 11, 2)), at=TimeOfDay(540), to=TimeOfDay(1260))
    rota = replace(PEOPLE, oncall=replace(PEOPLE.oncall, level=(LevelSettings(rotation=(day,)),)))
    assert warnings(PEOPLE, NOON) == []
    assert warnings(rota, NOON) == [
        "level 1: nobody is on call from 2026-11-24T18:00Z to 2026-11-25T06:00Z, and 29 more times in the next 30 days"
    ]
    assert len(warnings(People(person=(person("anna", channels=()),)), NOON)) == 2
