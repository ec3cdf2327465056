"""`prebill tasks`: the normal-priority work that nobody is woken for: the queue, one task with its procedure, taking
and closing it, and the head's daily digest."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipeline.app.context import acting_user
from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_language
from pipeline.app.stores import existing_store
from pipeline.app.terminal import print_json, say
from pipeline.app.whole_files import write_text_file

if TYPE_CHECKING:
    from incidents.tasks.model import Task
    from pipeline.app.context import Context
    from pipeline.app.incidents.task_view import TaskView

Action = Literal["list", "show", "take", "due", "done", "close", "digest"]
OUTCOMES = ("recovered", "partly", "lost", "solved")
_TAKES = {
    "list": (0, 0, ""),
    "show": (1, 1, "a task"),
    "take": (1, 2, "a task, and who takes it (default: --actor)"),
    "due": (2, 2, "a task and a time with an offset, like 2026-11-02T12:00:00Z"),
    "done": (2, 2, "a task and a step of its procedure"),
    "close": (1, 2, f"a task, and {', '.join(OUTCOMES)} (default: what its gaps say)"),
    "digest": (0, 0, ""),
}


def tasks(
    action: Action = "list",
    task: str | None = None,
    what: str | None = None,
    /,
    *,
    closed: Flag = False,
    actor: str | None = None,
    reason: str | None = None,
    lang: str | None = None,
    html: Flag = False,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: Flag = False,
    context: Given,
) -> int:
    """The normal-priority work: lost data and what else can wait, because the clients are served.

    Each task opens with *are the clients served?*, on what evidence, how
    old; then what is missing, what it costs, where the data may still be,
    and the standard procedure with its commands. The dearest comes first.
    `list`: the queue. `show TASK`: all of one. `take TASK [WHO]`, `due
    TASK TIME`, `done TASK STEP`: who does it, by when, and how far he is.
    `close TASK [recovered|partly|lost|solved]`: what is still missing is
    accepted as lost, by --actor; what is not about data is solved. `digest`: the last day for the head of the company.

    Parameters
    ----------
    action
        list, show, take, due, done, close or digest.
    task
        The task's id, or as much of its beginning as no other has.
    what
        take: who. due: a time with an offset. done: a step. close: recovered, partly or lost; solved.
    closed
        list: closed ones too.
    actor
        Who does it. Default: the user of this process.
    reason
        Why; required to close a task and to move its date.
    lang
        en or ru. Default: tasks.language of the configuration.
    html
        digest: as a page of its own.
    output
        digest: into this file.
    json
        One JSON document on standard output.
    """
    _check(action, task, what, reason, closed=closed, html=html, output=output)
    parse_language(lang)
    who = acting_user(actor)
    with existing_store(context) as store:
        from pipeline.app.incidents.task_view import view_tasks

        view = view_tasks(store, context)
        language = parse_language(lang, view.config.tasks.language if view.config else "en")
        if action == "list":
            return _list(view, language, closed=closed, json=json)
        if action == "digest":
            return _digest(view, language, html=html, output=output, json=json)
        found = _find(view, str(task))
        if action != "show":
            from pipeline.app.incidents.task_acts import act_on

            told = act_on(store, view, found, action, what, actor=who, reason=(reason or "").strip())
            say(told)
            view = view_tasks(store, context)
            found = _find(view, found.id)
            if not json:
                return 0
    _show(view, found, language, context, who, json=json)
    return 0


def _check(
    action: Action,
    task: str | None,
    what: str | None,
    reason: str | None,
    *,
    closed: bool,
    html: bool,
    output: Path | None,
) -> None:
    given = sum(value is not None for value in (task, what))
    least, most, words = _TAKES[action]
    problems = []
    if not least <= given <= most:
        problems.append(f"tasks {action}: expected {words or 'nothing more'}")
    if action in ("close", "due") and not (reason or "").strip():
        problems.append("--reason: required, and not given")
    if action == "close" and what is not None and what not in OUTCOMES:
        problems.append(f"tasks close: expected {', '.join(OUTCOMES)}; found {what!r}")
    if closed and action != "list":
        problems.append("--closed: only with list")
    if (html or output is not None) and action != "digest":
        problems.append("--html, --output: only with digest")
    if problems:
        raise UsageFailure(problems)


def _find(view: TaskView, name: str) -> Task:
    exact = view.find(name)
    near = [each for each in view.tasks if each.id.startswith(name)] if exact is None else [exact]
    if len(near) == 1:
        return near[0]
    if near:
        raise UsageFailure(f"task {name!r}: {len(near)} begin so; give more of it")
    raise UsageFailure(f"no task {name!r}", mend="`prebill tasks --closed` lists all.")


def _list(view: TaskView, language: str, *, closed: bool, json: bool) -> int:
    from incidents.tasks.model import TaskState
    from pipeline.app.incidents.task_screen import show_queue

    shown = [each for each in view.tasks if closed or each.state is not TaskState.CLOSED]
    if json:
        print_json([each.document() for each in shown])
        return 0
    show_queue(shown, language, view.now)
    if view.loose:
        say(
            f"{len(view.loose):,} gaps are in no task: `prebill watch` makes them of gaps; until then `prebill gaps`."
        )
    return 0


def _show(view: TaskView, task: Task, language: str, context: Context, actor: str, *, json: bool) -> None:
    from incidents.procedure import procedure_for
    from incidents.tasks.sheet import sheet_text

    procedure = procedure_for(task, language, prebill=called(context), actor=actor)
    if json:
        print_json(task.document(procedure.steps))
    else:
        print(sheet_text(task, procedure, language, view.now))


def _digest(view: TaskView, language: str, *, html: bool, output: Path | None, json: bool) -> int:
    import json as jsonlib

    from incidents.tasks.digest import digest_html, digest_of, digest_text

    since = view.now - timedelta(days=1).total_seconds()
    digest = digest_of(view.transitions, view.tasks, since=since, now=view.now)
    if json and output is None:
        print_json(digest.json)
        return 0
    if json:
        text = jsonlib.dumps(digest.json, ensure_ascii=False, indent=2) + "\n"
    else:
        text = digest_html(digest, language) if html else digest_text(digest, language)
    if output is None:
        print(text, end="")
        return 0
    write_text_file(output, text)
    say(f"{output}: written")
    return 0


def called(context: Context) -> str:
    """How the commands of a procedure are called, with the configuration that this one was given."""
    import shlex

    told = ["prebill"]
    for option, value in (("--config", context.config_path), ("--store", context.store_dsn)):
        if value:
            told += [option, value]
    return shlex.join(told)
