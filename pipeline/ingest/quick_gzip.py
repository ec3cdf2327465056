"""Unpacks sound gzip files straight into the caller's memory; whatever is not sound, it hands to the careful Unpacker.

The quick way (pipeline.ingest.inflate) tells neither where a fault is nor what could be read before it. At the first
doubt the file is read again from its start by `pipeline.ingest.unpack`, and all that is reported comes from there.
Against isal's own reader of files, which comes back to Python for every piece, a gzip log is counted in 5 % less time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from pipeline.content import Stretch
from pipeline.ingest.inflate import free_inflater, take_inflater

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.ingest.inflate import Functions
    from pipeline.ingest.unpack import Limits

MOST_LENT = 16 << 20
"""Unpacked bytes that a reader gets for himself at a time: 15 ms of work, before progress is told and limits are asked
again."""


class Unpacking(Protocol):
    """What the careful way looks like."""

    def readinto(self, view: memoryview) -> int:
        """Fill the view; 0 is the good end, a bad one raises."""


class QuickGzip:
    """`size` bytes of an open file from `start` on. `careful` makes an Unpacker over the same."""

    def __init__(
        self,
        functions: Functions,
        fd: int,
        start: int,
        size: int,
        limits: Limits,
        careful: Callable[[], Unpacking],
    ) -> None:
        self._inflater = take_inflater()
        self._inflater.begin(functions, fd, start)
        self._start, self._size = start, size
        self._limits = limits
        self._make_careful = careful
        self._careful: Unpacking | None = None
        self._out = 0

    @property
    def packed(self) -> int:
        """Packed bytes read the quick way."""
        return self._inflater.at - self._start

    def readinto(self, view: memoryview) -> int:
        """As Unpacker.readinto."""
        if self._careful is None:
            room = min(len(view), self._limits.ceiling(self.packed) - self._out)
            count = self._inflater.unpack(_address(view), room) if room > 0 else -1
            # where a fault is, and after what, the careful one finds out; a file without any content may be cut
            if count > 0 or (count == 0 and self._out):
                self._out += count
                return count
            self._careful = self._begin_again(view)
        return self._careful.readinto(view)

    def lend(self) -> Stretch | None:
        """What comes next, for who unpacks it himself; None where the end is near, and where it is not sound."""
        room = min(MOST_LENT, self._limits.ceiling(self.packed) - self._out)
        if self._careful is not None or room <= 0 or self.packed >= self._size:
            return None
        self._out += room
        return Stretch(-1, 0, room, self._inflater.address)

    def give_back(self, count: int) -> None:
        """So many bytes of the stretch did not come."""
        self._out -= count

    def close(self) -> None:
        """Leave what unpacks to others; nothing can be read any more."""
        free_inflater(self._inflater)
        del self._inflater

    def _begin_again(self, scratch: memoryview) -> Unpacking:
        """The careful way, behind what was handed out already; its memory is overwritten, for nobody has it yet."""
        careful, left = self._make_careful(), self._out
        while left:
            # The same bytes came out before, so neither a fault nor the end can be among them.
            left -= careful.readinto(scratch[:left]) or left
        return careful


def _address(view: memoryview) -> int:
    return int(np.frombuffer(view, np.uint8).ctypes.data)
