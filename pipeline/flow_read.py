"""Reads whole segments: bytes from `pipeline.ingest`, sums from `pipeline.aggregate`, faults turned into outcomes."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.attempt import Postponed, Reading, Refused
from pipeline.model import Claims, Segment, SequenceUnit
from pipeline.no_log import is_no_log, tell_no_log

if TYPE_CHECKING:
    from pipeline.formats.model import LogFormat
    from pipeline.ingest.codecs import Content
    from pipeline.ingest.unpack import Limits
    from pipeline.ingest.verify import Verdict
    from pipeline.model import LedgerEntry, Skip

DETECTED_BYTES = 16 << 10
"""Of a content that is of another format; enough to name it, in some milliseconds."""


@dataclass
class SegmentReader:
    """Reads segments of one format; may be used by many threads. `want_sha256`: of every content, claimed or not."""

    fmt: LogFormat
    limits: Limits | None = None
    want_sha256: bool = False

    def read(self, segment: Segment, skips: tuple[Skip, ...] = ()) -> Reading | Refused | Postponed:
        """Its content, counted without the numbers of `skips`; never raises for what the content or the disk does."""
        from pipeline.ingest.codecs import open_content
        from pipeline.ingest.digest import ContentDigest
        from pipeline.ingest.errors import ChangedError, UnreadableError
        from pipeline.segment_usage import aggregate_segment
        from pipeline.tally import OVERFLOWN

        digest = ContentDigest(self.want_sha256 or segment.claims.sha256 is not None)
        try:
            with open_content(segment, limits=self.limits) as content:
                sequence = segment.claims.sequence
                by_offset = sequence is not None and sequence.unit is SequenceUnit.BYTE
                tail = _Tail(content) if by_offset else None
                usage = aggregate_segment(
                    tail or content,
                    self.fmt,
                    origin=segment.origin,
                    sequence=sequence,
                    skips=skips,
                    digest=digest,
                )
                changed = content.changed()
                notes = content.notes
        except ChangedError as error:
            return Postponed(segment, error.reason)
        except UnreadableError as error:
            return Postponed(segment, error.reason) if error.passing else Refused(error.reason)
        if changed is not None:
            return Postponed(segment, changed)
        lines_end = tail.lines_end if tail is not None else None
        notes = (*segment.notes, *notes)
        reading = Reading(usage, digest.digest(), digest.sha256(), self.fmt.name, notes, lines_end)
        if usage.overflown:
            reason = "; ".join((OVERFLOWN, *self.verify(segment, reading).reasons))
            return Refused(reason, usage.malformed, usage.malformed_at, self.fmt.name)
        return self._refuse(segment, reading) if not skips and is_no_log(usage, lines_end) else reading

    def _refuse(self, segment: Segment, reading: Reading) -> Refused:
        """A content with lines, not one of which is of the format: as received it would be lost unseen."""
        usage, verdict = reading.usage, self.verify(segment, reading)
        claimed = verdict.verified and segment.claims.lines is not None
        told = tell_no_log(usage, self.fmt, self._detect(segment), claimed=claimed)
        reason = "; ".join((told, *verdict.reasons))
        return Refused(reason, usage.malformed, usage.malformed_at, self.fmt.name)

    def _detect(self, segment: Segment) -> LogFormat | None:
        """The format that detection finds in the content's beginning."""
        from pipeline.formats.detect import detect
        from pipeline.formats.errors import FormatError
        from pipeline.ingest.codecs import open_content
        from pipeline.ingest.errors import ContentError

        head, used = memoryview(bytearray(DETECTED_BYTES)), 0
        try:
            with open_content(segment, limits=self.limits) as content, contextlib.suppress(ContentError):
                while used < len(head) and (got := content.readinto(head[used:])):
                    used += got
            return detect(bytes(head[:used])).format
        except (ContentError, FormatError):
            return None

    def verify(self, segment: Segment, reading: Reading) -> Verdict:
        """A full reading against what the sidecar claims."""
        from pipeline.ingest.verify import Reading as Found
        from pipeline.ingest.verify import verify_reading

        usage = reading.usage
        found = Found(
            lines=usage.lines,
            requests=usage.lines - usage.blank - usage.comments,
            content_bytes=usage.content_bytes,
            bytes_sent=usage.bytes_sent if "bytes_sent" in usage.known else None,
            left_out=usage.malformed + usage.duplicates,
            repeated=usage.duplicates,
            sha256=reading.sha256,
            damage=usage.damaged,
            seen=usage.seen,
        )
        return verify_reading(segment.claims, found, reading.notes)

    def locate(self, entry: LedgerEntry) -> Segment | None:
        """The file of a standing winner; whether it still has the same content only reading it tells."""
        from pipeline.ingest.fingerprint import fingerprint_file
        from pipeline.ingest.names import split_codec

        fingerprint = fingerprint_file(entry.path)
        if fingerprint is None:
            return None
        claims = Claims(sequence=entry.sequence)
        try:
            size = Path(entry.path).stat().st_size
        except OSError:
            return None
        return Segment(entry.origin, entry.path, split_codec(entry.path)[1], size, fingerprint, claims)


class _Tail:
    """A content that knows where its last newline was."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._at = 0
        self.lines_end = 0

    def readinto(self, view: memoryview) -> int:
        """As the content's own."""
        got = self._content.readinto(view)
        if (last := bytes(view[:got]).rfind(b"\n")) >= 0:
            self.lines_end = self._at + last + 1
        self._at += got
        return got
