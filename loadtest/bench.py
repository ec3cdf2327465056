"""`make bench`: runs the benchmarks, prints their tables, and writes them into the README when asked."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadtest import bench_coverage, bench_kernels, bench_pipeline, bench_rating
from loadtest.bench_kernels import Data, Row, Table
from loadtest.measure import ROOT, Bench, MeasureError

if TYPE_CHECKING:
    from collections.abc import Callable

BENCHMARKS: tuple[Callable[[Bench, Data], Table], ...] = (
    bench_kernels.compare_with_peers,
    bench_kernels.compare_four_keys,
    bench_kernels.compare_orders,
    bench_kernels.compare_threads,
    bench_kernels.compare_gzip,
    bench_pipeline.compare_pipeline,
    bench_coverage.compare_coverage,
    bench_coverage.compare_coverage_minute,
    bench_rating.compare_percentiles,
    bench_rating.compare_month,
    bench_rating.compare_book,
)
"""Every benchmark; rows of tables with one title are shown as one table."""

START, END = "<!-- bench:start -->", "<!-- bench:end -->"


def describe_machine() -> str:
    """Processor, cores, memory, kernel of the machine that runs this."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        pairs = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        fields = {name.strip(): value.strip() for name, _, value in pairs}
        family, number = fields.get("cpu family"), fields.get("model")
        model = fields.get("model name", model) + (f" (family {family}, model {number})" if family else "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = os.uname()
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {system.sysname} {system.release.split('-')[0]}"
    )


def describe_versions() -> str:
    """The peers' versions and what ours stands on."""
    names = {"chdb": "chDB", "duckdb": "DuckDB", "polars": "Polars", "numba": "numba"}
    return ", ".join(f"{shown} {version(name)}" for name, shown in names.items())


def merge(tables: list[Table]) -> list[Table]:
    """Tables with one title and the same columns as one, in the order of first appearance."""
    merged: dict[str, Table] = {}
    for table in tables:
        before = merged.get(table.title)
        rows = (*before.rows, *table.rows) if before else table.rows
        merged[table.title] = Table(table.title, rows, table.note)
    return list(merged.values())


def to_markdown(table: Table) -> str:
    """The table as GitHub shows one."""
    columns = list(table.rows[0].cells)
    lines = [
        f"**{table.title}**",
        "",
        "| | " + " | ".join(columns) + " | wanted |",
        "|---" * (len(columns) + 2) + "|",
    ]
    for row in table.rows:
        cells = [row.cells.get(column, "") for column in columns]
        lines.append(f"| {row.name} | " + " | ".join(cells) + f" | {row.bar}{_mark(row)} |")
    return "\n".join(lines) + (f"\n\n{table.note}" if table.note else "")


def to_text(table: Table) -> str:
    """The table in columns, for a terminal."""
    columns = list(table.rows[0].cells)
    grid = [["", *columns, "wanted"]]
    grid += [[r.name, *(r.cells.get(c, "") for c in columns), r.bar + _mark(r)] for r in table.rows]
    widths = [max(len(row[place]) for row in grid) for place in range(len(grid[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in grid
    ]
    return "\n".join([table.title, *lines, *([table.note] if table.note else [])])


def _mark(row: Row) -> str:
    return "" if row.holds is None or row.holds else " (missed)"


def replace_block(readme: str, block: str) -> str:
    """The README with what stands between the two marks replaced; ValueError when a mark is missing."""
    if readme.count(START) != 1 or readme.count(END) != 1 or readme.index(END) < readme.index(START):
        raise ValueError(f"expected one {START} and after it one {END}")
    before, rest = readme.split(START)
    return f"{before}{START}\n{block}\n{END}{rest.split(END)[1]}"


def make_block(tables: list[Table], lines: int, rounds: int) -> str:
    """What the README shows between its marks."""
    how = (
        f"{lines / 1e6:g} M generated lines of each format over 30,000 resources and 60 minutes; GB/s of log, medians "
        f"of {rounds} interleaved rounds, each program pinned to one core, its time until an Arrow table is there."
    )
    named = f"Machine: {describe_machine()}. {describe_versions()}."
    return "\n\n".join([*map(to_markdown, tables), f"{how}\n{named}"])


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 0, 1 when `--check` was given and a bar is missed, 2 when usage or an engine is wrong."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    parser.add_argument(
        "--quick", action="store_true", help="300,000 lines and three rounds: a look, not a figure"
    )
    parser.add_argument("--readme", action="store_true", help="rewrite the marked block in README.md")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    parser.add_argument("--only", default="", metavar="WORD", help="benchmarks whose name holds the word")
    parser.add_argument("--rounds", type=int, default=0, help="default 7, with --quick 3")
    default = Path(os.environ.get("PREBILL_BENCH_DATA", ROOT / ".bench"))
    parser.add_argument(
        "--data", type=Path, default=default, help="where generated logs are kept; default .bench"
    )
    options = parser.parse_args(arguments)
    if options.readme and (options.quick or options.only):
        parser.error("--readme: expected a whole run, found --quick or --only")
    chosen = [benchmark for benchmark in BENCHMARKS if options.only in benchmark.__name__]
    if not chosen:
        parser.error(f"--only: found none; there are {', '.join(b.__name__ for b in BENCHMARKS)}")
    data = Data(options.data, 300_000 if options.quick else 3_000_000)
    rounds = options.rounds or (3 if options.quick else 7)
    load = os.getloadavg()[0]
    if load > 0.5:
        # Memory and caches are shared even where cores are not: others' work slows engines unequally.
        print(
            f"bench: the load average is {load:.1f}: other work will distort these figures", file=sys.stderr
        )
    measured, failed = _run(chosen, data, rounds)
    tables = merge(measured)
    if tables:
        _report(tables, options, data.lines, rounds, whole=not failed)
    if failed:
        return 2
    missed = any(row.holds is False for table in tables for row in table.rows)
    return 1 if options.check and missed else 0


def _run(chosen: list[Callable[[Bench, Data], Table]], data: Data, rounds: int) -> tuple[list[Table], int]:
    """The tables, and how many benchmarks failed; one that fails does not take the others' figures with it."""
    tables, failed = [], 0
    data.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="prebill-bench-") as scratch,
        Bench(rounds, Path(scratch)) as bench,
    ):
        for benchmark in chosen:
            print(f"bench: {benchmark.__name__}", file=sys.stderr, flush=True)
            try:
                tables.append(benchmark(bench, data))
            except MeasureError as error:
                print(f"bench: {error}", file=sys.stderr)
                failed += 1
    return tables, failed


def _report(tables: list[Table], options: Any, lines: int, rounds: int, *, whole: bool) -> None:
    if options.json:
        rows = [
            {"table": t.title, "name": r.name, "cells": r.cells, "bar": r.bar, "holds": r.holds, **r.raw}
            for t in tables
            for r in t.rows
        ]
        document = {
            "machine": describe_machine(),
            "versions": describe_versions(),
            "rounds": rounds,
            "rows": rows,
        }
        print(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(map(to_text, tables)))
        print(f"\nMachine: {describe_machine()}. {describe_versions()}.")
    if options.readme and whole:
        readme = ROOT / "README.md"
        readme.write_text(replace_block(readme.read_text(), make_block(tables, lines, rounds)))


if __name__ == "__main__":
    sys.exit(main())
