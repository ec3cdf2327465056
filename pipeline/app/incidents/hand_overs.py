"""Roles that were handed over, out of the store's acts: for the command that writes them, and for the watch
that sends by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.people.roles import HAND_OVER, HandOver, hand_over_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.model import Transition
    from pipeline.store.incident_rows import ActRow
    from pipeline.store.store import Store


def hand_overs_of(store: Store, incident: str) -> list[HandOver]:
    """Of one incident, in order."""
    return hand_overs_in(store.incidents.acts(incident))


def hand_overs_in(acts: Iterable[ActRow]) -> list[HandOver]:
    """Those among all that was done, in order."""
    return [hand_over_of(row.at, row.actor, row.reason, row.body) for row in acts if row.act == HAND_OVER]


def transitions_of(store: Store, incident: str) -> list[Transition]:
    """All that happened to one incident, in order."""
    from pipeline.app.watch.log import transition_of

    return [transition_of(row) for row in store.incidents.changes(incident)]
