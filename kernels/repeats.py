"""Ledger rows that share a minute of a stream: tells pipeline.store whether winners need to be sought."""

from __future__ import annotations

import numpy as np

from kernels.words import load8, load32, store8


def count_repeats(stream, minute, state, n, streams, first, width, seen):  # type: ignore[no-untyped-def]
    """How many of n rows are not the first of their minute and stream; -1 - the place of a row that is of none.

    With states, how many find their minute in another state than theirs. Addresses: stream, minute: uint32[n]; state:
    uint8[n] of values below 8, or 0; seen: uint8[width, streams], zeros, minutes counted from `first`: rows lie minute
    by minute. There a bit is set for each state that was found, or the lowest.
    """
    repeats = 0
    for i in range(n):
        place = np.int64(load32(stream + 4 * i))
        at = np.int64(load32(minute + 4 * i)) - first
        if place >= streams or at < 0 or at >= width:
            return -1 - i
        at = seen + at * streams + place
        was = load8(at)
        bit = 1
        if state == 0:
            repeats += was
        else:
            bit = 1 << (load8(state + i) & 7)
            repeats += (was & ~bit) != 0
        store8(at, was | bit)
    return repeats
