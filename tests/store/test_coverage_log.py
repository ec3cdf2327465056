"""What checks found: the states of minutes, held against a plain table of minutes, and gaps with their history; and the
views that show both."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from pipeline.coverage.model import Amount, Gap, GapState, Loss, LossClass, Run, Share, State, Stream

if TYPE_CHECKING:
    from pipeline.store import Store

DAY = 1440
FIRST = 29_891_520 - 2 * DAY  # two days before 2026-11-01: over the end of a month
STREAMS = (Stream("e1"), Stream("e1", "errors"), Stream("e2"))

Table = dict[tuple[Stream, int], State]


def runs_of(table: Table) -> list[Run]:
    """The runs of a table of minutes, ordered by stream and minute."""
    found = []
    for stream in sorted({stream for stream, _ in table}):
        minutes = sorted(m for s, m in table if s == stream)
        for (state, _), run in groupby(
            enumerate(minutes), key=lambda im: (table[stream, im[1]], im[1] - im[0])
        ):
            span = [minute for _, minute in run]
            found.append(Run(stream, span[0], span[-1] + 1, state))
    return found


def shown(store: Store) -> list[Run]:
    rows = store.query(
        "SELECT edge, stream, toUInt32(`from`) AS a, toUInt32(`to`) AS b, state FROM coverage"
    ).to_pylist()
    return [
        Run(Stream(row["edge"], row["stream"]), row["a"] // 60, row["b"] // 60, State[row["state"].upper()])
        for row in rows
    ]


def test_checks_of_any_stretch_leave_the_latest_state_of_every_minute(store: Store) -> None:
    rng = random.Random(7)  # noqa: S311 - no secret
    table: Table = {}
    for check in range(12):
        first = FIRST + rng.randrange(3 * DAY)
        after = first + rng.choice([1, 60, DAY, 3 * DAY])
        new: Table = {}
        for stream in STREAMS:
            at = first - rng.randrange(100)  # runs may reach over the ends of what was checked
            while at < after + 50:
                state, length = rng.choice(list(State)), rng.randrange(1, 900)
                new |= {(stream, minute): state for minute in range(at, at + length)}
                at += length
        kept: Table = {key: state for key, state in new.items() if state is not State.NONE}
        store.write_coverage(first, after, runs_of(kept), 1000.0 - check)  # the clock may go back
        table = {key: state for key, state in table.items() if not first <= key[1] < after}
        table |= {key: state for key, state in kept.items() if first <= key[1] < after}
        assert shown(store) == runs_of(table)


def test_what_did_not_change_is_not_written_again(store: Store) -> None:
    runs = [Run(stream, FIRST, FIRST + 3 * DAY, State.RECEIVED) for stream in STREAMS]
    assert store.write_coverage(FIRST, FIRST + 3 * DAY, runs, 1.0) == 9
    assert store.write_coverage(FIRST, FIRST + 3 * DAY, runs, 2.0) == 0
    late = [*runs[1:], Run(STREAMS[0], FIRST, FIRST + 3 * DAY - 1, State.RECEIVED)]
    assert store.write_coverage(FIRST, FIRST + 3 * DAY, late, 3.0) == 1
    assert store.write_coverage(FIRST, FIRST, late, 3.0) == 0
    assert store.write_coverage(FIRST, FIRST + 3 * DAY, [], 4.0) == 9
    assert shown(store) == []


def gap(number: int, state: GapState = GapState.OPEN, **changes: object) -> Gap:
    loss = Loss(
        Stream("e1", "access"),
        LossClass(1 + number % 4),
        FIRST + number,
        FIRST + number + 5,
        None if number % 2 else 17,
        Amount(1, 2, 2**63, None if number % 2 else 2, "neighbours"),
        ("counters: 5 % less", "ремонт"),
    )
    found = Gap(f"g{number}", loss, state, 1.25, 2.5, (Share("c1", 0.75), Share("c2", 0.25)), 9.5 if number else None,
                "t1", "anna: known")  # fmt: skip
    return replace(found, **changes)  # type: ignore[arg-type]


def test_gaps_keep_their_history_and_show_the_latest(store: Store) -> None:
    gaps = [gap(number) for number in range(4)]
    assert store.write_gaps(gaps) == 4
    assert store.gaps() == gaps
    shrunk = gap(2, GapState.SHRUNK, loss=replace(gaps[2].loss, after=FIRST + 4), updated=7.5)
    closed = gap(2, GapState.CLOSED, updated=8.5)
    accepted = gap(3, GapState.ACCEPTED)
    store.write_gaps([shrunk, accepted])
    store.write_gaps([closed])
    assert store.gap_history("g2") == [gaps[2], shrunk, closed]
    assert store.gap_history("none") == []
    assert store.gaps() == [gaps[0], gaps[1], closed, accepted]
    assert store.gaps([GapState.OPEN, GapState.SHRUNK]) == gaps[:2]
    assert store.gaps([]) == []
    assert store.write_gaps([]) == 0


def test_the_view_of_gaps_has_the_fields_of_the_command(store: Store) -> None:
    store.write_gaps([gap(1), gap(1, GapState.SHRUNK)])
    (row,) = store.query("SELECT * FROM gaps").to_pylist()
    assert row == {
        "id": "g1", "class": "damaged", "edge": "e1", "stream": "access",
        "from": (FIRST + 1) * 60, "to": (FIRST + 6) * 60, "minutes": 5, "lost_lines": None,
        "lost_bytes": {"low": 1, "expected": 2, "high": 2**63, "exact": None}, "method": "neighbours",
        "customers": [{"id": "c1", "share": 0.75}, {"id": "c2", "share": 0.25}],
        "money": {"low": None, "expected": None, "high": None, "currency": None}, "state": "shrunk",
        "first_seen": datetime.fromtimestamp(1.25, UTC), "recoverable_until": datetime.fromtimestamp(9.5, UTC),
        "task": "t1",
    }  # fmt: skip
    sums = (
        "SELECT sum(lost_bytes.expected) AS n, arrayJoin(customers).id AS c FROM gaps GROUP BY c ORDER BY c"
    )
    assert [r["c"] for r in store.query(sums).to_pylist()] == ["c1", "c2"]
