"""Columns of this process that the embedded engine reads in place: each value as it is, whoever inserts beside it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from pipeline.store import open_store
from pipeline.store.errors import QueryError
from tests.empty_store import lay_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(lay_store(tmp_path / "store")) as opened:
        yield opened


def test_every_value_arrives_as_it_is(store: Store) -> None:
    store._sessions.execute(
        "CREATE TABLE t (name LowCardinality(String), id UInt128, n UInt64, at DateTime('UTC'))"
        " ENGINE = MergeTree ORDER BY tuple()"
    )
    names = [b"", b"\xff\xfe.x", b"nul\0here", "я.рф".encode()]
    ids = [0, 1, 2**64, 2**128 - 1]
    numbers = [0, 1, 2**63, 2**64 - 1]
    columns = {
        "name": pa.DictionaryArray.from_arrays(
            pa.array([3, 2, 1, 0], pa.int32()), pa.array(names, pa.binary())
        ),
        "id": pa.array([each.to_bytes(16, "little") for each in ids], pa.binary(16)),
        "n": pa.array(numbers, pa.uint64()),
        "at": pa.array([0, 1, 2**31, 2**32 - 1], pa.uint32()),
    }
    whole = pa.table(columns)
    store._sessions.insert_many("t", whole)
    store._sessions.insert_many("t", pa.concat_tables([whole.slice(1, 2), whole.slice(3)]))
    rows = store._sessions.rows("SELECT hex(name), id, n, toUInt32(at) FROM t ORDER BY n")
    hexed = [name.hex().upper() for name in reversed(names)]
    once = list(zip(hexed, ids, numbers, (0, 1, 2**31, 2**32 - 1), strict=True))
    assert sorted(rows) == sorted([*once, *once[1:]])


def test_threads_that_insert_at_once_do_not_get_each_others_rows(store: Store) -> None:
    store._sessions.execute("CREATE TABLE t (k UInt64, v UInt64) ENGINE = MergeTree ORDER BY k")

    def insert(k: int) -> None:
        rows = (1, 10, 1000, 70_000)[k % 4]
        data = pa.table({"k": pa.array([k] * rows, pa.uint64()), "v": pa.array([rows] * rows, pa.uint64())})
        store._sessions.insert_many("t", data)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(insert, range(80)))
    groups = store._sessions.rows("SELECT count(), min(v), max(v) FROM t GROUP BY k")
    assert len(groups) == 80
    assert all(rows == least == most for rows, least, most in groups)


def test_what_the_engine_refuses_is_raised(store: Store) -> None:
    with pytest.raises(QueryError, match="does not exist"):
        store._sessions.insert_many("nowhere", pa.table({"k": pa.array([1])}))
