"""Measures the store against its bar: one customer's month at a cut, out of 88 M facts and 2 M, then 20 M ledger rows.

The data set is made inside ClickHouse (INSERT … SELECT from numbers()) in a temporary folder and read through the
statements that pipeline/store uses. Run: `python -m loadtest.bench_store [--facts 88000000] [--json]`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipeline.store import QueryError, open_store
from pipeline.store.reader import usage_query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.store import Store

FIRST_MINUTE = 29_891_520  # 2026-11-01T00:00Z
MINUTES = 30 * 1440
EDGES = 46
RESOURCES = 30_000
PER_SEGMENT = 44
CUSTOMERS = {"typical": 200, "large": 20, "largest": 1}
"""Places in the order of popularity: the 200th of 30,000 has about one fact a minute, the first is on every segment."""

BAR_S = 0.1
BAR_BYTES = 100 << 20


@dataclass(frozen=True)
class Reading:
    """One customer's month: rows of facts behind it, seconds (best, median, worst), the least CPU seconds of a read
    (which tell more where others use the machine), and bytes of memory that suffice."""

    ledger_rows: int
    customer: str
    facts: int
    best_s: float
    median_s: float
    worst_s: float
    cpu_s: float
    memory_bytes: int

    @property
    def holds(self) -> bool:
        return self.median_s <= BAR_S and self.memory_bytes <= BAR_BYTES


def _segment(edge: str, minute: str) -> str:
    """SQL of a segment_id as pipeline.model makes one: the minute, then 96 bits that look random."""
    high = f"bitShiftLeft(toUInt128({minute}), 96)"
    middle = f"bitShiftLeft(toUInt128(bitAnd(sipHash64({edge}, {minute}, 1), 4294967295)), 64)"
    low = f"bitOr({middle}, sipHash64({edge}, {minute}))"
    return f"bitOr({high}, {low})"


def _ledger_sql(first: int, count: int, minute0: int, edges: int, edge0: int, *, old: bool = False) -> str:
    """Ledger rows of `count` segments, minute by minute over `edges` edges; `old`: of every 200th its loser.

    Widths are fixed, because the hash of a UInt8 is not that of the same number as UInt32.
    """
    place = "(number * 200)" if old else "number"
    edge, minute = f"toUInt32({edge0} + {place} % {edges})", f"toUInt32({minute0} + intDiv({place}, {edges}))"
    return f"""
INSERT INTO ledger (segment_id, seq, write_id, commit_id, edge, stream, minute, part, state, preferred, verified, lines,
    parsed, malformed, duplicates, flagged, bytes_sent, content_bytes, digest, sha256, sequence_unit, sequence_epoch,
    sequence_first, sequence_next, format, known, path, fingerprint, reason, committed_at)
SELECT {_segment(edge, minute)}, {first} + number, sipHash64({edge}, {minute}, {8 if old else 7}), intDiv(number, 50),
    concat('e', toString({edge})), 'access', toDateTime({minute} * 60, 'UTC'), '', 'received', 0, {int(not old)},
    5000 + number % 1000, 5000, 0, 0, 0, number * 1000, 900000 + number % 5000,
    reinterpretAsFixedString(sipHash128({edge}, {minute})), '', 'line', '1', number * 5000, number * 5000 + 5000,
    'edge-tsv', ['requests', 'bytes_sent'], concat('/spool/e', toString({edge}), '/', toString({minute})),
    toString(sipHash64(number)), '', toDateTime64({minute} * 60 + 90, 3, 'UTC')
