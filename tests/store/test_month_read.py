"""A customer's month read for rating, in blocks and added up as it comes, against the store's own sums by minute,
resource and edge."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.coverage.model import Close
from pipeline.model import Origin
from pipeline.rating import month_usage
from pipeline.rating.month_usage import read_month
from pipeline.rating.usage_join import change_usage
from pipeline.store.blocks import native_blocks, read_blocks
from pipeline.store.closes import Taking
from pipeline.store.errors import QueryError, StoreError
from pipeline.store.usage_for_book import BookRows
from pipeline.store.winner_set import WinnerSet
from tests.empty_store import lay_store
from tests.store.cases import MINUTE, make_batch, make_entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.rating.usage import Usage
    from pipeline.store import Store

    Cell = tuple[int, str, str]
    Sums = dict[Cell, tuple[int, ...]]

ZONES = {"e0": "ru", "e1": "eu", "e2": "ru"}
SPELLED = (
    "a.example.ru",
    "A.example.ru",
    "a.exaMple.RU",
    "b.example.ru",
    "a.example.ru.",
    "A.example.r\udcff",
    "z",
)
WIDTH = 77
"""Minutes of the month that is read; what lies around it does not count."""


def fill(store: Store, facts: Sequence[tuple[int, str, int, int, int]]) -> None:
    """(segment, resource, minute, requests, attempt) of five edges' segments; the third attempt never finished."""
    segments = sorted({fact[0] for fact in facts})
    origins = {segment: Origin(f"e{segment}", "access", MINUTE + segment) for segment in segments}
    for attempt in range(3):
        rows = [
            (name, MINUTE + minute, f"e{of}", origins[of].segment_id, 10 * of + attempt + 1, requests)
            for of, name, minute, requests, tried in facts
            if tried == attempt
        ]
        if rows:
            store.insert_facts(make_batch(rows))
        if attempt < 2:
            store.commit(
                [make_entry(origins[of], 10 * of + attempt + 1, lines=10 + attempt) for of in segments]
            )


def sums_of(store: Store, names: Sequence[str], minutes: tuple[int, int]) -> Sums:
    """The grouped read, by zones."""
    found: Counter[tuple[Cell, str]] = Counter()
    for row in store.usage(store.cut(), resources=names, minutes=minutes).to_pylist():
        cell = (row["minute"], row["resource"], ZONES.get(row["edge"], ""))
        for count in ("requests", "bytes_sent", "body_bytes"):
            found[cell, count] += row[count]
    return {
        cell: tuple(found[cell, count] for count in ("requests", "bytes_sent", "body_bytes"))
        for cell, _ in found
    }


