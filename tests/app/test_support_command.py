"""`prebill support` as a user types it: requests, letters from a maildir, evidence, the report, and what is wrong."""

from __future__ import annotations

import getpass
import json
import time
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from incidents.words import instant_text

if TYPE_CHECKING:
    from tests.app.conftest import Prebill

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "spool"
[[customer]]
id = "c1"
name = "Кинотеатр"
lang = "ru"
resources = ["video.example.ru"]
contract = [{{ plan = "start", from = 2025-01-01, tz = "Europe/Moscow" }}]
[support]
head = "Анна"
email = "support@cdn.example"
tz = "Europe/Moscow"
country = "RU"
maildir = "box"
addresses = [{{ customer = "c1", email = "@client.example" }}]
[[support.manager]]
id = "olga"
name = "Ольга"
[[support.manager]]
id = "ivan"
hours = {{ from = "10:00", to = "14:00" }}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "prebill.toml").write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    return tmp_path


def without_plans(desk: Path) -> None:
    """The watch wants a plan book where there are contracts."""
    config = desk / "prebill.toml"
    kept = [line for line in config.read_text().splitlines() if not line.startswith("contract")]
    config.write_text("\n".join(kept))


def test_a_solved_request_ends_its_incident_where_nothing_else_holds_it(prebill: Prebill, desk: Path) -> None:
    def about_c1(*more: str) -> dict[str, str]:
        found = json.loads(prebill("incidents", "list", "--json", *more).stdout)
        return {
            each["incident"]: each["kind"] for each in found if each["scope"] == {"customer": "c1"}
        }  # fmt: skip

    def call(*arguments: str) -> str:
        done = prebill(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stderr

    without_plans(desk)
    call("support", "add", "c1", "--text", "Видео не идёт", "--kind", "technical")
    call("watch", "--once")
    (asked,) = about_c1()
    assert "has no address: nothing was sent" in call("support", "answer", "1", "--text", "Чиним")
    failing = {
        "at": instant_text(time.time()),
        "type": "probe",
        "customer": "c1",
        "vantage": "v1",
        "ok": False,
    }
    (desk / "failing").write_text(json.dumps(failing))
    call("evidence", "add", "failing")
    call("watch", "--once")
    (outage,) = (name for name, kind in about_c1().items() if kind == "outage")
    listed = prebill("incidents", "list", "--lang", "ru").stdout
    assert "обращение клиента" in listed
    assert "2 открытых инцидента. Никто не наблюдает: `prebill watch` или `prebill up`." in listed
    shown = prebill("incidents", "show", asked, "--lang", "ru").stdout
    assert "На чём основано последнее решение" in shown
    assert "открыто, срочно, движок: клиент c1 сообщает о неполадке: проверьте c1 немедленно" in shown
    assert "назад  обращение: c1 (техническое): Видео не идёт" in shown
    assert prebill("incidents", "after", "--lang", "ru").stdout.split()[:3] == [
        "Инциденты",
        "Всего",
        "Открыто",
    ]
    said = call("support", "close", "1", "--text", "перезапущено", "--actor", "olga")
    assert f"its incident {asked} stays open: {outage} is about the same client" in said
    call("incidents", "resolve", outage, "--actor", "olga", "--reason", "restarted")
    call("watch", "--once")
    assert outage not in about_c1()
    call("watch", "--once")
    assert about_c1() == {}
    (ended,) = (
        each
        for each in json.loads(prebill("incidents", "list", "--all", "--json").stdout)
        if each["incident"] == asked
    )
    assert (ended["status"], ended["actor"]) == ("resolved", "olga")
    assert ended["reason"] == "request 1 is solved: перезапущено"


def test_what_came_and_was_closed_while_nobody_watched_wakes_no_one(prebill: Prebill, desk: Path) -> None:
    without_plans(desk)
    prebill("watch", "--once")
    prebill("support", "add", "c1", "--text", "Видео не идёт", "--kind", "technical")
    prebill("support", "answer", "1", "--text", "Чиним", "--sent")
    prebill("support", "close", "1", "--text", "перезапущено", "--actor", "olga")
    watched = prebill("watch", "--once")
    assert watched.returncode == 0, watched.stderr
    assert "c1" not in watched.stderr
    assert json.loads(prebill("incidents", "list", "--all", "--json").stdout) == []
    taken = prebill(
        "sql", "--json", "SELECT actor, body FROM incident_events WHERE type = 'request' ORDER BY actor DESC"
    )
    came, closed = json.loads(taken.stdout)
    assert json.loads(came["body"])["text"] == "Видео не идёт"
    assert (closed["actor"], json.loads(closed["body"])["solved"]) == ("olga", True)


def test_a_request_from_coming_in_to_the_report(prebill: Prebill, desk: Path) -> None:
    def call(*arguments: str, now: str) -> dict[str, object]:
        done = prebill("support", *arguments, "--json", "--now", now)
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    made = call("add", "c1", "--text", "Видео не идёт", "--kind", "technical", now="2026-11-18T09:00:00Z")
    assert made["events"] == ["received", "acknowledged", "named"]
    call(
        "answer", "1", "--text", "Чиним", "--by", "2026-11-19", "--actor", "olga", now="2026-11-18T10:00:00Z"
    )
    told = prebill("sql", "SELECT body FROM evidence", "--json")
    assert json.loads(json.loads(told.stdout)[0]["body"])["customer"] == "c1"
    listed = prebill("support", "list", "--lang", "ru", "--now", "2026-11-20T09:00:00Z").stdout
    for word in ("менеджер", "техническое", "отвечено", "закрытие, ", "19 нояб. 2026"):
        assert word in listed
    shown = prebill("support", "show", "1", "--lang", "ru", "--now", "2026-11-20T09:00:00Z").stdout
    for line in (
        "  обращение (техническое), c1: отвечено",
        "  менеджер: olga",
        "  первый ответ    в срок    сделано 2026-11-18T10:00:00Z",
        "2026-11-18T10:00:00Z  обещано  olga  к 2026-11-19T20:59:59Z",
    ):
        assert line in shown
    call("file", "1", "--kind", "billing", now="2026-11-18T11:00:00Z")
    shown = prebill("support", "show", "1", "--lang", "ru", "--now", "2026-11-20T09:00:00Z").stdout
    assert "  отнесено  root  о счетах" in shown.replace(getpass.getuser(), "root")
    call("close", "1", "--text", "Готово", now="2026-11-19T09:00:00Z")
    call("nps", "1", "--score", "9", now="2026-11-19T10:00:00Z")
    report = call("report", "--week", "2026-W47", now="2026-11-23T09:00:00Z")
    this = report["this"]
    assert isinstance(this, dict)
    assert (this["received"], this["promises"]["kept"], this["nps"]["score"]) == (1, 1, 100)
    page = prebill("support", "report", "--week", "2026-W47", "--lang", "ru", "-o", "week.html")
    assert page.returncode == 0, page.stderr
    assert "обещания сдержаны" in (desk / "week.html").read_text(encoding="utf-8")


def test_letters_of_a_maildir_come_in_once_and_late_ones_are_found(prebill: Prebill, desk: Path) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"] = "boss@client.example", "support@cdn.example"
    letter["Subject"], letter["Message-ID"] = "Счёт", "<1@client.example>"
    letter.set_content("Пришлите счёт")
    for name in ("1.a", "2.b"):  # a mailing list's second copy
        (desk / "box/new" / name).write_bytes(letter.as_bytes())
    done = prebill("support", "intake", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["letters"] == 2
    assert len(list((desk / "box/cur").iterdir())) == 2
    late = prebill("support", "list", "--late", "--json", "--now", "2099-01-01T00:00:00Z")
    assert late.returncode == 1
    (found,) = json.loads(late.stdout)
    assert (found["customer"], found["kind"], found["standing"]) == ("c1", "billing", "new")


def test_a_test_call_that_nobody_answers_at_night_pages_and_is_counted_once(
    prebill: Prebill, desk: Path
) -> None:
    without_plans(desk)
    night = ("--actor", "anna", "--now", "2026-11-16T23:10:00Z")
    for _ in range(2):
        assert prebill("support", "call", "--test", "--unanswered", *night).returncode == 0
    assert prebill("support", "call", "--score", "0", *night).returncode == 0, (
        "a client's call is no evidence"
    )
    assert prebill("watch", "--once", "--now", "2026-11-16T23:11:00Z").returncode == 0
    (one,) = json.loads(prebill("incidents", "list", "--json").stdout)
    assert (one["scope"], one["priority"]) == ({"support_line": ""}, "high")
    report = json.loads(
        prebill("support", "report", "--week", "2026-W47", "--json", "--now", "2026-11-24T09:00:00Z").stdout
    )
    assert report["this"]["calls"] == {
        "count": 2, "answered": 1, "tests": 1, "tests_failed": 1, "politeness": 0.0, "scored": 1, "lowest": 0,
    }  # fmt: skip


def test_closing_a_request_speaks_of_its_own_incident_only(prebill: Prebill, desk: Path) -> None:
    def call(*arguments: str) -> str:
        done = prebill(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stderr

    without_plans(desk)
    ending = "its incident ends with it"
    call("support", "add", "c1", "--text", "Видео не идёт", "--kind", "technical")
    call("support", "add", "c1", "--text", "Счёт?", "--kind", "billing")
    for number in ("1", "2"):
        call("support", "answer", number, "--text", "Готово", "--sent")
    assert ending not in call("support", "close", "1"), "nobody has taken it up yet"
    call("watch", "--once")
    assert ending not in call("support", "close", "2")


@pytest.mark.usefixtures("desk")
def test_wrong_use_is_told_all_at_once(prebill: Prebill) -> None:
    for arguments, expected in (
        (("pause",), "expected the number of a request"),
        (("add", "nobody", "--text", "x"), "there is no customer 'nobody'"),
        (("answer", "7", "--text", "x"), "there is no request '7'"),
        (("list", "--customer", "c2"), "--customer: there is no customer 'c2'; did you mean c1?"),
        (("list", "--manager", "olgo"), "--manager: there is no manager 'olgo'; did you mean olga?"),
        (("list", "--score", "3"), "--score: not with list; only with nps, call"),
        (("promise", "1", "--by", "soon"), "expected a date"),
        (("report", "--week", "W47"), "expected a week like 2026-W47"),
    ):
        done = prebill("support", *arguments)
        assert done.returncode == 2, done.stderr
        assert expected in done.stderr
        assert "Traceback" not in done.stderr


def test_wrong_configuration_is_told_all_at_once(prebill: Prebill, desk: Path) -> None:
    file = desk / "prebill.toml"
    wrong = file.read_text("utf-8").replace(
        'country = "RU"', 'country = "Atlantis"\nfirst_answer_limit = "2h"'
    )
    wrong = wrong.replace('customer = "c1", email', 'customer = "c9", email').replace('"ivan"', '"olga"')
    wrong += '[support.smtp]\nhost = "mail.example"\nuser = "x"\nsecurity = "none"\n'
    file.write_text(wrong, "utf-8")
    done = prebill("support", "list")
    assert done.returncode == 2
    for expected in (
        'support.country: expected a country like "RU"', "support.first_answer_limit: must not be less",
        'support.addresses[0].customer: there is no customer "c9"', "support.manager[1].id:",
        "support.smtp: expected one of password_env and password_file, found neither",
        "support.smtp.security: a password is not sent in the clear",
    ):  # fmt: skip
        assert expected in done.stderr


def test_the_documented_keys_are_the_keys() -> None:
    import tomllib

    from incidents.desk.settings import SupportSettings, problems
    from pipeline.shape import Problem, read_struct, top_level_keys

    page = (Path(__file__).parents[2] / "docs/configuration.md").read_text("utf-8")
    block = page.split("## The support desk")[1].split("```toml\n")[1].split("```")[0]
    table = tomllib.loads(block)["support"]
    found: list[Problem] = []
    read = read_struct(SupportSettings, table, (), found)
    assert found == []
    assert read is not None
    assert list(problems(read, {"c1"})) == []
    assert set(table) == top_level_keys(SupportSettings)
