"""Measures rating out of the store: a customer's month under 200 plans, the largest customer's bill, the whole book.

`python -m loadtest.bench_book_store [--full] [--folder F] [--json]`. A month of 30,000 customers by Zipf's law is made
in a temporary folder (10 M facts in 200,000 segments, 0.4 GB; `--full`: 100 M in 2 M, 3.6 GB), and removed at the end.
Each question is asked in a process of its own, so that memory is its own: what lies above the open store is counted.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadtest.book_store import MONTH, BookStore
from loadtest.measure import MeasureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app.settings import Config
    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.store import Store

FULL, USUAL = 100_000_000, 10_000_000
PLANS_OF_ONE, PLANS_OF_ALL = 200, 100
CHECKED = 40
"""Customers of the whole book who are also simulated alone, by the rows that the store reads one by one."""


@dataclass(frozen=True)
class Measured:
    """One question: rows behind it, seconds, and MiB of memory above the open store. `cpu_s` is the honest figure where
    others use the machine. `bar`: what it is held to, in the seconds of `wall_s` or MiB."""

    what: str
    rows: int
    wall_s: float
    cpu_s: float
    arithmetic_s: float
    memory_mib: float
    bar: str
    holds: bool
    note: str = ""


def _peak_mib(*, reset: bool = False) -> float:
    """The most memory this process has had since it was reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _month_of(
    store: Store, config: Config, place: int, book: CompiledBook, *, switch: bool
) -> tuple[float, ...]:
    """Rows, wall, CPU, and CPU of the arithmetic, of one simulation as the command does it."""
    from pipeline.app.month_bill import count_part, spans_of
    from pipeline.coverage.periods import Month
    from pipeline.rating.simulate import simulate

    who, month = config.customer[place - 1], Month.parse(MONTH)
    wall, cpu = time.perf_counter(), time.process_time()
    part = count_part(store, config, who, spans_of(who, month)[-1], MONTH)
    read = time.process_time()
    found = simulate(part.usage, book, part.span.whole, current=book.plans[0].plan, switch=switch)
    if not found.ranked:
        raise MeasureError(f"{who.id}: expected a ranking, found none")
    return len(part.usage), time.perf_counter() - wall, time.process_time() - cpu, time.process_time() - read


def measure_one(store: Store, config: Config, whole: bool) -> list[Measured]:
    """The question of one customer, of up to 100 thousand rows and of up to 2 M."""
    from loadtest.plan_mix import draw_plans
    from pipeline.rating.compiled_book import compile_book

    book, rounds = compile_book(draw_plans(PLANS_OF_ONE)), 7
    places = {"≤ 250 ms": (100, 0.25), "≤ 600 ms": (4, 0.6)}
    _month_of(store, config, 20_000, book, switch=False)  # kernels are loaded, the store has been asked once
    found = []
    for bar, (place, seconds) in places.items():
        base = _peak_mib(reset=True)
        taken = [_month_of(store, config, place + i % 2, book, switch=False) for i in range(rounds)]
        rows, wall, cpu, arithmetic = (statistics.median(column) for column in zip(*taken, strict=True))
        found.append(
            Measured(
                f"one customer under {PLANS_OF_ONE} plans",
                int(rows),
                wall,
                cpu,
                arithmetic,
                _peak_mib() - base,
                bar if whole else f"{bar} at full size",
                wall <= seconds,
                "median of 7",
            )
        )
    return found


def measure_bill(store: Store, config: Config, whole: bool) -> list[Measured]:
    """The largest customer's month billed on his own plan, without the proof, which is coverage's work."""
    from loadtest.plan_mix import draw_plans
    from pipeline.app.month_bill import bill_part, count_part, spans_of
    from pipeline.coverage.periods import Month

    who, month = config.customer[0], Month.parse(MONTH)
    store.cut()
    base = _peak_mib(reset=True)
    wall, cpu = time.perf_counter(), time.process_time()
    part = count_part(store, config, who, spans_of(who, month)[-1], MONTH)
    read = time.process_time()
    owed = [bill_part(part, plan) for plan in draw_plans(9)]
    if not all(bill.net > 0 for bill in owed):
        raise MeasureError(f"{who.id}: expected bills, found one of nothing")
    used, facts = (
        _peak_mib() - base,
        sum(store.book.names_like(who.resources, part_first(part), part_after(part)).values()),
    )
    return [
        Measured(
            "the largest customer billed, on 9 plans",
            facts,
            time.perf_counter() - wall,
            time.process_time() - cpu,
            time.process_time() - read,
            used,
            "≤ 1,024 MiB" if whole else "≤ 1,024 MiB at full size",
            used <= 1024,
            f"{len(part.usage):,} rows after adding up",
        )
    ]


def part_first(part: Any) -> int:
    """The first minute of a part."""
    return int(part.span.period.begin.timestamp()) // 60


def part_after(part: Any) -> int:
    """The minute after a part."""
    return int(part.span.period.end.timestamp()) // 60


