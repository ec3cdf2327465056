"""`prebill run`: the pipeline over the configured spool, into the store, for ever or until all that is there is in."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from pipeline.app.context import Context
from pipeline.app.coverage.control_loop import check_once, checks
from pipeline.app.failures import FOUND_SOMETHING, OwnerFailure, Stopped, UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.stores import any_store, say_tried_again
from pipeline.app.terminal import print_json, say
from pipeline.app.usage.run_screen import run_progress, show_report
from pipeline.app.whole_store import restore as restore_lost

if TYPE_CHECKING:
    from pipeline.app.configuration.settings import Config
    from pipeline.flow_report import RunReport
    from pipeline.formats.model import LogFormat
    from pipeline.store.store import Store

RUNNERS = ("local",)
SWEEP_EVERY_S = 3600.0


def run(
    *,
    once: Flag = False,
    runner: str = "local",
    restore: Flag = False,
    json: Flag = False,
    context: Given,
) -> int:
    """Bring segments from the spool into the store, each counted once, until stopped.

    Checks every minute what is missing, and keeps the gaps. May be
    stopped or killed at any moment and started again: what was committed
    stays, the rest is read again.

    Parameters
    ----------
    once
        Stop when all that is in the spool is in the store; exit 1 if some was damaged, quarantined or not taken in.
    runner
        What runs Beam's graph: local, this process.
    restore
        First look through the whole store for usage that was counted and is not there any more, as after a damage of
        its disk, and count it again from the spool. Done by itself where a part of the store cannot be read.
    json
        At the end, one JSON document on standard output: what was done.
    """
    if runner not in RUNNERS:
        raise UsageFailure(
            f"--runner: expected {' or '.join(RUNNERS)}, found {runner!r}",
            mend="Beam's portable runners open ports to everybody (docs/decisions/0004-flow.md): leave --runner out.",
        )
    config = context.config
    check_spool(config)
    fmt = spool_format(config, context.now().timestamp())
    with stop_on_signals() as stop:
        return past_owners(
            lambda: _with_store(config, fmt, context, stop, once=once, restoring=restore, json=json), stop
        )


def past_owners(work: Callable[[], int], stop: StopEvent) -> int:
    """What `work` comes to, begun anew whenever the process ends that held the store for it. Raises OwnerFailure where
    a signal asked for an end meanwhile."""
    while True:
        try:
            return work()
        except OwnerFailure as ended:
            stop.clear()  # the work sets it too, to end all its parts
            if stop.number is not None:
                raise
            say(f"{ended.problems[0]}; going on without it")


def _with_store(
    config: Config,
    fmt: LogFormat,
    context: Context,
    stop: StopEvent,
    *,
    once: bool,
    restoring: bool,
    json: bool,
) -> int:
    with any_store(context) as store, housekeeping(store, context, stop):
        still_lost = restore_lost(store, fmt, stop) if restoring or store.parts_aside() else False
        if once:
            report = bring_in(config, store, fmt, context, stop, once=once, json=json)
            say(check_once(store, config, context.now()))
            return FOUND_SOMETHING if still_lost or report.left_out else 0
        with checks(store, config, context.clock(), stop):
            bring_in(config, store, fmt, context, stop, once=once, json=json)
            return 0


def check_spool(config: Config) -> None:
    """Raises UsageFailure where the spool is not there."""
    spool = Path(config.spool.path)
    if not spool.is_dir():
        raise UsageFailure(
            f"spool.path: there is no folder {spool}", mend=f"mkdir -p {spool}, or mend spool.path."
        )


def bring_in(
    config: Config,
    store: Store,
    fmt: LogFormat,
    context: Context,
    stop: StopEvent,
    *,
    once: bool,
    json: bool = False,
) -> RunReport:
    """Run the pipeline and show what it did."""
    from pipeline.app.compiling import compiling_told
    from pipeline.flow_source import SpoolSource
    from pipeline.ingest.errors import UnreadableError
    from pipeline.ingest.names import PatternError
    from pipeline.runners import run as run_pipeline
    from pipeline.runners import warm_up

    store.set_edges(
        [(edge.id, edge.zone, edge.from_.at(), edge.to.at() if edge.to else None) for edge in config.edge]
    )
    try:
        source = SpoolSource(config.spool.path, config.spool.pattern)
    except PatternError as error:
        raise UsageFailure(f"spool.pattern: {error}") from None
    try:
        with compiling_told():
            warm_up(fmt)
        with run_progress(once=once) as (on_progress, watch), compiling_told() as compiling:
            report = run_pipeline(
                [source], store, fmt, once=once, now=context.clock(), on_progress=on_progress, stop_event=stop
            )
            seconds = watch()
    except UnreadableError as error:
        raise UsageFailure(f"spool.path: {config.spool.path} {error.reason}") from None
    finally:
        source.close()
    if report.all_in_at is not None:
        from pipeline.coverage.looks import make_look

        store.add_evidence([make_look(report.all_in_at, context.now().timestamp())])
    if json:
        print_json(asdict(report))
    show_report(report, seconds - compiling.seconds, once=once)
    if stop.number is not None:
        raise Stopped(stop.number)
    return report


def spool_format(config: Config, now_s: float) -> LogFormat:
    """The format of the spool's lines; `auto` is found from the first segment that has any."""
    from pipeline.formats.errors import FormatError
    from pipeline.formats.load import load_format

    try:
        if config.spool.format != "auto":
            return load_format(config.spool.format)
        head = _first_head(Path(config.spool.path), config.spool.pattern, now_s)
        if not head:
            raise UsageFailure(
                'spool.format: "auto" needs a segment with lines in the spool, and there is none yet',
                mend='Name the format in the configuration, for instance format = "edge-tsv".',
            )
        from pipeline.formats.detect import detect

        found = detect(head)
        say(f"spool read as {found.format.title}: {found.why}")
        return found.format
    except FormatError as error:
        raise UsageFailure([f"spool.format: {problem}" for problem in error.problems]) from None


def _first_head(spool: Path, pattern: str | None, now_s: float) -> bytes:
    from pipeline.app.inputs import read_head
    from pipeline.formats.detect import shows_requests
    from pipeline.ingest.names import PatternError
    from pipeline.ingest.spool import Spool

    try:
        look = Spool(spool, pattern).look(now_s)
    except PatternError as error:
        raise UsageFailure(f"spool.pattern: {error}") from None
    half = [waiting.path for waiting in look.waiting]  # tells its format too
    for path in [*(found.path for found in look.found), *half]:
        try:
            head = read_head(str(spool / path))
        except UsageFailure:
            continue  # damaged or unreadable: another one will tell
        if shows_requests(head):
            return head
    return b""


class StopEvent(threading.Event):
    """Set when a signal asked for a stop; `number` is the signal's."""

    number: int | None = None


@contextmanager
def stop_on_signals() -> Iterator[StopEvent]:
    """The first Ctrl-C or SIGTERM asks for a stop after the batch in hand; the second one ends at once."""
    stop = StopEvent()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise Stopped(number)
        stop.number = number
        stop.set()
        say("stopping after what is in hand; once more ends at once, and loses nothing either …")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def housekeeping(store: Store, context: Context, stop: threading.Event) -> Iterator[None]:
    """Sweeps superseded and orphaned facts now and every hour, beside the work."""
    now, done = context.clock(), threading.Event()

    def sweep() -> None:
        while not (stop.is_set() or done.is_set()):
            try:
                store.sweep(now())
            except Exception as error:
                say_tried_again("the sweep of superseded facts failed", error)
            done.wait(SWEEP_EVERY_S)

    thread = threading.Thread(target=sweep, name="sweep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=30)
