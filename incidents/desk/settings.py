"""What configures the support desk: `[support]` of prebill.toml, and what must hold between its keys."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct
from msgspec.structs import replace

from incidents.desk.api.settings import ApiSettings
from incidents.desk.api.settings import problems as api_problems
from incidents.desk.model import RequestKind
from pipeline.configured import Decimal, Duration, Instant, Name
from pipeline.shape import ONE_OR_MANY, Key, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$"
Time = Annotated[str, Meta(pattern=_TIME, description='a time of day in quotes, like "09:00"')]
Email = Annotated[
    str,
    Meta(
        pattern=r"^[^\s@<>\",;:()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,189}$",
        description='a mail address, like "anna@example.com"',
    ),
]
Port = Annotated[int, Meta(ge=1, le=65_535, description="a port, 1 to 65535")]
_Few = Annotated[int, Meta(ge=1, le=100_000, description="a whole number, 1 to 100000")]
Language = Annotated[str, Meta(pattern="^(ru|en)$", description='"ru" or "en"')]


def _span(**parts: int) -> Duration:
    return Duration(timedelta(**parts))


class Hours(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Working time on these days, local; `to` before `from` is on the next day, the same is a whole day."""

    from_: Time = "09:00"
    to: Time = "18:00"
    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri")


class Away(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """When a manager is not there; `to` is exclusive."""

    from_: Instant
    to: Instant


class Manager(Struct, frozen=True, kw_only=True):
    """Who answers requests. Without hours of his own the desk's."""

    id: Name
    name: str = ""
    email: Email | None = None
    langs: tuple[Language, ...] = ("ru", "en")
    hours: Annotated[tuple[Hours, ...], Meta(extra=ONE_OR_MANY)] | None = None
    tz: Name | None = None
    country: str | None = None
    away: tuple[Away, ...] = ()


class Address(Struct, frozen=True, kw_only=True):
    """Whose an address is; `@example.com` stands for all of a domain."""

    customer: Name
    email: Annotated[
        str,
        Meta(
            pattern=r"^[^\s@<>\",;:()\[\]\\]{0,64}@[A-Za-z0-9.-]{1,189}$",
            description='a mail address, or "@" and a domain',
        ),
    ]


class ImapSettings(Struct, frozen=True, kw_only=True):
    """Where letters are read. The password is in an environment variable or in a file, never here."""

    host: Name
    user: Name
    port: Port = 993
    security: Literal["tls", "starttls", "none"] = "tls"
    password_env: Name | None = None
    password_file: Name | None = None
    folder: Name = "INBOX"
    ca_file: Name | None = None
    timeout: Duration = _span(seconds=20)


class SmtpSettings(Struct, frozen=True, kw_only=True):
    """Where letters go out."""

    host: Name
    port: Port = 587
    security: Literal["tls", "starttls", "none"] = "starttls"
    user: Name | None = None
    password_env: Name | None = None
    password_file: Name | None = None
    ca_file: Name | None = None
    timeout: Duration = _span(seconds=20)


class SupportSettings(Struct, frozen=True, kw_only=True):
    """The desk: its promises, its hours, its people, its mail. docs/support.md tells what each means."""

    head: str = ""
    head_email: Email | None = None
    email: Email | None = None
    name: str = ""
    tz: Name = "UTC"
    country: Annotated[str, Meta(max_length=8)] = ""
    hours: Annotated[tuple[Hours, ...], Meta(extra=ONE_OR_MANY)] = (Hours(),)
    days_off: tuple[Instant, ...] = ()
    working_days: tuple[Instant, ...] = ()
    round_the_clock: tuple[RequestKind, ...] = ("technical",)
    manager: tuple[Manager, ...] = ()

    acknowledge: Duration = _span(minutes=1)
    name_manager: Duration = _span(minutes=20)
    first_answer: Duration = _span(hours=1)
    first_answer_warn: Duration = _span(hours=3)
    first_answer_limit: Duration = _span(hours=24)
    next_answer: Duration = _span(hours=3)
    next_answer_warn: Duration = _span(hours=8)
    next_answer_limit: Duration = _span(hours=24)
    limit_counts: Literal["clock", "working"] = "clock"
    letters: _Few = 4
    reopen: Duration = _span(days=14)
    ask_nps: bool = True

    cost_rate: Decimal = "0"
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", description='three capital letters, like "RUB"')] = (
        "RUB"
    )

    addresses: tuple[Address, ...] = ()
    mail_kind: RequestKind = "question"
    technical_words: tuple[Name, ...] = (
        "не работа", "перестал работать", "перестала работать", "перестало работать", "перестали работать",
        "недоступ", "не доступ", "нет доступа", "не открыва", "не открыл", "не груз", "не загру", "не воспроизв",
        "не проигрыв", "не отдает", "не отдают", "лежит", "лежат", "упал", "тормоз", "завис", "сбой", "сбои", "сбоя",
        "авари", "ошибк", "таймаут", "тайм-аут", "белый экран", "черный экран",
        "down", "outage", "unavailable", "unreachable", "timeout", "time-out", "time out", "timed out", "broken",
        "not working", "not loading", "not opening", "not playing", "not responding", "doesn't work",
        "does not work", "don't work", "doesn't load", "does not load", "don't load", "doesn't open", "does not open",
        "doesn't play", "does not play", "won't load", "won't open", "won't play", "can't open", "cannot open",
        "can't access", "cannot access", "stopped working", "buffering", "white screen", "black screen", "error",
        "500", "502", "503", "504", "520", "521", "522", "523", "524",
    )  # fmt: skip
    billing_words: tuple[Name, ...] = (
        "счёт", "оплат", "тариф", "invoice", "bill", "billing", "payment", "tariff",
    )  # fmt: skip
    maildir: Name | None = None
    imap: ImapSettings | None = None
    smtp: SmtpSettings | None = None
    poll: Duration = _span(seconds=20)
    letters_a_round: _Few = 200
    letter_bytes: Annotated[int, Meta(ge=4_096, le=64 << 20, description="bytes, 4096 to 64 MiB")] = 2 << 20
    automatic_an_hour: _Few = 10
    api: ApiSettings | None = None


