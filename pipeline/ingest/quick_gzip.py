"""Unpacks sound gzip files straight into the caller's memory; whatever is not sound, it hands to the careful Unpacker.

ISA-L's reader writes where it is told, while its decompressor object makes bytes that must be copied: 3.9 instead of
4.3 s a 4 GiB. But it tells neither where a fault is nor what could be read before it, and knows no limits. At the first
doubt the file is read again from its start by `pipeline.ingest.unpack`, and all that is reported comes from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipeline.ingest.errors import ContentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.ingest.decoders import Codec
    from pipeline.ingest.unpack import Limits


class Packed(Protocol):
    """A packed file at its start, which can be read again. `packed` counts the bytes read."""

    packed: int

    def read(self, view: memoryview) -> int:
        """Fill the view; 0 at the end."""

    def rewind(self) -> None:
        """Go back to the start, and count from 0."""


class Unpacking(Protocol):
    """What the careful way looks like."""

    def readinto(self, view: memoryview) -> int:
        """Fill the view; 0 is the good end, a bad one raises."""


class QuickGzip:
    """`careful` makes an Unpacker over the file, from its start."""

    def __init__(
        self,
        codec: Codec,
        file: Packed,
        limits: Limits,
        careful: Callable[[], Unpacking],
        chunk: int,
    ) -> None:
        self._reader = codec.quick(_File(file), chunk)
        self._file = file
        self._limits = limits
        self._make_careful = careful
        self._careful: Unpacking | None = None
        self._out = 0

    def readinto(self, view: memoryview) -> int:
        """As Unpacker.readinto."""
        if self._careful is None:
            room = self._limits.ceiling(self._file.packed) - self._out
            count = self._try(view[:room]) if room > 0 else None
            if count is not None:
                return count
            self._careful = self._begin_again(view)
        return self._careful.readinto(view)

    def _try(self, view: memoryview) -> int | None:
        try:
            count: int = self._reader.readinto(view)
        except ContentError:
            raise
        except Exception:
            return None  # where the fault is, and after what, the careful one finds out
        self._out += count
        return count if count or self._out else None  # a file without any content may be cut

    def _begin_again(self, scratch: memoryview) -> Unpacking:
        """The careful way, behind what was handed out already; its memory is overwritten, for nobody has it yet."""
        self._file.rewind()
        careful, left = self._make_careful(), self._out
        while left:
            # The same bytes came out before, so neither a fault nor the end can be among them.
            left -= careful.readinto(scratch[:left]) or left
        return careful


class _File:
    """A packed file with the methods that isal looks for."""

    def __init__(self, file: Packed) -> None:
        self._file = file

    def readinto(self, view: memoryview) -> int:
        """As the file's own."""
        return self._file.read(view)

    def read(self, _size: int = -1) -> bytes:
        """Only asked after, never called."""
        raise NotImplementedError