def measure_book(store: Store, config: Config, whole: bool) -> list[Measured]:
    """Everybody under every plan, then some of them alone: no net may differ."""
    from loadtest.plan_mix import draw_plans
    from pipeline.app.book_simulation import simulate_book
    from pipeline.coverage.periods import Month
    from pipeline.rating.book import PlanBook
    from pipeline.rating.compiled_book import compile_book

    plans = draw_plans(PLANS_OF_ALL)
    compiled, month = compile_book(plans), Month.parse(MONTH)
    store.cut()
    base = _peak_mib(reset=True)
    wall, cpu = time.perf_counter(), time.process_time()
    said: list[str] = []
    found = simulate_book(
        store, config, month, config.customer, PlanBook(tuple(plans)), compiled, left_out=said.append
    )
    arithmetic, arithmetic_wall = time.process_time(), time.perf_counter()
    best = found.best()
    arithmetic, arithmetic_wall = time.process_time() - arithmetic, time.perf_counter() - arithmetic_wall
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    used = _peak_mib() - base
    counted = found.counted
    pairs = _check(store, config, found, best)
    return [
        Measured(
            f"{len(best):,} customers × {PLANS_OF_ALL} plans",
            counted.rows[0],
            wall,
            cpu,
            arithmetic,
            used,
            "≤ 60 s, arithmetic ≤ 3 s, ≤ 4 GiB" if whole else "≤ 60 s, ≤ 4 GiB at full size",
            wall <= 60 and arithmetic_wall <= 3 and used <= 4096 and not said and not counted.alone,
            f"{counted.rows[1]:,} facts counted; {pairs:,} nets equal to those of each customer alone",
        )
    ]


def _check(store: Store, config: Config, found: Any, best: Any) -> int:
    """Nets of some customers against the Decimal rating of what the grouped read of the store says; how many."""
    from pipeline.app.customers import Owners
    from pipeline.rating.meter import meter_plan
    from pipeline.rating.rate import rate_plan
    from pipeline.rating.usage import usage_from_table

    owner, cut = Owners(config.customer).owner, store.cut()
    zone_of = {edge.id: edge.zone for edge in config.edge}
    step = len(config.customer) // CHECKED
    pairs = 0
    for place in range(30, len(config.customer), step):
        customer = found.counted.customers[place]
        names = [name for name in customer.settings.resources if owner(name) == customer.settings.id]
        period = customer.span.whole
        minutes = int(period.begin.timestamp()) // 60, int(period.end.timestamp()) // 60
        usage = usage_from_table(store.usage(cut, resources=names, minutes=minutes), zone_of)
        nets = {p.id: rate_plan(p, meter_plan(p, usage, period), period).net for p in found.book.every}
        least = min((net, name) for name, net in nets.items())
        who, said = best[place]
        if (said.best_net, said.net) != (least[0], nets[said.current.id]) or said.best.id != least[1]:
            raise MeasureError(f"customer {who.id}: expected {least}, found {said}")
        rated = found.book.rate(found.counted.columns[:, place : place + 1]).nets[:, 0].tolist()
        for one, net in zip(found.book.plans, rated, strict=True):
            if nets[one.plan.id] != net * type(nets[one.plan.id])(f"1e-{one.scale}"):
                raise MeasureError(
                    f"customer {who.id}, plan {one.plan.id}: found {net}, expected {nets[one.plan.id]}"
                )
            pairs += 1
    return pairs


MEASURES: dict[str, Callable[[Any, Any, bool], list[Measured]]] = {
    "one": measure_one,
    "bill": measure_bill,
    "book": measure_book,
}


def _ask(name: str, facts: int, folder: str, answer: Any) -> None:
    from pipeline.store import open_store

    dsn = f"chdb://{folder}/store"
    config = BookStore(facts).config(dsn, f"{folder}/plans")
    with open_store(dsn) as store:
        answer.send(MEASURES[name](store, config, facts >= FULL))


def build(facts: int, folder: str) -> None:
    """The store, its parts merged."""
    from pipeline.store import open_store

    with open_store(f"chdb://{folder}/store") as store:
        if store.cut():
            return
        BookStore(facts).build(store, lambda text: print(text, file=sys.stderr, flush=True))
        until = time.monotonic() + 600
        while store._sessions.one("SELECT count() FROM system.merges") and time.monotonic() < until:
            time.sleep(0.5)


def run(facts: int, folder: str, only: str) -> list[Measured]:
    """Every question in a process of its own."""
    # a process that has opened the engine must not be forked
    spawn = multiprocessing.get_context("spawn")
    builder = spawn.Process(target=build, args=(facts, folder))
    builder.start()
    builder.join()
    if builder.exitcode:
        raise RuntimeError(f"the store could not be built: exit {builder.exitcode}")
    found: list[Measured] = []
    for name in MEASURES:
        if only not in name:
            continue
        here, there = spawn.Pipe(duplex=False)
        process = spawn.Process(target=_ask, args=(name, facts, folder, there))
        process.start()
        there.close()
        try:
            found += here.recv()
        except EOFError:
            raise RuntimeError(f"{name}: its process ended without an answer") from None
        finally:
            process.join()
    return found


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_book_store", description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="100 M facts in 2 M segments: two minutes to make"
    )
    parser.add_argument("--facts", type=int, help="so many facts")
    parser.add_argument("--folder", help="keep the store here, or use the one there is")
    parser.add_argument("--only", default="", metavar="WORD", help="one, bill or book")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    facts = options.facts or (FULL if options.full else USUAL)
    if (load := os.getloadavg()[0]) > 0.5:
        print(f"bench: the load average is {load:.1f}: look at CPU time, not at the wall", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="prebill-book-") as made:
        found = run(facts, options.folder or made, options.only)
    if options.json:
        print(json.dumps([asdict(each) for each in found], indent=1))
        return int(not all(each.holds for each in found))
    print(f"{facts:,} facts in {BookStore(facts).segments:,} segments")
    for each in found:
        print(
            f"{each.what}: {each.rows:,} facts or rows; {each.wall_s:.3f} s wall, {each.cpu_s:.3f} s CPU, of it"
            f" {each.arithmetic_s:.3f} s arithmetic; {each.memory_mib:,.0f} MiB above the store; bar {each.bar}:"
            f" {'holds' if each.holds else 'MISSED'}. {each.note}"
        )
    return int(not all(each.holds for each in found))


if __name__ == "__main__":
    sys.exit(main())
