"""ISA-L's inflate as C functions, out of the library that the isal package brings.

The package's own classes come back to Python for every piece; kernels.unpack calls the functions from where the bytes
are wanted. Their names and the fields of their state are ISA-L's public interface, but the package does not promise
that it shows them: so they are tried once, and who does without them is only slower.
"""

from __future__ import annotations

import ctypes
import functools
import gzip
import os
import tempfile
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kernels import entry
from kernels import layout as at
from kernels.memory import zeroed

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUT = 128 << 10
"""Packed bytes read at a time; 64 KiB to 1 MiB take the same time within 1 %."""


@dataclass(frozen=True, slots=True)
class Functions:
    """Addresses of isal_inflate_init, isal_inflate_reset and isal_inflate."""

    init: int
    reset: int
    inflate: int


class Inflater:
    """What unpacking one file needs. `packed`: int64[PACKED_SIZE], as kernels.layout tells."""

    def __init__(self) -> None:
        self._state: NDArray[np.uint8] = zeroed(at.INFLATE_STATE_BYTES, np.uint8)
        self._input: NDArray[np.uint8] = zeroed(INPUT, np.uint8)
        self.packed: NDArray[np.int64] = zeroed(at.PACKED_SIZE, np.int64)
        self.address = self.packed.ctypes.data
        self._fixed = self._state.ctypes.data, self._input.ctypes.data
        self._crc_flag = self._state[at.I_CRC_FLAG :].view(np.uint32)[:1]

    def begin(self, functions: Functions, fd: int, start: int) -> None:
        """From the `start`-th byte of an open file on."""
        state, room = self._fixed
        _INIT(functions.init)(state)
        self._crc_flag[0] = at.I_GZIP
        self.packed[:] = functions.inflate, functions.reset, state, fd, start, room, INPUT, 0

    @property
    def at(self) -> int:
        """Where in the file the next byte is read."""
        return int(self.packed[at.U_AT])

    def unpack(self, target: int, room: int) -> int:
        """Fill up to `room` bytes at an address; how many, 0 at the good end, -1 where the file is not sound."""
        return entry.unpack_some(self.address, target, room)


_INIT = ctypes.CFUNCTYPE(None, ctypes.c_int64)
_FREE: deque[Inflater] = deque()


def take_inflater() -> Inflater:
    """One that nobody uses."""
    try:
        return _FREE.pop()
    except IndexError:
        return Inflater()


def free_inflater(inflater: Inflater) -> None:
    """Give it to whoever comes next."""
    _FREE.append(inflater)


@functools.cache
def find_functions() -> Functions | None:
    """ISA-L's functions, None where they are not there or not as expected."""
    from isal import isal_zlib

    try:
        library = ctypes.CDLL(isal_zlib.__file__)
        names = ("isal_inflate_init", "isal_inflate_reset", "isal_inflate")
        addresses = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in names]
        functions = Functions(*addresses)
        return functions if _works(functions) else None
    except (OSError, AttributeError):  # no library, no such name, no temporary file to try them on
        return None


def _works(functions: Functions) -> bool:
    """Whether they unpack two members, see a wrong checksum, and leave their state as kernels.layout lays it out."""
    content = os.urandom(20_000) + b"a line of a log\n" * 5_000
    packed = gzip.compress(content, 1)
    wrong = packed[:-8] + bytes(4) + packed[-4:]
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(packed + packed + wrong)
        sound = _unpack_all(functions, file.fileno(), 0, 2 * len(content))
        unsound = _unpack_all(functions, file.fileno(), 2 * len(packed), len(content) + 1)
    return sound == content + content and unsound is None


def _unpack_all(functions: Functions, fd: int, start: int, room: int) -> bytes | None:
    """What comes out at once; None where the file is not sound."""
    out: NDArray[np.uint8] = zeroed(room, np.uint8)
    inflater = Inflater()
    inflater.begin(functions, fd, start)
    got = inflater.unpack(out.ctypes.data, room)
    return None if got < 0 else out[:got].tobytes()
