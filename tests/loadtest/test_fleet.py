"""The generator of fleets: the same from the same seed, its truth adds up, files and ledger rows are of one plan."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from loadtest.fleet import Fleet, draw_volumes
from loadtest.fleet_faults import place_faults
from loadtest.fleet_files import draw_files, main, make_fleet_config, write_counters, write_files
from loadtest.fleet_ledger import draw_fleet
from loadtest.fleet_scenario import FOLDER, ScenarioError, parse_scenario, read_scenario, scenario_names

if TYPE_CHECKING:
    from pathlib import Path

    from loadtest.fleet_scenario import Scenario


def small(name: str) -> Scenario:
    return read_scenario(name).changed(lines=80.0)


@pytest.mark.parametrize("name", scenario_names())
def test_one_seed_is_one_run_and_its_truth_adds_up(name: str) -> None:
    run, again = (draw_fleet(read_scenario(name)) for _ in range(2))
    assert np.array_equal(run.ledger.first, again.ledger.first)
    assert np.array_equal(run.ledger.bytes_sent, again.ledger.bytes_sent)
    assert run.readings == again.readings
    assert run.truth.describe() == again.truth.describe()
    lost = sum(planted.lines for planted in run.truth.planted)
    assert lost == run.truth.lines.sum()
    assert sum(planted.sent for planted in run.truth.planted) == run.truth.sent.sum()
    kept = int((run.ledger.lines - run.ledger.duplicates).sum())
    other = draw_fleet(read_scenario(name).changed(seed=99))
    assert kept + lost > 0
    assert not np.array_equal(run.ledger.bytes_sent, other.ledger.bytes_sent)


@pytest.mark.parametrize("name", ["silence", "lines-20", "counters-5", "customer", "damaged", "late"])
def test_counters_tell_all_that_is_served_logged_or_lost(name: str) -> None:
    run = draw_fleet(read_scenario(name))
    for edge in run.fleet.names:
        totals = [reading.bytes_sent_total for reading in run.readings if reading.edge == edge]
        rows = run.truth.rows(edge)
        logged = int(run.ledger.bytes_sent[np.isin(run.ledger.stream, rows)].sum())
        assert totals[-1] - totals[0] == logged + int(run.truth.sent[rows].sum())


def test_numbers_leave_no_hole_where_nothing_is_lost() -> None:
    run = draw_fleet(read_scenario("disturbed"))
    ledger = run.ledger
    numbered = np.flatnonzero((ledger.unit > 0) & (ledger.next > ledger.first))
    countings: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row in numbered[np.argsort(ledger.minute[numbered], kind="stable")].tolist():
        key = (int(ledger.stream[row]), int(ledger.epoch[row]))
        countings.setdefault(key, []).append((int(ledger.first[row]), int(ledger.next[row])))
    breaks = 0
    for spans in countings.values():
        after = spans[0][0]
        for first, upto in spans:
            # A name that comes back counts from 0 again; all else goes on, or begins with lines of the one before.
            breaks += first == 0 and after > 0
            assert first <= after
            after = upto
    assert breaks > 0
    assert 1 << 32 in {upto for spans in countings.values() for _, upto in spans}


@pytest.mark.parametrize("name", ["disturbed", "customer", "lines-5", "bytes-5", "damaged", "roster"])
def test_files_and_ledger_rows_are_of_one_plan(name: str) -> None:
    scenario = small(name)
    if name == "disturbed":
        scenario = parse_scenario(
            {
                "title": name,
                "fleet": {"edges": 6, "minutes": 120, "lines": 60, "units": ["line", "byte", "none"]},
                "fault": [
                    {"kind": kind, "count": 2}
                    for kind in (
                        "restart",
                        "wrap",
                        "rotation",
                        "inode_reuse",
                        "overlap",
                        "repeated",
                        "silence",
                    )
                ],
            }
        )
    files, run = draw_files(scenario), draw_fleet(scenario)
    written_truth, drawn_truth = (
        [(p.kind, p.edge, p.first, p.after) for p in truth.planted] for truth in (files.run.truth, run.truth)
    )
    if name == "customer":
        # He may have asked for nothing in a few minutes of a small edge, in one draw and not in the other.
        first, names = scenario.fleet.first, scenario.fleet.names
        places = {
            (p.fault.kind, names[p.edge], p.first + first, p.after + first) for p in place_faults(scenario)
        }
        assert places >= {*written_truth, *drawn_truth}
        assert len({*written_truth} & {*drawn_truth}) >= len(places) - 3
    else:
        assert written_truth == drawn_truth
    written = Counter((d.edge, d.minute) for d in (*files.on_time, *files.late))
    fleet = scenario.fleet
    for ledger in (files.run.ledger, run.ledger):
        rows = Counter(
            (fleet.pairs[stream][0], minute)
            for stream, minute in zip(ledger.stream.tolist(), ledger.minute.tolist(), strict=True)
        )
        assert rows == written
    for delivery in (*files.on_time, *files.late):
        if "seq" in delivery.sidecar and name == "disturbed":
            seq = delivery.sidecar["seq"]
            lines = delivery.content.split(b"\n")[:-1]
            if seq["unit"] == "byte":
                assert seq["next"] - seq["first"] == len(delivery.content)
            else:
                assert {int(line.split(b"\t")[1]) for line in lines} == set(range(seq["first"], seq["next"]))
    kept = sum(requests for requests, _ in files.usage.values())
    assert kept == int(
        (files.run.ledger.lines - files.run.ledger.duplicates)[files.run.ledger.state != 4].sum()
    )


def test_a_spool_holds_segments_sidecars_counters_and_the_truth_beside(tmp_path: Path) -> None:
    spool, truth, config = tmp_path / "spool", tmp_path / "truth.json", tmp_path / "prebill.toml"
    arguments = ["customer", str(spool), "--truth", str(truth), "--config", str(config), "--lines", "20"]
    assert main(arguments) == 0
    names = {path.name for path in (spool / "e1").iterdir()}
    assert {"20261101T0000Z.log", "20261101T0000Z.log.json", "20261101T0000Z.counters.json"} <= names
    planted = json.loads(truth.read_text())["planted"]
    assert planted
    assert all(set(loss["customers"]) <= {"c1", "c2"} for loss in planted)
    assert '[[edge]]\nid = "e1"' in config.read_text()


def test_a_config_of_a_fleet_is_read_by_prebill(tmp_path: Path) -> None:
    import tomllib

    from msgspec import convert

    from pipeline.app.configuration.settings import Config

    files = draw_files(read_scenario("roster"))
    document = tomllib.loads(make_fleet_config(files.run, "spool", "chdb://store"))
    assert len(document["edge"]) == files.run.fleet.edges - 1
    assert {key for edge in document["edge"] for key in edge} <= set(Config.__annotations__) | {
        *("id", "zone", "from", "streams", "counters")
    }
    assert convert(document["store"], type=dict)
    assert write_files(tmp_path, files.on_time[:3]) == 3
    assert write_counters(tmp_path, files.run) == len(files.run.readings)


def test_faults_keep_apart_and_say_when_there_is_no_room() -> None:
    places = place_faults(read_scenario("no-counters"))
    assert len(places) == 32
    for one in places:
        for other in places:
            if one is not other and one.edge == other.edge:
                assert one.after + 3 <= other.first or other.after + 3 <= one.first
    crowded = {
        "title": "x",
        "fleet": {"edges": 1, "minutes": 30},
        "fault": [{"kind": "silence", "count": 40}],
    }
    with pytest.raises(ScenarioError, match="expected room for 40"):
        place_faults(parse_scenario(crowded))


def test_a_wrong_scenario_says_what_was_expected() -> None:
    wrong = {
        "title": "x",
        "fleet": {},
        "fault": [{"kind": "sillence", "minutes": [3, 1]}, {"kind": "customer", "share": 0}],
    }
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(wrong, "x")
    told = str(caught.value)
    assert "fault 1: expected kind as one of silence" in told
    assert "found [3, 1]" in told
    assert "fault 2: expected share" in told
    assert "expected a customer" in told
    with pytest.raises(ScenarioError, match="unknown field"):
        parse_scenario({"title": "x", "fleet": {}, "fault": [{"kind": "silence", "lenght": 3}]})
    with pytest.raises(ScenarioError, match=r"none\.toml"):
        read_scenario("none")


def test_every_scenario_says_what_it_is() -> None:
    titles = {read_scenario(name).title for name in scenario_names()}
    assert len(titles) == len(list(FOLDER.glob("*.toml")))


def test_the_rhythm_has_nights_crowds_holidays_and_unequal_edges() -> None:
    fleet = Fleet(edges=10, minutes=4 * 1440, night_zero=30, holidays=(2,), flashes=3)
    lines = draw_volumes(fleet).lines
    quiet = (lines == 0).sum(axis=1)
    assert (quiet > 4 * 200).sum() == 3
    by_day = lines.reshape(10, 4, 1440).sum(axis=(0, 2))
    assert by_day[2] < 0.6 * by_day[1]
    assert max(lines.mean(axis=1)) > 1.5 * min(lines.mean(axis=1))
    busy = lines[:, 20 * 60 - 300 : 20 * 60 - 180].mean()
    assert busy > 1.3 * lines[:, 60:180].mean()
