"""The nouns of coverage: frozen values without I/O, shared by roster, states, gaps, estimates, closes and proofs.

Minutes are counted since 1970-01-01T00:00Z; a span [first, after) does not hold `after`. Instants are epoch seconds.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOREVER = 1 << 31
"""A minute after all others: the end of what has none."""


class State(enum.IntEnum):
    """What is known of a minute of one (edge, stream). NONE: neither expected nor there."""

    NONE = 0
    RECEIVED = 1
    EMPTY = 2
    LATE = 3
    """Not in, and the allowance has not passed."""
    MISSING = 4
    DAMAGED = 5
    PARTIAL = 6
    """In, but sequence numbers say that lines are lost."""
    PAUSED = 7
    UNEXPECTED = 8
    """In, although the edge was paused, decommissioned or not yet expected."""
    DECOMMISSIONED = 9
    UNKNOWN = 10
    """Not in, and we ourselves were blind when it should have come; settled once we have watched for an allowance."""


class LossClass(enum.IntEnum):
    """What names a loss, the most exact first."""

    MISSING = 1
    DAMAGED = 2
    SEQUENCE = 3
    COUNTER = 4


class GapState(enum.StrEnum):
    """How far a gap is. SHRUNK is open too: part of it came late. CLOSED: all of it came."""

    OPEN = "open"
    SHRUNK = "shrunk"
    CLOSED = "closed"
    ACCEPTED = "accepted"


class Expectation(enum.IntEnum):
    """What the roster says of a minute."""

    NOT = 0
    EXPECTED = 1
    PAUSED = 2
    DECOMMISSIONED = 3


@dataclass(frozen=True, slots=True, order=True)
class Stream:
    """One stream of one edge: what coverage is kept of."""

    edge: str
    stream: str = "access"

    def __str__(self) -> str:
        return f"{self.edge}/{self.stream}"


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes [first, after) in which the roster says one thing of a stream."""

    first: int
    after: int
    says: Expectation


