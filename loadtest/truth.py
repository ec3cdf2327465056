"""What must come out of edge-tsv lines, by plain Python and nothing of the pipeline: lines split, numbers added."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HITS = frozenset({b"HIT", b"STALE", b"UPDATING", b"REVALIDATED"})
EARLIEST_S, LATEST_S = 48 * 3600, 3600
"""A line further than this before or after its segment's minute counts in the segment's minute."""


@dataclass(slots=True)
class SegmentCounts:
    """What one segment holds: all lines, good ones, broken ones, and those whose time is out of bounds."""

    lines: int = 0
    parsed: int = 0
    malformed: int = 0
    flagged: int = 0


@dataclass(slots=True)
class Truth:
    """Sums by (minute, resource, edge), in the order of `measures`; counts by (edge, minute of the segment).

    `repeated` counts the good lines that were not added because their sequence number had been seen on their edge.
    """

    usage: dict[tuple[int, str, str], list[int]] = field(default_factory=dict)
    segments: dict[tuple[str, int], SegmentCounts] = field(default_factory=dict)
    repeated: int = 0
    measures: tuple[str, ...] = ("requests", "bytes_sent", "body_bytes", "hits", "errors_4xx", "errors_5xx")

    def totals(self) -> dict[str, int]:
        """Every measure over everything."""
        columns = zip(*self.usage.values(), strict=True) if self.usage else [()] * len(self.measures)
        return {name: sum(column) for name, column in zip(self.measures, columns, strict=True)}

    def by_resource(self) -> dict[str, list[int]]:
        """The sums of each resource over all minutes and edges."""
        result: dict[str, list[int]] = {}
        for (_, resource, _), sums in self.usage.items():
            into = result.setdefault(resource, [0] * len(self.measures))
            into[:] = map(int.__add__, into, sums)
        return result


def sum_lines(segments: Iterable[tuple[str, int, bytes]]) -> Truth:
    """The truth of segments given as (edge, minute, unpacked content); sequence numbers repeat within an edge."""
    truth = Truth()
    seen: set[tuple[str, bytes]] = set()
    for edge, minute, content in segments:
        counts = truth.segments.setdefault((edge, minute), SegmentCounts())
        lines = content.split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        for line in lines:
            counts.lines += 1
            values = _parse(line)
            if values is None:
                counts.malformed += 1
                continue
            counts.parsed += 1
            at_s, seq, resource, sums = values
            flagged = not minute * 60 - EARLIEST_S <= at_s < minute * 60 + 60 + LATEST_S
            counts.flagged += flagged
            if seq != b"-":
                if (edge, seq) in seen:
                    truth.repeated += 1
                    continue
                seen.add((edge, seq))
            key = (minute if flagged else at_s // 60, resource.decode(), edge)
            into = truth.usage.setdefault(key, [0] * 6)
            into[:] = map(int.__add__, into, sums)
    return truth


def _parse(line: bytes) -> tuple[int, bytes, bytes, tuple[int, int, int, int, int, int]] | None:
    """Time, sequence number, resource and measures of a good line; it knows the faults of `loadtest.cdn`, no others."""
    columns = line.split(b"\t")
    if len(columns) < 11:
        return None
    time, seq, resource, _, _, status, bytes_sent, body_bytes, cache = columns[:9]
    try:
        at_s = int(time.split(b".")[0])
        code, sent, body = (0 if value == b"-" else int(value) for value in (status, bytes_sent, body_bytes))
    except ValueError:
        return None
    if not 0 <= code <= 999 or sent < 0 or body < 0:
        return None
    return at_s, seq, resource, (1, sent, body, cache in HITS, 400 <= code < 500, 500 <= code < 600)
