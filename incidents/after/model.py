"""The nouns of what comes after: the timeline, the minutes' split, the hit customers, the whole account. Frozen."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from incidents.model import Fact, Harm, Kind, Priority, Scope, Status, Transition
from incidents.people.roles import HandOver, hand_over_body
from incidents.tasks.model import Money
from incidents.words import instant_text


class Stretch(Struct, frozen=True, order=True):
    """Harm of one kind in [since, until), epoch seconds."""

    since: float
    until: float
    harm: Harm


class Split(Struct, frozen=True):
    """Minutes of edges' logs that are lost, by what was with the clients at the time. `not_served`: they were hurt,
    there is less to bill. `not_logged`: they were served, and only our own records lack it. `not_known`: nobody can
    say which."""

    not_served: int = 0
    not_logged: int = 0
    not_known: int = 0

    def __add__(self, other: Split) -> Split:
        return Split(
            self.not_served + other.not_served,
            self.not_logged + other.not_logged,
            self.not_known + other.not_known,
        )

    @property
    def json(self) -> dict[str, int]:
        """Minutes."""
        return {
            "not_served": self.not_served,
            "served_but_not_logged": self.not_logged,
            "not_known": self.not_known,
        }


class Hit(Struct, frozen=True):
    """A customer, how long he was hurt for sure (seconds), and the money of his traffic that was not logged."""

    customer: str
    hurt_s: float = 0.0
    money: tuple[Money, ...] = ()

    @property
    def json(self) -> dict[str, Any]:
        """Minutes and decimal strings."""
        return {
            "id": self.customer,
            "hurt_minutes": round(self.hurt_s / 60, 1),
            "money": [money.json for money in self.money],
        }


class Account(Struct, frozen=True, kw_only=True):
    """One incident from its first sign to its end. Instants: epoch seconds; `_s`: seconds, None where it has not come.

    `since`: the first harm that the evidence shows, which may be before it was opened. `harm`, `priority`: the worst
    that it came to. `hurt_s`: how long harm was confirmed. `answer_s`: from the opening
    to the first person's acknowledgement; `mend_s`: to its resolution; `wide_s`: to company_wide. `told`: sendings by
    audience; `undelivered`: those of them that reached nobody at first. `drafts`: of letters to clients, which a person
    sends or does not, as (notice, at): no client is told by one.
    """

    incident: str
    kind: Kind
    scope: Scope
    opened: float
    since: float | None = None
    now: float
    status: Status
    harm: Harm
    priority: Priority
    resolved: float | None = None
    hurt_s: float = 0.0
    answer_s: float | None = None
    mend_s: float | None = None
    wide_s: float | None = None
    answered_by: str = ""
    resolved_by: str = ""
    parent: str = ""
    children: tuple[str, ...] = ()
    flaps: int = 0
    split: Split = Split()
    hit: tuple[Hit, ...] = ()
    money: tuple[Money, ...] = ()
    told: tuple[tuple[str, int], ...] = ()
    drafts: tuple[tuple[str, float], ...] = ()
    undelivered: int = 0
    timeline: tuple[Transition, ...] = ()
    hand_overs: tuple[HandOver, ...] = ()
    evidence: tuple[Fact, ...] = ()

    @property
    def json(self) -> dict[str, Any]:
        """As `prebill incidents after --json` prints it."""
        return {
            "incident": self.incident,
            "kind": self.kind.value,
            "scope": self.scope.json,
            "status": self.status.value,
            "opened": instant_text(self.opened),
            "harm_since": None if self.since is None else instant_text(self.since),
            "resolved": None if self.resolved is None else instant_text(self.resolved),
            "worst_harm": self.harm.value,
            "worst_priority": self.priority.value,
            "hurt_seconds": round(self.hurt_s),
            "seconds_to_acknowledge": _whole(self.answer_s),
            "seconds_to_resolve": _whole(self.mend_s),
            "seconds_to_company_wide": _whole(self.wide_s),
            "acknowledged_by": self.answered_by or None,
            "resolved_by": self.resolved_by or None,
            "parent": self.parent or None,
            "children": list(self.children),
            "flaps": self.flaps,
            "minutes": self.split.json,
            "customers": [hit.json for hit in self.hit],
            "money": [money.json for money in self.money],
            "notices": dict(self.told),
            "drafts": [{"notice": notice, "at": instant_text(at)} for notice, at in self.drafts],
            "undelivered": self.undelivered,
            "timeline": [transition.json for transition in self.timeline],
            "handovers": [
                {"at": instant_text(act.at), **hand_over_body(act), "actor": act.actor, "reason": act.reason}
                for act in self.hand_overs
            ],
        }


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
