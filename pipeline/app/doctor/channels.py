"""What `prebill doctor` says of the ways to people: whether each can be opened, and whether a page reaches anybody by
them; nothing is sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.app.terminal import plural

if TYPE_CHECKING:
    from incidents.channels.settings import Notifying

OK, NOTE, FAIL = "ok", "note", "fail"


def channels_found(notifying: Notifying, now: float) -> tuple[str, str, str]:
    """How it is (ok, note, fail), what was found, and how to mend it. `now`: epoch seconds."""
    if not notifying.person and not notifying.channel:
        mend = "Add a [[person]] with channels, and an [oncall] rota: docs/escalation.md."
        return NOTE, "nobody is configured to hear of incidents", mend
    from incidents.channels.opening import open_channels
    from incidents.people.rules import warnings

    opened = open_channels(notifying, os.environ)
    people = f"{len(notifying.person):,} {'person' if len(notifying.person) == 1 else 'people'}"
    found = f"{people}, {plural(len(opened.channels) + len(opened.alerts), 'channel')}"
    if opened.problems:
        mend = "Mend the URL, or what env: and file: name. Until then their notices go further up."
        return FAIL, f"{found}; {'; '.join(opened.problems)}", mend
    if deaf := unheard(notifying):
        mend = (
            'Give a [[person]] channels, or a [[channel]] hears = ["on_call", "company"]: docs/escalation.md.'
        )
        return NOTE, f"{found}; {deaf}", mend
    if amiss := warnings(notifying.people, now):
        return NOTE, f"{found}; {'; '.join(amiss)}", "`prebill oncall` shows the calendar."
    return OK, f"{found}: all can be opened; nothing was sent", ""


def unheard(notifying: Notifying) -> str:
    """What nobody would hear, in words; empty where people hear everything. Alertmanager has receivers of its own."""
    if any(person.channels for person in notifying.person):
        return ""
    if any(channel.kind == "alertmanager" for channel in notifying.channel):
        return ""
    hears = {audience for channel in notifying.channel for audience in channel.hears}
    if hears.isdisjoint({"on_call", "company"}):
        return "no page can reach anybody: no [[person]] has a channel, and no [[channel]] hears on_call or company"
    if "company" not in hears:
        return "what concerns the whole company reaches nobody: no [[channel]] hears company"
    return ""
