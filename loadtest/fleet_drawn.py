"""A fleet while faults strike it: what was served, what its segments hold, when they came, and what is lost by now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from loadtest.fleet import part_of
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


@dataclass(slots=True)
class Weights:
    """Lines that nobody wrote: their bytes are drawn."""

    fleet: Fleet
    served: Volumes

    def weigh(self, row: int, minute: int, lines: int, how: str) -> tuple[int, int]:
        """Bytes as if each line had drawn its own."""
        del how
        held = int(self.served.lines[row, minute])
        sent, content = int(self.served.sent[row, minute]), int(self.served.content[row, minute])
        part = part_of(self.fleet.rng(5, row, minute), sent, lines, held)
        return part, content if lines == held else min(lines * LINE_BYTES, content)

    def count(self, row: int, minute: int, customer: str, share: float) -> int:
        """A number around the customer's part of the edge's requests."""
        weights = self.fleet.weights(row // len(self.fleet.streams))
        part = sum(float(w) for r, w in enumerate(weights) if self.fleet.customer_of(r) == customer) * share
        held = int(self.served.lines[row, minute])
        return int(self.fleet.rng(13, row, minute).binomial(held, min(part, 1.0)))


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


def note(drawn: Drawn, place: Place, customers: dict[str, int] | None = None) -> None:
    """Notes what a place lost among the planted; by default it hits customers as they are served there."""
    span = slice(place.first, place.after)
    rows = list(place.rows)
    if not drawn.truth.lost[rows, span].any():
        return
    fleet = drawn.fleet
    sent = int(drawn.truth.sent[rows, span].sum())
    if customers is None:
        customers = {}
        for resource, weight in enumerate(fleet.weights(place.edge)):
            name = fleet.customer_of(resource)
            customers[name] = customers.get(name, 0) + int(weight * sent)
    drawn.truth.planted.append(
        Planted(
            place.fault.kind,
            fleet.names[place.edge],
            tuple(fleet.pairs[row][1] for row in place.rows),
            place.first + fleet.first,
            place.after + fleet.first,
            int(drawn.truth.lines[rows, span].sum()),
            sent,
            customers,
        )
    )
