"""The graph against the real embedded store: what is committed is what a reader at the cut sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.flow_source import SpoolSource
from pipeline.formats.load import load_format
from pipeline.runners import RunReport, run
from tests.empty_store import lay_store
from tests.flow.standin import SlowReader
from tests.flow.test_runners import MINUTE, put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.model import LedgerEntry
    from pipeline.store.store import Store


@pytest.fixture(name="store")
def embedded(tmp_path: Path) -> Iterator[Store]:
    from pipeline.store.connect import open_store

    with open_store(lay_store(tmp_path / "store")) as store:
        yield store


def go(spool: Path, store: Store) -> RunReport:
    source = SpoolSource(spool)
    try:
        fmt, reader = load_format("edge-tsv"), SlowReader()
        return run([source], store, fmt, once=True, now=lambda: datetime.now(UTC), reader=reader)
    finally:
        source.close()


def requests(store: Store) -> int:
    return store.totals(store.cut())["requests"]


def test_overlaps_replacements_and_restarts_over_the_real_store(tmp_path: Path, store: Store) -> None:
    spool = tmp_path / "spool"
    put(spool, "e1", 8, 20, MINUTE + 1)
    put(spool, "e2", 0, 5)
    go(spool, store)
    assert requests(store) == 17
    # An earlier neighbour comes late; its lines are in the same minute, so the later one is counted again.
    path = put(spool, "e1", 0, 8, MINUTE)
    path.write_text(path.read_text() + "".join(f"{(MINUTE + 1) * 60}\t{n}\ta.ru\t10\n" for n in range(8, 10)))
    report = go(spool, store)
    assert report.segments == 2
    assert requests(store) == 25
    assert go(spool, store).segments == 0
    table = store.usage(store.cut(), by=("edge", "minute"))
    assert table.to_pydict()["requests"] == [8, 12, 5]


def prefer(entry: LedgerEntry) -> LedgerEntry:
    return replace(entry, preferred=True, reason="an operator's", committed_at=datetime.now(UTC), seq=0)


def test_an_operator_prefers_another_attempt_and_then_the_first_again(tmp_path: Path, store: Store) -> None:
    spool = tmp_path / "spool"
    put(spool, "e1", 0, 10)
    go(spool, store)
    path = put(spool, "e1", 0, 4)
    go(spool, store)
    assert path.exists()
    assert requests(store) == 10
    long, short = sorted(store.attempts([e.segment_id for e in store.ledger_tail(0)]), key=lambda e: -e.lines)
    store.commit([prefer(short)])
    assert requests(store) == 4
    store.commit([prefer(long)])
    assert requests(store) == 10
    assert replace(store.winners([long.segment_id])[long.segment_id], seq=0).preferred
