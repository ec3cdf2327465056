"""A stretch of a plain file that begins and ends between lines, so that threads can share a file."""

from __future__ import annotations

import os


class FileRange:
    """Bytes [begin, end) of a file as content; the file is closed at the end."""

    def __init__(self, path: str, begin: int, end: int) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._at, self._end = begin, end

    def readinto(self, view: memoryview) -> int:
        """Fill `view` as far as the range goes; how many bytes, 0 at the end."""
        if self._fd < 0:
            return 0
        got = os.preadv(self._fd, [view[: self._end - self._at]], self._at) if self._at < self._end else 0
        self._at += got
        if not got:
            os.close(self._fd)
            self._fd = -1
        return got


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
