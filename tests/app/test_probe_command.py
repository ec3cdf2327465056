"""`prebill probe` as a user types it: a table, evidence in the store or on standard output, a call taken down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import ROOT, Prebill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "spool"
[probing]
vantage = "msk-1"
every = "1s"
again = "1s"
timeout = "2s"
[[customer]]
id = "c1"
resources = ["a.example"]
[[probe]]
name = "page"
kind = "http"
customer = "c1"
url = "http://127.0.0.1:{port}/page"
contains = "served"
[[probe]]
name = "broken"
kind = "http"
target = {{ kind = "edge", id = "e1" }}
url = "http://127.0.0.1:{port}/broken"
"""


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if "broken" in self.path else 200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"served")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """With a configuration whose probes ask a site of our own."""
    site = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    (tmp_path / "prebill.toml").write_text(CONFIG.format(folder=tmp_path, port=site.server_port))
    yield tmp_path
    site.shutdown()
    site.server_close()


def stored(prebill: Prebill) -> list[dict[str, Any]]:
    answer = prebill("sql", "SELECT body FROM evidence ORDER BY at", "--json")
    assert answer.returncode == 0, answer.stderr
    rows = json.loads(answer.stdout)
    return [json.loads(row["body"]) for row in rows]


@pytest.mark.usefixtures("folder")
def test_once_shows_what_each_probe_saw_and_keeps_nothing(prebill: Prebill, tmp_path: Path) -> None:
    seen = prebill("probe", "--once")
    assert seen.returncode == 1
    lines = [line.split() for line in seen.stdout.splitlines()]
    assert lines[0] == ["probe", "kind", "about", "from", "result", "ms", "detail"]
    assert [line[:-1] for line in lines if line[0] == "page"] == [["page", "http", "c1", "msk-1", "ok"]]
    assert "status 503, expected 2xx" in seen.stdout
    assert seen.stderr == "2 probes: 1 failed\n"
    assert not (tmp_path / "store").exists()
    assert prebill("probe", "page", "--once", "--vantage", "spb-9").returncode == 0


@pytest.mark.usefixtures("folder")
def test_once_as_json_and_as_evidence(prebill: Prebill) -> None:
    document = json.loads(prebill("probe", "--once", "--json").stdout)
    assert [(row["probe"], row["about"], row["ok"]) for row in document] == [
        ("page", {"customer": "c1"}, True),
        ("broken", {"kind": "edge", "id": "e1"}, False),
    ]
    printed = prebill("probe", "--once", "--print", "--now", "2026-11-01T00:00:00Z").stdout
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line["ok"] for line in lines] == [True, False]
    assert all(line["at"].startswith("2026-11-01T00:00:0") for line in lines)
    assert prebill("evidence", "add", "-", stdin=printed).returncode == 0
    assert sorted(line["ok"] for line in stored(prebill)) == [False, True]


@pytest.mark.usefixtures("folder")
def test_a_call_by_a_person_is_taken_down(prebill: Prebill) -> None:
    assert prebill(
        "probe", "call", "--vantage", "anna", "--ok", "yes", "--politeness", "9", "--text", "at the second ring"
    ).returncode == 0  # fmt: skip
    (body,) = stored(prebill)
    assert {key: value for key, value in body.items() if key != "at"} == {
        "type": "probe",
        "target": {"kind": "support_line"},
        "vantage": "anna",
        "ok": True,
        "politeness": 9,
        "detail": "at the second ring",
    }
    report = prebill("support", "report", "--week", f"{datetime.now(UTC):%G-W%V}", "--json")
    calls = json.loads(report.stdout)["this"]["calls"]
    assert (calls["tests"], calls["answered"], calls["politeness"]) == (1, 1, 9)


@pytest.mark.usefixtures("folder")
def test_a_call_that_nobody_answered_has_no_score_and_nothing_is_kept(prebill: Prebill) -> None:
    told = prebill("probe", "call", "--vantage", "anna", "--ok", "no", "--politeness", "3")
    assert told.returncode == 2
    assert "--politeness: a call that nobody answered has no score" in told.stderr
    assert stored(prebill) == []


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "problems"),
    [
        (
            ("call", "--politeness", "11"),
            [
                "--vantage: required with `call`: who called",
                "--ok: required with `call`: yes or no",
                "--politeness: expected a score from 0 to 10, found 11",
            ],
        ),
        (("pages", "--once"), ["pages: no probe has this name; did you mean page?"]),
        (("--ok", "yes"), ["--ok: only with `prebill probe call`"]),
        (("--json",), ["--json: only with --once, and without --print"]),
    ],
)
def test_wrong_usage(prebill: Prebill, arguments: tuple[str, ...], problems: list[str]) -> None:
    told = prebill("probe", *arguments)
    assert told.returncode == 2
    assert told.stderr.splitlines()[: len(problems)] == [f"prebill: {problem}" for problem in problems]


def test_wrong_probes_are_told_with_the_rest_of_the_configuration(prebill: Prebill, folder: Path) -> None:
    text = (folder / "prebill.toml").read_text()
    (folder / "prebill.toml").write_text(
        text.replace('customer = "c1"', 'customer = "c2"').replace("1s", "0s")
    )
    told = prebill("probe", "--once")
    assert told.returncode == 2
    assert [line.split(": ", 2)[1] for line in told.stderr.splitlines()[:3]] == [
        "prebill.toml:8",
        "prebill.toml:9",
        "prebill.toml:17",
    ]


@pytest.mark.parametrize(
    ("kept", "state", "words"),
    [
        ("[[probe]]", "ok", "2 probes from 1 vantage point known here"),
        ('customer = "c1"', "note", "2 probes from 1 vantage point known here; no look at 1 customer: c1"),
        ("", "note", "none configured: nobody looks whether the clients are served"),
    ],
)
def test_doctor_says_whom_nobody_looks_at(
    prebill: Prebill, folder: Path, kept: str, state: str, words: str
) -> None:
    text = (folder / "prebill.toml").read_text()
    if not kept:
        text = text[: text.index("[[probe]]")]
    elif kept != "[[probe]]":
        text = text.replace(kept, 'target = { kind = "edge", id = "e2" }')
    (folder / "prebill.toml").write_text(text)
    checks = json.loads(prebill("doctor", "--json").stdout)
    (found,) = [check for check in checks if check["name"] == "probes"]
    assert (found["state"], found["found"]) == (state, words)


def test_it_goes_on_until_it_is_stopped_and_fills_the_store(prebill: Prebill, folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.app.main", "probe"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )
    assert process.stderr is not None
    timer = threading.Timer(60, process.kill)
    timer.start()
    try:
        told = {process.stderr.readline() for _ in range(3)}
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    finally:
        timer.cancel()
        process.kill()
    assert told == {
        "2 checks from msk-1; Ctrl-C ends it\n",
        "ok: page from msk-1\n",
        "FAILED: broken from msk-1: status 503, expected 2xx\n",
    }
    assert process.returncode == 128 + signal.SIGTERM
    bodies = stored(prebill)
    assert {body["ok"] for body in bodies if "customer" in body} == {True}
    assert {body["ok"] for body in bodies if "target" in body} == {False}
