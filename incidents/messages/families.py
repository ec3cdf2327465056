"""Which letters say the same to one client: his request's and those of the outage that it hangs below, or hung below
until now. From transitions, for the stage that decides what is still to be sent and for the letters themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.model import Audience, Change, Kind, Priority, Status

if TYPE_CHECKING:
    from incidents.model import Transition


class Families:
    """Requests by the outage above them, the newest letter of each incident."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}
        self._below: dict[str, dict[str, None]] = {}
        self._last: dict[str, Transition] = {}
        self._letters: dict[str, Transition] = {}

    def learn(self, transition: Transition) -> None:
        """Every transition, in order."""
        name = transition.incident
        if transition.change is Change.NOTICE and transition.audience is Audience.CLIENT:
            self._letters[name] = transition
        if transition.kind is Kind.CLIENT_REQUEST:
            self._last[name] = transition
            if transition.parent:
                self._above[name] = transition.parent
                self._below.setdefault(transition.parent, {})[name] = None

    def covered_by(self, notice: Transition) -> str:
        """The outage whose letter goes in a request's place, empty where none does: one client is not told two things
        at once, neither while the one hangs below the other nor at the moment when they part."""
        if notice.change is not Change.NOTICE or notice.audience is not Audience.CLIENT:
            return ""
        above = self._above.get(notice.incident, "") if notice.kind is Kind.CLIENT_REQUEST else ""
        letter = self._letters.get(above)
        return above if letter is not None and letter.at >= notice.at else ""

    def left_by(self, notice: Transition) -> Transition | None:
        """At the end of an outage: what was said last of a request that hung below it and still concerns people, its
        letter where it has one."""
        if notice.status is not Status.RESOLVED:
            return None
        for name in self._below.get(notice.incident, ()):
            last = self._last[name]
            if last.status is not Status.RESOLVED and last.priority is not Priority.NORMAL:
                return self._letters.get(name, last)
        return None
