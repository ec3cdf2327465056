"""Event time, late data and triggers of the graph's windows, on Beam's TestStream."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing import test_stream
from apache_beam.transforms.window import TimestampedValue

from pipeline.attempt import Attempt
from pipeline.flow import MINUTE, StampMinute, window_minutes
from pipeline.flow_ledger import PlainLedger
from pipeline.flow_run import Run, open_run
from pipeline.model import Origin, Segment
from tests.flow.standin import MemoryStore, SlowReader

M = 29_900_000
PANES: list[tuple[int, int, tuple[str, ...]]] = []
"""(minute of the window, shard, parts) of every pane, in the order in which they fired; Beam copies what it runs."""


class Note(beam.DoFn):  # type: ignore[misc]
    """Writes down each pane."""

    def process(self, group: Any, window: Any = beam.DoFn.WindowParam) -> None:
        shard, parts = group
        PANES.append((int(window.start) // MINUTE, shard, tuple(sorted(parts))))


@pytest.fixture(name="run_stream")
def stream_runner(entry: Any) -> Any:
    """`run_stream([...])`: an int moves the watermark to that minute, a list of (minute, part) comes in."""

    def run_stream(
        *events: int | list[tuple[int, str]], shards: int = 1
    ) -> list[tuple[int, int, tuple[str, ...]]]:
        PANES.clear()
        run = Run(
            MemoryStore(), PlainLedger(MemoryStore()), SlowReader(), lambda: datetime.now(UTC), shards=shards
        )
        stream = test_stream.TestStream()
        for event in events:
            if isinstance(event, int):
                stream = stream.advance_watermark_to(event * MINUTE)
                continue
            parcels = []
            for minute, part in event:
                origin = Origin("e1", "access", minute, part)
                draft = Attempt(Segment(origin, "", "plain", 0, ""), None, entry(origin=origin))
                parcels.append(TimestampedValue(run.park(draft), minute * MINUTE))
            stream = stream.add_elements(parcels)
        options = PipelineOptions([])
        options.view_as(StandardOptions).streaming = True
        with (
            open_run(run) as key,
            beam.Pipeline(runner=BundleBasedDirectRunner(), options=options) as pipeline,
        ):
            (
                pipeline
                | stream.advance_watermark_to_infinity()
                | beam.ParDo(StampMinute(key))
                | window_minutes()
                | beam.MapTuple(lambda shard, parcel: (shard, run_part(key, parcel)))
                | beam.GroupByKey()
                | beam.ParDo(Note())
            )
        return list(PANES)

    return run_stream


def run_part(key: str, parcel: int) -> str:
    """The part of a parked attempt."""
    from pipeline.flow_run import find_run

    return find_run(key).look(parcel).entry.origin.part


def test_a_minute_fires_once_when_the_watermark_has_passed_it(run_stream: Any) -> None:
    panes = run_stream([(M, "a"), (M + 1, "x")], [(M, "b")], M + 1, M + 2)
    assert panes == [(M, 0, ("a", "b")), (M + 1, 0, ("x",))]


def test_late_segments_fill_their_own_minute_and_repeat_nothing(run_stream: Any) -> None:
    panes = run_stream([(M, "a")], M + 5, [(M, "late")], [(M + 5, "next")], M + 6)
    assert panes == [(M, 0, ("a",)), (M, 0, ("late",)), (M + 5, 0, ("next",))]


@pytest.mark.parametrize("age", [30 * 60, 5 * 1440, 365 * 1440])
def test_no_segment_is_too_late(run_stream: Any, age: int) -> None:
    panes = run_stream([(M, "a")], M + 1, [(M - age, "old")], M + 2)
    assert (M - age, 0, ("old",)) in panes


def test_every_segment_comes_out_once_in_the_window_of_its_minute_and_one_shard(run_stream: Any) -> None:
    came = [(M + n % 4, str(n)) for n in range(20)]
    panes = run_stream(came[:7], M + 1, came[7:12], M + 3, came[12:], shards=3)
    out: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for minute, shard, parts in panes:
        for part in parts:
            assert (minute, shard) not in out[part]
            out[part].add((minute, shard))
    assert {part: {minute for minute, _ in at} for part, at in out.items()} == {p: {m} for m, p in came}
    assert all(len(at) == 1 for at in out.values())
    assert len({shard for at in out.values() for _, shard in at}) > 1
