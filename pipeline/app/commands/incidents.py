"""`prebill incidents`: what is open and its story, people's words on it, and drills of the policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given

if TYPE_CHECKING:
    from pipeline.app.context import Context

Action = Literal["list", "show", "ack", "resolve", "note", "after", "events", "replay"]
SAID = ("ack", "resolve", "note")


def incidents(
    action: Action,
    name: str = "",
    /,
    *,
    every: Annotated[bool, Parameter(name="--all", negative="", show_default=False)] = False,
    actor: str | None = None,
    reason: str | None = None,
    lang: str | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: Flag = False,
    context: Given,
) -> int:
    """List incidents, show one with its story, acknowledge or resolve it, note something; or replay a file of events.

    What people say is written down at once, and taken up by the running
    watch within a second; without one, when the next begins. For instance:
    prebill incidents ack d16ba1 --actor anna --reason "looking at it"

    A replay is a drill of your own policy: what would have been decided,
    who would have been told, when and why. It touches nothing. Of
    `incidents events`, which is what the watch was told, it decides what the
    watch decided under the same policy, under the same ids.

    Parameters
    ----------
    action
        `list`, `show`, `ack` (stops reminders to its author, nothing else), `resolve`, `note`,
        `after` (a post-mortem's draft in Markdown; without an incident, how fast all were answered: MTTA, MTTR),
        `events` (all that the watch was told, NDJSON on standard output), `replay` (a file of events).
    name
        The incident: its id, or how the id begins. With `replay`: NDJSON, `-` is standard input.
    every
        With `list`: resolved ones too.
    actor
        Who says it. Required with ack, resolve and note; with ack the id of a
        [[person]], where there are any.
    reason
        What is said, or why. Required with ack, resolve and note.
    lang
        With `list`, `show`, `after`, `replay`: en or ru. Default: tasks.language of the configuration.
    output
        With `after`: into this file.
    json
        One JSON document on standard output: a list, or what is known of the incident; of a replay a line each.
    """
    _check(action, name, actor, reason, every=every)
    if action == "after":
        from pipeline.app.incidents.after import show_after
        from pipeline.app.stores import existing_store

        with existing_store(context) as store:
            return show_after(store, context, name or None, output=output, lang=lang, json=json)
    if output is not None:
        raise UsageFailure("--output: only with after")
    if lang is not None and action in (*SAID, "events"):
        raise UsageFailure("--lang: only with list, show, after and replay")
    return _do(action, name, actor, reason, context, every=every, lang=lang, json=json)


def _check(action: str, name: str, actor: str | None, reason: str | None, *, every: bool) -> None:
    problems = []
    if action in ("list", "events") and name:
        problems.append(
            f"{action} takes no incident, found {name!r}; `prebill incidents show {name}` shows it"
        )
    if action not in ("list", "after", "events", "replay") and not name:
        problems.append(f"{action}: expected the id of an incident; `prebill incidents list` shows them")
    if every and action != "list":
        problems.append("--all: only with list")
    given = [option for option, value in (("--actor", actor), ("--reason", reason)) if value is not None]
    if given and action not in SAID:
        problems.append(f"{' and '.join(given)}: only with {', '.join(SAID)}")
    if problems:
        raise UsageFailure(problems)


def _do(
    action: str,
    name: str,
    actor: str | None,
    reason: str | None,
    context: Context,
    *,
    every: bool,
    lang: str | None,
    json: bool,
) -> int:
    if action in ("events", "replay"):
        from pipeline.app.incidents.replay import print_events, replay_file

        return (
            print_events(context) if action == "events" else replay_file(context, name, lang=lang, json=json)
        )
    from pipeline.app.incidents.commands import list_incidents, say_on_incident, show_incident

    if action == "list":
        return list_incidents(context, resolved=every, lang=lang, json=json)
    if action == "show":
        return show_incident(context, name, lang=lang, json=json)
    return say_on_incident(context, action, name, actor=actor, reason=reason, json=json)
