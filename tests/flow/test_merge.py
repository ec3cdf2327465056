"""Merging the usage of segments, against a plain form of the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.flow_merge import merge_usages
from pipeline.groups import Names
from pipeline.segment_usage import SegmentUsage

Rows = list[tuple[bytes, int, int]]

NAMES = st.sampled_from([b"a", b"b.example.ru", b"-", b"\xff\xfe", b"x" * 60, b"x" * 255, "д".encode(), b""])
ROWS = st.lists(
    st.tuples(NAMES, st.sampled_from([0, 1, 29_922_360, 29_922_361, 2**32 - 1]), st.integers(0, 2**63)),
    max_size=12,
)
SEGMENTS = st.lists(st.tuples(st.sampled_from([b"e1", b"e2", b"e10"]), ROWS), max_size=6)


def usage_of(edge: bytes, rows: Rows) -> SegmentUsage:
    names = sorted({name for name, _, _ in rows}, key=len)
    offsets = np.cumsum([0, *map(len, names)]).astype(np.int64)
    sums = np.array([[number + i for _, _, number in rows] for i in range(6)], np.uint64).reshape(
        6, len(rows)
    )
    return SegmentUsage(
        edges=(edge,),
        names=Names(np.frombuffer(b"".join(names), np.uint8), offsets),
        minute=np.array([minute for _, minute, _ in rows], np.uint32),
        resource=np.array([names.index(name) for name, _, _ in rows], np.uint32),
        sums=sums,
        lines=len(rows),
        blank=0,
        comments=0,
        parsed=len(rows),
        malformed=0,
        malformed_at=(),
        duplicates=0,
        flagged=0,
        bytes_sent=0,
        content_bytes=0,
        seen=None,
        runs=(),
        damaged=None,
        known=frozenset({"requests"}),
    )


@given(SEGMENTS)
@settings(max_examples=150, deadline=None)
def test_same_rows_in_the_order_of_facts(segments: list[tuple[bytes, Rows]]) -> None:
    ids = [((len(segments) - i) << 96 | i, 1000 - i) for i in range(len(segments))]
    batch = merge_usages([(ids[i], usage_of(edge, rows)) for i, (edge, rows) in enumerate(segments)])
    found = [
        (
            batch.resources[batch.resource[i]],
            int(batch.minute[i]),
            batch.edges[batch.edge[i]],
            batch.segments[batch.segment[i]],
            [int(row[i]) for row in batch.sums],
        )
        for i in range(len(batch))
    ]
    expected = [
        (name, minute, edge, ids[i], [number + j for j in range(6)])
        for i, (edge, rows) in enumerate(segments)
        for name, minute, number in rows
    ]
    plain = [
        (name.decode("utf-8", "backslashreplace"), minute, edge.decode(), at, sums)
        for name, minute, edge, at, sums in sorted(expected, key=lambda row: row[:4])
    ]
    keys = [row[:4] for row in found]
    assert keys == [row[:4] for row in plain]
    assert sorted(found) == sorted(plain)
