"""What is wrong with damaged and quarantined segments, and what they had beyond what could be read: out of the ledger's
reasons, for losses.

The ledger keeps what disagreed with a sidecar as the sentences of pipeline.ingest.verify, two of which say how much is
wanting, and why a content is no log of the format as those of pipeline.no_log.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.coverage.losses import Claim
from pipeline.coverage.model import Loss, LossClass, Stream
from pipeline.no_log import COUNTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

_LINES = re.compile(r"(\d{1,18}) lines, the sidecar claims (\d{1,18})\b")
_BYTES = re.compile(r"bytes_sent is (\d{1,19})(?:, the sidecar claims| of the claimed) (\d{1,19})\b")

MOST_REASONS = 5
"""So many reasons are named in a loss's evidence; segments with another one are counted."""

DAMAGED_SEGMENTS = """
SELECT edge, stream, toUInt32(minute) AS at_s, state, reason FROM (
    SELECT edge, stream, minute, state, reason FROM ledger
    WHERE seq <= {cut:UInt64} AND segment_id IN (
        SELECT segment_id FROM ledger
        WHERE state IN ('damaged', 'quarantined') AND segment_id >= bitShiftLeft(toUInt128({first:UInt32}), 96)
        AND segment_id < bitShiftLeft(toUInt128({after:UInt32}), 96))
    ORDER BY segment_id, full_rank DESC, seq DESC LIMIT 1 BY segment_id
) WHERE state IN ('damaged', 'quarantined')
"""
"""The winners that are damaged or quarantined among segments of minutes [first, after), and what was wrong."""


def claims_of(rows: Iterable[dict[str, Any]]) -> list[Claim]:
    """What each of these segments had beyond what was read; rows that say nothing are left out."""
    claims = []
    for row in rows:
        lines, sent = _LINES.search(row["reason"]), _BYTES.search(row["reason"])
        nothing_read = row.get("state") == "quarantined"
        if lines is not None and int(lines[2]) >= int(lines[1]):
            lost = int(lines[2]) - (0 if nothing_read else int(lines[1]))
        elif lines is None and nothing_read and (counted := COUNTED.search(row["reason"])):
            lost = int(counted[1] or 1)
        else:
            continue
        lost_bytes = None if sent is None else max(0, int(sent[2]) - int(sent[1]))
        claims.append(Claim(Stream(row["edge"], row["stream"]), row["at_s"] // 60, lost, lost_bytes))
    return claims


def with_reasons(losses: Sequence[Loss], rows: Iterable[dict[str, Any]]) -> list[Loss]:
    """The losses, those of damaged minutes with what was wrong with their segments as evidence, by minute."""
    said: dict[Stream, list[tuple[int, str]]] = defaultdict(list)
    for row in rows:
        if row["reason"]:
            words = f"{row['state']}: {row['reason']}"
            said[Stream(row["edge"], row["stream"])].append((row["at_s"] // 60, words))
    for told in said.values():
        told.sort()
    return [_with_reasons(loss, said[loss.stream]) if loss.stream in said else loss for loss in losses]


def _with_reasons(loss: Loss, said: Sequence[tuple[int, str]]) -> Loss:
    if loss.kind is not LossClass.DAMAGED:
        return loss
    begin, end = bisect_left(said, (loss.first,)), bisect_left(said, (loss.after,))
    counts = Counter(words for _, words in said[begin:end])
    told = [
        words if count == 1 else f"{words} ({count:,} segments)"
        for words, count in list(counts.items())[:MOST_REASONS]
    ]
    if more := sum(list(counts.values())[MOST_REASONS:]):
        told.append(f"and {more:,} more damaged or quarantined segments; the view `segments` has each reason")
    return replace(loss, evidence=(*loss.evidence, *told))
