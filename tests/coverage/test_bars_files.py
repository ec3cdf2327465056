"""Faults as real files, through the real pipeline and store: usage to the byte, and the planted losses in its gaps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from loadtest.fleet_files import FleetFiles, draw_files, write_counters, write_files
from loadtest.fleet_judge import Score, judge
from loadtest.fleet_scenario import parse_scenario
from loadtest.fleet_store import make_settings
from tests.empty_store import lay_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loadtest.fleet_scenario import Scenario
    from pipeline.store.store import Store

FLEET = {"edges": 6, "minutes": 90, "lines": 60, "resources": 40, "units": ["line", "byte", "none"]}

DISTURBED = (
    *(
        "restart",
        "wrap",
        "rotation",
        "inode_reuse",
        "repeated",
        "overlap",
        "again",
        "late",
        "reset",
        "poll_missing",
    ),
    *("shuffle", "maintenance"),
)


@pytest.fixture(name="store")
def embedded(tmp_path: Path) -> Iterator[Store]:
    from pipeline.store.connect import open_store

    with open_store(lay_store(tmp_path / "store")) as store:
        yield store


def scenario(*faults: dict[str, object], **fleet: object) -> Scenario:
    return parse_scenario({"title": "files", "fleet": FLEET | fleet, "fault": list(faults)}, "files")


def bring_in(files: FleetFiles, spool: Path, store: Store) -> None:
    """As edges would: what is on time, then, after a look of the pipeline, what is late."""
    write_counters(spool, files.run)
    for deliveries in (files.on_time, files.late):
        if deliveries:
            write_files(spool, deliveries)
            run_once(spool, store)


def run_once(spool: Path, store: Store) -> None:
    from pipeline.flow_source import SpoolSource
    from pipeline.formats.load import load_format
    from pipeline.runners import run

    source = SpoolSource(spool)
    try:
        run([source], store, load_format("edge-tsv"), once=True, now=lambda: datetime.now(UTC))
    finally:
        source.close()


def look(files: FleetFiles, store: Store) -> Score:
    """One check after all has come; beats, acts and readings are told to the store."""
    from pipeline.coverage.control import check, record
    from pipeline.coverage.evidence import Evidence

    run = files.run
    store.add_evidence(
        [
            Evidence(
                act.at,
                "edge",
                act.edge,
                "",
                {"type": "edge", "edge": act.edge, "action": act.action, "at": act.at},
                "test",
                act.at,
            )
            for act in run.acts
        ]
    )
    store.add_readings(run.readings)
    now = run.fleet.after * 60 + 90_000.0
    checked = check(store, make_settings(run), now=now, first=run.fleet.first, after=run.fleet.after)
    record(store, checked)
    score = judge(run, checked.gaps)
    print(f"\nfiles: {score}")
    return score


def usage_of(store: Store) -> dict[tuple[int, str, str], list[int]]:
    rows = store.usage(store.cut(), by=("minute", "resource", "edge")).to_pylist()
    return {
        (_minute(row["minute"]), _text(row["resource"]), _text(row["edge"])): [
            row["requests"],
            row["bytes_sent"],
        ]
        for row in rows
    }


def _minute(value: object) -> int:
    return int(value.timestamp()) // 60 if isinstance(value, datetime) else int(str(value))


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def test_what_disturbs_but_loses_nothing_counts_to_the_byte(tmp_path: Path, store: Store) -> None:
    faults = [{"kind": kind, "count": 2, "minutes": [2, 4]} for kind in DISTURBED]
    faults += [{"kind": "shared_address"}, {"kind": "skew", "seconds": 120}]
    files = draw_files(scenario(*faults, edges=9, minutes=120))
    bring_in(files, tmp_path / "spool", store)
    counted, true = usage_of(store), files.usage
    off = sum(
        abs(counted.get(key, [0, 0])[1] - true.get(key, [0, 0])[1]) for key in counted.keys() | true.keys()
    )
    print(f"\nfiles: {sum(sent for _, sent in true.values()):,} bytes, off by {off:,}")
    assert counted == true
    assert look(files, store).gaps == 0


def test_planted_losses_in_files_are_found_where_they_are(tmp_path: Path, store: Store) -> None:
    files = draw_files(
        scenario(
            {"kind": "silence", "count": 4, "minutes": [1, 5]},
            {"kind": "silence", "edge": "e1", "at": 0, "minutes": [3, 3]},
            {"kind": "silence", "edge": "e2", "at": -1, "minutes": [2, 2]},
            {"kind": "lines", "share": 0.2, "count": 3, "minutes": [1, 3]},
            {"kind": "lines", "share": 0.2, "count": 3, "minutes": [1, 3], "where": "between"},
            {"kind": "damaged", "count": 3},
            {"kind": "quarantined", "count": 2},
            {"kind": "customer", "customer": "c1", "count": 2, "minutes": [4, 8]},
        )
    )
    bring_in(files, tmp_path / "spool", store)
    assert usage_of(store) == files.usage
    score = look(files, store)
    assert score.recall == 1.0, score.missed
    assert not score.false, [gap.loss for gap in score.false]
    assert not score.misnamed, [gap.loss for gap in score.misnamed]
    assert score.doubled == 0
    assert score.lines_off == 0
