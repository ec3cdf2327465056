"""What sidecars claimed of damaged segments beyond what could be read: out of the ledger's reasons, for losses.

The ledger keeps what disagreed as the sentences of pipeline.ingest.verify; two of them say how much is wanting.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.coverage.losses import Claim
from pipeline.coverage.model import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_LINES = re.compile(r"(\d{1,18}) lines, the sidecar claims (\d{1,18})")
_BYTES = re.compile(r"bytes_sent is (\d{1,18}), the sidecar claims (\d{1,18})")

DAMAGED_SEGMENTS = """
SELECT edge, stream, toUInt32(minute) AS at_s, reason FROM (
    SELECT edge, stream, minute, state, reason FROM ledger
    WHERE seq <= {cut:UInt64} AND segment_id IN (
        SELECT segment_id FROM ledger
        WHERE state = 'damaged' AND segment_id >= bitShiftLeft(toUInt128({first:UInt32}), 96)
        AND segment_id < bitShiftLeft(toUInt128({after:UInt32}), 96))
    ORDER BY segment_id, full_rank DESC, seq DESC LIMIT 1 BY segment_id
) WHERE state = 'damaged'
"""
"""The winners that are damaged among segments of minutes [first, after), with what was wrong with each."""


def claims_of(rows: Iterable[dict[str, Any]]) -> list[Claim]:
    """What each damaged segment claims to have had beyond what was read; rows that say nothing are left out."""
    claims = []
    for row in rows:
        lines, sent = _LINES.search(row["reason"]), _BYTES.search(row["reason"])
        if lines is None or int(lines[2]) < int(lines[1]):
            continue
        lost_bytes = None if sent is None else max(0, int(sent[2]) - int(sent[1]))
        claims.append(
            Claim(
                Stream(row["edge"], row["stream"]),
                row["at_s"] // 60,
                int(lines[2]) - int(lines[1]),
                lost_bytes,
            )
        )
    return claims
