"""`Store.query`, a user's own question: it reads what is in the store and reaches nothing else, on every kind of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.store import QueryError
from tests.store.cases import write
from tests.store.questions import FORBIDDEN, NEVER_WRITTEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.model import Origin
    from pipeline.store import Store

REFUSED = (164, 358, 62)
"""Read-only; no INTO OUTFILE; or no SQL at all, where the question ends in words that no format may follow."""


def test_a_question_cannot_reach_outside(store: Store, origin: Callable[[int], Origin]) -> None:
    write(store, origin(0), 1, 5)
    passed = {}
    for sql in FORBIDDEN:
        try:
            passed[sql] = str(store.query(sql))[:200]
        except QueryError as error:
            if error.code not in REFUSED:
                passed[sql] = f"{error.code}: {error}"
    assert passed == {}
    assert not NEVER_WRITTEN.exists()
    assert store.totals(store.cut())["requests"] == 5


def test_a_question_can_read(store: Store, origin: Callable[[int], Origin]) -> None:
    write(store, origin(0), 1, 5)
    assert store.query("SELECT requests FROM usage").to_pydict() == {"requests": [5]}
    assert store.query("/* of all */ (SELECT 1 AS a) UNION ALL SELECT 2").num_rows == 2
    found = store.query("WITH 10 AS n SELECT edge FROM segments WHERE lines = {n:UInt64}", {"n": 10})
    assert found["edge"].to_pylist() == ["e1"]
    assert store.query("SHOW TABLES").num_rows > 5
    assert store.query("DESCRIBE TABLE usage").num_rows == 10
    assert store.query("EXPLAIN SELECT 1").num_rows > 0
    assert store.query("EXISTS TABLE facts").num_rows == 1
    assert store.query("SELECT sum(number) AS n FROM numbers(10)").to_pydict() == {"n": [45]}
    assert store.query("SELECT 'file(' AS a, 'x' AS url").to_pylist() == [{"a": "file(", "url": "x"}]


def test_what_is_no_sql_is_told_in_the_engines_words(store: Store) -> None:
    with pytest.raises(QueryError, match="nope") as caught:
        store.query("SELECT nope FROM facts")
    assert caught.value.code == 47
    with pytest.raises(QueryError, match=r"(?i)syntax error") as caught:
        store.query("SELECT FROM WHERE")
    assert caught.value.code == 62
