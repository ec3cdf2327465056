"""What of the measures is known of a log: what some of its lines tell, whichever come first; the rest is unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.aggregate import Aggregate, aggregate_files
from pipeline.formats.detect import detect
from pipeline.formats.load import load_format
from pipeline.model import MEASURES, Origin
from pipeline.segment_usage import aggregate_segment

if TYPE_CHECKING:
    from pipeline.segment_usage import SegmentUsage

BARE = "#Version: 1.0\n#Fields: date time cs-host sc-status\n"
BARE_LINE = "2026-11-22 10:00:01 a.example.com 200\n"
FULL = "#Version: 1.0\n#Fields: date time cs-host sc-status sc-bytes\n"
FULL_LINE = "2026-11-22 10:00:01 a.example.com 200 1000\n"
CACHED = "#Fields: date time cached\n"
STATUS = {"requests", "errors_4xx", "errors_5xx"}


def logpush(body: int | None = None) -> str:
    """A line of Cloudflare's."""
    line = {"EdgeStartTimestamp": 1795341600, "EdgeResponseBytes": 7, "EdgeResponseStatus": 200}
    return json.dumps(line if body is None else {**line, "EdgeResponseBodyBytes": body}) + "\n"


def aggregate(folder: Path, *logs: str) -> Aggregate:
    """Of files with these contents, in the format that the first is found to be of."""
    paths = [folder / f"{number}.log" for number in range(len(logs))]
    for path, log in zip(paths, logs, strict=True):
        path.write_text(log)
    return aggregate_files(paths, detect(logs[0].encode()).format, by=("resource",))


def total(found: Aggregate, measure: str) -> int:
    """The sum of a known measure."""
    return sum(found.to_arrow()[measure].to_pylist())


@pytest.mark.parametrize(
    ("logs", "without"),
    [
        ((BARE + BARE_LINE * 5, FULL + FULL_LINE * 5), [0]),
        ((FULL + FULL_LINE * 5, BARE + BARE_LINE * 5), [1]),
        ((BARE + BARE_LINE * 3000 + FULL + FULL_LINE * 5,), [0]),
        ((BARE + FULL + FULL_LINE * 5,), []),
    ],
)
def test_a_column_that_not_every_header_has_is_summed_where_it_is(
    tmp_path: Path, logs: tuple[str, ...], without: list[int]
) -> None:
    found = aggregate(tmp_path, *logs)
    assert found.known == STATUS | {"bytes_sent"}
    assert total(found, "bytes_sent") == 5000
    assert found.unknown_at == [("bytes_sent", str(tmp_path / f"{number}.log")) for number in without]


def test_what_no_line_tells_is_unknown_not_zero(tmp_path: Path) -> None:
    assert aggregate(tmp_path, BARE + BARE_LINE * 5 + FULL).known == STATUS
    assert aggregate(tmp_path, CACHED + "2026-11-22 10:00:01 1\n").known == {"requests", "hits"}
    assert "body_bytes" not in aggregate(tmp_path, logpush() * 5).known
    plain = (
        json.dumps({"msec": "1795341600.123", "status": "200", "host": "a", "body_bytes_sent": "5"}) + "\n"
    )
    found = aggregate(tmp_path, plain * 5)
    assert "bytes_sent" not in found.known
    assert total(found, "body_bytes") == 25


@pytest.mark.parametrize("order", [1, -1])
def test_a_key_that_not_every_file_has_is_summed_where_it_is(tmp_path: Path, order: int) -> None:
    logs = (logpush() * 200, logpush(5) * 200)[::order]
    found = aggregate(tmp_path, *logs)
    assert total(found, "body_bytes") == 1000
    assert total(found, "bytes_sent") == 2800
    assert found.unknown_at == [("body_bytes", str(tmp_path / f"{logs.index(logpush() * 200)}.log"))]


def test_a_key_that_comes_late_is_summed(tmp_path: Path) -> None:
    assert total(aggregate(tmp_path, logpush() * 3000 + logpush(5) * 2), "body_bytes") == 10


def test_zero_bytes_under_a_key_are_known(tmp_path: Path) -> None:
    found = aggregate(tmp_path, logpush(0) * 200)
    assert "body_bytes" in found.known
    assert total(found, "body_bytes") == 0


class _Content:
    """Bytes, handed out as a segment's content is."""

    def __init__(self, content: str) -> None:
        self._left = memoryview(content.encode())

    def readinto(self, view: memoryview) -> int:
        """As a content's own."""
        got = min(len(view), len(self._left))
        view[:got], self._left = self._left[:got], self._left[got:]
        return got


class _NoDigest:
    """Of no interest here."""

    native = None

    def update(self, view: memoryview) -> None:
        """Nothing."""


def segment(log: str, name: str) -> SegmentUsage:
    """A log's usage as a segment."""
    return aggregate_segment(
        _Content(log),
        load_format(name),
        origin=Origin("e1", "access", 1795341600 // 60, ""),
        sequence=None,
        skips=(),
        digest=_NoDigest(),
    )


def test_a_segment_knows_what_its_own_lines_tell() -> None:
    assert segment(BARE + BARE_LINE * 5, "w3c").known == STATUS
    full = segment(FULL + FULL_LINE * 5, "w3c")
    assert full.known == STATUS | {"bytes_sent"}
    assert full.bytes_sent == 5000
    assert "body_bytes" not in segment(logpush() * 5, "cloudflare-logpush").known
    late = segment(logpush() * 5 + logpush(5), "cloudflare-logpush")
    assert late.sums[MEASURES.index("body_bytes")].sum() == 5
    assert segment("", "w3c").known == load_format("w3c").known


def test_a_segment_with_body_bytes_alone_tells_those_for_its_bytes() -> None:
    line = json.dumps({"msec": "1795341600.123", "status": "200", "host": "a", "body_bytes_sent": "5"}) + "\n"
    assert segment(line * 5, "nginx-json").bytes_sent == 25
