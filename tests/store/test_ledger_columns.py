"""The ledger as columns is what the winners are, one by one: with parts, attempts, overrides, cuts and late commits."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import cycle, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipeline.coverage.model import SEGMENT_STATES, LedgerColumns, Stream
from pipeline.model import LedgerEntry, Origin, SegmentState, Sequence, SequenceUnit
from pipeline.store import ledger_columns
from tests.store.cases import MINUTE, NOW, make_entry, write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.store import Store

UNITS = ("", "line", "byte")
WAYS = (((70, 3), (3_000_000, 100_000)), ((70, 100_000), (3_000_000, 3)))
"""Rows at once, of three pieces of which two are read at a time or of all, and the most keys; used in turn."""


def as_rows(columns: LedgerColumns) -> list[tuple[Any, ...]]:
    """What columns say, a tuple a segment, sorted."""
    return sorted(
        (
            columns.streams[columns.stream[i]], int(columns.minute[i]), SEGMENT_STATES[columns.state[i]],
            int(columns.lines[i]), int(columns.duplicates[i]), int(columns.bytes_sent[i]),
            int(columns.content_bytes[i]), columns.epochs[columns.epoch[i]], int(columns.first[i]),
            int(columns.next[i]), UNITS[columns.unit[i]], float(columns.committed[i]),
        )
        for i in range(len(columns))
    )  # fmt: skip


def expected(entries: Iterable[LedgerEntry]) -> list[tuple[Any, ...]]:
    none = Sequence(SequenceUnit.LINE, "", 0, 0)
    return sorted(
        (
            Stream(e.origin.edge, e.origin.stream), e.origin.minute, e.state.value, e.lines, e.duplicates, e.bytes_sent,
            e.content_bytes, (s := e.sequence or none).epoch, s.first, s.next, s.unit.value if e.sequence else "",
            e.committed_at.timestamp(),
        )
        for e in entries
    )  # fmt: skip


def make_ledger(seed: int, streams: list[tuple[str, str]], parts: list[str]) -> list[LedgerEntry]:
    """Attempts at segments of ten minutes, some read again, one in twenty preferred by hand."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    entries = []
    for write_id in range(1, 200):
        edge, stream = rng.choice(streams)
        origin = Origin(edge, stream, MINUTE + rng.randrange(10), rng.choice(parts))
        first = rng.randrange(1000)
        sequence = Sequence(
            rng.choice(list(SequenceUnit)), rng.choice("ab"), first, first + rng.randrange(50)
        )
        entries.append(
            make_entry(
                origin,
                write_id,
                state=rng.choice(list(SegmentState)),
                lines=rng.randrange(3),
                duplicates=rng.randrange(3),
                bytes_sent=0,
                content_bytes=rng.randrange(2**62),
                sequence=rng.choice([sequence, None]),
                preferred=rng.random() < 0.05,
                verified=rng.random() < 0.5,
                committed_at=NOW + timedelta(milliseconds=rng.randrange(10**6)),
            )
        )
    return entries


def winners(store: Store, entries: list[LedgerEntry], cut: int | None = None) -> list[LedgerEntry]:
    return list(store.winners({entry.segment_id for entry in entries}, cut).values())


def keep(entries: list[LedgerEntry], first: int, after: int) -> list[LedgerEntry]:
    return [entry for entry in entries if first <= entry.origin.minute < after]


