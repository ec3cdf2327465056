"""What a person sees of a running pipeline: a bar or a line now and then, and what was done at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.app.terminal import err, human_bytes, human_count, plural, printable, say

if TYPE_CHECKING:
    from pipeline.runners import RunReport

LINE_EVERY_S = 10.0
PLACES_SHOWN = 5

OnProgress = Callable[["RunReport"], None]
Watch = Callable[[], float]


@contextmanager
def run_progress(*, once: bool) -> Iterator[tuple[OnProgress, Watch]]:
    """What to call with each report, and a watch of the seconds since the first work was seen.

    A bar of segments for `once` on a terminal; else a line at most every ten seconds.
    """
    started = time.perf_counter()

    def watch() -> float:
        return time.perf_counter() - started

    if not (once and err().is_terminal):
        yield _lines(), watch
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("segments"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err(), transient=True) as progress:
        task = progress.add_task("segments", total=None, rate="")

        def show(report: RunReport) -> None:
            rate = f"{human_bytes(report.content_bytes / max(watch(), 1e-9))}/s"
            total = report.segments + report.pending_segments
            progress.update(task, completed=report.segments, total=total or None, rate=rate)

        yield show, watch


def _lines() -> OnProgress:
    said_at, said_segments, said_failure = time.perf_counter(), 0, ""

    def show(report: RunReport) -> None:
        nonlocal said_at, said_segments, said_failure
        failure = report.failures[-1] if report.failures else ""
        if failure != said_failure:
            said_failure = failure
            say(f"{failure}; it will be tried again")
        at = time.perf_counter()
        if at - said_at < LINE_EVERY_S or report.segments == said_segments:
            return
        say(
            f"{plural(report.segments, 'segment')}, {human_count(report.lines)} lines, "
            f"{human_bytes(report.content_bytes)}; {plural(report.pending_segments, 'segment')} waiting"
        )
        said_at, said_segments = at, report.segments

    return show


def show_report(report: RunReport, seconds: float, *, once: bool = True) -> None:
    """The closing table, on stderr: what came in, what was wrong with it, how fast; how fast not of a run that went on,
    and mostly waited for more."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(report.states.items()))
    table.add_row("Segments", f"{report.segments:,}" + (f": {states}" if states else ": nothing new"))
    if report.segments:
        table.add_row("Lines", f"{report.lines:,}: {report.parsed:,} counted, {report.malformed:,} malformed")
        aside = [f"{report.duplicates:,} repeated and dropped"] if report.duplicates else []
        aside += (
            [f"{report.flagged:,} out of their time, counted in their segment's minute"]
            if report.flagged
            else []
        )
        if aside:
            table.add_row("", "; ".join(aside))
        table.add_row("Traffic", f"{human_bytes(report.bytes_sent)} sent to clients")
        table.add_row("Facts", f"{report.rows:,} rows written")
        rate = report.content_bytes / max(seconds, 1e-9)
        fast = (
            f" in {seconds:.2f} s: {human_bytes(rate)}/s, "
            f"{human_count(report.lines / max(seconds, 1e-9))} lines/s"
        )
        table.add_row("Read", f"{human_bytes(report.content_bytes)} of lines{fast if once else ''}")
    err().print(table, markup=False)
    for path, told in list(report.reasons.items())[-PLACES_SHOWN:]:
        say(f"{printable(path)}: {printable(told)}")
    if report.with_reason > PLACES_SHOWN:
        say(f"… {report.with_reason - PLACES_SHOWN:,} more with a reason; `prebill status` shows the newest")
    for title, places in (
        ("not taken in", report.problems),
        ("could not be read yet", report.postponed),
        ("may still be written", report.waiting),
    ):
        for path, reason in list(places.items())[:PLACES_SHOWN]:
            say(f"{title}: {printable(path)}: {reason.removeprefix(path + ': ')}")
        if len(places) > PLACES_SHOWN:
            say(f"{title}: … {len(places) - PLACES_SHOWN:,} more")
