"""Whether a content is a log of the configured format at all, and the words for one that is not; pure.

`pipeline.flow_read` asks it of every content read in full; the words go to the ledger, and `pipeline.coverage.claims`
finds in them how many lines are lost.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.formats.model import LogFormat
    from pipeline.segment_usage import SegmentUsage

COUNTED = re.compile(
    r"(?:none of its (\d{1,18}) lines can|its only line cannot) be read as [^;(]*"
    r"(?:\(at byte \d+: (?:status|bytes|seq|resource|edge|cache)\)"
    r"|[^;]*(?:; [^;]* reads (?:them|it): [^;]*)?; as many as the sidecar claims|[^;]*; [^;]* reads (?:them|it): )"
)
"""The words below, where it is certain that what was counted are lines of a log: a known format reads them, the sidecar
has as many, or they are of the configured format up to a value."""


def is_no_log(usage: SegmentUsage, lines_end: int | None = None) -> bool:
    """Whether a full reading found lines of requests, and not one that can be read: each of them malformed.

    There is no threshold: a single line is all that its segment has, so nothing of that minute can be read. Not so the
    beginning of a line where offsets number the lines (`lines_end` is 0): its whole self comes in the next segment.
    """
    return 0 < usage.malformed == usage.lines - usage.blank - usage.comments and lines_end != 0


def tell_no_log(usage: SegmentUsage, fmt: LogFormat, found: LogFormat | None, *, claimed: bool) -> str:
    """Why such a content is quarantined. `found`: the format that detection finds; `claimed`: the sidecar has as many
    lines."""
    one = usage.malformed == 1
    words = "its only line cannot" if one else f"none of its {usage.malformed} lines can"
    words += f" be read as {fmt.name}"
    if usage.malformed_at:
        first = usage.malformed_at[0]
        words += f" (at byte {first.offset}: {first.reason})"
    if found is not None and (found.name, found.prefix_until) != (fmt.name, fmt.prefix_until):
        before = (
            f", what stands before {found.prefix_until.decode()!r} left out," if found.prefix_until else ""
        )
        words += f"; {found.name}{before} reads {'it' if one else 'them'}: is spool.format right?"
    if claimed:
        words += "; as many as the sidecar claims"
    return words
