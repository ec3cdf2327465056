"""Logs at the edge of what `aggregate` takes: very long first lines, nothing to read, wrong formats; odd answers."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from pipeline.aggregate import aggregate_files
from pipeline.app.failures import UsageFailure
from pipeline.app.inputs import read_head
from pipeline.app.terminal import human_bytes
from pipeline.ingest.errors import UnreadableError

from .conftest import Prebill

LINE = "1777593600.0\t{number}\th.example\tGET\t/{uri}\t200\t1000\t900\tHIT\t0.1\t-\n"
JSON = '{"msec":"1777593600.0","host":"h.example","status":"200","bytes_sent":"1000"}\n'


@pytest.mark.parametrize("before", ["", "# made by hand\n\n", "\ufeff"])
@pytest.mark.parametrize("piped", [False, True])
def test_a_long_first_line_is_looked_at_whole(
    prebill: Prebill, tmp_path: Path, before: str, piped: bool
) -> None:
    log = before + LINE.format(number=1, uri="u" * 300_000) + LINE.format(number=2, uri="")
    (tmp_path / "a.log").write_text(log, encoding="utf-8")
    done = prebill("aggregate", "-", stdin=log) if piped else prebill("aggregate", "a.log")
    assert done.returncode == 0, done.stderr
    assert "2 requests" in done.stderr
    assert "read as" in done.stderr


def test_a_line_that_is_too_long_to_be_judged_by_is_told(prebill: Prebill, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("# made by hand\n" + LINE.format(number=1, uri="u" * 2_000_000))
    done = prebill("aggregate", "a.log")
    assert done.returncode == 2
    assert "a.log: the log's first lines: found a line longer than 1 MiB" in done.stderr
    assert "--format" in done.stderr
    done = prebill("aggregate", "a.log", "--format", "edge-tsv")
    assert done.returncode == 0
    assert "2 lines, 1 request, 1 malformed" in done.stderr


def test_what_cannot_be_read_is_named(prebill: Prebill, tmp_path: Path) -> None:
    (tmp_path / "empty.log").touch()
    done = prebill("aggregate", "empty.log")
    assert done.returncode == 2
    assert "empty.log: the log's first lines: found nothing: the log is empty" in done.stderr
    assert "tried" not in done.stderr
    (tmp_path / "noise.log").write_bytes(b"\xff\xfe noise\n" * 3)
    done = prebill("aggregate", "noise.log")
    assert r"noise.log: the log's first lines: found lines like '\xff\xfe noise'" in done.stderr
    done = prebill("aggregate", "noise.log", "--format", "nosuch.toml")
    assert "nosuch.toml: found no such file or directory, expected a readable UTF-8 file" in done.stderr
    done = prebill("aggregate", "noise.log", "--format", "./noise.log")
    assert "found something else than UTF-8 at byte 0" in done.stderr
    done = prebill("aggregate", "noise.log", "--top", "-1")
    assert (done.returncode, done.stderr) == (2, "prebill: --top: expected 1 or more, found -1\n")


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["tar", "utf-16", "utf-16-le", "utf-16-be"])
def test_what_is_no_text_is_refused_by_its_name(tmp_path: Path, kind: str, packed: bool, piped: bool) -> None:
    log = "".join(LINE.format(number=number, uri="") for number in range(3)).encode()
    content = tar_of(log) if kind == "tar" else log.decode().encode(kind)
    path = tmp_path / "a.log"
    path.write_bytes(gzip.compress(content) if packed else content)
    piped_head = path.read_bytes() if piped else b""
    with pytest.raises(UsageFailure, match=r"a\.log: cannot be read: is (a tar archive|UTF-16); expected"):
        read_head(str(path), piped_head, "a.log")
    with pytest.raises(UnreadableError, match=r"is (a tar archive|UTF-16); expected"):
        aggregate_files([path], "edge-tsv")


def tar_of(log: bytes) -> bytes:
    """An archive with one log."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("access.log")
        member.size = len(log)
        tar.addfile(member, io.BytesIO(log))
    return archive.getvalue()


