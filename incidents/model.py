"""The nouns of the incident room: scope, harm, priority, evidence, transition, notice. Frozen, no I/O; the engine
makes them, everything around it reads them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct


class Harm(StrEnum):
    """What is known of a scope's clients. `unknown` is not `none`: it is never a reason to wait."""

    NONE = "none"
    UNKNOWN = "unknown"
    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"


class Priority(StrEnum):
    """Who hears of it: the task queue, the person on call, everyone."""

    NORMAL = "normal"
    HIGH = "high"
    COMPANY_WIDE = "company_wide"

    @property
    def rank(self) -> int:
        """0 for normal; the greater, the more urgent."""
        return _RANKS[self]


_RANKS = {Priority.NORMAL: 0, Priority.HIGH: 1, Priority.COMPANY_WIDE: 2}


class Kind(StrEnum):
    """What an incident is about."""

    BILLING_GAP = "billing_gap"
    OUTAGE = "outage"
    DATA_QUALITY = "data_quality"
    CLIENT_REQUEST = "client_request"
    WATCHDOG = "watchdog"


class Status(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Change(StrEnum):
    """What a transition did."""

    OPENED = "opened"
    RAISED = "raised"
    LOWERED = "lowered"
    UPDATED = "updated"
    MERGED = "merged"
    ACKNOWLEDGED = "acknowledged"
    REOPENED = "reopened"
    RESOLVED = "resolved"
    NOTICE = "notice"


class Audience(StrEnum):
    """Who a notice is for."""

    QUEUE = "queue"
    ON_CALL = "on_call"
    COMPANY = "company"
    CLIENT = "client"


class Scope(Struct, frozen=True, order=True, array_like=True):
    """What may be hurt. `kind`: customer, edge, origin, control, support_line, or `all` (without an id)."""

    kind: str
    id: str = ""

    @property
    def json(self) -> dict[str, str]:
        """`{"customer": "c1"}`, as maintenance windows name it; `{"all": ""}` is everything."""
        return {self.kind: self.id}

    def __str__(self) -> str:
        return f"{self.kind} {self.id}".strip()


class Fact(Struct, frozen=True, order=True):
    """A line of evidence: when it was seen (epoch seconds), by what (`probe`, `gap`, `person` …), in words. `since`:
    from when on it shows clients hurt, often before anybody looked; 0 where it shows no harm, or not since when."""

    at: float
    source: str
    text: str
    since: float = 0.0

    @property
    def json(self) -> dict[str, str]:
        """As `evidence` of a transition is printed, and since when where that is known."""
        from incidents.words import instant_text

        said = {"at": instant_text(self.at), "source": self.source, "text": self.text}
        return said | ({"since": instant_text(self.since)} if self.since else {})


class MoneyRate(Struct, frozen=True):
    """Money per minute, decimal strings."""

    low: str = "0"
    expected: str = "0"
    high: str = "0"


class Transition(Struct, frozen=True, kw_only=True):
    """One change of one incident, or a notice about it: a line of the replay, and a row of the incident log.

    `at`: epoch seconds. `level`: of a notice to the people on call, from 1; 0 otherwise. `notice`: the notice's id,
    its idempotency key: the same for every repeat of the same notice, so that (`notice`, `at`) names one sending.
    `draft`: a client's message that waits for the liaison. `actor`: who did it, `engine` where a rule did. `parent`:
    the incident below which it hangs. `customers`: whom it concerns, as far as is known. `quiet`: who has
    acknowledged and hears no reminders.
    """

    at: float
    incident: str
    kind: Kind
    scope: Scope
    harm: Harm
    priority: Priority
    status: Status
    change: Change
    audience: Audience | None = None
    reason: str = ""
    evidence: tuple[Fact, ...] = ()
    notice: str = ""
    level: int = 0
    draft: bool = False
    actor: str = "engine"
    parent: str = ""
    flaps: int = 0
    customers: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()

    @property
    def json(self) -> dict[str, Any]:
        """A line of `prebill incidents replay --json`."""
        from incidents.words import instant_text

        document: dict[str, Any] = {
            "at": instant_text(self.at),
            "incident": self.incident,
            "kind": self.kind.value,
            "scope": self.scope.json,
            "harm": self.harm.value,
            "priority": self.priority.value,
            "status": self.status.value,
            "change": self.change.value,
            "audience": self.audience.value if self.audience else None,
            "reason": self.reason,
            "evidence": [fact.json for fact in self.evidence],
        }
        document |= {
            "actor": self.actor,
            "parent": self.parent or None,
            "flaps": self.flaps,
            "customers": list(self.customers),
        }
        if self.change is Change.NOTICE:
            document |= {"notice": self.notice, "draft": self.draft, "quiet": list(self.quiet)}
            if self.level:
                document["level"] = self.level
        return document


class Standing(Struct, frozen=True, kw_only=True):
    """How an incident stands. Times are epoch seconds. `muted_until`: 0 unless planned work mutes it. `waits`: a
    task that rests while clients are hurt elsewhere. `wants_probe`: its suspicion could be answered by a look now.
    `money`: what each further minute costs, by which tasks are ordered. `lost_minutes`: of a gap."""

    id: str
    kind: Kind
    scope: Scope
    harm: Harm
    priority: Priority
    status: Status
    opened_at: float
    reason: str
    evidence: tuple[Fact, ...] = ()
    resolved_at: float | None = None
    parent: str = ""
    flaps: int = 0
    level: int = 0
    acknowledged_by: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    muted_until: float = 0
    waits: bool = False
    wants_probe: bool = False
    money: MoneyRate | None = None
    lost_minutes: int = 0
