"""Orders the rows of many segments as facts lie in the store: counting sorts, one a key, the last key first."""

from __future__ import annotations

import numpy as np

from kernels.options import inner
from kernels.words import (
    bump,
    get,
    load32,
    load64,
    put,
    store32,
    store64,
)


@inner
def _sum_before(counts, length):  # type: ignore[no-untyped-def]
    total = np.int64(0)
    for i in range(length):
        here = get(counts, i)
        put(counts, i, total)
        total += here


@inner
def _clear(counts, length):  # type: ignore[no-untyped-def]
    for i in range(length):
        put(counts, i, 0)


def sort_rows(resource, minute, n, first_minute, order, counts, length):  # type: ignore[no-untyped-def]
    """The stable order of n rows by (resource, minute); rows that agree in both stay as they came.

    Addresses: resource, minute: uint32[n], resources below `length`, minutes from `first_minute` on and less than
    `length` later. order: int64[2, n], the result in order[0]. counts: int64[length], scratch.
    """
    _clear(counts, length)
    for i in range(n):
        bump(counts, np.int64(load32(minute + 4 * i)) - first_minute, 1)
    _sum_before(counts, length)
    for i in range(n):
        key = np.int64(load32(minute + 4 * i)) - first_minute
        put(order, n + get(counts, key), i)
        bump(counts, key, 1)
    _clear(counts, length)
    for i in range(n):
        bump(counts, np.int64(load32(resource + 4 * i)), 1)
    _sum_before(counts, length)
    for i in range(n):
        row = get(order, n + i)
        key = np.int64(load32(resource + 4 * row))
        put(order, get(counts, key), row)
        bump(counts, key, 1)
    return n


def gather_rows(order, n, resource, minute, segment, sums, to_resource, to_minute, to_segment, to_sums):  # type: ignore[no-untyped-def]
    """Put n rows into an order: uint32[n] three times, uint64[6, n]; a row is read once for all its columns.

    Sums are read where each segment has them, which spares a copy of the largest columns. sums: int64[segments, 2], of
    each segment the address of its uint64[6, rows], less 8 bytes for every row of the segments before, and its rows.
    """
    for i in range(n):
        row = get(order, i)
        of = np.int64(load32(segment + 4 * row))
        store32(to_resource + 4 * i, np.int64(load32(resource + 4 * row)))
        store32(to_minute + 4 * i, np.int64(load32(minute + 4 * row)))
        store32(to_segment + 4 * i, of)
        at, rows = get(sums, 2 * of) + 8 * row, 8 * get(sums, 2 * of + 1)
        for j in range(6):
            store64(to_sums + 8 * (j * n + i), load64(at + j * rows))
    return n
