"""Reads a log through the kernels and the oracle, which must agree in everything; gives what the oracle found."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from pipeline.formats.model import LogFormat
from pipeline.model import DIMENSIONS, MEASURES
from tests.kernels.oracle import Oracle, read_content

SHOWN = 100


def read_both(fmt: LogFormat, content: bytes) -> Oracle:
    """What the oracle reads, after the kernels have read the same."""
    from pipeline.aggregate import aggregate_files

    expected = read_content(fmt, content)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.log"
        path.write_bytes(content)
        found = aggregate_files([path], fmt, by=DIMENSIONS)
    groups = {}
    for row in found.to_arrow().to_pylist():
        key = (row["minute"], *(_as_bytes(row[name]) for name in DIMENSIONS[1:]))
        groups[key] = [row.get(measure, 0) for measure in MEASURES]
    assert [(offset, reason) for _, offset, reason in found.malformed_at] == expected.malformed[:SHOWN]
    assert groups == {(key[0], *map(_as_bytes, key[1:])): sums for key, sums in expected.groups.items()}
    counts = (found.lines, found.parsed, found.comments, found.blank, found.malformed)
    assert counts == (
        expected.lines,
        expected.parsed,
        expected.comments,
        expected.blank,
        len(expected.malformed),
    )
    return expected


def _as_bytes(name: Any) -> bytes:
    return name if isinstance(name, bytes) else str(name).encode()
