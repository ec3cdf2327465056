"""A scenario as ledger rows, counters, beats and acts, without a file written: months of a fleet in seconds.

What is drawn here stands for what the pipeline would have committed, had the fleet's logs come as the faults let them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from loadtest.fleet import draw_volumes, part_of
from loadtest.fleet_drawn import EMPTY, RECEIVED, Act, Drawn, Weights, undisturbed
from loadtest.fleet_faults import place_faults
from loadtest.fleet_numbers import draw_numbers
from loadtest.fleet_shares import split_bytes, split_lines
from loadtest.fleet_strikes import still, strike
from pipeline.coverage.model import LedgerColumns, Reading, Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from loadtest.fleet import Fleet
    from loadtest.fleet_scenario import Scenario
    from loadtest.fleet_truth import FleetTruth

BEAT_S = 20
_COLUMNS = (
    *("stream", "minute", "state", "lines", "duplicates", "bytes_sent", "content_bytes"),
    *("epoch", "first", "next", "unit", "committed"),
)
_UNITS = {"none": 0, "line": 1, "byte": 2}
_IN_FLIGHT = 0.002
"""The part of a minute's requests that are under way at its end: counted already, logged in the next minute."""


@dataclass(frozen=True, slots=True)
class FleetRun:
    """All that coverage gets to see of a scenario, and the truth. `edges`: name and first minute that the configuration
    expects, None for those that an act adds. `kept_lines`, `kept_sent`: int64[rows, minutes], what the segments hold;
    `gone`: by row and minute, a customer's lines that they do not hold, int64[resources]."""

    scenario: Scenario
    ledger: LedgerColumns
    readings: list[Reading]
    beats: NDArray[np.float64]
    acts: tuple[Act, ...]
    edges: dict[str, int | None]
    truth: FleetTruth
    kept_sent: NDArray[np.int64]
    kept_lines: NDArray[np.int64]
    gone: dict[tuple[int, int], NDArray[np.int64]] = field(default_factory=dict)

    @property
    def fleet(self) -> Fleet:
        """The fleet of the scenario."""
        return self.scenario.fleet

    def usage(self, edge: str, stream: str, first: int, after: int) -> list[tuple[str, int, int]]:
        """(resource, bytes, requests) of minutes [first, after) that came of an edge's stream, or of all (`*`)."""
        fleet = self.fleet
        lines, sent = np.zeros(fleet.resources, np.int64), np.zeros(fleet.resources)
        since, until = (min(max(0, minute - fleet.first), fleet.minutes) for minute in (first, after))
        for row in self.truth.rows(edge, stream):
            for minute in (np.flatnonzero(self.kept_lines[row, since:until]) + since).tolist():
                kept = int(self.kept_lines[row, minute])
                gone = self.gone.get((row, minute))
                if gone is None:
                    split = split_lines(fleet, row, minute, kept)
                else:
                    split = split_lines(fleet, row, minute, kept + int(gone.sum())) - gone
                lines += split
                sent += split_bytes(fleet, row, minute, split, int(self.kept_sent[row, minute]))
        names = fleet.resource_names()
        return [(names[at], int(sent[at]), int(lines[at])) for at in np.flatnonzero(lines).tolist()]


def draw_fleet(scenario: Scenario) -> FleetRun:
    """The scenario's ledger, counters, beats, acts and truth."""
    fleet = scenario.fleet
    places = place_faults(scenario)
    served = draw_volumes(fleet)
    for place in places:
        still(served, place)
    numbers = draw_numbers(fleet, served, places)
    drawn = undisturbed(fleet, served, Weights(fleet, served), numbers)
    for place in places:
        strike(drawn, place)
    delay(drawn)
    return as_run(scenario, drawn)


def as_run(scenario: Scenario, drawn: Drawn) -> FleetRun:
    """What coverage gets to see of a fleet that faults have struck."""
    return FleetRun(
        scenario,
        _columns(drawn),
        read_counters(drawn),
        beat(drawn),
        tuple(sorted(drawn.acts, key=lambda act: act.at)),
        drawn.edges,
        drawn.truth,
        np.where(drawn.present, drawn.sent, 0),
        np.where(drawn.present, drawn.lines, 0),
        drawn.source.gone if isinstance(drawn.source, Weights) else {},
    )


def delay(drawn: Drawn) -> None:
    """What came while we were down waited in the spool."""
    for since, until in drawn.blind:
        waited = (drawn.committed >= since) & (drawn.committed < until)
        drawn.committed[waited] = until + 5 + drawn.fleet.rng(6).uniform(0, 60, int(waited.sum()))


def take_rows(ledger: LedgerColumns, rows: NDArray[np.intp]) -> LedgerColumns:
    """Some rows of a ledger."""
    return replace(ledger, **{name: getattr(ledger, name)[rows] for name in _COLUMNS})


