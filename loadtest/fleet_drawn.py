"""A fleet while faults strike it: what was served, what its segments hold, when they came, and what is lost by now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from loadtest.fleet import part_of
from loadtest.fleet_shares import customer_sums, parts_of, split_lines
from loadtest.fleet_truth import FleetTruth, Planted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from loadtest.fleet import Fleet, Volumes
    from loadtest.fleet_faults import Place
    from loadtest.fleet_numbers import Numbers

RECEIVED, EMPTY, DAMAGED, QUARANTINED = 1, 2, 3, 4
"""States of a segment, as the ledger's columns count them."""

LINE_BYTES = 165
"""Bytes of log that one line takes."""


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator told of an edge (add, pause, resume, decommission), at an instant in epoch seconds."""

    at: float
    edge: str
    action: str


class Source(Protocol):
    """Where the lines of a minute come from. `how` they go: any of them, the tail, or those of a customer."""

    def weigh(self, row: int, minute: int, lines: int, how: str) -> tuple[int, int]:
        """Takes so many lines out of a minute; their bytes to clients and of log."""

    def count(self, row: int, minute: int, customer: str, share: float) -> int:
        """How many lines of a minute a share of a customer's are."""

    def whose(self, row: int, minute: int, lines: int) -> NDArray[np.float64]:
        """The part of a minute's `lines` lost lines that each resource has, of bytes where it is known; any sum."""


@dataclass(slots=True)
class Weights:
    """Lines that nobody wrote: their bytes are drawn. `gone`: by row and minute, a customer's lines that are lost,
    int64[resources]."""

    fleet: Fleet
    served: Volumes
    gone: dict[tuple[int, int], NDArray[np.int64]] = field(default_factory=dict)

    def weigh(self, row: int, minute: int, lines: int, how: str) -> tuple[int, int]:
        """Bytes as if each line had drawn its own."""
        del how
        held = int(self.served.lines[row, minute])
        sent, content = int(self.served.sent[row, minute]), int(self.served.content[row, minute])
        part = part_of(self.fleet.rng(5, row, minute), sent, lines, held)
        return part, content if lines == held else min(lines * LINE_BYTES, content)

    def count(self, row: int, minute: int, customer: str, share: float) -> int:
        """His lines among those that the minute serves of every resource, or a share of them."""
        fleet = self.fleet
        split = split_lines(fleet, row, minute, int(self.served.lines[row, minute]))
        his = np.array([fleet.customer_of(resource) == customer for resource in range(fleet.resources)])
        gone = fleet.rng(13, row, minute).binomial(np.where(his, split, 0), share).astype(np.int64)
        self.gone[row, minute] = gone
        return int(gone.sum())

    def whose(self, row: int, minute: int, lines: int) -> NDArray[np.float64]:
        """As the minute is served: each line may be any resource's."""
        return parts_of(self.fleet, row, minute) * lines


@dataclass(slots=True)
class Drawn:
    """The fleet while faults strike; arrays are [rows, minutes]. What is `kept` is what the segments hold."""

    fleet: Fleet
    served: Volumes
    source: Source
    numbers: Numbers
    lines: NDArray[np.int64]
    sent: NDArray[np.int64]
    content: NDArray[np.int64]
    duplicates: NDArray[np.int64]
    present: NDArray[np.bool_]
    state: NDArray[np.uint8]
    committed: NDArray[np.float64]
    truth: FleetTruth
    acts: list[Act] = field(default_factory=list)
    edges: dict[str, int | None] = field(default_factory=dict)
    blind: list[tuple[float, float]] = field(default_factory=list)
    resets: list[tuple[int, int, float]] = field(default_factory=list)
    unread: list[tuple[int, int, int]] = field(default_factory=list)
    overlaps: dict[tuple[int, int], int] = field(default_factory=dict)


def undisturbed(fleet: Fleet, served: Volumes, source: Source, numbers: Numbers) -> Drawn:
    """All that was served, in segments that came within 40 seconds."""
    ends = (np.arange(fleet.first, fleet.after) + 1) * 60.0
    return Drawn(
        fleet,
        served,
        source,
        numbers,
        served.lines.copy(),
        served.sent.copy(),
        served.content.copy(),
        np.zeros_like(served.lines),
        numbers.expected.copy(),
        np.where(served.lines > 0, RECEIVED, EMPTY).astype(np.uint8),
        ends + fleet.rng(7).uniform(3, 40, served.lines.shape),
        FleetTruth.of(fleet),
        edges=dict.fromkeys(fleet.names, fleet.first),
    )


def lose(drawn: Drawn, row: int, minute: int, lines: int, how: str = "any") -> None:
    """So many lines of a minute are lost; the truth knows, the numbers do not change."""
    sent, content = drawn.source.weigh(row, minute, lines, how)
    for kept, gone, by in (
        (drawn.lines, drawn.truth.lines, lines),
        (drawn.sent, drawn.truth.sent, sent),
        (drawn.content, drawn.truth.content, content),
    ):
        kept[row, minute] -= by
        gone[row, minute] += by
    drawn.truth.lost[row, minute] = True


def note(drawn: Drawn, place: Place, customer: str | None = None) -> None:
    """Notes what a place lost among the planted: one customer's, or the customers' whose lines are lost."""
    span = slice(place.first, place.after)
    rows = list(place.rows)
    if not drawn.truth.lost[rows, span].any():
        return
    fleet = drawn.fleet
    by_stream = {fleet.pairs[row][1]: _whose(drawn, place, row, customer) for row in rows}
    customers: Counter[str] = Counter()
    for of_stream in by_stream.values():
        customers.update(of_stream)
    drawn.truth.planted.append(
        Planted(
            place.fault.kind,
            fleet.names[place.edge],
            tuple(fleet.pairs[row][1] for row in place.rows),
            place.first + fleet.first,
            place.after + fleet.first,
            int(drawn.truth.lines[rows, span].sum()),
            int(drawn.truth.sent[rows, span].sum()),
            dict(customers),
            by_stream,
        )
    )


def _whose(drawn: Drawn, place: Place, row: int, customer: str | None) -> dict[str, int]:
    """Lost bytes of a row by customer."""
    sent = drawn.truth.sent[row, place.first : place.after]
    if customer is not None:
        return {customer: int(sent.sum())}
    lost = np.zeros(drawn.fleet.resources)
    for minute in np.flatnonzero(sent) + place.first:
        whose = drawn.source.whose(row, int(minute), int(drawn.truth.lines[row, minute]))
        lost += whose * (drawn.truth.sent[row, minute] / max(whose.sum(), 1e-9))
    return {name: round(part) for name, part in customer_sums(drawn.fleet, lost).items()}
