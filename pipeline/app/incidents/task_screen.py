"""The task queue as a table on a terminal: the answer first, then what, how much, who and by when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app.terminal import out, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.tasks.model import Task

SHOWN = 60
_STYLES = {"yes": "green", "no": "bold red", "unknown": "yellow"}


def show_queue(tasks: Sequence[Task], language: str, now: float) -> None:
    """A row a task, in the order given."""
    from rich.table import Table
    from rich.text import Text

    from incidents.tasks.build import add_up
    from incidents.tasks.sheet import about_text, state_text
    from incidents.tasks.words import money_text, say

    if not tasks:
        out().print(say("digest_tasks_none", language))
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for key in ("task", "served", "what", "stake", "who", "when"):
        table.add_column(say(key, language), no_wrap=key in ("task", "served"))
    for task in tasks[:SHOWN]:
        about = about_text(task, language)
        minutes = f", {say('minutes', language, count=task.minutes)}" if task.minutes else ""
        table.add_row(
            Text(printable(task.id)),
            Text(say(task.served.answer.value, language), _STYLES[task.served.answer.value]),
            Text(printable(f"{say(task.kind.value, language)}: {about}{minutes}")),
            money_text(task.money, language) or "-",
            Text(printable(task.assignee) or "-"),
            Text(printable(state_text(task, language, now)), "red" if task.late(now) else ""),
        )
    out().print(table)
    if len(tasks) > SHOWN:
        out().print(say("digest_more", language, count=len(tasks) - SHOWN))
    total = money_text(add_up(lost for task in tasks for lost in task.missing if lost.still), language)
    if total:
        out().print()
        out().print(f"{say('stake', language)}: {total}")
