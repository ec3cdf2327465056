"""Shared builders for the tests of flow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.model import LedgerEntry, Origin, SegmentState

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _entry(**changes: Any) -> LedgerEntry:
    values: dict[str, Any] = {
        "origin": Origin("e1", "access", 29_000_000),
        "write_id": 1,
        "state": SegmentState.RECEIVED,
        "verified": False,
        "lines": 10,
        "parsed": 10,
        "malformed": 0,
        "duplicates": 0,
        "flagged": 0,
        "bytes_sent": 1000,
        "content_bytes": 500,
        "digest": b"d" * 16,
        "sha256": b"",
        "sequence": None,
        "skips": (),
        "malformed_at": (),
        "format": "edge-tsv",
        "known": frozenset({"requests", "bytes_sent"}),
        "path": "e1/20250219T1320Z.log",
        "fingerprint": "f",
        "reason": "",
        "committed_at": NOW,
    }
    return LedgerEntry(**(values | changes))


@pytest.fixture(name="entry", scope="session")
def entry_builder() -> Any:
    """`entry(lines=5, …)`: a ledger entry with ordinary values but for those named."""
    return _entry
