"""How many events the incident engine takes a second on one core, and what open scopes weigh; prints both, and bars."""

from __future__ import annotations

import argparse
import gc
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from incidents.engine import Engine
from incidents.events import Gap, Probe, Traffic
from incidents.model import MoneyRate, Scope
from incidents.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incidents.events import Event

START = 1_793_491_200.0
BAR_EVENTS = 20_000
BAR_SCOPES = 100_000
BAR_MIB = 500


def _resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def instants(customers: int, edges: int, minutes: int) -> Iterator[tuple[float, list[Event]]]:
    """A CDN's evidence by instants: each customer probed from two vantage points and served at two edges; one in a
    hundred fails for some minutes, and one edge has lost logs."""
    for minute in range(minutes):
        begin = START + 60 * minute
        for customer in range(customers):
            name = f"c{customer}"
            at = begin + 50 * customer / customers
            bad = customer % 100 == 7 and 3 <= minute < 6
            events: list[Event] = [
                Probe(at=at, scope=Scope("customer", name), vantage=vantage, ok=not bad)
                for vantage in ("msk-1", "spb-1")
            ]
            events += [
                Traffic(at=at, edge=f"e{(customer + n) % edges}", customer=name, minute=begin - 60,
                        requests=200 + customer % 90, errors_5xx=20 * bad)
                for n in (0, 1)
            ]  # fmt: skip
            yield at, events
        lost = Gap(at=begin + 55, edge="e1", since=START, until=begin, loss_class="missing",
                   customers=("c1", "c2"), per_minute=MoneyRate("1", "2", "3"))  # fmt: skip
        yield begin + 55, [lost] if minute else []


def speed(customers: int = 2000, edges: int = 20, minutes: int = 12) -> tuple[int, float, int]:
    """Events, seconds, transitions."""
    batches = list(instants(customers, edges, minutes))
    engine = Engine(Policy())
    told = 0
    begin = time.perf_counter()
    for at, events in batches:
        told += len(engine.advance(at, events))
    return sum(len(events) for _, events in batches), time.perf_counter() - begin, told


def weight(scopes: int = BAR_SCOPES) -> tuple[int, float, float]:
    """Open incidents, MiB of resident memory that they added, and of a snapshot."""
    gc.collect()
    before = _resident()
    engine = Engine(Policy())
    fine = Scope("customer", "fine")  # or the prober that fails for all the others would be the suspect
    for number in range(scopes):
        at = START + number / 1000
        scope = Scope("customer", f"customer-{number:06d}")
        engine.advance(
            at,
            [
                Probe(at=at, scope=fine, vantage="msk-1", ok=True),
                Probe(at=at, scope=scope, vantage="msk-1", ok=False, detail="connect timeout"),
                Probe(at=at, scope=scope, vantage="spb-1", ok=True),
            ],
        )
    after = _resident()
    return len(engine.incidents), (after - before) / 2**20, len(engine.snapshot()) / 2**20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scopes", type=int, default=BAR_SCOPES)
    parser.add_argument("--customers", type=int, default=2000)
    arguments = parser.parse_args()
    events, seconds, told = speed(arguments.customers)
    rate = f"{events / seconds:,.0f} events/s (bar {BAR_EVENTS:,})"
    print(f"engine: {rate}, {events:,} in {seconds:.1f} s, {told:,} transitions")
    open_, mib, snapshot = weight(arguments.scopes)
    print(
        f"engine: {open_:,} open scopes weigh {mib:.0f} MiB, their snapshot {snapshot:.0f} MiB (bar {BAR_MIB} MiB)"
    )


if __name__ == "__main__":
    main()
