"""What the feeds of a watch have for the engine, until it is taken up: lines put by many threads, taken by one."""

from __future__ import annotations

import threading
from typing import Any


class Inbox:
    """Lines of evidence in the order in which they were put; `wake` is set while there may be something new."""

    def __init__(self) -> None:
        self.wake = threading.Event()
        self._lines: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def put(self, lines: list[dict[str, Any]]) -> None:
        """Adds lines, and wakes who waits for them."""
        if lines:
            with self._lock:
                self._lines += lines
            self.wake.set()

    def take(self) -> list[dict[str, Any]]:
        """All of them; they are the caller's from then on."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines

    def give_back(self, lines: list[dict[str, Any]]) -> None:
        """What could not be taken up comes first again."""
        with self._lock:
            self._lines = lines + self._lines
