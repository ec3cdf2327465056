"""Where lines end, and what every scanner does with a line before it looks inside."""

from __future__ import annotations

import numpy as np

from kernels.layout import BAD, BAD_ROOM, BAD_USED, BATCH, MALFORMED
from kernels.options import inner, outer
from kernels.simd import bump, equal_mask, get, put, trailing_zeros

U = np.uint64


@inner
def find_line_ends(address, begin, end, ends):  # type: ignore[no-untyped-def]
    """Places of the next newlines in [begin, end) of the block, at most BATCH; how many. ends: address of
    int64[BATCH + 64].

    The first newline of 64 bytes is written without asking whether there is one; at usual line lengths that saves the
    branch that would be guessed wrong.
    """
    n = 0
    place = begin
    while place < end and n < BATCH:
        mask = equal_mask(address + place, 10)
        if end - place < 64:
            mask &= (U(1) << U(end - place)) - U(1)
        put(ends, n, place + trailing_zeros(mask))
        n += 1 if mask != U(0) else 0
        mask &= mask - U(1)
        while mask != U(0):
            put(ends, n, place + trailing_zeros(mask))
            n += 1
            mask &= mask - U(1)
        place += 64
    return min(n, BATCH)


@outer
def note_bad(tables, state, offset, reason):  # type: ignore[no-untyped-def]
    """Count a malformed line, and keep where and why while there is room."""
    bump(state, MALFORMED, 1)
    used = get(state, BAD_USED)
    if used < get(tables, BAD_ROOM):
        put(get(tables, BAD), 2 * used, offset)
        put(get(tables, BAD), 2 * used + 1, reason)
        put(state, BAD_USED, used + 1)
