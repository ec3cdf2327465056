"""From settings to channels that send: every way that people, contacts and subscribers name, with its secrets
read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.channels.alertmanager import Alertmanager
from incidents.channels.apprise_channel import Apprise
from incidents.channels.file import File
from incidents.channels.model import Closed
from incidents.channels.references import UnreadableReferenceError, channel_name, resolve
from incidents.channels.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from incidents.channels.model import Channel
    from incidents.channels.settings import ChannelSettings, Notifying


class Opened(Struct, frozen=True):
    """`channels` by their printable names; `alerts`: Alertmanagers by id; `problems`: what cannot be opened,
    in words."""

    channels: dict[str, Channel]
    alerts: dict[str, Alertmanager]
    problems: list[str]


def open_channels(settings: Notifying, environment: Mapping[str, str]) -> Opened:
    """Opens all of them, sends nothing. What cannot be opened refuses every message, so that its notices go
    further up."""
    channels: dict[str, Channel] = {}
    alerts: dict[str, Alertmanager] = {}
    problems: list[str] = []
    for channel in settings.channel:
        try:
            if channel.kind == "alertmanager":
                url = resolve(channel.url, environment)
                alerts[channel.id] = Alertmanager(url, timeout_s=_timeout(channel), ca=channel.ca)
            else:
                channels[channel.id] = _open(channel, environment)
        except (UnreadableReferenceError, ValueError) as error:
            problems.append(f"channel {channel.id}: {error}")
            channels[channel.id] = Closed(str(error))
    for owner, text in _direct(settings):
        name = channel_name(text)
        if name in channels or text in alerts:
            continue
        try:
            channels[name] = Apprise(resolve(text, environment))
        except (UnreadableReferenceError, ValueError) as error:
            problems.append(f"{owner}, {name}: {error}")
            channels[name] = Closed(str(error))
    return Opened(channels, alerts, problems)


def _open(channel: ChannelSettings, environment: Mapping[str, str]) -> Channel:
    url = resolve(channel.url, environment)
    if channel.kind == "file":
        return File(url)
    if channel.kind == "apprise":
        return Apprise(url, timeout_s=_timeout(channel))
    secret = resolve(channel.secret, environment) if channel.secret else ""
    return Webhook(url, secret=secret, timeout_s=_timeout(channel), ca=channel.ca)


def _timeout(channel: ChannelSettings) -> float:
    return channel.timeout.span.total_seconds()


def _direct(settings: Notifying) -> Iterator[tuple[str, str]]:
    """Who names a channel that is no `[[channel]]`, and how."""
    for person in settings.person:
        for text in person.channels:
            yield f"person {person.id}", text
    for contact in settings.contact:
        for text in contact.channels:
            yield f"contact {contact.customer}", text
