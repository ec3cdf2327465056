"""Times rating: percentiles of many series, a customer's month under many plans, and a whole book, against peers.

`python -m loadtest.bench_rating`. Everybody runs in this process on the same data, in turn, and must give the same
answer; data are made a piece at a time, so that a month of a whole network needs the memory of a piece.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from loadtest.bench_kernels import Row, Table
from loadtest.measure import MeasureError
from loadtest.plan_mix import MONTH, draw_month, draw_plans, draw_quantities
from loadtest.rating_peers import book_peers, percentile_peers
from loadtest.reading import read_all
from pipeline.rating.compiled_book import compile_book
from pipeline.rating.model import Quantity
from pipeline.rating.percentiles import percentiles, rank_from_top
from pipeline.rating.rate import rate_plan
from pipeline.rating.simulate import simulate
from pipeline.rating.units import to_units

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from loadtest.bench_kernels import Data
    from loadtest.measure import Bench
    from pipeline.rating.compiled_book import CompiledBook

SERIES, SAMPLES, PIECE = 60_000, 8_928, 6_000
PERCENTILE_BAR_S, PERCENTILE_RATIO = 0.8, 3.5
CUSTOMERS, PLANS = 30_000, 100
BOOK_BAR_S, BOOK_RATIO = 3.0, 10.0
MONTH_ROWS, MONTH_PLANS, MONTH_BAR_S = 100_000, 200, 0.020
THREADS = 2
READING = "reading alone"


def timed(run: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and CPU seconds of a call, and what it gave."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = run()
    return time.perf_counter() - wall, time.process_time() - cpu, answer


def make_samples(series: int, seed: int, kind: type[Any]) -> NDArray[Any]:
    """Bytes of five minutes: a day's curve, noise, and in each series another share of samples without traffic."""
    rng = np.random.default_rng(seed)
    curve = 1.3 + np.sin(2 * np.pi * np.arange(SAMPLES) / 288)
    samples = rng.lognormal(14, 1.5, (series, 1)) * curve
    samples *= rng.exponential(1.0, (series, SAMPLES)) + 0.5
    samples[rng.random((series, SAMPLES), np.float32) < rng.random((series, 1)) ** 2] = 0
    return np.minimum(samples, 2**32 - 1).astype(kind)


def compare_percentiles(_bench: Bench | None, data: Data | None) -> Table:
    """For `loadtest.bench`: a month of 60,000 series, in 64 bits and in 32, where they fit."""
    quick = data is not None and data.lines < 3_000_000
    return measure_percentiles(PIECE if quick else SERIES)


def measure_percentiles(series: int) -> Table:
    """The table of `compare_percentiles`."""
    rows = []
    for kind, threads in ((np.uint64, 1), (np.uint64, THREADS), (np.uint32, THREADS)):
        walls: dict[str, float] = {}
        cpus: dict[str, float] = {}
        for begin in range(0, series, PIECE):
            samples = make_samples(min(PIECE, series - begin), begin, kind)
            for name, (wall, cpu) in _percentile_piece(samples, threads, warm=begin == 0).items():
                walls[name] = walls.get(name, 0.0) + wall
                cpus[name] = cpus.get(name, 0.0) + cpu
        best = min(cpu for name, cpu in cpus.items() if name not in ("ours", READING))
        ratio = best / cpus["ours"]
        cells = {name: f"{walls[name]:.2f} s ({cpus[name]:.2f})" for name in walls}
        whole = SERIES / series
        holds = walls["ours"] * whole <= PERCENTILE_BAR_S and ratio >= PERCENTILE_RATIO
        rows.append(
            Row(
                f"{series:,} × {SAMPLES:,}, {np.dtype(kind).itemsize * 8} bit, {threads} thread{'s'[: threads - 1]}",
                {**cells, "against the best": f"{ratio:.1f} ×"},
                f"≤ {PERCENTILE_BAR_S:g} s for {SERIES:,}, ≥ {PERCENTILE_RATIO:g} ×",
                holds,
                {"wall_s": walls, "cpu_s": cpus, "ratio": ratio},
            )
        )
    note = (
        "Wall (CPU) seconds, nearest rank; the ratio is of CPU time; one answer for all. Reading alone is a loop that"
        " adds the samples up by whole vectors: what no kernel can better."
    )
    return Table("95th percentiles of a month", tuple(rows), note)


def _percentile_piece(samples: NDArray[Any], threads: int, *, warm: bool) -> dict[str, tuple[float, float]]:
    """Seconds of everybody on a piece; the first piece is done once before."""
    place = samples.shape[1] - rank_from_top("nearest_rank", 95, samples.shape[1])
    runs: dict[str, Callable[[], Any]] = {
        "ours": lambda: percentiles(samples, rank=95, method="nearest_rank", threads=threads)
    }
    runs |= percentile_peers(samples, place, threads)
    found = {}
    wanted = None
    for name, run in runs.items():
        if warm:
            run()
        wall, cpu, answer = timed(run)
        wanted = answer if wanted is None else wanted
        if not np.array_equal(np.asarray(answer), wanted):
            raise MeasureError(f"{name} and ours differ in the percentiles of {len(samples)} series")
        found[name] = (wall, cpu)
    if warm:
        read_all(samples, threads)
    found[READING] = timed(lambda: read_all(samples, threads))[:2]
    return found


