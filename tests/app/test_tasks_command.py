"""`prebill tasks` as a user types it, over a real spool and store in which a watch has opened one task."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from incidents.model import Change, Fact, Harm, Kind, Priority, Scope, Status, Transition
from incidents.procedure import read_runbook
from pipeline.app.incidents.gap_tasks import name_gaps
from pipeline.app.watch.log import change_row
from pipeline.store import open_store

from .conftest import Prebill, calling, copy_site
from .test_coverage_commands import CONFIG, START, deliver

TASK = "i1"
SEEN = START + 40 * 60.0
NOW = ("--now", "2026-11-01T00:41:00Z")
PLAN = """
id = "p"
version = 1
name = { en = "P" }
currency = "RUB"
valid_from = 2026-01-01
[[charge]]
id = "traffic"
meter = "bytes_sent"
unit = "kB"
model = "per_unit"
unit_price = "2"
"""


def change(**given: Any) -> Transition:
    """The gap of e1, judged harmless."""
    made: dict[str, Any] = {
        "at": SEEN, "incident": TASK, "kind": Kind.BILLING_GAP, "scope": Scope("edge", "e1"), "harm": Harm.NONE,
        "priority": Priority.NORMAL, "status": Status.OPEN, "change": Change.OPENED,
        "reason": "logs are missing, clients are served",
        "evidence": (Fact(SEEN, "probe", "edge e1 fine from msk-1"),),
    }  # fmt: skip
    return Transition(**(made | given))


def record(site: Path, *made: Transition) -> None:
    with open_store(f"chdb://{site}/store") as store:
        store.incidents.append_changes([change_row(each, 0) for each in made])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty minutes of two edges, of which e1 lacks three; a probe saw e1 half a minute ago."""
    folder = tmp_path_factory.mktemp("made")
    contract = 'name = "Cinema"\ncontract = [{ plan = "p", from = 2026-01-01, tz = "UTC" }]'
    text = CONFIG.format(folder=folder).replace('name = "Cinema"', contract)
    (folder / "prebill.toml").write_text(text)
    (folder / "plans").mkdir()
    (folder / "plans" / "p.toml").write_text(PLAN)
    for minute in range(20):
        if minute not in (5, 6, 7):
            deliver(folder / "spool", "e1", minute)
        deliver(folder / "spool", "e2", minute)
    look = {"at": "2026-11-01T00:40:30Z", "type": "probe", "target": {"kind": "edge", "id": "e1"},
            "vantage": "msk-1", "ok": True}  # fmt: skip
    (folder / "look.ndjson").write_text(json.dumps(look))
    for arguments in (("run", "--once"), ("evidence", "add", "look.ndjson")):
        assert calling(folder)(*arguments, *NOW).returncode == 0
    record(folder, change())
    return folder


@pytest.fixture
def site(made: Path, tmp_path: Path) -> Path:
    """The same, a copy of one's own."""
    copy_site(made, tmp_path)
    return tmp_path


def asked(prebill: Prebill, *arguments: str) -> Any:
    done = prebill("tasks", *arguments, "--json", *NOW)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.usefixtures("site")
def test_the_queue_opens_with_the_answer_and_counts_the_money(prebill: Prebill) -> None:
    (task,) = asked(prebill)
    assert task["served"]["answer"] == "yes"
    assert task["served"]["age_seconds"] == 30
    assert (task["id"], task["state"], task["minutes"]) == (TASK, "open", 3)
    (money,) = task["money"]
    # three minutes like those around them: ten lines of 1,500 bytes each, at 2 RUB a kB
    assert float(money["expected"]) == pytest.approx(90, rel=0.05)
    assert money["currency"] == "RUB"
    assert task["missing"][0]["edge"] == "e1"
    assert task["due"] == "2026-11-05T00:00:00Z", "it was opened on a Sunday"

    shown = prebill("tasks", *NOW).stdout
    assert "YES" in shown
    assert "lost billing data: e1, 3 min" in shown
    assert "ДА" in prebill("tasks", "--lang", "ru", *NOW).stdout


@pytest.mark.usefixtures("site")
def test_without_a_fresh_probe_nobody_says_yes(prebill: Prebill) -> None:
    done = prebill("tasks", "--json", "--now", "2026-11-01T00:50:00Z")
    (task,) = json.loads(done.stdout)
    assert task["served"]["answer"] == "unknown"


