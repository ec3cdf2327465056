"""Threads that do tasks together."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from pipeline.crew import Crew


@pytest.mark.parametrize("size", [1, 2, 3])
def test_all_tasks_are_done_and_answers_are_in_their_order(size: int) -> None:
    def make(number: int) -> int:
        return number * number

    with Crew(size) as crew:
        for count in (0, 1, 2, 7):
            assert crew.do([partial(make, i) for i in range(count)]) == [i * i for i in range(count)]


def test_tasks_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=10)
    with Crew(3) as crew:
        assert sorted(crew.do([meeting.wait] * 3)) == [0, 1, 2]


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("bad", [0, 1, 4])
def test_the_fault_of_a_task_comes_out_when_all_have_ended(size: int, bad: int) -> None:
    running: set[int] = set()

    def task(number: int) -> None:
        running.add(number)
        try:
            if number == bad:
                raise KeyError(number)
        finally:
            running.discard(number)

    with Crew(size) as crew:
        with pytest.raises(KeyError, match=str(bad)):
            crew.do([partial(task, i) for i in range(5)])
        assert not running
        assert crew.do([lambda: 1, lambda: 2]) == [1, 2]
