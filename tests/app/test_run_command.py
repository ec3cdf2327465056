"""`prebill run --once` over a spool of format "auto", and what its exit code tells."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from pipeline.app.commands.run import spool_format
from pipeline.app.configuration.config import read_config, usable

from .conftest import Prebill
from .test_store_commands import CONFIG, lines, write_segment

HEADER = "#Fields: date time cs-host sc-status"
LINE = "2026-11-01 00:0{minute}:01 a.example 200"
NOW = ("--now", "2026-11-01T00:30:00Z")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Of any format."""
    config = CONFIG.format(folder=tmp_path).replace("[spool]", '[spool]\nformat = "auto"')
    (tmp_path / "prebill.toml").write_text(config)
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


def test_bytes_that_the_first_segment_lacks_are_counted_in_the_others(prebill: Prebill, spool: Path) -> None:
    write_segment(spool, "e1", 0, f"{HEADER}\n")
    write_segment(spool, "e1", 1, f"{HEADER}\n" + f"{LINE.format(minute=1)}\n" * 5)
    write_segment(spool, "e1", 2, f"{HEADER} sc-bytes\n" + f"{LINE.format(minute=2)} 1000\n" * 5)
    ran = prebill("run", "--once", *NOW)
    assert ran.returncode == 0, ran.stderr
    asked = prebill("sql", "--json", "SELECT minute, sum(bytes_sent) AS b FROM usage GROUP BY 1 ORDER BY 1")
    assert [row["b"] for row in json.loads(asked.stdout)] == [0, 5000]


def test_a_file_that_was_just_copied_tells_the_format(spool: Path) -> None:
    (spool / "e1").mkdir()
    (spool / "e1" / "20261101T0000Z.log").write_text(lines(0, "a.example", 3, 0))
    config = usable(read_config(path := spool.parent / "prebill.toml", path, {}))
    assert spool_format(config, time.time()).name == "edge-tsv"


@pytest.mark.parametrize("what", ["damaged", "quarantined", "not taken in"])
def test_the_exit_code_tells_of_what_is_not_whole_in_the_store(
    prebill: Prebill, spool: Path, what: str
) -> None:
    config = spool.parent / "prebill.toml"
    config.write_text(config.read_text().replace('"auto"', '"edge-tsv"'))
    write_segment(spool, "e1", 0, lines(0, "a.example", 3, 0))
    assert prebill("run", "--once", *NOW).returncode == 0
    if what == "damaged":
        path = write_segment(spool, "e1", 1, lines(1, "a.example", 3, 3))
        path.with_name(f"{path.name}.json").write_text('{"lines": 4}')
    elif what == "quarantined":
        write_segment(spool, "e1", 1, "hello\nworld\n")
    else:
        write_segment(spool, "e1", 1, lines(1, "a.example", 3, 3)).rename(spool / "e1" / "one.log")
    ran = prebill("run", "--once", *NOW)
    assert what in ran.stderr
    assert ran.returncode == 1