@dataclass(frozen=True, slots=True)
class Roster:
    """Which streams are expected when. Spans of a stream ascend and do not overlap; outside them nothing is expected.

    `zones`: (first minute, zone) of each edge, ascending. `counted`: edges that write counters. `seen`: streams that no
    configuration and no act named, added from their first segment on.
    """

    spans: dict[Stream, tuple[Span, ...]]
    zones: dict[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    counted: frozenset[str] = frozenset()
    seen: frozenset[Stream] = frozenset()

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All streams, in order."""
        return tuple(sorted(self.spans))


@dataclass(frozen=True, slots=True)
class LedgerColumns:
    """The winning attempts of a stretch of minutes as columns, a row a segment, in no order: what coverage is made of.

    `streams`: distinct streams. `stream`: uint32[n], places in it. `minute`: uint32[n]. `state`: uint8[n], 1 received,
    2 empty, 3 damaged, 4 quarantined (SEGMENT_STATES). `lines`, `duplicates`, `bytes_sent`, `content_bytes`: uint64[n].
    `epoch`: uint32[n], places in `epochs`; `first`, `next`: uint64[n], the numbers [first, next) that a segment covers;
    `unit`: uint8[n], 0 none, 1 lines, 2 bytes (of the edge's log). `committed`: float64[n], epoch seconds.
    """

    streams: tuple[Stream, ...]
    epochs: tuple[str, ...]
    stream: NDArray[np.uint32]
    minute: NDArray[np.uint32]
    state: NDArray[np.uint8]
    lines: NDArray[np.uint64]
    duplicates: NDArray[np.uint64]
    bytes_sent: NDArray[np.uint64]
    content_bytes: NDArray[np.uint64]
    epoch: NDArray[np.uint32]
    first: NDArray[np.uint64]
    next: NDArray[np.uint64]
    unit: NDArray[np.uint8]
    committed: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.minute)


SEGMENT_STATES = ("", "received", "empty", "damaged", "quarantined")
"""What `LedgerColumns.state` counts."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The state of every (stream, minute) of a stretch. `states`: uint8[streams, minutes] of State, C order."""

    streams: tuple[Stream, ...]
    first: int
    states: NDArray[np.uint8]

    @property
    def after(self) -> int:
        """The minute after the last."""
        return self.first + int(self.states.shape[1])


@dataclass(frozen=True, slots=True)
class Run:
    """Minutes [first, after) of a stream in one state."""

    stream: Stream
    first: int
    after: int
    state: State


@dataclass(frozen=True, slots=True)
class SequenceHole:
    """Numbers [first, next) of one (stream, epoch) that no segment has; they were lost in minutes [from_minute,
    after_minute). `inside`: lost within one segment, whose minute that is."""

    stream: Stream
    epoch: str
    unit: int
    first: int
    next: int
    from_minute: int
    after_minute: int
    inside: bool = False

    @property
    def lost(self) -> int:
        """How many numbers: lines, or bytes of the edge's log."""
        return self.next - self.first


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of an edge's cumulative counters at an instant (epoch seconds)."""

    edge: str
    at: float
    requests_total: int
    bytes_sent_total: int


class CounterDelta(NamedTuple):
    """What an edge served in minutes [first, after) by its counters, and by the log lines that came.

    A named tuple, for a check makes hundreds of thousands of them: a frozen dataclass takes four times as long to make.
    """

    edge: str
    first: int
    after: int
    requests: int
    bytes_sent: int
    logged_requests: int
    logged_bytes: int
    reset: bool = False


MOST = 2**64 - 1
"""Bytes or lines of one amount."""


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount with its honest interval: it covers the truth in nine cases of ten or more. `exact`: the one that was
    counted, and then all are equal; `method` names how it was found (counter, sequence, claim, neighbours, weeks …).

    Never above what the store's columns hold: lines that claim exabytes are no reason to lose sight of a gap."""

    low: int
    expected: int
    high: int
    exact: int | None
    method: str

    def __post_init__(self) -> None:
        if self.high > MOST or (self.exact or 0) > MOST or self.expected > MOST:
            for name in ("low", "expected", "high", "exact"):
                value = getattr(self, name)
                object.__setattr__(self, name, value and min(value, MOST))


@dataclass(frozen=True, slots=True)
class Share:
    """One customer's part of a gap, by his traffic on the same edge around it; all parts sum to at most 1."""

    customer: str
    share: float


@dataclass(frozen=True, slots=True)
class Loss:
    """Minutes [first, after) of a stream lost in one way: what gaps are made from, before they have a history.

    `stream` of a counter loss is the edge's, `*` for all its streams. `lost_lines`: exact where known, else None.
    `evidence`: other signs of the same loss, in words.
    """

    stream: Stream
    kind: LossClass
    first: int
    after: int
    lost_lines: int | None
    lost_bytes: Amount
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """A loss with a name and a history; what `prebill gaps` shows. Instants are epoch seconds.

    `first_seen`: when it was first found. `recoverable_until`: until when the edge still has the data, None where
    unknown. `task`: the incident that it belongs to, empty where there is none. `reason`: who accepted it, and why.
    """

    id: str
    loss: Loss
    state: GapState
    first_seen: float
    updated: float
    customers: tuple[Share, ...] = ()
    recoverable_until: float | None = None
    task: str = ""
    reason: str = ""

    @property
    def minutes(self) -> int:
        """How many minutes are still lost."""
        return self.loss.after - self.loss.first


@dataclass(frozen=True, slots=True)
class Close:
    """A closed period of one customer's contract, as the store keeps it.

    `period`: as it is called, YYYY-MM. `first`, `after`: its minutes in the contract's zone `tz`. `cut`: the ledger as
    it was counted. `digest`: of the materialised usage, hex; `rows` are its rows. `closed_at`: epoch seconds. `body`:
    what the close says beside (values that JSON can hold). `id`: of its usage in the store. `seq`: its place among all
    closes.
    """

    period: str
    tz: str
    customer: str
    first: int
    after: int
    cut: int
    digest: str
    rows: int
    closed_at: float
    actor: str = ""
    reason: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    id: int = 0
    seq: int = 0


def gap_id(loss: Loss) -> str:
    """The name that a gap gets when it is first seen; it keeps it however it shrinks or grows."""
    text = f"{loss.stream.edge}\0{loss.stream.stream}\0{loss.first}\0{int(loss.kind)}"
    return "g" + hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
