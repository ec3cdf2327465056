"""What people do to tasks: taking, setting a date, ticking a step, closing; rows of the incident log's acts, with their
actor, reason and time, to typed values and back. What a row holds came from outside: one that is no act is none."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from incidents.tasks.model import Money, Outcome, OutcomeKind
from incidents.words import instant_text
from pipeline.coverage.evidence import parse_instant


class Act(Struct, frozen=True, kw_only=True):
    """One act: what it changes is set, everything else is None. `at`: epoch seconds."""

    at: float
    task: str
    actor: str
    reason: str = ""
    assignee: str | None = None
    due: float | None = None
    step: str | None = None
    outcome: Outcome | None = None


NAMES = ("take", "due", "step", "close")
"""What acts on tasks are called in the log; others there are not about tasks."""


def act_name(act: Act) -> str:
    """One of NAMES."""
    if act.outcome is not None:
        return "close"
    if act.step is not None:
        return "step"
    return "due" if act.due is not None else "take"


def act_body(act: Act) -> dict[str, Any]:
    """What the log keeps of an act beside its time, task, actor and reason."""
    if act.outcome is not None:
        return {key: act.outcome.json[key] for key in ("kind", "amount", "accepted_by")}
    if act.step is not None:
        return {"step": act.step}
    return {"due": instant_text(act.due)} if act.due is not None else {"assignee": act.assignee}


def act_of(name: str, *, at: float, task: str, actor: str, reason: str, body: dict[str, Any]) -> Act | None:
    """The act of a row; None where it is not about a task, or does not hold what it should."""
    made = Act(at=at, task=task, actor=actor, reason=reason)
    try:
        if name == "take":
            return replace(made, assignee=_text(body["assignee"]))
        if name == "due":
            return replace(made, due=parse_instant(body["due"]))
        if name == "step":
            return replace(made, step=_text(body["step"]))
        return replace(made, outcome=_outcome(body, reason)) if name == "close" else None
    except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation):
        return None


def resolve_line(act: Act) -> dict[str, Any]:
    """The evidence that tells the engine of a closed task."""
    return {
        "at": instant_text(act.at),
        "type": "resolve",
        "incident": act.task,
        "actor": act.actor,
        "text": act.reason,
    }


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 255:
        raise ValueError("a text")
    return value


def _outcome(told: dict[str, Any], reason: str) -> Outcome:
    amount, money = told.get("amount"), None
    if amount is not None:
        low, expected, high = (Decimal(amount[key]) for key in ("low", "expected", "high"))
        money = Money(low, expected, high, str(amount.get("currency") or ""))
        if not all(part.is_finite() for part in (low, expected, high)):
            raise ValueError("an amount")
    return Outcome(
        kind=OutcomeKind(told["kind"]),
        amount=money,
        accepted_by=_text(told.get("accepted_by") or ""),
        reason=reason,
    )
