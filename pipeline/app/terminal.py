"""What a person sees: consoles, human units, progress; messages go to stderr, results to stdout."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_COUNT_UNITS = ("", "k", "M", "G", "T")
_SPARKS = "▁▂▃▄▅▆▇█"


@cache
def out() -> Console:
    """Results."""
    return _console(stderr=False)


@cache
def err() -> Console:
    """Messages, progress, warnings."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    """Where there is no terminal, lines are as wide as what is in them: a log or a pipe has no edge to wrap at."""
    shown = console(stderr=stderr)
    return shown if shown.is_terminal else console(stderr=stderr, width=200)


def for_help() -> Console:
    """What a command's help is printed to."""
    return _kind()()


def console(**options: Any) -> Console:
    """A console that prints what it is given: names from outside are never emoji, and no figure of a table is cut."""
    return _kind()(highlight=False, emoji=False, **options)


@cache
def _kind() -> type[Console]:
    from rich.console import Console
    from rich.table import Table

    class Whole(Console):
        def on_broken_pipe(self) -> None:
            """Left to main: rich would end with exit code 1, which says that a check found something."""
            raise BrokenPipeError

        def print(self, *objects: Any, **how: Any) -> None:
            if len(objects) == 1 and isinstance(objects[0], Table):
                from pipeline.app.whole_tables import print_whole

                print_whole(super().print, self, objects[0])
            else:
                super().print(*objects, **how)

    return Whole


def say(text: str) -> None:
    """One message line on stderr, as it is: file names in it are never markup."""
    print(text, file=sys.stderr, flush=True)


def print_json(document: Any) -> None:
    """The one JSON document of a `--json` answer."""
    import json

    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def human_bytes(count: float) -> str:
    """Decimal units, as traffic is billed: 1 GB = 10^9 bytes."""
    return _human(count, _BYTE_UNITS, " ")


def human_count(count: float) -> str:
    """`12.3 M`; whole below 10,000."""
    return f"{count:,.0f}" if abs(count) < 10_000 else _human(count, _COUNT_UNITS, " ")


def _human(count: float, units: tuple[str, ...], gap: str) -> str:
    size = float(count)
    for unit in units[:-1]:
        if abs(size) < 999.5:
            return f"{size:.0f}{gap}{unit}".rstrip() if unit == units[0] else f"{size:.3g}{gap}{unit}"
        size /= 1000
    return f"{size:,.3g}{gap}{units[-1]}" if abs(size) < 999.5 else f"{size:,.0f}{gap}{units[-1]}"


def plural(count: int, noun: str) -> str:
    """`1 edge`, `1,200 edges`."""
    from incidents.words import counted

    return counted(count, noun)


def percent(part: float, whole: float) -> str:
    """A share; `-` where there is no whole."""
    if not whole:
        return "-"
    share = 100 * part / whole
    return (
        f"{share:.0f} %" if share >= 9.95 or share == 0 else f"{share:.1f} %" if share >= 0.05 else "<0.1 %"
    )


def spark(values: list[float]) -> str:
    """A line of blocks, one a value, the highest full."""
    top = max(values, default=0)
    if not top:
        return ""
    return "".join(_SPARKS[min(7, int(8 * value / top))] if value else " " for value in values)


def printable(raw: bytes | str) -> str:
    """A name out of a log as UTF-8 text: bytes that are none are written `\\xNN`, control characters too."""
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


@contextmanager
def byte_progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on stderr that takes the bytes done so far; nothing where stderr is no terminal."""
    if not err().is_terminal:
        yield lambda _done: None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err(), transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
