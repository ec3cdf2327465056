"""Times engines against each other: a process for each, interleaved rounds, equal results, medians."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadtest.peers import columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to time: an engine on a file, and the cores that it may use. `wake`: run more just before, not
    timed: a core that slept while one thread ran had, on a virtual machine, two thirds of its rate for 0.1 s."""

    engine: str
    fmt: str
    path: Path
    by: tuple[str, ...]
    threads: int = 1
    width: int = 0
    wake: bool = False

    @property
    def cores(self) -> str:
        """The last `width` (or else `threads`) cores that this process may use: the first ones take the machine's
        interrupts. Jobs of one engine on the same cores share a process."""
        return ",".join(
            str(core) for core in sorted(os.sched_getaffinity(0))[-(self.width or self.threads) :]
        )


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians over the rounds, and the fastest and slowest wall time, in seconds."""

    wall_s: float
    cpu_s: float
    fastest_s: float
    slowest_s: float
    rows: int


class MeasureError(Exception):
    """An engine died or results differ; the message says which and how."""


class Bench:
    """The processes of all engines; each lives as long as the bench, so that imports and compiling are not timed."""

    def __init__(self, rounds: int, scratch: Path) -> None:
        self._rounds, self._scratch = rounds, scratch
        self._workers: dict[tuple[str, str], subprocess.Popen[str]] = {}

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_all()

    def _end_all(self) -> None:
        for worker in self._workers.values():
            worker.kill()
            worker.wait()
        self._workers.clear()

    def time(self, jobs: Sequence[Job], *, compare: bool = True, fresh: bool = False) -> list[Timing]:
        """Each job's timing: a round to warm up, whose results are compared, then rounds with every job once. `fresh`:
        in processes of their own, whose tables no other job has made larger."""
        if fresh:
            self._end_all()
        kept = [self._scratch / f"result-{place}.arrow" for place in range(len(jobs))]
        for job, path in zip(jobs, kept, strict=True):
            self._ask(job, keep=path if compare else None)
        if compare:
            _check_same(jobs, kept)
        answers: list[list[dict[str, Any]]] = [[] for _ in jobs]
        for number in range(self._rounds):
            # Every second round runs backwards, so that none always follows the same one.
            order = range(len(jobs)) if number % 2 == 0 else reversed(range(len(jobs)))
            for place in order:
                answers[place].append(self._ask(jobs[place]))
        return [_median(of_job) for of_job in answers]

    def _ask(self, job: Job, keep: Path | None = None) -> dict[str, Any]:
        key = (job.engine, job.cores)
        if key not in self._workers:
            command = [sys.executable, "-m", "loadtest.worker", *key]
            self._workers[key] = subprocess.Popen(  # noqa: S603
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        worker = self._workers[key]
        assert worker.stdin is not None  # noqa: S101
        assert worker.stdout is not None  # noqa: S101
        request = {"format": job.fmt, "path": str(job.path), "by": job.by, "threads": job.threads}
        request |= {"wake": job.wake}
        try:
            worker.stdin.write(json.dumps(request | ({"keep": str(keep)} if keep else {})) + "\n")
            worker.stdin.flush()
            answer = worker.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._workers.pop(key).wait()
            raise MeasureError(
                f"{job.engine} failed on {job.path} by {', '.join(job.by)}: its message is above"
            )
        return json.loads(answer)  # type: ignore[no-any-return]


def _median(answers: list[dict[str, Any]]) -> Timing:
    walls = [answer["wall_s"] for answer in answers]
    cpu = statistics.median(answer["cpu_s"] for answer in answers)
    return Timing(statistics.median(walls), cpu, min(walls), max(walls), answers[0]["rows"])


def normalize(table: Any, fmt: str, by: tuple[str, ...]) -> Any:
    """A result with the columns of `columns_of`, integers as uint64, sorted by its keys, so that equals are equal."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if "errors" not in table.column_names:
        table = table.append_column("errors", pc.add(table["errors_4xx"], table["errors_5xx"]))
    columns: dict[str, Any] = {}
    for name in columns_of(fmt, by):
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = pc.divide(pc.cast(pc.cast(column, pa.timestamp("s", column.type.tz)), pa.int64()), 60)
        if pa.types.is_dictionary(column.type):
            column = pc.dictionary_decode(column)
        text = name in ("resource", "edge", "cache")
        columns[name] = pc.cast(column, pa.string() if text else pa.uint64())
    return pa.table(columns).sort_by([(name, "ascending") for name in by]).combine_chunks()


def _check_same(jobs: Sequence[Job], kept: Sequence[Path]) -> None:
    import pyarrow as pa

    tables = []
    for job, path in zip(jobs, kept, strict=True):
        with pa.memory_map(str(path)) as source:
            tables.append(normalize(pa.ipc.open_file(source).read_all(), job.fmt, job.by))
        path.unlink()
    for job, table in zip(jobs[1:], tables[1:], strict=True):
        if not table.equals(tables[0]):
            raise MeasureError(
                f"{job.engine} and {jobs[0].engine} differ on {job.path} by {', '.join(job.by)}: "
                f"{table.num_rows} and {tables[0].num_rows} groups"
            )
