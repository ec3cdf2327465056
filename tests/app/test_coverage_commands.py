"""coverage, gaps, evidence and what run and status say of losses, as a user types them, over a real spool and store."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.store import open_store
from tests.empty_store import lay_store

from .conftest import Prebill, calling, copy_site

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "spool"
[coverage]
keeps = "7d"
[[edge]]
id = "e1"
from = 2026-11-01
to = 2026-11-01T00:20:00Z
[[edge]]
id = "e2"
from = 2026-11-01
to = 2026-11-01T00:20:00Z
[[customer]]
id = "c1"
name = "Cinema"
resources = ["a.example"]
"""
START = 1793491200
LINE = "{at}.000\t{seq}\ta.example\tGET\t/\t200\t1500\t1000\tHIT\t1\t-\n"
PERIOD = ("--from", "2026-11-01", "--to", "2026-11-01T00:20:00Z")
NOW = ("--now", "2026-11-01T01:00:00Z")


def deliver(
    spool: Path, edge: str, minute: int, lines: int = 10, first: int | None = None, claim: int | None = None
) -> None:
    """One segment with its sidecar; `claim`: how many lines the sidecar says, where that is not what is there."""
    at = START + 60 * minute
    first = minute * 10 if first is None else first
    content = "".join(LINE.format(at=at, seq=first + i) for i in range(lines))
    path = spool / edge / time.strftime("%Y%m%dT%H%MZ.log", time.gmtime(at))
    path.parent.mkdir(parents=True, exist_ok=True)
    claimed = lines if claim is None else claim
    sidecar: dict[str, Any] = {"lines": claimed}
    if claim is None:
        sidecar["sha256"] = hashlib.sha256(content.encode()).hexdigest()
    if claimed:
        sidecar["seq"] = {"unit": "line", "epoch": "1", "first": first, "next": first + claimed}
    for name, text in ((path.name.replace(".log", ".log.json"), json.dumps(sidecar)), (path.name, content)):
        unfinished = path.with_name("." + name)
        unfinished.write_text(text)
        unfinished.rename(path.with_name(name))


def make_spool(folder: Path) -> None:
    """Twenty minutes of two edges: e1 lacks three, e2 has one cut segment, one empty, and one that lost lines."""
    (folder / "prebill.toml").write_text(CONFIG.format(folder=folder))
    spool = folder / "spool"
    for minute in range(20):
        if minute not in (5, 6, 7):
            deliver(spool, "e1", minute)
        if minute == 9:
            deliver(spool, "e2", minute, lines=4, claim=10)
        elif minute == 12:
            deliver(spool, "e2", minute, lines=7, first=123)
        else:
            deliver(spool, "e2", minute)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """This spool, of which the store knows nothing yet."""
    make_spool(tmp_path)
    lay_store(tmp_path / "store")
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make_spool(folder)
    lay_store(folder / "store")
    assert calling(folder)("run", "--once", *NOW).returncode == 1  # one is damaged
    return folder


@pytest.fixture
def known(made: Path, tmp_path: Path) -> Path:
    """This spool brought in, a copy of one's own."""
    copy_site(made, tmp_path)
    return tmp_path


