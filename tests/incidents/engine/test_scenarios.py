"""Every row of the priority table, and combinations of them, as event files: what the engine makes of each is written
beside it, a line a transition, to be read. `PREBILL_WRITE_EXPECTED=1` writes them anew; the difference is reviewed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from incidents.model import Audience, Change
from incidents.replay import replay
from incidents.words import instant_text

if TYPE_CHECKING:
    from incidents.model import Transition

FOLDER = Path(__file__).parents[1] / "scenarios"
SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.ndjson"))

TABLE = {
    "logs missing; probes and counters fine": "logs-missing-clients-served",
    "logs missing; probes failing": "logs-missing-probes-failing",
    "logs missing; no probe data, or stale": "logs-missing-no-probes",
    "probes disagree": "probes-disagree",
    "5xx surge at one edge": "errors-at-one-edge-neighbours-carry",
    "5xx for one customer at all edges": "errors-of-one-customer-at-all-edges",
    "traffic of one customer falls": "traffic-falls-probe-fine",
    "a client reports a technical problem": "client-reports-a-problem",
    "planned maintenance": "maintenance-mutes-inside",
    "edge decommissioned": "edge-decommissioned-still-counting",
    "clock skew of an edge": "clock-skew",
    "duplicated segments": "duplicated-segments",
    "late segments fill a gap": "late-segments-fill-the-gap",
    "flapping": "flapping",
    "a gap and an unrelated outage": "gap-and-unrelated-outage",
    "outage while a gap is open, same scope": "outage-while-a-gap-is-open",
    "the detector or the prober dies": "detector-dies",
    "a test call to the support line fails": "support-line",
}


@pytest.mark.parametrize("row", TABLE)
def test_every_row_has_its_scenario(row: str) -> None:
    assert TABLE[row] in SCENARIOS


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str) -> None:
    expected = FOLDER / f"{name}.txt"
    told = "".join(_line(one) + "\n" for one in replay((FOLDER / f"{name}.ndjson").read_text()))
    if os.environ.get("PREBILL_WRITE_EXPECTED"):
        expected.write_text(told)
    assert told == expected.read_text()


def _line(one: Transition) -> str:
    at = instant_text(one.at)[11:-1]
    what = f"{one.kind.value.replace('_', ' ')} of {one.scope}"
    if one.change is Change.NOTICE:
        hearers = {
            Audience.QUEUE: "queue",
            Audience.ON_CALL: f"on call {one.level}",
            Audience.COMPANY: "everyone",
            Audience.CLIENT: "client (draft)" if one.draft else "client",
        }
        return f"{at}      -> {hearers[one.audience or Audience.QUEUE]}: {what}"
    line = f"{at} {one.change.value}: {what}, {one.priority.value}, harm {one.harm.value}"
    if one.parent:
        line += ", below another"
    if one.flaps:
        line += f", flaps {one.flaps}"
    if one.actor != "engine":
        line += f", by {one.actor}"
    return line