FROM numbers({-(-count // 200) if old else count})"""  # noqa: S608


def _facts_sql(first: int, count: int) -> str:
    """Facts: PER_SEGMENT of each segment, resources by Zipf's law (log-uniform places), some of losing attempts."""
    edge, minute = f"toUInt32(s % {EDGES})", f"toUInt32({FIRST_MINUTE} + intDiv(s, {EDGES}))"
    return f"""
INSERT INTO facts
SELECT resource, toDateTime({minute} * 60, 'UTC'), concat('e', toString({edge})), {_segment(edge, minute)},
    sipHash64({edge}, {minute}, if(old, 8, 7)), toDateTime({minute} * 60, 'UTC'), r, r * 30000, r * 29000, r,
    intDiv(r, 50), 0
FROM (
    SELECT intDiv(number, {PER_SEGMENT}) AS s, sipHash64(number) AS h, 1 + h % 50 AS r, (s % 200 = 0) AND (h % 2 = 0) AS old,
        toUInt32(exp(log({RESOURCES}) * (h / 18446744073709551616.))) AS place,
        concat('r', leftPad(toString(place), 5, '0'), '.example.ru') AS resource
    FROM numbers({first}, {count})
)"""  # noqa: S608, E501


_WON = "sipHash64(toUInt32(substring(edge, 2)), toUInt32(intDiv(toUInt32(segment_minute), 60)), 7)"
"""The winning write_id of a fact's segment, as the statements above made it."""


def build_facts(store: Store, facts: int, say: Any) -> None:
    """Fills `facts` and the month's own part of the ledger."""
    step = 4_000_000
    for first in range(0, facts, step):
        store._sessions.execute(_facts_sql(first, min(step, facts - first)))
        say(f"{min(first + step, facts):>12,} facts")
    segments = -(-facts // PER_SEGMENT)
    store._sessions.execute(_ledger_sql(1, segments, FIRST_MINUTE, EDGES, 0))
    store._sessions.execute(_ledger_sql(1 + segments, segments, FIRST_MINUTE, EDGES, 0, old=True))


def grow_ledger(store: Store, rows: int, *, dense: bool, say: Any) -> None:
    """Brings the ledger to `rows`: with older months, or (dense) with ten times the edges in the same month."""
    have = store.cut()
    while have < rows:
        count = min(2_000_000, rows - have)
        if dense:
            sql = _ledger_sql(have + 1, count, FIRST_MINUTE, EDGES, have // 40_000)
        else:
            sql = _ledger_sql(have + 1, count, FIRST_MINUTE - MINUTES * (have // 2_000_000), EDGES, 0)
        store._sessions.execute(sql)
        have = store.cut()
        say(f"{have:>12,} ledger rows")


def settle(store: Store, within_s: int = 300) -> None:
    """Waits until the engine has merged what was built: it takes a core meanwhile."""
    until = time.monotonic() + within_s
    while store._sessions.one("SELECT count() FROM system.merges") and time.monotonic() < until:
        time.sleep(1)


def read_customer(store: Store, name: str, repeat: int = 7) -> Reading:
    """Times one customer's month through the reader's own statement, and finds the memory that it needs."""
    resource = f"r{CUSTOMERS[name]:05d}.example.ru"
    month = (FIRST_MINUTE, FIRST_MINUTE + MINUTES)
    cut = store.cut()
    taken, busy = [], []
    for _ in range(repeat):
        began, used = time.perf_counter(), time.process_time()
        table = store.usage(cut, resources=[resource], minutes=month, by=("minute", "resource"))
        taken.append(time.perf_counter() - began)
        busy.append(time.process_time() - used)
    facts, requests = store._sessions.rows(
        f"SELECT count(), sumIf(requests, write_id = {_WON}) FROM facts"  # noqa: S608
        f" WHERE resource = '{resource}' AND minute < toDateTime({month[1] * 60}, 'UTC')"
    )[0]
    found = sum(table["requests"].to_pylist())
    if found != requests:
        raise AssertionError(f"{resource}: {found} requests read, {requests} written")
    return Reading(
        ledger_rows=cut,
        customer=name,
        facts=int(facts),
        best_s=min(taken),
        median_s=statistics.median(taken),
        worst_s=max(taken),
        cpu_s=min(busy),
        memory_bytes=_memory(store, cut, resource, month),
    )


def _memory(store: Store, cut: int, resource: str, month: tuple[int, int]) -> int:
    """The least `max_memory_usage` in steps of 8 MiB under which the largest of its statements still runs, in bytes."""
    pieces = store._reader._pieces([resource], month)
    some, span = pieces[0]
    sql, params = usage_query(
        cut, resources=[resource], minutes=some, segment_minutes=span, by=("minute", "resource")
    )
    low, high = 0, 512
    while high - low > 1:
        middle = (low + high) // 2
        try:
            # 8 MiB: what the engine counts is in steps of 4 MiB a thread
            store._sessions.arrow(sql + f" SETTINGS max_memory_usage = {middle * 8 << 20}", params)
            high = middle
        except QueryError as error:
            if error.code != 241:
                raise
            low = middle
    return high * 8 << 20


def run(facts: int, ledgers: list[int], *, dense: bool, folder: str, say: Any) -> Iterator[Reading]:
    with open_store(f"chdb://{folder}/store") as store:
        began = time.perf_counter()
        if not store.cut():
            build_facts(store, facts, say)
        parts, disk = store._sessions.rows(
            "SELECT count(), sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'facts'"
        )[0]
        say(
            f"built in {time.perf_counter() - began:.0f} s: {parts} parts, {disk / facts:.1f} bytes a fact on disk"
        )
        for rows in ledgers:
            grow_ledger(store, rows, dense=dense, say=say)
            settle(store)
            for name in CUSTOMERS:
                yield read_customer(store, name)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=88_000_000)
    parser.add_argument("--ledger", type=int, nargs="*", default=[2_000_000, 20_000_000])
    parser.add_argument(
        "--dense", action="store_true", help="grow the ledger within the month, not by older months"
    )
    parser.add_argument("--folder", help="keep the data set here, or use the one there is")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="prebill-bench-") as made:
        readings = []
        for reading in run(args.facts, args.ledger, dense=args.dense, folder=args.folder or made, say=say):
            readings.append(reading)
            say(f"{reading}")
    if args.json:
        print(json.dumps([asdict(r) | {"holds": r.holds} for r in readings], indent=1))
        return 0
    heads = ("best", "median", "worst", "cpu", "memory")
    print(f"{'ledger rows':>12} {'customer':>9} {'facts':>10} {' '.join(f'{h:>9}' for h in heads)}  bar")
    for r in readings:
        print(
            f"{r.ledger_rows:>12,} {r.customer:>9} {r.facts:>10,} {r.best_s * 1e3:>6.0f} ms"
            f" {r.median_s * 1e3:>6.0f} ms {r.worst_s * 1e3:>6.0f} ms {r.cpu_s * 1e3:>6.0f} ms"
            f" {r.memory_bytes >> 20:>5} MiB  {'holds' if r.holds else 'MISSED'}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
