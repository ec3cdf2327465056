"""Reads scenarios, the TOML files of `loadtest/scenarios`: what a fleet is like and what goes wrong in it."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec import Struct, ValidationError, convert

from loadtest.fleet import Fleet

FOLDER = Path(__file__).parent / "scenarios"

LOSSES = ("silence", "lines", "customer", "damaged", "quarantined")
"""Kinds of faults that lose data."""

HARMLESS = (
    *("reset", "poll_missing", "restart", "wrap", "rotation", "inode_reuse", "shared_address", "skew"),
    *(
        "repeated",
        "again",
        "overlap",
        "shuffle",
        "late",
        "downtime",
        "maintenance",
        "added",
        "decommissioned",
    ),
)
"""Kinds after which nothing is lost, or nothing that was expected."""

WHOLE_EDGE = ("shared_address", "skew")
"""Faults that an edge has at all times; it has no others."""


class ScenarioError(ValueError):
    """A scenario that cannot be read; says where and what was expected."""


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong, `count` times at places that the seed finds, or once at `at` of `edge`.

    `minutes`: shortest and longest. `edge`, `stream`: one only; all streams of the edge where no stream is named. `at`:
    minutes from the start, negative from the end. `share`: of lines. `where` lines are lost: "inside" a segment, whose
    numbers still cover them, or "between" two. `customer`: whose lines. `seconds`: of skew, of delay, into the minute
    (maintenance).
    """

    kind: str
    count: int = 1
    minutes: tuple[int, int] = (1, 1)
    edge: str | None = None
    stream: str | None = None
    at: int | None = None
    share: float = 1.0
    where: str = "inside"
    customer: str | None = None
    seconds: int = 0


class Scenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fleet, its faults, and what the nightly run makes larger: keys of `nightly` replace those of the fleet, and
    `times` multiplies the counts of its faults."""

    title: str
    fleet: Fleet
    fault: tuple[Fault, ...] = ()
    nightly: Fleet | None = None
    times: int = 1
    name: str = ""

    def full(self) -> Scenario:
        """The scenario at its full size."""
        more = tuple(_times(fault, self.times) for fault in self.fault)
        return Scenario(title=self.title, fleet=self.nightly or self.fleet, fault=more, name=self.name)

    def changed(self, **fleet_changes: Any) -> Scenario:
        """The same with a fleet that differs in some keys: another seed, perhaps."""
        fleet = replace(self.fleet, **fleet_changes)
        return Scenario(title=self.title, fleet=fleet, fault=self.fault, name=self.name)


def read_scenario(path: Path | str) -> Scenario:
    """The scenario of a file, or of a name in the folder of scenarios; raises ScenarioError."""
    path = FOLDER / f"{path}.toml" if isinstance(path, str) and not path.endswith(".toml") else Path(path)
    try:
        document = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{path}: {error}") from None
    return parse_scenario(document, path.stem)


def parse_scenario(document: dict[str, Any], name: str = "") -> Scenario:
    """The scenario that a TOML document says; raises ScenarioError."""
    if "nightly" in document:
        nightly = dict(document["nightly"])
        times = nightly.pop("times", 1)
        document = document | {"nightly": document.get("fleet", {}) | nightly, "times": times}
    try:
        scenario = convert(document | {"name": name}, Scenario)
    except ValidationError as error:
        raise ScenarioError(f"{name}: {error}") from None
    wrong = [
        problem for place, fault in enumerate(scenario.fault) for problem in _check(place, fault, scenario)
    ]
    if wrong:
        raise ScenarioError("\n".join(f"{name}: {problem}" for problem in wrong))
    return scenario


def scenario_names() -> list[str]:
    """All scenarios of the folder, in order."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def _check(place: int, fault: Fault, scenario: Scenario) -> list[str]:
    where = f"fault {place + 1}"
    wrong = []
    if fault.kind not in LOSSES + HARMLESS:
        wrong.append(f"{where}: expected kind as one of {', '.join(LOSSES + HARMLESS)}, found {fault.kind!r}")
    if not 1 <= fault.minutes[0] <= fault.minutes[1]:
        wrong.append(f"{where}: expected minutes = [shortest, longest], found {list(fault.minutes)}")
    if not 0 < fault.share <= 1:
        wrong.append(f"{where}: expected share in (0, 1], found {fault.share}")
    if fault.where not in ("inside", "between"):
        wrong.append(f"{where}: expected where as inside or between, found {fault.where!r}")
    if fault.stream is not None and fault.stream not in scenario.fleet.streams:
        wrong.append(f"{where}: expected a stream of {list(scenario.fleet.streams)}, found {fault.stream!r}")
    if fault.kind == "customer" and fault.customer is None:
        wrong.append(f"{where}: expected a customer, found none")
    return wrong


def _times(fault: Fault, times: int) -> Fault:
    if fault.at is not None or fault.kind in WHOLE_EDGE:
        return fault
    return convert(_fields(fault) | {"count": fault.count * times}, Fault)


def _fields(fault: Fault) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in fault.__struct_fields__}
