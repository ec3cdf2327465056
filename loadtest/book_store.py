"""A month of a whole network in the store: 30,000 customers by Zipf's law, the largest with a fifth of all facts.

Made inside ClickHouse (INSERT … SELECT from numbers()), for `loadtest.bench_book_store`; with customers,
contracts and zones.
"""

# ruff: noqa: S608 - statements are put together from this module's own numbers

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loadtest.bench_store import _segment
from loadtest.plan_mix import ZONES
from pipeline.coverage.periods import Month
from pipeline.rating.book_months import BookCustomer
from pipeline.rating.contracts import spans_in
from pipeline.rating.model import Contract

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.rating.model import Plan
    from pipeline.store import Store

FIRST_MINUTE = 29_891_520  # 2026-11-01T00:00Z
MONTH = "2026-11"
MINUTES = 30 * 1440
PER_SEGMENT = 50
LARGEST_HOSTS = 10
"""Of each segment's facts so many are the largest customer's, a host each."""

CUSTOMERS = 30_000
TIME_ZONES = ("Europe/Moscow", "UTC", "Asia/Vladivostok", "Europe/Moscow", "Europe/Berlin")
AT_ONCE = 8_000_000


@dataclass(frozen=True, slots=True)
class BookStore:
    """How large it is."""

    facts: int
    customers: int = CUSTOMERS

    @property
    def segments(self) -> int:
        return -(-self.facts // PER_SEGMENT)

    @property
    def edges(self) -> int:
        return max(1, -(-self.segments // MINUTES))

    def build(self, store: Store, say: Callable[[str], Any]) -> None:
        """Fill facts and ledger."""
        execute = store._sessions.execute
        for first in range(0, self.facts, AT_ONCE):
            execute(self._facts_sql(first, min(AT_ONCE, self.facts - first)))
            say(f"{min(first + AT_ONCE, self.facts):>12,} facts")
        execute(self._ledger_sql(1, old=False))
        execute(self._ledger_sql(1 + self.segments, old=True))

    def _facts_sql(self, first: int, count: int) -> str:
        """Facts from `first` on: of every 200th segment half are of an attempt that lost, one in 64 is late."""
        edge, minute = self._edge_and_minute("s")
        shares = self.customers - 1
        return f"""
INSERT INTO facts
SELECT resource, toDateTime(({minute} - (h % 64 = 0)) * 60, 'UTC'), concat('e', toString({edge})),
    {_segment(edge, minute)}, sipHash64({edge}, {minute}, if(old, 8, 7)), toDateTime({minute} * 60, 'UTC'),
    r, r * size, r * (size - 700), r, intDiv(r, 50), 0
FROM (
    SELECT intDiv(number, {PER_SEGMENT}) AS s, number % {PER_SEGMENT} AS slot, sipHash64(number) AS h,
        1 + h % 50 AS r, 20000 + intDiv(h, 64) % 100000 AS size, (s % 200 = 0) AND (h % 2 = 0) AS old,
        (slot - {LARGEST_HOSTS} + h / 18446744073709551616.) / {PER_SEGMENT - LARGEST_HOSTS} AS quantile,
        toUInt32(1 + exp(log({shares}) * quantile)) AS place,
        if(slot < {LARGEST_HOSTS}, concat('h', toString(slot), '.c00001.example.ru'),
           concat('c', leftPad(toString(place), 5, '0'), '.example.ru')) AS resource
    FROM numbers({first}, {count})
)
SETTINGS min_insert_block_size_rows = {AT_ONCE}, min_insert_block_size_bytes = {4 << 30}"""

    def _ledger_sql(self, first: int, *, old: bool) -> str:
        """The winners, or (`old`) the losers of every 200th segment, numbered from `first` on."""
        place = "(number * 200)" if old else "number"
        edge, minute = self._edge_and_minute(place)
        count = -(-self.segments // 200) if old else self.segments
        return f"""
INSERT INTO ledger (segment_id, seq, write_id, commit_id, edge, stream, minute, part, state, preferred, verified, lines,
    parsed, malformed, duplicates, flagged, bytes_sent, content_bytes, digest, sha256, sequence_unit, sequence_epoch,
    sequence_first, sequence_next, format, known, path, fingerprint, reason, committed_at)
SELECT {_segment(edge, minute)}, {first} + number, sipHash64({edge}, {minute}, {8 if old else 7}),
    intDiv(number, 50), concat('e', toString({edge})), 'access', toDateTime({minute} * 60, 'UTC'), '', 'received', 0,
    {int(not old)}, 5000, 5000, 0, 0, 0, number * 1000, 900000,
    reinterpretAsFixedString(sipHash128({edge}, {minute})), '', '', '', 0, 0,
    'edge-tsv', ['requests', 'bytes_sent', 'body_bytes'], concat('/spool/', toString(number)),
    toString(sipHash64(number)), '', toDateTime64({minute} * 60 + 90, 3, 'UTC')
FROM numbers({count})"""

    def _edge_and_minute(self, segment: str) -> tuple[str, str]:
        # widths are fixed, because the hash of a UInt8 is not that of the same number as UInt32
        edges = self.edges
        return f"toUInt32({segment} % {edges})", f"toUInt32({FIRST_MINUTE} + intDiv({segment}, {edges}))"

    @property
    def zone_of(self) -> dict[str, str]:
        """The zone of each edge."""
        return {f"e{number}": ZONES[number % len(ZONES)] for number in range(self.edges)}

    def patterns(self, customer: str) -> tuple[str, ...]:
        """The resources of a customer."""
        return (f"*.{customer}.example.ru",) if customer == "c00001" else (f"{customer}.example.ru",)

    def owner(self, resource: str) -> str | None:
        """Whose a resource is."""
        return resource.removesuffix(".example.ru").rpartition(".")[2]

    def book_customers(self, plan: Plan) -> list[BookCustomer]:
        """Everybody's month, by their popularity, all on one plan; contracts are in several time zones."""
        month, began = Month.parse(MONTH), datetime(2026, 1, 1, tzinfo=UTC)
        made = []
        for place in range(1, self.customers + 1):
            name, tz = f"c{place:05d}", TIME_ZONES[place % len(TIME_ZONES)]
            spans = spans_in([Contract(name, plan.id, began, None, tz)], month)
            made.append(BookCustomer(name, spans, plan))
        return made
