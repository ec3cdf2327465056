"""Slow, obvious: which sequence numbers no segment has, by sets of numbers, and ledgers made of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.coverage.model import LedgerColumns, Stream

E1 = Stream("e1")


@dataclass(frozen=True)
class Row:
    """One segment, with what a test cares about."""

    minute: int
    first: int = 0
    next: int = 0
    held: int | None = None
    stream: Stream = E1
    epoch: str = "1"
    unit: int = 1
    state: int = 1
    duplicates: int = 0
    lines: int = 0
    bytes_sent: int = 0
    content_bytes: int = 0


def ledger_of(rows: list[Row]) -> LedgerColumns:
    """Rows as columns, in their order; `held` numbers are lines or bytes of content, all by default."""
    streams, epochs = sorted({r.stream for r in rows}), sorted({r.epoch for r in rows})
    held = [r.next - r.first if r.held is None else r.held for r in rows]
    return LedgerColumns(
        tuple(streams),
        tuple(epochs),
        stream=np.array([streams.index(r.stream) for r in rows], np.uint32),
        minute=np.array([r.minute for r in rows], np.uint32),
        state=np.array([r.state for r in rows], np.uint8),
        lines=np.array([h if r.unit == 1 else r.lines for r, h in zip(rows, held, strict=True)], np.uint64),
        duplicates=np.array([r.duplicates for r in rows], np.uint64),
        bytes_sent=np.array([r.bytes_sent for r in rows], np.uint64),
        content_bytes=np.array(
            [h if r.unit == 2 else r.content_bytes for r, h in zip(rows, held, strict=True)], np.uint64
        ),
        epoch=np.array([epochs.index(r.epoch) for r in rows], np.uint32),
        first=np.array([r.first for r in rows], np.uint64),
        next=np.array([r.next for r in rows], np.uint64),
        unit=np.array([r.unit for r in rows], np.uint8),
        committed=np.zeros(len(rows)),
    )


def holes_between(rows: list[Row]) -> set[tuple[Stream, str, int, int, int, int, int]]:
    """(stream, epoch, unit, first, next, from minute, after minute) of each hole between segments of one counting."""
    found = set()
    for counting in {(r.stream, r.epoch, r.unit) for r in rows if r.unit}:
        own = _without_idle([r for r in rows if (r.stream, r.epoch, r.unit) == counting])
        numbers = {number for r in own for number in range(r.first, r.next)}
        lowest, highest = min(r.first for r in own), max(r.next for r in own)
        # A segment without numbers still says where its counting stood.
        marks = sorted({r.first for r in own if r.first == r.next})
        missing = [n for n in range(lowest, highest) if n not in numbers]
        start = None
        for number in missing:
            if start is None:
                start = number
            if number + 1 not in missing or number + 1 in marks:
                earlier = [r.minute for r in own if r.next == start]
                later = [r.minute for r in own if r.first == number + 1]
                begin, end = max(earlier), min(later)
                span = (begin, end) if begin < end else (end, end + 1)
                found.add((*counting, start, number + 1, *span))
                start = None
    return found


def _without_idle(rows: list[Row]) -> list[Row]:
    """Rows of one counting but for empty ones at number 0 or 1 after greater numbers: they name no place in it. Where
    the counting itself has begun there before, they say so."""
    kept: list[Row] = []
    counted = begun_there = False
    for row in sorted(rows, key=lambda row: (row.minute, row.first, row.next)):
        idle = row.first == row.next <= 1
        if idle and counted and not begun_there:
            continue
        counted = counted or not idle
        begun_there = begun_there or (not idle and row.first <= 1)
        kept.append(row)
    return kept
