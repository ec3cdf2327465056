"""Channels, and how notices are grouped, limited and tried again, as prebill.toml has them: `[[channel]]` and
`[notices]`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from incidents.channels.schemes import unknown_scheme
from incidents.people.rules import problems as people_problems
from incidents.people.settings import ContactSettings, OncallSettings, People, PersonSettings
from pipeline.configured import Duration, Name
from pipeline.shape import Key, Problem

if TYPE_CHECKING:
    from pathlib import Path

Hears = Literal["queue", "on_call", "company", "client"]

_Some = Annotated[int, Meta(ge=1, le=10_000, description="a whole number, 1 or more")]


class ChannelSettings(Struct, frozen=True, kw_only=True):
    """A channel with a name of its own: people name it, and it may hear audiences itself, as a chat room or a
    tracker does.

    `url`: an apprise URL, a webhook's or Alertmanager's address, a file's path; `env:NAME` or `file:PATH`
    where it is a secret. `secret`: what a webhook's signature is made with, always by reference. `changes`:
    every change of an incident, not only notices. `ca`: a file of the authorities that the other side's
    certificate may come from.
    """

    id: Name
    kind: Literal["apprise", "webhook", "alertmanager", "file"]
    url: Name
    secret: str = ""
    hears: tuple[Hears, ...] = ()
    changes: bool = False
    lang: Literal["ru", "en"] = "en"
    tz: Name = "UTC"
    timeout: Duration = Duration(timedelta(seconds=10))
    ca: str = ""


class NoticeSettings(Struct, frozen=True, kw_only=True):
    """What one person is sent at most, and how long a channel that fails is tried.

    In `window` a person is sent `most` messages on a channel, and one about the same incident; what is held
    back comes in one digest. What concerns the whole company, and letters to clients, are never held back. A
    notice has failed when every way to people has failed `tries` times; it is tried on, ever more rarely, for `keep`.
    """

    window: Duration = Duration(timedelta(minutes=1))
    most: _Some = 5
    tries: _Some = 3
    first_wait: Duration = Duration(timedelta(seconds=5))
    longest_wait: Duration = Duration(timedelta(minutes=5))
    keep: Duration = Duration(timedelta(hours=24))


class Notifying(Struct, frozen=True, kw_only=True):
    """All that dispatch needs to know, out of the configuration."""

    person: tuple[PersonSettings, ...] = ()
    oncall: OncallSettings = OncallSettings()
    contact: tuple[ContactSettings, ...] = ()
    channel: tuple[ChannelSettings, ...] = ()
    notices: NoticeSettings = NoticeSettings()

    @property
    def people(self) -> People:
        """Without the channels."""
        return People(person=self.person, oncall=self.oncall, contact=self.contact)


def problems(settings: Notifying, customers: tuple[str, ...]) -> list[Problem]:
    """Every problem of people, rota, contacts and channels; none of them tells a secret."""
    return [*of_people(settings, customers), *of_channels(settings)]


def of_people(settings: Notifying, customers: tuple[str, ...]) -> list[Problem]:
    """Those of people, rota and contacts, and of the ways that they name."""
    ids = [channel.id for channel in settings.channel]
    found = people_problems(settings.people, ids, customers)
    owners: tuple[tuple[str, tuple[PersonSettings | ContactSettings, ...]], ...] = (
        ("person", settings.person),
        ("contact", settings.contact),
    )
    for what, some in owners:
        for place, owner in enumerate(some):
            for number, way in enumerate(owner.channels):
                if "://" in way and way not in ids and (told := _service(way)):
                    found.append(Problem((what, place, "channels", number), told))
    return found


def of_channels(settings: Notifying) -> list[Problem]:
    """Those of channels and notices alone."""
    found: list[Problem] = []
    first: dict[str, int] = {}
    for place, channel in enumerate(settings.channel):
        key: Key = ("channel", place)
        if (other := first.setdefault(channel.id, place)) != place:
            found.append(Problem((*key, "id"), f'"{channel.id}" is already the id of channel[{other}]'))
        if ":" in channel.id:
            found.append(Problem((*key, "id"), 'expected a name without ":"'))
        found += _channel(key, channel)
    for what in ("window", "first_wait", "longest_wait", "keep"):
        if not getattr(settings.notices, what).span:
            found.append(Problem(("notices", what), "must be longer than nothing"))
    return found


def _channel(key: Key, channel: ChannelSettings) -> list[Problem]:
    found = []
    if channel.secret and channel.kind != "webhook":
        found.append(Problem((*key, "secret"), "only a webhook is signed"))
    if channel.secret and not is_reference(channel.secret):
        found.append(
            Problem((*key, "secret"), "expected env:NAME or file:PATH: a secret is not written in here")
        )
    plain = not is_reference(channel.url)
    if plain and channel.kind in ("webhook", "alertmanager") and not channel.url.startswith(_HTTP):
        found.append(
            Problem((*key, "url"), "expected an address that begins with http:// or https://, or a reference")
        )
    if plain and channel.kind == "apprise" and "://" not in channel.url:
        found.append(
            Problem((*key, "url"), "expected an apprise URL, or env:NAME or file:PATH that hold one")
        )
    if plain and channel.kind == "apprise" and "://" in channel.url and (told := _service(channel.url)):
        found.append(Problem((*key, "url"), told))
    if not channel.timeout.span:
        found.append(Problem((*key, "timeout"), "must be longer than nothing"))
    return found


def _service(url: str) -> str:
    """What is wrong with an apprise URL as far as its scheme tells, empty where it is known."""
    scheme = unknown_scheme(url)
    return (
        ""
        if scheme is None
        else f"expected a service that apprise knows, like mailto:// or tgram://, found {scheme}"
    )


_HTTP = ("http://", "https://")


def is_reference(text: str) -> bool:
    """Whether it names where a secret is, and does not hold it."""
    return text.startswith(("env:", "file:")) and "://" not in text


def anchored(channels: tuple[ChannelSettings, ...], folder: Path) -> tuple[ChannelSettings, ...]:
    """Files named by a relative path begin at the configuration's own folder."""
    return tuple(
        replace(
            channel,
            url=_anchor(channel.url, folder)
            if channel.kind == "file"
            else anchored_reference(channel.url, folder),
            secret=anchored_reference(channel.secret, folder),
            ca=_anchor(channel.ca, folder) if channel.ca else "",
        )
        for channel in channels
    )


W = TypeVar("W", PersonSettings, ContactSettings)


def anchored_ways(owner: W, folder: Path) -> W:
    """A person's or a contact's references, likewise."""
    return replace(owner, channels=tuple(anchored_reference(each, folder) for each in owner.channels))


def anchored_reference(text: str, folder: Path) -> str:
    """`file:PATH` with the folder before a relative path; anything else as it is."""
    if text.startswith("file:") and is_reference(text):
        return f"file:{folder / text.removeprefix('file:')}"
    return text


def _anchor(text: str, folder: Path) -> str:
    return anchored_reference(text, folder) if is_reference(text) else str(folder / text)
