"""One attempt at a segment: what reading its content gave, as usage and the draft of its ledger entry; pure.

`pipeline.flow_read` brings the readings. A draft lacks only its write id, which is given when its facts are written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pipeline.model import LedgerEntry, Malformed, SegmentState, Sequence, SequenceUnit

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.ingest.verify import Verdict
    from pipeline.model import Segment, Skip
    from pipeline.overlap import Run
    from pipeline.segment_usage import SegmentUsage

MALFORMED_KEPT = 100
"""Places of malformed lines that a ledger entry keeps; all are counted."""

REASON_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """A content read to its end, or to where it is damaged. `lines_end`: the offset after its last newline, where
    lines are numbered by their offsets."""

    usage: SegmentUsage
    digest: bytes
    sha256: bytes
    format: str
    notes: tuple[str, ...] = ()
    lines_end: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A content of which nothing can be read: its segment is quarantined. `malformed`, `malformed_at`: its lines, all
    of them, where it has any; `format`: the one that they are not of."""

    reason: str
    malformed: int = 0
    malformed_at: tuple[Malformed, ...] = ()
    format: str = ""


@dataclass(frozen=True, slots=True)
class Postponed:
    """A segment that could not be read now, for a reason that may pass: it is queued again, never lost."""

    segment: Segment
    reason: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A finished attempt. `usage` is None where there is nothing to write. `runs`: the sequence numbers that the
    content holds, whether left out or not; `minutes`: first and last minute of its lines."""

    segment: Segment
    usage: SegmentUsage | None
    entry: LedgerEntry
    runs: tuple[Run, ...] = ()
    minutes: Run | None = None


class Reader(Protocol):
    """Reads segments; `pipeline.flow_read.SegmentReader` is the real one."""

    def read(self, segment: Segment, skips: tuple[Skip, ...] = ()) -> Reading | Refused | Postponed:
        """Its content, counted without the numbers of `skips`."""

    def verify(self, segment: Segment, reading: Reading) -> Verdict:
        """A full reading against what the sidecar claims."""

    def locate(self, entry: LedgerEntry) -> Segment | None:
        """The file of a standing winner, or None; whether its content is still the same only reading it tells."""


def attempt_segment(segment: Segment, reader: Reader, now: datetime) -> Attempt | Postponed:
    """Read a segment whole and draw its attempt up. One segment never stops the others, whatever is in it."""
    try:
        reading = reader.read(segment)
    except Exception as error:
        return Postponed(
            segment, f"reading it failed in prebill itself, {type(error).__name__}: {error}"[:REASON_LENGTH]
        )
    if isinstance(reading, Postponed):
        return reading
    if isinstance(reading, Refused):
        return refuse_attempt(segment, reading, now)
    return draft_attempt(segment, reading, reader.verify(segment, reading), now)


def draft_attempt(segment: Segment, reading: Reading, verdict: Verdict, now: datetime) -> Attempt:
    """The attempt that a full reading (nothing left out) makes."""
    usage = reading.usage
    entry = LedgerEntry(
        origin=segment.origin,
        write_id=0,
        state=verdict.state,
        verified=verdict.verified,
        lines=usage.lines,
        parsed=usage.parsed,
        malformed=usage.malformed,
        duplicates=usage.duplicates,
        flagged=usage.flagged,
        bytes_sent=usage.bytes_sent,
        content_bytes=usage.content_bytes,
        digest=reading.digest,
        sha256=reading.sha256,
        sequence=find_sequence(segment, usage),
        skips=(),
        malformed_at=keep_malformed(usage),
        format=reading.format,
        known=usage.known,
        path=segment.path,
        fingerprint=segment.fingerprint,
        reason=verdict.reason[:REASON_LENGTH],
        committed_at=now,
    )
    return Attempt(segment, usage, entry, find_runs(entry, reading), find_minutes(usage))


def refuse_attempt(segment: Segment, refused: Refused, now: datetime) -> Attempt:
    """The attempt at a segment of which nothing can be read. It holds no line, however many are malformed: so any
    content with a line that counts wins over it, and numbers tell what it lacks."""
    entry = LedgerEntry(
        origin=segment.origin,
        write_id=0,
        state=SegmentState.QUARANTINED,
        verified=False,
        lines=0,
        parsed=0,
        malformed=refused.malformed,
        duplicates=0,
        flagged=0,
        bytes_sent=0,
        content_bytes=0,
        digest=b"",
        sha256=b"",
        sequence=segment.claims.sequence,
        skips=(),
        malformed_at=refused.malformed_at[:MALFORMED_KEPT],
        format=refused.format,
        known=frozenset(),
        path=segment.path,
        fingerprint=segment.fingerprint,
        reason=refused.reason[:REASON_LENGTH],
        committed_at=now,
    )
    return Attempt(segment, None, entry)


def leave_out(attempt: Attempt, skips: tuple[Skip, ...], usage: SegmentUsage, now: datetime) -> Attempt:
    """The same content counted again without the numbers of `skips`: all that the whole content decides stays."""
    entry = replace(
        attempt.entry,
        write_id=0,
        parsed=usage.parsed,
        malformed=usage.malformed,
        duplicates=usage.duplicates,
        flagged=usage.flagged,
        bytes_sent=usage.bytes_sent,
        skips=skips,
        malformed_at=keep_malformed(usage),
        committed_at=now,
        seq=0,
    )
    return replace(attempt, usage=usage, entry=entry)


def recall_attempt(segment: Segment, winner: LedgerEntry, reading: Reading | None) -> Attempt:
    """A standing winner as an attempt, so that it can be counted again; `reading` is a full one, None if it is gone."""
    if reading is None:
        runs = ((winner.sequence.first, winner.sequence.next),) if winner.sequence else ()
        return Attempt(segment, None, winner, runs, (winner.origin.minute - 1, winner.origin.minute + 1))
    minutes = find_minutes(reading.usage)
    return Attempt(segment, reading.usage, winner, find_runs(winner, reading), minutes)


def keep_malformed(usage: SegmentUsage) -> tuple[Malformed, ...]:
    """The first places of malformed lines, bounded."""
    return tuple(usage.malformed_at[:MALFORMED_KEPT])


def find_sequence(segment: Segment, usage: SegmentUsage) -> Sequence | None:
    """The numbers that a content really spans: by its lines' own, else by their places after the claimed first."""
    claimed = segment.claims.sequence
    if usage.seen is not None:
        epoch = claimed.epoch if claimed is not None and claimed.unit is SequenceUnit.LINE else ""
        return Sequence(SequenceUnit.LINE, epoch, *usage.seen)
    if claimed is None:
        return None
    held = usage.content_bytes if claimed.unit is SequenceUnit.BYTE else usage.lines
    return Sequence(claimed.unit, claimed.epoch, claimed.first, claimed.first + held)


def find_runs(entry: LedgerEntry, reading: Reading) -> tuple[Run, ...]:
    """The numbers that a fully read content holds, holes left out.

    A last line that was cut is not held: its whole self, elsewhere, must not be left out for it.
    """
    if entry.sequence is None or entry.sequence.first >= entry.sequence.next:
        return ()
    if reading.usage.seen is not None:
        return reading.usage.runs
    first, after = entry.sequence.first, entry.sequence.next
    if reading.lines_end is not None:
        after = min(after, first + reading.lines_end)
    elif reading.usage.damaged is not None:
        after -= 1
    return ((first, after),) if first < after else ()


def find_minutes(usage: SegmentUsage) -> Run | None:
    """The first and last minute of the counted lines."""
    return (int(usage.minute.min()), int(usage.minute.max())) if len(usage.minute) else None
