"""A whole CDN as numbers: a `Fleet` in, lines and bytes of every stream and minute out, before anything goes wrong.

The rhythm is a CDN's own: edges of unequal size in three time zones, days and weeks, holidays, flash crowds, edges that
serve nothing at night. `fleet_ledger` makes ledger rows of it, `fleet_files` log files; both begin from the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loadtest.names import make_resources
from loadtest.traffic import START_S, weigh_resources

if TYPE_CHECKING:
    from numpy.typing import NDArray

ZONES = (("ru-central", 3), ("ru-ural", 5), ("eu", 1))
"""Zones, and how many hours their clocks are ahead of UTC; edges are in them in turn."""

DAY = 1440
_VARIATION = 6.0
"""The square of a line's bytes' standard deviation over its mean: as of the sizes that `loadtest.traffic` draws."""

_BYTES_PER_LINE, _LOG_PER_LINE = 78_000.0, 165


@dataclass(frozen=True, slots=True)
class Fleet:
    """How large the CDN is and how it lives.

    `lines`: a minute of an average stream at an average hour. `units`: what each edge's sequence numbers count, in
    turn: line, byte or none. `counter_every`: minutes between two readings of an edge's counters, 0 for no counters.
    `night_zero`: of a hundred edges, those that serve nothing from 01:00 to 05:00. `holidays`: days from the first,
    with a third of the traffic. `flashes`: crowds of half an hour with ten times an edge's traffic.
    """

    edges: int = 6
    minutes: int = 180
    seed: int = 1
    start_s: int = START_S
    streams: tuple[str, ...] = ("access",)
    resources: int = 60
    customers: int = 12
    lines: float = 300.0
    units: tuple[str, ...] = ("line",)
    counter_every: int = 1
    night_zero: int = 0
    holidays: tuple[int, ...] = ()
    flashes: int = 0

    @property
    def first(self) -> int:
        """The first minute."""
        return self.start_s // 60

    @property
    def after(self) -> int:
        """The minute after the last."""
        return self.first + self.minutes

    @property
    def names(self) -> tuple[str, ...]:
        """The edges' names, in their own and in alphabetical order."""
        width = len(str(self.edges))
        return tuple(f"e{number:0{width}d}" for number in range(1, self.edges + 1))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every (edge, stream), in order: the rows of all arrays of a fleet."""
        return tuple((edge, stream) for edge in self.names for stream in sorted(self.streams))

    def unit(self, row: int) -> str:
        """What the sequence numbers of a row count."""
        return self.units[row // len(self.streams) % len(self.units)]

    def zone(self, edge: int) -> tuple[str, int]:
        """The zone of an edge and its hours ahead of UTC."""
        return ZONES[edge % len(ZONES)]

    def rng(self, *what: int) -> np.random.Generator:
        """Random numbers for one purpose; what one draws does not change another's."""
        return np.random.default_rng([self.seed, *what])

    def customer_of(self, resource: int) -> str:
        """The customer that a resource belongs to."""
        return f"c{resource % self.customers + 1}"

    def resource_names(self) -> list[str]:
        """The resources' host names, by number."""
        return make_resources(self.resources, self.seed)

    def ranks(self, row: int) -> NDArray[np.int64]:
        """The resource at each Zipf rank on a row: what is asked for most differs from edge to edge, and from stream
        to stream."""
        return self.rng(1, row).permutation(self.resources).astype(np.int64)

    def weights(self, row: int) -> NDArray[np.float64]:
        """The usual part of a row's requests that goes to each resource; float64[resources], sums to 1."""
        weights = np.empty(self.resources)
        weights[self.ranks(row)] = weigh_resources(self.resources)
        weights /= weights.sum()
        return weights


@dataclass(frozen=True, slots=True)
class Volumes:
    """What each stream served in each minute; int64[rows, minutes]. `content`: bytes of the log itself."""

    lines: NDArray[np.int64]
    sent: NDArray[np.int64]
    content: NDArray[np.int64]


def draw_volumes(fleet: Fleet) -> Volumes:
    """Lines and bytes of every row and minute."""
    lines = np.stack([_lines(fleet, row) for row in range(len(fleet.pairs))])
    sent, content = np.empty_like(lines), np.empty_like(lines)
    for row in range(len(lines)):
        rng = fleet.rng(3, row)
        per_line = _BYTES_PER_LINE * rng.uniform(0.4, 2.5) * _drift(rng, fleet.minutes, 0.15)
        sent[row] = rng.gamma(np.maximum(lines[row], 0.01) / _VARIATION) * per_line * _VARIATION
        content[row] = lines[row] * _LOG_PER_LINE + rng.normal(0, 20, fleet.minutes) * np.sqrt(lines[row])
    sent[lines == 0] = 0
    return Volumes(lines, np.maximum(sent, lines * 180), np.maximum(content, lines * 60))


def part_of(rng: np.random.Generator, total: int, part: int, lines: int) -> int:
    """The bytes of `part` out of `lines` lines that have `total` bytes: as if each line had drawn its own."""
    if part in (0, lines):
        return total if part else 0
    return int(total * rng.beta(part / _VARIATION, (lines - part) / _VARIATION))


def _lines(fleet: Fleet, row: int) -> NDArray[np.int64]:
    edge = row // len(fleet.streams)
    rng = fleet.rng(2, row)
    minute = np.arange(fleet.first, fleet.after)
    local = minute + 60 * fleet.zone(edge)[1]
    hour = local % DAY / 60
    # Least at 05:00, most at 21:00, as of sites that people look at in the evening.
    day = 0.25 + 0.75 * (1 - np.cos((hour - 5) / 16 * np.pi)) / 2 * (hour >= 5)
    day = np.where(hour < 5, 0.25 + 0.6 * (1 - (hour + 3) / 8), day)
    weekend = np.isin((local // DAY + 3) % 7, (5, 6))
    size = fleet.lines * (0.4 + rng.pareto(2.5))
    mean: NDArray[np.float64] = size * day * np.where(weekend, 1.3, 1.0) * _drift(rng, fleet.minutes, 0.12)
    mean[np.isin((minute - fleet.first) // DAY, fleet.holidays)] /= 3
    for crowd in range(fleet.flashes):
        if crowd % fleet.edges == edge:
            at = int(rng.integers(0, max(1, fleet.minutes - 40)))
            mean[at : at + 30] *= 10
    if edge * fleet.night_zero // 100 != (edge + 1) * fleet.night_zero // 100:
        mean[(hour >= 1) & (hour < 5)] = 0
    return rng.poisson(mean).astype(np.int64)


def _drift(rng: np.random.Generator, minutes: int, size: float) -> NDArray[np.float64]:
    """A slow walk around 1 that forgets itself in some hours."""
    knots = minutes // 45 + 3
    walk = np.empty(knots)
    walk[0] = 0.0
    for knot in range(1, knots):
        walk[knot] = 0.8 * walk[knot - 1] + rng.normal(0, size * 0.6)
    return np.exp(np.interp(np.arange(minutes) / 45, np.arange(knots), walk))
