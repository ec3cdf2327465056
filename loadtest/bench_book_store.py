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
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadtest.book_store import LARGEST_HOSTS, MONTH, BookStore
from loadtest.measure import MeasureError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.rating.book_months import BookCustomer
    from pipeline.rating.book_ranking import Best
    from pipeline.rating.book_simulation import BookSimulation
    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.model import Plan
    from pipeline.rating.simulation import Simulation
    from pipeline.rating.usage import Usage
    from pipeline.store import Store

FULL, USUAL = 100_000_000, 10_000_000
PLANS_OF_ONE, PLANS_OF_ALL = 200, 100
CHECKED = 40
"""Customers of the whole book who are also simulated alone, by the rows that the store reads one by one."""


@dataclass(frozen=True)
class Measured:
    """One question: rows behind it, seconds, and MiB of memory above the open store. `cpu_s` is the honest figure where
    others use the machine, and enough where a core alone would hold the bar. `bar`: what it is held to."""

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


def _read(store: Store, book: BookStore, customer: BookCustomer) -> Usage:
    """A customer's month as bills read it."""
    from pipeline.rating.month_usage import read_month

    period = customer.span.period
    minutes = int(period.begin.timestamp()) // 60, int(period.end.timestamp()) // 60

    def mine(name: str) -> bool:
        return book.owner(name) == customer.id

    return read_month(store, book.patterns(customer.id), mine, book.zone_of, minutes, store.cut()).usage


