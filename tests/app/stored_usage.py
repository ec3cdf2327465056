"""Puts usage made as arrays into a real store: a segment for each edge and hour, facts first, then the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from pipeline.model import MEASURES, Origin, UsageBatch
from tests.store.cases import make_entry

if TYPE_CHECKING:
    from pipeline.rating.usage import Usage
    from pipeline.store import Store

COMMITTED = datetime(2026, 1, 1, tzinfo=UTC)


def put_usage(store: Store, usage: Usage, edge_of: Mapping[str, str], first_write: int = 1) -> int:
    """Writes it under write_ids from `first_write` on; `edge_of`: the edge of each zone. The next free write_id."""
    edges = tuple(sorted(edge_of.values()))
    places = np.array([edges.index(edge_of[zone]) for zone in usage.zones], np.uint32)
    names = tuple(sorted(usage.resources))
    order_of = np.array([names.index(name) for name in usage.resources], np.uint32)
    resource, edge = order_of[usage.resource], places[usage.zone]
    hours, at = np.unique(np.stack([edge, usage.minute // 60]), axis=1, return_inverse=True)
    part = str(first_write)  # what is put later stands beside it, and does not replace it
    origins = [Origin(edges[e], "access", int(hour) * 60, part) for e, hour in hours.T]
    segments = [(origin.segment_id, first_write + i) for i, origin in enumerate(origins)]
    by_id = sorted(range(len(segments)), key=segments.__getitem__)
    rank = np.empty(len(by_id), np.uint32)
    rank[by_id] = np.arange(len(by_id), dtype=np.uint32)
    segment = rank[at]
    order = np.lexsort((segment, edge, usage.minute, resource))
    nothing = np.zeros(len(usage), np.uint64)
    sums = np.stack([usage.requests, usage.bytes_sent, usage.body_bytes, nothing, nothing, nothing])
    store.insert_facts(
        UsageBatch(
            resources=names,
            edges=edges,
            segments=tuple(segments[i] for i in by_id),
            resource=resource[order],
            minute=usage.minute[order],
            edge=edge[order],
            segment=segment[order],
            sums=np.ascontiguousarray(sums[:, order]),
            known=frozenset(MEASURES),
        )
    )
    store.commit(
        [
            make_entry(origin, write_id, committed_at=COMMITTED, parsed=int(usage.requests[at == i].sum()))
            for i, (origin, (_, write_id)) in enumerate(zip(origins, segments, strict=True))
        ]
    )
    return first_write + len(segments)
