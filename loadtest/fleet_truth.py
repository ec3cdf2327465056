"""What a scenario really lost: a value a planted loss, and lines and bytes of every minute; written beside the logs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from loadtest.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted loss in minutes [first, after) since 1970 of some streams of an edge. `customers`: bytes of each;
    `by_stream`: the same of each stream."""

    kind: str
    edge: str
    streams: tuple[str, ...]
    first: int
    after: int
    lines: int
    sent: int
    customers: dict[str, int]
    by_stream: dict[str, dict[str, int]]


@dataclass(slots=True)
class FleetTruth:
    """All that was lost. Arrays are [rows, minutes] as `Fleet.pairs` has them: `lost` says that a segment or a line of
    the minute is lost, `lines`, `sent` and `content` how many lines, bytes to clients, bytes of log."""

    pairs: tuple[tuple[str, str], ...]
    first: int
    lost: NDArray[np.bool_]
    lines: NDArray[np.int64]
    sent: NDArray[np.int64]
    content: NDArray[np.int64]
    planted: list[Planted] = field(default_factory=list)

    @classmethod
    def of(cls, fleet: Fleet) -> FleetTruth:
        """Nothing lost yet."""
        shape = (len(fleet.pairs), fleet.minutes)
        lines, sent, content = (np.zeros(shape, np.int64) for _ in range(3))
        return cls(fleet.pairs, fleet.first, np.zeros(shape, np.bool_), lines, sent, content)

    def rows(self, edge: str, stream: str = "*") -> list[int]:
        """The rows of an edge: of one stream, or of all."""
        return [row for row, (e, s) in enumerate(self.pairs) if e == edge and stream in ("*", s)]

    def minutes(self) -> int:
        """How many (edge, stream, minute) lost something."""
        return int(self.lost.sum())

    def describe(self) -> dict[str, Any]:
        """The truth as JSON has it, for those who check from outside."""
        row, minute = np.nonzero(self.lost)
        return {
            "planted": [asdict(planted) for planted in self.planted],
            "minutes": [
                {
                    "edge": self.pairs[r][0],
                    "stream": self.pairs[r][1],
                    "minute": int(m) + self.first,
                    "lines": int(self.lines[r, m]),
                    "bytes_sent": int(self.sent[r, m]),
                }
                for r, m in zip(row, minute, strict=True)
            ],
        }
