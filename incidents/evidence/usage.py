"""Usage of the last minutes, to lines of evidence: edges in whole, customers as far as they matter; pure.

An edge's minute is whole once all streams that it has are in, undamaged, and nothing more came for a moment: only then
does it say that somebody got less than usual. Answers 5xx are told at once, however little is in.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from incidents.evidence.lines import traffic_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Set as AbstractSet


class Served(NamedTuple):
    """What was served; the sum of two is what was served in both."""

    requests: int = 0
    errors_5xx: int = 0
    bytes_sent: int = 0

    def plus(self, other: Served) -> Served:
        return Served(self[0] + other[0], self[1] + other[1], self[2] + other[2])


Minute = tuple[str, int]
"""An edge and a minute since 1970."""


class TrafficTold:
    """Remembers what was told of the last minutes, and tells what is new or another."""

    def __init__(self) -> None:
        self._told: dict[Minute, dict[str, Served]] = defaultdict(dict)

    def lines(
        self,
        served: Mapping[Minute, Mapping[str, Served]],
        whole: AbstractSet[Minute],
        wanted: AbstractSet[str],
        now: float,
        burning: AbstractSet[str] = frozenset(),
    ) -> list[dict[str, Any]]:
        """What to tell of these minutes. `served`: by customer, and "" for all; `whole`: the minutes that are in;
        `wanted`: customers of whom all is told, a minute in which they got nothing too. Of who has errors, or is among
        `burning`, good minutes are told too, for the share: a minute of errors alone is no share of anything."""
        lines = []
        erring = {name for cells in served.values() for name, cell in cells.items() if cell.errors_5xx > 0}
        erring |= burning
        known = self._customers() if wanted else {}
        for edge, minute in sorted(served.keys() | whole, key=lambda cell: (cell[1], cell[0])):
            told = self._told[edge, minute]
            cells = dict(served.get((edge, minute), {}))
            is_whole = (edge, minute) in whole
            if is_whole:
                here = wanted & known.get(edge, set())
                cells = {**dict.fromkeys(here, Served()), "": Served(), **cells}
            for customer, cell in sorted(cells.items()):
                matters = customer == "" or customer in wanted or customer in erring or customer in told
                if told.get(customer) == cell or not matters or not (is_whole or cell.errors_5xx):
                    continue
                told[customer] = cell
                lines.append(
                    traffic_line(
                        edge, minute, now, customer=customer, requests=cell.requests,
                        errors_5xx=cell.errors_5xx, bytes_sent=cell.bytes_sent,
                        for_errors=bool(customer) and customer not in wanted,
                    )
                )  # fmt: skip
        return lines

    def _customers(self) -> dict[str, set[str]]:
        """By edge, of whom anything was told there."""
        found: dict[str, set[str]] = defaultdict(set)
        for (edge, _), told in self._told.items():
            found[edge].update(told)
        for names in found.values():
            names.discard("")
        return found

    def forget(self, before: int) -> None:
        """Minutes before this one are told no more."""
        for cell in [cell for cell in self._told if cell[1] < before]:
            del self._told[cell]


def sums(rows: Iterable[tuple[str, int, str, int, int, int]]) -> dict[Minute, Served]:
    """The same rows by edge and minute, whoever's they are."""
    found: dict[Minute, list[int]] = {}
    for edge, minute, _, requests, errors, bytes_sent in rows:
        cell = found.get((edge, minute))
        if cell is None:
            found[edge, minute] = [requests, errors, bytes_sent]
        else:
            cell[0] += requests
            cell[1] += errors
            cell[2] += bytes_sent
    return {cell: Served(*figures) for cell, figures in found.items()}


def by_customer(
    rows: Iterable[tuple[str, int, str, int, int, int]], owner: Callable[[str], str | None]
) -> dict[Minute, dict[str, Served]]:
    """Rows of (edge, minute, resource, requests, errors, bytes) by customer; a resource that is nobody's is left out,
    an empty one is all."""
    found: dict[Minute, dict[str, Served]] = defaultdict(dict)
    for edge, minute, resource, requests, errors, bytes_sent in rows:
        customer = owner(resource) if resource else ""
        if customer is None:
            continue
        cells = found[edge, minute]
        known = cells.get(customer)
        more = Served(requests, errors, bytes_sent)
        cells[customer] = more if known is None else known.plus(more)
    return found


def fallen(
    now: Mapping[str, float], references: Iterable[Mapping[str, float]], *, share: float, floor: float
) -> set[str]:
    """Whose level is below `share` of the least of his references, each of which is `floor` at least.

    A level per minute. References: of the hour before, of a day and of a week ago, as far as there are any: who is
    quiet at this time every day has not fallen, nor has who was loud for an hour.
    """
    known = [reference for reference in references if reference]
    if not known:
        return set()
    names = set.intersection(*(set(reference) for reference in known))
    return {
        name
        for name in names
        if (usual := min(reference[name] for reference in known)) >= floor
        and now.get(name, 0.0) < share * usual
    }
