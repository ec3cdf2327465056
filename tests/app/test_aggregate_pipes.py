"""Logs that come through pipes, and outputs that cannot be written: by a real shell, as a user types it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, Prebill

LINE = "1777593600.0\t{number}\th{host}.example\tGET\t/\t200\t1000\t900\tHIT\t0.1\t-\n"
LINES = 4_000
PREBILL = f"{shlex.quote(sys.executable)} -m pipeline.app.main"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "access.log"
    path.write_text("".join(LINE.format(number=number, host=number % 7) for number in range(LINES)))
    return path


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("command", "times"),
    [
        ("cat {log} | {prebill} aggregate /dev/stdin", 1),
        ("gzip -c {log} | {prebill} aggregate /dev/stdin", 1),
        ("{prebill} aggregate <(cat {log}) <(gzip -c {log}) {log}", 3),
        ("mkfifo pipe && (cat {log} > pipe &) && {prebill} aggregate pipe", 1),
    ],
)
def test_a_pipe_is_read_from_its_first_byte(log: Path, tmp_path: Path, command: str, times: int) -> None:
    done = shell(command.format(log=shlex.quote(str(log)), prebill=PREBILL), tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{times * LINES:,} lines, {times * LINES:,} requests, 0 malformed" in done.stderr


@pytest.mark.parametrize("more", ["", "--json"])
def test_an_output_that_is_full_is_told(log: Path, tmp_path: Path, more: str) -> None:
    done = shell(f"{PREBILL} aggregate {shlex.quote(str(log))} {more} > /dev/full", tmp_path)
    assert done.returncode == 3
    assert "prebill: the output cannot be written: No space left on device." in done.stderr


def test_standard_streams_may_be_closed(log: Path, tmp_path: Path) -> None:
    done = shell(f"{PREBILL} aggregate {shlex.quote(str(log))} >&-", tmp_path)
    assert done.returncode == 0, done.stderr
    done = shell(f"{PREBILL} aggregate - <&-", tmp_path)
    assert (done.returncode, done.stderr) == (2, "prebill: -: standard input is closed\n")


def test_no_log_is_written_over(log: Path, tmp_path: Path, prebill: Prebill) -> None:
    own = tmp_path / "own.csv"
    own.write_bytes(log.read_bytes())
    for options in (["-o", "own.csv"], ["--summary", "own.csv"], ["-o", "./own.csv"]):
        done = prebill("aggregate", "own.csv", *options)
        assert done.returncode == 2
        assert "this is one of the logs to be read" in done.stderr
    done = prebill("aggregate", "own.csv", "-o", "new.csv", "--summary", "new.csv")
    assert done.returncode == 2
    assert "--output has the same name" in done.stderr
    assert own.read_bytes() == log.read_bytes()
