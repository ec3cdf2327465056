"""Hands messages to channels: one after the other, or in threads so that a channel that hangs holds up no
other; the answers come back to the caller of `finished`."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from incidents.channels.model import Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AT_ONCE = 16
PATIENCE_S = 2.0
"""How long a step waits for answers; what takes longer answers a later step."""

T = TypeVar("T")


class Sender(Protocol[T]):
    """Takes calls, each with what it is about, and gives their answers."""

    def submit(self, about: T, call: Callable[[], Sent]) -> None:
        """Makes the call now or soon."""

    def finished(self, *, wait: bool = False) -> Iterator[tuple[T, Sent]]:
        """Answers that have not been given out; `wait`: for those under way, in bounded time."""


def called(call: Callable[[], Sent]) -> Sent:
    """A channel's answer; one that breaks its promise and raises is a failure like others."""
    try:
        return call()
    except Exception as error:  # a broken adapter must not stop the others; its text may hold a secret
        return Sent(False, retry=True, error=f"the channel broke: {type(error).__name__}")


class Inline(Generic[T]):
    """One after the other, at once: for tests, and where one step is all."""

    def __init__(self) -> None:
        self._answers: list[tuple[T, Sent]] = []

    def submit(self, about: T, call: Callable[[], Sent]) -> None:
        """Makes it."""
        self._answers.append((about, called(call)))

    def finished(self, *, wait: bool = False) -> Iterator[tuple[T, Sent]]:  # noqa: ARG002 - nothing is under way
        """What was called since the last time."""
        answers, self._answers = self._answers, []
        return iter(answers)


class Threads(Generic[T]):
    """Bounded daemon threads: `at_once` calls under way, the rest in a line; none keeps the process from ending."""

    def __init__(self, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S) -> None:
        self._line: queue.SimpleQueue[tuple[T, Callable[[], Sent]] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[T, Sent]] = queue.SimpleQueue()
        self._under_way = 0
        self._patience_s = patience_s
        self._at_once = at_once
        self._threads: list[threading.Thread] = []

    def submit(self, about: T, call: Callable[[], Sent]) -> None:
        """Puts it in the line."""
        if len(self._threads) < min(self._at_once, self._under_way + 1):
            thread = threading.Thread(target=self._work, name="prebill-send", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._under_way += 1
        self._line.put((about, call))

    def finished(self, *, wait: bool = False) -> Iterator[tuple[T, Sent]]:
        """What has been answered; `wait`: until all is, for as long as a step has patience."""
        until = time.monotonic() + (self._patience_s if wait else 0)
        while self._under_way:
            left = until - time.monotonic()
            try:
                answer = self._answers.get(timeout=left) if left > 0 else self._answers.get_nowait()
            except queue.Empty:
                return
            self._under_way -= 1
            yield answer

    def close(self) -> None:
        """Ends the threads once they have nothing to do; whoever is under way is not waited for."""
        for _ in self._threads:
            self._line.put(None)
        self._threads = []

    def _work(self) -> None:
        while (item := self._line.get()) is not None:
            about, call = item
            self._answers.put((about, called(call)))