@pytest.mark.usefixtures("site")
def test_a_person_takes_it_sets_a_date_ticks_a_step_and_all_of_it_is_kept(prebill: Prebill) -> None:
    assert prebill("tasks", "take", TASK, "boris", "--actor", "anna", *NOW).returncode == 0
    due = ("due", TASK, "2026-11-02T12:00:00Z", "--reason", "disk", "--actor", "anna")
    assert prebill("tasks", *due, *NOW).returncode == 0
    assert prebill("tasks", "done", TASK[:1], "look", *NOW).returncode == 0
    found = asked(prebill, "show", TASK)
    assert (found["assignee"], found["due"], found["due_by"]) == ("boris", "2026-11-02T12:00:00Z", "anna")
    assert [step["id"] for step in found["procedure"] if step["done"]] == ["look"]
    shown = prebill("tasks", "show", TASK, *NOW).stdout
    assert shown.splitlines()[2].startswith("Are the clients served? YES")
    assert "[x] look" in shown


@pytest.mark.usefixtures("site")
def test_closing_accepts_the_loss_with_a_name_and_tells_the_engine(prebill: Prebill) -> None:
    refused = prebill("tasks", "close", TASK, "recovered", "--reason", "x", *NOW)
    assert refused.returncode == 2
    assert "still lost" in refused.stderr

    done = prebill("tasks", "close", TASK, "--actor", "head", "--reason", "the disk is gone", *NOW)
    assert done.returncode == 0, done.stderr
    assert "closed, lost" in done.stderr
    assert asked(prebill) == []
    (task,) = asked(prebill, "--closed")
    assert task["outcome"]["kind"] == "lost"
    assert task["outcome"]["accepted_by"] == "head"
    assert float(task["outcome"]["amount"]["expected"]) == pytest.approx(90, rel=0.05)
    gaps = json.loads(prebill("gaps", "--json", *NOW).stdout)
    assert [(gap["state"], gap["task"], gap["reason"]) for gap in gaps] == [
        ("accepted", TASK, "head: the disk is gone")
    ]
    told = prebill("sql", "SELECT body FROM evidence WHERE type = 'resolve'", "--json", *NOW).stdout
    assert TASK in told
    assert prebill("tasks", "close", TASK, "--reason", "again", *NOW).returncode == 2


def test_when_the_data_comes_it_is_recovered(site: Path, prebill: Prebill) -> None:
    for minute in (5, 6, 7):
        deliver(site / "spool", "e1", minute)
    assert prebill("run", "--once", *NOW).returncode == 0
    done = prebill("tasks", "close", TASK, "--actor", "anna", "--reason", "sent again", *NOW)
    assert "closed, recovered" in done.stderr, done.stderr


def test_money_waits_while_clients_may_be_hurt(site: Path, prebill: Prebill) -> None:
    record(site, change(at=SEEN + 30, priority=Priority.HIGH, harm=Harm.SUSPECTED, change=Change.RAISED))
    (task,) = asked(prebill)
    assert (task["state"], task["served"]["answer"]) == ("held", "unknown")
    refused = prebill("tasks", "close", TASK, "--reason", "x", *NOW)
    assert refused.returncode == 2
    assert "clients may be hurt" in refused.stderr


@pytest.mark.usefixtures("site")
def test_the_digest_is_text_page_or_json(prebill: Prebill, tmp_path: Path) -> None:
    assert "clients served: yes 1" in prebill("tasks", "digest", *NOW).stdout
    assert prebill("tasks", "digest", "--html", "--lang", "ru", "-o", "d.html", *NOW).returncode == 0
    page = (tmp_path / "d.html").read_text(encoding="utf-8")
    assert page.startswith('<!doctype html><html lang="ru">')
    assert asked(prebill, "digest")["minutes"] == 3