def anchored(settings: SupportSettings, folder: Path) -> SupportSettings:
    """With relative paths begun at the configuration's own folder."""

    def at(path: str | None) -> str | None:
        return path and str(folder / path)

    imap, smtp = (
        door and replace(door, password_file=at(door.password_file), ca_file=at(door.ca_file))
        for door in (settings.imap, settings.smtp)
    )
    return replace(settings, maildir=at(settings.maildir), imap=imap, smtp=smtp)


def problems(settings: SupportSettings, customers: Collection[str]) -> Iterator[Problem]:
    """What must hold between keys; `customers`: the ids that the configuration knows."""
    yield from _zones(settings)
    yield from _spans(settings)
    yield from _people(settings)
    seen: dict[str, int] = {}
    for place, address in enumerate(settings.addresses):
        key: Key = ("addresses", place)
        if address.customer not in customers:
            yield Problem((*key, "customer"), f'there is no customer "{address.customer}"')
        if (other := seen.setdefault(address.email.lower(), place)) != place:
            yield Problem((*key, "email"), f"is already given at addresses[{other}]: whose it is must be one")
    yield from _mail(settings)
    if settings.api is not None:
        for problem in api_problems(settings.api, customers):
            yield Problem(("api", *problem.key), problem.what)


def _zones(settings: SupportSettings) -> Iterator[Problem]:
    places: list[tuple[Key, str | None, str | None]] = [((), settings.tz, settings.country)]
    places += [(("manager", place), each.tz, each.country) for place, each in enumerate(settings.manager)]
    for key, zone, country in places:
        try:
            ZoneInfo(zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield Problem((*key, "tz"), f'expected a time zone like "Europe/Moscow", found "{zone}"')
        if country and not is_country(country):
            yield Problem((*key, "country"), f'expected a country like "RU" or "US-CA", found "{country}"')


def is_country(code: str) -> bool:
    """Whether `holidays` has a calendar of a country, or of a part of one, as `DE-BY`."""
    from holidays.utils import list_supported_countries

    country, _, part = code.partition("-")
    known = list_supported_countries(include_aliases=True)
    return country in known and (not part or part in known[country])


def _spans(settings: SupportSettings) -> Iterator[Problem]:
    for name in ("first_answer", "next_answer"):
        before = name
        for after in (f"{name}_warn", f"{name}_limit"):
            if getattr(settings, after).span < getattr(settings, before).span:
                yield Problem((after,), f"must not be less than {before}")
            before = after
    if settings.poll.span < timedelta(seconds=1):
        yield Problem(("poll",), "must be a second at least")
    off = {each.value for each in settings.days_off}
    for place, each in enumerate(settings.working_days):
        if each.value in off:
            yield Problem(
                ("working_days", place), f"{each.value} is one of days_off too: it is one or the other"
            )
    if not settings.hours or not any(hours.days for hours in settings.hours):
        yield Problem(("hours",), "expected at least one day with working hours")


def _people(settings: SupportSettings) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place, manager in enumerate(settings.manager):
        key: Key = ("manager", place)
        if (other := first.setdefault(manager.id, place)) != place:
            yield Problem((*key, "id"), f'"{manager.id}" is already the id of manager[{other}]')
        for number, away in enumerate(manager.away):
            if away.to.at() <= away.from_.at():
                yield Problem((*key, "away", number, "to"), "must be after from; it is exclusive")


def _mail(settings: SupportSettings) -> Iterator[Problem]:
    if settings.smtp is not None and settings.email is None:
        yield Problem(("email",), "required where letters are sent: the address that they come from")
    for name, door in (("imap", settings.imap), ("smtp", settings.smtp)):
        if door is None:
            continue
        given = [key for key in ("password_env", "password_file") if getattr(door, key)]
        if len(given) > 1 or (door.user and not given):
            which = "both" if given else "neither"
            yield Problem((name,), f"expected one of password_env and password_file, found {which}")
        if door.user and door.security == "none" and not is_loopback(door.host):
            yield Problem(
                (name, "security"), "a password is not sent in the clear to another machine: tls or starttls"
            )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def minutes_of(text: str) -> int:
    """Minutes since midnight of a `Time`."""
    found = re.fullmatch(r"(\d\d):(\d\d)", text)
    if found is None:
        raise ValueError(text)
    return int(found[1]) * 60 + int(found[2])
