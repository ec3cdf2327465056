"""What `prebill incidents replay` does: a file of events through the engine and one's own policy, a story for people,
NDJSON for machines; nothing is touched. And `incidents events`, which writes the log of a watch as such a file."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.app.failures import UsageFailure
from pipeline.app.period import parse_language
from pipeline.app.terminal import out
from pipeline.app.whole_files import name_of, read_lines_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from incidents.model import Transition
    from incidents.replay import Known
    from pipeline.app.configuration.settings import Config
    from pipeline.app.context import Context

PROBLEMS_SHOWN = 100
MAX_SILENCE_DAYS = 366
"""Between two events: what is open is told again every few minutes, and a mistyped year would be told for hours."""


def replay_file(context: Context, file: str, *, lang: str | None = None, json: bool) -> int:
    """Every transition and notice of the file's events, in time order."""
    from incidents.engine import Engine
    from incidents.replay import replay_known

    if not file:
        raise UsageFailure("replay: expected a file of events (NDJSON), or - for standard input")
    parse_language(lang)
    config = _config(context)
    transitions = replay_known(_events(file), Engine(config.incidents if config else None))
    if json:
        import json as jsonlib

        for one in transitions:
            print(jsonlib.dumps(one.json, ensure_ascii=False))
        return 0
    _tell(transitions, parse_language(lang, config.tasks.language if config else "en"))
    return 0


def print_events(context: Context) -> int:
    """What the watch of this store was told, as NDJSON: a replay of it under the same policy decides the same."""
    from incidents.replay import log_lines
    from pipeline.app.stores import existing_store

    with existing_store(context) as store:
        log = store.incidents
        decided = max((each.updated for each in log.incidents()), default=0.0)
        rows = ((taken.taken_at, taken.evidence) for some in log.events() for taken in some)
        for line in log_lines(rows, decided):
            sys.stdout.write(line + "\n")
    return 0


def _config(context: Context) -> Config | None:
    """The configuration, where there is one: without it the defaults hold."""
    from pipeline.app.context import DEFAULT_CONFIG

    if not context.config_path and not Path(DEFAULT_CONFIG).exists():
        return None
    return context.config


def _events(file: str) -> list[Known]:
    from incidents.replay import read_events
    from pipeline.coverage.evidence import EvidenceError

    name = name_of(file)
    try:
        events = read_events(read_lines_file(file))
    except EvidenceError as error:
        problems = [f"{name}: {problem}" for problem in error.problems[:PROBLEMS_SHOWN]]
        if len(error.problems) > PROBLEMS_SHOWN:
            problems.append(f"{name}: {len(error.problems) - PROBLEMS_SHOWN} more problems")
        raise UsageFailure(problems) from None
    _check_silence(events, name)
    return events


def _check_silence(events: list[Known], name: str) -> None:
    """Raises UsageFailure where two neighbours in time are too far apart to be of one drill."""
    from incidents.words import instant_text

    problems = [
        f"{name}: expected at most {MAX_SILENCE_DAYS} days between an event and the next, found {days:,}: "
        f"from {instant_text(before.at)} to {instant_text(after.at)}"
        for before, after in itertools.pairwise(events)
        if (days := int((after.at - before.at) // 86_400)) >= MAX_SILENCE_DAYS
    ]
    if problems:
        raise UsageFailure(
            problems, mend="Where no year is mistyped, put a tick between them, or replay two files."
        )


def _tell(transitions: Iterable[Transition], language: str) -> None:
    from rich.text import Text

    from incidents.screen_words import say
    from incidents.story import ending, story
    from incidents.words import counted
    from pipeline.app.terminal import printable

    last: dict[str, Transition] = {}

    def noted() -> Iterator[Transition]:
        for one in transitions:
            last[one.incident] = one
            yield one

    screen = out()
    for line in story(noted(), language):
        screen.print(
            Text(f"{line.when:<13}", "dim"),
            Text(printable(f"{line.who + ': ' if line.who else ''}{line.text}"), line.tone),
            soft_wrap=True,
        )
        for each in line.below:
            screen.print(Text(f"{'':<16}{printable(each)}", "dim"), soft_wrap=True)
    screen.print()
    if not last:
        screen.print(say("nothing", language))
        return
    screen.print(Text(counted(len(last), "incident", language)), style="bold")
    for sentence in ending(last.values(), language):
        screen.print(Text(f"  {printable(sentence)}"), soft_wrap=True)
