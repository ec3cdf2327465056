"""Sequence numbers of every segment of a fleet, through restarts, wraps, rotations, reused inodes, shared addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from loadtest.fleet import Fleet, Volumes
    from loadtest.fleet_faults import Place

_NEW_COUNTING = ("restart", "wrap", "rotation", "inode_reuse")
_WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of a minute that are of another counting than the rest: they come as a segment's second part."""

    row: int
    minute: int
    lines: int
    content: int
    epoch: int
    first: int
    next: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """int64[rows, minutes]: numbers [first, next) and the place in `epochs` of each minute's (first) segment.

    `expected`: whether there is a segment at all, which an edge that is not in service does not write.
    """

    first: NDArray[np.int64]
    next: NDArray[np.int64]
    epoch: NDArray[np.int64]
    epochs: tuple[str, ...]
    parts: tuple[Part, ...]
    expected: NDArray[np.bool_]


def draw_numbers(
    fleet: Fleet,
    served: Volumes,
    places: Iterable[Place],
    bytes_before: Callable[[int, int, int], int] | None = None,
) -> Numbers:
    """The numbers of all that was served, before anything of it is lost.

    `bytes_before`: of log before a line of (row, minute), by its place; in proportion if not given.
    """

    def in_proportion(row: int, minute: int, line: int) -> int:
        return int(served.content[row, minute]) * line // max(int(served.lines[row, minute]), 1)

    shape = served.lines.shape
    first, after, epoch = (np.zeros(shape, np.int64) for _ in range(3))
    expected = np.ones(shape, np.bool_)
    names: dict[str, int] = {}
    parts: list[Part] = []
    breaks: dict[int, list[Place]] = {}
    shared: set[int] = set()
    for place in places:
        if place.fault.kind in _NEW_COUNTING:
            for row in place.rows:
                breaks.setdefault(row, []).append(place)
        elif place.fault.kind == "shared_address":
            shared.update(place.rows)
        elif place.fault.kind in ("maintenance", "added", "decommissioned"):
            expected[list(place.rows), _out_of_service(place)] = False
    for row in range(shape[0]):
        by_bytes = fleet.unit(row) == "byte"
        before = bytes_before or in_proportion
        counting = _Counting(row, served, by_bytes, before, fleet.rng(11, row), names, parts)
        if row in shared:
            counting.share(first, after, epoch)
        else:
            counting.count(breaks.get(row, []), first, after, epoch)
    return Numbers(first, after, epoch, tuple(names), tuple(parts), expected)


def _out_of_service(place: Place) -> slice:
    """Minutes in which the edge serves nothing; the first and the last one of a maintenance are partly served."""
    if place.fault.kind == "maintenance" and place.fault.seconds:
        return slice(place.first + 1, place.after - 1)
    return slice(place.first, place.after)


@dataclass(slots=True)
class _Counting:
    row: int
    served: Volumes
    by_bytes: bool
    bytes_before: Callable[[int, int, int], int]
    rng: np.random.Generator
    names: dict[str, int]
    parts: list[Part]

    @property
    def counted(self) -> NDArray[np.int64]:
        """What the numbers count, in each minute."""
        counted: NDArray[np.int64] = self.served.content if self.by_bytes else self.served.lines
        return np.asarray(counted[self.row])

    def count(
        self,
        breaks: list[Place],
        first: NDArray[np.int64],
        after: NDArray[np.int64],
        epoch: NDArray[np.int64],
    ) -> None:
        """One machine; each break ends a counting in mid-minute and begins another."""
        ends = np.cumsum(self.counted)
        starts = ends - self.counted
        cuts = [(place, *self._cut(place.first)) for place in breaks]
        begins = [0, *(int(starts[place.first]) + held for place, _, held, _ in cuts)]
        offsets = []
        for number, begin in enumerate(begins):
            if number < len(cuts) and cuts[number][0].fault.kind == "wrap":
                offsets.append(_WRAP - begins[number + 1])
            else:
                offsets.append(int(self.rng.integers(0, 1 << 30)) if number == 0 else -begin)
        epochs = self._epochs(breaks)
        minute = 0
        for number, (offset, name) in enumerate(zip(offsets, epochs, strict=True)):
            until = breaks[number].first + 1 if number < len(breaks) else len(ends)
            span = slice(minute, until)
            first[self.row, span], after[self.row, span] = starts[span] + offset, ends[span] + offset
            epoch[self.row, span] = name
            minute = until
        for number, (place, lines, held, content) in enumerate(cuts):
            # The minute's own row keeps the old counting's end; what follows the break is its second part.
            rest = int(self.counted[place.first]) - held
            begin = begins[number + 1] + offsets[number + 1]
            after[self.row, place.first] -= rest
            total = int(self.served.lines[self.row, place.first])
            size = int(self.served.content[self.row, place.first])
            self.parts.append(
                Part(
                    self.row,
                    place.first,
                    total - lines,
                    size - content,
                    epochs[number + 1],
                    begin,
                    begin + rest,
                )
            )

    def share(self, first: NDArray[np.int64], after: NDArray[np.int64], epoch: NDArray[np.int64]) -> None:
        """Two machines under one name, each with its own counting, all the time."""
        lines = self.served.lines[self.row]
        theirs = self.rng.binomial(lines, 0.4).astype(np.int64)
        content = np.array(
            [
                int(self.served.content[self.row, minute]) - self.bytes_before(self.row, minute, int(kept))
                for minute, kept in enumerate(lines - theirs)
            ],
            np.int64,
        )
        part = content if self.by_bytes else theirs
        ours = self.counted - part
        start, other = (int(self.rng.integers(0, 1 << 30)) for _ in range(2))
        first[self.row] = np.cumsum(ours) - ours + start
        after[self.row] = first[self.row] + ours
        epoch[self.row] = self._name("a-1")
        name = self._name("b-1")
        for minute in range(len(lines)):
            next_one = other + int(part[minute])
            self.parts.append(
                Part(self.row, minute, int(theirs[minute]), int(content[minute]), name, other, next_one)
            )
            other = next_one

    def _cut(self, minute: int) -> tuple[int, int, int]:
        """Where in the minute a counting ends: lines, numbers and bytes of log before it."""
        lines = int(self.served.lines[self.row, minute])
        before = int(self.rng.integers(0, lines + 1))
        content = self.bytes_before(self.row, minute, before)
        return before, content if self.by_bytes else before, content

    def _epochs(self, breaks: list[Place]) -> list[int]:
        names = ["1"]
        for number, place in enumerate(breaks):
            kind = place.fault.kind
            # An inode that is given again brings a name back that stood for other lines.
            wraps_next = number + 1 < len(breaks) and breaks[number + 1].fault.kind == "wrap"
            reused = kind == "inode_reuse" and number % 2 and not wraps_next
            names.append(names[0] if reused else f"{kind}-{number + 2}")
        return [self._name(name) for name in names]

    def _name(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))
