"""One task on one sheet of plain text, the head's question first; for terminals, trackers and letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.messages.words import scope_text
from incidents.phrasebook import WORDS
from incidents.phrases import in_language, source_text
from incidents.tasks.model import TaskState
from incidents.tasks.words import age_text, money_text, say, short_instant, span_text

if TYPE_CHECKING:
    from incidents.procedure import FilledStep, Procedure
    from incidents.tasks.model import Lost, Task

LOST_SHOWN = 12
FACTS_SHOWN = 4


def sheet_text(task: Task, procedure: Procedure | None, language: str, now: float) -> str:
    """Everything that the person who takes it needs."""
    lines = [headline(task, language, now), "", *served_lines(task, language)]
    if task.missing:
        lines += ["", f"{say('missing', language)}:"]
        lines += [f"  {lost_line(lost, language)}" for lost in task.missing[:LOST_SHOWN]]
        if len(task.missing) > LOST_SHOWN:
            lines.append(f"  {say('digest_more', language, count=len(task.missing) - LOST_SHOWN)}")
    lines += ["", f"{say('costs', language)}: {cost_text(task, language)}"]
    lines += [fate_text(task, language, now), who_text(task, language)]
    if procedure is not None and task.state is not TaskState.CLOSED:
        lines += ["", f"{say('places', language)}:"] if procedure.places else []
        lines += _steps(procedure.places, frozenset(), "-")
        lines += ["", f"{say('procedure', language)}: {procedure.title}"]
        lines += _steps(procedure.steps, task.done, "")
    return "\n".join(lines)


def headline(task: Task, language: str, now: float) -> str:
    """`inc-1: lost billing data, edge e1, 5 min; due …`."""
    about = about_text(task, language)
    told = [f"{task.id}: {say(task.kind.value, language)}, {about}"]
    if task.minutes:
        told.append(say("minutes", language, count=task.minutes))
    return ", ".join(told) + f"; {state_text(task, language, now)}"


def about_text(task: Task, language: str) -> str:
    """Its edges, or whom else it is about."""
    return ", ".join(task.edges) or scope_text(task.scope, language)


def state_text(task: Task, language: str, now: float) -> str:
    """Where it stands: how it ended, why it waits, or when it is due."""
    if task.outcome is not None:
        amount = money_text([task.outcome.amount] if task.outcome.amount else [], language)
        told = [say(task.outcome.kind.value, language), *([amount] if amount else [])]
        if task.outcome.accepted_by:
            told.append(say("accepted_by", language, who=task.outcome.accepted_by))
        return ", ".join(told)
    if task.state is TaskState.HELD:
        return say("held", language, why=task.parent or say(task.served.reason, language))
    if task.due is None:
        return task.state.value
    return say("late" if task.late(now) else "due", language, at=short_instant(task.due))


def served_lines(task: Task, language: str) -> list[str]:
    """The question, the answer, the evidence and its age."""
    served = task.served
    aged = (
        f", {say('age', language, age=age_text(served.age_s, language))}" if served.age_s is not None else ""
    )
    answer = say(served.answer.value, language)
    why = f" ({say(served.reason, language)}{aged})"
    lines = [f"{say('question', language)} {answer}{why}"]
    return lines + [
        f"  {short_instant(fact.at)} {source_text(fact.source, language)}: {in_language(fact.text, language)}"
        for fact in served.facts[:FACTS_SHOWN]
    ]


def lost_line(lost: Lost, language: str) -> str:
    """`g1 missing e1/access 2026-11-01 08:05–08:10, 5 min, 12.00 RUB`."""
    money = money_text([lost.money] if lost.money else [], language)
    what = WORDS["loss"].get(lost.loss_class, lost.loss_class) if language == "ru" else lost.loss_class
    told = [
        f"{lost.gap} {what} {lost.edge}/{lost.stream} {span_text(lost.since, lost.until)}",
        say("minutes", language, count=lost.minutes),
        *([money] if money else []),
    ]
    return ", ".join(told) + ("" if lost.state == "open" else f" [{say(f'gap_{lost.state}', language)}]")


def cost_text(task: Task, language: str) -> str:
    """So far, and a minute."""
    money = money_text(task.money, language)
    if not money:
        return say("not_rated", language) if task.minutes else "0"
    return f"{money}; {say('per_minute', language, amount=money_text(task.per_minute, language))}"


def fate_text(task: Task, language: str, now: float) -> str:
    """Until when it can be recovered."""
    if task.state is TaskState.CLOSED or not task.minutes:
        return state_text(task, language, now)
    if task.recoverable_until is None:
        return say("until_unknown", language)
    key = "until" if task.recoverable_until > now else "beyond"
    return say(key, language, at=short_instant(task.recoverable_until))


def who_text(task: Task, language: str) -> str:
    """Who has taken it."""
    return say("assignee", language, who=task.assignee) if task.assignee else say("nobody", language)


def _steps(steps: tuple[FilledStep, ...], done: frozenset[str], mark: str) -> list[str]:
    lines = []
    for step in steps:
        box = mark or ("[x]" if step.id in done else "[ ]")
        name = "" if mark else f"{step.id}: "
        lines.append(f"  {box} {name}{step.text}")
        lines += [f"        {command}" for command in step.commands]
        if step.more:
            lines.append(f"        … {step.more}")
    return lines
