"""The nouns of tasks: what is lost, what it costs, whether the clients are served, how a task ended. Frozen, no I/O."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from incidents.model import Fact, Harm, Kind, Priority, Scope
from incidents.tasks.words import say
from incidents.words import instant_text

if TYPE_CHECKING:
    from incidents.procedure import FilledStep


class Answer(StrEnum):
    """Are the clients served?"""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Served(Struct, frozen=True):
    """The answer, on what evidence, and how old the newest of it is (seconds; None: there is none). `reason`: the key
    of a sentence in words.py."""

    answer: Answer
    facts: tuple[Fact, ...] = ()
    age_s: float | None = None
    reason: str = ""

    @property
    def json(self) -> dict[str, Any]:
        """As `prebill tasks --json` prints it."""
        return {
            "answer": self.answer.value,
            "reason": say(self.reason, "en") if self.reason else "",
            "age_seconds": None if self.age_s is None else round(self.age_s),
            "evidence": [
                {"at": instant_text(fact.at), "source": fact.source, "text": fact.text} for fact in self.facts
            ],
        }


class Money(Struct, frozen=True):
    """An amount between honest bounds, in one currency."""

    low: Decimal
    expected: Decimal
    high: Decimal
    currency: str = ""

    def __add__(self, other: Money) -> Money:
        return Money(
            self.low + other.low, self.expected + other.expected, self.high + other.high, self.currency
        )

    def per(self, minutes: int) -> Money:
        """A minute's part, rounded to what is left of a coin: it orders and warns, nobody is billed by it."""
        low, expected, high = (
            round(part / max(1, minutes), 4) for part in (self.low, self.expected, self.high)
        )
        return Money(low, expected, high, self.currency)

    @property
    def json(self) -> dict[str, str]:
        """Decimal strings."""
        return {
            "low": f"{self.low:f}",
            "expected": f"{self.expected:f}",
            "high": f"{self.high:f}",
            "currency": self.currency,
        }


class Lost(Struct, frozen=True, kw_only=True):
    """A gap as a task shows it. `since`, `until`: epoch seconds. `bytes`: low, expected, high. `state`: open, shrunk,
    closed, accepted. `accepted`: by whom, and why. `by_customer`: each hit customer's part of the money."""

    gap: str
    edge: str
    stream: str
    loss_class: str
    since: float
    until: float
    minutes: int
    bytes: tuple[int, int, int]
    state: str
    first_seen: float
    task: str = ""
    customers: tuple[str, ...] = ()
    money: Money | None = None
    by_customer: tuple[tuple[str, Money], ...] = ()
    recoverable_until: float | None = None
    accepted: str = ""

    @property
    def still(self) -> bool:
        """Whether it is lost now, and nobody has accepted that."""
        return self.state in ("open", "shrunk")

    @property
    def json(self) -> dict[str, Any]:
        """The gap's own keys, as `prebill gaps --json` names them."""
        return {
            "id": self.gap,
            "class": self.loss_class,
            "edge": self.edge,
            "stream": self.stream,
            "from": instant_text(self.since),
            "to": instant_text(self.until),
            "minutes": self.minutes,
            "lost_bytes": dict(zip(("low", "expected", "high"), self.bytes, strict=True)),
            "customers": list(self.customers),
            "money": self.money.json if self.money else None,
            "state": self.state,
            "recoverable_until": _instant(self.recoverable_until),
            "accepted": self.accepted or None,
        }


class TaskState(StrEnum):
    """HELD: clients come first: an outage above it, or their harm not yet ruled out."""

    OPEN = "open"
    TAKEN = "taken"
    HELD = "held"
    CLOSED = "closed"


class OutcomeKind(StrEnum):
    """How a task ended: all of the data came, a part of it, or none; of work that was never about lost data, that it is
    done."""

    SOLVED = "solved"
    RECOVERED = "recovered"
    PARTLY = "partly"
    LOST = "lost"


class Outcome(Struct, frozen=True, kw_only=True):
    """How it ended: what is lost for good (None: not known), who accepted that, and why."""

    kind: OutcomeKind
    amount: Money | None = None
    accepted_by: str = ""
    reason: str = ""

    @property
    def json(self) -> dict[str, Any]:
        """With the amount as decimal strings, null where it is not known."""
        return {
            "kind": self.kind.value,
            "amount": self.amount.json if self.amount else None,
            "accepted_by": self.accepted_by or None,
            "reason": self.reason or None,
        }


class Task(Struct, frozen=True, kw_only=True):
    """A piece of normal-priority work. `id` is its incident's; gaps name it as their `task`. Instants: epoch seconds.

    `money`, `per_minute`: of what is still lost, by currency. `recoverable_until`: the earliest of its gaps'. `done`:
    the procedure's steps that somebody has ticked.
    """

    id: str
    kind: Kind
    scope: Scope
    harm: Harm
    priority: Priority
    state: TaskState
    opened: float
    served: Served
    missing: tuple[Lost, ...] = ()
    money: tuple[Money, ...] = ()
    per_minute: tuple[Money, ...] = ()
    assignee: str = ""
    due: float | None = None
    due_by: str = ""
    recoverable_until: float | None = None
    parent: str = ""
    done: frozenset[str] = frozenset()
    closed: float | None = None
    outcome: Outcome | None = None
    reason: str = ""

    @property
    def minutes(self) -> int:
        """How many minutes are still lost."""
        return sum(lost.minutes for lost in self.missing if lost.still)

    @property
    def edges(self) -> tuple[str, ...]:
        """Whose logs are missing."""
        return tuple(sorted({lost.edge for lost in self.missing}))

    @property
    def customers(self) -> tuple[str, ...]:
        """Whose traffic is in what is missing, as far as it is known."""
        return tuple(sorted({name for lost in self.missing for name in lost.customers}))

    def late(self, now: float) -> bool:
        """Whether it should be closed by now."""
        return self.closed is None and self.due is not None and self.due <= now

    def document(self, steps: tuple[FilledStep, ...] = ()) -> dict[str, Any]:
        """As `prebill tasks --json` prints it; the head's question first."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "scope": self.scope.json,
            "state": self.state.value,
            "served": self.served.json,
            "harm": self.harm.value,
            "priority": self.priority.value,
            "opened": instant_text(self.opened),
            "minutes": self.minutes,
            "missing": [lost.json for lost in self.missing],
            "money": [money.json for money in self.money],
            "per_minute": [money.json for money in self.per_minute],
            "assignee": self.assignee or None,
            "due": _instant(self.due),
            "due_by": self.due_by or None,
            "recoverable_until": _instant(self.recoverable_until),
            "parent": self.parent or None,
            "procedure": [step.json | {"done": step.id in self.done} for step in steps],
            "closed": _instant(self.closed),
            "outcome": self.outcome.json if self.outcome else None,
            "reason": self.reason,
        }


def _instant(at: float | None) -> str | None:
    return None if at is None else instant_text(at)