def _facts(store: Store, book: BookStore, customer: BookCustomer) -> dict[str, int]:
    """How many facts of each of his names there are."""
    period = customer.span.period
    minutes = (int(at.timestamp()) // 60 for at in (period.begin, period.end))
    return store.book.names_like(book.patterns(customer.id), *minutes)


def _simulate(
    store: Store, book: BookStore, customer: BookCustomer, plans: CompiledBook
) -> tuple[float, ...]:
    """Rows after adding up, wall, CPU, and CPU of the arithmetic, of one simulation as the command does it."""
    from pipeline.rating.simulate import simulate

    wall, cpu = time.perf_counter(), time.process_time()
    usage = _read(store, book, customer)
    read = time.process_time()
    found = simulate(usage, plans, customer.span.whole, current=customer.plan, switch=False)
    if not found.ranked:
        raise MeasureError(f"{customer.id}: expected a ranking, found none")
    return len(usage), time.perf_counter() - wall, time.process_time() - cpu, time.process_time() - read


def measure_one(store: Store, size: BookStore, whole: bool) -> list[Measured]:
    """The question of one customer, of up to 100 thousand rows and of up to 2 M."""
    from loadtest.plan_mix import draw_plans
    from pipeline.rating.compiled_book import compile_book

    plans, rounds = draw_plans(PLANS_OF_ONE), 7
    book, customers = compile_book(plans), size.book_customers(plans[0])
    places = {"≤ 250 ms": (100, 0.25), "≤ 600 ms": (4, 0.6)}
    _simulate(
        store, size, customers[size.customers // 2], book
    )  # kernels are loaded, the store has been asked once
    found = []
    for bar, (place, seconds) in places.items():
        base = _peak_mib(reset=True)
        taken = [_simulate(store, size, customers[place + i % 2], book) for i in range(rounds)]
        rows, wall, cpu, arithmetic = (statistics.median(column) for column in zip(*taken, strict=True))
        facts = [sum(_facts(store, size, customers[place + i]).values()) for i in range(2)]
        found.append(
            Measured(
                f"one customer under {PLANS_OF_ONE} plans",
                max(facts),
                wall,
                cpu,
                arithmetic,
                _peak_mib() - base,
                bar if whole else f"{bar} at full size",
                min(wall, cpu) <= seconds,
                f"median of {rounds} over two customers; {int(rows):,} rows after adding up",
            )
        )
    return found


def measure_bill(store: Store, size: BookStore, whole: bool) -> list[Measured]:
    """The largest customer's month billed, without the proof, which is coverage's work."""
    from loadtest.plan_mix import draw_plans
    from pipeline.rating.month import rate_span

    plans = draw_plans(9)
    customer = size.book_customers(plans[0])[0]
    store.cut()
    base = _peak_mib(reset=True)
    wall, cpu = time.perf_counter(), time.process_time()
    usage = _read(store, size, customer)
    read = time.process_time()
    if not all(rate_span(plan, usage, customer.span).net > 0 for plan in plans):
        raise MeasureError(f"{customer.id}: expected bills, found one of nothing")
    used = _peak_mib() - base
    return [
        Measured(
            "the largest customer billed, on 9 plans",
            size.segments * LARGEST_HOSTS,
            time.perf_counter() - wall,
            time.process_time() - cpu,
            time.process_time() - read,
            used,
            "≤ 1,024 MiB" if whole else "≤ 1,024 MiB at full size",
            used <= 1024,
            f"{len(usage):,} rows after adding up",
        )
    ]


def simulate_everybody(store: Store, size: BookStore, plans: list[Plan]) -> BookSimulation:
    """The whole book, counted."""
    from pipeline.coverage.periods import Month
    from pipeline.rating.book_simulation import simulate_book
    from pipeline.rating.compiled_book import compile_book

    def alone(customer: BookCustomer) -> Simulation:
        raise MeasureError(f"{customer.id}: expected to be counted with the others")

    customers = size.book_customers(plans[0])
    return simulate_book(
        store, size.zone_of, size.owner, Month.parse(MONTH), customers, compile_book(plans), alone
    )


def measure_book(store: Store, size: BookStore, whole: bool) -> list[Measured]:
    """Everybody under every plan, then some of them alone: no net may differ."""
    from loadtest.plan_mix import draw_plans

    store.cut()
    base = _peak_mib(reset=True)
    wall, cpu = time.perf_counter(), time.process_time()
    found = simulate_everybody(store, size, draw_plans(PLANS_OF_ALL))
    counted_at, spent = time.perf_counter(), time.process_time()
    best = found.best()
    arithmetic_wall, arithmetic = time.perf_counter() - counted_at, time.process_time() - spent
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    used = _peak_mib() - base
    read, counted = found.counted.rows
    pairs = check(store, size, found, best)
    return [
        Measured(
            f"{len(best):,} customers × {PLANS_OF_ALL} plans",
            read,
            wall,
            cpu,
            arithmetic,
            used,
            "≤ 60 s, arithmetic ≤ 3 s, ≤ 4 GiB" if whole else "≤ 60 s, ≤ 4 GiB at full size",
            min(wall, cpu) <= 60 and min(arithmetic_wall, arithmetic) <= 3 and used <= 4096,
            f"{counted:,} facts counted; {pairs:,} nets equal to the Decimal rating of each customer alone",
        )
    ]


def check(
    store: Store, size: BookStore, found: BookSimulation, best: Sequence[tuple[BookCustomer, Best]]
) -> int:
    """Nets of some customers against the Decimal rating of what the grouped read of the store says; how many."""
    from pipeline.rating.meter import meter_plan
    from pipeline.rating.rate import rate_plan
    from pipeline.rating.usage import usage_from_table

    cut, pairs = store.cut(), 0
    for place in range(30, size.customers, max(1, size.customers // CHECKED)):
        customer, said = best[place]
        period = customer.span.whole
        minutes = int(period.begin.timestamp()) // 60, int(period.end.timestamp()) // 60
        table = store.usage(cut, resources=size.patterns(customer.id), minutes=minutes)
        usage = usage_from_table(table, size.zone_of)
        nets = {p.id: rate_plan(p, meter_plan(p, usage, period), period).net for p in found.book.every}
        least = min((net, name) for name, net in nets.items())
        if (said.best_net, said.net, said.best and said.best.id) != (
            least[0],
            nets[said.current.id],
            least[1],
        ):
            raise MeasureError(f"customer {customer.id}: expected {least}, found {said}")
        rated = found.book.rate(found.counted.columns[:, place : place + 1]).nets[:, 0].tolist()
        for one, net in zip(found.book.plans, rated, strict=True):
            expected = nets[one.plan.id]
            if expected != net * Decimal(f"1e-{one.scale}"):
                raise MeasureError(
                    f"customer {customer.id}, plan {one.plan.id}: expected {expected}, found {net}"
                )
            pairs += 1
    return pairs


MEASURES: dict[str, Callable[[Store, BookStore, bool], list[Measured]]] = {
    "one": measure_one,
    "bill": measure_bill,
    "book": measure_book,
}


def _ask(name: str, facts: int, folder: str, answer: Any) -> None:
    from pipeline.store import open_store

    with open_store(f"chdb://{folder}/store") as store:
        answer.send(MEASURES[name](store, BookStore(facts), facts >= FULL))


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
