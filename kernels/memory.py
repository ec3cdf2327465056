"""Arrays as kernels want them: zeroed, aligned to cache lines, padded, and large ones on large pages."""

from __future__ import annotations

import math
import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.layout import PAD

_LARGE = 2 << 20


def zeroed(shape: int | tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """A zeroed array with PAD readable bytes before and behind it.

    From 2 MiB on it lies on huge pages where the system has them: with small ones a table of groups misses the
    TLB at every line (1.4 GB/s instead of 2.1). Pages are handed out by the system as they are first touched.
    """
    count = shape if isinstance(shape, int) else math.prod(shape)
    size = count * np.dtype(dtype).itemsize
    if size < _LARGE:
        raw = np.zeros(size + 2 * PAD + 64, np.uint8)
        start = PAD + -(raw.ctypes.data + PAD) % 64
    else:
        memory = mmap.mmap(-1, size + _LARGE + 2 * PAD, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            memory.madvise(mmap.MADV_HUGEPAGE)
        raw = np.frombuffer(memory, np.uint8)
        start = PAD + -(raw.ctypes.data + PAD) % 4096
    return raw[start : start + size].view(dtype).reshape(shape)
