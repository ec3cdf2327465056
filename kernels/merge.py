"""Orders the rows of many segments as facts lie in the store: counting sorts, one a key, the last key first."""

from __future__ import annotations

import numpy as np

from kernels.options import inner, jit


def _sort_rows(resource, minute, first_minute, order, counts):  # type: ignore[no-untyped-def]
    """The stable order of rows by (resource, minute); rows that agree in both stay as they came.

    resource: uint32[n], below len(counts); minute: uint32[n], from `first_minute` on, less than len(counts) later.
    order: int64[2, n], the result in order[0]. counts: int64, scratch.
    """
    n = resource.shape[0]
    counts[:] = 0
    for i in range(n):
        counts[np.int64(minute[i]) - first_minute] += 1
    _sum_before(counts)
    for i in range(n):
        key = np.int64(minute[i]) - first_minute
        order[1, counts[key]] = i
        counts[key] += 1
    counts[:] = 0
    for i in range(n):
        counts[np.int64(resource[i])] += 1
    _sum_before(counts)
    for i in range(n):
        row = order[1, i]
        key = np.int64(resource[row])
        order[0, counts[key]] = row
        counts[key] += 1


@inner
def _sum_before(counts):  # type: ignore[no-untyped-def]
    total = np.int64(0)
    for i in range(counts.shape[0]):
        here = counts[i]
        counts[i] = total
        total += here


def _gather_rows(order, resource, minute, segment, sums, out_resource, out_minute, out_segment, out_sums):  # type: ignore[no-untyped-def]
    """Put rows into an order: uint32[n] three times, uint64[6, n]; a row is read once for all its columns."""
    for i in range(order.shape[0]):
        row = order[i]
        out_resource[i] = resource[row]
        out_minute[i] = minute[row]
        out_segment[i] = segment[row]
        for j in range(6):
            out_sums[j, i] = sums[j, row]


sort_rows = jit(_sort_rows)
gather_rows = jit(_gather_rows)
