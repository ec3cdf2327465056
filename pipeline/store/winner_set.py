"""The attempts that count, as a set of numbers in memory: asked for millions of facts at once, by a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class WinnerSet:
    """Of write_ids, which are random; 16 to 32 bytes each."""

    def __init__(self, write_ids: NDArray[np.uint64]) -> None:
        from kernels import entry

        ids = np.ascontiguousarray(write_ids, np.uint64)
        self._bits = max(4, (2 * len(ids)).bit_length())
        self._table = np.zeros(1 << self._bits, np.uint64)
        self._zeros = entry.fill_winners(ids.ctypes.data, len(ids), self._table.ctypes.data, self._bits)

    def mark(self, write_ids: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """1 for each that is in the set, else 0."""
        from kernels import entry

        ids = np.ascontiguousarray(write_ids, np.uint64)
        found = np.empty(len(ids), np.uint8)
        entry.mark_winners(
            ids.ctypes.data, len(ids), self._table.ctypes.data, self._bits, self._zeros, found.ctypes.data
        )
        return found