def gaps_of(prebill: Prebill, *options: str) -> list[dict[str, Any]]:
    done = prebill("gaps", "--json", *options, *NOW)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_lost_minutes_become_gaps_that_shrink_close_and_are_accepted(prebill: Prebill, site: Path) -> None:
    ran = prebill("run", "--once", *NOW)
    assert ran.returncode == 1, ran.stderr
    assert "3 gaps still lost: 1 missing, 1 damaged, 1 sequence" in ran.stderr

    missing, damaged, torn = gaps_of(prebill)
    assert (missing["class"], missing["edge"], missing["stream"]) == ("missing", "e1", "access")
    assert (missing["from"], missing["to"]) == ("2026-11-01T00:05:00Z", "2026-11-01T00:08:00Z")
    assert (missing["minutes"], missing["lost_lines"], missing["state"]) == (3, 30, "open")
    assert missing["lost_bytes"]["low"] <= 45_000 <= missing["lost_bytes"]["high"]
    assert missing["customers"] == [{"id": "c1", "share": 1.0}]
    assert (missing["money"], missing["recoverable_until"]) == (None, "2026-11-08T00:05:00Z")
    assert (damaged["class"], damaged["lost_lines"], damaged["from"]) == (
        "damaged",
        6,
        "2026-11-01T00:09:00Z",
    )
    assert any("damaged: 4 lines, the sidecar claims 10" in word for word in damaged["evidence"])
    assert (torn["class"], torn["lost_lines"], torn["edge"]) == ("sequence", 3, "e2")

    shown = prebill("gaps", *NOW)
    assert shown.returncode == 0
    assert "not rated: no customer has a contract" in shown.stdout
    assert "3 gaps still lost" in shown.stdout
    assert prebill("gaps", "--check", *NOW).returncode == 1

    deliver(site / "spool", "e1", 5)
    assert prebill("run", "--once", *NOW).returncode == 0
    shrunk = next(gap for gap in gaps_of(prebill) if gap["class"] == "missing")
    assert (shrunk["id"], shrunk["state"], shrunk["minutes"]) == (missing["id"], "shrunk", 2)
    assert shrunk["first_seen"] == missing["first_seen"]

    deliver(site / "spool", "e1", 6)
    deliver(site / "spool", "e1", 7)
    deliver(site / "spool", "e2", 9)
    assert prebill("run", "--once", *NOW).returncode == 0
    assert [gap["id"] for gap in gaps_of(prebill)] == [torn["id"]]
    states = {gap["id"]: gap["state"] for gap in gaps_of(prebill, "--closed")}
    assert states == {missing["id"]: "closed", damaged["id"]: "closed", torn["id"]: "open"}

    refused = prebill("gaps", "--accept", torn["id"])
    assert refused.returncode == 2
    assert "--actor: required with --accept" in refused.stderr
    assert "--reason: required with --accept" in refused.stderr
    accepted = prebill(
        "gaps", "--accept", torn["id"], "--actor", "anna", "--reason", "nothing left of it", *NOW
    )
    assert accepted.returncode == 0, accepted.stderr
    assert prebill("gaps", "--check", *NOW).returncode == 0
    (left,) = gaps_of(prebill)
    assert (left["state"], left["reason"]) == ("accepted", "anna: nothing left of it")
    twice = prebill("gaps", "--accept", torn["id"], "--actor", "anna", "--reason", "again", *NOW)
    assert twice.returncode == 2
    assert "is accepted already" in twice.stderr
    history = prebill("sql", "--json", "SELECT state FROM gap_history WHERE class = 'missing' ORDER BY seq")
    assert [row["state"] for row in json.loads(history.stdout)] == ["open", "shrunk", "closed"]


@pytest.mark.usefixtures("site")
def test_looking_writes_nothing_and_gaps_are_found_without_a_run_that_saw_them(prebill: Prebill) -> None:
    """`--now` may be any time: what it shows is not kept."""
    assert prebill("run", "--once", "--now", "2026-11-01T00:04:00Z").returncode == 1
    assert gaps_of(prebill) != []
    far = prebill("gaps", "--json", "--now", "2026-12-01T00:00:00Z")
    assert {gap["class"] for gap in json.loads(far.stdout)} == {"missing", "damaged", "sequence"}
    kept = json.loads(prebill("sql", "--json", "SELECT class FROM gaps WHERE class = 'missing'").stdout)
    assert kept == []  # at 00:04 nothing was missing yet
    of_e1 = prebill("gaps", "--json", "--from", "2026-11-01T00:00:00Z", "--to", "2026-11-01T00:06:00Z", *NOW)
    assert [gap["class"] for gap in json.loads(of_e1.stdout)] == ["missing"]


