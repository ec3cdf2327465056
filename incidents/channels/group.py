"""Second stage: one bad minute is one message. What is due for one recipient on one channel goes together, and
what exceeds his limit waits for the digest."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.people.recipients import Why

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.channels.model import Sending
    from incidents.channels.settings import NoticeSettings

Place = tuple[str, str, bool]
"""A recipient's id, a channel, and whether it is for the drafts of letters: those have a limit of their own."""

DRAFTS_S = 60.0
"""Drafts within so long of each other come together: the liaison must have them within minutes, and can send one
letter to three hundred clients, but not three hundred letters."""


class Pending(Struct):
    """A sending that has not come to its end. Times are epoch seconds."""

    sending: Sending
    due: float
    first_at: float
    attempt: int = 0
    tried_at: float = 0.0
    held: bool = False
    failed: bool = False
    in_flight: bool = False


class Meter(Struct):
    """What was sent lately to one place: when, and when about which incident."""

    times: deque[float]
    incidents: dict[str, float]


def bundles(
    waiting: Iterable[Pending], meters: dict[Place, Meter], settings: NoticeSettings, now: float
) -> list[list[Pending]]:
    """What goes out now, message by message; what is held back learns when it is looked at again.

    A retry goes as it first went, so that its key stays the same; what failed often waits as one digest. A
    message that goes takes along whatever is held for the same place.
    """
    groups: dict[tuple[object, ...], list[Pending]] = {}
    for each in waiting:
        groups.setdefault(_group(each, settings), []).append(each)
    chosen = []
    for group in groups.values():
        if not any(each.due <= now for each in group):
            continue
        until = now if _exempt(group) else _held_until(group, meters, settings, now)
        if until > now:
            for each in group:
                each.held, each.due = True, until
        else:
            chosen.append(sorted(group, key=_urgency))
    return chosen


def note_sent(
    meters: dict[Place, Meter], place: Place, incidents: Iterable[str], now: float, window: float
) -> None:
    """Remember a message for the limits; what is older than the window is forgotten."""
    meter = meters.setdefault(place, Meter(deque(), {}))
    meter.times.append(now)
    while meter.times and meter.times[0] <= now - window:
        meter.times.popleft()
    meter.incidents = {name: at for name, at in meter.incidents.items() if at > now - window}
    meter.incidents.update(dict.fromkeys(incidents, now))


def place_of(sending: Sending) -> Place:
    """Where limits are counted."""
    return sending.recipient.id, sending.channel, sending.recipient.why is Why.LIAISON


def _group(each: Pending, settings: NoticeSettings) -> tuple[object, ...]:
    sending = each.sending
    place, why = place_of(sending), sending.recipient.why
    alone: tuple[object, ...] = ()
    if why is Why.CLIENT:
        alone = (sending.notice.incident, sending.notice.at)
    elif sending.alone:
        alone = (sending.notice.incident,)
    if each.attempt >= settings.tries:
        return (place, "late", why, *alone)
    return (place, each.attempt, each.tried_at, why is Why.CLIENT, *alone)


def _exempt(group: list[Pending]) -> bool:
    """Retries, what is urgent (and with it whatever waits), and channels that are no people."""
    first = group[0]
    return (
        first.attempt > 0
        or first.sending.recipient.why is Why.SUBSCRIBED
        or (first.sending.recipient.why is not Why.LIAISON and any(each.sending.urgent for each in group))
    )


def _held_until(
    group: list[Pending], meters: dict[Place, Meter], settings: NoticeSettings, now: float
) -> float:
    """When a message may go: the place has its limit, and each incident its minute."""
    sending = group[0].sending
    meter = meters.get(place_of(sending))
    if meter is None:
        return now
    window = settings.window.span.total_seconds()
    if sending.recipient.why is Why.LIAISON:
        return max(meter.times) + min(window, DRAFTS_S)
    lately = [at for at in meter.times if at > now - window]
    if len(lately) >= settings.most:
        return lately[-settings.most] + window
    return min(meter.incidents.get(each.sending.notice.incident, now - window) + window for each in group)


def _urgency(each: Pending) -> tuple[int, float, str]:
    notice = each.sending.notice
    return -notice.priority.rank, notice.at, notice.incident
