"""Measures coverage: the kernels over months of 250 to 4,000 edges, and what a running service looks at each minute.

`python -m loadtest.bench_coverage [--quick]`; ledgers come from loadtest.month_ledger, and what the kernels find is
held against the outages that were put into them. The tables go to `loadtest.bench`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from loadtest.bench_kernels import Row, Table
from loadtest.measure import MeasureError
from loadtest.month_ledger import DAY, MONTH, MonthLedger, make_month
from pipeline.coverage.model import State
from pipeline.coverage.states import Marks, due_of, runs_of

if TYPE_CHECKING:
    from loadtest.bench_kernels import Data
    from loadtest.measure import Bench

EDGES = (250, 500, 1000, 2000, 4000)
BAR_EDGES, BAR_S = 2000, 1.0
LINEAR_BAR = 1.25
"""How much more a row may cost with the most edges than with the fewest."""

MINUTE_EDGES, MINUTE_HOURS, MINUTE_BAR_S = 500, 24, 0.2
"""What is looked at every minute: a day back, more than allowance and evidence need."""

ALLOWANCE_S, BEAT_S = 300.0, 20.0
WORTH_A_RUN = (State.LATE, State.MISSING, State.DAMAGED, State.PARTIAL, State.UNEXPECTED, State.UNKNOWN)
"""States whose runs are asked for: what is as it should be has no list."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """Where the CPU time of one pass went, and how long it took: the same where nobody else uses the core."""

    due: float
    mark: float
    settle: float
    runs: float
    wall: float

    @property
    def cpu(self) -> float:
        """All its steps."""
        return self.due + self.mark + self.settle + self.runs


def time_pass(month: MonthLedger) -> Seconds:
    """One pass from rows to runs; MeasureError where it does not find the minutes that were lost."""
    now = month.after * 60 + ALLOWANCE_S + 60
    beats = np.arange(month.first * 60.0, now, BEAT_S)
    began, laps = time.perf_counter(), [time.thread_time()]
    due = due_of(month.first, month.after, now=now, allowance_s=ALLOWANCE_S, beats=beats)
    laps.append(time.thread_time())
    rows = month.columns
    marks = Marks((*month.roster.spans, *rows.streams), month.first, month.after)
    marks.add(rows.streams, rows.stream, rows.minute, rows.state)
    laps.append(time.thread_time())
    coverage = marks.settle(month.roster, due=due)
    laps.append(time.thread_time())
    runs = runs_of(coverage, WORTH_A_RUN)
    laps.append(time.thread_time())
    wall = time.perf_counter() - began
    found = sum(run.after - run.first for run in runs if run.state == State.MISSING)
    if found != month.lost:
        raise MeasureError(f"coverage: {month.lost} minutes were lost, {found} were found missing")
    due_s, mark_s, settle_s, runs_s = np.diff(laps).tolist()
    return Seconds(due_s, mark_s, settle_s, runs_s, wall)


def time_passes(month: MonthLedger, rounds: int) -> Seconds:
    """Medians of each step over some rounds, after one that compiles and brings memory in."""
    time_pass(month)
    passes = [time_pass(month) for _ in range(rounds)]
    return Seconds(
        *(statistics.median(getattr(one, step.name) for one in passes) for step in fields(Seconds))
    )


def compare_coverage(_bench: Bench | None, data: Data | None) -> Table:
    """For `loadtest.bench`: a month of more and more edges through the kernels, on one core."""
    quick = data is not None and data.lines < 3_000_000
    return measure_months(DAY if quick else MONTH, rounds=3 if quick else 5)


def measure_months(minutes: int, rounds: int) -> Table:
    """The table of `compare_coverage`."""
    passes: dict[int, tuple[int, Seconds]] = {}
    for edges in EDGES:
        month = make_month(edges, minutes)
        passes[edges] = (len(month.columns), time_passes(month, rounds))
        del month
    cost = {edges: seconds.cpu / rows for edges, (rows, seconds) in passes.items()}
    rows = [_row(edges, minutes, *passes[edges], cost[edges] / cost[EDGES[0]]) for edges in EDGES]
    note = (
        f"{minutes:,} minutes of each edge, rows in the store's order, an outage a month of each edge; medians of"
        f" {rounds} rounds on one thread; bars are of CPU time. A byte of memory a minute of a stream, beside the rows."
    )
    return Table("Coverage of a month: from ledger rows to runs", tuple(rows), note)


def _row(edges: int, minutes: int, rows: int, seconds: Seconds, ratio: float) -> Row:
    cells = {
        "ledger rows": f"{rows / 1e6:.1f} M",
        "CPU": f"{seconds.cpu:.3f} s",
        "wall": f"{seconds.wall:.3f} s",
        "marks, states, runs": f"{seconds.mark:.3f}, {seconds.settle:.3f}, {seconds.runs:.3f}",
        "a row": f"{seconds.cpu / rows * 1e9:.1f} ns",
        "against 250 edges": f"{ratio:.2f} ×",
    }
    bar, holds = "", None
    if edges == BAR_EDGES:
        bar, holds = f"≤ {BAR_S:g} s", seconds.cpu <= BAR_S
    elif edges == EDGES[-1]:
        bar, holds = f"≤ {LINEAR_BAR:g} × a row", ratio <= LINEAR_BAR
    raw = {
        "edges": edges,
        "minutes": minutes,
        "rows": rows,
        "cpu_s": seconds.cpu,
        "wall_s": seconds.wall,
        "ratio": ratio,
    }
    return Row(f"{edges:,} edges", cells, bar, holds, raw)


def compare_coverage_minute(_bench: Bench | None, data: Data | None) -> Table:
    """For `loadtest.bench`: the last day of 500 edges, as it is looked at every minute."""
    quick = data is not None and data.lines < 3_000_000
    return measure_minute(rounds=11 if quick else 51)


def measure_minute(rounds: int) -> Table:
    """The table of `compare_coverage_minute`."""
    month = make_month(MINUTE_EDGES, MINUTE_HOURS * 60)
    time_pass(month)
    taken = sorted(time_pass(month).cpu for _ in range(rounds))
    middle, worst = statistics.median(taken), taken[-1]
    cells = {
        "ledger rows": f"{len(month.columns) / 1e6:.2f} M",
        "median": f"{middle * 1e3:.1f} ms",
        "worst": f"{worst * 1e3:.1f} ms",
    }
    raw = {"median_s": middle, "worst_s": worst, "rows": len(month.columns)}
    name = f"{MINUTE_EDGES} edges, the last {MINUTE_HOURS} hours, kernels alone"
    bar = f"≤ {MINUTE_BAR_S * 1e3:.0f} ms"
    return Table("Coverage, every minute", (Row(name, cells, bar, worst <= MINUTE_BAR_S, raw),))


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 1 when a bar is missed, 2 when what was found is not what was lost."""
    from loadtest.bench import describe_machine, to_text

    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_coverage", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a day instead of a month: a look, not a figure")
    quick = parser.parse_args(arguments).quick
    if (load := os.getloadavg()[0]) > 0.5:
        print(
            f"bench: the load average is {load:.1f}: other work will distort these figures", file=sys.stderr
        )
    try:
        tables = [
            measure_months(DAY if quick else MONTH, 3 if quick else 5),
            measure_minute(11 if quick else 51),
        ]
    except MeasureError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print("\n\n".join(map(to_text, tables)))
    print(f"\nMachine: {describe_machine()}.")
    return int(any(row.holds is False for table in tables for row in table.rows))


if __name__ == "__main__":
    sys.exit(main())
