"""Measures coverage out of the store: a month of 2,000 edges in thirty unmerged parts, and each minute's check of 500.

`python -m loadtest.bench_coverage_store [--quick] [--folder KEPT]`. The ledger is made inside ClickHouse, with minutes
left out and some segments tried twice; every measurement runs in a process of its own, which tells its peak of memory.
The full data set takes 12 GB of disk and some minutes to make; it is removed unless a folder is named.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from loadtest.bench_kernels import Row, Table
from loadtest.bench_store import FIRST_MINUTE, _ledger_sql, _segment
from loadtest.measure import MeasureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.store import Store

EDGES, DAYS, QUICK_DAYS = 2000, 30, 2
BAR_S, BAR_MIB = 3.0, 1024
LEFT_OUT = 86_413
"""One row in so many is not written: a minute that coverage must find missing."""

MINUTE_EDGES, MINUTE_HOURS, MINUTE_STEPS, MINUTE_BAR_S = 500, 24, 20, 0.2
ALLOWANCE_S, BEAT_S = 300.0, 20.0
DISK = 20 << 30

_ONE_PART = (
    "SETTINGS max_block_size = 4000000, min_insert_block_size_rows = 4000000, min_insert_block_size_bytes = 0,"
    " max_insert_threads = 1"
)


def measure_month(folder: Path, days: int, rounds: int) -> Table:
    """Store to runs; a process reads `rounds` times, the first with nothing warm but the system's files."""
    dsn = f"chdb://{folder}/store"
    if not (folder / "store").exists():
        if days == DAYS and shutil.disk_usage(folder.parent).free < DISK:
            raise MeasureError(f"coverage: expected {DISK >> 30} GiB free below {folder.parent}, found less")
        _child("build", dsn, EDGES, days)
    found = _child("month", dsn, EDGES, days, rounds)
    minutes = EDGES * days * 1440
    lost = len(range(0, EDGES * 1440, LEFT_OUT)) * days
    if found["missing"] != lost or found["states"] != minutes:
        raise MeasureError(f"coverage: {lost} of {minutes} minutes were left out, found {found}")
    taken = sorted(found["seconds"])
    middle = statistics.median(taken)
    cells = {
        "ledger rows": f"{found['rows'] / 1e6:.1f} M in {found['parts']} parts",
        "median": f"{middle:.2f} s",
        "first, worst": f"{found['seconds'][0]:.2f}, {taken[-1]:.2f} s",
        "CPU": f"{statistics.median(found['cpu']):.2f} s",
        "peak memory": f"{found['rss_mib']} MiB",
    }
    held = middle <= BAR_S and found["rss_mib"] <= BAR_MIB
    row = Row(f"{EDGES:,} edges, {days} days", cells, f"≤ {BAR_S:g} s, ≤ {BAR_MIB} MiB", held, found)
    return Table("Coverage out of the store", (row,), "Python and the embedded engine are in the memory.")


def measure_check(folder: Path, steps: int) -> Table:
    """Minute by minute: a segment of each edge comes in, then everything that may have changed is looked at; without
    counters, and with a reading of each edge a minute."""
    rows = tuple(_check_row(folder / str(counted), steps, counted=counted) for counted in (False, True))
    note = "On a machine that does nothing else wall and CPU are the same: one core works."
    return Table("Coverage, every minute, out of the store", rows, note)


def _check_row(folder: Path, steps: int, *, counted: bool) -> Row:
    found = _child("check", f"chdb://{folder}/store", MINUTE_EDGES, MINUTE_HOURS, steps, int(counted))
    taken = sorted(found["seconds"])
    middle = statistics.median(taken)
    cells = {
        "median": f"{middle * 1e3:.0f} ms",
        "worst": f"{taken[-1] * 1e3:.0f} ms",
        "CPU": f"{statistics.median(found['cpu']) * 1e3:.0f} ms",
        "the whole day": f"{found['whole_s'] * 1e3:.0f} ms",
        "peak memory": f"{found['rss_mib']} MiB",
    }
    name = f"{MINUTE_EDGES} edges, {steps} minutes{', with counters' * counted}, gaps found and written"
    bar = f"median ≤ {MINUTE_BAR_S * 1e3:.0f} ms"
    return Row(name, cells, bar, middle <= MINUTE_BAR_S, found)


