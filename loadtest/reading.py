"""Reading an array and nothing else, as fast as a core can: what a kernel that is bound by memory is held against.

Data come from a benchmark, seconds go back there; the sums are thrown away.
"""

# ruff: noqa: ARG001 -- numba's intrinsics are given what their code does not need

from __future__ import annotations

import ctypes
import functools
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_TURN = 256
"""Bytes of a turn of the loop: four vectors, and one sum of them to memory."""


@functools.cache
def _compiled() -> tuple[Callable[..., int], object]:
    """Sums `size` bytes at an address, a multiple of _TURN, into 64 bytes at another; and what its code lives in."""
    import numba
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from kernels.words import I64, load, pointer, prefetch

    vector = ir.VectorType(I64, 8)

    @intrinsic  # type: ignore[untyped-decorator]
    def add_turn(typingctx: Any, address: Any, sums: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            total = load(builder, args[1], vector)
            for i in range(0, _TURN, 64):
                total = builder.add(total, load(builder, builder.add(args[0], I64(i)), vector))
            builder.store(total, pointer(builder, args[1], vector), align=1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    def read(address, size, sums):  # type: ignore[no-untyped-def]
        for i in range(0, size, _TURN):
            # asking 4 to 70 KiB ahead gains up to 3 %, or nothing
            for line in range(0, _TURN, 64):
                prefetch(address + i + line + 16_384)
            add_turn(address + i, sums)
        return size

    code = numba.cfunc(types.int64(types.int64, types.int64, types.int64), nopython=True)(read)
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 3)(code.address), code


def read_all(values: NDArray[Any], threads: int) -> NDArray[np.int64]:
    """Read a contiguous array, a part in each thread; the sums of what was read."""
    read, _ = _compiled()
    turns = values.nbytes // _TURN
    sums = np.zeros((threads, 8), np.int64)

    def part(number: int, first: int, after: int) -> None:
        read(values.ctypes.data + first * _TURN, (after - first) * _TURN, sums[number].ctypes.data)

    spans = pairwise(turns * i // threads for i in range(threads + 1))
    with Crew(threads) as crew:
        crew.do([functools.partial(part, number, *span) for number, span in enumerate(spans)])
    return sums
