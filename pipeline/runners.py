"""Runs the graph: `run` brings what lies in the sources into the store, until all is in or until it is stopped.

The `local` runner (`pipeline.flow_local`) cuts what has arrived into micro-batches, each a bounded Beam run on the
in-process FnApiRunner. Nothing is remembered outside the store: a process may be killed anywhere and started again.
"""

from __future__ import annotations

import copy
import functools
import gc
import inspect
import logging
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipeline.flow_local import FLIGHTS, LocalRunner
from pipeline.flow_read import SegmentReader
from pipeline.flow_report import RunReport
from pipeline.flow_run import Run, open_run

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from pipeline.attempt import Reader
    from pipeline.flow_run import Store
    from pipeline.flow_source import Source
    from pipeline.formats.model import LogFormat
    from pipeline.ingest.unpack import Limits

__all__ = ["RunReport", "load_beam", "run", "run_beam", "warm_up"]

BATCH_BYTES = 1 << 31
"""Content of a batch: enough that Beam's fixed cost (0.1 s) does not count, little enough that memory stays flat."""

SAMPLING_MS = 5
"""How often Beam notes what it is doing, once a step has gone on for a while."""


def run(
    sources: Sequence[Source],
    store: Store,
    fmt: LogFormat,
    *,
    once: bool,
    now: Callable[[], datetime],
    on_progress: Callable[[RunReport], None] | None = None,
    stop_event: threading.Event | None = None,
    limits: Limits | None = None,
    want_sha256: bool = False,
    batch_bytes: int = BATCH_BYTES,
    reader: Reader | None = None,
) -> RunReport:
    """Bring segments in; `once`: until all that is there is in, else until `stop_event` is set.

    `now` must move on by itself: waiting for files that may still be written goes by it. A stop ends after the batches
    on their way. Raises what the store raised when, with `once`, it did so again and again; without, it is tried on.
    """
    reader = reader or SegmentReader(fmt, limits, want_sha256)
    load_beam()
    runner = LocalRunner(sources, store, reader, fmt.name, run_beam, now, on_progress, stop_event)
    return runner.run(once=once, batch_bytes=batch_bytes)


def run_beam(key: str, run: Run) -> None:
    """One bounded run of the graph, on the runner that is named here: "DirectRunner" would look for another one."""
    _, runner, options = load_beam()
    graph = draw_graph(key)
    try:
        runner().run_via_runner_api(copy.deepcopy(graph), options).wait_until_finish()
    except Exception as error:
        # Beam tells it as a text with its own trace; whoever asked wants the fault itself.
        raise (run.error or error) from None


@functools.cache
def draw_graph(key: str) -> Any:
    """The graph for one key as Beam hands it to a runner: checking and translating it is two thirds of the cost of
    a small batch, so it is done once for each of the few keys."""
    beam, runner, options = load_beam()
    from pipeline.flow import build_graph

    drawn = []

    class Drawing(runner):  # type: ignore[misc, valid-type]
        """Takes the graph where Beam would run it."""

        def run_via_runner_api(self, graph: Any, _options: Any) -> None:
            drawn.append(graph)

    pipeline = beam.Pipeline(runner=Drawing(), options=options)
    build_graph(pipeline, key)
    pipeline.run()
    return drawn[0]


@functools.cache
def load_beam() -> Any:
    """apache_beam, its in-process runner and options for it; silent, because all faults are raised to us."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        import apache_beam as beam
        import pyarrow  # noqa: F401 - a second that the first insert would otherwise take
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner
        from apache_beam.runners.worker.statesampler import StateSampler
    finally:
        logging.disable(disabled)
    _sample_often(StateSampler)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)

    class Options(PipelineOptions):
        """Options that make each of their views once: Beam asks for one 80 times a run, an argparse parser each, which
        were 27 of a run's 110 ms."""

        def __init__(self, flags: list[str]) -> None:
            super().__init__(flags)
            object.__setattr__(self, "_made", {})

        def view_as(self, cls: type[Any]) -> Any:
            made: dict[type[Any], Any] = object.__getattribute__(self, "_made")
            if cls not in made:
                made[cls] = super().view_as(cls)
            return made[cls]

    return beam, FnApiRunner, Options([])


def _sample_often(sampler: type[Any]) -> None:
    """Each step of a run waits at its end until the thread that samples what Beam does wakes up once more: up to 0.2 s
    by default, 0.25 s a batch, while nothing else is done. A Beam without this default is only slower."""
    asked = inspect.signature(sampler).parameters.get("sampling_period_ms")
    if asked is not None and sampler.__init__.__defaults__ == (asked.default,):
        sampler.__init__.__defaults__ = (SAMPLING_MS,)


def warm_up(fmt: LogFormat) -> None:
    """Load Beam and the kernels of a format, compiling these where that was never done on this machine: seconds that
    are start-up, and no part of the pipeline's rate."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from pipeline.ingest.fingerprint import fingerprint_file
    from pipeline.model import Origin, Segment

    load_beam()
    import pipeline.flow  # noqa: F401
    from pipeline.attempt import Reading
    from pipeline.flow_merge import merge_usages

    with TemporaryDirectory() as folder:
        path = Path(folder) / "warm.log"
        path.write_bytes(b"\n")
        segment = Segment(Origin("-", "-", 0), str(path), "plain", 1, fingerprint_file(str(path)) or "")
        reading = SegmentReader(fmt).read(segment)
        if isinstance(reading, Reading):
            merge_usages([((0, 0), reading.usage)])
    _run_nothing()
    # What is loaded stays: without this, every full collection goes through all of Beam's and the compiler's objects
    # with the GIL held, 0.3 s in ten.
    gc.freeze()


def _run_nothing() -> None:
    """Run the graph of every flight over no segments."""
    nobody: Any = None
    idle = Run(nobody, nobody, nobody, lambda: datetime.min)
    with ExitStack() as runs:
        for _ in range(FLIGHTS):
            run_beam(runs.enter_context(open_run(idle)), idle)
