"""`prebill oncall` and the doctor's line on channels, as a user calls them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.app.conftest import Prebill

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "spool"

[[person]]
id = "anna"
name = "Анна"
channels = ["file:anna.url"]
tz = "Europe/Moscow"
lang = "ru"
[[person]]
id = "boris"
channels = ["hook"]

[oncall]
tz = "Europe/Moscow"
[[oncall.level]]
rotation = {{ people = ["anna", "boris"], from = 2026-11-02, at = "10:00" }}
[[oncall.override]]
from = 2026-11-25
to = 2026-11-26
person = "boris"
reason = "anna flies"

[[channel]]
id = "hook"
kind = "webhook"
url = "https://hooks.example.ru/x"
secret = "env:HOOK_SECRET"
"""

NOW = ("--now", "2026-11-24T12:00:00Z")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prebill.toml").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "spool").mkdir()
    return tmp_path


def test_who_is_on_call_now_and_next(folder: Path, prebill: Prebill) -> None:
    done = prebill(*NOW, "oncall", "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    (level,) = document["levels"]
    assert level["people"] == [{"id": "boris", "name": "boris", "reachable": True}]
    assert level["until"] == "2026-11-24T21:00:00Z"
    assert level["next"]["override"] == "anna flies"
    assert document["roles"]["operations"] == "boris"
    later = json.loads(prebill("oncall", "--at", "2026-12-01T12:00:00+03:00", "--json", cwd=folder).stdout)
    anna = {"id": "anna", "name": "Анна", "reachable": True}
    assert later["levels"][0]["people"] == [anna], "her week began on Monday"
    shown = prebill(*NOW, "oncall", cwd=folder).stdout
    assert "On call at Tue 2026-11-24 15:00, Europe/Moscow" in shown
    assert "Анна" in shown


def test_who_has_no_channel_is_named_as_such_and_holds_no_role(folder: Path, prebill: Prebill) -> None:
    config = folder / "prebill.toml"
    config.write_text(config.read_text().replace('channels = ["hook"]', "channels = []"))
    shown = prebill(*NOW, "oncall", cwd=folder).stdout
    assert "boris (no channel)" in shown
    assert "operations anna, commander anna" in shown
    document = json.loads(prebill(*NOW, "oncall", "--json", cwd=folder).stdout)
    assert [each["reachable"] for each in document["levels"][0]["people"]] == [False]
    assert set(document["roles"].values()) == {"anna"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--at", "yesterday"), "--at: expected a time with an offset"),
        (("--days", "0"), "--days: expected 1 to 366, found 0"),
        (("show", "i1"), "oncall show: expected nothing more"),
        (("handover", "i1"), "oncall handover: expected an incident, a role, and who takes it"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, prebill: Prebill, arguments: tuple[str, ...], said: str) -> None:
    done = prebill("oncall", *arguments, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr


def test_without_people_it_says_where_to_begin(tmp_path: Path, prebill: Prebill) -> None:
    (tmp_path / "prebill.toml").write_text('[store]\ndsn = "chdb:///nowhere"\n[spool]\npath = "s"\n')
    done = prebill("oncall")
    assert done.returncode == 2
    assert "docs/escalation.md" in done.stderr


def test_a_role_is_handed_over_once_it_is_held(folder: Path, prebill: Prebill) -> None:
    from incidents.model import Change, Harm, Kind, Priority, Scope, Status, Transition
    from pipeline.app.watch.log import change_row
    from pipeline.store.connect import open_store

    def opened(incident: str, priority: Priority) -> Transition:
        return Transition(
            at=1_795_500_000.0,
            incident=incident,
            kind=Kind.OUTAGE,
            scope=Scope("all"),
            harm=Harm.CONFIRMED,
            priority=priority,
            status=Status.OPEN,
            change=Change.OPENED,
        )

    with open_store(f"chdb://{folder}/store") as store:
        rows = [
            change_row(opened("i1cafe", Priority.COMPANY_WIDE), 0),
            change_row(opened("i2", Priority.HIGH), 0),
        ]
        store.incidents.append_changes(rows)
    given = (*NOW, "oncall", "handover", "i1c", "operations", "anna", "--actor", "boris")
    assert "reason: required" in prebill(*given, cwd=folder).stderr
    done = prebill(*given, "--reason", "my shift ends", cwd=folder)
    assert (done.returncode, done.stderr.strip()) == (0, "i1cafe: operations goes from boris to anna")
    shown = json.loads(prebill(*NOW, "incidents", "show", "i1cafe", "--json", cwd=folder).stdout)
    assert shown["roles"]["operations"] == "anna"
    again = prebill(*given, "--reason", "my shift ends", cwd=folder)
    assert "to: anna holds it already" in again.stderr
    back = (
        *NOW[:1],
        "2026-11-24T13:00:00Z",
        "oncall",
        "handover",
        "i1cafe",
        "operations",
        "boris",
        "--reason",
        "back",
    )
    assert json.loads(prebill(*back, "--json", cwd=folder).stdout)["roles"]["operations"] == "boris"
    told = {
        "ru": "роль передана (чинит), boris → anna",
        "en": "operations handed over, boris → anna",
    }
    for lang, line in told.items():
        page = prebill(*NOW, "incidents", "show", "i1cafe", "--lang", lang, cwd=folder).stdout
        assert f"2026-11-24T12:00:00Z  {line}, boris: my shift ends" in page
        after = prebill(*NOW, "incidents", "after", "i1cafe", "--lang", lang, cwd=folder).stdout
        assert f"| 11-24 12:00:00 | {line}: my shift ends | boris |" in after.replace("\\", "")
    none = prebill(*NOW, "oncall", "handover", "i2", "scribe", "anna", "--reason", "x", cwd=folder)
    assert "does not concern the whole company" in none.stderr


def test_the_doctor_opens_channels_and_tells_no_secret(folder: Path, prebill: Prebill) -> None:
    (folder / "anna.url").write_text("mailto://anna:sEcr3t@mail.example.ru")

    def channels(**environment: str) -> dict[str, str]:
        done = prebill(*NOW, "doctor", "--json", cwd=folder, environment=environment)
        assert "sEcr3t" not in done.stdout + done.stderr
        return next(each for each in json.loads(done.stdout) if each["name"] == "channels")

    well = channels(HOOK_SECRET="x")  # noqa: S106 - there is none
    assert (well["state"], well["found"]) == (
        "ok",
        "2 people, 2 channels: all can be opened; nothing was sent",
    )
    unset = channels()
    assert unset["state"] == "fail"
    assert "channel hook: the environment variable HOOK_SECRET is not set" in unset["found"]
    (folder / "anna.url").write_text("mailtoo://anna:sEcr3t@mail.example.ru")
    wrong = channels(HOOK_SECRET="x")  # noqa: S106
    assert wrong["state"] == "fail"
    assert "mailtoo://: no service that apprise knows" in wrong["found"]
