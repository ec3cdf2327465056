"""What counts, and what is seen when: attempts, winners, cuts, neighbours, fingerprints, status, sweep."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.model import Origin, SegmentState, Sequence, SequenceUnit
from pipeline.store import QueryError, StoreError
from pipeline.store.migrate import load_migrations
from pipeline.store.reader import usage_query
from tests.store.cases import MINUTE, NOW, make_batch, make_entry, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.store import Store


def _requests(store: Store, cut: int | None = None) -> int:
    return store.totals(store.cut() if cut is None else cut)["requests"]


def test_an_empty_store(store: Store) -> None:
    assert store.cut() == 0
    assert store.totals(0)["requests"] == 0
    assert store.usage(0).num_rows == 0
    assert store.ledger_tail(0) == []
    assert store.winners([1, 2]) == {}
    assert store.commit([]) == 0
    assert store.insert_facts(replace(make_batch([("a", 1, "e", 1, 1, 1)]), segments=((1, 1),))) == 1
    status = store.status()
    assert (status.cut, sum(status.segments.values()), status.last_committed, status.edges) == (
        0,
        0,
        None,
        (),
    )


def test_facts_count_only_once_the_ledger_names_them(store: Store, origin: Callable[[int], Origin]) -> None:
    one = origin(0)
    store.insert_facts(make_batch([("a", one.minute, "e1", one.segment_id, 1, 7)]))
    assert _requests(store) == 0
    assert store.commit([make_entry(one, 1)]) == 1
    assert _requests(store) == 7
    assert store.query("SELECT sum(requests) AS n FROM usage").to_pylist() == [{"n": 7}]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_the_longest_verified_content_wins_in_any_order(
    store: Store, origin: Callable[[int], Origin], order: tuple[int, ...]
) -> None:
    attempts: dict[int, dict[str, Any]] = {
        1: {"lines": 5},
        2: {"lines": 50, "state": SegmentState.DAMAGED},
        3: {"lines": 4, "verified": True},
    }
    for write_id in order:
        write(store, origin(0), write_id, 10**write_id, **attempts[write_id])
    assert _requests(store) == 1000
    assert store.winners([origin(0).segment_id])[origin(0).segment_id].write_id == 3


def test_same_content_again_the_latest_attempt_wins(store: Store, origin: Callable[[int], Origin]) -> None:
    first = write(store, origin(0), 1, 5, digest=b"d" * 16)
    write(store, origin(0), 2, 6, digest=b"d" * 16)
    assert _requests(store) == 6
    assert _requests(store, first) == 5, "the earlier cut still reads what it read"


def test_an_override_wins_and_can_be_taken_back(store: Store, origin: Callable[[int], Origin]) -> None:
    write(store, origin(0), 1, 5, lines=9)
    write(store, origin(0), 2, 6, lines=10)
    assert _requests(store) == 6
    store.commit([make_entry(origin(0), 1, lines=9, preferred=True, reason="the edge wrote junk")])
    assert _requests(store) == 5
    store.commit([make_entry(origin(0), 2, lines=10, preferred=True, reason="it did not")])
    assert _requests(store) == 6
    store.commit([make_entry(origin(0), 1, lines=9, preferred=True, reason="it did")])
    assert _requests(store) == 5


def test_a_cut_never_changes(store: Store, origin: Callable[[int], Origin]) -> None:
    cuts = {}
    for place in range(6):
        cut = write(store, origin(place % 2), place + 1, 2**place, lines=place)
        cuts[cut] = store.totals(cut)
    assert {cut: store.totals(cut) for cut in cuts} == cuts
    assert [t["requests"] for t in cuts.values()] == [1, 3, 6, 12, 24, 48]


def test_usage_filters_and_groups(store: Store) -> None:
    one, two = Origin("e1", "access", MINUTE), Origin("e2", "access", MINUTE + 1)
    store.insert_facts(
        make_batch(
            [
                ("a", MINUTE, "e1", one.segment_id, 1, 1),
                ("b", MINUTE, "e1", one.segment_id, 1, 2),
                ("a", MINUTE + 1, "e2", two.segment_id, 2, 4),
                ("it's", MINUTE + 1, "e2", two.segment_id, 2, 8),
            ]
        )
    )
    cut = store.commit([make_entry(one, 1), make_entry(two, 2)])

    def requests(**how: object) -> list[tuple[object, ...]]:
        table = store.usage(cut, **how)  # type: ignore[arg-type]
        return [tuple(row.values()) for row in table.select([*how.get("by", ()), "requests"]).to_pylist()]  # type: ignore[misc]

    assert requests(by=()) == [(15,)]
    assert requests(by=("resource",)) == [("a", 5), ("b", 2), ("it's", 8)]
    assert requests(by=("edge", "minute")) == [("e1", MINUTE, 3), ("e2", MINUTE + 1, 12)]
    assert requests(resources=["a"], by=("minute",)) == [(MINUTE, 1), (MINUTE + 1, 4)]
    assert requests(resources=["it's"], by=()) == [(8,)]
    assert requests(resources=[], by=("resource",)) == []
    assert requests(minutes=(MINUTE + 1, MINUTE + 2), by=("resource",)) == [("a", 4), ("it's", 8)]
    assert requests(minutes=(MINUTE, MINUTE + 1), edges=["e2"], by=("resource",)) == []
    with pytest.raises(ValueError, match=r"cache.*expected some of minute, resource, edge"):
        store.usage(cut, by=("cache",))


def test_a_customers_read_goes_by_the_primary_keys(store: Store) -> None:
    """A filter that the index cannot use reads every name there is, and nothing but the time would tell."""
    hour = (MINUTE, MINUTE + 60)
    sql, params = usage_query(1, resources=["r05000.example.ru"], minutes=hour, segment_minutes=hour)
    store._sessions.execute(
        "INSERT INTO facts (resource, minute, edge, segment_id, write_id, segment_minute) SELECT concat('r',"
        " leftPad(toString(number % 9999), 5, '0'), '.example.ru'), toDateTime(1770000000), 'e1', 1, 1,"
        " toDateTime(1770000000) FROM numbers(200000)"
    )
    plan = "\n".join(row[0] for row in store._sessions.rows(f"EXPLAIN indexes = 1 {sql}", params))
    reads = re.findall(r"PrimaryKey.*?Granules: (\d+)/(\d+)", plan, re.DOTALL)
    facts = [int(some) for some, whole in reads if int(whole) > 20]
    assert facts, plan
    assert max(facts) <= 2, plan
    assert "resource in 1-element set" in plan


def test_the_whole_book_across_months_and_in_pieces(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    end = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) // 60
    expected = 0
    for place, minute in enumerate((end - 50_000, end - 1, end, end + 44_640)):
        origin = Origin("e1", "access", minute)
        of = ("e1", origin.segment_id, place + 1)
        store.insert_facts(make_batch([("a", end, *of, 10**place), ("b", minute, *of, 7)]))
        store.commit([make_entry(origin, place + 1)])
        expected += 10**place
    whole = store.usage(store.cut(), by=("resource", "minute"))
    assert whole["requests"].to_pylist() == [expected, 7, 7, 7, 7]
    assert store.totals(store.cut())["requests"] == expected + 28
    assert store.usage(store.cut(), by=())["requests"].to_pylist() == [expected + 28]
    one = store.usage(store.cut(), resources=["b", "a"], by=("resource", "minute"))
    assert one.equals(whole)
    monkeypatch.setattr("pipeline.store.reader.FACTS_AT_ONCE", 2)
    assert store.usage(store.cut(), resources=["b", "a"], by=("resource", "minute")).equals(whole)
    assert store.usage(store.cut(), resources=["b"], by=())["requests"].to_pylist() == [28]
    monkeypatch.setattr("pipeline.store.reader.SEGMENTS_AT_ONCE", 1)
    assert store.usage(store.cut(), by=("resource", "minute")).equals(whole)
    assert store.usage(store.cut(), minutes=(end, end + 1), by=("resource",)).to_pydict()["requests"] == [
        expected,
        7,
    ]


def test_neighbours_are_winners_whose_numbers_overlap_or_adjoin(
    store: Store, origin: Callable[[int], Origin]
) -> None:
    def numbered(place: int, first: int, after: int, epoch: str = "1", **changes: object) -> None:
        sequence = Sequence(SequenceUnit.LINE, epoch, first, after)
        store.commit([make_entry(origin(place), first + 1, sequence=sequence, **changes)])

    numbered(0, 0, 10)
    numbered(1, 10, 20)
    numbered(2, 20, 30)
    numbered(3, 15, 16, epoch="2")
    numbered(4, 40, 50)
    assert [e.origin for e in store.neighbours("e1", "access", "1", 10, 20)] == [
        origin(0),
        origin(1),
        origin(2),
    ]
    assert [e.origin for e in store.neighbours("e1", "access", "1", 21, 29)] == [origin(2)]
    assert store.neighbours("e1", "other", "1", 10, 20) == []
    # a longer version of the third takes its numbers elsewhere: the old ones are nobody's
    numbered(2, 100, 130, lines=99)
    assert [e.origin for e in store.neighbours("e1", "access", "1", 15, 25)] == [origin(1)]
    asked = [("e1", "access", "1", 45, 46), ("e1", "access", "2", 0, 99), ("e9", "access", "1", 0, 99)]
    assert [[e.origin for e in found] for found in store.neighbours_of(asked)] == [
        [origin(4)],
        [origin(3)],
        [],
    ]


def test_fingerprints_of_every_attempt(store: Store, origin: Callable[[int], Origin]) -> None:
    store.commit([make_entry(origin(0), 1), make_entry(origin(0), 2), make_entry(origin(1), 3)])
    origins = [origin(place) for place in range(3)]
    assert store.fingerprints(origins) == {
        origin(0).segment_id: {"f1", "f2"},
        origin(1).segment_id: {"f3"},
    }
    refused = {"state": SegmentState.QUARANTINED, "lines": 0}
    store.commit([make_entry(origin(1), 4, **refused), make_entry(origin(2), 5, **refused, format="")])
    no_log_of_edge_tsv = {origin(1).segment_id: {"f3"}, origin(2).segment_id: {"f5"}}
    assert store.fingerprints(origins[1:], "combined") == no_log_of_edge_tsv
    assert store.fingerprints(origins[1:], "edge-tsv")[origin(1).segment_id] == {"f3", "f4"}
    assert store.fingerprints(origins[1:])[origin(1).segment_id] == {"f3", "f4"}
    many = [Origin("e1", "access", MINUTE, str(part)) for part in range(45_000)]
    assert store.fingerprints([*many, *origins]) == store.fingerprints(origins)


def test_the_tail_and_the_attempts(store: Store, origin: Callable[[int], Origin]) -> None:
    for place in range(5):
        store.commit([make_entry(origin(place % 2), place + 1)])
    assert [e.seq for e in store.ledger_tail(2)] == [3, 4, 5]
    assert [e.seq for e in store.ledger_tail(2, limit=2)] == [3, 4]
    assert [e.write_id for e in store.attempts([origin(0).segment_id])] == [1, 3, 5]


def test_status_tells_what_is_there(store: Store, origin: Callable[[int], Origin]) -> None:
    write(store, origin(0), 1, 5, lines=5, malformed=1)
    write(store, origin(0), 2, 6, lines=6, malformed=2)
    write(store, origin(1), 3, 7, state=SegmentState.DAMAGED, duplicates=3, flagged=4)
    store.commit([make_entry(Origin("e2", "access", MINUTE + 9), 4, state=SegmentState.EMPTY, lines=0)])
    store.insert_facts(make_batch([("a", MINUTE, "e1", origin(5).segment_id, 99, 1)]))
    status = store.status()
    assert status.segments == {
        SegmentState.RECEIVED: 1, SegmentState.EMPTY: 1, SegmentState.DAMAGED: 1, SegmentState.QUARANTINED: 0,
    }  # fmt: skip
    assert (status.lines, status.malformed, status.duplicates, status.flagged) == (16, 2, 3, 4)
    assert (status.attempts, status.superseded, status.unfinished, status.unfinished_rows) == (4, 1, 1, 1)
    edges = [(e.edge, e.segments, e.latest_minute) for e in status.edges]
    assert edges == [("e1", 2, MINUTE + 1), ("e2", 1, MINUTE + 9)]
    assert status.last_committed == NOW
    assert (status.schema_version, status.facts_rows) == (len(load_migrations()), 4)
    assert store.status(cut=1).attempts == 1


def test_the_sweep_takes_losers_and_orphans_after_a_day_and_nothing_else(
    store: Store, origin: Callable[[int], Origin]
) -> None:
    now = datetime.now(UTC)
    write(store, origin(0), 1, 1, committed_at=now - timedelta(days=3))  # the winner, whatever its age
    write(store, origin(1), 2, 10, lines=1, committed_at=now - timedelta(days=3))  # lost three days ago
    write(store, origin(1), 3, 100, lines=2, committed_at=now - timedelta(days=3))
    write(store, origin(2), 4, 1000, lines=1, committed_at=now - timedelta(days=3))  # loses only now
    write(
        store, origin(3), 5, 10_000, lines=1, committed_at=now - timedelta(days=3)
    )  # lost, but a close names it
    write(store, origin(3), 6, 100_000, lines=2, committed_at=now - timedelta(days=3))
    write(store, origin(2), 7, 10**6, lines=2, committed_at=now)
    store.insert_facts(
        make_batch([("a", MINUTE, "e1", origin(4).segment_id, 8, 10**7)])
    )  # orphaned, or in flight
    store.pin([5], "2026-11", now)
    totals = store.totals(store.cut())

    def writes() -> list[int]:
        return [
            row[0] for row in store._sessions.rows("SELECT DISTINCT write_id FROM facts ORDER BY write_id")
        ]

    first = store.sweep(now)
    assert ((first.superseded, first.orphaned), writes()) == ((1, 0), [1, 3, 4, 5, 6, 7, 8])
    second = store.sweep(now + timedelta(hours=25))
    assert ((second.superseded, second.orphaned), writes()) == ((1, 1), [1, 3, 5, 6, 7])
    third = store.sweep(now + timedelta(hours=50))
    assert (third.superseded, third.orphaned) == (0, 0)
    assert store.totals(store.cut()) == totals
    assert store.status().unfinished == 0


def test_a_loser_that_an_operator_preferred_is_not_swept(
    store: Store, origin: Callable[[int], Origin]
) -> None:
    now = datetime.now(UTC)
    write(store, origin(0), 1, 5, lines=1, committed_at=now - timedelta(days=2))
    write(store, origin(0), 2, 6, lines=2, committed_at=now - timedelta(days=2))
    store.commit([make_entry(origin(0), 1, lines=1, preferred=True, reason="x", committed_at=now)])
    assert store.sweep(now).superseded == 0
    assert _requests(store) == 5


def test_an_attempt_that_was_swept_cannot_be_preferred(store: Store, origin: Callable[[int], Origin]) -> None:
    old = datetime.now(UTC) - timedelta(days=2)
    write(store, origin(0), 1, 5, lines=1, committed_at=old)
    write(store, origin(0), 2, 6, lines=2, committed_at=old)
    assert store.sweep(datetime.now(UTC)).superseded == 1
    with pytest.raises(StoreError, match="cannot be preferred: its facts are not there any more"):
        store.commit([make_entry(origin(0), 1, lines=1, preferred=True, reason="x")])
    assert _requests(store) == 6


def test_zones_of_edges_as_of_the_minute(store: Store, origin: Callable[[int], Origin]) -> None:
    write(store, origin(0), 1, 1)
    write(store, origin(5), 2, 10)
    at = [origin(place).at for place in range(9)]
    zones = "SELECT zone, sum(requests) AS n FROM usage GROUP BY zone ORDER BY n"
    assert store.query(zones).to_pylist() == [{"zone": "", "n": 11}]
    store.set_edges([("e1", "old", at[0], at[3]), ("e1", "new", at[4], None), ("e2", "else", at[0], None)])
    assert store.query(zones).to_pylist() == [{"zone": "old", "n": 1}, {"zone": "new", "n": 10}]
    store.set_edges([("e1", "one", at[0], at[5])])  # `to` is exclusive
    assert store.query(zones).to_pylist() == [{"zone": "one", "n": 1}, {"zone": "", "n": 10}]
    store.set_edges([])
    assert store.query(zones).to_pylist() == [{"zone": "", "n": 11}]


def test_segments_shows_winners_with_their_digest(store: Store, origin: Callable[[int], Origin]) -> None:
    write(store, origin(0), 1, 1, lines=1)
    write(store, origin(0), 2, 1, lines=2, sha256=bytes(range(32)))
    (shown,) = store.query("SELECT edge, stream, part, state, lines, sha256 FROM segments").to_pylist()
    assert list(shown.values()) == ["e1", "access", "", "received", 2, bytes(range(32)).hex()]
    write(store, origin(1), 3, 1, state=SegmentState.DAMAGED, reason="gzip: it ends early")
    assert store.query("SELECT state, reason FROM segments WHERE reason != ''").to_pylist() == [
        {"state": "damaged", "reason": "gzip: it ends early"}
    ]
    assert store.query("SELECT * FROM segments").column_names == [
        "edge", "stream", "minute", "part", "state", "lines", "malformed", "duplicates", "flagged", "bytes_sent",
        "sha256", "committed_at", "reason",
    ]  # fmt: skip


def test_more_names_than_a_url_holds(store: Store, origin: Callable[[int], Origin]) -> None:
    """A server takes 128 KiB of a parameter; a customer may have many resources."""
    cut = write(store, origin(0), 1, 5)
    names = [f"a-resource-with-a-long-name-{i:05d}.example.ru" for i in range(20_000)]
    usage = store.usage(cut, resources=[*names, "a.example.ru"], edges=[*names, "e1"], by=("resource",))
    assert usage.select(["resource", "requests"]).to_pylist() == [{"resource": "a.example.ru", "requests": 5}]
    assert store.reaches(names) == {}
    assert store.usage(cut, edges=[], by=()).num_rows == store.usage(0, by=()).num_rows


@pytest.mark.parametrize("then", ["rows", "arrow"])
@pytest.mark.parametrize("first", ["rows", "arrow"])
def test_what_a_failed_query_had_made_is_nobodys_answer(store: Store, first: str, then: str) -> None:
    """It fails in its middle, with blocks of its result made already; the next one asks on the same thread."""
    sessions = store._sessions
    fails = "SELECT number, throwIf(number = 3000000) FROM numbers(10000000)"
    for _ in range(3):
        with pytest.raises(QueryError, match="Code: 395"):
            getattr(sessions, first)(fails)
        found = getattr(sessions, then)("SELECT 7 AS a, 8 AS b")
        assert found == [(7, 8)] if then == "rows" else found.to_pylist() == [{"a": 7, "b": 8}]
