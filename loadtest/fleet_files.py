"""A scenario as real files: segments, sidecars and counters of a fleet in a spool, the truth beside.

`python -m loadtest.fleet_files SCENARIO SPOOL` writes them in the order in which they would have come.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from loadtest.cdn import Delivery
from loadtest.fleet import draw_volumes
from loadtest.fleet_drawn import DAMAGED, QUARANTINED, undisturbed
from loadtest.fleet_faults import place_faults
from loadtest.fleet_ledger import FleetRun, as_run, delay
from loadtest.fleet_lines import Lines, number
from loadtest.fleet_numbers import draw_numbers
from loadtest.fleet_scenario import read_scenario, scenario_names
from loadtest.fleet_strikes import still, strike
from loadtest.spool import deliver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadtest.fleet_drawn import Drawn
    from loadtest.fleet_faults import Place
    from loadtest.fleet_numbers import Part
    from loadtest.fleet_scenario import Scenario

LATE_S = 3600.0
"""What comes later than this after its minute is of the second round."""

_UNREADABLE = b"\x1f\x8b\x08\x00 this is no gzip stream"


@dataclass(frozen=True, slots=True)
class PartDelivery(Delivery):
    """A delivery of a stream, perhaps of one part of a minute. `at`: when it comes, epoch seconds."""

    stream: str = "access"
    part: str = ""
    at: float = 0.0

    @property
    def name(self) -> str:
        """The path in the spool."""
        minute = datetime.fromtimestamp(self.minute * 60, UTC)
        stream = "" if self.stream == "access" else f"/{self.stream}"
        part = f".{self.part}" if self.part else ""
        codec = f".{self.codec}" if self.codec else ""
        return f"{self.edge}{stream}/{minute:%Y%m%dT%H%MZ}{part}.log{codec}"


@dataclass(frozen=True, slots=True)
class FleetFiles:
    """The deliveries of a fleet in the order in which they come, those of the second round apart; `usage`: what must be
    counted once all are in; `run`: what coverage would see, and the truth."""

    on_time: tuple[PartDelivery, ...]
    late: tuple[PartDelivery, ...]
    usage: dict[tuple[int, str, str], list[int]]
    run: FleetRun


def draw_files(scenario: Scenario) -> FleetFiles:
    """Draws every line of a scenario; all is held in memory, some 500 bytes a line."""
    fleet = scenario.fleet
    places = place_faults(scenario)
    planned = draw_volumes(fleet)
    for place in places:
        still(planned, place)
    lines = Lines(fleet, planned)
    numbers = draw_numbers(fleet, lines.served, places, lines.bytes_before)
    drawn = undisturbed(fleet, lines.served, lines, numbers)
    for place in places:
        strike(drawn, place)
    delay(drawn)
    writer = _Writer(drawn, lines)
    made = [
        delivery
        for row, minute in zip(*np.nonzero(drawn.present), strict=True)
        for delivery in writer.write(row, minute)
    ]
    made += _again(places, made)
    order = fleet.rng(15)
    if any(place.fault.kind == "shuffle" for place in places):
        made = [made[place] for place in order.permutation(len(made))]
    else:
        made.sort(key=lambda delivery: delivery.at)
    on_time = tuple(d for d in made if d.at < (d.minute + 1) * 60 + LATE_S)
    late = tuple(d for d in made if d.at >= (d.minute + 1) * 60 + LATE_S)
    readable = drawn.present & (drawn.state != QUARANTINED)
    return FleetFiles(on_time, late, lines.usage(readable), as_run(scenario, drawn))


def write_files(spool: Path, deliveries: Iterable[PartDelivery]) -> int:
    """Puts deliveries into a spool as edges do; returns how many."""
    count = 0
    for delivery in deliveries:
        deliver(spool, delivery)
        count += 1
    return count


def write_counters(spool: Path, run: FleetRun) -> int:
    """Puts every reading beside its edge's segments; returns how many."""
    for reading in run.readings:
        at = datetime.fromtimestamp(reading.at, UTC)
        path = spool / reading.edge / f"{at:%Y%m%dT%H%MZ}.counters.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "requests_total": reading.requests_total,
            "bytes_sent_total": reading.bytes_sent_total,
        }
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.write_text(json.dumps(document))
        unfinished.rename(path)
    return len(run.readings)


def make_fleet_config(run: FleetRun, spool: str, dsn: str) -> str:
    """A `prebill.toml` for the fleet: edges with zones, streams and counters, customers with their resources."""
    fleet = run.fleet
    text = [f'[store]\ndsn = "{dsn}"\n\n[spool]\npath = "{spool}"\nformat = "edge-tsv"\n']
    for number_, (edge, first) in enumerate(run.edges.items()):
        if first is not None:
            at = datetime.fromtimestamp(first * 60, UTC)
            text.append(
                f'[[edge]]\nid = "{edge}"\nzone = "{fleet.zone(number_)[0]}"\nfrom = {at:%Y-%m-%dT%H:%M:%SZ}\n'
                f"streams = {json.dumps(list(fleet.streams))}\ncounters = {str(fleet.counter_every > 0).lower()}\n"
            )
    owned: dict[str, list[str]] = {}
    for resource, name in enumerate(fleet.resource_names()):
        owned.setdefault(fleet.customer_of(resource), []).append(name)
    for customer, resources in owned.items():
        text.append(f'[[customer]]\nid = "{customer}"\nresources = {json.dumps(resources)}\n')
    return "\n".join(text)


