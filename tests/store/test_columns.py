"""Nouns to columns and back, and the rank that the store computes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model import LedgerEntry, Malformed, Origin, SegmentState, Sequence, SequenceUnit, Skip
from pipeline.store.columns import facts_by_month
from tests.store.cases import MINUTE, NOW, make_batch, make_entry

if TYPE_CHECKING:
    from pipeline.store import Store

U64 = st.integers(0, 2**63 - 1)
NAME = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)

ENTRIES = st.builds(
    LedgerEntry,
    origin=st.builds(Origin, NAME, NAME, st.integers(0, 2**32 // 60 - 1), st.text(max_size=4)),
    write_id=st.integers(0, 2**64 - 1),
    state=st.sampled_from(SegmentState),
    verified=st.booleans(),
    lines=st.integers(0, 2**60 - 1),
    parsed=U64,
    malformed=U64,
    duplicates=U64,
    flagged=U64,
    bytes_sent=U64,
    content_bytes=st.integers(0, 2**60 - 1),
    digest=st.sampled_from([b"", b"\0" * 16]) | st.binary(max_size=16),
    sha256=st.sampled_from([b""]) | st.binary(min_size=32, max_size=32),
    sequence=st.none() | st.builds(Sequence, st.sampled_from(SequenceUnit), st.text(max_size=5), U64, U64),
    skips=st.lists(st.builds(Skip, U64, U64), max_size=3).map(tuple),
    malformed_at=st.lists(st.builds(Malformed, U64, st.sampled_from(["time", "it's"])), max_size=3).map(tuple),
    format=NAME,
    known=st.frozensets(st.sampled_from(["requests", "bytes_sent"])),
    path=NAME,
    fingerprint=NAME,
    reason=st.text(max_size=20),
    committed_at=st.datetimes(
        datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)
    ).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)),
    preferred=st.booleans(),
).map(lambda entry: replace(entry, bytes_sent=0) if entry.preferred else entry)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(ENTRIES, min_size=1, max_size=6))
def test_entries_come_back_as_they_were_and_the_stores_rank_orders_as_the_models(
    store: Store, entries: list[LedgerEntry]
) -> None:
    before = store.cut()
    last = store.commit(entries)
    back = store.ledger_tail(before)
    assert last == before + len(entries)
    assert back == [replace(e, seq=before + 1 + i) for i, e in enumerate(entries)]
    by_rank = store._sessions.rows(
        "SELECT seq FROM ledger WHERE seq > {before:UInt64} ORDER BY full_rank, seq", {"before": before}
    )
    assert [row[0] for row in by_rank] == [e.seq for e in sorted(back, key=lambda e: (e.rank, e.seq))]


def test_facts_are_split_by_the_month_of_their_segment_in_the_order_of_the_batch() -> None:
    october = Origin("e1", "access", int(datetime(2026, 10, 31, 23, 59, tzinfo=UTC).timestamp()) // 60)
    november = Origin("e1", "access", october.minute + 1)
    # requests of November's first minute that October's segment holds stay with October
    batch = make_batch(
        [
            ("a", november.minute, "e1", october.segment_id, 1, 5),
            ("a", november.minute, "e1", november.segment_id, 2, 6),
            ("b", october.minute, "e1", october.segment_id, 1, 7),
        ]
    )
    split = dict(facts_by_month(batch))
    assert {month: table["requests"].to_pylist() for month, table in split.items()} == {
        202610: [5, 7],
        202611: [6],
    }
    assert split[202610]["resource"].to_pylist() == [b"a", b"b"]


def test_a_name_that_is_no_utf8_does_not_stop_an_insert(store: Store) -> None:
    name = b"bad\xff.example".decode("utf-8", "surrogateescape")
    origin = Origin("e1", "access", MINUTE)
    store.insert_facts(replace(make_batch([("x", MINUTE, "e1", origin.segment_id, 1, 3)]), resources=(name,)))
    store.commit([make_entry(origin, 1)])
    assert store.usage(store.cut(), by=("resource",)).to_pylist()[0]["resource"] == "bad\ufffd.example"
    assert store.usage(store.cut(), resources=[name], by=()).to_pylist()[0]["requests"] == 3


def test_sums_up_to_the_last_bit(store: Store) -> None:
    origin = Origin("e1", "access", MINUTE)
    batch = make_batch([("a", MINUTE, "e1", origin.segment_id, 1, 1)])
    batch = replace(batch, sums=np.full((6, 1), 2**64 - 1, np.uint64))
    store.insert_facts(batch)
    store.commit([make_entry(origin, 1, committed_at=NOW)])
    assert store.totals(store.cut())["bytes_sent"] == 2**64 - 1
