"""Sums of usage into minutes: from rows of pipeline.rating.usage to the cube that pipeline.rating.meter reads."""

from __future__ import annotations

import numpy as np

from kernels.words import get, load8, load32, load64, put, store64


def sum_minutes(minute, line, wanted, values, n, first, width, cube):  # type: ignore[no-untyped-def]
    """Add n values to a cube of minutes; how many sums passed 2^64. Minutes out of [first, first + width) are left.

    Addresses: minute, line: uint32[n], a minute and the line of the cube; wanted: uint8[n], 0 for rows that are left;
    values: uint64[n]; cube: uint64[lines, width].
    """
    over = np.int64(0)
    for i in range(n):
        at = np.int64(load32(minute + 4 * i)) - first
        if at < 0 or at >= width or load8(wanted + i) == 0:
            continue
        place = cube + 8 * (np.int64(load32(line + 4 * i)) * width + at)
        before = load64(place)
        after = before + load64(values + 8 * i)
        store64(place, after)
        over += np.int64(after < before)
    return over


def pool_samples(cube, lines, width, per, offset, samples, out):  # type: ignore[no-untyped-def]
    """Sums of `per` minutes each, from the minute `offset` on; how many passed 2^64. A last one may be shorter.

    Addresses: cube: uint64[lines, width]; out: uint64[lines, samples].
    """
    over = np.int64(0)
    for row in range(lines):
        for i in range(samples):
            total = np.uint64(0)
            for j in range(offset + i * per, min(offset + (i + 1) * per, width)):
                value = np.uint64(get(cube, row * width + j))
                total += value
                over += np.int64(total < value)
            put(out, row * samples + i, total)
    return over
