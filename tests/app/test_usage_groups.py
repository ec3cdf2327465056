"""Groups for a screen against Arrow's own grouping and sorting, which the screen is too quick for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.app.usage.groups import fold, largest

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = st.sampled_from([b"a.example", b"b.example", b"\xff", b"", b"-"])
ROWS = st.lists(
    st.tuples(st.integers(0, 3), NAMES, NAMES, st.integers(0, 5), st.integers(0, (1 << 56) - 1)), max_size=40
)
BY = st.lists(st.sampled_from(["minute", "resource", "cache"]), min_size=1, max_size=3, unique=True)


def table_of(rows: Sequence[tuple[int, bytes, bytes, int, int]]) -> pa.Table:
    minute, resource, cache, requests, sent = zip(*rows, strict=True) if rows else ((),) * 5
    return pa.table(
        {
            "minute": pa.array(minute, pa.uint32()),
            "resource": pa.array(resource, pa.large_binary()).dictionary_encode(),
            "cache": pa.array(cache, pa.large_binary()).dictionary_encode(),
            "requests": pa.array(requests, pa.uint64()),
            "bytes_sent": pa.array(sent, pa.uint64()),
        }
    )


@given(ROWS, BY, st.integers(1, 6), st.booleans())
def test_the_same_as_arrow(
    rows: list[tuple[int, bytes, bytes, int, int]], by: list[str], top: int, halved: bool
) -> None:
    table = table_of(rows)
    if halved:  # in two chunks with dictionaries of their own
        table = pa.concat_tables([table_of(rows[: len(rows) // 2]), table_of(rows[len(rows) // 2 :])])
    groups = fold(table, by, ["requests", "bytes_sent"])
    found = [
        (
            *(groups.value(group, name) for name in by),
            *(int(groups.sums[m][group]) for m in ("requests", "bytes_sent")),
        )
        for group in largest(groups, by, "requests", top)
    ]
    plain = pa.table({n: c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for n, c in zip(
        table.column_names, table.columns, strict=True)})  # fmt: skip
    summed = plain.group_by(by).aggregate([("requests", "sum"), ("bytes_sent", "sum")])
    wanted = summed.sort_by([("requests_sum", "descending"), *((name, "ascending") for name in by)]).slice(
        0, top
    )
    assert len(groups) == summed.num_rows
    assert found == [
        (*(row[name] for name in by), row["requests_sum"], row["bytes_sent_sum"])
        for row in wanted.to_pylist()
    ]
