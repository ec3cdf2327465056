"""What the demo shows of its stories: a line for each thing that happened, with who hears it, the letter to the client,
the queue of tasks."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.app.terminal import out, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.model import Transition
    from incidents.tasks.model import Task

_AUDIENCES = {"queue": "task queue", "on_call": "on call", "company": "company", "client": "client"}
_STYLES = {"company": "bold red", "on call": "yellow", "client": "bold cyan", "task queue": "green"}


def show_line(at: float, who: str, text: str) -> None:
    """When (epoch seconds), who hears, what."""
    from rich.text import Text

    out().print(
        Text.assemble(f"  {clock_text(at)}  ", (f"{who:<11}", _STYLES.get(who, "dim")), text), soft_wrap=True
    )


def show_made(made: Sequence[Transition]) -> None:
    """A line for each thing that happened; what happened to several incidents alike is one line."""
    groups: dict[tuple[object, ...], list[Transition]] = {}
    waiting: set[str] = set()
    for each in made:
        groups.setdefault((each.at, each.kind, each.change, each.audience), []).append(each)
    for same in groups.values():
        first = same[0]
        if first.audience is None and any(
            each.audience and each.at == first.at and each.kind is first.kind for each in made
        ):
            continue  # the notice of the same instant says it
        if first.parent and first.parent in waiting:
            continue
        waiting.add(first.parent)
        show_line(first.at, *_told(first, len(same)))


def show_letter(made: Sequence[Transition], customer: str, name: str, repeat_s: float) -> None:
    """The first message to the client, as it lies before the liaison."""
    from incidents.messages.letters import Story, write_letter
    from incidents.people.recipients import Customer

    first = next(
        (each for each in made if each.audience is not None and each.audience.value == "client"), None
    )
    if first is None:
        return
    letter = write_letter(
        first,
        Customer(id=customer, name=name, lang="en"),
        Story(opened=made[0].at),
        lang="en",
        tz="Europe/Moscow",
        repeat=repeat_s,
    )
    out().print()
    for line in f"{letter.subject}\n\n{letter.text}".rstrip().splitlines():
        out().print(f"  │ {line}".rstrip(), markup=False, style="cyan", soft_wrap=True)


def show_tasks(tasks: Sequence[Task], at: float) -> None:
    """The queue, between blank lines."""
    from pipeline.app.incidents.task_screen import show_queue

    out().print()
    show_queue(tasks, "en", at)
    out().print()


def clock_text(at: float) -> str:
    """`01:12:20`, UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _told(first: Transition, count: int) -> tuple[str, str]:
    """Who hears, and what."""
    reason = first.reason.split("; the next message")[0]
    who = _AUDIENCES[first.audience.value] if first.audience is not None else ""
    if first.kind.value == "billing_gap":
        tasks = plural(count, "task")
        if who:
            return who, f"{tasks}, {first.priority.value}: {_common(reason, count)}"
        return (
            who,
            f"{tasks} wait{'s' if count == 1 else ''} below it: clients first" if first.parent else reason,
        )
    if who:
        draft = " (a draft, with the liaison)" if first.draft else ""
        over = "resolved, " if first.status.value == "resolved" else ""
        return who, f"{over}{first.priority.value.replace('_', '-')}: {reason}{draft}"
    actor = "" if first.actor == "engine" else f" by {first.actor}"
    return who, f"{first.kind.value} {first.change.value}{actor}: {reason}"


def _common(reason: str, count: int) -> str:
    """What several reasons say alike, without the edge that each of them names."""
    return reason if count == 1 else re.sub(r"of edge \S+ are", "of an edge are", reason)
