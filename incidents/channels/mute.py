"""First stage: what need not be said. Planned work mutes tasks below it; an acknowledgement mutes reminders to
its author."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.model import Audience, Priority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.channels.model import Sending
    from incidents.events import Maintenance


def mute_reason(sending: Sending, planned: Sequence[Maintenance] = ()) -> str:
    """Why nothing is sent, in words; empty: it is sent.

    Harm is never muted here: the engine alone judges what planned work explains, and it has done so already.
    """
    notice = sending.notice
    if sending.recipient.id in notice.quiet and notice.audience in (Audience.ON_CALL, Audience.COMPANY):
        return f"acknowledged by {sending.recipient.id}"
    if notice.priority is Priority.NORMAL and not notice.draft:
        for work in planned:
            if work.scope == notice.scope and work.since <= notice.at < work.until:
                return f"planned work: {work.reason}" if work.reason else "planned work"
    return ""
