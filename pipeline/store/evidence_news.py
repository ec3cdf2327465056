"""What evidence came since the last look, for the incident engine: each line once, however late it was added."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.coverage.evidence import Evidence
from pipeline.store.instants import micros, seconds
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.store.sessions import Sessions

SLACK_S = 2.0
"""Rows added so much earlier than the newest that is known are asked for again; what comes later still is found by
counting."""


@dataclass
class EvidenceNews:
    """Reads what is new; for one thread. `types`: those wanted. `horizon`: what is true of before it (epoch seconds)
    is not taken up, but for `lasting` types, which hold until something else is said."""

    sessions: Sessions
    types: Sequence[str]
    horizon: float
    lasting: Sequence[str] = ()
    _seen: int = -1
    _newest: float = 0.0
    _recent: dict[str, float] = field(default_factory=dict)

    def read(self) -> list[Evidence]:
        """Lines that are not in the incident log and were not handed out yet, in the order of their times."""
        count = int(self.sessions.one("SELECT count() FROM evidence"))
        if count == self._seen:
            return []
        if self._seen < 0:
            newest = self.sessions.one("SELECT max(toUnixTimestamp64Micro(added_at)) FROM evidence")
            self._newest = seconds(newest)
            there = self._added()  # asked before the rest: what comes between the two is handed out
            rows = self._untaken()
            self._note(there)
        else:
            rows = self._added()
            found = len(rows)
            self._note(rows)
            if found < count - self._seen:
                # some came with an older time than was asked for: all that the log does not have
                rows += [row for row in self._untaken() if row.key not in self._recent]
        self._note(rows)
        self._seen = count
        return sorted((row for row in rows if self._is_wanted(row)), key=lambda row: (row.at, row.key))

    def _is_wanted(self, row: Evidence) -> bool:
        return row.type in self.types and (row.at >= self.horizon or row.type in self.lasting)

    def _added(self) -> list[Evidence]:
        rows = self._rows(
            "added_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')",
            {"since": micros(self._newest - SLACK_S)},
        )
        return [row for row in rows if row.key not in self._recent]

    def _untaken(self) -> list[Evidence]:
        lasting = f" OR type IN ({names_subquery(list(self.lasting))})"
        return self._rows(
            f"type IN ({names_subquery(list(self.types))})"
            f" AND (at >= fromUnixTimestamp64Micro({{horizon:Int64}}, 'UTC'){lasting})"
            " AND key NOT IN (SELECT key FROM incident_events)",
            {"horizon": micros(self.horizon)},
        )

    def _rows(self, where: str, params: dict[str, int]) -> list[Evidence]:
        rows = self.sessions.rows(
            "SELECT toUnixTimestamp64Micro(at), type, edge, stream, body, actor, toUnixTimestamp64Micro(added_at),"
            f" lower(hex(key)) AS k FROM evidence WHERE {where} ORDER BY evidence.at, k, added_at LIMIT 1 BY k",
            params,
        )
        return [
            Evidence(seconds(at), kind, edge, stream, json.loads(body), actor, seconds(added))
            for at, kind, edge, stream, body, actor, added, _ in rows
        ]

    def _note(self, rows: Sequence[Evidence]) -> None:
        self._newest = max([self._newest, *(row.added_at for row in rows)])
        self._recent.update((row.key, row.added_at) for row in rows)
        if len(self._recent) > 100_000:
            self._recent = {k: at for k, at in self._recent.items() if at >= self._newest - 2 * SLACK_S}
