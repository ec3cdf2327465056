"""From a notice's audience to the people who must have it, each with his channels: a pure function of settings
and time."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.model import Audience
from incidents.people.hours import works_from
from incidents.people.roles import Roles, name_roles
from incidents.people.rota import levels, on_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incidents.people.settings import ContactSettings, People, PersonSettings


class Why(StrEnum):
    """Why a message came to whom it came; each has its words in every language."""

    ON_CALL = "on_call"
    COMPANY = "company"
    QUEUE = "queue"
    LIAISON = "liaison"
    CLIENT = "client"
    SUBSCRIBED = "subscribed"


class Customer(Struct, frozen=True, kw_only=True):
    """A client as letters need him."""

    id: str
    name: str = ""
    lang: str = "en"


class Recipient(Struct, frozen=True, kw_only=True):
    """Who must have a notice, and where.

    `id`: a person's; `contact:CUSTOMER` for a client's. `every`: on all channels, else on the first that
    works. `after`: epoch seconds before which he is left alone. `customers`: whom a letter to clients is about.
    """

    id: str
    why: Why
    channels: tuple[str, ...]
    name: str = ""
    lang: str = "en"
    tz: str = "UTC"
    every: bool = True
    after: float = 0.0
    customers: tuple[Customer, ...] = ()


def recipients(
    people: People,
    audience: Audience,
    level: int,
    at: float,
    roles: Roles = Roles(),  # noqa: B008 - frozen
    *,
    draft: bool = False,
    customers: Sequence[Customer] = (),
) -> tuple[Recipient, ...]:
    """Who hears of a notice made at `at`: nobody where it can reach nobody, which is a failed delivery.

    A level above the last is the whole company. A letter to clients goes to their contacts when it is no
    draft, and in any case to the liaison, who has to send it to those without a contact.
    """
    if audience is Audience.QUEUE:
        return _queue(people, at)
    if audience is Audience.CLIENT:
        return _clients(people, roles, at, draft=draft, customers=tuple(customers))
    if audience is Audience.ON_CALL and level <= len(levels(people.oncall)):
        return _told(people, on_call(people.oncall, max(1, level), at), Why.ON_CALL)
    return company(people)


def company(people: People) -> tuple[Recipient, ...]:
    """Everyone, on every channel."""
    return _told(people, people.oncall.company or [person.id for person in people.person], Why.COMPANY)


def _queue(people: People, at: float) -> tuple[Recipient, ...]:
    names = people.oncall.queue or on_call(people.oncall, 1, at)
    found = (people.of(name) for name in names)
    return tuple(
        _recipient(
            person,
            Why.QUEUE,
            every=False,
            after=works_from(person, people.oncall.country, at, people.oncall.own_days),
        )
        for person in found
        if person is not None and person.channels
    )


def _clients(
    people: People, roles: Roles, at: float, *, draft: bool, customers: tuple[Customer, ...]
) -> tuple[Recipient, ...]:
    written = {contact.customer: contact for contact in people.contact} if not draft else {}
    direct = tuple(_to_client(each, written[each.id], people) for each in customers if each.id in written)
    left = customers if draft else tuple(each for each in customers if each.id not in written)
    liaison = people.of((roles or name_roles(people, at)).liaison)
    if liaison is None or not liaison.channels:
        return direct
    return (*direct, _recipient(liaison, Why.LIAISON, customers=left))


def _to_client(customer: Customer, contact: ContactSettings, people: People) -> Recipient:
    return Recipient(
        id=f"contact:{customer.id}",
        why=Why.CLIENT,
        channels=contact.channels,
        name=contact.name or customer.name or customer.id,
        lang=contact.lang or customer.lang,
        tz=people.oncall.tz,
        customers=(customer,),
    )


def _told(people: People, names: Iterable[str], why: Why) -> tuple[Recipient, ...]:
    found = (people.of(name) for name in dict.fromkeys(names))
    return tuple(_recipient(person, why) for person in found if person is not None and person.channels)


def _recipient(
    person: PersonSettings,
    why: Why,
    *,
    every: bool = True,
    after: float = 0.0,
    customers: tuple[Customer, ...] = (),
) -> Recipient:
    return Recipient(
        id=person.id,
        why=why,
        channels=person.channels,
        name=person.name or person.id,
        lang=person.lang,
        tz=person.tz,
        every=every,
        after=after,
        customers=customers,
    )