def cells_of(usage: Usage) -> Sums:
    """The same of usage, whose rows may repeat."""
    found: dict[Cell, list[int]] = {}
    for i in range(len(usage)):
        cell = (int(usage.minute[i]), usage.resources[usage.resource[i]], usage.zones[usage.zone[i]])
        sums = found.setdefault(cell, [0, 0, 0])
        for place, counts in enumerate((usage.requests, usage.bytes_sent, usage.body_bytes)):
            sums[place] += int(counts[i])
    return {cell: tuple(sums) for cell, sums in found.items()}


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.sampled_from(SPELLED),
            st.integers(-3, WIDTH + 3),
            st.integers(0, 2**40),
            st.integers(0, 2),
        ),
        max_size=40,
    ),
    st.sampled_from([1, 3, 2_000_000]),
    st.sampled_from([0, 0.01, 1]),
)
def test_a_month_is_what_the_store_adds_up(
    tmp_path_factory: pytest.TempPathFactory,
    facts: list[tuple[int, str, int, int, int]],
    held: int,
    per_cell: float,
) -> None:
    from pipeline.store import open_store

    minutes = (MINUTE, MINUTE + WIDTH)
    with (
        open_store(lay_store(tmp_path_factory.mktemp("month") / "store")) as store,
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setattr(month_usage, "ROWS_HELD", held)
        patched.setattr(month_usage, "FACTS_PER_CELL", per_cell)
        fill(store, facts)
        mine = {name for name in SPELLED if name.lower() == "a.example.ru"}
        read = read_month(store, ["a.Example.ru"], mine.__contains__, ZONES, minutes, store.cut())
        expected = sums_of(store, sorted(mine), minutes)
        assert cells_of(read.usage) == expected
        assert set(read.usage.zones) == {zone for _, _, zone in expected}
        table = store.usage(store.cut(), resources=sorted(mine), minutes=minutes)
        assert read.edges == set(table["edge"].to_pylist())


counts_of = st.one_of(st.integers(0, 2**20), st.integers(2**64 - 3, 2**64 - 1))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(0, 2), st.integers(-2, 6), counts_of, counts_of, counts_of,
            st.integers(0, 5),
        ),
        max_size=60,
    ),
    st.lists(st.integers(0, 5), max_size=6),
    st.integers(1, 7),
)  # fmt: skip
def test_facts_are_added_up_to_the_last_bit(
    facts: list[tuple[int, ...]], winners: list[int], at_once: int
) -> None:
    first, width = 1_000, 5
    # of names 1 and 3 there are enough for cells
    sums = month_usage._Sums([0, 99, 0, 99], [1, 0, 1], 2, (first, first + width))
    kinds = (np.uint32, np.uint16, np.uint32, np.uint64, np.uint64, np.uint64, np.uint64)
    for begin in range(0, len(facts), at_once):
        some = facts[begin : begin + at_once]
        columns = [np.array([fact[i] for fact in some], object) for i in range(7)]
        columns[2] += first
        rows = BookRows(*(column.astype(kind) for column, kind in zip(columns, kinds, strict=True)))
        sums.add(rows, WinnerSet(np.array(winners, np.uint64)))
    expected: Counter[tuple[int, ...]] = Counter()
    for name, edge, minute, *counts, write_id in facts:
        if write_id in winners:
            for place, count in enumerate(counts):
                expected[first + minute, name, (1, 0, 1)[edge], place] += count
            expected[first + minute, name, (1, 0, 1)[edge], 3] += 1
    found: Counter[tuple[int, ...]] = Counter()
    rows_of: Counter[tuple[int, ...]] = Counter()
    for part in sums.parts():
        for minute, name, zone, *counts in zip(*(column.tolist() for column in part), strict=True):
            rows_of[minute, name, zone] += 1
            for place, count in enumerate(counts):
                found[minute, name, zone, place] += count
    assert {key: n for key, n in found.items() if n} == {
        key: n for key, n in expected.items() if n and key[3] < 3
    }
    assert set(rows_of) == {key[:3] for key in expected}
    # as few rows as sums of 64 bits allow, where there are cells
    for key, count in rows_of.items():
        if key[1] in (1, 3) and all(found[(*key, place)] < 1 << 64 for place in range(3)):
            assert count == 1 or not first <= key[0] < first + width, key
    assert set(np.flatnonzero(sums.seen).tolist()) == {fact[1] for fact in facts if fact[6] in winners}


def test_blocks_are_what_rows_are(store: Store) -> None:
    columns = "toUInt8(number % 200) AS a, toUInt16(number) AS b, toUInt32(number * 7) AS c, number * 9 AS d"
    sql = f"SELECT {columns} FROM numbers({{n:UInt32}})"  # noqa: S608 - this test's own words
    blocks = list(read_blocks(store._sessions, sql, {"n": 150_000}))
    read = [tuple(np.concatenate([block[name] for block in blocks]).tolist()) for name in "abcd"]
    assert list(zip(*read, strict=True)) == store._sessions.rows(sql, {"n": 150_000})
    assert sum(len(block["a"]) for block in read_blocks(store._sessions, sql, {"n": 0})) == 0


def test_a_stream_that_nobody_ends_frees_its_client(store: Store) -> None:
    stream = read_blocks(store._sessions, "SELECT number FROM numbers(3000000)")
    assert len(next(iter(stream))["number"])
    stream.close()  # type: ignore[attr-defined]
    assert store._sessions.one("SELECT 1") == 1


def test_a_question_that_the_store_refuses(store: Store) -> None:
    with pytest.raises(QueryError, match="nowhere"):
        list(read_blocks(store._sessions, "SELECT a FROM nowhere"))
    with pytest.raises(QueryError, match="too late"):
        list(
            read_blocks(store._sessions, "SELECT throwIf(number = 900000, 'too late') FROM numbers(1000000)")
        )
    assert store._sessions.one("SELECT 1") == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x01\x02\x01a\x06UInt16\x01\x00\x02", "column a: expected 4 bytes, found 3"),
        (b"\x01\x01\x01a\x06String\x01x", "expected one of UInt16, UInt32, UInt64, UInt8, found String"),
        (b"\x81", "found half of one"),
    ],
)
def test_an_answer_that_is_no_block(data: bytes, said: str) -> None:
    with pytest.raises(StoreError, match=said):
        list(native_blocks(data))