@pytest.mark.usefixtures("known")
def test_the_heat_map_and_its_runs(prebill: Prebill) -> None:
    drawn = prebill("coverage", *PERIOD, *NOW)
    assert drawn.returncode == 0, drawn.stderr
    lines = {line.split()[0]: line.split()[1] for line in drawn.stdout.splitlines() if line.startswith("e")}
    assert lines["e1"] == "rrrrrMMMrrrrrrrrrrrr"
    assert lines["e2"] == "rrrrrrrrrDrSrrrrrrrr"
    assert "3 missing" in drawn.stdout
    assert "a cell is one minute" in drawn.stdout

    runs = prebill("coverage", *PERIOD, "--edge", "e1", "--json", *NOW)
    assert [json.loads(line) for line in runs.stdout.splitlines()] == [
        {"edge": "e1", "stream": "access", "from": begin, "to": end, "state": state}
        for begin, end, state in (
            ("2026-11-01T00:00:00Z", "2026-11-01T00:05:00Z", "received"),
            ("2026-11-01T00:05:00Z", "2026-11-01T00:08:00Z", "missing"),
            ("2026-11-01T00:08:00Z", "2026-11-01T00:20:00Z", "received"),
        )
    ]
    kept = prebill(
        "sql", "--json", "SELECT edge, stream, `from`, `to`, state FROM coverage WHERE edge = 'e1'"
    )
    assert json.loads(kept.stdout)[1]["state"] == "missing"

    hourly = prebill("coverage", "--from", "2026-11-01", "--to", "2026-11-02", "--zoom", "hour", *NOW)
    assert "e1  M" in hourly.stdout
    assert "a cell is one hour" in hourly.stdout


@pytest.mark.usefixtures("site")
def test_what_is_late_is_not_missing_until_its_allowance_has_passed(prebill: Prebill) -> None:
    assert prebill("run", "--once", "--now", "2026-11-01T00:10:00Z").returncode == 1
    for second, state in (("00:09:59", "late"), ("00:11:00", "missing")):
        runs = prebill("coverage", *PERIOD, "--edge", "e1", "--json", "--now", f"2026-11-01T{second}Z")
        first = next(
            line for line in map(json.loads, runs.stdout.splitlines()) if line["from"].endswith("05:00Z")
        )
        assert first["state"] == state
    status = json.loads(prebill("status", "--json", "--now", "2026-11-01T00:10:30Z").stdout)["coverage"]
    assert status["late"] == [
        {"edge": "e1", "stream": "access", "minutes": 3, "since": "2026-11-01T00:05:00Z", "late_s": 270}
    ]
    shown = prebill("status", "--now", "2026-11-01T00:10:30Z")
    assert "most of all e1/access since 2026-11-01T00:05:00Z: 0:04:30" in shown.stdout
    later = prebill("status", *NOW)
    assert "3 gaps, 5 minutes" in later.stdout
    assert "e1/access 11-01 00:05 – 00:08 missing, open" in later.stdout


def test_acts_on_edges_are_evidence(prebill: Prebill, known: Path) -> None:
    acts = [
        {"at": "2026-11-01T00:05:00Z", "type": "edge", "edge": "e1", "action": "pause", "reason": "moved"},
        {"at": "2026-11-01T00:08:00Z", "type": "edge", "edge": "e1", "action": "resume"},
    ]
    text = "".join(json.dumps(act) + "\n" for act in acts)
    added = prebill("evidence", "add", "-", "--json", stdin=text)
    assert json.loads(added.stdout) == {"add": 2, "read": 2, "known": 0}
    (known / "acts.ndjson").write_text(text)
    again = prebill("evidence", "add", "acts.ndjson")
    assert again.returncode == 0
    assert "0 events added; 2 of 2 were known" in again.stderr
    drawn = prebill("coverage", *PERIOD, *NOW)
    assert "ppprrrrrrrrrrrr " in drawn.stdout
    # a pause says that nothing is expected, not that nothing was lost: numbers that are wanting are still a gap
    assert next((gap["edge"], gap["class"]) for gap in gaps_of(prebill)) == ("e1", "sequence")


