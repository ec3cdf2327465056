"""What gaps cost, as it was last rated, in the store: pipeline.app.coverage.gap_money writes and reads it, the view
`gaps` shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.store.instants import instants, micros, seconds
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    from pipeline.store.sessions import Sessions

GAPS_AT_ONCE = 5_000
_COLUMNS = (
    "gap, toUnixTimestamp64Micro(updated), minutes, basis, low, expected, high, currency, body,"
    " toUnixTimestamp64Micro(rated_at)"
)


@dataclass(frozen=True, slots=True)
class RatedGap:
    """A gap's money: of which state of the gap (`updated`, epoch seconds, and its minutes), under which contracts and
    plans (`basis`), what in one sum (decimal strings, empty without one), and all of it."""

    gap: str
    updated: float
    minutes: int
    basis: str
    rated_at: float
    low: str = ""
    expected: str = ""
    high: str = ""
    currency: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)

    def is_of(self, updated: float, basis: str) -> bool:
        """Whether it was rated for this state of the gap, under these contracts and plans."""
        return micros(self.updated) == micros(updated) and self.basis == basis


def write_gap_money(sessions: Sessions, rated: Sequence[RatedGap]) -> None:
    """Takes the place of what was rated before."""
    import pyarrow as pa

    if not rated:
        return
    columns: dict[str, Any] = {
        name: [getattr(row, name) for row in rated]
        for name in ("gap", "basis", "low", "expected", "high", "currency")
    }
    columns |= {
        "minutes": pa.array([row.minutes for row in rated], pa.uint32()),
        "updated": instants(row.updated for row in rated),
        "body": [json.dumps(row.body, ensure_ascii=False) for row in rated],
        "rated_at": instants(row.rated_at for row in rated),
    }
    sessions.insert("gap_money", pa.table(columns))


def read_gap_money(sessions: Sessions, gaps: Sequence[str]) -> dict[str, RatedGap]:
    """By gap, what was rated last, of those of these gaps that ever were."""
    found = {}
    for at in range(0, len(gaps), GAPS_AT_ONCE):
        named = names_subquery(list(gaps[at : at + GAPS_AT_ONCE]))
        rows = sessions.rows(
            f"SELECT {_COLUMNS} FROM gap_money WHERE gap IN ({named})"  # noqa: S608 - names are quoted there
            " ORDER BY gap, gap_money.rated_at DESC LIMIT 1 BY gap"
        )
        for gap, updated, count, basis, low, expected, high, currency, body, rated_at in rows:
            found[gap] = RatedGap(
                gap,
                seconds(updated),
                int(count),
                basis,
                seconds(rated_at),
                low,
                expected,
                high,
                currency,
                json.loads(body),
            )
    return found
