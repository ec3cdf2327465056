"""Stretches of plain files that begin and end between lines, so that threads can share files, and take from one another
what the other has not come to yet."""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.content import Stretch

if TYPE_CHECKING:
    from collections.abc import Iterable

WORTH = 4 << 20
"""Bytes of a plain file that are worth a thread of their own."""

WORTH_TAKING = 1 << 20
"""Bytes that a thread with nothing left to do takes from another: a third of a millisecond's work."""

MOST_LENT = 16 << 20
"""Bytes that a reader has to himself at most, beyond the reach of who would take half: 5 ms of work."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file to be read by one thread, `range` None; or the lines of a plain one that begin in a range."""

    path: str
    range: FileRange | None = None


class FileRange:
    """Bytes [begin, end) of a plain file as content, opened when it is first wanted, closed at its end. Another thread
    may take its second half."""

    def __init__(self, path: str, begin: int, end: int) -> None:
        self._path = path
        self._fd = -1
        self._ended = False
        self._lock = threading.Lock()
        self.begin = begin
        self._at, self._end = begin, end

    @property
    def left(self) -> int:
        """Bytes that are not read yet."""
        return self._end - self._at

    def readinto(self, view: memoryview) -> int:
        """Fill `view` as far as the range goes; how many bytes, 0 at the end."""
        with self._lock:
            start = self._at
            wanted = min(len(view), self._end - start)
            self._at += wanted
            if wanted:
                self._open()
        got = os.preadv(self._fd, [view[:wanted]], start) if wanted else 0
        with self._lock:
            if got < wanted:  # the file has become shorter, or the read was cut
                self._at = start + got
                self._end = self._end if got else self._at
            if not got:
                self._close()
        return got

    def lend(self) -> Stretch | None:
        """A stretch that the caller reads by himself; none near the end, where the last bytes are worth sharing."""
        with self._lock:
            wanted = min(MOST_LENT, self.left // 4)
            if self._ended or wanted < WORTH_TAKING:
                return None
            self._open()
            begin = self._at
            self._at += wanted
        return Stretch(self._fd, begin, wanted)

    def give_back(self, count: int) -> None:
        """So many bytes of the last stretch were not read: the file has become shorter, or cannot be read."""
        with self._lock:
            self._at -= count

    def _open(self) -> None:
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)

    def _close(self) -> None:
        self._ended = True
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def give_half(self) -> FileRange | None:
        """The second half of what is left, from now on another's; None where it is not worth it."""
        with self._lock:
            if self._ended or self.left < 2 * WORTH_TAKING:
                return None
            self._open()
            half = next_line(self._fd, self._at + self.left // 2, self._end)
            if half >= self._end:
                return None
            given = FileRange(self._path, half, self._end)
            self._end = half
        return given


class Shares:
    """Parts for threads that ask for the next one; who finds none left takes half of the largest that others read."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = deque(parts)
        self._lock = threading.Lock()
        self._begun: list[Part] = []

    def take(self) -> Part | None:
        """A part that nobody else reads, None when nothing is left that is worth it."""
        with self._lock:
            part = self._parts.popleft() if self._parts else self._half()
            if part is not None and part.range is not None:
                self._begun.append(part)
            return part

    def _half(self) -> Part | None:
        """Half of what the slowest has left."""
        largest = max(self._begun, key=lambda part: part.range.left if part.range else 0, default=None)
        if largest is None or largest.range is None:
            return None
        given = largest.range.give_half()
        return None if given is None else Part(largest.path, given)


def next_line(fd: int, place: int, size: int) -> int:
    """Where the first line begins that does not begin before `place`; `size` where there is none."""
    if place == 0:
        return 0
    place -= 1
    while place < size:
        chunk = os.pread(fd, 1 << 16, place)
        found = chunk.find(b"\n")
        if found >= 0:
            return place + found + 1
        if not chunk:
            break
        place += len(chunk)
    return size
