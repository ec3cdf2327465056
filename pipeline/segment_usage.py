"""Usage out of one segment's content: what the flow writes as facts, and what its ledger entry tells."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kernels import layout as at
from pipeline.formats.compiled import compile_format
from pipeline.groups import Names
from pipeline.model import Malformed, SequenceUnit
from pipeline.tally import Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.content import Content, Digest
    from pipeline.formats.model import LogFormat
    from pipeline.model import Origin, Sequence, Skip

EARLIER, LATER = 48 * 60, 60
"""Minutes before and after a segment's own beyond which a line is counted in the segment's minute, and flagged."""


@dataclass(frozen=True, slots=True)
class SegmentUsage:
    """What a segment's content holds: usage by (minute, resource), and all that was counted on the way.

    minute, resource: uint32[n], resource a place in `names`; sums: uint64[6, n] in the order of MEASURES; rows in no
    order. `seen`: first and one more than last of the lines' own sequence numbers, `runs`: all of them, as
    ascending [first, next). `damaged`: why the content ended before its end. `overflown`: its lines claim so many bytes
    that no sum of them is right. `known`: the measures that some of its lines told, or without lines the format can.
    """

    edges: tuple[bytes, ...]
    names: Names
    minute: NDArray[np.uint32]
    resource: NDArray[np.uint32]
    sums: NDArray[np.uint64]
    lines: int
    blank: int
    comments: int
    parsed: int
    malformed: int
    malformed_at: tuple[Malformed, ...]
    duplicates: int
    flagged: int
    bytes_sent: int
    content_bytes: int
    seen: tuple[int, int] | None
    runs: tuple[tuple[int, int], ...]
    damaged: str | None
    known: frozenset[str]
    overflown: bool = False

    @property
    def resources(self) -> list[bytes]:
        """The distinct names that `resource` points into; some may be of no row."""
        return self.names.to_list()

    @property
    def edge(self) -> NDArray[np.uint32]:
        """uint32[n]: all rows are of the segment's own edge."""
        return np.zeros(len(self.minute), np.uint32)


_THREAD = threading.local()


def aggregate_segment(
    content: Content,
    fmt: LogFormat,
    *,
    origin: Origin,
    sequence: Sequence | None,
    skips: tuple[Skip, ...],
    digest: Digest,
    expected_bytes: int = 0,
) -> SegmentUsage:
    """Read a segment's content to its end and sum it; without the GIL while bytes are unpacked and scanned.

    Lines are numbered by their own sequence column, without one by the claimed `sequence` (line or byte); numbers in
    `skips` are left out, repeated ones counted once. Raises what `content` raises, but for damage, which is told.
    """
    from pipeline.ingest.errors import DamagedError

    tally: Tally | None = getattr(_THREAD, "tally", None)
    if tally is None:
        tally = _THREAD.tally = Tally()
    tally.clear(expected_bytes)
    compiled = compile_format(fmt)
    spec = compiled.spec
    spec[at.HOME_MINUTE] = origin.minute
    spec[at.EARLIEST], spec[at.LATEST] = origin.minute - EARLIER, origin.minute + LATER
    if fmt.seq is not None:
        spec[at.SEQ_COLUMN] = 1
    if sequence is not None:
        spec[at.SEQ_PLACE] = at.SEQ_LINES if sequence.unit is SequenceUnit.LINE else at.SEQ_BYTES
        spec[at.SEQ_FIRST] = sequence.first
    damaged = None
    try:
        tally.scan(content, compiled, skips=tuple((s.first, s.next) for s in skips), digest=digest)
    except DamagedError as error:
        damaged = error.reason
    groups = tally.groups()
    known = frozenset[str]().union(*tally.knew) or fmt.known
    sent = at.TOTAL_SENT if "bytes_sent" in known else at.TOTAL_BODY
    return SegmentUsage(
        edges=(origin.edge.encode(),),
        names=tally.names(),
        minute=groups.minute,
        resource=groups.name,
        sums=groups.sums,
        lines=tally.count(at.LINES),
        blank=tally.count(at.BLANK),
        comments=tally.count(at.COMMENTS),
        parsed=tally.count(at.PARSED),
        malformed=tally.count(at.MALFORMED),
        malformed_at=tuple(Malformed(*place) for place in tally.malformed_at()),
        duplicates=tally.count(at.DUPLICATES),
        flagged=tally.count(at.FLAGGED),
        bytes_sent=tally.count(sent),
        content_bytes=tally.content_bytes,
        seen=tally.seen(),
        runs=tally.runs(),
        damaged=damaged,
        known=known,
        overflown=tally.overflown,
    )
