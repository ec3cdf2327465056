"""Two batches on their way at a time never settle the same numbers side by side, and never wait for each other."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from pipeline.flow_ledger import BatchLedger, Numbers, SharedLedger
from pipeline.model import Origin, Sequence, SequenceUnit
from tests.flow.standin import MemoryStore

S, OTHER = ("e1", "access"), ("e2", "access")
N: Numbers = ("e1", "access", "x")


@dataclass
class Asked(MemoryStore):
    """Counts questions."""

    questions: list[str] = field(default_factory=list)

    def neighbours(self, *numbers: Any) -> Any:
        self.questions.append("neighbours")
        return super().neighbours(*numbers)

    def winners(self, segment_ids: Any) -> Any:
        self.questions.append("winners")
        return super().winners(segment_ids)


def in_thread(work: Any) -> threading.Event:
    """An event that is set when `work` is done."""
    done = threading.Event()

    def run() -> None:
        work()
        done.set()

    threading.Thread(target=run, daemon=True).start()
    return done


def enter(ledger: BatchLedger, first: int, after: int, stream: Any = S) -> None:
    ledger.enter(stream, {(*stream, "x"): ((first, after),)})


SHORT_S = 0.2
"""How long to look whether somebody still waits; that he goes on in time is waited for as long as it takes."""


def test_the_second_waits_until_the_first_has_settled_the_stream() -> None:
    ledger = SharedLedger(MemoryStore())
    one, two = ledger.begin([S], []), ledger.begin([S, OTHER], [])
    enter(two, 0, 9, OTHER)
    done = in_thread(lambda: enter(two, 10, 20))
    assert not done.wait(SHORT_S)
    enter(one, 0, 10)
    assert not done.wait(SHORT_S)
    one.leave(S)
    assert done.wait(30)


def test_where_numbers_meet_it_waits_until_the_first_is_in_the_ledger(entry: Any) -> None:
    store = MemoryStore()
    ledger = SharedLedger(store)
    one, two = ledger.begin([S], []), ledger.begin([S], [])
    enter(one, 0, 10)
    one.leave(S)
    done = in_thread(lambda: enter(two, 9, 20))
    assert not done.wait(SHORT_S)
    committed = entry(
        origin=Origin("e1", "access", 5), sequence=Sequence(SequenceUnit.LINE, "x", 0, 10), write_id=7
    )
    store.commit([committed])
    ledger.finish(one.ticket, [committed])
    assert done.wait(30)
    assert [e.write_id for e in two.neighbours(N, [(9, 20)])] == [7]


@pytest.mark.parametrize("way", ["finish", "fail"])
def test_a_batch_that_is_over_is_in_nobodys_way(way: str) -> None:
    ledger = SharedLedger(MemoryStore())
    one, two = ledger.begin([S], []), ledger.begin([S], [])
    if way == "finish":
        enter(one, 0, 10)
    done = in_thread(lambda: enter(two, 5, 20))
    assert not done.wait(SHORT_S)
    ledger.finish(one.ticket, [])
    assert done.wait(30)


def test_the_first_never_waits_for_the_second() -> None:
    ledger = SharedLedger(MemoryStore())
    one, two = ledger.begin([OTHER], []), ledger.begin([S], [])
    enter(two, 0, 10)

    def settle() -> None:
        enter(one, 0, 10, OTHER)
        one.extend(N, [(5, 6)])

    done = in_thread(settle)
    assert done.wait(30)


def test_what_settling_drags_in_is_waited_for_too() -> None:
    ledger = SharedLedger(MemoryStore())
    one, two = ledger.begin([S], []), ledger.begin([S], [])
    enter(one, 0, 10)
    one.leave(S)
    enter(two, 20, 30)
    done = in_thread(lambda: two.extend(N, [(8, 20)]))
    assert not done.wait(SHORT_S)
    ledger.finish(one.ticket, [])
    assert done.wait(30)


def test_the_store_is_asked_only_where_something_may_be_found(entry: Any) -> None:
    store = Asked()
    store.commit([entry(origin=Origin("e1", "access", 5), sequence=Sequence(SequenceUnit.LINE, "x", 0, 10))])
    ledger = SharedLedger(store)
    batch = ledger.begin([S], [])
    assert batch.neighbours(N, [(10, 20)]) == []
    assert batch.neighbours(("e1", "access", "y"), [(0, 20)]) == []
    assert batch.winners([1, 2, 3]) == {}
    assert store.questions == []
    assert len(batch.neighbours(N, [(9, 20)])) == 1
    again = entry(origin=Origin("e1", "access", 6), sequence=Sequence(SequenceUnit.LINE, "x", 10, 30))
    store.commit([again])
    ledger.finish(batch.ticket, [again])
    later = ledger.begin([S], [again.segment_id])
    assert len(later.neighbours(N, [(29, 31)])) == 1
    assert list(later.winners([again.segment_id, 5])) == [again.segment_id]
