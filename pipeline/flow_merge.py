"""Merges the usage of whole segments into one batch in the order in which facts lie in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.model import UsageBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.aggregate import SegmentUsage


def merge_usages(usages: Sequence[tuple[tuple[int, int], SegmentUsage]]) -> UsageBatch:
    """One batch out of ((segment_id, write_id), usage) pairs, sorted by (resource, minute, edge, segment_id, write_id).

    The plain form, in numpy: what a kernel has to agree with.
    """
    ordered = sorted(usages, key=lambda pair: pair[0])
    resources, resource = _unite([(usage.resources, usage.resource) for _, usage in ordered])
    edges, edge = _unite([(usage.edges, usage.edge) for _, usage in ordered])
    minute = np.concatenate([np.zeros(0, np.uint32), *(usage.minute for _, usage in ordered)])
    segment = np.repeat(np.arange(len(ordered), dtype=np.uint32), [len(usage.minute) for _, usage in ordered])
    sums = np.concatenate([np.zeros((6, 0), np.uint64), *(usage.sums for _, usage in ordered)], axis=1)
    order = np.lexsort((segment, edge, minute, resource))
    known = frozenset[str]().union(*(usage.known for _, usage in ordered))
    return UsageBatch(
        resources,
        edges,
        tuple(ids for ids, _ in ordered),
        resource[order],
        minute[order].astype(np.uint32, copy=False),
        edge[order],
        segment[order],
        np.ascontiguousarray(sums[:, order]),
        known,
    )


def _unite(
    parts: list[tuple[Sequence[bytes], NDArray[np.uint32]]],
) -> tuple[tuple[str, ...], NDArray[np.uint32]]:
    """Distinct names in ascending order, and each part's places turned into places among these."""
    names = sorted(set[bytes]().union(*(part for part, _ in parts)))
    place = {name: i for i, name in enumerate(names)}
    moved = [
        np.array([place[name] for name in part], np.uint32)[places] for part, places in parts if len(part)
    ]
    places = np.concatenate([np.zeros(0, np.uint32), *moved])
    return tuple(name.decode("utf-8", "backslashreplace") for name in names), places
