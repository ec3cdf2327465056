"""The kernels make of every golden file what the oracle makes of it, by all dimensions."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.formats.load import builtin_names, load_format
from pipeline.model import DIMENSIONS, MEASURES
from tests.formats.golden_files import GOLDEN
from tests.kernels.oracle import read_content


def as_bytes(name: Any) -> bytes:
    return name if isinstance(name, bytes) else str(name).encode()


@pytest.mark.parametrize("name", builtin_names())
def test_kernels_and_oracle_agree(name: str) -> None:
    from pipeline.aggregate import aggregate_files

    fmt, path = load_format(name), GOLDEN / f"{name}.log"
    expected = read_content(fmt, path.read_bytes())
    found = aggregate_files([path], fmt, by=DIMENSIONS)
    groups = {}
    for row in found.to_arrow().to_pylist():
        key = (row["minute"], *(as_bytes(row[name]) for name in DIMENSIONS[1:]))
        groups[key] = [row.get(measure, 0) for measure in MEASURES]
    assert groups == {(key[0], *map(as_bytes, key[1:])): sums for key, sums in expected.groups.items()}
    assert [(offset, reason) for _, offset, reason in found.malformed_at] == expected.malformed
    counts = (found.lines, found.parsed, found.comments, found.blank)
    assert counts == (expected.lines, expected.parsed, expected.comments, expected.blank)
