"""What the knowledge of one subject amounts to at one instant: the answer of judging, and what deciding begins
with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.engine.probes import Moment
from incidents.model import Fact, Harm, Priority, Status

if TYPE_CHECKING:
    from incidents.engine.limits import Limits
    from incidents.engine.state import Incident, State


class Judgement(Struct, frozen=True, kw_only=True):
    """What is known of a subject now.

    `bad`: the sources that speak of harm, or of loss; nothing is open, or opens, without one. `good`: the sources
    that positively speak well; silence is in neither. `held`: a suspicion that does not escalate by its deadline,
    because something fresh shows that the clients are served, or because it is of no client. `asked`: nothing is raised
    yet, whoever was away asks first. `beyond`: harm outside
    of the scope, which no plan mutes. `warn`: the client is told first. `newest`: the time of the newest bad
    evidence. `fine_until`: until when what speaks well holds, if nothing more is heard. `until`: when this may change
    by age alone. `unseen`: to whom of `customers` letters go, where not to all: nothing fresh shows that they are
    served. `followed`: the incident that this one hangs below; `own`, `alone`: its harm and its reason without
    that one, where they differ.
    """

    harm: Harm = Harm.NONE
    bad: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    held: bool = False
    asked: bool = False
    beyond: bool = False
    warn: bool = False
    reason: str = ""
    facts: tuple[Fact, ...] = ()
    customers: tuple[str, ...] = ()
    newest: float = 0.0
    fine_until: float = 0.0
    until: float | None = None
    wants_probe: bool = False
    unseen: tuple[str, ...] = ()
    followed: str = ""
    own: Harm | None = None
    alone: str = ""


class View(Struct, frozen=True):
    """What judging looks at. `subjects`: of incidents, by their ids."""

    state: State
    moment: Moment
    limits: Limits
    subjects: dict[str, str]

    @property
    def now(self) -> float:
        return self.moment.at

    @property
    def asks_first(self) -> View | None:
        """While a watch has just begun again: how it was when the one before ended. What was known then, and is
        unknown only because nobody watched, is asked for before it counts as unknown."""
        away = self.state.away
        gone = away.since < self.now or (away.since == self.now and self.moment.after)
        if not gone or self.now >= away.until:
            return None
        return View(self.state, Moment(away.since), self.limits, self.subjects)

    def incident(self, name: str) -> Incident | None:
        """The incident of that id, None where it is unknown, or long over."""
        return self.state.incidents.get(self.subjects.get(name, ""))


def is_open(state: State, subject: str) -> bool:
    """Whether there is an incident of it that is not over: then it was told before since when it is so."""
    incident = state.incidents.get(subject)
    return incident is not None and incident.status is not Status.RESOLVED


def open_outage(view: View, target: str) -> Incident | None:
    """The outage of a scope that people are woken for, None where there is none."""
    incident = view.state.incidents.get(target)
    if incident is None or incident.status is Status.RESOLVED or incident.muted:
        return None
    return incident if incident.priority is not Priority.NORMAL else None


def same_failure(view: View, subject: str, target: str) -> Incident | None:
    """The outage of another scope below which this one's tells nothing new: as urgent, and not itself below it."""
    above = open_outage(view, target)
    if above is not None and is_open(view.state, subject):
        known = view.state.incidents[subject]
        if above.parent == known.id or above.priority.rank < known.priority.rank:
            return None
    return above


def soonest(*times: float | None) -> float | None:
    """The first of some times, those that are none left out."""
    known = [at for at in times if at is not None]
    return min(known) if known else None
