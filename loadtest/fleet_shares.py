"""Which resource a fleet's lines are of, minute by minute: what an edge serves of each drifts as people come and go."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from loadtest.fleet import Fleet

KNOT = 45
"""Minutes between two points of a resource's walk."""

DRIFT = 0.09
"""How far a resource's part goes from its mean within such a time; 15 % from it in all."""

BYTES_VARIATION = 6.0
"""As of `loadtest.fleet`: the square of a line's bytes' standard deviation over its mean."""


@cache
def _knots(fleet: Fleet, row: int) -> NDArray[np.float64]:
    """What each resource's part is of its mean at each knot of a row; float64[knots, resources]."""
    steps = fleet.rng(16, row).normal(0, DRIFT, (fleet.minutes // KNOT + 2, fleet.resources))
    walk = np.zeros_like(steps)
    for knot in range(1, len(walk)):
        walk[knot] = 0.8 * walk[knot - 1] + steps[knot]
    return np.asarray(np.exp(walk))


def parts_of(fleet: Fleet, row: int, minute: int) -> NDArray[np.float64]:
    """The part of a row's requests that goes to each resource in a minute; float64[resources], sums to 1."""
    knots, between = _knots(fleet, row), minute % KNOT / KNOT
    drift = (1 - between) * knots[minute // KNOT] + between * knots[minute // KNOT + 1]
    parts = fleet.weights(row) * drift
    return np.asarray(parts / parts.sum())


def split_lines(fleet: Fleet, row: int, minute: int, lines: int) -> NDArray[np.int64]:
    """So many lines of a minute by resource; int64[resources]. The same for the same number."""
    drawn = fleet.rng(17, row, minute).multinomial(lines, parts_of(fleet, row, minute))
    return np.asarray(drawn, np.int64)


def split_bytes(
    fleet: Fleet, row: int, minute: int, lines: NDArray[np.int64], sent: int
) -> NDArray[np.float64]:
    """The bytes of a minute by resource, as if each line had drawn its own; float64[resources], sums to `sent`."""
    if not lines.any():
        return np.zeros(len(lines))
    drawn = np.where(
        lines > 0, fleet.rng(18, row, minute).gamma(np.maximum(lines, 1e-9) / BYTES_VARIATION), 0
    )
    return np.asarray(drawn * (sent / drawn.sum())) if drawn.sum() else np.zeros(len(lines))


def customer_sums(fleet: Fleet, by_resource: NDArray[np.float64]) -> dict[str, float]:
    """What is each resource's, added up by customer; without those that have nothing."""
    sums: dict[str, float] = {}
    for resource in np.flatnonzero(by_resource).tolist():
        name = fleet.customer_of(resource)
        sums[name] = sums.get(name, 0.0) + float(by_resource[resource])
    return sums
