"""What is too old for the watch: evidence of before its horizon is kept and never taken up; who adds it is told."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from incidents.words import instant_text
from pipeline.app.terminal import plural
from pipeline.coverage.evidence import EVENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.coverage.evidence import Evidence
    from pipeline.store.store import Store

HORIZON_S = 3600.0
"""What was true so long before the first watch of a store began is history."""

LASTING = ("edge", "maintenance")
"""Types that hold until something else is said, and are taken up however old they are."""

_ALSO_ELSEWHERE = ("counter",)
"""Of use however old they are: coverage reads them over all of its reach."""


def too_old(rows: Sequence[Evidence], horizon: float) -> list[Evidence]:
    """Those that no watch takes up."""
    spared = (*LASTING, *_ALSO_ELSEWHERE)
    return [row for row in rows if row.type in EVENTS and row.type not in spared and row.at < horizon]


def horizon_of(store: Store, now: float) -> tuple[float, bool]:
    """The time before which nothing is taken up, and whether a watch has begun; before the first one, as if it began
    now."""
    began = store.incidents.began()
    return (now if began is None else began) - HORIZON_S, began is not None


def warning(old: Sequence[Evidence], horizon: float, *, begun: bool) -> str:
    """How many, which horizon, what to do."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(Counter(row.type for row in old).items()))
    hour = (
        "an hour before the first watch of this store began"
        if begun
        else "an hour ago, and no watch has begun"
    )
    return (
        f"warning: {plural(len(old), 'event')} ({kinds}) of before {instant_text(horizon)}, {hour}: kept, and taken up"
        " by no watch. Add what still holds with the time at which that is known; `prebill incidents replay` shows what"
        " the rest would have led to."
    )
