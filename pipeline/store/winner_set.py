"""The attempts that count, as a set of numbers in memory: asked for millions of facts at once, by a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class WinnerSet:
    """Of write_ids, which are random; 16 to 32 bytes each."""

    def __init__(self, *parts: NDArray[np.uint64]) -> None:
        from kernels import entry
        from kernels.memory import zeroed

        every: Sequence[NDArray[np.uint64]] = [np.ascontiguousarray(part, np.uint64) for part in parts]
        self._bits = max(4, (2 * sum(map(len, every))).bit_length())
        self._table = zeroed(1 << self._bits, np.uint64)
        self._zeros = sum(
            entry.fill_winners(ids.ctypes.data, len(ids), self._table.ctypes.data, self._bits)
            for ids in every
        )

    @property
    def words(self) -> NDArray[np.int64]:
        """What kernels ask for: the table's address, its bits, and the zeros that it does not hold."""
        return np.array([self._table.ctypes.data, self._bits, self._zeros], np.int64)

    def mark(self, write_ids: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """1 for each that is in the set, else 0."""
        from kernels import entry

        ids = np.ascontiguousarray(write_ids, np.uint64)
        found = np.empty(len(ids), np.uint8)
        entry.mark_winners(
            ids.ctypes.data, len(ids), self._table.ctypes.data, self._bits, self._zeros, found.ctypes.data
        )
        return found