def test_wrong_evidence_is_told_at_once_and_none_is_added(prebill: Prebill, tmp_path: Path) -> None:
    make_spool(tmp_path)
    text = (
        '{"at": "2026-11-01T00:05:00Z", "type": "edge", "edge": "e1", "action": "pause"}\n'
        "nonsense\n"
        '{"at": "yesterday", "type": "edge", "edge": "e1", "action": "stop"}\n'
    )
    done = prebill("evidence", "add", "-", stdin=text)
    assert done.returncode == 2
    told = [line.removeprefix("prebill: standard input: ") for line in done.stderr.splitlines()]
    assert told[0].startswith("line 2: found what is not JSON")
    assert told[1].startswith("line 3, key at: found")
    assert told[2].startswith("line 3, key action: found")
    assert told[3].strip() == "Nothing was added."
    assert not (tmp_path / "store").exists()
    gone = prebill("evidence", "add", "nosuch.ndjson")
    assert (gone.returncode, "nosuch.ndjson: cannot be read" in gone.stderr) == (2, True)
    assert prebill("evidence", "remove", "x").returncode == 2


@pytest.mark.usefixtures("site")
def test_wrong_usage_is_told_in_a_sentence(prebill: Prebill) -> None:
    assert prebill("evidence", "add", "-", stdin="").returncode == 0  # makes the store
    for arguments, told in (
        (["coverage", "--from", "soon"], "--from: expected a date, or a time with its offset"),
        (["coverage", "--zoom", "week"], "week"),
        (["coverage", "--edge", "e3"], "no edge 'e3' is expected or was seen"),
        (["gaps", "--to", "2026-11-01"], "--to: only with --from"),
        (["gaps", "--actor", "anna"], "--actor: only with --accept"),
        (["gaps", "--accept", "g0", "--actor", "a", "--reason", "r"], "no gap 'g0'"),
    ):
        done = prebill(*arguments)
        assert done.returncode == 2, done.stderr
        assert told in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("known")
def test_a_store_alone_is_enough_to_look(prebill: Prebill, tmp_path: Path) -> None:
    """Without a configuration what was seen is expected from its first segment on."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    store = ("--store", f"chdb://{tmp_path}/store")
    drawn = prebill("coverage", *store, *PERIOD, *NOW, cwd=elsewhere)
    assert "rrrrrMMMrrrrrrrrrrrr" in drawn.stdout, drawn.stderr
    assert prebill("gaps", *store, *NOW, cwd=elsewhere).returncode == 0


@pytest.mark.usefixtures("site")
def test_what_fell_due_while_nobody_looked_fails_the_check_until_two_runs_have_looked(
    prebill: Prebill, tmp_path: Path
) -> None:
    """Fed by `run` once, as its beats tell, then by `run --once` only."""
    with open_store(f"chdb://{tmp_path}/store") as store:
        store.beat(*(START + second for second in range(0, 201, 20)))

    def check_after_a_run(at: str) -> tuple[int, str, set[str]]:
        assert prebill("run", "--once", "--now", at).returncode < 2
        # the command's clock went on from --now
        done = prebill("gaps", "--check", "--json", "--now", at.replace(":00Z", ":59Z"))
        return done.returncode, done.stderr, {gap["class"] for gap in json.loads(done.stdout)}

    code, told, found = check_after_a_run("2026-11-01T00:30:00Z")
    assert code == 1
    assert "3 minutes unknown: prebill was not running when they were due" in told
    assert "missing" not in found
    accepted = ("--actor", "anna", "--reason", "nothing left")
    for gap in gaps_of_at(prebill, "2026-11-01T00:30:00Z"):
        assert prebill("gaps", "--accept", gap, *accepted, "--now", "2026-11-01T00:30:00Z").returncode == 0
    code, told, found = check_after_a_run("2026-11-01T00:31:00Z")
    assert (code, "3 minutes unknown" in told) == (1, True)  # no gap is open, and still it does not pass
    before = ("--from", "2026-11-01", "--to", "2026-11-01T00:05:00Z", "--now", "2026-11-01T00:31:00Z")
    assert prebill("gaps", "--check", *before).returncode == 0
    code, told, found = check_after_a_run("2026-11-01T00:36:00Z")
    assert (code, "unknown" in told, "missing" in found) == (1, False, True)


def gaps_of_at(prebill: Prebill, at: str) -> list[str]:
    return [gap["id"] for gap in json.loads(prebill("gaps", "--json", "--now", at).stdout)]
