"""Merges the usage of whole segments into one batch in the order in which facts lie in the store."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

import numpy as np

from kernels import entry
from pipeline.model import UsageBatch
from pipeline.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.segment_usage import SegmentUsage

WIDEST = 1 << 22
"""Minutes between the first and the last row up to which counting sorts are worth their memory; seven years."""

_THREAD = threading.local()


def merge_usages(usages: Sequence[tuple[tuple[int, int], SegmentUsage]]) -> UsageBatch:
    """One batch out of ((segment_id, write_id), usage) pairs, sorted by (resource, minute, edge, segment_id, write_id).

    A segment's rows are of one edge, so edge and segment are in order already when the segments are.
    """
    edges = tuple(sorted({usage.edges[0] for _, usage in usages}))
    ordered = sorted(usages, key=lambda pair: (pair[1].edges[0], pair[0]))
    lengths = [len(usage.minute) for _, usage in ordered]
    names, resource = _unite_names([usage for _, usage in ordered], sum(lengths))
    minute = np.concatenate([np.zeros(0, np.uint32), *(usage.minute for _, usage in ordered)])
    segment = np.repeat(np.arange(len(ordered), dtype=np.uint32), lengths)
    sums = [np.ascontiguousarray(usage.sums, np.uint64) for _, usage in ordered]
    before = itertools.accumulate(lengths, initial=0)
    places = np.array(
        [(s.ctypes.data - 8 * n, s.shape[1]) for s, n in zip(sums, before, strict=False)], np.int64
    )
    order = _order(resource, minute, len(names))
    columns = [np.empty_like(each) for each in (resource, minute, segment)]
    columns.append(np.empty((6, len(order)), np.uint64))
    rows = (resource, minute, segment, places, *columns)
    entry.gather_rows(order.ctypes.data, len(order), *(array.ctypes.data for array in rows))
    of_segment = np.array([edges.index(usage.edges[0]) for _, usage in ordered], np.uint32)
    return UsageBatch(
        resources=_to_text(names),
        edges=_to_text(edges),
        segments=tuple(ids for ids, _ in ordered),
        resource=columns[0],
        minute=columns[1],
        edge=of_segment[columns[2]],
        segment=columns[2],
        sums=columns[3],
        known=frozenset[str]().union(*(usage.known for _, usage in ordered)),
    )


def _to_text(names: Sequence[bytes]) -> tuple[str, ...]:
    """Names as text, all in one go where all are UTF-8: there are tens of thousands."""
    joined = b"\0".join(names)
    if joined.count(0) == len(names) - 1:
        try:
            return tuple(joined.decode().split("\0"))
        except UnicodeDecodeError:
            pass
    return tuple(name.decode("utf-8", "backslashreplace") for name in names)


def _order(resource: NDArray[np.uint32], minute: NDArray[np.uint32], names: int) -> NDArray[np.int64]:
    """The stable order of rows by (resource, minute)."""
    first = int(minute.min()) if len(minute) else 0
    span = int(minute.max()) - first + 1 if len(minute) else 1
    order: NDArray[np.int64]
    if span > WIDEST:
        order = np.lexsort((minute, resource))
        return order
    order = np.empty((2, len(minute)), np.int64)
    counts = np.empty(max(names, span), np.int64)
    entry.sort_rows(
        resource.ctypes.data,
        minute.ctypes.data,
        len(minute),
        first,
        order.ctypes.data,
        counts.ctypes.data,
        len(counts),
    )
    in_order: NDArray[np.int64] = order[0]
    return in_order


def _unite_names(usages: Sequence[SegmentUsage], rows: int) -> tuple[list[bytes], NDArray[np.uint32]]:
    """Distinct resources in ascending order, and each row's place among them."""
    tally: Tally | None = getattr(_THREAD, "tally", None)
    if tally is None:
        tally = _THREAD.tally = Tally()
    tally.clear()
    places = np.empty(rows, np.uint32)
    filled = 0
    for usage in usages:
        numbers = tally.adopt(usage.names)
        end = filled + len(usage.resource)
        np.take(numbers, usage.resource, out=places[filled:end])
        filled = end
    names = tally.names().to_list()
    ascending = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), np.uint32)
    rank[ascending] = np.arange(len(names), dtype=np.uint32)
    return [names[i] for i in ascending], rank[places]
