"""Who has an incident, as its acknowledgements say: from its transitions, for whoever would say it once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.model import Change, Priority, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.model import Transition


def acknowledged_by(transitions: Iterable[Transition]) -> tuple[str, ...]:
    """Everybody whose acknowledgement holds, from the transitions of one incident in order: it was given for what the
    incident was then, and ends when it is raised, comes back, or becomes a task."""
    held: dict[str, None] = {}
    for each in transitions:
        task = each.change is Change.LOWERED and each.priority is Priority.NORMAL
        if each.status is not Status.ACKNOWLEDGED or task:
            held.clear()
        elif each.change is Change.ACKNOWLEDGED:
            held[each.actor] = None
    return tuple(sorted(held))
