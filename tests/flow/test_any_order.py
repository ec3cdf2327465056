"""A small CDN's deliveries, shuffled, in batches of any size: the totals are those of an independent sum, always."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadtest.cdn import Shape, make_cdn
from loadtest.spool import deliver
from pipeline.flow_read import SegmentReader
from pipeline.flow_source import SpoolSource
from pipeline.formats.load import load_format
from pipeline.runners import run
from tests.flow.standin import MemoryStore

FAULTS = {
    "malformed": 10,
    "repeated": 30,
    "flagged": 10,
    "overlapping": 400,
    "short_first": 150,
    "damaged": 80,
}
SHAPE = Shape(edges=3, minutes=14, lines=25, resources=6, again=100, empty=40, codecs=("", "gz"), **FAULTS)


def bring_in_shuffled(folder: Path, seed: int) -> None:
    """Deliver in random order and random batches, older versions after newer ones, too."""
    rng = random.Random(seed)  # noqa: S311
    # A content that is no longer in the spool cannot be read again: its overlap stays where it was counted, and the
    # neighbour goes round it. That is the same total; but a flagged line is counted in the minute of its segment.
    keep_order = seed % 2 == 0
    cdn = make_cdn(replace(SHAPE, seed=seed + 1, flagged=10 if keep_order else 0))
    deliveries = list(cdn.deliveries)
    rng.shuffle(deliveries)
    if keep_order:
        versions = {
            name: [d for d in cdn.deliveries if d.name == name] for name in {d.name for d in deliveries}
        }
        deliveries = [versions[d.name].pop(0) for d in deliveries]
    store, reader = MemoryStore(), SegmentReader(load_format("edge-tsv"))
    source = SpoolSource(folder)
    while deliveries:
        # Never two versions of one name at a time: the first would be gone before anybody could read it.
        batch = {d.name: d for d in reversed(deliveries[: rng.randrange(1, 25)])}
        deliveries = [d for d in deliveries if batch.get(d.name) is not d]
        for delivery in batch.values():
            deliver(folder, delivery)
        batch_bytes = rng.choice([1 << 12, 1 << 14, 1 << 20])
        report = run(
            [source],
            store,
            reader.fmt,
            once=True,
            now=lambda: datetime.now(UTC),
            reader=reader,
            batch_bytes=batch_bytes,
        )
        assert {**report.postponed, **report.waiting, **report.problems} == {}
        assert report.failures == []
    source.close()
    wanted = {key: tuple(sums[:2]) for key, sums in cdn.truth.usage.items()}
    found = {(minute, resource, edge): sums for (resource, minute, edge), sums in store.usage().items()}
    assert found == wanted


@pytest.mark.parametrize("seed", range(2))
def test_any_order_comes_to_the_same(tmp_path: Path, seed: int) -> None:
    bring_in_shuffled(tmp_path, seed)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(2, 40))
def test_many_orders_come_to_the_same(tmp_path: Path, seed: int) -> None:
    bring_in_shuffled(tmp_path, seed)
