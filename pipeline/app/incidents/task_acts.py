"""What `prebill tasks` does to a task: its acts go to the incident log, a closing also to the gaps and the engine."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec.structs import replace as replaced

from pipeline.app.context import parse_time
from pipeline.app.failures import UsageFailure

if TYPE_CHECKING:
    from incidents.tasks.acts import Act
    from incidents.tasks.model import Lost, Task
    from pipeline.app.incidents.task_view import TaskView
    from pipeline.store.store import Store

SHOWN = 5


def act_on(
    store: Store, view: TaskView, task: Task, action: str, what: str | None, *, actor: str, reason: str
) -> str:
    """Does it and says what was done. Raises UsageFailure where it cannot be."""
    if action == "close":
        return _close(store, view, task, what, actor, reason)
    if task.closed is not None:
        raise UsageFailure(f"task {task.id}: is closed")
    from incidents.tasks.acts import Act
    from incidents.tasks.words import short_instant

    act = Act(at=view.now, task=task.id, actor=actor, reason=reason)
    if action == "take":
        who = (what or actor).strip()
        if not who:
            raise UsageFailure("tasks take: expected who takes it, found nothing")
        _write(store, replaced(act, assignee=who))
        return f"{task.id}: taken by {who}"
    if action == "due":
        due = parse_time(str(what), "tasks due").timestamp()
        if due <= view.now:
            raise UsageFailure(f"tasks due: expected a time that is to come, found {what}")
        _write(store, replaced(act, due=due))
        beyond = task.recoverable_until is not None and due > task.recoverable_until
        late = ": by then its data is beyond recovery" if beyond else ""
        return f"{task.id}: due {short_instant(due)}{late}"
    steps = _steps(task)
    if what not in steps:
        raise UsageFailure(f"tasks done: expected a step of {', '.join(steps)}; found {what!r}")
    _write(store, replaced(act, step=what))
    return f"{task.id}: {what} is done"


def _close(store: Store, view: TaskView, task: Task, kind: str | None, actor: str, reason: str) -> str:
    """What is still lost is accepted, then the act is written, then the engine is told; each may be repeated."""
    from incidents.model import Priority
    from incidents.tasks.acts import Act, resolve_line
    from incidents.tasks.build import is_about_data, outcome_of
    from incidents.tasks.model import OutcomeKind
    from incidents.tasks.words import money_text
    from pipeline.coverage.evidence import parse_evidence
    from pipeline.coverage.model import GapState

    if task.closed is not None and not any(lost.still for lost in task.missing):
        raise UsageFailure(f"task {task.id}: is closed already")
    if task.priority is not Priority.NORMAL:
        raise UsageFailure(
            f"task {task.id}: its priority is {task.priority.value}: clients may be hurt, and money waits",
            mend="`prebill incidents show` tells what is known; `prebill incidents resolve` ends it, by name.",
        )
    about_data = is_about_data(task.kind, task.missing)
    if kind is not None and about_data == (kind == OutcomeKind.SOLVED):
        expected = "recovered, partly or lost" if about_data else "solved: it is not about lost data"
        raise UsageFailure(f"task {task.id}: found {kind!r}, expected {expected}")
    still = [lost for lost in task.missing if lost.still]
    if kind == OutcomeKind.RECOVERED and (left := [lost for lost in task.missing if lost.state != "closed"]):
        raise UsageFailure(
            f"task {task.id}: not recovered: {_names(left)} still lost",
            mend="`prebill run --once` takes in what has come; else close it as partly or lost.",
        )
    outcome = outcome_of(task.missing, accepted_by=actor, reason=reason)
    if kind is not None or not about_data:
        outcome = replaced(outcome, kind=OutcomeKind(kind or "solved"))
    if outcome.kind in (OutcomeKind.PARTLY, OutcomeKind.LOST):
        outcome = replaced(outcome, accepted_by=actor)
    lost_ids = {lost.gap for lost in still}
    accepted = [
        replace(gap, state=GapState.ACCEPTED, reason=f"{actor}: {reason}", updated=view.now, task=task.id)
        for gap in view.gaps
        if gap.id in lost_ids
    ]
    if accepted:
        store.write_gaps(accepted)
    act = Act(at=view.now, task=task.id, actor=actor, reason=reason, outcome=outcome)
    _write(store, act)
    store.add_evidence(parse_evidence(json.dumps(resolve_line(act)), actor=actor, now=view.now))
    amount = money_text([outcome.amount] if outcome.amount else [], "en")
    told = f", {amount} accepted as lost by {actor}" if amount else ""
    return f"{task.id}: closed, {outcome.kind.value}{told}"


def _write(store: Store, act: Act) -> None:
    from incidents.tasks.acts import act_body, act_name
    from pipeline.store.incident_rows import ActRow

    store.incidents.append_acts(
        [ActRow(act.at, act.task, act_name(act), act.actor, act.reason, act_body(act))]
    )


def _steps(task: Task) -> list[str]:
    from incidents.procedure import procedure_for

    return [step.id for step in procedure_for(task).steps]


def _names(lost: list[Lost]) -> str:
    more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    return ", ".join(each.gap for each in lost[:SHOWN]) + more
