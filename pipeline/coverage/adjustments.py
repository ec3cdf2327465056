"""Adjustments of closed periods: what a customer's usage is now less what it was at the close's cut, by resource and
minute, on the period itself. Pure: store/closes.py brings the changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.instants import minute_text
from pipeline.model import MEASURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.coverage.model import Close


@dataclass(frozen=True, slots=True)
class Changes:
    """Usage now less usage at an earlier cut, as columns: a row per (resource, minute, edge) that differs, so ordered.

    `resources`, `edges`, `zones`: distinct names. `resource`, `edge`, `zone`: uint32[n], places in them. `minute`:
    uint32[n]. `sums`: int64[6, n] in the order of MEASURES; a row of zeros does not occur.
    """

    resources: tuple[str, ...]
    edges: tuple[str, ...]
    zones: tuple[str, ...]
    resource: NDArray[np.uint32]
    minute: NDArray[np.uint32]
    edge: NDArray[np.uint32]
    zone: NDArray[np.uint32]
    sums: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.minute)

    def take(self, rows: NDArray[Any]) -> Changes:
        """Some of the rows, by place or by truth."""
        return Changes(
            self.resources, self.edges, self.zones, self.resource[rows], self.minute[rows], self.edge[rows],
            self.zone[rows], self.sums[:, rows],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What came, or went, in a customer's closed month after its close; `cut` is that of now."""

    close: Close
    cut: int
    changes: Changes

    @property
    def totals(self) -> dict[str, int]:
        """The sum of each measure; may be below zero."""
        return {name: int(self.changes.sums[place].sum()) for place, name in enumerate(MEASURES)}

    def to_json(self) -> dict[str, Any]:
        """The sums and where they lie; the rows are in `changes`."""
        minutes = self.changes.minute
        return {
            "customer": self.close.customer,
            "period": self.close.period,
            "closed_cut": self.close.cut,
            "cut": self.cut,
            "rows": len(self.changes),
            "from": minute_text(int(minutes.min())),
            "to": minute_text(int(minutes.max()) + 1),
            "resources": sorted(
                {self.changes.resources[place] for place in np.unique(self.changes.resource)}
            ),
            **self.totals,
        }


def adjust(
    closes: Iterable[Close],
    changes_of: Callable[[int, int, int], Changes],
    *,
    cut: int,
    counted: Mapping[int, Sequence[str]],
    owner: Callable[[str], str | None],
) -> list[Adjustment]:
    """The adjustments of closed months, by customer and time; months in which nothing changed have none.

    `changes_of(cut of the close, first, after)`; closes of one cut and zone share one call. `counted`: the resources
    that each close counted, by its id. A resource belongs to whom it belonged then; only one that no close of these
    minutes counted goes by `owner`, that is by the configuration of now. So all closes of the minutes are to be given.
    """
    closes = list(closes)
    together: dict[tuple[int, int, int], list[Close]] = {}
    takers: dict[str, list[Close]] = {}
    for close in closes:
        together.setdefault((close.cut, close.first, close.after), []).append(close)
        for name in counted.get(close.id, ()):
            takers.setdefault(name, []).append(close)
    found = []
    for (closed_cut, first, after), group in sorted(together.items()):
        if cut <= closed_cut:
            continue
        changes = changes_of(closed_cut, first, after)
        by_customer = {close.customer: close for close in group}
        mine = {close.id: close for close in group}
        places: dict[int, list[int]] = {}
        for place, name in enumerate(changes.resources):
            taken = [each for each in takers.get(name, ()) if each.first < after and each.after > first]
            theirs = (
                next((each for each in taken if each.id in mine), None)
                if taken
                else by_customer.get(owner(name) or "")
            )
            if theirs is not None:
                places.setdefault(theirs.id, []).append(place)
        for close_id, names in places.items():
            rows = np.isin(changes.resource, np.array(names, np.uint32))
            if rows.any():
                found.append(Adjustment(mine[close_id], cut, changes.take(rows)))
    return sorted(found, key=lambda each: (each.close.customer, each.close.first))
