"""`prebill watch`, `up` and `incidents` as a user calls them: beside a running watch, and without one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from incidents.words import instant_text
from tests.app.watch_cdn import make_config
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.app.conftest import Prebill

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


@pytest.fixture
def here(tmp_path: Path) -> Path:
    make_config(tmp_path)
    return tmp_path


@pytest.fixture
def watching(here: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running(here, "watch") as process:
        yield process


def running(here: Path, command: str) -> Running:
    return Running(here, command)


class Running:
    """A command that runs until the end of the test; its messages are in `messages`."""

    def __init__(self, here: Path, command: str) -> None:
        self.here, self.command = here, command

    def __enter__(self) -> subprocess.Popen[bytes]:
        with (self.here / "messages").open("w") as messages:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.app.main", self.command],
                cwd=self.here, stdout=messages, stderr=messages, env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        told = self.here / "messages"
        wait_until(
            lambda: "watching:" in told.read_text(), "the watch begins", PATIENCE_S, self.process, told
        )
        return self.process

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_S)


def failing(customer: str = "c1") -> str:
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return json.dumps(
        {
            "at": at,
            "type": "probe",
            "customer": customer,
            "vantage": "v1",
            "ok": False,
            "detail": "status 502",
        }
    )


def incidents(prebill: Prebill, here: Path, *more: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(
        prebill("incidents", "list", "--json", *more, cwd=here).stdout
    )
    return found


def about_c1(prebill: Prebill, here: Path) -> list[dict[str, object]]:
    return [each for each in incidents(prebill, here) if each["scope"] == {"customer": "c1"}]


def test_people_speak_while_the_watch_runs(
    prebill: Prebill, here: Path, watching: subprocess.Popen[bytes]
) -> None:
    assert prebill("evidence", "add", "-", cwd=here, stdin=failing()).returncode == 0
    wait_until(lambda: about_c1(prebill, here), "an incident of c1 is there", PATIENCE_S)
    (incident,) = about_c1(prebill, here)
    assert (incident["kind"], incident["priority"], incident["status"]) == ("outage", "high", "open")
    name = str(incident["incident"])
    second = prebill("watch", cwd=here)
    assert second.returncode == 1
    assert f"another prebill watches this store already: process {watching.pid}" in second.stderr
    said = prebill("incidents", "ack", name[:6], "--actor", "anna", "--reason", "looking", cwd=here)
    assert said.returncode == 0
    assert f"{name}: ack by anna; it is acknowledged now" in said.stderr
    shown = json.loads(prebill("incidents", "show", name, "--json", cwd=here).stdout)
    assert [each["source"] for each in shown["evidence"]] == ["probe"]
    assert 0 <= shown["evidence"][0]["age_s"] < 120
    assert {"opened", "notice", "acknowledged"} <= {each["change"] for each in shown["timeline"]}
    assert shown["told"][0]["channel"] == "screen"
    page = prebill("incidents", "show", name, cwd=here).stdout
    assert "status 502" in page
    assert "Timeline" in page
    resolved = prebill("incidents", "resolve", name, "--actor", "anna", "--reason", "restarted", cwd=here)
    assert "it is resolved now" in resolved.stderr
    assert name in [each["incident"] for each in incidents(prebill, here, "--all")]
    watching.send_signal(signal.SIGTERM)
    assert watching.wait(PATIENCE_S) == 128 + signal.SIGTERM
    assert "nothing that was committed is lost" in (here / "messages").read_text()


def test_without_a_watch_what_is_said_waits_for_one(prebill: Prebill, here: Path) -> None:
    prebill("evidence", "add", "-", cwd=here, stdin=failing())
    once = prebill("watch", "--once", cwd=here)
    assert once.returncode == 0, once.stderr
    assert "high → on call: customer c1, a probe of c1 fails" in once.stderr
    (incident,) = about_c1(prebill, here)
    name = str(incident["incident"])
    seen = json.loads(failing()) | {"vantage": "v2", "ok": True}
    prebill("evidence", "add", "-", cwd=here, stdin=json.dumps(seen))
    prebill("watch", "--once", cwd=here)
    shown = json.loads(prebill("incidents", "show", name, "--json", cwd=here).stdout)
    assert sorted((each["text"], each["stale"]) for each in shown["newest"]) == [
        ("v1: customer c1 fails status 502", False),
        ("v2: customer c1 is fine", False),
    ]
    page = prebill("incidents", "show", name, cwd=here).stdout
    assert "Evidence of the last decision" in page
    assert "Newest evidence" in page
    later = datetime.fromtimestamp(time.time() + 900, UTC).isoformat(timespec="seconds")
    old = prebill("--now", later, "incidents", "show", name, cwd=here).stdout
    assert "15 min ago  (stale)  probe: v1: customer c1 fails status 502" in old
    said = prebill("incidents", "ack", name, "--actor", "anna", "--reason", "looking", cwd=here)
    assert "Nobody watches: it counts once `prebill watch` runs" in said.stderr
    assert about_c1(prebill, here)[0]["status"] == "open"
    prebill("watch", "--once", cwd=here)
    assert about_c1(prebill, here)[0]["status"] == "acknowledged"
    table = prebill("incidents", "list", cwd=here).stdout
    assert "acknowledged" in table
    assert "Nobody watches" in table
    opened = json.loads(prebill("status", "--json", cwd=here).stdout)["incidents"]
    assert opened == {"company_wide": 0, "high": 0, "normal": 0} | Counter(
        row["priority"] for row in incidents(prebill, here)
    )
    assert opened["high"] >= 1
    assert f"{opened['high']} high" in prebill("status", cwd=here).stdout


def test_what_is_too_old_for_the_watch_is_told_when_it_is_added(prebill: Prebill, here: Path) -> None:
    now = datetime.fromtimestamp(int(time.time()), UTC)
    ago = {hours: instant_text(now.timestamp() - hours * 3600) for hours in (0, 2, 3)}
    request = {"type": "request", "customer": "c1", "kind": "technical"}
    lines: list[dict[str, object]] = [{"at": ago[hours], "id": f"r{hours}", **request} for hours in (0, 2)]
    lines.append({"at": ago[3], "type": "edge", "edge": "e1", "action": "resume"})
    lines.append({"at": ago[3], "type": "counter", "edge": "e1", "requests_total": 1, "bytes_sent_total": 1})
    text = "\n".join(map(json.dumps, lines))
    first = prebill("evidence", "add", "-", cwd=here, stdin=text)
    assert first.returncode == 0
    assert "warning: 1 event (1 request) of before" in first.stderr
    assert "an hour ago, and no watch has begun: kept, and taken up by no watch" in first.stderr
    prebill("watch", "--once", cwd=here)
    found = [each for each in about_c1(prebill, here) if each["kind"] == "client_request"]
    assert len(found) == 1, "what was told is so"
    older = [{"at": ago[hours], "id": f"again{hours}", **request} for hours in (2, 3)]
    second = prebill("evidence", "add", "-", "--json", cwd=here, stdin="\n".join(map(json.dumps, older)))
    told = json.loads(second.stdout)
    assert (told["add"], told["too_old_for_the_watch"]) == (2, 2)
    assert ago[2] < told["horizon"] < ago[0]
    assert "warning: 2 events (2 request) of before" in second.stderr
    assert "an hour before the first watch of this store began" in second.stderr
    fresh = prebill("evidence", "add", "-", cwd=here, stdin=failing())
    assert "warning" not in fresh.stderr


def test_a_clients_request_in_the_queue_is_solved_and_not_recovered(prebill: Prebill, here: Path) -> None:
    asked = {
        "at": instant_text(int(time.time())),
        "type": "request",
        "id": "b1",
        "customer": "c1",
        "kind": "billing",
    }
    prebill("evidence", "add", "-", cwd=here, stdin=json.dumps(asked))
    prebill("watch", "--once", cwd=here)
    (task,) = (each["incident"] for each in about_c1(prebill, here) if each["kind"] == "client_request")
    wrong = prebill("tasks", "close", str(task), "recovered", "--reason", "told him", cwd=here)
    assert wrong.returncode == 2
    assert "found 'recovered', expected solved: it is not about lost data" in wrong.stderr
    done = prebill("tasks", "close", str(task), "--reason", "told him", "--actor", "olga", cwd=here)
    assert f"{task}: closed, solved" in done.stderr
    assert (
        f"{task} | UNKNOWN | client's request: customer c1 | solved"
        in prebill("tasks", "digest", cwd=here).stdout
    )
    russian = prebill("tasks", "digest", "--lang", "ru", cwd=here).stdout
    assert f"{task} | НЕИЗВЕСТНО | обращение клиента: клиент c1 | решено" in russian


def test_wrong_words_are_told_all_at_once(prebill: Prebill, here: Path) -> None:
    wrong = prebill("incidents", "ack", cwd=here)
    assert wrong.returncode == 2
    assert "ack: expected the id of an incident" in wrong.stderr
    prebill("watch", "--once", cwd=here)
    wrong = prebill("incidents", "resolve", "nothing", "--actor", "anna", cwd=here)
    assert wrong.returncode == 2
    assert "--reason: required with resolve, and not given" in wrong.stderr
    wrong = prebill("incidents", "note", "nothing", "--actor", "anna", "--reason", "x", cwd=here)
    assert "there is no incident 'nothing'" in wrong.stderr
    assert prebill("incidents", "list", "--actor", "anna", cwd=here).returncode == 2
    missing = prebill("--store", f"chdb://{here}/no", "incidents", "list", cwd=here)
    assert missing.returncode == 3


def test_up_brings_in_and_watches_in_one_process(prebill: Prebill, here: Path) -> None:
    minute = int(time.time()) // 60 - 1
    at = datetime.fromtimestamp(minute * 60, UTC)
    lines = "".join(
        f"{minute * 60 + n % 60}.000\t{n}\ta.example.ru\tGET\t/{n}\t{502 if n % 2 else 200}\t1000\t900\tMISS\t1\tcurl\n"
        for n in range(400)
    )
    with running(here, "up") as process:
        folder = here / "spool" / "e1"
        folder.mkdir()
        (folder / ".draft").write_text(lines)
        (folder / ".draft").rename(folder / f"{at:%Y%m%dT%H%MZ}.log")
        messages = here / "messages"
        wait_until(
            lambda: "a surge of errors at edge e1" in messages.read_text(),
            "the surge is told",
            PATIENCE_S,
            process,
            messages,
        )
        (surge,) = [each for each in incidents(prebill, here) if each["kind"] == "outage"]
        assert (surge["scope"], surge["priority"]) == ({"edge": "e1"}, "high")
        process.terminate()
        assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
    usage = prebill("sql", "SELECT sum(requests) AS n FROM usage", "--json", cwd=here)
    assert json.loads(usage.stdout) == [{"n": 400}]
    told = prebill("sql", "--raw", "SELECT body FROM incident_events ORDER BY seq", cwd=here)
    again = prebill("incidents", "replay", "-", "--json", cwd=here, stdin=told.stdout)
    assert again.returncode == 0, again.stderr
    assert "a surge of errors at edge e1" in again.stdout
