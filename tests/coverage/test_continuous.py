"""The check of every minute over a real store: it finds what changed, wherever, and what a whole look finds too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.coverage.continuous import RECENT_MINUTES, Continuous
from pipeline.coverage.control import Settings, check, widen
from pipeline.coverage.evidence import parse_evidence
from pipeline.coverage.model import Amount, Gap, GapState, Loss, LossClass, State, Stream
from pipeline.coverage.roster import ConfiguredEdge
from pipeline.model import Origin, SegmentState
from pipeline.store import Store, open_store
from tests.empty_store import lay_store
from tests.store.cases import make_entry

START = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) // 60
EDGES = ("e1", "e2")
SETTINGS = Settings(
    edges=tuple(ConfiguredEdge(edge, START * 60.0) for edge in EDGES),
    keeps_s={"e1": 86_400.0},
)
DAYS = 35 * 86_400.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(lay_store(tmp_path / "store")) as opened:
        yield opened


class Site:
    """Two edges that deliver minute by minute, but for what is withheld."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.written = 0

    def deliver(self, first: int, after: int, *edges: str, but: tuple[int, ...] = ()) -> None:
        """Segments of minutes [first, after) since START."""
        entries = []
        for minute in range(first, after):
            for edge in edges or EDGES:
                if minute not in but:
                    self.written += 1
                    origin = Origin(edge, "access", START + minute)
                    entries.append(make_entry(origin, self.written, state=SegmentState.RECEIVED))
        self.store.commit(entries)


def at(minute: float) -> float:
    return (START + minute) * 60.0


def spans(gaps: Sequence[Gap]) -> list[tuple[str, int, int, str]]:
    """(edge, first, after, state), minutes since START."""
    return sorted(
        (g.loss.stream.edge, g.loss.first - START, g.loss.after - START, g.state.value) for g in gaps
    )


def test_a_silence_is_raised_within_the_allowance_and_a_minute(store: Store) -> None:
    site, checks = Site(store), Continuous(store, SETTINGS, DAYS)
    site.deliver(0, 10)
    assert spans(checks.step(at(10))[0].changed) == []
    raised = None
    for minute in range(11, 25):
        site.deliver(minute - 1, minute, "e2")
        if checks.step(at(minute) + 1)[0].changed:
            raised = minute
            break
    assert raised == 16  # minute 10 ends at 11, its allowance at 16
    assert spans(store.gaps()) == [("e1", 10, 11, "open")]
    assert store.gaps()[0].recoverable_until == at(10) + 86_400


def test_what_comes_late_is_looked_at_where_it_belongs(store: Store) -> None:
    site, checks = Site(store), Continuous(store, SETTINGS, DAYS)
    long = RECENT_MINUTES * 4
    site.deliver(0, long, but=(20, 21, 22))
    checks.step(at(long))
    lost = [(edge, 20, 23, "open") for edge in EDGES]
    assert spans(store.gaps()) == lost
    site.deliver(21, 22, "e1")
    site.deliver(20, 23, "e2")
    found = checks.step(at(long) + 60)
    assert len(found) == 2  # the recent stretch, and the one that changed
    assert sum(checked.coverage.states.shape[1] for checked in found) < long
    assert spans(store.gaps()) == [
        ("e1", 20, 21, "shrunk"),
        ("e1", 22, 23, "shrunk"),
        ("e2", 20, 23, "closed"),
    ]
    closed = next(gap for gap in store.gaps() if gap.state is GapState.CLOSED)
    assert [gap.state.value for gap in store.gap_history(closed.id)] == ["open", "closed"]


def test_minute_by_minute_finds_what_a_whole_look_finds(store: Store) -> None:
    """A long silence that begins before the recent stretch, goes on in it, and ends in it."""
    site, checks = Site(store), Continuous(store, SETTINGS, DAYS)
    site.deliver(0, 30)
    now = 30
    for minute in (*range(30, 1000, 60), *range(1000, 1012)):
        site.deliver(now, minute, "e2")
        site.deliver(max(now, 1000), minute, "e1")
        now = minute
        checks.step(at(minute))
    fresh = check(store, SETTINGS, now=at(1011), first=START, after=START + 1011)
    assert fresh.changed == ()  # nothing that the store does not know
    assert spans(store.gaps()) == [("e1", 30, 1000, "open")]
    kept: dict[tuple[str, State], int] = defaultdict(int)
    for row in store.query(
        "SELECT edge, state, dateDiff('minute', `from`, `to`) AS length FROM coverage"
    ).to_pylist():
        kept[row["edge"], State[row["state"].upper()]] += row["length"]
    assert kept == {("e1", State.RECEIVED): 41, ("e1", State.MISSING): 970, ("e2", State.RECEIVED): 1011}


