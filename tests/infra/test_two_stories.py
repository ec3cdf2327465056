"""Both stories, live on one machine: a real nginx serves clients under Locust while its logs are cut, and that is a
task which wakes nobody; then nginx is stopped, and the whole company hears of it within a minute; the task waits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Edge

ROOT = Path(__file__).resolve().parents[2]
BEFORE = 10
"""Minutes whose logs have come before they are cut."""

LINES, BYTES, PRICE = 60, 1_000_000, 12
"""Of each of those minutes: lines, the bytes of each, and what a gigabyte costs."""

MINUTE_LEFT_S = 20.0
BAR_S = 60.0
TASK_S = 150.0
"""A minute must end, and the check of every minute must come by."""

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "{folder}/spool"
[plans]
path = "{folder}/plans"
[lateness]
allowance = "5s"
[probing]
loopback = true
[[edge]]
id = "e1"
from = {begin}
[[customer]]
id = "c1"
name = "Cinema"
resources = ["*.example.com"]
contract = [{{ plan = "p", from = 2026-01-01 }}]
[[customer]]
id = "c2"
resources = ["*.example.ru"]
contract = [{{ plan = "p", from = 2026-01-01 }}]
[[probe]]
name = "c1"
kind = "http"
customer = "c1"
url = "http://img.site1.example.com:{port}/health"
address = "127.0.0.1:{port}"
[[probe]]
name = "c2"
kind = "http"
customer = "c2"
url = "http://video.site1.example.ru:{port}/health"
address = "127.0.0.1:{port}"
[[probe]]
name = "e1"
kind = "tcp"
target = {{ kind = "edge", id = "e1" }}
address = "127.0.0.1:{port}"
[[channel]]
id = "book"
kind = "file"
url = "{folder}/book.ndjson"
hears = ["queue", "on_call", "company", "client"]
"""
PLAN = """
id = "p"
version = 1
name = {{ en = "P" }}
currency = "RUB"
valid_from = 2026-01-01
[[charge]]
id = "traffic"
meter = "bytes_sent"
unit = "GB"
model = "per_unit"
unit_price = "{price}"
"""


def prepare(folder: Path, port: int) -> None:
    """Ten minutes of logs, as they came before anything went wrong; those of this minute never come."""
    this_minute = int(time.time()) // 60
    begin = this_minute - BEFORE
    (folder / "plans").mkdir()
    (folder / "plans" / "p.toml").write_text(PLAN.format(price=PRICE))
    text = CONFIG.format(folder=folder, port=port, begin=f"{_at(begin * 60):%Y-%m-%dT%H:%M:%SZ}")
    (folder / "prebill.toml").write_text(text)
    spool = folder / "spool" / "e1"
    spool.mkdir(parents=True)
    for minute in range(begin, this_minute):
        host = ("img.site1.example.com", "video.site1.example.ru")
        lines = "".join(
            f"{minute * 60 + number}.000\t-\t{host[number % 2]}\tGET\t/\t200\t{BYTES}\t{BYTES - 300}\tHIT\t1\t-\n"
            for number in range(LINES)
        )
        name = f"{_at(minute * 60):%Y%m%dT%H%MZ}.log"
        (spool / f".{name}").write_text(lines)
        (spool / f".{name}").rename(spool / name)


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def up(edge: Edge, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`prebill up` over that spool, with probes of nginx as often as by default."""
    # the minute that is cut must not be over before prebill watches it: nobody would have looked at the clients yet
    while time.time() % 60 > MINUTE_LEFT_S:
        threading.Event().wait(0.2)
    prepare(tmp_path, edge.port)
    asked(tmp_path, "run", "--once")
    command = [sys.executable, "-m", "pipeline.app.main", "up", "--config", str(tmp_path / "prebill.toml")]
    with (tmp_path / "up.txt").open("wb") as told:
        process = subprocess.Popen(command, cwd=ROOT, stderr=told, stdout=told)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def notices(folder: Path) -> list[dict[str, Any]]:
    """What was handed to the channel so far, in order."""
    book = folder / "book.ndjson"
    lines = book.read_text().splitlines() if book.exists() else []
    return [notice for line in lines for notice in json.loads(line)["notices"]]


def asked(folder: Path, *arguments: str) -> Any:
    command = [sys.executable, "-m", "pipeline.app.main", *arguments, "--json"]
    done = subprocess.run(
        [*command, "--config", str(folder / "prebill.toml")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.nightly
def test_lost_minutes_wake_nobody_and_an_outage_wakes_everybody(
    edge: Edge, up: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    said = tmp_path / "up.txt"

    # Given clients that are served all the while, and logs that nobody ships any more
    counts = tmp_path / "counts.json"
    options = ["--port", str(edge.port), "--users", "2", "--seconds", "45", "--counts", str(counts)]
    load = subprocess.Popen([sys.executable, "-m", "loadtest.locust_edge", *options], cwd=ROOT)
    try:
        # then the lost minute becomes a task, with the money that it costs, and nobody is woken
        wait_until(lambda: notices(tmp_path), "a notice comes", TASK_S, up, said)
        assert load.wait(90) == 0, "Locust saw failed requests: its messages are above"
    finally:
        load.kill()
    first = notices(tmp_path)
    assert {notice["audience"] for notice in first} == {"queue"}, first
    assert {(notice["kind"], notice["priority"]) for notice in first} == {("billing_gap", "normal")}
    assert sum(requests for requests, _, _ in json.loads(counts.read_text())["received"].values()) > 100
    (task,) = asked(tmp_path, "tasks")
    assert task["served"]["answer"] == "yes"
    assert task["state"] == "open"
    # the minutes before were alike, so each lost one is worth what each of them was
    worth = LINES * BYTES * PRICE / 1e9
    assert float(task["per_minute"][0]["expected"]) == pytest.approx(worth, rel=0.05)

    # When nginx is stopped
    edge.process.terminate()
    edge.process.wait(20)
    stopped = time.time()

    # then the whole company hears of it within a minute, and a letter to each client lies with the liaison
    def company() -> list[dict[str, Any]]:
        return [notice for notice in notices(tmp_path) if notice["audience"] == "company"]

    wait_until(company, "the company is told", BAR_S + 20, up, said)
    heard = datetime.fromisoformat(company()[0]["at"]).timestamp() - stopped
    print(f"company_wide {heard:.1f} s after nginx was stopped")
    assert heard <= BAR_S
    assert {notice["audience"] for notice in notices(tmp_path)} >= {"queue", "company", "client"}

    # and both are there: the outages, and the task, which waits below one of them with its money kept
    open_now = asked(tmp_path, "incidents", "list")
    wide = {
        row["incident"] for row in open_now if row["kind"] == "outage" and row["priority"] == "company_wide"
    }
    (gap,) = [row for row in open_now if row["kind"] == "billing_gap"]
    assert gap["parent"] in wide
    (held,) = asked(tmp_path, "tasks")
    assert (held["id"], held["state"], held["served"]["answer"]) == (task["id"], "held", "no")
    assert float(held["money"][0]["expected"]) >= float(task["money"][0]["expected"]) > 0
    account = asked(tmp_path, "incidents", "after", gap["parent"])
    assert account["minutes"]["served_but_not_logged"] >= 1
