"""Nouns to Arrow columns and back: usage batches and ledger entries as the tables of schema/ hold them. No I/O."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.model import (
    MEASURES,
    LedgerEntry,
    Malformed,
    Origin,
    SegmentState,
    Sequence,
    SequenceUnit,
    Skip,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence as Seq

    import pyarrow as pa
    from numpy.typing import NDArray

    from pipeline.model import UsageBatch

EDGE_FOREVER_S = 2**32 - 1
"""`to` of an edge that has no end."""

LEDGER_COLUMNS = (
    "segment_id", "seq", "write_id", "commit_id", "edge", "stream", "minute", "part", "state", "preferred",
    "verified", "lines", "parsed", "malformed", "duplicates", "flagged", "bytes_sent", "content_bytes", "digest",
    "sha256", "sequence_unit", "sequence_epoch", "sequence_first", "sequence_next", "skip_first", "skip_next",
    "malformed_offset", "malformed_reason", "format", "known", "path", "fingerprint", "reason", "committed_at",
)  # fmt: skip
"""The columns of `ledger` that are written; `full_rank` is computed by the store."""

ENTRY_SELECT = ", ".join(
    {
        "minute": "toUInt32(minute) AS minute_s",
        "committed_at": "toUnixTimestamp64Milli(committed_at) AS committed_ms",
        "digest": "hex(digest) AS digest_hex",
        "sha256": "hex(sha256) AS sha256_hex",
    }.get(name, name)
    for name in LEDGER_COLUMNS
)
"""What to select from `ledger` so that `entry_from_row` can read the row: no zones, no raw bytes."""

_COUNTS = ("lines", "parsed", "malformed", "duplicates", "flagged", "bytes_sent", "content_bytes")


def _text(value: str) -> bytes:
    # names come from logs: bytes that are no UTF-8 travel as surrogates and must not stop an insert
    return value.encode("utf-8", "surrogateescape")


def ids_as_bytes(ids: Seq[int]) -> bytes:
    """128-bit ids as ClickHouse lays out a UInt128: 16 bytes each, the lowest first."""
    return b"".join(i.to_bytes(16, "little") for i in ids)


def facts_by_month(batch: UsageBatch) -> Iterator[tuple[int, pa.Table]]:
    """(month as YYYYMM, facts) for each month of the segments' minutes, rows in the order of the batch.

    One INSERT per month: an INSERT over several partitions is not atomic, and fails over more than 100 of them.
    """
    months = np.array([_month(segment_id >> 96) for segment_id, _ in batch.segments], dtype=np.int64)
    distinct = np.unique(months)
    if len(distinct) == 1:
        yield int(distinct[0]), facts_table(batch)
        return
    table, of_row = facts_table(batch), months[batch.segment]
    for month in distinct:
        rows = np.flatnonzero(of_row == month)
        if len(rows):
            yield int(month), table.take(rows)


def _month(minute: int) -> int:
    at = datetime.fromtimestamp(minute * 60, UTC)
    return at.year * 100 + at.month


def facts_table(batch: UsageBatch) -> pa.Table:
    """The batch as the columns of `facts`; names stay dictionaries, ids are gathered, nothing is done per row."""
    import pyarrow as pa

    def names(indices: NDArray[np.uint32], values: tuple[str, ...]) -> pa.Array:
        try:
            distinct = pa.array(values, pa.string()).cast(pa.binary())
        except UnicodeEncodeError:
            distinct = pa.array([_text(value) for value in values], pa.binary())
        return pa.DictionaryArray.from_arrays(pa.array(indices.astype(np.int32)), distinct)

    # two words a row: gathering 16-byte voids is many times slower
    ids = np.frombuffer(ids_as_bytes([s for s, _ in batch.segments]), dtype=np.uint64).reshape(-1, 2)
    writes = np.array([w for _, w in batch.segments], dtype=np.uint64)
    minutes = np.array([s >> 96 for s, _ in batch.segments], dtype=np.uint32) * np.uint32(60)
    return pa.table(
        {
            "resource": names(batch.resource, batch.resources),
            "minute": pa.array(batch.minute.astype(np.uint32) * np.uint32(60)),
            "edge": names(batch.edge, batch.edges),
            "segment_id": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(16), len(batch), [None, pa.py_buffer(np.ascontiguousarray(ids[batch.segment]))]
            ),
            "write_id": pa.array(writes[batch.segment]),
            "segment_minute": pa.array(minutes[batch.segment]),
            **{name: pa.array(batch.sums[i]) for i, name in enumerate(MEASURES)},
        }
    )


def ledger_table(entries: Seq[LedgerEntry], first_seq: int, commit_id: int) -> pa.Table:
    """Entries as the columns of `ledger`, numbered from `first_seq` in the order given."""
    import pyarrow as pa

    def column(kind: Any, values: list[Any]) -> pa.Array:
        return pa.array(values, kind)

    def text(values: list[str]) -> pa.Array:
        return pa.array([_text(value) for value in values], pa.binary())

    sequences = [e.sequence for e in entries]
    words, u64 = pa.list_(pa.string()), pa.uint64()
    columns = {
        "segment_id": pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(16), len(entries), [None, pa.py_buffer(ids_as_bytes([e.segment_id for e in entries]))]
        ),
        "seq": column(u64, list(range(first_seq, first_seq + len(entries)))),
        "write_id": column(u64, [e.write_id for e in entries]),
        "commit_id": column(u64, [commit_id] * len(entries)),
        "edge": text([e.origin.edge for e in entries]),
        "stream": text([e.origin.stream for e in entries]),
        "minute": column(pa.uint32(), [e.origin.minute * 60 for e in entries]),
        "part": text([e.origin.part for e in entries]),
        "state": text([e.state.value for e in entries]),
        "preferred": column(pa.bool_(), [e.preferred for e in entries]),
        "verified": column(pa.bool_(), [e.verified for e in entries]),
        **{name: column(u64, [getattr(e, name) for e in entries]) for name in _COUNTS},
        "digest": column(pa.binary(), [e.digest for e in entries]),
        "sha256": column(pa.binary(), [e.sha256 for e in entries]),
        "sequence_unit": text([s.unit.value if s else "" for s in sequences]),
        "sequence_epoch": text([s.epoch if s else "" for s in sequences]),
        "sequence_first": column(u64, [s.first if s else 0 for s in sequences]),
        "sequence_next": column(u64, [s.next if s else 0 for s in sequences]),
        "skip_first": column(pa.list_(u64), [[s.first for s in e.skips] for e in entries]),
        "skip_next": column(pa.list_(u64), [[s.next for s in e.skips] for e in entries]),
        "malformed_offset": column(pa.list_(u64), [[m.offset for m in e.malformed_at] for e in entries]),
        "malformed_reason": column(words, [[m.reason for m in e.malformed_at] for e in entries]),
        "format": text([e.format for e in entries]),
        "known": column(words, [sorted(e.known) for e in entries]),
        "path": text([e.path for e in entries]),
        "fingerprint": text([e.fingerprint for e in entries]),
        "reason": text([e.reason for e in entries]),
        "committed_at": column(pa.timestamp("ms", tz="UTC"), [e.committed_at for e in entries]),
    }
    return pa.table({name: columns[name] for name in LEDGER_COLUMNS})


def entry_from_row(row: Seq[Any]) -> LedgerEntry:
    """The entry that a row of `SELECT ENTRY_SELECT FROM ledger` holds."""
    v = dict(zip(LEDGER_COLUMNS, row, strict=True))
    sequence = None
    if v["sequence_unit"]:
        sequence = Sequence(
            SequenceUnit(v["sequence_unit"]), v["sequence_epoch"], v["sequence_first"], v["sequence_next"]
        )
    return LedgerEntry(
        origin=Origin(v["edge"], v["stream"], v["minute"] // 60, v["part"]),
        write_id=v["write_id"],
        state=SegmentState(v["state"]),
        verified=bool(v["verified"]),
        **{name: int(v[name]) for name in _COUNTS},
        digest=bytes.fromhex(v["digest"]),
        sha256=bytes.fromhex(v["sha256"]),
        sequence=sequence,
        skips=tuple(Skip(a, b) for a, b in zip(v["skip_first"], v["skip_next"], strict=True)),
        malformed_at=tuple(
            Malformed(o, r) for o, r in zip(v["malformed_offset"], v["malformed_reason"], strict=True)
        ),
        format=v["format"],
        known=frozenset(v["known"]),
        path=v["path"],
        fingerprint=v["fingerprint"],
        reason=v["reason"],
        committed_at=datetime.fromtimestamp(v["committed_at"] // 1000, UTC).replace(
            microsecond=v["committed_at"] % 1000 * 1000
        ),
        preferred=bool(v["preferred"]),
        seq=v["seq"],
    )
