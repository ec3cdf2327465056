"""A drawn fleet behind the methods of the store that coverage reads: the real check runs on months without a database.

It shows what had come by `now`, and keeps the gaps that a check writes, so that their history can be followed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from loadtest.fleet_drawn import DAMAGED
from loadtest.fleet_ledger import take_rows
from pipeline.coverage.claims import DAMAGED_SEGMENTS
from pipeline.coverage.evidence import Evidence
from pipeline.coverage.model import GapState, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from loadtest.fleet_ledger import FleetRun
    from pipeline.coverage.control import Checked, Settings
    from pipeline.coverage.model import Gap, LedgerColumns, Reading, Run

ALLOWANCE_S = 300.0


class _Rows(list[dict[str, Any]]):
    """An answer as the store gives it."""

    def to_pylist(self) -> list[dict[str, Any]]:
        """Its rows."""
        return self


class FleetStore:
    """What coverage asks a store for, answered from a `FleetRun` as it stood at `now`."""

    def __init__(self, run: FleetRun) -> None:
        self.run = run
        self.now = run.ledger.committed.max() + 86_400 if len(run.ledger) else run.fleet.after * 60.0
        self.history: dict[str, list[Gap]] = {}
        order = np.argsort(run.ledger.minute, kind="stable")
        self._ledger = take_rows(run.ledger, order)

    def cut(self) -> int:
        """The greatest row of the ledger; here only its minute matters."""
        return int(self.now)

    def evidence(self, types: Sequence[str], since: float | None = None) -> list[Evidence]:
        """The acts on edges."""
        return [
            Evidence(act.at, "edge", act.edge, "", {"action": act.action}, "operations", act.at)
            for act in self.run.acts
            if "edge" in types and act.at <= self.now and (since is None or act.at >= since)
        ]

    def first_minutes(self) -> dict[Stream, int]:
        """The first minute of each stream in the ledger."""
        ledger = self._seen(self._ledger)
        rows, places = np.unique(ledger.stream, return_index=True)
        return {ledger.streams[row]: int(ledger.minute[at]) for row, at in zip(rows, places, strict=True)}

    def ledger_columns(self, first: int, after: int, *, cut: int | None = None) -> LedgerColumns:
        """The segments of minutes [first, after) that have come."""
        del cut
        begin, end = np.searchsorted(self._ledger.minute, (first, after))
        return self._seen(take_rows(self._ledger, np.arange(begin, end)))

    def query(self, sql: str, params: dict[str, int]) -> _Rows:
        """Answers the one question that coverage asks in SQL: which segments are damaged, and what was wrong."""
        if sql != DAMAGED_SEGMENTS:
            raise NotImplementedError(f"expected the statement for damaged segments, found {sql[:80]!r}")
        ledger, truth = self.ledger_columns(params["first"], params["after"]), self.run.truth
        rows = []
        for at in np.flatnonzero(ledger.state == DAMAGED):
            row, minute, lines = int(ledger.stream[at]), int(ledger.minute[at]), int(ledger.lines[at])
            had = lines + int(truth.lines[row, minute - truth.first])
            edge, stream = truth.pairs[row]
            reason = f"{lines} lines, the sidecar claims {had}"
            rows.append(
                {"edge": edge, "stream": stream, "at_s": minute * 60, "state": "damaged", "reason": reason}
            )
        return _Rows(rows)

    def beats(self, since: float, until: float) -> NDArray[np.float64]:
        """The beats of a stretch."""
        begin, end = np.searchsorted(self.run.beats, (since, until))
        return self.run.beats[begin:end]

    def readings(self, since: float, until: float, edge: str | None = None) -> list[Reading]:
        """The readings of a stretch that have come."""
        return [
            reading
            for reading in self.run.readings
            if since <= reading.at < until and reading.at <= self.now and edge in (None, reading.edge)
        ]

    def usage_blocks(
        self, edge: str, stream: str | None, bounds: Sequence[int], cut: int
    ) -> list[tuple[int, str, int, int]]:
        """What came in each block of minutes: (block, resource, bytes, requests)."""
        del cut
        return [
            (block, *row)
            for block, (first, after) in enumerate(pairwise(bounds))
            for row in self.run.usage(edge, stream or "*", first, after)
        ]

    def gaps(self, states: Iterable[GapState] | None = None) -> list[Gap]:
        """Each gap as it stands."""
        wanted = set(states) if states is not None else set(GapState)
        return [versions[-1] for versions in self.history.values() if versions[-1].state in wanted]

    def write_gaps(self, gaps: Iterable[Gap]) -> None:
        """Keeps the gaps as they stand now."""
        for gap in gaps:
            self.history.setdefault(gap.id, []).append(gap)

    def write_coverage(self, first: int, after: int, runs: Iterable[Run], checked_at: float) -> None:
        """Nothing here shows it."""

    def _seen(self, ledger: LedgerColumns) -> LedgerColumns:
        return take_rows(ledger, np.flatnonzero(ledger.committed <= self.now))


def check_fleet(
    store: FleetStore, *, now: float | None = None, first: int | None = None, after: int | None = None
) -> Checked:
    """One check of the fleet's minutes (all of them, and at the end of all, if not told), its gaps written down."""
    from pipeline.coverage.control import check, record

    fleet = store.run.fleet
    if now is not None:
        store.now = now
    checked = check(
        store,  # type: ignore[arg-type]  # it has the methods that coverage calls
        make_settings(store.run),
        now=store.now,
        first=fleet.first if first is None else first,
        after=fleet.after if after is None else after,
        firsts=store.first_minutes(),
    )
    record(store, checked)  # type: ignore[arg-type]
    return checked


def make_settings(run: FleetRun) -> Settings:
    """What the configuration of the fleet would say."""
    from pipeline.coverage.control import Settings
    from pipeline.coverage.roster import ConfiguredEdge

    fleet = run.fleet
    owners = {name: fleet.customer_of(number) for number, name in enumerate(fleet.resource_names())}
    edges = tuple(
        ConfiguredEdge(name, first * 60.0, streams=tuple(fleet.streams), counters=bool(fleet.counter_every))
        for name, first in run.edges.items()
        if first is not None
    )
    return Settings(edges=edges, allowance_s=ALLOWANCE_S, owner=owners.get)
