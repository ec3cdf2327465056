"""The task queue: a pure function of transitions, gaps, people's acts and probes. What costs most comes first."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from incidents.desk.calendar import EveryHour
from incidents.model import Change, Kind, Priority, Status
from incidents.tasks.model import (
    Answer,
    Lost,
    Money,
    Outcome,
    OutcomeKind,
    Served,
    Task,
    TaskState,
)
from incidents.tasks.served import are_served
from incidents.tasks.settings import TaskSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from incidents.desk.calendar import Calendar
    from incidents.events import Probe
    from incidents.model import Transition
    from incidents.tasks.acts import Act
    from pipeline.coverage.model import Gap

KINDS = (Kind.BILLING_GAP, Kind.DATA_QUALITY, Kind.CLIENT_REQUEST)
"""What becomes a task; outages and the watchdog are people's work at once, never a queue's."""


def lost_of(
    gap: Gap, money: Mapping[str, str | None] | None = None, by_customer: Mapping[str, Money] | None = None
) -> Lost:
    """A gap as tasks show it; `money` as `prebill gaps --json` has it, `by_customer` its parts."""
    loss, amount = gap.loss, gap.loss.lost_bytes
    return Lost(
        gap=gap.id,
        edge=loss.stream.edge,
        stream=loss.stream.stream,
        loss_class=loss.kind.name.lower(),
        since=loss.first * 60.0,
        until=loss.after * 60.0,
        minutes=gap.minutes,
        bytes=(amount.low, amount.expected, amount.high),
        state=gap.state.value,
        first_seen=gap.first_seen,
        task=gap.task,
        customers=tuple(share.customer for share in gap.customers),
        money=money_of(money),
        by_customer=tuple(sorted((by_customer or {}).items())),
        recoverable_until=gap.recoverable_until,
        accepted=gap.reason if gap.state.value == "accepted" else "",
    )


def money_of(document: Mapping[str, str | None] | None) -> Money | None:
    """`{"low", "expected", "high", "currency"}` of decimal strings, None where it is not known."""
    parts = [(document or {}).get(key) for key in ("low", "expected", "high")]
    if any(part is None for part in parts):
        return None
    low, expected, high = (Decimal(str(part)) for part in parts)
    return Money(low, expected, high, str((document or {}).get("currency") or ""))


def tasks_of(
    transitions: Iterable[Transition],
    lost: Sequence[Lost],
    acts: Iterable[Act],
    probes: Sequence[Probe],
    *,
    now: float,
    freshness_s: float = 300.0,
    settings: TaskSettings | None = None,
    calendar: Calendar | None = None,
) -> list[Task]:
    """Every task as of `now`, those that are open first, ordered by money at stake, then by what is soon beyond
    recovery. Transitions of one incident come in the order in which they were made. `calendar`: what counts towards
    `due_after`; none given: every hour."""
    settings, calendar = settings or TaskSettings(), calendar or EveryHour()
    histories: dict[str, list[Transition]] = {}
    for transition in transitions:
        if transition.at <= now:
            histories.setdefault(transition.incident, []).append(transition)
    done: dict[str, list[Act]] = {}
    for act in sorted(acts, key=lambda act: act.at):
        if act.at <= now:
            done.setdefault(act.task, []).append(act)
    parted = shared_out(histories, lost)
    found = [
        _task(history, parted.get(name, []), done.get(name, []), probes, now, freshness_s, settings, calendar)
        for name, history in histories.items()
        if history[-1].kind in KINDS
    ]
    return sorted(found, key=_order)


def loose_gaps(transitions: Iterable[Transition], lost: Sequence[Lost]) -> list[Lost]:
    """What is still lost and in no task: nobody watches, or the watch has not come to it yet."""
    names = task_names(transitions, lost)
    return [each for each in lost if each.still and each.gap not in names]


def task_names(transitions: Iterable[Transition], lost: Sequence[Lost]) -> dict[str, str]:
    """gap → the task that it belongs to, for those that belong to one."""
    histories: dict[str, list[Transition]] = {}
    for transition in transitions:
        histories.setdefault(transition.incident, []).append(transition)
    return {each.gap: name for name, some in shared_out(histories, lost).items() for each in some}


def _order(task: Task) -> tuple[bool, Decimal, int, float, str]:
    amount = max((money.expected for money in task.money), default=Decimal(0))
    until = task.recoverable_until if task.recoverable_until is not None else float("inf")
    return (task.state is TaskState.CLOSED, -amount, -task.minutes, until, task.id)


def shared_out(histories: Mapping[str, Sequence[Transition]], lost: Sequence[Lost]) -> dict[str, list[Lost]]:
    """Each gap to the task that it names, else to the latest gap incident of its edge that was open when it was
    seen."""
    by_edge: dict[str, list[Sequence[Transition]]] = {}
    for history in histories.values():
        if history[-1].kind is Kind.BILLING_GAP and history[-1].scope.kind == "edge":
            by_edge.setdefault(history[-1].scope.id, []).append(history)
    found: dict[str, list[Lost]] = {}
    for each in lost:
        name = each.task if each.task in histories else ""
        if not name:
            fitting = [history for history in by_edge.get(each.edge, []) if _spans(history, each)]
            name = max(fitting, key=lambda history: history[0].at)[0].incident if fitting else ""
        if name:
            found.setdefault(name, []).append(each)
    return found


def _spans(history: Sequence[Transition], lost: Lost) -> bool:
    """Whether the incident was open at some time between the loss's first minute and its being seen for the first
    time; a gap that came to light after all was resolved belongs to another."""
    last = history[-1]
    return lost.since <= last.at if last.status is Status.RESOLVED else True


def _task(
    history: Sequence[Transition],
    lost: Sequence[Lost],
    acts: Sequence[Act],
    probes: Sequence[Probe],
    now: float,
    freshness_s: float,
    settings: TaskSettings,
    calendar: Calendar,
) -> Task:
    first, last = history[0], history[-1]
    missing = tuple(sorted(lost, key=lambda each: (each.since, each.edge, each.gap)))
    still = [each for each in missing if each.still]
    until = min(
        (each.recoverable_until for each in still if each.recoverable_until is not None), default=None
    )
    closing = _closing(history, acts)
    closed = last.at if last.status is Status.RESOLVED else closing.at if closing else None
    asked = [act for act in acts if act.due is not None]
    patience = settings.due_after.span.total_seconds()
    due = min(
        calendar.after(first.at, patience) or first.at + patience,
        float("inf") if until is None else max(first.at, until - settings.margin.span.total_seconds()),
    )
    assignee = next((act.assignee for act in reversed(acts) if act.assignee is not None), "")
    edges = sorted(
        {each.edge for each in missing} | ({last.scope.id} if last.scope.kind == "edge" else set())
    )
    customers = sorted(
        {name for each in missing for name in each.customers}
        | ({last.scope.id} if last.scope.kind == "customer" else set())
    )
    return Task(
        id=last.incident,
        kind=last.kind,
        scope=last.scope,
        harm=last.harm,
        priority=last.priority,
        state=TaskState.CLOSED if closed is not None else _state(last, assignee),
        opened=first.at,
        served=_served(last, probes, customers, edges, closed or now, freshness_s),
        missing=missing,
        money=add_up(still),
        per_minute=tuple(
            money.per(
                sum(each.minutes for each in still if each.money and each.money.currency == money.currency)
            )
            for money in add_up(still)
        ),
        assignee=assignee,
        due=None if closed is not None else asked[-1].due if asked else due,
        due_by=asked[-1].actor if asked else "",
        recoverable_until=until,
        parent=last.parent,
        done=frozenset(act.step for act in acts if act.step is not None),
        closed=closed,
        outcome=None if closed is None else _outcome(missing, closing, last),
        reason=next((each.reason for each in reversed(history) if each.reason), ""),
    )


def _served(
    last: Transition,
    probes: Sequence[Probe],
    customers: Sequence[str],
    edges: Sequence[str],
    at: float,
    freshness_s: float,
) -> Served:
    if last.kind is Kind.BILLING_GAP or last.scope.kind in ("edge", "customer"):
        return are_served(last, probes, customers, edges, now=at, freshness_s=freshness_s)
    return Served(Answer.UNKNOWN, last.evidence, None, "why_nobody")


def _closing(history: Sequence[Transition], acts: Sequence[Act]) -> Act | None:
    """The act that closed it, unless it was opened again since. The engine hears of it later, or not at all where
    nothing watches."""
    opened = max(
        each.at for each in history if each.change in (Change.OPENED, Change.REOPENED) or each is history[0]
    )
    return next((act for act in reversed(acts) if act.outcome is not None and act.at >= opened), None)


def _state(last: Transition, assignee: str) -> TaskState:
    if last.parent or last.priority is not Priority.NORMAL:
        return TaskState.HELD
    return TaskState.TAKEN if assignee else TaskState.OPEN


def add_up(lost: Iterable[Lost]) -> tuple[Money, ...]:
    """The money of these by currency, in the currencies' order."""
    sums: dict[str, Money] = {}
    for each in lost:
        if each.money is not None:
            held = sums.get(each.money.currency)
            sums[each.money.currency] = each.money if held is None else held + each.money
    return tuple(sums[currency] for currency in sorted(sums))


