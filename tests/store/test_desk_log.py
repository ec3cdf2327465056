"""The desk's log: appended once a key, in order without holes, by several at once; what decides is asked with all."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.store.desk_log import DeskRow

if TYPE_CHECKING:
    from pipeline.store import Store


def _row(key: str, at: float = 1_000.25) -> DeskRow:
    return DeskRow(at, at + 1, "received", "anna", key, '{"text": "Почему?"}', "1", "c1")


def test_what_is_appended_is_read_back(store: Store) -> None:
    written = store.desk.append(lambda _: [_row("a"), _row("b"), _row("a")])
    assert [(row.seq, row.key) for row in written] == [(1, "a"), (2, "b")]
    assert store.desk.events() == written
    assert store.desk.events(1) == written[1:]
    assert store.desk.end() == 2


def test_a_key_is_there_once(store: Store) -> None:
    store.desk.append(lambda _: [_row("a")])
    assert store.desk.append(lambda _: [_row("a")]) == []
    assert [row.key for row in store.desk.append(lambda _: [_row("a"), _row("b")])] == ["b"]
    assert [row.seq for row in store.desk.events()] == [1, 2]


def test_what_decides_sees_what_is_there_and_its_error_writes_nothing(store: Store) -> None:
    store.desk.append(lambda _: [_row("a")])

    def refuse(known: list[DeskRow]) -> list[DeskRow]:
        assert [row.key for row in known] == ["a"]
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.desk.append(refuse)
    assert store.desk.end() == 1


def test_several_at_once_number_what_they_count(store: Store) -> None:
    """Each of them takes the number after those that it sees, as requests are numbered: none is given twice."""

    def number() -> None:
        for _ in range(5):
            store.desk.append(lambda known: [_row(f"r{len(known) + 1}")])

    threads = [threading.Thread(target=number) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [row.key for row in store.desk.events()] == [f"r{n}" for n in range(1, 16)]