@pytest.mark.parametrize("per_cell", [0, 1])
def test_a_close_is_read_as_it_was_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch, per_cell: float
) -> None:
    monkeypatch.setattr(month_usage, "FACTS_PER_CELL", per_cell)
    store.set_edges([(edge, zone, datetime(2020, 1, 1, tzinfo=UTC), None) for edge, zone in ZONES.items()])
    names, minutes, now = (
        ("a.example.ru", "b.example.ru"),
        (MINUTE, MINUTE + WIDTH),
        datetime(2026, 11, 4, tzinfo=UTC),
    )
    drawn = np.random.default_rng(5).integers(0, (5, 2, WIDTH, 10**6), (300, 4)).tolist()
    fill(store, [(segment, names[name], minute, requests, 1) for segment, name, minute, requests in drawn])
    cut, period = store.cut(), "2026-02"
    attempt = store.closing.begin(period, [Taking(1, "c1", *minutes, names)], now)
    store.closing.take(attempt, cut, *minutes, now, period)
    rows = store.closing.taken(attempt)[1].rows
    (close,) = store.closing.finish(
        [Close(period, "UTC", "c1", *minutes, cut, "", rows, now.timestamp(), id=1)]
    )
    closed = month_usage.read_close(store, close)
    assert cells_of(closed) == sums_of(store, names, minutes)
    assert cells_of(closed) == cells_of(
        read_month(store, names, set(names).__contains__, ZONES, minutes, cut).usage
    )


AT_EDGE = (None, *range(-2, WIDTH + 3, 9))


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(AT_EDGE[1:]), st.sampled_from(AT_EDGE)), min_size=3, max_size=3))
def test_a_month_has_the_same_zones_open_closed_and_changed(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int | None]]
) -> None:
    """Whenever an edge was expected: what it served before its `from` and after its `to` it served where it stands."""
    from pipeline.store import open_store

    names, minutes = ("a.example.ru", "b.example.ru"), (MINUTE, MINUTE + WIDTH)
    now, period = datetime(2026, 11, 4, tzinfo=UTC), "2026-02"

    def at(minute: int) -> datetime:
        return datetime.fromtimestamp((MINUTE + minute) * 60, UTC)

    with open_store(lay_store(tmp_path_factory.mktemp("zones") / "store")) as store:
        store.set_edges(
            [
                (edge, zone, at(begin), None if end is None or end <= begin else at(end))
                for (edge, zone), (begin, end) in zip(ZONES.items(), spans, strict=True)
            ]
        )
        drawn = np.random.default_rng(5).integers(0, (5, 2, WIDTH, 10**6), (200, 4)).tolist()
        fill(
            store, [(segment, names[name], minute, requests, 1) for segment, name, minute, requests in drawn]
        )
        cut = store.cut()
        still = read_month(store, names, set(names).__contains__, ZONES, minutes, cut).usage
        attempt = store.closing.begin(period, [Taking(1, "c1", *minutes, names)], now)
        store.closing.take(attempt, cut, *minutes, now, period)
        rows = store.closing.taken(attempt)[1].rows
        (close,) = store.closing.finish(
            [Close(period, "UTC", "c1", *minutes, cut, "", rows, now.timestamp(), id=1)]
        )
        closed = month_usage.read_close(store, close)
        assert cells_of(closed) == cells_of(still)
        # what comes later, before and after the edge was expected, adds to the same cells
        origin = Origin("e1", "access", MINUTE + 5, "late")
        late = [
            (name, MINUTE + minute, "e1", origin.segment_id, 999, 7) for name in names for minute in (0, 76)
        ]
        store.insert_facts(make_batch(late))
        store.commit([make_entry(origin, 999, lines=14)])
        changes = store.closing.changes(cut, store.cut(), *minutes)
        assert set(changes.zones) == {"eu"}
        assert cells_of(change_usage(closed, changes)) == cells_of(
            read_month(store, names, set(names).__contains__, ZONES, minutes, store.cut()).usage
        )