def _columns(drawn: Drawn) -> LedgerColumns:
    fleet, numbers = drawn.fleet, drawn.numbers
    row, minute = np.nonzero(drawn.present)
    at = (row, minute)
    unit = np.array([_UNITS[fleet.unit(r)] for r in range(len(fleet.pairs))], np.uint8)[row]
    columns: dict[str, NDArray[Any]] = {
        "stream": row.astype(np.uint32),
        "minute": (minute + fleet.first).astype(np.uint32),
        "state": drawn.state[at],
        "lines": (drawn.lines + drawn.duplicates)[at].astype(np.uint64),
        "duplicates": drawn.duplicates[at].astype(np.uint64),
        "bytes_sent": drawn.sent[at].astype(np.uint64),
        "content_bytes": drawn.content[at].astype(np.uint64),
        "epoch": numbers.epoch[at].astype(np.uint32),
        "first": np.where(unit > 0, numbers.first[at], 0).astype(np.uint64),
        "next": np.where(unit > 0, numbers.next[at], 0).astype(np.uint64),
        "unit": unit,
        "committed": drawn.committed[at],
    }
    rest = _second_parts(drawn, columns, at)
    columns = {name: np.concatenate([column, rest[name]]) for name, column in columns.items()}
    order = fleet.rng(8).permutation(len(columns["minute"]))
    return LedgerColumns(
        tuple(Stream(*pair) for pair in fleet.pairs),
        numbers.epochs,
        **{name: column[order] for name, column in columns.items()},
    )


def _second_parts(
    drawn: Drawn, columns: dict[str, NDArray[Any]], at: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> dict[str, NDArray[Any]]:
    """Takes the lines that belong to another counting out of their minute's row, as a part with numbers of its own."""
    where = np.full(drawn.present.shape, -1, np.int64)
    where[at] = np.arange(len(at[0]))
    parts = [part for part in drawn.numbers.parts if where[part.row, part.minute] >= 0]
    places = np.array([where[part.row, part.minute] for part in parts], np.int64)
    rest = {name: column[places].copy() for name, column in columns.items()}
    for i, (place, part) in enumerate(zip(places, parts, strict=True)):
        rng = drawn.fleet.rng(9, part.row, part.minute)
        lines = int(columns["lines"][place])
        sent = part_of(rng, int(columns["bytes_sent"][place]), part.lines, lines)
        for name, value in (("lines", part.lines), ("bytes_sent", sent), ("content_bytes", part.content)):
            rest[name][i] = value
            columns[name][place] -= np.uint64(value)
        rest["epoch"][i], rest["first"][i], rest["next"][i] = part.epoch, part.first, part.next
        for side, there in ((columns, place), (rest, i)):
            side["state"][there] = RECEIVED if side["lines"][there] else EMPTY
    return rest


def read_counters(drawn: Drawn) -> list[Reading]:
    """The readings of every edge that counts, of all that was served, logged or not."""
    fleet = drawn.fleet
    if not fleet.counter_every:
        return []
    readings = []
    for edge, name in enumerate(fleet.names):
        rng = fleet.rng(10, edge)
        rows = slice(edge * len(fleet.streams), (edge + 1) * len(fleet.streams))
        requests = np.concatenate([[0], np.cumsum(drawn.served.lines[rows].sum(axis=0))])
        sent = np.concatenate([[0], np.cumsum(drawn.served.sent[rows].sum(axis=0))])
        base = (int(rng.integers(0, 1 << 36)), int(rng.integers(0, 1 << 48)))
        under_way = rng.poisson(np.append(np.diff(requests), 0) * _IN_FLIGHT)
        unread = [(first, after) for e, first, after in drawn.unread if e == edge]
        resets = sorted((minute, part) for e, minute, part in drawn.resets if e == edge)
        for minute in range(0, fleet.minutes + 1, fleet.counter_every):
            while resets and resets[0][0] < minute:
                at, part = resets.pop(0)
                base = tuple(  # type: ignore[assignment]
                    -int(total[at] + part * (total[at + 1] - total[at])) for total in (requests, sent)
                )
            if any(first < minute <= after for first, after in unread):
                continue
            total = base[0] + int(requests[minute]) + int(under_way[minute])
            readings.append(Reading(name, (fleet.first + minute) * 60.0, total, base[1] + int(sent[minute])))
    return readings


def beat(drawn: Drawn) -> NDArray[np.float64]:
    """When we were there to see: every 20 s but for our own downtime."""
    fleet = drawn.fleet
    until = max(fleet.after * 60.0, float(drawn.committed.max())) + 7200
    beats = np.arange(fleet.start_s - 600, until, BEAT_S, dtype=np.float64)
    for since, end in drawn.blind:
        beats = beats[(beats < since) | (beats >= end)]
    return beats
