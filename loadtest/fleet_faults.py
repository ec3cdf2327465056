"""Finds where a scenario's faults strike: a fleet and its faults in, places out that do not touch, by the seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loadtest.fleet_scenario import WHOLE_EDGE, ScenarioError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from loadtest.fleet import Fleet
    from loadtest.fleet_scenario import Fault, Scenario

APART = 3
"""Sound minutes between two faults of an edge at least, so that each has a gap of its own."""

_WHOLE_FLEET = ("downtime", "shuffle", "again")
"""Faults that are no edge's own and may fall on others."""

_NEEDS_LINES = ("repeated", "overlap")
_NEEDS_NUMBERS = ("restart", "wrap", "rotation", "inode_reuse")
_TRIES = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """Where one fault strikes: an edge by number (-1: the fleet), rows, minutes [first, after) from the first."""

    fault: Fault
    edge: int
    rows: tuple[int, ...]
    first: int
    after: int


def place_faults(scenario: Scenario) -> list[Place]:
    """Every fault's places in order of time; raises ScenarioError where there is no room for them."""
    fleet = scenario.fleet
    rng = fleet.rng(4)
    taken = np.zeros((fleet.edges, fleet.minutes + 2 * APART), np.bool_)
    places: list[Place] = []
    # Those with a place of their own come first; the others go round them.
    for fault in sorted(
        scenario.fault, key=lambda f: (f.kind not in WHOLE_EDGE, f.at is None, f.edge is None)
    ):
        count = 1 if fault.at is not None else fault.count
        places.extend(_place(fleet, fault, rng, taken) for _ in range(count))
    return sorted(places, key=lambda place: (place.first, place.edge, place.rows))


def _place(fleet: Fleet, fault: Fault, rng: np.random.Generator, taken: NDArray[np.bool_]) -> Place:
    whole = fault.kind in WHOLE_EDGE
    for _ in range(_TRIES):
        minutes = fleet.minutes if whole else int(rng.integers(fault.minutes[0], fault.minutes[1] + 1))
        edge = fleet.names.index(fault.edge) if fault.edge else int(rng.integers(0, fleet.edges))
        first = _first(fleet, fault, rng, minutes)
        after = first + minutes
        if first < 0 or after > fleet.minutes or not _fits(fleet, fault, edge):
            continue
        if fault.kind in _WHOLE_FLEET:
            return Place(fault, -1, tuple(range(len(fleet.pairs))), first, after)
        around = taken[edge, first : after + 2 * APART]
        if around.any():
            continue
        taken[edge, first + APART : after + APART] = True
        return Place(fault, edge, _rows(fleet, edge, fault.stream), first, after)
    raise ScenarioError(
        f"fault {fault.kind}: expected room for {fault.count} of {fault.minutes} minutes on {fault.edge or 'any edge'}"
        f", found none in {fleet.edges} edges x {fleet.minutes} minutes: plant fewer, or make the fleet larger"
    )


def _first(fleet: Fleet, fault: Fault, rng: np.random.Generator, minutes: int) -> int:
    if fault.kind in WHOLE_EDGE:
        return 0
    if fault.at is None:
        # A fault that needs a neighbour has one on both sides.
        return int(rng.integers(1, max(2, fleet.minutes - minutes)))
    return fault.at if fault.at >= 0 else fleet.minutes + fault.at - minutes + 1


def _fits(fleet: Fleet, fault: Fault, edge: int) -> bool:
    unit = fleet.unit(edge * len(fleet.streams))
    if fault.kind in _NEEDS_LINES:
        return unit == "line"
    return unit != "none" if fault.kind in _NEEDS_NUMBERS else True


def _rows(fleet: Fleet, edge: int, stream: str | None) -> tuple[int, ...]:
    streams = sorted(fleet.streams)
    return tuple(
        edge * len(streams) + place for place, name in enumerate(streams) if stream in (None, "*", name)
    )
