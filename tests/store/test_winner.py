"""Which attempt wins: the store's SQL and the plain rule choose alike, to the last bit of what they compare."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model import LedgerEntry, Origin, SegmentState
from tests.flow.winners import pick_winners
from tests.store.cases import MINUTE, make_entry, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.store import Store

# at the widths of version 1's rank (36 bits of lines, 41 of bytes), at a float's, and at the end of this one's
COUNTS = (0, 2**36 - 1, 2**41 - 1, 2**53, 2**60 - 2)
NO_BITS, ALL_BITS, SOME_BITS = b"\0" * 16, b"\xff" * 16, bytes(range(100, 116))


def _flip(digest: bytes, bit: int) -> bytes:
    return (int.from_bytes(digest, "big") ^ 1 << bit).to_bytes(16, "big")


@st.composite
def attempts(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What distinguishes attempts at one or two segments: a single bit of one thing, several things, or nothing."""
    digest = draw(st.sampled_from([NO_BITS, ALL_BITS, SOME_BITS]))
    digests = {
        "the same": st.just(digest),
        "one bit": st.integers(-1, 127).map(lambda bit: digest if bit < 0 else _flip(digest, bit)),
        "cut short": st.integers(0, 16).map(lambda size: digest[:size]),
    }
    one = {
        "part": st.sampled_from(["", "1"]),
        "lines": _near(draw),
        "content_bytes": _near(draw),
        "digest": digests[draw(st.sampled_from(sorted(digests)))],
        "state": st.sampled_from(SegmentState) if draw(st.booleans()) else st.just(SegmentState.RECEIVED),
        "verified": st.booleans() if draw(st.booleans()) else st.just(value=False),
        "preferred": st.integers(0, 9).map(lambda n: n == 0),
    }
    return draw(st.lists(st.fixed_dictionaries(one), min_size=2, max_size=8))


def _near(draw: st.DrawFn) -> st.SearchStrategy[int]:
    count = draw(st.sampled_from(COUNTS))
    return st.integers(count, count + 1) if draw(st.booleans()) else st.just(count)


MINUTES = itertools.count(MINUTE)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=attempts())
def test_sql_and_the_pure_rule_choose_the_same_attempt_at_every_cut(
    store: Store, drawn: list[dict[str, Any]]
) -> None:
    # every example has a minute, and so segments, of its own
    minute, before = next(MINUTES), store.cut()
    entries = [_entry(minute, place, **changes) for place, changes in enumerate(drawn)]
    store.commit(entries)
    committed = store.ledger_tail(before)
    ids = {entry.segment_id for entry in entries}
    for seen in range(1, len(committed) + 1):
        expected = pick_winners(committed[:seen])
        assert store.winners(ids, before + seen) == expected
    assert store.winners(ids) == expected
    by_arg_max = store._sessions.rows(
        "SELECT segment_id, argMax(seq, (full_rank, seq)) FROM ledger WHERE seq > {before:UInt64} GROUP BY segment_id",
        {"before": before},
    )
    assert dict(by_arg_max) == {segment_id: entry.seq for segment_id, entry in expected.items()}


def _entry(minute: int, place: int, part: str, **changes: Any) -> LedgerEntry:
    # no bytes_sent: the facts of an override are then not asked for
    return make_entry(Origin("e1", "access", minute, part), place + 1, bytes_sent=0, **changes)


@pytest.mark.parametrize(
    ("greater", "lesser"),
    [
        ({"lines": 2**36 + 1}, {"lines": 2**36}),
        ({"lines": 2**60 - 1}, {"lines": 2**60 - 2}),
        ({"content_bytes": 2**53 + 1}, {"content_bytes": 2**53}),
        ({"content_bytes": 2**60 - 1}, {"content_bytes": 2**60 - 2}),
        ({"digest": SOME_BITS}, {"digest": SOME_BITS[:15] + bytes([SOME_BITS[15] - 1])}),
        ({"digest": NO_BITS}, {"digest": b""}),
        ({"digest": b"\xff"}, {"digest": SOME_BITS}),
    ],
    ids=["lines", "most lines", "bytes", "most bytes", "digest", "no digest", "short digest"],
)
def test_every_reader_and_the_sweep_agree_on_a_winner_by_its_last_bit(
    store: Store, origin: Callable[[int], Origin], greater: dict[str, Any], lesser: dict[str, Any]
) -> None:
    now = datetime.now(UTC)
    common = {"digest": SOME_BITS, "committed_at": now - timedelta(days=3)}
    # the lesser one comes later: by arrival alone it would win
    write(store, origin(0), 1, 5, **{**common, "malformed": 1, **greater})
    cut = write(store, origin(0), 2, 6, **{**common, "malformed": 2, **lesser})

    def seen() -> list[int]:
        usage = [
            store.usage(cut, by=()),
            store.usage(cut, resources=["a.example.ru"], by=()),
            store.query("SELECT requests FROM usage"),
        ]
        return [store.totals(cut)["requests"], *(table["requests"].to_pylist()[0] for table in usage)]

    assert seen() == [5] * 4
    assert store.status().malformed == 1
    assert store.query("SELECT malformed FROM segments").to_pylist() == [{"malformed": 1}]
    assert store.sweep(now).superseded == 1
    assert seen() == [5] * 4
