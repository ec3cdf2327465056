"""`prebill aggregate` as a person types it: on his own log, with nothing else around."""

from __future__ import annotations

import csv
import gzip
import io
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.aggregate import aggregate_files
from pipeline.app.usage.output import rendered, write_usage
from pipeline.app.usage.screen import course, total
from pipeline.ingest.decoders import zstd_module

from .conftest import ROOT, Prebill

LINES = [
    "1793491200.000\t-\ta.example\tGET\t/\t200\t1500\t1000\tHIT\t1\t-",
    "1793491201.000\t-\ta.example\tGET\t/\t404\t300\t100\tMISS\t1\t-",
    "not a time\t-\ta.example\tGET\t/\t200\t1\t1\tHIT\t1\t-",
    "1793491265.500\t-\tb.example\tGET\t/\t503\t200\t0\tMISS\t1\t-",
    "1793491266.000\t-\tb.example\tGET\t/\t200\t2000\t1800\tHIT\t1\t-",
]
LOG = "".join(line + "\n" for line in LINES)
BAD_AT = len("".join(line + "\n" for line in LINES[:2]))
COMBINED = (
    '203.0.113.7 - - [01/Nov/2026:03:00:00 +0300] "GET / HTTP/1.1" 200 512 "-" "curl/8"\n'
    '203.0.113.8 - - [01/Nov/2026:03:00:01 +0300] "GET /x HTTP/1.1" 404 12 "-" "curl/8"\n'
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text(LOG)
    return path


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_log_is_shown_by_host_with_what_could_not_be_read(prebill: Prebill, log: Path) -> None:
    done = prebill("aggregate", str(log))
    assert done.returncode == 0
    assert "read as prebill's native line" in done.stderr
    table = [line.split() for line in done.stdout.splitlines()]
    assert ["b.example", "2", "2.2", "kB", "55", "%", "1.8", "kB", "50", "%", "0", "%", "50", "%"] in table
    assert ["a.example", "2", "1.8", "kB", "45", "%", "1.1", "kB", "50", "%", "50", "%", "0", "%"] in table
    assert "2026-11-01T00:00:00Z … 2026-11-01T00:01:00Z" in done.stdout
    assert "5 lines, 4 requests, 1 malformed" in done.stderr
    assert f"malformed: {log} at byte {BAD_AT}: time" in done.stderr


def test_csv_has_every_group_sorted_with_minutes_as_times(
    prebill: Prebill, log: Path, tmp_path: Path
) -> None:
    out = tmp_path / "usage.csv"
    done = prebill("aggregate", str(log), "-o", str(out))
    assert (done.returncode, done.stdout) == (0, "")
    assert out.read_text() == (
        "minute,resource,requests,bytes_sent,body_bytes,hits,errors_4xx,errors_5xx\n"
        "2026-11-01T00:00:00Z,a.example,2,1800,1100,1,1,0\n"
        "2026-11-01T00:01:00Z,b.example,2,2200,1800,1,0,1\n"
    )


def test_parquet_has_the_same_with_types(prebill: Prebill, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "usage.parquet"
    assert prebill("aggregate", str(log), "--by", "resource,minute", "-o", str(out)).returncode == 0
    table = pq.read_table(out)
    assert table.schema.field("minute").type == pa.timestamp("ms", tz="UTC")
    assert table.schema.field("requests").type == pa.uint64()
    assert table["resource"].to_pylist() == ["a.example", "b.example"]
    assert table["bytes_sent"].to_pylist() == [1800, 2200]


def test_the_summary_says_what_was_read(prebill: Prebill, log: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    prebill("aggregate", str(log), str(log), "--summary", str(summary))
    document = json.loads(summary.read_text())
    assert document["files"] == [str(log), str(log)]
    assert (document["lines"], document["parsed"], document["malformed"]) == (10, 8, 2)
    assert document["malformed_at"] == [{"file": str(log), "offset": BAD_AT, "reason": "time"}] * 2
    assert document["bytes_read"] == 2 * len(LOG)
    assert document["seconds"] > 0


def test_json_is_one_document(prebill: Prebill, log: Path) -> None:
    done = prebill("aggregate", str(log), "--by", "status_class,cache", "--json")
    document = json.loads(done.stdout)
    assert (document["format"], document["by"]) == ("edge-tsv", ["status_class", "cache"])
    found = {(row["status_class"], row["cache"]): row["bytes_sent"] for row in document["usage"]}
    assert found == {("2xx", "HIT"): 3500, ("4xx", "MISS"): 300, ("5xx", "MISS"): 200}


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_is_a_file_like_others(log: Path, tmp_path: Path, packed: bool) -> None:
    """Through a pipe, which can be read only once, though detection needs its beginning."""
    content = gzip.compress(LOG.encode()) if packed else LOG.encode()
    out = tmp_path / "out.csv"
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.app.main", "aggregate", "-", str(log), "--by", "resource", "-o", str(out)],
        input=content, capture_output=True, cwd=ROOT, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert [(row["resource"], row["requests"]) for row in rows_of(out.read_text())] == [
        ("a.example", "4"),
        ("b.example", "4"),
    ]
    assert "malformed: - at byte" in done.stderr.decode()


def test_a_measure_that_the_format_cannot_know_is_absent(prebill: Prebill, tmp_path: Path) -> None:
    log = tmp_path / "combined.log"
    log.write_text(COMBINED)
    out = tmp_path / "out.csv"
    done = prebill("aggregate", str(log), "-o", str(out))
    assert done.returncode == 0
    assert out.read_text() == (
        "minute,resource,requests,body_bytes,errors_4xx,errors_5xx\n2026-11-01T00:00:00Z,-,2,524,1,0\n"
    )
    shown = prebill("aggregate", str(log))
    assert "Status" in shown.stdout  # a log without hosts says more by status
    assert "Bytes" not in shown.stdout.split("Body bytes")[0]


def test_a_cut_file_counts_as_far_as_it_goes_and_says_so(prebill: Prebill, tmp_path: Path) -> None:
    packed = tmp_path / "cut.log.gz"
    packed.write_bytes(gzip.compress((LOG * 2000).encode())[:-20])
    summary = tmp_path / "summary.json"
    done = prebill("aggregate", str(packed), "--summary", str(summary))
    assert done.returncode == 0
    assert "damaged:" in done.stderr
    document = json.loads(summary.read_text())
    assert 0 < document["lines"] <= 10_000
    assert document["faults"][0]["file"] == str(packed)


@pytest.mark.parametrize("content", [b"", b"hello\nworld\n", b"\x00\x01\x02" * 100, b"PK\x03\x04garbage"])
def test_what_is_no_log_is_told_in_a_sentence(prebill: Prebill, tmp_path: Path, content: bytes) -> None:
    log = tmp_path / "strange.log"
    log.write_bytes(content)
    done = prebill("aggregate", str(log))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("prebill: ")


def test_an_unknown_format_names_the_nearest(prebill: Prebill, log: Path) -> None:
    done = prebill("aggregate", str(log), "--format", "combind")
    assert done.returncode == 2
    assert "did you mean 'combined'?" in done.stderr


def test_an_output_that_cannot_be_written_leaves_nothing_behind(
    prebill: Prebill, log: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out.csv"
    folder.mkdir()
    assert prebill("aggregate", str(log), "-o", str(folder)).returncode == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["access.log", "out.csv"]


def usage(names: list[bytes]) -> pa.Table:
    count = len(names)
    return pa.table(
        {
            "minute": pa.array([29_891_520 + i for i in range(count)], pa.uint32()),
            "resource": pa.array(names, pa.binary()).dictionary_encode(),
            "requests": pa.array([2**63 + i for i in range(count)], pa.uint64()),
        }
    )


def test_names_that_are_no_text_are_written_readably(tmp_path: Path) -> None:
    names = [b'quote"and,comma', b"\xff\xfe", "пример.рф".encode(), b"line\nbreak\ttab", b"=cmd"]
    path = tmp_path / "out.csv"
    assert write_usage(usage(names), ("minute", "resource"), path) == 5
    found = [row["resource"] for row in rows_of(path.read_text())]
    assert found == ['quote"and,comma', "\\xff\\xfe", "пример.рф", "line\\nbreak\\ttab", "=cmd"]
    assert int(rows_of(path.read_text())[4]["requests"]) == 2**63 + 4


def test_bytes_beyond_all_measure_are_a_fault_of_the_file(tmp_path: Path) -> None:
    line = b"1795320600.1\t-\ta.ru\tGET\t/\t200\t9999999999999999\t400\tHIT\t3\t-\n"
    paths = [tmp_path / name for name in ("a.log", "b.log", "c.log")]
    for path, count in zip(paths, (3, 200, 3), strict=True):
        path.write_bytes(line * count)
    found = aggregate_files(paths, "edge-tsv")
    assert [Path(path).name for path, _ in found.faults] == ["b.log"]
    assert "its lines claim more than 1.15 EB" in found.faults[0][1]
    assert aggregate_files(paths[:1], "edge-tsv").faults == []


def test_a_file_that_packs_beyond_what_a_segment_may_is_read_whole(tmp_path: Path) -> None:
    path, blank = tmp_path / "a.log.zst", b"\n" * (300 << 20)
    path.write_bytes(zstd_module().compress(blank))
    assert len(blank) > 1_000 * path.stat().st_size
    found = aggregate_files([path], "edge-tsv")
    assert (found.lines, found.blank, found.faults) == (len(blank), len(blank), [])


def test_nothing_is_still_a_table(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert write_usage(usage([]), ("minute", "resource"), path) == 0
    assert path.read_text() == "minute,resource,requests\n"
    assert rendered(usage([]), ("minute", "resource")).num_rows == 0


def test_the_course_of_time_is_bounded_and_names_the_peak() -> None:
    table = usage([b"a"] * 500)
    line = course(table, total(table))
    assert len(line.split("  ")[0]) <= 60
    assert "each block 9 minutes; most in 2026-11-01T08:19:00Z" in line


def test_a_few_wrong_clocks_do_not_stretch_the_course_of_time() -> None:
    def of(minutes: Mapping[int, int]) -> str:
        table = pa.table({"minute": list(minutes), "requests": list(minutes.values())})
        return course(table, total(table))

    hour = {29_700_000 + minute: 1000 + minute for minute in range(60)}
    plain = of(hour)
    assert "left out" not in plain
    assert of({29_690_000: 3, **hour, 29_709_999: 1}) == f"{plain}; 2 minutes far from these left out"
    assert "left out" not in of({29_690_000: 3000, **hour}), (
        "what is a part of the volume is a part of its course"
    )
    quiet = {29_700_000 - 30: 1, **hour}
    assert "left out" not in of(quiet), "nor what makes the axis hardly longer"
    assert of(dict.fromkeys((1, 500), 0)).endswith("0 requests")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_a_sentence(number: signal.Signals, code: int) -> None:
    """While it waits for the rest of a log that comes through a pipe."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.app.main", "aggregate", "-", "--format", "edge-tsv"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdin is not None
    try:
        # More than the head that is read first: once this is taken, the command is at work.
        process.stdin.write(LOG.encode() * 20_000)
        process.stdin.flush()
        process.send_signal(number)
        out, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code
    assert out == b""
    assert b"prebill: stopped" in told
    assert b"Traceback" not in told
