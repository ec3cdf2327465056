"""Digests of closed usage: SHA-256 over its rows as ClickHouse itself writes them, many closes in one statement."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.model import MEASURES
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    from pipeline.coverage.model import Close
    from pipeline.store.sessions import Params, Sessions

ROWS_AT_ONCE = 500_000
"""Rows that are in memory at once, about 100 bytes each."""

CLOSES_AT_ONCE = 2_000

_LINES = (
    f"SELECT close_id, formatRow('TabSeparated', toUInt32(minute), resource, edge, zone, {', '.join(MEASURES)}) AS line"
    " FROM closed_usage WHERE {where} ORDER BY close_id, minute, resource, edge"
)


def digest_closes(sessions: Sessions, closes: Sequence[Close]) -> dict[int, str]:
    """id → the digest of a close's rows, in hex; `rows` of each must be known. One statement for many small closes (a
    statement each took 50 ms, this 13), several for a large one, so that memory does not grow with it."""
    sums = {close.id: hashlib.sha256() for close in closes}
    for some in _batches(closes):
        for where, params in _wheres(some):
            _add(sums, sessions.arrow(_LINES.replace("{where}", where), params))
    return {close_id: digest.hexdigest() for close_id, digest in sums.items()}


def _batches(closes: Sequence[Close]) -> Iterator[list[Close]]:
    some: list[Close] = []
    rows = 0
    for close in closes:
        if not close.rows:
            continue
        if some and (rows + close.rows > ROWS_AT_ONCE or len(some) == CLOSES_AT_ONCE):
            yield some
            some, rows = [], 0
        some.append(close)
        rows += close.rows
    if some:
        yield some


def _wheres(some: Sequence[Close]) -> Iterator[tuple[str, Params]]:
    ids = ",".join(str(close.id) for close in some)
    periods = names_subquery(sorted({close.period for close in some}))
    customers = names_subquery(sorted({close.customer for close in some}))
    where = f"period IN ({periods}) AND customer IN ({customers}) AND close_id IN ({ids})"
    first, after = min(close.first for close in some), max(close.after for close in some)
    pieces = -(-sum(close.rows for close in some) // ROWS_AT_ONCE) if len(some) == 1 else 1
    bounds = [first + (after - first) * piece // pieces for piece in range(pieces + 1)]
    for begin, end in pairwise(bounds):
        within = "minute >= toDateTime({from_s:UInt32}, 'UTC') AND minute < toDateTime({to_s:UInt32}, 'UTC')"
        yield f"{where} AND {within}", {"from_s": begin * 60, "to_s": end * 60}


def _add(sums: dict[int, Any], table: Any) -> None:
    import pyarrow as pa

    for batch in table.to_batches():
        ids = batch.column(0).to_numpy()
        lines = batch.column(1).cast(pa.binary())
        offsets = np.frombuffer(lines.buffers()[1], np.int32)[lines.offset : lines.offset + len(lines) + 1]
        text = memoryview(lines.buffers()[2] or b"")
        starts = np.flatnonzero(np.diff(ids, prepend=ids[:1] ^ 1))
        for begin, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            sums[int(ids[begin])].update(text[offsets[begin] : offsets[end]])