def _child(what: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "loadtest.bench_coverage_store", "--child", what, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603
    if done.returncode:
        raise MeasureError(f"coverage: {what} failed: its message is above")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


# -- what the children do


def _build(store: Store, edges: int, days: int, first: int = FIRST_MINUTE) -> dict[str, Any]:
    """A part a day, each without some minutes, and one with second attempts of every 200th segment."""
    # no merges, not even when it is opened again
    store._sessions.execute(
        "ALTER TABLE ledger MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1,"
        " max_bytes_to_merge_at_min_space_in_pool = 1"
    )
    count = edges * 1440
    for day in range(days):
        sql = _ledger_sql(1 + day * count, count, first + 1440 * day, edges, 0)
        store._sessions.execute(f"{sql} WHERE number % {LEFT_OUT} != 0 {_ONE_PART}")
        print(f"bench: day {day + 1} of {days} is made", file=sys.stderr, flush=True)
    attempts = _ledger_sql(1 + days * count, days * count, first, edges, 0, old=True)
    store._sessions.execute(f"{attempts} WHERE (number * 200) % {count} % {LEFT_OUT} != 0 {_ONE_PART}")
    return {"cut": store.cut()}


def _read_month(store: Store, edges: int, days: int, rounds: int) -> dict[str, Any]:
    from loadtest.month_ledger import roster_of
    from pipeline.coverage.model import State
    from pipeline.coverage.states import cover_pieces, due_of, run_columns

    first, after = FIRST_MINUTE, FIRST_MINUTE + days * 1440
    now = after * 60 + 2 * ALLOWANCE_S
    roster = roster_of(edges, first, name="e{}")
    seconds, cpu = [], []
    for _ in range(rounds):
        began, used = time.perf_counter(), time.process_time()
        beats = np.arange(first * 60.0, now, BEAT_S)
        due = due_of(first, after, now=now, allowance_s=ALLOWANCE_S, beats=beats)
        pieces = store.narrow_columns(first, after, cut=store.cut())
        coverage = cover_pieces(pieces, roster, first, after, due=due)
        runs = run_columns(coverage)
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    missing = runs.state == State.MISSING
    rows = "SELECT count(), sum(rows) FROM system.parts WHERE active AND table = 'ledger'"
    parts, held = store._sessions.rows(rows)[0]
    return {
        "seconds": seconds,
        "cpu": cpu,
        "rows": int(held),
        "parts": int(parts),
        "states": int(coverage.states.size),
        "missing": int((runs.after - runs.first)[missing].sum()),
    }


def _numbered_sql(edges: int, past: int, minutes: int) -> str:
    """Ledger rows of some minutes, `past` of them after FIRST_MINUTE, whose lines are numbered without holes."""
    row = f"(number + {past * edges})"
    edge, minute = f"toUInt32({row} % {edges})", f"toUInt32({FIRST_MINUTE} + intDiv({row}, {edges}))"
    lines = f"intDiv({row}, {edges}) * 5000"
    return f"""
INSERT INTO ledger (segment_id, seq, write_id, commit_id, edge, stream, minute, state, verified, lines, parsed,
    bytes_sent, content_bytes, digest, sequence_unit, sequence_epoch, sequence_first, sequence_next, format,
    committed_at)
SELECT {_segment(edge, minute)}, 1 + {row}, sipHash64({edge}, {minute}), {row}, concat('e', toString({edge})), 'access',
    toDateTime({minute} * 60, 'UTC'), 'received', 1, 5000, 5000, 5000 * (900 + {row} % 200), 900000,
    reinterpretAsFixedString(sipHash128({edge}, {minute})), 'line', '1', {lines}, {lines} + 5000, 'edge-tsv',
    toDateTime64({minute} * 60 + 90, 3, 'UTC')
FROM numbers({edges * minutes})"""  # noqa: S608


def _readings_sql(edges: int, past: int, minutes: int) -> str:
    """A reading of each edge at the end of each of these minutes, which says what the rows of `_numbered_sql` hold."""
    # each edge's rows are `edges` apart, and the bytes of a line go round in 200 of them
    k, edge = f"toUInt64({past} + intDiv(number, {edges}) + 1)", f"number % {edges}"
    line = f"arraySum(i -> 900 + ({edge} + i * {edges}) % 200, range({k}))"
    at = f"fromUnixTimestamp64Micro(toInt64(({FIRST_MINUTE} + {k}) * 60000000), 'UTC')"
    return f"""
INSERT INTO counters (edge, at, requests_total, bytes_sent_total)
SELECT concat('e', toString({edge})), {at}, 5000 * {k}, 5000 * {line} FROM numbers({edges * minutes})
SETTINGS max_block_size = 2000"""  # noqa: S608 - few at once, since each makes an array of its minutes


def _check_minutes(store: Store, edges: int, hours: int, steps: int, counted: int) -> dict[str, Any]:
    from pipeline.coverage.continuous import Continuous
    from pipeline.coverage.control import Settings

    minutes = hours * 60
    if counted:
        store._sessions.execute(_readings_sql(edges, 0, minutes))
    store._sessions.execute(f"{_numbered_sql(edges, 0, minutes)} WHERE number % {LEFT_OUT} != 0")
    end = FIRST_MINUTE + minutes
    checks = Continuous(store, Settings(allowance_s=ALLOWANCE_S), reach_s=hours * 3600.0)
    whole, seconds, cpu = 0.0, [], []
    for step in range(steps + 1):
        minute = end + step
        # edges fall silent, one after another
        silent = f"number % {edges} >= {step}"
        store._sessions.execute(f"{_numbered_sql(edges, minutes + step, 1)} WHERE {silent}")
        if counted:
            store._sessions.execute(_readings_sql(edges, minutes + step, 1))
        store.beat((minute + 1) * 60.0)
        began, used = time.perf_counter(), time.process_time()
        checks.step((minute + 1) * 60.0 + 1)
        taken = time.perf_counter() - began
        if step:
            seconds.append(taken)
            cpu.append(time.process_time() - used)
        else:
            whole = taken
    return {"seconds": seconds, "cpu": cpu, "whole_s": whole, "gaps": len(store.gaps())}


def _run_child(what: str, dsn: str, *numbers: int) -> dict[str, Any]:
    from pipeline.store import open_store

    with open_store(dsn) as store:
        store._sessions.execute("SYSTEM STOP MERGES ledger")
        works: dict[str, Callable[..., dict[str, Any]]]
        works = {"build": _build, "month": _read_month, "check": _check_minutes}
        found = works[what](store, *numbers)
    return {**found, "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 1 when a bar is missed, 2 when what was found is not what was put in."""
    from loadtest.bench import describe_machine, to_text

    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_coverage_store", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="two days instead of a month: a look, not a figure"
    )
    parser.add_argument("--folder", type=Path, help="keep the month here, or use the one there is")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        what, dsn, *numbers = options.child
        print(json.dumps(_run_child(what, dsn, *map(int, numbers))))
        return 0
    if (load := os.getloadavg()[0]) > 0.5:
        print(
            f"bench: the load average is {load:.1f}: other work will distort these figures", file=sys.stderr
        )
    days = QUICK_DAYS if options.quick else DAYS
    with tempfile.TemporaryDirectory(prefix="prebill-bench-") as made:
        try:
            tables = [
                measure_month(options.folder or Path(made) / "month", days, 5),
                measure_check(Path(made) / "check", 5 if options.quick else MINUTE_STEPS),
            ]
        except MeasureError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
    print("\n\n".join(map(to_text, tables)))
    print(f"\nMachine: {describe_machine()}.")
    return int(any(row.holds is False for table in tables for row in table.rows))


if __name__ == "__main__":
    sys.exit(main())