def compare_month(_bench: Bench | None, data: Data | None) -> Table:
    """For `loadtest.bench`: one customer's month under 200 plans."""
    quick = data is not None and data.lines < 3_000_000
    return measure_month(5 if quick else 21)


def measure_month(rounds: int) -> Table:
    """The table of `compare_month`."""
    plans = draw_plans(MONTH_PLANS)
    book, usage = compile_book(plans), draw_month(MONTH_ROWS)
    taken: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds + 1):
        for switch, times in taken.items():
            run = partial(simulate, usage, book, MONTH, current=plans[0], switch=switch)
            times.append(timed(run)[1])
    ranking, switching = (statistics.median(times[1:]) for times in taken.values())
    cells = {"CPU": f"{ranking * 1e3:.1f} ms", "with the best day to switch": f"{switching * 1e3:.0f} ms"}
    raw = {"ranking_s": ranking, "switch_s": switching}
    name = f"{MONTH_ROWS:,} rows under {MONTH_PLANS} plans"
    row = Row(name, cells, f"≤ {MONTH_BAR_S * 1e3:.0f} ms", ranking <= MONTH_BAR_S, raw)
    return Table(
        "A customer's month under every plan",
        (row,),
        "Metered, rated, ranked, explained; plans are compiled.",
    )


def compare_book(_bench: Bench | None, data: Data | None) -> Table:
    """For `loadtest.bench`: every customer under every plan."""
    quick = data is not None and data.lines < 3_000_000
    return measure_book(3 if quick else 7)


def measure_book(rounds: int) -> Table:
    """The table of `compare_book`."""
    plans = draw_plans(PLANS)
    book = compile_book(plans)
    quantities = draw_quantities(book, CUSTOMERS)
    runs: dict[str, Callable[[], Any]] = {"ours": lambda: book.rate(quantities, threads=THREADS).nets}
    runs |= book_peers(book, quantities, THREADS)
    answers = {name: run() for name, run in runs.items()}
    for name, answer in answers.items():
        if not np.array_equal(answer, answers["ours"]):
            raise MeasureError(f"{name} and ours differ in {int((answer != answers['ours']).sum())} nets")
    checked = check_in_decimals(book, quantities, answers["ours"], 2_000)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(timed(run)[:2])
    walls = {name: statistics.median(wall for wall, _ in times) for name, times in taken.items()}
    cpus = {name: statistics.median(cpu for _, cpu in times) for name, times in taken.items()}
    ratio = min(cpu for name, cpu in cpus.items() if name != "ours") / cpus["ours"]
    cells = {name: f"{walls[name]:.3f} s ({cpus[name]:.3f})" for name in runs}
    row = Row(
        f"{CUSTOMERS:,} customers × {PLANS} plans",
        {**cells, "against the better": f"{ratio:.1f} ×"},
        f"≤ {BOOK_BAR_S:g} s, ≥ {BOOK_RATIO:g} ×",
        walls["ours"] <= BOOK_BAR_S and ratio >= BOOK_RATIO,
        {"wall_s": walls, "cpu_s": cpus, "ratio": ratio, "checked": checked},
    )
    note = (
        f"Wall (CPU) seconds on {THREADS} threads, from quantities to every net; the ratio is of CPU time. All nets are"
        f" equal, and {checked:,} of them, drawn, are those of the Decimal rating."
    )
    return Table("The whole book: every customer under every plan", (row,), note)


def check_in_decimals(
    book: CompiledBook, quantities: NDArray[np.uint64], nets: NDArray[np.int64], pairs: int
) -> int:
    """So many drawn nets against pipeline.rating.rate; MeasureError for any difference."""
    rng = random.Random(1)  # noqa: S311 - which pairs are looked at
    for _ in range(pairs):
        place, customer = rng.randrange(len(book.plans)), rng.randrange(quantities.shape[1])
        one, columns = book.plans[place], iter(book.columns_of[place])
        counted = []
        for charge in one.charges:
            if not charge.of:
                base = int(quantities[next(columns), customer])
                counted.append(Quantity(charge.source.id, to_units(base, charge.source.unit), base))
        net = rate_plan(one.plan, counted, MONTH).net
        if net != int(nets[place, customer]) * net.__class__(f"1e-{one.scale}"):
            raise MeasureError(
                f"plan {one.plan.id}, customer {customer}: expected {net}, found {nets[place, customer]}"
            )
    return pairs


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 1 when a bar is missed, 2 when answers differ."""
    from loadtest.bench import describe_machine, describe_versions, to_text

    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_rating", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few series and rounds: a look, not a figure")
    parser.add_argument("--only", default="", metavar="WORD", help="percentiles, month or book")
    options = parser.parse_args(arguments)
    if (load := os.getloadavg()[0]) > 0.5:
        print(
            f"bench: the load average is {load:.1f}: other work will distort these figures", file=sys.stderr
        )
    measures: dict[str, Callable[[], Table]] = {
        "percentiles": lambda: measure_percentiles(PIECE if options.quick else SERIES),
        "month": lambda: measure_month(5 if options.quick else 21),
        "book": lambda: measure_book(3 if options.quick else 7),
    }
    try:
        tables = [measure() for name, measure in measures.items() if options.only in name]
    except MeasureError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print("\n\n".join(map(to_text, tables)))
    print(f"\nMachine: {describe_machine()}. {describe_versions()}.")
    return int(any(row.holds is False for table in tables for row in table.rows))


if __name__ == "__main__":
    sys.exit(main())
