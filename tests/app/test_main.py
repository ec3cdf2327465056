"""The command line's frame as a user meets it: help, global options, wrong usage, endings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.app import catalogue
from pipeline.app.failures import OWN_ERROR, Failure, Stopped
from pipeline.app.main import run

from .conftest import ROOT, Prebill

HEAVY = ("apache_beam", "numba", "chdb", "pyarrow", "numpy", "clickhouse_connect", "cyclopts")


def test_help_is_quick() -> None:
    """≤ 0.3 s as a user waits for it: a new process, the best of several, for other work shares the machine."""
    took = []
    for _ in range(7):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.app.main", "--help"], capture_output=True, cwd=ROOT, check=True
        )
        took.append(time.perf_counter() - start)
        assert b"Commands:" in done.stdout
    assert min(took) <= 0.3


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from pipeline.app.main import run; code = run(['--help']); "
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]; "
        "print(heavy, code, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stderr.strip() == "[] 0"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"]])
def test_help_names_every_command_and_option(prebill: Prebill, arguments: list[str]) -> None:
    done = prebill(*arguments)
    assert done.returncode == 0
    for command in catalogue.COMMANDS:
        assert f"  {command.name} " in done.stdout
    for option in catalogue.GLOBAL_OPTIONS:
        assert option.name in done.stdout


def test_nothing_at_all_is_wrong_usage_that_shows_the_help(prebill: Prebill) -> None:
    done = prebill()
    assert done.returncode == 2
    assert "Usage: prebill COMMAND" in done.stdout


def test_version(prebill: Prebill) -> None:
    assert prebill("--version").stdout.strip() == catalogue.version()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["agregate", "x"], 'Did you mean "aggregate"?'),
        (["sql"], "QUERY"),
        (["sql", "--bogus", "SELECT 1"], "--bogus"),
        (["--now", "yesterday", "status"], "--now: expected a time with an offset"),
        (["status", "--now", "2026-11-01T00:00:00"], "--now: expected a time with an offset"),
        (["status", "--config", "nosuch.toml"], "nosuch.toml: no such file"),
        (["status"], "store.dsn: required, and not given"),
        (["aggregate"], "no file is named"),
        (["aggregate", "nosuch.log", "neither.log"], "nosuch.log: no such file"),
        (["aggregate", "nosuch.log", "neither.log"], "neither.log: no such file"),
        (["aggregate", "."], "is a folder"),
        (["aggregate", "x.log", "--by", "minute,colour"], "found 'colour'"),
        (["aggregate", "x.log", "-o", "out.xlsx"], "expected a name that ends in .csv or .parquet"),
        (["aggregate", "x.log", "-o", "no/such/out.csv"], "there is no folder"),
        (["aggregate", "x.log", "--threads", "0"], "--threads: expected 1 or more"),
    ],
)
def test_wrong_usage_is_a_sentence_and_exit_2(prebill: Prebill, arguments: list[str], expected: str) -> None:
    done = prebill(*arguments)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("place", ["before", "after"])
def test_global_options_stand_before_or_after_the_command(
    prebill: Prebill, tmp_path: Path, place: str
) -> None:
    option = ["--store", f"chdb://{tmp_path}/none"]
    rest = ["sql", "SELECT 1"]
    done = prebill(*(option + rest if place == "before" else rest + option))
    assert done.returncode == 3
    assert "there is no store at" in done.stderr


def raising(error: BaseException) -> object:
    def dispatch(_arguments: list[str]) -> int:
        raise error

    return dispatch


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C"),
        (Stopped(15), 143, "stopped on request"),
        (Failure(["one", "two"], mend="do this"), 2, "prebill: one\nprebill: two\n  do this"),
        (ZeroDivisionError("x"), OWN_ERROR, "an error of its own, ZeroDivisionError: x"),
        (MemoryError(), OWN_ERROR, "out of memory"),
    ],
)
def test_every_ending_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr("pipeline.app.main._dispatch", raising(error))
    assert run(["status"]) == code
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_an_own_error_gives_its_details_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.app.main._dispatch", raising(ZeroDivisionError("x")))
    assert run(["status", "--verbose"]) == OWN_ERROR
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("simulate", "--help"), ("status", "-h"), ("--help",), ("--version",)])
def test_a_reader_of_help_that_leaves_is_no_error(command: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.app.main", *command], stdout=writer, stderr=subprocess.PIPE, cwd=ROOT,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_a_reader_that_leaves_is_no_error() -> None:
    """`prebill … | head -1`: the pipe closes, the command ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    program = "import sys; from pipeline.app.main import run; sys.exit(run(['--help']))"
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE, cwd=ROOT, check=False
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 141


def test_doctor_finds_what_is_wrong_and_says_how_to_mend_it(prebill: Prebill, tmp_path: Path) -> None:
    spool = tmp_path / "spool" / "e1"
    spool.mkdir(parents=True)
    (spool / "20261101T0000Z.log").write_bytes(b"")
    (spool / "yesterday.log").write_bytes(b"")
    (tmp_path / "spool" / "e2").symlink_to(spool)
    (tmp_path / "prebill.toml").write_text(
        f'[store]\ndsn = "chdb://{tmp_path}/store"\n[spool]\npath = "spool"\n'
    )
    done = prebill("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert done.returncode == 1
    assert checks["configuration"]["state"] == "ok"
    assert checks["store"]["state"] == "note"
    assert checks["spool"]["state"] == "fail"
    assert "1 segment of 1 edge; 2 not taken in" in checks["spool"]["found"]
    assert "yesterday.log" in checks["spool"]["mend"]
    assert "e2: is a symbolic link" in checks["spool"]["mend"]
    assert all(
        check["mend"] for check in checks.values() if check["state"] != "ok" and check["name"] != "clock"
    )

    (spool / "yesterday.log").unlink()
    (tmp_path / "spool" / "e2").unlink()
    for number in range(9):
        (spool / f"{number}.log").touch()
    assert "and 4 more, which `prebill status --json` lists" in prebill("doctor").stdout
    for number in range(9):
        (spool / f"{number}.log").unlink()
    assert prebill("doctor").returncode == 0
    assert "in the future" in prebill("doctor", "--now", "2026-10-31T00:00:00Z").stdout


def test_doctor_without_a_configuration_says_where_to_begin(prebill: Prebill) -> None:
    done = prebill("doctor")
    assert done.returncode == 1
    assert "docs/configuration.md" in done.stdout
