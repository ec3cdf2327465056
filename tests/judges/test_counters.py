"""Real cumulative counters of a status page, polled by others, against the truth of an independent parser.

`PREBILL_SAMPLES` names the folder (default `../shared/data/samples` beside the repository). Every zone of every file
is an edge here. Truth gives a delta to the minute of its later sample; without the files the suite skips.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.coverage.counters import deltas_of
from pipeline.coverage.model import Reading
from pipeline.coverage.readings import edge_line

ROOT = Path(__file__).parents[2]
SAMPLES = Path(os.environ.get("PREBILL_SAMPLES", ROOT.parent / "shared" / "data" / "samples"))


def cases() -> list[Any]:
    """Every (file, zone, truth) of a folder of counters as a test with its own id."""
    found = []
    for path in sorted(SAMPLES.glob("*/truth.json")):
        for name, truth in json.loads(path.read_text()).get("files", {}).items():
            for zone, of_zone in truth.get("zones", {}).items() if "counter_decreases" in truth else ():
                found.append(pytest.param(path.parent / name, zone, of_zone, id=f"{name}/{zone}"))
    reason = f"no counters in {SAMPLES} (PREBILL_SAMPLES)"
    return found or [pytest.param(SAMPLES, "", {}, id="none", marks=pytest.mark.skip(reason=reason))]


def readings_of(path: Path, zone: str) -> list[Reading]:
    """A zone's readings in the order of the file."""
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        Reading(zone, s["timestamp"] / 1000, of["requests"], of["sent"])
        for s in samples
        if (of := s["server_zones"].get(zone)) is not None
    ]


def minute_of(text: str) -> int:
    """Minutes since the epoch of truth's `2015-10-30T23:58Z`."""
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC).timestamp()) // 60


@pytest.mark.parametrize(("path", "zone", "truth"), cases())
def test_every_delta_between_readings(path: Path, zone: str, truth: dict[str, Any]) -> None:
    line = edge_line(readings_of(path, zone))
    requests: Counter[int] = Counter()
    sent: Counter[int] = Counter()
    for i in range(1, len(line.at)):
        minute = int(line.at[i] // 60)
        requests[minute] += int(line.requests[i] - line.requests[i - 1])
        sent[minute] += int(line.bytes_sent[i] - line.bytes_sent[i - 1])
    expected = {minute_of(text): of for text, of in truth["delta_by_minute"].items()}
    assert {m: {"requests": requests[m], "sent": sent[m]} for m in expected} == expected
    assert (requests.total(), sent.total()) == (truth["delta"]["requests"], truth["delta"]["sent"])
    assert not line.reset.any()


@pytest.mark.parametrize(("path", "zone", "truth"), cases())
def test_whole_minutes_are_truths_minutes(path: Path, zone: str, truth: dict[str, Any]) -> None:
    found = {
        delta.first: {"requests": delta.requests, "sent": delta.bytes_sent}
        for delta in deltas_of(readings_of(path, zone), [])
        if delta.after == delta.first + 1
    }
    expected = {minute_of(text): of for text, of in truth["delta_by_minute"].items()}
    # The first and the last minute were polled in part only: what they served in all is in no counter.
    for part in (min(expected), max(expected)):
        del expected[part]
    assert found == expected
