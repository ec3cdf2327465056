"""Closes in the real store: what is counted at a cut, its digest, its pins, and what came after it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.coverage.model import Close
from pipeline.model import MEASURES, Origin
from pipeline.store import Store, open_store
from pipeline.store.closes import ClosedMeanwhileError, Taking
from tests.empty_store import lay_store
from tests.store.cases import make_batch, make_entry

MONTH = int(datetime(2026, 9, 30, 21, tzinfo=UTC).timestamp()) // 60
AFTER = int(datetime(2026, 10, 31, 21, tzinfo=UTC).timestamp()) // 60
NOW = datetime(2026, 11, 4, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(lay_store(tmp_path / "store")) as opened:
        yield opened


def put(
    store: Store, edge: str, minute: int, write_id: int, rows: list[tuple[str, int, int]], lines: int = 0
) -> int:
    """A segment of (resource, minute of the request, requests); the more lines, the more it wins."""
    origin = Origin(edge, "access", minute)
    batch = make_batch([(name, at, edge, origin.segment_id, write_id, n) for name, at, n in rows])
    store.insert_facts(batch)
    return store.commit([make_entry(origin, write_id, lines=lines or sum(n for *_, n in rows))])


def close(store: Store, cut: int, takings: list[Taking]) -> list[Close]:
    attempt = store.closing.begin("2026-10", takings, NOW)
    store.closing.take(attempt, cut, MONTH, AFTER, NOW, "2026-10")
    taken = store.closing.taken(attempt)
    closes = []
    for taking in takings:
        made = Close(
            "2026-10", "Europe/Moscow", taking.customer, taking.first, taking.after, cut, "",
            taken[taking.close_id].rows if taking.close_id in taken else 0, NOW.timestamp(), id=taking.close_id,
        )  # fmt: skip
        closes.append(replace(made, digest=store.closing.digests([made])[made.id]))
    return store.closing.finish(closes)


def test_what_is_counted_and_its_digest(store: Store) -> None:
    store.set_edges([("e1", "ru", datetime(2026, 1, 1, tzinfo=UTC), None)])
    put(store, "e1", MONTH, 1, [("a.ru", MONTH, 40), ("b.ru", MONTH, 1), ("a.ru", MONTH + 1, 2)])
    cut = put(store, "e2", MONTH, 2, [("a.ru", MONTH, 5), ("a.ru", MONTH - 1, 9)])
    put(store, "e1", MONTH + 2, 3, [("a.ru", MONTH + 2, 100)])  # after the cut
    assert store.closing.resources(MONTH, AFTER) == ["a.ru", "b.ru"]
    owners = {"a.ru": "c1", "b.ru": "c2", "never.ru": "c3"}
    served = {"c1": frozenset({"e1", "e2"}), "c2": frozenset({"e1"})}
    assert store.closing.served(cut, MONTH, AFTER, owners) == served
    assert store.closing.served(cut, MONTH + 1, AFTER, owners) == {"c1": frozenset({"e1"})}
    assert store.closing.served(cut, MONTH, AFTER, {}) == {}
    (done,) = close(store, cut, [Taking(7, "c1", MONTH, AFTER, ("a.ru",))])
    rows = store.closed_usage(done).to_pylist()
    assert [(r["minute"], r["edge"], r["zone"], r["requests"]) for r in rows] == [
        (MONTH, "e1", "ru", 40), (MONTH, "e2", "", 5), (MONTH + 1, "e1", "ru", 2)
    ]  # fmt: skip
    lines = [
        "\t".join(
            map(str, [r["minute"] * 60, r["resource"], r["edge"], r["zone"], *(r[m] for m in MEASURES)])
        )
        for r in rows
    ]
    text = "".join(f"{line}\n" for line in lines)
    assert done.digest == hashlib.sha256(text.encode()).hexdigest()
    assert done.rows == 3
    assert store.closes("2026-10", "c1") == [done]
    assert store.query("SELECT sum(requests) AS n FROM closed").to_pylist() == [{"n": 47}]


def test_what_was_not_finished_counts_nothing_and_is_cleared_a_day_later(store: Store) -> None:
    cut = put(store, "e1", MONTH, 1, [("a.ru", MONTH, 40)])
    takings = [Taking(7, "c1", MONTH, AFTER, ("a.ru",))]
    attempt = store.closing.begin("2026-10", takings, NOW)
    store.closing.take(attempt, cut, MONTH, AFTER, NOW, "2026-10")
    assert store.closes() == []
    assert store.query("SELECT count() AS n FROM closed").to_pylist() == [{"n": 0}]
    assert store.query("SELECT count() AS n FROM closed_usage").to_pylist() == [{"n": 1}]
    store.closing.begin("2026-11", [], NOW + timedelta(hours=25))
    assert store.query("SELECT count() AS n FROM closed_usage").to_pylist() == [{"n": 0}]
    (done,) = close(store, cut, [replace(takings[0], close_id=8)])
    assert done.rows == 1
    store.closing.begin("2026-11", [], NOW + timedelta(days=90))
    assert store.query("SELECT count() AS n FROM closed").to_pylist() == [{"n": 1}]


def test_two_that_close_the_same_month_close_it_once(store: Store) -> None:
    cut = put(store, "e1", MONTH, 1, [("a.ru", MONTH, 40)])
    close(store, cut, [Taking(7, "c1", MONTH, AFTER, ("a.ru",))])
    with pytest.raises(ClosedMeanwhileError, match="c1"):
        close(
            store, cut, [Taking(8, "c2", MONTH, AFTER, ("b.ru",)), Taking(9, "c1", MONTH, AFTER, ("a.ru",))]
        )
    assert [(c.customer, c.id) for c in store.closes()] == [("c1", 7)]
    assert store.query("SELECT count() AS n FROM closed").to_pylist() == [{"n": 1}]


def test_a_late_segment_across_the_months_end_changes_both_months_each_on_its_own(store: Store) -> None:
    """The segment of the month's last minute holds lines of the next month's first; both came after the close."""
    cut = put(store, "e1", AFTER - 2, 1, [("a.ru", AFTER - 2, 10)])
    (done,) = close(store, cut, [Taking(7, "c1", MONTH, AFTER, ("a.ru",))])
    now = put(store, "e1", AFTER - 1, 2, [("a.ru", AFTER - 1, 3), ("a.ru", AFTER, 4)])
    now = put(store, "e1", AFTER, 3, [("a.ru", AFTER - 1, 1), ("a.ru", AFTER, 6)])
    changes = store.closing.changes(done.cut, now, MONTH, AFTER)
    assert (changes.resources, changes.minute.tolist()) == (("a.ru",), [AFTER - 1])
    assert changes.sums[0].tolist() == [4]
    assert store.closing.changes(done.cut, now, AFTER, AFTER + 1).sums[0].tolist() == [10]
    assert store.closed_usage(done)["requests"].to_pylist() == [10]


def test_a_replaced_segment_changes_by_the_difference_even_after_the_sweep(store: Store) -> None:
    cut = put(
        store, "e1", MONTH, 1, [("a.ru", MONTH, 40), ("b.ru", MONTH, 5), ("gone.ru", MONTH, 1)], lines=46
    )
    put(store, "e2", MONTH, 5, [("a.ru", MONTH, 7)])
    cut = store.cut()
    (done,) = close(store, cut, [Taking(7, "c1", MONTH, AFTER, ("a.ru", "gone.ru"))])
    now = put(
        store, "e1", MONTH, 2, [("a.ru", MONTH, 42), ("b.ru", MONTH, 5), ("new.ru", MONTH, 9)], lines=56
    )
    store.sweep(datetime(2027, 1, 1, tzinfo=UTC))
    changes = store.closing.changes(done.cut, now, MONTH, AFTER)
    found = dict(zip((changes.resources[i] for i in changes.resource), changes.sums[0].tolist(), strict=True))
    assert found == {"a.ru": 2, "gone.ru": -1, "new.ru": 9}
    assert changes.sums[1].tolist() == [1000 * n for n in changes.sums[0]]
    # what the close counted can be counted again out of the facts, because they were kept
    again = store.usage(done.cut, resources=["a.ru", "gone.ru"], minutes=(MONTH, AFTER))
    counted = store.closed_usage(done)
    assert sorted(again["requests"].to_pylist()) == sorted(counted["requests"].to_pylist()) == [1, 7, 40]


def test_only_what_was_counted_is_pinned_and_only_once(store: Store) -> None:
    put(store, "e1", MONTH, 1, [("a.ru", MONTH, 40)])
    put(store, "e1", MONTH + 1, 2, [("b.ru", MONTH + 1, 40)])
    put(store, "e1", AFTER, 3, [("a.ru", AFTER, 40)])
    cut = put(store, "e1", AFTER + 60, 4, [("a.ru", AFTER - 1, 40)])
    close(store, cut, [Taking(7, "c1", MONTH, AFTER, ("a.ru",))])
    close(store, cut, [Taking(8, "c2", MONTH, AFTER, ("a.ru", "b.ru"))])
    pinned = store.query("SELECT write_id, pinned_by FROM pinned_writes ORDER BY write_id").to_pylist()
    assert [(row["write_id"], row["pinned_by"]) for row in pinned] == [
        (1, "2026-10"),
        (2, "2026-10"),
        (4, "2026-10"),
    ]


def test_names_that_are_no_text_are_counted_as_they_are(store: Store) -> None:
    odd = b"\xff.a\tb.ru".decode("utf-8", "surrogateescape")
    cut = put(store, "e1", MONTH, 1, [(odd, MONTH, 40), ("a.ru", MONTH, 1)])
    assert store.closing.resources(MONTH, AFTER) == ["a.ru", odd]
    assert store.closing.served(cut, MONTH, AFTER, {odd: "c1"}) == {"c1": frozenset({"e1"})}
    (done,) = close(store, cut, [Taking(7, "c1", MONTH, AFTER, (odd,))])
    row = b"%d\t\xff.a\\tb.ru\te1\t\t40\t40000\t36000\t20\t13\t8\n" % (MONTH * 60)
    assert done.digest == hashlib.sha256(row).hexdigest()
    assert store.closing.counted_resources([7, 99]) == {7: (odd,)}
    now = put(store, "e1", MONTH + 1, 2, [(odd, MONTH + 1, 2)])
    assert store.closing.changes(cut, now, MONTH, AFTER).resources == (odd,)


def test_digests_of_large_closes_go_in_pieces_and_of_small_ones_together(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"r{n}.ru" for n in range(5)]
    for place in range(6):
        put(store, "e1", MONTH + place, place + 1, [(n, MONTH + place, 1 + place) for n in names])
    takings = [Taking(20 - n, f"c{n}", MONTH, AFTER, (name,)) for n, name in enumerate(names)]
    takings.append(Taking(7, "c7", MONTH, AFTER, tuple(names)))
    done = close(store, store.cut(), takings)
    alone = {each.id: store.closing.digests([each])[each.id] for each in done}
    assert len(set(alone.values())) == len(takings)
    for rows in (1, 3, 7, 12):
        monkeypatch.setattr("pipeline.store.digests.ROWS_AT_ONCE", rows)
        assert store.closing.digests(done) == alone


def test_a_month_without_usage_has_the_digest_of_nothing(store: Store) -> None:
    cut = put(store, "e1", AFTER + 5, 1, [("a.ru", AFTER + 5, 40)])
    (done,) = close(store, cut, [Taking(7, "c1", MONTH, AFTER, ())])
    assert (done.rows, done.digest) == (0, hashlib.sha256(b"").hexdigest())
    changes = store.closing.changes(cut, cut, MONTH, AFTER)
    assert len(changes) == 0
