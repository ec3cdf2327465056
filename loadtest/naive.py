"""Two detectors that people write first, on the same faults as ours: what they miss, and what they raise for nothing.

`python -m loadtest.naive` prints the table of docs/coverage-proof.md; `--docs FILE` writes it between the marks there.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from loadtest.bench import describe_machine, replace_block
from loadtest.fleet_bars import missed_bars
from loadtest.fleet_judge import Score, judge
from loadtest.fleet_ledger import draw_fleet
from loadtest.fleet_scenario import read_scenario, scenario_names
from loadtest.fleet_store import FleetStore, check_fleet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from loadtest.fleet_ledger import FleetRun

WINDOW = 60
"""Minutes of which the volume's mean and spread are taken."""

SIGMAS = 3.0


@dataclass(frozen=True, slots=True)
class Alarms:
    """What a detector found: planted losses of which it named at least one minute, and runs of minutes raised where
    nothing was lost."""

    found: int
    false: int


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario: how ours and the naive ones did."""

    name: str
    title: str
    ours: Score
    sigma: Alarms
    grouped: Alarms


def three_sigma(volume: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Minutes whose volume is three standard deviations below the mean of the hour before; volume is [edges, minutes].

    It is given a zero for each minute without lines, which a plain query would not even return.
    """
    sums, squares = (
        np.concatenate([np.zeros((len(volume), 1)), np.cumsum(v, axis=1)], axis=1)
        for v in (volume, volume * volume)
    )
    minutes = np.arange(volume.shape[1])
    since = np.maximum(minutes - WINDOW, 0)
    n = np.maximum(minutes - since, 1)
    mean = (sums[:, minutes] - sums[:, since]) / n
    spread = np.sqrt(np.maximum((squares[:, minutes] - squares[:, since]) / n - mean * mean, 0))
    return np.asarray((volume < mean - SIGMAS * spread) & (minutes >= WINDOW // 4))


def group_by_minute(volume: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Minutes with less than half of the edge's average, as `SELECT edge, minute, sum(bytes) … GROUP BY edge, minute`.

    A minute without a line has no row there, so that nothing is said of it.
    """
    rows = np.maximum(there.sum(axis=1, keepdims=True), 1)
    return np.asarray(there & (volume < 0.5 * volume.sum(axis=1, keepdims=True) / rows))


def observe(run: FleetRun) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The bytes of every (edge, minute) that came, and whether it has a line at all."""
    fleet, ledger = run.fleet, run.ledger
    edge = ledger.stream.astype(np.int64) // len(fleet.streams)
    place = edge * fleet.minutes + ledger.minute - fleet.first
    size = fleet.edges * fleet.minutes
    shape = (fleet.edges, fleet.minutes)
    volume = np.bincount(place, ledger.bytes_sent, size).astype(np.float64).reshape(shape)
    return volume, np.asarray(np.bincount(place, ledger.lines, size).reshape(shape) > 0)


def count_alarms(run: FleetRun, alarm: NDArray[np.bool_]) -> Alarms:
    """Alarms of [edges, minutes] against the truth; a minute beside a loss is not held against the detector."""
    fleet, truth = run.fleet, run.truth
    shape = (fleet.edges, len(fleet.streams), fleet.minutes)
    near = np.asarray(truth.lost.reshape(shape).any(axis=1))
    near[:, 1:] |= near[:, :-1].copy()
    false = alarm & ~near
    begins = false & ~np.concatenate([np.zeros((len(false), 1), bool), false[:, :-1]], axis=1)
    found = sum(
        bool(alarm[fleet.names.index(p.edge), p.first - truth.first : p.after - truth.first].any())
        for p in truth.planted
    )
    return Alarms(found, int(begins.sum()))


def compare(name: str, *, full: bool = False, seed: int | None = None) -> Row:
    """All three on one scenario, of its own seed or of another."""
    scenario = read_scenario(name)
    scenario = scenario.full() if full else scenario
    run = draw_fleet(scenario if seed is None else scenario.changed(seed=seed))
    checked = check_fleet(FleetStore(run))
    volume, there = observe(run)
    return Row(
        name,
        scenario.title,
        judge(run, checked.gaps),
        count_alarms(run, three_sigma(volume)),
        count_alarms(run, group_by_minute(volume, there)),
    )


def to_markdown(rows: Sequence[Row]) -> str:
    """Two tables: found and false of all three, then how exact ours is."""
    lines = [
        "| planted | losses | prebill: found, false | 3 sigma: found, false | `GROUP BY`: found, false |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        ours = row.ours
        found = ours.planted - len(ours.missed)
        cells = ((found, len(ours.false)), *((a.found, a.false) for a in (row.sigma, row.grouped)))
        shown = " | ".join(f"{hit}, {false:,}" for hit, false in cells)
        lines.append(f"| {row.title} | {ours.planted} | {shown} |")
    lines += [
        "",
        "| planted | lost minutes found | lost lines: named, true | bytes off, in all | interval holds the truth"
        " | bytes at the right customers |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        ours = row.ours
        if not ours.planted:
            continue
        named, true = (sum(pair[side] for pair in ours.lines) for side in (0, 1))
        says = f"{named:,}, {true:,}" if ours.lines else "not known"
        found_minutes = f"{ours.cells_found:,} of {ours.cells:,}"
        lines.append(
            f"| {row.title} | {found_minutes} | {says} | {ours.bytes_off:.2%} | {ours.covered:.1%}"
            f" | {ours.attributed:.1%} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 0, 1 when a bar is missed, or 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.naive", description=__doc__)
    parser.add_argument("scenario", nargs="*", help="names in loadtest/scenarios; all if none is given")
    parser.add_argument("--full", action="store_true", help="at the nightly size: a month of 50 edges")
    parser.add_argument("--docs", type=Path, help="a page whose block between the marks is written anew")
    parser.add_argument("--seed", type=int, help="of the fleets; default: each scenario's own")
    options = parser.parse_args(arguments)
    known = scenario_names()
    unknown = [name for name in options.scenario if name not in known]
    if unknown:
        parser.error(f"expected scenarios out of {', '.join(known)}, found {', '.join(unknown)}")
    rows = [compare(name, full=options.full, seed=options.seed) for name in options.scenario or known]
    table = to_markdown(rows)
    if options.docs:
        size = (
            "`--full`: most are a month of 50 edges" if options.full else "the small size that the tests run"
        )
        note = f"Written by `python -m loadtest.naive --docs`, {size}; {describe_machine()}."
        options.docs.write_text(replace_block(options.docs.read_text(), f"{table}\n\n{note}"))
    print(table)
    missed = [bar for row in rows for bar in missed_bars(row.name, row.ours)]
    for bar in missed:
        print(f"missed: {bar}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
