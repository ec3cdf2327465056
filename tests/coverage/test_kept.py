"""What a running check keeps of the store is what the store says: ledger, gaps, beats, and what is found with them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.coverage import kept as module
from pipeline.coverage.continuous import Continuous
from pipeline.coverage.control import Settings, check
from pipeline.coverage.kept import Kept
from pipeline.coverage.model import Reading
from pipeline.coverage.readings import ReadingColumns
from pipeline.coverage.roster import ConfiguredEdge
from pipeline.model import LedgerEntry, Origin, SegmentState, Sequence, SequenceUnit
from pipeline.store import Store, open_store
from tests.empty_store import lay_store
from tests.store.cases import MINUTE, make_entry
from tests.store.test_ledger_columns import as_rows

EDGES = ("e1", "e2", "é")
SETTINGS = Settings(edges=tuple(ConfiguredEdge(edge, MINUTE * 60.0) for edge in EDGES))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(lay_store(tmp_path / "store")) as opened:
        yield opened


class Traffic:
    """Segments minute by minute: in order, late, lost, in parts, damaged, tried again, of streams that come later."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._written: list[LedgerEntry] = []
        self._late: list[tuple[int, LedgerEntry]] = []
        self._count = 0

    def minute(self, minute: int) -> list[LedgerEntry]:
        """What is committed in a minute."""
        draw, come = self._random, []
        for edge in EDGES:
            for part in ("", "1") if edge == "e2" else ("",):
                stream = "errors" if draw.random() < 0.02 * (minute > MINUTE + 20) else "access"
                entry = self._entry(Origin(edge, stream, minute, part))
                if draw.random() < 0.1:
                    self._late.append((minute + draw.randrange(1, 40), entry))
                elif draw.random() > 0.05:
                    come.append(entry)
        come += [entry for at, entry in self._late if at == minute]
        if self._written and draw.random() < 0.3:
            come.append(self._again(draw.choice(self._written)))
        self._written += come
        return come

    def _entry(self, origin: Origin) -> LedgerEntry:
        self._count += 1
        first = 100 * origin.minute
        number = Sequence(SequenceUnit.LINE, "1", first, first + self._random.choice([100, 100, 100, 90]))
        return make_entry(
            origin,
            self._count,
            state=self._random.choice(
                [SegmentState.RECEIVED] * 6 + [SegmentState.EMPTY, SegmentState.DAMAGED]
            ),
            lines=90,
            bytes_sent=1000 * self._count,
            sequence=number if origin.part == "" and self._random.random() < 0.9 else None,
        )

    def _again(self, entry: LedgerEntry) -> LedgerEntry:
        self._count += 1
        lines, verified = self._random.choice([0, 90, 95]), self._random.random() < 0.5
        return replace(entry, write_id=self._count, lines=lines, verified=verified)


def test_what_is_kept_is_what_the_store_says(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 90)
    traffic, kept = Traffic(1), Kept(store)
    for minute in range(MINUTE, MINUTE + 20):
        store.commit(traffic.minute(minute))
        store.beat(minute * 60.0)
        kept.refresh()
        cut = kept.cut()
        assert cut == store.cut()
        ranges = ((minute - 9, minute + 5), (minute - 20, minute - 4), (MINUTE - 9, minute + 1))
        first, after = ranges[minute % 3]
        whole = store.ledger_columns(first, after, cut=cut)
        assert as_rows(kept.ledger_columns(first, after, cut=cut)) == as_rows(whole)
        assert np.array_equal(kept.beats(0, minute * 60.0 + 1), store.beats(0, minute * 60.0 + 1))
        if minute % 2 == 0:
            continue  # what came in two minutes is seen at once
        now = minute * 60.0 + 70
        span = {"now": now, "first": minute - 12, "after": minute + 1}
        ours, theirs = check(kept, SETTINGS, **span), check(store, SETTINGS, **span)  # type: ignore[arg-type]
        assert ours.changed == theirs.changed
        assert ours.coverage.streams == theirs.coverage.streams
        assert np.array_equal(ours.coverage.states, theirs.coverage.states)
        kept.write_gaps(ours.changed)
        kept.refresh()
        assert kept.gaps() == store.gaps()


def as_list(columns: ReadingColumns) -> list[Reading]:
    rows = zip(columns.at.tolist(), columns.requests.tolist(), columns.bytes_sent.tolist(), strict=True)
    edges = [e for e, n in zip(columns.edges, np.diff(columns.starts), strict=True) for _ in range(n)]
    return [Reading(edge, *row) for edge, row in zip(edges, rows, strict=True)]


def test_readings_that_are_kept_are_those_of_the_store(store: Store) -> None:
    draw, kept, late = random.Random(5), Kept(store), list[Reading]()  # noqa: S311 - no secret
    for minute in range(40):
        now = (MINUTE + minute) * 60.0
        come = [Reading(edge, now - draw.random(), 100 * minute, 9 * minute) for edge in EDGES]
        come += [Reading("e0", now, 1, 1)] * (minute > 20)
        kept_back = draw.randrange(len(come)) if draw.random() < 0.3 else len(come)
        late += come[kept_back : kept_back + 1]
        if late and draw.random() < 0.1:
            come.append(late.pop(0))
        if draw.random() < 0.2:  # another of the same instant takes its place
            come.append(Reading(come[0].edge, come[0].at, 5, 5))
        for reading in come[:kept_back] + come[kept_back + 1 :]:
            store.add_readings([reading])
        kept.refresh()
        for since in (now - 1000, now - 600 * (minute % 3), now - 1500):
            found = kept.reading_columns(since, now + 1)
            assert as_list(found) == store.readings(since, now + 1)
            assert as_list(store.reading_columns(since, now + 1)) == as_list(found)


def test_minute_by_minute_finds_what_a_whole_look_finds(store: Store) -> None:
    traffic, checks = Traffic(3), Continuous(store, SETTINGS, 86_400.0)
    for minute in range(MINUTE, MINUTE + 30):
        store.commit(traffic.minute(minute))
        now = minute * 60.0 + 70
        checks.step(now)
        if minute % 3 == 0:  # the last of them too
            fresh = check(store, SETTINGS, now=now, first=MINUTE, after=minute + 1)
            assert fresh.changed == ()
    assert minute % 3 == 0
    assert len(store.gaps()) > 5


@pytest.mark.parametrize("broken", ["ledger_news", "gaps_since", "write_coverage"])
def test_what_failed_half_way_is_looked_at_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    traffic, checks = Traffic(4), Continuous(store, SETTINGS, 86_400.0)
    for minute in range(MINUTE, MINUTE + 15):
        store.commit(traffic.minute(minute))
    checks.step((MINUTE + 14) * 60.0 + 70)
    for minute in range(MINUTE + 15, MINUTE + 19):
        store.commit(traffic.minute(minute))
        now = minute * 60.0 + 70
        store.write_gaps(store.gaps()[:1])  # so that there is something new of it
        with monkeypatch.context() as patch:
            patch.setattr(store, broken, lambda *_, **__: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                checks.step(now)
        checks.step(now)
        assert check(store, SETTINGS, now=now, first=MINUTE, after=minute + 1).changed == ()
    assert store.gaps()
