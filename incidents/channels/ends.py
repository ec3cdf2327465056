"""What is over by the time it would be told: out of transitions and of what was delivered; asked before anything is
sent. Its beginning is no news then, and its end is none to those who never heard of the beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incidents.model import Audience, Change, Status

if TYPE_CHECKING:
    from incidents.model import Transition

KEPT = 100_000
"""Incidents that are remembered."""

Line = tuple[str, bool]
"""An incident, and whether it is about letters to its clients: who has had a page may never have had a letter."""


class Ends:
    """By incident: when it was over, when it came back, and who knows of its beginning and not yet of its end."""

    def __init__(self) -> None:
        self._resolved: dict[str, float] = {}
        self._began: dict[str, float] = {}
        self._aware: dict[Line, set[str]] = {}

    def learn(self, transition: Transition) -> None:
        """One more, in the order of time."""
        if transition.status is Status.RESOLVED:
            _keep(self._resolved, transition.incident, transition.at)
        elif transition.change in (Change.OPENED, Change.REOPENED, Change.NOTICE):
            _keep(self._began, transition.incident, transition.at)

    def is_over(self, notice: Transition) -> bool:
        """Whether what it tells is no longer so: the incident was over behind it, or has come back since it was."""
        if notice.change is not Change.NOTICE:
            return False
        if notice.status is Status.RESOLVED:
            return self._began.get(notice.incident, 0.0) > notice.at
        return self._resolved.get(notice.incident, -1.0) >= notice.at

    def is_needless(self, notice: Transition, recipient: str) -> bool:
        """Whether it is an end to somebody who never heard of the beginning; of what began before our time he may
        have."""
        if notice.change is not Change.NOTICE or notice.status is not Status.RESOLVED:
            return False
        return notice.incident in self._began and recipient not in self._aware.get(line_of(notice), ())

    def note(self, notice: Transition, recipient: str) -> None:
        """He knows of it: it was delivered, or he has acknowledged it."""
        if notice.change is not Change.NOTICE:
            return
        if notice.status is Status.RESOLVED:
            self._aware.get(line_of(notice), set()).discard(recipient)
        else:
            aware = self._aware.get(line_of(notice), set())
            aware.add(recipient)
            _keep(self._aware, line_of(notice), aware)


def line_of(notice: Transition) -> Line:
    """Where a notice belongs."""
    return notice.incident, notice.audience is Audience.CLIENT


def _keep(kept: dict[Any, Any], key: object, value: object) -> None:
    kept.pop(key, None)
    kept[key] = value  # the oldest is forgotten first
    while len(kept) > KEPT:
        kept.pop(next(iter(kept)))
