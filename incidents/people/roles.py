"""The four roles of a company-wide incident, named from the rota the same way by everyone who looks, and
handed over by named acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.model import Priority
from incidents.people.rota import levels, on_call
from incidents.people.settings import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from incidents.model import Transition
    from incidents.people.settings import People, PersonSettings, Role


HAND_OVER = "handover"


class Roles(Struct, frozen=True):
    """Who commands, repairs, speaks with clients and writes down: ids of people, empty where there is nobody
    at all."""

    commander: str = ""
    operations: str = ""
    liaison: str = ""
    scribe: str = ""

    def __bool__(self) -> bool:
        return any((self.commander, self.operations, self.liaison, self.scribe))

    @property
    def json(self) -> dict[str, str]:
        """By the role's name."""
        return {role: getattr(self, role) for role in ROLES}


class HandOver(Struct, frozen=True, kw_only=True):
    """A role given from one person to another: the body of an act `handover`, by `actor`, at epoch seconds."""

    at: float
    role: str
    giver: str
    taker: str
    reason: str
    actor: str


def name_roles(people: People, at: float) -> Roles:
    """Who takes each role of what becomes company-wide at that time.

    Operations is the first on call, the commander comes from the levels above, the liaison and the scribe from
    who is left; preferences go first. Who has no channel takes none. One person holds two roles only where there are
    fewer people than roles.
    """
    named: dict[str, str] = {}
    for role in ROLES:
        candidates = list(_candidates(people, role, at))
        free = [name for name in candidates if name not in named.values()]
        if free or candidates:
            named[role] = (free or candidates)[0]
    return Roles(**named)


def roles_at(people: People, since: float, acts: Iterable[HandOver], at: float) -> Roles:
    """The roles as they stand: named when it became company-wide, and handed over since."""
    held = name_roles(people, since).json
    for act in sorted(acts, key=lambda each: each.at):
        if since <= act.at <= at and act.role in held and held[act.role] == act.giver:
            held[act.role] = act.taker
    return Roles(**held)


def raised_at(transitions: Iterable[Transition]) -> float | None:
    """Since when an incident concerns the whole company, from its transitions in order; None where it does not."""
    since: float | None = None
    for each in transitions:
        if each.priority is not Priority.COMPANY_WIDE:
            since = None
        elif since is None:
            since = each.at
    return since


def roles_of(people: People, transitions: Iterable[Transition], acts: Iterable[HandOver], at: float) -> Roles:
    """Who holds the roles of an incident, from its transitions in order; nobody before it concerns the whole
    company."""
    since = raised_at(transitions)
    return Roles() if since is None else roles_at(people, since, acts, at)


def hand_over_of(at: float, actor: str, reason: str, body: Mapping[str, object]) -> HandOver:
    """A hand-over as the store keeps it: an act named `handover` with `role`, `from` and `to`."""
    role, giver, taker = (str(body.get(key, "")) for key in ("role", "from", "to"))
    return HandOver(at=at, role=role, giver=giver, taker=taker, reason=reason, actor=actor)


def hand_over_body(act: HandOver) -> dict[str, str]:
    """What the store keeps beside time, actor and reason."""
    return {"role": act.role, "from": act.giver, "to": act.taker}


def hand_over(people: People, roles: Roles, act: HandOver) -> list[str]:
    """What stands against a hand-over, in words; nothing: it may be recorded."""
    problems = []
    if act.role not in ROLES:
        problems.append(f"role: expected one of {', '.join(ROLES)}, found {act.role!r}")
    elif (holder := getattr(roles, act.role)) != act.giver:
        problems.append(f"{act.role}: held by {holder or 'nobody'}, not by {act.giver}")
    taker = people.of(act.taker)
    if taker is None:
        problems.append(f"to: no [[person]] has the id {act.taker!r}")
    elif not _hears(people, taker):
        problems.append(f"to: {act.taker} has no channel: nothing reaches him")
    elif act.taker == act.giver:
        problems.append(f"to: {act.taker} holds it already")
    if not act.reason.strip():
        problems.append("reason: required: why it is handed over")
    return problems


def _candidates(people: People, role: Role, at: float) -> Iterator[str]:
    """Everyone who may take the role, the best first."""
    there = list(levels(people.oncall))
    order = [*there[1:], *there[:1]] if role == "commander" else there
    ranked = (
        *getattr(people.oncall.roles, role),
        *(name for level in order for name in on_call(people.oncall, level, at)),
        *(person.id for person in people.person),
    )
    preferred = getattr(people.oncall.roles, role)
    for name in dict.fromkeys(ranked):
        person = people.of(name)
        able = person is not None and (not person.roles or role in person.roles or name in preferred)
        if person is not None and able and _hears(people, person):
            yield name


def _hears(people: People, person: PersonSettings) -> bool:
    """Whether he can be told anything; where nobody has a channel only rooms are, and anybody may read there."""
    return bool(person.channels) or not any(each.channels for each in people.person)