@pytest.mark.parametrize(
    ("streams", "parts"),
    [
        ([("e1", "access")], [""]),
        ([("e1", "access"), ("e2", "access"), ("é'\\", "access")], [""]),
        ([("e1", "access"), ("e1", "errors"), ("e2", "errors")], ["", "1", "2"]),
    ],
)
def test_columns_are_the_winners(
    store: Store, monkeypatch: pytest.MonkeyPatch, streams: list[tuple[str, str]], parts: list[str]
) -> None:
    entries = make_ledger(len(streams) + len(parts), streams, parts)
    half = store.commit(entries[:100])
    store.commit(entries[100:])
    whole, wider, one = (MINUTE, MINUTE + 10), (MINUTE - 5, MINUTE + 50), (MINUTE + 3, MINUTE + 4)
    ways = cycle(WAYS)
    for cut, ranges in (
        (None, (whole, wider, one)),
        (half, (whole,)),
        (half - 60, (whole, wider, one)),
        (store.cut(), (whole,)),
        (store.cut() + 5, (one,)),
    ):
        at_cut = winners(store, entries, cut)
        for (first, after), (rows_at_once, max_keys) in product(ranges, next(ways)):
            monkeypatch.setattr(ledger_columns, "ROWS_AT_ONCE", rows_at_once)
            monkeypatch.setattr(ledger_columns, "MAX_KEYS", max_keys)
            asked = keep(at_cut, first, after)
            where = (first, cut, rows_at_once, max_keys)
            assert as_rows(store.ledger_columns(first, after, cut=cut)) == expected(asked), where
            pieces = list(store.narrow_columns(first, after, cut=cut))
            found = {
                (p.streams[s], int(m), SEGMENT_STATES[t])
                for p in pieces
                for s, m, t in zip(p.stream, p.minute, p.state, strict=True)
            }
            assert found == {row[:3] for row in expected(asked)}, where
            assert all(len(p.lines) == len(p) and not p.lines.any() for p in pieces)


def test_nothing_is_nothing(store: Store) -> None:
    for columns in (store.ledger_columns(5, 5), store.ledger_columns(9, 5), store.ledger_columns(0, MINUTE)):
        assert len(columns) == 0
        assert columns.minute.dtype == np.uint32
    write(store, Origin("e1", "access", MINUTE), 1, 5)
    assert len(store.ledger_columns(0, MINUTE)) == len(store.ledger_columns(MINUTE + 1, MINUTE + 9)) == 0


@pytest.mark.parametrize("stream", ["access", "errors"])
def test_a_stream_that_comes_while_we_read_is_not_taken_for_another(
    store: Store, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    """Without a cut the newcomer is in, under its own name; at the cut it is not there."""
    cut = store.commit([make_entry(Origin("e1", "access", MINUTE), 1)])
    asked: list[str] = []
    ask = ledger_columns._Pieces._ask

    def late(self: Any, first: int, after: int, which: str, **options: Any) -> Any:
        if not asked:
            edge = "e1" if stream == "errors" else "e0"
            store.commit([make_entry(Origin(edge, stream, MINUTE + 1), 2)])
        asked.append(which)
        return ask(self, first, after, which, **options)

    monkeypatch.setattr(ledger_columns._Pieces, "_ask", late)
    for at in (cut, None):
        asked.clear()
        columns = store.ledger_columns(MINUTE, MINUTE + 5, cut=at)
        newcomer = Stream("e1" if stream == "errors" else "e0", stream)
        there = [(Stream("e1"), MINUTE), *([(newcomer, MINUTE + 1)] if at is None else [])]
        assert [row[:2] for row in as_rows(columns)] == sorted(there)
        write(store, Origin("e9", "access", 5), 9, 1)  # between the two questions


def test_usage_around_an_edge_is_of_winners_at_the_cut(store: Store) -> None:
    write(store, Origin("e1", "access", MINUTE), 1, 5)
    cut = write(store, Origin("e1", "access", MINUTE), 2, 7)
    write(store, Origin("e1", "access", MINUTE + 1), 3, 1)
    write(store, Origin("e2", "access", MINUTE), 4, 100)
    write(store, Origin("e1", "access", MINUTE + 60), 5, 100)
    write(store, Origin("e1", "video", MINUTE + 1), 6, 3)
    bounds = (MINUTE - 60, MINUTE, MINUTE + 1, MINUTE + 60)
    assert store.usage_blocks("e1", "access", bounds, cut) == [(1, "a.example.ru", 7000, 7)]
    now = [(1, "a.example.ru", 7000, 7), (2, "a.example.ru", 1000, 1)]
    assert store.usage_blocks("e1", "access", bounds) == now
    assert store.usage_blocks("e1", None, bounds) == [now[0], (2, "a.example.ru", 4000, 4)]
    assert store.usage_blocks("e3", None, bounds) == []