class _Writer:
    """Makes the segments of a (row, minute) out of the lines that are left."""

    def __init__(self, drawn: Drawn, lines: Lines) -> None:
        self._drawn, self._lines = drawn, lines
        self._parts: dict[tuple[int, int], Part] = {(p.row, p.minute): p for p in drawn.numbers.parts}

    def write(self, row: int, minute: int) -> list[PartDelivery]:
        """One segment, or two where the minute's lines are of two countings."""
        drawn = self._drawn
        texts = self._lines.texts[row, minute]
        first = int(drawn.numbers.first[row, minute])
        part = self._parts.get((row, minute))
        if part is None:
            whole = self._numbered(row, minute, texts, first)
            kept = [text for text, gone in zip(whole, self._lines.gone[row, minute], strict=True) if not gone]
            again = int(drawn.duplicates[row, minute])
            before = drawn.overlaps.get((row, minute), 0)
            if before:
                earlier = self._lines.texts[row, minute - 1]
                kept = number(earlier[len(earlier) - before :], first) + kept
            elif again:
                kept = [*kept, *kept[:again]]
            return [self._delivery(row, minute, kept, whole, first, int(drawn.numbers.next[row, minute]))]
        cut = len(texts) - part.lines
        ours = self._numbered(row, minute, texts[:cut], first)
        theirs = self._numbered(row, minute, texts[cut:], part.first)
        own = self._delivery(row, minute, ours, ours, first, int(drawn.numbers.next[row, minute]))
        other = self._delivery(row, minute, theirs, theirs, part.first, part.next, part)
        return [own, other]

    def _numbered(self, row: int, minute: int, texts: list[bytes], first: int) -> list[bytes]:
        if self._drawn.fleet.unit(row) != "line":
            return texts
        return number(texts, first + self._drawn.overlaps.get((row, minute), 0))

    def _delivery(
        self,
        row: int,
        minute: int,
        kept: list[bytes],
        whole: list[bytes],
        first: int,
        after: int,
        part: Part | None = None,
    ) -> PartDelivery:
        drawn = self._drawn
        edge, stream = drawn.fleet.pairs[row]
        content = b"".join(text + b"\n" for text in kept)
        state = int(drawn.state[row, minute])
        whole_sent = drawn.served.sent[row, minute]
        claimed = b"".join(text + b"\n" for text in whole) if state in (DAMAGED, QUARANTINED) else content
        sidecar: dict[str, Any] = {
            "lines": claimed.count(b"\n"),
            "sha256": hashlib.sha256(claimed).hexdigest(),
        }
        if state == DAMAGED:
            sidecar["bytes_sent"] = int(whole_sent)
        if drawn.fleet.unit(row) != "none":
            epoch = drawn.numbers.epochs[part.epoch if part else int(drawn.numbers.epoch[row, minute])]
            unit = drawn.fleet.unit(row)
            sidecar["seq"] = {"unit": unit, "epoch": epoch, "first": first, "next": after}
        return PartDelivery(
            edge,
            drawn.fleet.first + minute,
            "",
            _UNREADABLE if state == QUARANTINED else content,
            sidecar,
            stream,
            "2" if part else "",
            float(drawn.committed[row, minute]),
        )


def _again(places: list[Place], made: list[PartDelivery]) -> list[PartDelivery]:
    """Segments that come twice, the second time two minutes later."""
    twice = [place for place in places if place.fault.kind == "again"]
    if not twice:
        return []
    start = min(delivery.minute for delivery in made)
    spans = [(start + place.first, start + place.after) for place in twice]
    return [
        replace(d, at=d.at + 120) for d in made if any(first <= d.minute < after for first, after in spans)
    ]


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 0, or 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.fleet_files", description=__doc__)
    parser.add_argument("scenario", choices=scenario_names())
    parser.add_argument("spool", type=Path)
    parser.add_argument("--truth", type=Path, help="also write what was lost, as JSON")
    parser.add_argument("--config", type=Path, help="also write a prebill.toml for the fleet")
    parser.add_argument(
        "--store", default="chdb:///var/lib/prebill", help="the store that prebill.toml names"
    )
    parser.add_argument("--edges", type=int)
    parser.add_argument("--minutes", type=int)
    parser.add_argument("--lines", type=float, help="a minute of an average stream")
    parser.add_argument("--seed", type=int)
    options = parser.parse_args(arguments)
    keys = ("edges", "minutes", "lines", "seed")
    changes = {key: getattr(options, key) for key in keys if getattr(options, key) is not None}
    files = draw_files(read_scenario(options.scenario).changed(**changes))
    count = write_files(options.spool, (*files.on_time, *files.late))
    readings = write_counters(options.spool, files.run)
    if options.truth:
        options.truth.write_text(json.dumps(files.run.truth.describe(), indent=1))
    if options.config:
        options.config.write_text(make_fleet_config(files.run, str(options.spool), options.store))
    lost = files.run.truth
    print(
        f"{options.spool}: {count:,} segments, {readings:,} readings; lost: {lost.minutes():,} minutes, "
        f"{int(lost.lines.sum()):,} lines, {int(lost.sent.sum()):,} bytes",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
