"""The nouns of prebill: frozen values without I/O, shared by every room."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEASURES = ("requests", "bytes_sent", "body_bytes", "hits", "errors_4xx", "errors_5xx")
"""What is summed, in the order of every array of sums; all uint64."""

DIMENSIONS = ("minute", "resource", "edge", "status_class", "cache")
"""What usage can be grouped by."""


class SegmentState(enum.StrEnum):
    """How an attempt at a segment ended."""

    RECEIVED = "received"
    EMPTY = "empty"
    DAMAGED = "damaged"
    QUARANTINED = "quarantined"


class SequenceUnit(enum.StrEnum):
    """What a segment's sequence numbers count."""

    LINE = "line"
    BYTE = "byte"


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a segment comes from; the only thing its id depends on.

    `minute` counts minutes since 1970-01-01T00:00Z; `part` is empty where the name has none.
    """

    edge: str
    stream: str
    minute: int
    part: str = ""

    @property
    def segment_id(self) -> int:
        """128 bits: the minute in the upper 32, so that ids sort by time, then a hash of the whole origin."""
        text = "\0".join((self.edge, self.stream, str(self.minute), self.part)).encode()
        return self.minute << 96 | int.from_bytes(hashlib.blake2b(text, digest_size=12).digest(), "big")

    @property
    def at(self) -> datetime:
        """The first instant of the minute."""
        return datetime.fromtimestamp(self.minute * 60, UTC)

    def __str__(self) -> str:
        part = f".{self.part}" if self.part else ""
        return f"{self.edge}/{self.stream}/{self.at:%Y%m%dT%H%MZ}{part}"


@dataclass(frozen=True, slots=True)
class Sequence:
    """The numbers [first, next) that a segment covers within one (edge, stream, epoch)."""

    unit: SequenceUnit
    epoch: str
    first: int
    next: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What a sidecar (or a gateway header) says of a segment's unpacked content; `None` where it is silent."""

    lines: int | None = None
    bytes_sent: int | None = None
    sha256: bytes | None = None
    sequence: Sequence | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One readable version of a segment: its origin, where its bytes lie, and what is claimed of them.

    `fingerprint` tells versions of the same file apart without reading it (size, time of change, inode, sidecar);
    equal fingerprints mean that there is nothing new to read. `notes`: evidence met on the way to it, such as a sidecar
    that could not be used; it goes to the ledger entry's reason.
    """

    origin: Origin
    path: str
    codec: str
    size: int
    fingerprint: str
    claims: Claims = field(default_factory=Claims)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Malformed:
    """One line that could not be read: byte offset of its first byte in the unpacked content, and why."""

    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class UsageBatch:
    """Usage as columns, a row per (resource, minute, edge, segment), sorted in that order.

    `resources`, `edges`: distinct names in ascending order of their UTF-8 bytes. `resource`, `edge`: uint32[n], places
    in them. `minute`: uint32[n], minutes since the epoch. `segment`: uint32[n], places in `segments`, which holds
    (segment_id, write_id). `sums`: uint64[6, n] in the order of MEASURES. `known`: the measures that some of the
    lines told; the others are zero here and absent wherever usage is shown.
    """

    resources: tuple[str, ...]
    edges: tuple[str, ...]
    segments: tuple[tuple[int, int], ...]
    resource: NDArray[np.uint32]
    minute: NDArray[np.uint32]
    edge: NDArray[np.uint32]
    segment: NDArray[np.uint32]
    sums: NDArray[np.uint64]
    known: frozenset[str]

    def __len__(self) -> int:
        return len(self.minute)


@dataclass(frozen=True, slots=True)
class Skip:
    """Sequence numbers [first, next) that an attempt left out, because an earlier segment has them."""

    first: int
    next: int


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One finished attempt at a segment, written after its facts; history is kept.

    `lines` counts all lines of the content. `malformed`, `duplicates`, `flagged`: those that could not be read, that
    repeat a sequence number, whose time lies outside the segment's bounds. `bytes_sent`: the sum over the counted lines
    (of body bytes where the format knows no other). `content_bytes`: unpacked size. `digest`: XXH3-128 of
    the unpacked content. `sha256`: of the same, where it was claimed or asked for, else empty. `verified`: a claimed
    digest or line count was checked and agreed. `known`: measures that some of its lines told. `preferred`: an operator
    named this attempt the winner, for `reason`.
    """

    origin: Origin
    write_id: int
    state: SegmentState
    verified: bool
    lines: int
    parsed: int
    malformed: int
    duplicates: int
    flagged: int
    bytes_sent: int
    content_bytes: int
    digest: bytes
    sha256: bytes
    sequence: Sequence | None
    skips: tuple[Skip, ...]
    malformed_at: tuple[Malformed, ...]
    format: str
    known: frozenset[str]
    path: str
    fingerprint: str
    reason: str
    committed_at: datetime
    preferred: bool = False
    seq: int = 0

    @property
    def segment_id(self) -> int:
        """The id of the segment that this is an attempt at."""
        return self.origin.segment_id

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int, bytes]:
        """What makes one content win over another, whatever came first: equal ranks are the same content, and the
        later attempt wins. Overrides are all of one rank, so that the latest decision counts."""
        if self.preferred:
            return (True, True, True, 0, 0, b"")
        undamaged = self.state in (SegmentState.RECEIVED, SegmentState.EMPTY)
        return (self.preferred, self.verified, undamaged, self.lines, self.content_bytes, self.digest)
