"""Entries and batches of a small CDN, for the store's tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.model import MEASURES, LedgerEntry, Origin, SegmentState, UsageBatch

if TYPE_CHECKING:
    from pipeline.store import Store

MINUTE = 29_500_000
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def make_entry(origin: Origin, write_id: int, **changes: Any) -> LedgerEntry:
    """A plausible entry; `changes` name what matters to the test."""
    entry = LedgerEntry(
        origin=origin,
        write_id=write_id,
        state=SegmentState.RECEIVED,
        verified=False,
        lines=10,
        parsed=10,
        malformed=0,
        duplicates=0,
        flagged=0,
        bytes_sent=1000,
        content_bytes=2000,
        digest=write_id.to_bytes(16, "big"),
        sha256=b"",
        sequence=None,
        skips=(),
        malformed_at=(),
        format="edge-tsv",
        known=frozenset(MEASURES),
        path=f"/spool/{origin}.log",
        fingerprint=f"f{write_id}",
        reason="",
        committed_at=NOW,
    )
    return replace(entry, **changes)


def make_batch(rows: list[tuple[str, int, str, int, int, int]]) -> UsageBatch:
    """A batch of (resource, minute, edge, segment_id, write_id, requests) rows; bytes are a thousand a request."""
    resources = tuple(sorted({r[0] for r in rows}))
    edges = tuple(sorted({r[2] for r in rows}))
    segments = tuple(sorted({(r[3], r[4]) for r in rows}))
    rows = sorted(rows)

    def places(values: list[Any], of: tuple[Any, ...]) -> Any:
        at = {value: place for place, value in enumerate(of)}
        return np.array([at[value] for value in values], np.uint32)

    requests = np.array([r[5] for r in rows], np.uint64)
    return UsageBatch(
        resources=resources,
        edges=edges,
        segments=segments,
        resource=places([r[0] for r in rows], resources),
        minute=np.array([r[1] for r in rows], np.uint32),
        edge=places([r[2] for r in rows], edges),
        segment=places([(r[3], r[4]) for r in rows], segments),
        sums=np.stack(
            [requests, requests * 1000, requests * 900, requests // 2, requests // 3, requests // 5]
        ),
        known=frozenset(MEASURES),
    )


def write(store: Store, origin: Origin, write_id: int, requests: int, **changes: Any) -> int:
    """One whole attempt of one fact: facts, then its ledger row; returns the cut."""
    store.insert_facts(
        make_batch([("a.example.ru", origin.minute, origin.edge, origin.segment_id, write_id, requests)])
    )
    return store.commit([make_entry(origin, write_id, **changes)])