def test_a_file_with_no_request_lets_the_next_one_tell_the_format(prebill: Prebill, tmp_path: Path) -> None:
    header = "#Fields: date time cs-host sc-status sc-bytes\n"
    (tmp_path / "a.log").write_text(header)
    (tmp_path / "b.log").write_text(header + "2026-11-22 10:01:01 a.example.com 200 1000\n")
    done = prebill("aggregate", "a.log", "b.log", "--json")
    assert done.returncode == 0, done.stderr
    assert [row["bytes_sent"] for row in json.loads(done.stdout)["usage"]] == [1000]
    done = prebill("aggregate", "a.log")
    assert (done.returncode, "a.log: the log's first lines: found no line of a request" in done.stderr) == (
        2,
        True,
    )


def test_files_of_which_not_all_lines_tell_a_measure_are_named(prebill: Prebill, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("#Fields: date time\n2026-11-22 10:01:01\n")
    (tmp_path / "b.log").write_text("#Fields: date time sc-bytes\n2026-11-22 10:01:01 7\n")
    done = prebill("aggregate", "a.log", "b.log", "--json")
    document = json.loads(done.stdout)
    assert document["unknown_at"] == [{"file": "a.log", "measure": "bytes_sent"}]
    assert [row["bytes_sent"] for row in document["usage"]] == [7]
    assert "bytes_sent unknown in lines of a.log: summed is what other lines tell" in done.stderr


def test_sums_beyond_all_measure_are_told_by_the_exit_code(prebill: Prebill, tmp_path: Path) -> None:
    line = LINE.format(number=1, uri="").replace("\t1000\t", f"\t{10**16 - 1}\t")
    (tmp_path / "a.log").write_text(line * 200)
    done = prebill("aggregate", "a.log")
    assert done.returncode == 1
    assert "its lines claim more than 1.15 EB" in done.stderr


def test_a_wrong_format_is_doubted(prebill: Prebill, tmp_path: Path) -> None:
    hint = "so much is malformed as edge-tsv"
    (tmp_path / "a.log").write_text("".join(LINE.format(number=number, uri="") for number in range(40)))
    (tmp_path / "b.log").write_text(JSON * 20)
    done = prebill("aggregate", "b.log", "--format", "edge-tsv")
    assert done.returncode == 1
    assert hint in done.stderr
    done = prebill("aggregate", "a.log", "b.log")
    assert done.returncode == 0
    assert hint in done.stderr
    done = prebill("aggregate", "a.log")
    assert done.returncode == 0
    assert hint not in done.stderr


def test_no_sum_is_written_with_an_exponent() -> None:
    assert [human_bytes(count) for count in (4.93e21, 9.996e20, 493e18)] == ["4,930 EB", "1,000 EB", "493 EB"]


@pytest.mark.parametrize("style", ["--json", "--ndjson", "--raw", ""])
def test_answers_that_are_no_text(prebill: Prebill, tmp_path: Path, style: str) -> None:
    (tmp_path / "prebill.toml").write_text(
        f'[store]\ndsn = "chdb://{tmp_path}/store"\n[spool]\npath = "spool"\n'
    )
    (tmp_path / "spool").mkdir()
    assert prebill("run", "--once").returncode == 0
    refused = prebill("sql", "SELECT 1 FORMAT CSV;")
    assert refused.returncode == 2
    assert "Leave FORMAT out: --json, --ndjson or --raw" in refused.stderr
    query = "SELECT unhex('ff') AS k, [unhex('fe'), 'a'] AS l, 7 AS n, 'é' AS t"
    done = prebill("sql", query, *([style] if style else []))
    assert done.returncode == 0, done.stderr
    if style in ("--json", "--ndjson"):
        found = json.loads(done.stdout)
        assert (found[0] if style == "--json" else found) == {
            "k": r"\xff",
            "l": [r"\xfe", "a"],
            "n": 7,
            "t": "é",
        }
    else:
        assert done.stdout.splitlines()[-1].startswith(r"\xff" + "\t")
