"""Hands evidence on from a thread of its own: a slow store never delays a probe, and one that fails gets it again."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from incidents.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable

CAPACITY = 100_000
GATHER_S = 0.2
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 5.0
"""A store that is back gets what waits soon: somebody is hurt meanwhile, and an engine waits for the second look."""

TELL_AGAIN_S = 60.0
"""That they wait is told once, and so often where it goes on for the same reason."""


class Outbox:
    """Lines that wait to be handed on, in order; beyond its capacity the oldest go, which is told."""

    def __init__(self, emit: Callable[[list[dict[str, Any]]], None], told: Callable[[str], None]) -> None:
        self._emit, self._told = emit, told
        self._lines: deque[dict[str, Any]] = deque()
        self._lock, self._woken, self._stop = threading.Lock(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._dropped = 0
        self._in_hand = 0
        self._complaint, self._complained_at = "", 0.0

    def put(self, line: dict[str, Any] | None) -> None:
        """One line, or none; never waits."""
        if line is None:
            return
        with self._lock:
            self._lines.append(line)
            if len(self._lines) > CAPACITY:
                self._lines.popleft()
                self._dropped += 1
        self._woken.set()

    def start(self) -> None:
        """Hand on from now on."""
        self._thread = threading.Thread(target=self._work, name="probe evidence", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Hand on what waits, once, and end; what nobody takes in time is given up, and told."""
        self._stop.set()
        self._woken.set()
        if self._thread is None:
            return
        self._thread.join(timeout_s)
        with self._lock:
            left = len(self._lines) + self._in_hand
        if left:
            self._given_up(left)

    def _work(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            self._woken.wait()
            ending = self._stop.wait(GATHER_S)  # probes end in swarms: one insert for all of them
            self._woken.clear()
            if self.flush():
                wait_s = FIRST_WAIT_S
            elif not ending:
                self._stop.wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                self._woken.set()
            if ending:
                return

    def flush(self) -> bool:
        """Hand on all that waits; False where it was not taken, and still waits."""
        with self._lock:
            lines, dropped = list(self._lines), self._dropped
            self._lines.clear()
            self._dropped, self._in_hand = 0, len(lines)
        if dropped:
            self._given_up(dropped)
        if not lines:
            return True
        try:
            self._emit(lines)
        except Exception as error:  # the store may come back; what was seen must not be lost
            self._complain(len(lines), str(error))
            with self._lock:
                self._lines.extendleft(reversed(lines))
                self._in_hand = 0
            return False
        with self._lock:
            self._in_hand = 0
        if self._complaint:
            self._complaint = ""
            self._told(f"{counted(len(lines), 'result')} of probes handed on")
        return True

    def _given_up(self, count: int) -> None:
        self._told(f"{counted(count, 'result')} of probes given up: the store did not take them in time")

    def _complain(self, count: int, why: str) -> None:
        now = time.monotonic()
        if why != self._complaint or now - self._complained_at >= TELL_AGAIN_S:
            self._complaint, self._complained_at = why, now
            self._told(f"{counted(count, 'result')} of probes waiting: {why}")