def test_every_command_of_the_procedure_can_be_pasted(site: Path, prebill: Prebill) -> None:
    """Each is read by a shell as it stands, in the order of the procedure; only other machines are not reached."""
    config = str(site / "prebill.toml")
    told = prebill("tasks", "show", TASK, "--json", "--actor", "anna lee", "--config", config, *NOW)
    task = json.loads(told.stdout)
    lines = [command for step in task["procedure"] for command in step["commands"]]
    text = prebill("tasks", "show", TASK, "--config", config, *NOW).stdout
    lines += [
        line.strip()
        for line in text.splitlines()
        if line.strip().startswith("prebill --config") and "sql" in line
    ]
    folder = site / "bin"
    folder.mkdir()
    tool = folder / "prebill"
    # what a shell would start: its words and its input, of which the command is then called
    tool.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" >>{folder}/words && cat >{folder}/input\n")
    tool.chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    ran = []
    for line in lines:
        if line.startswith("ssh "):
            continue
        (folder / "words").unlink(missing_ok=True)
        subprocess.run(
            ["sh", "-c", line], cwd=site, env=environment, stdin=subprocess.DEVNULL, timeout=120, check=True
        )
        words = (folder / "words").read_text(encoding="utf-8").split("\0")[:-1]
        assert words.count(config) == 1, f"one command a line: {line}"
        done = prebill("--now", "2026-11-01T00:41:00Z", *words, stdin=(folder / "input").read_text())
        # the pause makes the minutes unexpected: nothing is left to accept
        nothing_left = done.returncode == 2 and ("is closed" in done.stderr or "no gap" in done.stderr)
        assert done.returncode in (0, 1) or nothing_left, f"{line}\n{done.stdout}{done.stderr}"
        ran.append(line.split(config)[1].split()[0])
    assert {"tasks", "gaps", "coverage", "run", "evidence", "sql"} <= set(ran)


@pytest.mark.parametrize("kind", [Kind.BILLING_GAP, Kind.DATA_QUALITY, Kind.CLIENT_REQUEST])
def test_a_runbook_names_commands_that_exist_and_speaks_both_languages(kind: Kind) -> None:
    from pipeline.app.catalogue import COMMANDS

    known = {command.name for command in COMMANDS}
    runbook = read_runbook(kind)
    for step in (*runbook.places, *runbook.step):
        assert set(step.text) == {"en", "ru"}
        for command in step.commands:
            used = [word.split()[0] for word in command.split("$prebill ")[1:]]
            assert set(used) <= known, command


@pytest.mark.usefixtures("site")
def test_what_is_wrong_is_told_all_at_once(prebill: Prebill) -> None:
    for arguments, told in (
        (("show",), ["tasks show: expected a task"]),
        (("list", "x", "--html"), ["tasks list: expected nothing more", "only with digest"]),
        (
            ("close", TASK, "won"),
            ["--reason: required", "expected recovered, partly, lost, solved; found 'won'"],
        ),
        (("due", TASK, "soon", "--reason", "x"), ["expected a time with an offset"]),
        (("done", TASK, "dance"), ["expected a step of served, look"]),
        (("show", "none"), ["no task 'none'"]),
    ):
        done = prebill("tasks", *arguments, *NOW)
        assert done.returncode == 2, arguments
        assert all(each in done.stderr for each in told), done.stderr


def test_a_gap_is_told_once_which_task_it_belongs_to(site: Path) -> None:
    with open_store(f"chdb://{site}/store") as store:
        assert [gap.task for gap in store.gaps()] == [""]
        assert name_gaps(store) == 1
        assert [gap.task for gap in store.gaps()] == [TASK]
        assert name_gaps(store) == 0


def test_after_an_incident_there_is_a_draft_an_account_and_how_fast_all_were(
    site: Path, prebill: Prebill
) -> None:
    record(
        site,
        change(at=SEEN + 20, change=Change.ACKNOWLEDGED, status=Status.ACKNOWLEDGED, actor="anna"),
        change(at=SEEN + 50, change=Change.RESOLVED, status=Status.RESOLVED, reason="all of it came"),
    )
    account = json.loads(prebill("incidents", "after", TASK, "--json", *NOW).stdout)
    assert (account["seconds_to_acknowledge"], account["seconds_to_resolve"]) == (20, 50)
    assert account["minutes"] == {"not_served": 0, "served_but_not_logged": 3, "not_known": 0}
    assert [hit["id"] for hit in account["customers"]] == ["c1"]

    assert prebill("incidents", "after", TASK, "--lang", "ru", "-o", "draft.md", *NOW).returncode == 0
    assert (site / "draft.md").read_text(encoding="utf-8").startswith("# Разбор: потеря данных биллинга")
    (speed,) = json.loads(prebill("incidents", "after", "--json", *NOW).stdout)
    assert speed == {
        "kind": "billing_gap", "incidents": 1, "open": 0, "mtta_seconds": 20, "mttr_seconds": 50,
    }  # fmt: skip
    wrong = prebill("incidents", "after", "nothing", *NOW)
    assert wrong.returncode == 2
    assert "there is none" in wrong.stderr