def test_our_own_downtime_is_unknown_and_then_settled(store: Store) -> None:
    site, checks = Site(store), Continuous(store, SETTINGS, DAYS)
    for second in range(0, 600, 20):
        store.beat(at(0) + second)
    site.deliver(0, 9)
    checks.step(at(10))
    # six hours without a beat; then both are back, and e1 has all of it in its spool
    back = 370
    for second in range(0, 60, 20):
        store.beat(at(back) + second)
    again = Continuous(store, SETTINGS, DAYS)
    (first,) = again.step(at(back) + 59)
    assert (first.coverage.states == State.UNKNOWN).sum() > 600
    assert spans(store.gaps()) == []
    site.deliver(9, back, "e1")
    for minute in range(back + 1, back + 8):
        site.deliver(minute - 1, minute)
        for second in range(0, 60, 20):
            store.beat(at(minute) + second)
        again.step(at(minute) + 59)
    assert spans(store.gaps()) == [("e2", 9, back, "open")]


def test_what_was_lost_stays_lost_when_we_begin_to_run(store: Store) -> None:
    """Found by commands that came and went; then a run begins, which says nothing of the time before it."""
    site = Site(store)
    site.deliver(0, 600, but=(100, 101, 102))
    Continuous(store, SETTINGS, DAYS).step(at(600))
    lost = [(edge, 100, 103, "open") for edge in EDGES]
    assert spans(store.gaps()) == lost
    store.beat(at(900))
    (first,) = Continuous(store, SETTINGS, DAYS).step(at(900) + 1)
    assert first.changed == ()
    assert spans(store.gaps()) == lost
    states = first.coverage.states[:, 100 - first.coverage.first + START : 103 - first.coverage.first + START]
    assert set(states.ravel().tolist()) == {State.MISSING}
    assert (first.coverage.states == State.UNKNOWN).sum() > 0  # of what came due later nothing is known
    site.deliver(100, 103, "e1")
    Continuous(store, SETTINGS, DAYS).step(at(900) + 30)
    assert spans(store.gaps()) == [("e1", 100, 103, "closed"), ("e2", 100, 103, "open")]


def test_an_act_is_heeded_at_the_next_check(store: Store) -> None:
    site, checks = Site(store), Continuous(store, SETTINGS, DAYS)
    site.deliver(0, 600, but=tuple(range(100, 200)))
    checks.step(at(600))
    assert spans(store.gaps()) == [(edge, 100, 200, "open") for edge in EDGES]
    lines = [
        f'{{"at": "2026-11-01T0{hour}:00Z", "type": "edge", "edge": "e1", "action": "{action}"}}'
        for hour, action in (("1:40", "pause"), ("3:20", "resume"))
    ]
    store.add_evidence(parse_evidence("\n".join(lines), actor="anna", now=at(600)))
    checks.step(at(600) + 5)
    assert spans(store.gaps()) == [("e1", 100, 200, "closed"), ("e2", 100, 200, "open")]


def test_a_stretch_is_widened_until_it_holds_every_gap_whole() -> None:
    def gap(first: int, after: int, state: GapState = GapState.OPEN) -> Gap:
        amount = Amount(0, 0, 0, None, "neighbours")
        loss = Loss(Stream("e1"), LossClass.MISSING, first, after, None, amount)
        return Gap(f"g{first}", loss, state, 0.0, 0.0)

    assert widen(100, 200, []) == (100, 200)
    assert widen(100, 200, [gap(90, 110), gap(80, 90), gap(60, 79), gap(300, 400)]) == (80, 200)
    assert widen(100, 200, [gap(90, 110, GapState.CLOSED), gap(150, 250, GapState.ACCEPTED)]) == (100, 250)
