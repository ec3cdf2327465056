"""Concrete sequences of what an edge may send, through attempts, settling, facts and ledger, without Beam."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.attempt import Attempt, Postponed, attempt_segment
from pipeline.flow_ledger import PlainLedger
from pipeline.flow_run import Run
from pipeline.flow_settle import settle_attempts
from pipeline.flow_write import write_facts
from pipeline.model import Claims, Origin, Segment, SegmentState, Sequence, SequenceUnit, Skip
from tests.flow.standin import Key, MemoryStore, SlowReader, states
from tests.flow.winners import pick_winners

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = 29_000_000


def line(seq: int | None, minute: int = MINUTE, resource: str = "a.ru", sent: int = 10) -> str:
    return f"{minute * 60}\t{'-' if seq is None else seq}\t{resource}\t{sent}\n"


def lines(first: int, after: int, minute: int = MINUTE) -> str:
    return "".join(line(n, minute) for n in range(first, after))


@dataclass
class Edge:
    """An edge that writes files, and the steps that bring them in."""

    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    reader: SlowReader = field(default_factory=SlowReader)

    def put(self, part: str, content: str, minute: int = MINUTE, **claims: object) -> Segment:
        path = self.folder / f"{minute}.{part}.log"
        path.write_text(content)
        fingerprint = str(hash((content, str(claims))))
        origin = Origin("e1", "access", minute, part)
        return Segment(origin, str(path), "plain", len(content), fingerprint, Claims(**claims))  # type: ignore[arg-type]

    def bring(self, *segments: Segment) -> list[Postponed]:
        run = Run(self.store, PlainLedger(self.store), self.reader, lambda: NOW)
        attempts = [attempt_segment(segment, self.reader, NOW) for segment in segments]
        settled = settle_attempts([a for a in attempts if isinstance(a, Attempt)], run)
        self.store.commit(write_facts(settled.attempts, run))
        return [*settled.postponed, *(a for a in attempts if isinstance(a, Postponed))]

    def requests(self) -> int:
        return sum(requests for requests, _ in self.store.usage().values())

    def skips(self, part: str, minute: int = MINUTE) -> tuple[Skip, ...]:
        return pick_winners(self.store.ledger)[Origin("e1", "access", minute, part).segment_id].skips


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return Edge(tmp_path)


def test_the_same_segment_comes_again(edge: Edge) -> None:
    edge.bring(edge.put("1", lines(0, 10)))
    edge.bring(edge.put("1", lines(0, 10)))
    assert edge.requests() == 10
    assert len(edge.store.ledger) == 2
    assert len({e.write_id for e in edge.store.ledger}) == 2


@pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2])))
def test_comes_longer_comes_shorter_the_longest_counts(edge: Edge, order: tuple[int, ...]) -> None:
    versions = [lines(0, 10), lines(0, 14), lines(0, 4)]
    for i in order:
        edge.bring(edge.put("1", versions[i]))
    assert edge.requests() == 14


def test_other_content_under_the_same_name(edge: Edge) -> None:
    contents = [line(1, sent=10), line(1, sent=11)]
    totals = set()
    for order in (contents, contents[::-1]):
        store = edge.store = MemoryStore()
        for content in order:
            edge.bring(edge.put("1", content))
        totals.add(tuple(store.usage().values()))
    assert len(totals) == 1


def test_damaged_then_whole_and_whole_then_damaged(edge: Edge) -> None:
    whole, cut = lines(0, 10), lines(0, 9) + "~"
    for order in ((whole, cut), (cut, whole)):
        edge.store = MemoryStore()
        for content in order:
            edge.bring(edge.put("1", content))
        assert edge.requests() == 10
        assert set(states(edge.store).values()) == {SegmentState.RECEIVED}


def test_quarantined_then_whole(edge: Edge) -> None:
    edge.bring(edge.put("1", "?"))
    assert list(states(edge.store).values()) == [SegmentState.QUARANTINED]
    edge.bring(edge.put("1", lines(0, 10)))
    assert list(states(edge.store).values()) == [SegmentState.RECEIVED]
    assert edge.requests() == 10


def test_an_empty_segment_has_its_ledger_row(edge: Edge) -> None:
    edge.bring(edge.put("1", ""))
    assert list(states(edge.store).values()) == [SegmentState.EMPTY]
    assert edge.store.inserts == 0


def test_a_segment_that_is_not_there_now_is_postponed(edge: Edge) -> None:
    segment = edge.put("1", lines(0, 3))
    Path(segment.path).unlink()
    assert [p.segment for p in edge.bring(segment)] == [segment]
    assert edge.store.ledger == []


def test_another_attempt_in_flight(edge: Edge) -> None:
    """Two processes read the same segment at a time: both commit, one counts."""
    segment = edge.put("1", lines(0, 10))
    run = Run(edge.store, PlainLedger(edge.store), edge.reader, lambda: NOW)
    both = [attempt_segment(segment, edge.reader, NOW) for _ in range(2)]
    drafts = [settle_attempts([attempt], run).attempts for attempt in both]  # type: ignore[list-item]
    written = [write_facts(draft, run) for draft in drafts]
    for entries in written:
        edge.store.commit(entries)
    assert edge.requests() == 10


@pytest.mark.parametrize("crash", ["half the facts", "the ledger"])
def test_a_crash_leaves_nothing_that_counts(edge: Edge, crash: str) -> None:
    segment = edge.put("1", "".join(line(n, resource=f"r{n}") for n in range(10)))
    edge.store.fail = crash
    with pytest.raises(RuntimeError, match="crash"):
        edge.bring(segment)
    assert edge.store.facts
    assert edge.store.usage() == {}
    edge.store.fail = ""
    edge.bring(segment)
    assert edge.requests() == 10


@pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2])))
@pytest.mark.parametrize("together", [False, True])
def test_overlapping_segments_in_any_order(edge: Edge, order: tuple[int, ...], together: bool) -> None:
    segments = [edge.put("1", lines(0, 10)), edge.put("2", lines(6, 16)), edge.put("3", lines(14, 20))]
    if together:
        edge.bring(*(segments[i] for i in order))
    else:
        for i in order:
            edge.bring(segments[i])
    assert edge.requests() == 20
    assert [edge.skips(part) for part in "123"] == [(), (Skip(6, 10),), (Skip(14, 16),)]


def test_at_no_cut_is_a_line_counted_twice_or_lost(edge: Edge) -> None:
    later, earlier = edge.put("2", lines(6, 16)), edge.put("1", lines(0, 10))
    edge.bring(later)
    before = len(edge.store.ledger)
    edge.bring(earlier)
    assert [e.origin.part for e in edge.store.ledger[before:]] in (["1", "2"], ["2", "1"])
    assert edge.requests() == 16


def test_a_neighbour_becomes_longer_then_shorter_content_comes(edge: Edge) -> None:
    edge.bring(edge.put("1", lines(0, 8)), edge.put("2", lines(6, 16)))
    edge.bring(edge.put("1", lines(0, 12)))
    assert edge.requests() == 16
    assert edge.skips("2") == (Skip(6, 12),)
    edge.bring(edge.put("1", lines(0, 3)))
    assert edge.requests() == 16


def test_a_neighbour_is_superseded_by_a_verified_shorter_one(edge: Edge) -> None:
    edge.bring(edge.put("1", lines(0, 10)), edge.put("2", lines(6, 16)))
    edge.bring(edge.put("1", lines(0, 7), lines=7))
    assert edge.requests() == 16
    assert edge.skips("2") == (Skip(6, 7),)


def test_a_later_one_whose_file_is_gone_stands_and_the_new_one_goes_round_it(edge: Edge) -> None:
    later = edge.put("2", lines(6, 16))
    edge.bring(later)
    Path(later.path).unlink()
    edge.bring(edge.put("1", lines(0, 10)))
    assert edge.requests() == 16
    assert edge.skips("1") == (Skip(6, 10),)


def test_a_later_one_whose_file_has_other_content_by_now_stands(edge: Edge) -> None:
    edge.bring(edge.put("2", lines(6, 16)))
    edge.put("2", lines(6, 9))
    edge.bring(edge.put("1", lines(0, 10)))
    assert edge.requests() == 16


def test_a_hole_in_the_earlier_one_is_filled_by_the_later(edge: Edge) -> None:
    edge.bring(edge.put("1", lines(0, 4) + "broken\n" + lines(5, 10)), edge.put("2", lines(3, 12)))
    assert edge.requests() == 12


def test_counting_that_began_anew_without_an_epoch(edge: Edge) -> None:
    edge.bring(edge.put("1", lines(0, 10)))
    edge.bring(edge.put("1", lines(0, 8, MINUTE + 30), MINUTE + 30))
    assert edge.requests() == 18


def test_epochs_do_not_meet(edge: Edge) -> None:
    for part, epoch in (("1", "a"), ("2", "b")):
        sequence = Sequence(SequenceUnit.LINE, epoch, 0, 10)
        edge.bring(edge.put(part, lines(0, 10), sequence=sequence))
    assert edge.requests() == 20


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_places_of_lines_in_bytes(edge: Edge, order: tuple[int, int]) -> None:
    rows = [line(None, resource=f"r{n}") for n in range(10)]
    size = len(rows[0])
    overlapping = [
        edge.put("1", "".join(rows[:6]), sequence=Sequence(SequenceUnit.BYTE, "x", 0, 6 * size)),
        edge.put("2", "".join(rows[4:]), sequence=Sequence(SequenceUnit.BYTE, "x", 4 * size, 10 * size)),
    ]
    for i in order:
        edge.bring(overlapping[i])
    assert edge.requests() == 10
    assert edge.skips("2") == (Skip(4 * size, 6 * size),)


def test_a_line_cut_at_the_end_of_a_byte_range_is_counted_where_it_is_whole(edge: Edge) -> None:
    rows = [line(None, resource=f"r{n}") for n in range(10)]
    size = len(rows[0])
    cut = "".join(rows)[: 6 * size + 5]
    edge.bring(
        edge.put("1", cut, sequence=Sequence(SequenceUnit.BYTE, "x", 0, len(cut))),
        edge.put("2", "".join(rows[4:]), sequence=Sequence(SequenceUnit.BYTE, "x", 4 * size, 10 * size)),
    )
    assert edge.requests() == 10


def test_places_of_lines_by_count_and_a_cut_segment(edge: Edge) -> None:
    claimed = Sequence(SequenceUnit.LINE, "x", 100, 110)
    cut = "".join(line(None, resource=f"r{n}") for n in range(5)) + "172\t-\tr5~"
    edge.bring(edge.put("1", cut, sequence=claimed))
    again = "".join(line(None, resource=f"r{n}") for n in range(3, 10))
    edge.bring(edge.put("2", again, sequence=Sequence(SequenceUnit.LINE, "x", 103, 110)))
    assert edge.requests() == 10


@pytest.mark.parametrize("seed", range(8))
def test_many_versions_in_any_order_and_any_batches_end_alike(tmp_path: Path, seed: int) -> None:
    """Overlapping parts, each in a few versions: the end depends on the set of contents, not on the way there."""
    choose = random.Random(seed)  # noqa: S311
    bounds = [(a, a + choose.randrange(1, 30)) for a in sorted(choose.sample(range(60), 5))]
    versions = [
        (str(part), lines(first, choose.randrange(first + 1, after + 1)) + choose.choice(["", "~"]))
        for part, (first, after) in enumerate(bounds)
        for _ in range(choose.randrange(1, 4))
    ]
    ends: list[dict[Key, tuple[int, int]]] = []
    for _ in range(3):
        folder = tmp_path / str(len(ends))
        folder.mkdir()
        edge = Edge(folder)
        choose.shuffle(versions)
        left = list(versions)
        while left:
            size = choose.randrange(1, 4)
            batch, left = left[:size], left[size:]
            taken = dict(batch)
            # Every version stays readable under its own path, as if the edge kept them all.
            segments = [
                replace(edge.put(part, content), path=str(_keep(folder, part, content)))
                for part, content in taken.items()
            ]
            edge.bring(*segments)
            for part, content in batch:
                if taken[part] != content:
                    edge.bring(replace(edge.put(part, content), path=str(_keep(folder, part, content))))
        ends.append(edge.store.usage())
    assert ends[0] == ends[1] == ends[2]


def _keep(folder: Path, part: str, content: str) -> Path:
    path = folder / f"kept-{part}-{abs(hash(content))}"
    path.write_text(content)
    return path
