"""The standard procedure: runbooks (incidents/runbooks/*.toml, ru and en) filled with one task's edges, minutes and
gaps into a checklist whose commands can be pasted as they are."""

from __future__ import annotations

import json
import re
import shlex
import string
import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from incidents.model import Kind
from incidents.words import instant_text

if TYPE_CHECKING:
    from incidents.tasks.model import Lost, Task

LANGUAGES = ("en", "ru")
COMMANDS_SHOWN = 12
"""Commands of one step; a task of three hundred gaps shows how it is done, and says how many more there are."""

VERSION = 1


class _Step(Struct, frozen=True, kw_only=True):
    """`each`: the command is given for every gap, edge or customer of the task. `classes`: of these losses only."""

    id: str
    text: dict[str, str]
    commands: tuple[str, ...] = ()
    each: str = ""
    classes: tuple[str, ...] = ()


class Runbook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A procedure. `places`: where the data may still be, in the order in which to look."""

    version: int
    title: dict[str, str]
    places: tuple[_Step, ...] = ()
    step: tuple[_Step, ...]


class FilledStep(Struct, frozen=True):
    """A line of the checklist, in one language. `more`: how many like commands are not shown."""

    id: str
    text: str
    commands: tuple[str, ...] = ()
    more: int = 0

    @property
    def json(self) -> dict[str, Any]:
        """As it is printed."""
        return {"id": self.id, "text": self.text, "commands": list(self.commands)}


class Procedure(Struct, frozen=True):
    """A runbook filled for one task."""

    title: str
    places: tuple[FilledStep, ...]
    steps: tuple[FilledStep, ...]


@cache
def read_runbook(kind: Kind) -> Runbook:
    """The shipped runbook of a kind of task."""
    text = (files("incidents") / "runbooks" / f"{kind.value}.toml").read_text(encoding="utf-8")
    found = msgspec.convert(tomllib.loads(text), Runbook)
    if found.version != VERSION:
        raise ValueError(f"runbook {kind.value}: expected version {VERSION}, found {found.version}")
    return found


def procedure_for(
    task: Task, language: str = "en", *, prebill: str = "prebill", actor: str = "YOU"
) -> Procedure:
    """What to do about a task, in order. `prebill`: how the command is called, with its configuration."""
    runbook = read_runbook(task.kind)
    language = language if language in LANGUAGES else "en"
    classes = {lost.loss_class for lost in task.missing}
    steps = (step for step in runbook.step if not step.classes or classes.intersection(step.classes))
    return Procedure(
        runbook.title[language],
        tuple(_fill(place, task, language, prebill, actor) for place in runbook.places),
        tuple(_fill(step, task, language, prebill, actor) for step in steps),
    )


def _fill(step: _Step, task: Task, language: str, prebill: str, actor: str) -> FilledStep:
    """The commands for each gap, edge or customer that the step is about, each once."""
    common = {"prebill": prebill, "actor": shlex.quote(actor), "task": shlex.quote(task.id), **_window(task)}
    rows = [common | row for row in _rows(step, task)]
    commands = list(dict.fromkeys(_Template(line).substitute(row) for row in rows for line in step.commands))
    shown = tuple(commands[:COMMANDS_SHOWN])
    return FilledStep(step.id, step.text[language], shown, len(commands) - len(shown))


def _rows(step: _Step, task: Task) -> list[dict[str, str]]:
    """What the step's commands are filled with, a row for each of what it is about. Names come from outside: they are
    quoted, and one that a program would take for an option gets no command."""
    if step.each == "gap":
        return [_gap_row(lost) for lost in task.missing if lost.still and _concerns(step, lost)]
    if not step.each:
        return [{}]
    names = task.edges if step.each == "edge" else task.customers
    if not names and task.scope.kind == step.each:
        names = (task.scope.id,)
    return [{step.each: shlex.quote(name)} for name in names if not name.startswith("-")]


def _gap_row(lost: Lost) -> dict[str, str]:
    begin, end = instant_text(lost.since), instant_text(lost.until)
    act = {"type": "edge", "edge": lost.edge, "stream": lost.stream}
    return {
        "gap": shlex.quote(lost.gap),
        "pause": _line({"at": begin, **act, "action": "pause", "reason": "switched off on purpose"}),
        "resume": _line({"at": end, **act, "action": "resume", "reason": "on again"}),
    }


def _line(body: dict[str, str]) -> str:
    return shlex.quote(json.dumps(body, ensure_ascii=False))


def _concerns(step: _Step, lost: Lost) -> bool:
    return not step.classes or lost.loss_class in step.classes


def _window(task: Task) -> dict[str, str]:
    """All of what is lost, or the hour before the task where nothing is known to be."""
    begins = [lost.since for lost in task.missing] or [task.opened - 3600]
    ends = [lost.until for lost in task.missing] or [task.closed or task.opened + 60]
    begin, end = instant_text(min(begins)), instant_text(max(ends))
    return {"from": begin, "to": end, "month": begin[:7]}


class _Template(string.Template):
    """`$gap`, because braces are JSON's."""

    flags = re.RegexFlag(0)
    braceidpattern = "(?!)"