def _outcome(missing: Sequence[Lost], closing: Act | None, last: Transition) -> Outcome:
    """As the person who closed it says; else as the gaps say: what nobody accepted, and did not stay lost, came."""
    if closing is not None and closing.outcome is not None:
        return closing.outcome if is_about_data(last.kind, missing) else _solved(closing.outcome)
    found = outcome_of(missing, accepted_by=last.actor, reason=last.reason)
    return found if is_about_data(last.kind, missing) else _solved(found)


def is_about_data(kind: Kind, missing: Sequence[Lost]) -> bool:
    """Whether something can be recovered, or lost; a client's request is solved instead."""
    return kind is Kind.BILLING_GAP or bool(missing)


def _solved(outcome: Outcome) -> Outcome:
    return Outcome(kind=OutcomeKind.SOLVED, reason=outcome.reason)


def outcome_of(missing: Sequence[Lost], *, accepted_by: str, reason: str) -> Outcome:
    """What became of these gaps: all came, a part, or none; with what is lost for good."""
    left = [each for each in missing if each.state != "closed"]
    if not left:
        return Outcome(kind=OutcomeKind.RECOVERED, reason=reason)
    came = len(left) < len(missing) or any(each.state == "shrunk" for each in left)
    money = add_up(left)
    return Outcome(
        kind=OutcomeKind.PARTLY if came else OutcomeKind.LOST,
        amount=money[0] if len(money) == 1 else None,
        accepted_by=", ".join(sorted({each.accepted for each in left if each.accepted})) or accepted_by,
        reason=reason,
    )
