"""run, status, sql and demo as a user calls them, over a real spool and the embedded store."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.app.answers import reader_of

from .conftest import ROOT, Prebill

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "spool"
[[edge]]
id = "e1"
zone = "ru-central"
from = 2026-11-01
[[edge]]
id = "e2"
from = 2026-11-01
"""
LINE = "{at}.000\t{seq}\t{host}\tGET\t/\t200\t1500\t1000\tHIT\t1\t-\n"
MINUTE = 1793491200


def write_segment(spool: Path, edge: str, minute: int, text: str) -> Path:
    at = time.strftime("%Y%m%dT%H%MZ", time.gmtime(MINUTE + 60 * minute))
    path = spool / edge / f"{at}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(text)
    unfinished.rename(path)
    return path


def lines(minute: int, host: str, count: int, first: int) -> str:
    return "".join(LINE.format(at=MINUTE + 60 * minute, seq=first + i, host=host) for i in range(count))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A configuration, and a spool with three segments of one edge: good, empty, with a bad line."""
    (tmp_path / "prebill.toml").write_text(CONFIG.format(folder=tmp_path))
    spool = tmp_path / "spool"
    write_segment(spool, "e1", 0, lines(0, "a.example", 10, 0))
    write_segment(spool, "e1", 1, "")
    write_segment(spool, "e1", 2, lines(2, "b.example", 5, 10) + "nonsense\n")
    return tmp_path


def test_a_runner_that_is_not_there_yet_is_refused_plainly(prebill: Prebill, site: Path) -> None:
    refused = prebill("run", "--once", "--runner", "flink")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("prebill: --runner: expected local, found 'flink'")
    assert not (site / "store").exists()


def test_a_spool_becomes_usage_that_can_be_asked_for(prebill: Prebill, site: Path) -> None:
    ran = prebill("run", "--once", "--json")
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert (report["segments"], report["lines"], report["parsed"], report["malformed"]) == (3, 16, 15, 1)
    assert "3: 1 empty, 2 received" in ran.stderr

    asked = prebill(
        "sql", "--json", "SELECT minute, resource, edge, zone, requests, bytes_sent FROM usage ORDER BY 1"
    )
    assert json.loads(asked.stdout) == [
        {"minute": "2026-11-01T00:00:00Z", "resource": "a.example", "edge": "e1", "zone": "ru-central",
         "requests": 10, "bytes_sent": 15000},
        {"minute": "2026-11-01T00:02:00Z", "resource": "b.example", "edge": "e1", "zone": "ru-central",
         "requests": 5, "bytes_sent": 7500},
    ]  # fmt: skip

    write_segment(site / "spool", "e1", 3, lines(3, "c.example", 1, 15))
    seen = prebill("status", "--json", "--now", "2026-11-01T01:00:00Z")
    assert seen.returncode == 0, seen.stderr
    status = json.loads(seen.stdout)
    assert status["segments"] == {"received": 2, "empty": 1, "damaged": 0, "quarantined": 0}
    assert (status["lines"], status["malformed"], status["bytes_sent"]) == (16, 1, 22500)
    assert status["spool"]["unread"] + status["spool"]["still_written"] == 1
    (edge,) = status["edges"]
    assert (edge["edge"], edge["latest_minute"], edge["behind_s"]) == (
        "e1",
        "2026-11-01T00:02:00Z",
        3600 - 180,
    )
    assert status["silent"] == [{"edge": "e2", "stream": "access"}]

    again = prebill("run", "--once")
    assert again.returncode == 0
    assert "Segments  1: 1 received" in again.stderr
    shown = prebill("status")
    assert shown.returncode == 0
    assert "is read" in shown.stdout
    assert "nothing ever came" in shown.stdout
    assert prebill("doctor").returncode == 0


def test_a_run_stops_cleanly_when_asked(prebill: Prebill, site: Path) -> None:
    """SIGTERM while it waits for more: a plain sentence, 143, and all that was in is committed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.app.main", "run"], cwd=site, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            # The store is asked while it runs: the command finds the owner by itself.
            asked = (
                prebill("sql", "--json", "SELECT count() AS n FROM segments")
                if (site / "store").exists()
                else None
            )
            if asked is not None and asked.returncode == 0 and json.loads(asked.stdout)[0]["n"] == 3:
                break
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143, told
    assert "stopped on request" in told
    assert "Traceback" not in told
    counted = json.loads(prebill("sql", "--json", "SELECT sum(requests) AS n FROM usage").stdout)
    assert counted == [{"n": 15}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELEC 1", "the store does not understand the query: Syntax error"),
        ("SELECT * FROM nosuch", "SHOW TABLES"),
        ("DROP TABLE facts", "only reading is allowed here"),
        ("INSERT INTO facts VALUES (1)", "only reading is allowed here"),
        ("SELECT * FROM file('x', 'LineAsString')", "the query was refused"),
        ("   ", "the query is empty"),
    ],
)
def test_what_the_store_refuses_is_told_in_plain_words(
    prebill: Prebill, made_store: str, query: str, expected: str
) -> None:
    done = prebill("sql", "--store", made_store, query)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Code:" not in done.stderr
    assert "Traceback" not in done.stderr


def test_answers_are_as_people_want_them(prebill: Prebill, made_store: str) -> None:
    query = (
        "SELECT toDateTime('2026-11-01 00:00:00', 'UTC') AS t, [t] AS ts, toUInt128(7) AS wide, -toInt256(7) AS below,"
        " toIPv4('10.0.0.1') AS ip, CAST('a', 'Enum8(\\'a\\' = 1)') AS e, NULL AS nothing, nan AS odd,"
        " toDecimal64('1.50', 2) AS d, 18446744073709551615 AS top;"
    )
    (row,) = json.loads(prebill("sql", "--store", made_store, "--json", query).stdout)
    assert row == {
        "t": "2026-11-01T00:00:00Z", "ts": ["2026-11-01T00:00:00Z"], "wide": 7, "below": -7, "ip": "10.0.0.1",
        "e": "a", "nothing": None, "odd": None, "d": "1.50", "top": 18446744073709551615,
    }  # fmt: skip
    lines = prebill(
        "sql", "--store", made_store, "--ndjson", "SELECT number AS n FROM numbers(3)"
    ).stdout.splitlines()
    assert [json.loads(line) for line in lines] == [{"n": 0}, {"n": 1}, {"n": 2}]
    tabs = prebill("sql", "--store", made_store, "-", stdin="SELECT 1 AS a, 'x\ty' AS b").stdout
    assert tabs == "a\tb\n1\tx\\ty\n"


@pytest.fixture(scope="module")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty store, made as the pipeline makes it, in a process of its own."""
    dsn = f"chdb://{tmp_path_factory.mktemp('sql')}/store"
    program = "import sys; from pipeline.store.connect import open_store; open_store(sys.argv[1]).close()"
    subprocess.run([sys.executable, "-c", program, dsn], cwd=ROOT, check=True, timeout=120)
    return dsn


@pytest.mark.parametrize(
    ("dsn", "code", "said"),
    [
        ("chdb:///no/such/folder", 3, "there is no store at /no/such/folder"),
        ("clickhouse://u:geheim@127.0.0.1:1/db", 3, "does not answer"),
        ("postgres://u:geheim@h/db", 2, "no known scheme"),
    ],
)
def test_a_store_that_is_not_there_is_told_without_its_password(
    prebill: Prebill, dsn: str, code: int, said: str
) -> None:
    for command in (["sql", "SELECT 1"], ["status"]):
        done = prebill("--store", dsn, *command)
        assert done.returncode == code
        assert said in done.stderr
        assert "geheim" not in done.stderr
        assert "Traceback" not in done.stderr


def test_enums_and_plain_types() -> None:
    assert reader_of("Enum8('it\\'s' = -1, 'b' = 2)")(-1) == "it\\'s"
    assert reader_of("LowCardinality(Nullable(String))")("x") == "x"
    assert reader_of("")(1.5) == 1.5


def test_the_demo_is_exact_and_leaves_something_to_play_with(prebill: Prebill, tmp_path: Path) -> None:
    done = prebill("demo", "--lines", "40")
    assert done.returncode == 0, done.stderr
    assert "Exact: " in done.stdout
    assert "Customer 12" in done.stdout
    assert "e2  rrrrrrrrrrrrrrrrrrrrMMMMMMMMrrrr" in done.stdout
    # what was lost on purpose, each once, is what is found; then some of it comes late
    assert "5 gaps still lost: 2 missing, 1 damaged, 1 sequence, 1 counter; 16 minutes" in done.stdout
    assert "e2/access 11-01 00:20 – 00:28: shrunk" in done.stdout
    assert "e3/access 11-01 00:40 – 00:42: closed" in done.stdout
    assert "4 gaps still lost: 1 missing, 1 damaged, 1 sequence, 1 counter; 9 minutes" in done.stdout
    # the lost minutes wake nobody, the outage everybody; the tasks wait for it, and those whose data comes close
    stdout = done.stdout
    first, second = stdout.index("The first story"), stdout.index("The second story")
    assert "Nobody was woken: 5 tasks, 0 pages." in stdout[first:second]
    assert stdout[first:second].count("YES") == 5
    rest = stdout[second:]
    told = (
        "evidence ",
        "on call ",
        "company ",
        "client     company-wide",
        "acknowledged by anna",
        "company    resolved, company-wide: 10 minutes",
        "client     resolved, company-wide",
        "Everybody was woken in 20 s",
    )
    places = [rest.index(each) for each in told]
    assert places == sorted(places)
    assert "Our next message comes at 04:32" in rest
    assert "e3: closed by itself, recovered" in rest
    for said in (
        "1,001,873.54 RUB",
        "Stream 95 (stream)",
        "Answer this letter with one number",
        "24,000 RUB",
    ):
        assert said in done.stdout.replace("\xa0", " ")
    folder = tmp_path / "demo"
    asked = prebill(
        "sql", "--config", str(folder / "prebill.toml"), "--json", "SELECT count() AS n FROM segments"
    )
    assert json.loads(asked.stdout)[0]["n"] > 250
    assert prebill("status", "--config", str(folder / "prebill.toml")).returncode == 0
    # what is proposed says the same as the story did
    proposed = [
        shlex.split(line)[1:] for line in rest.partition("Try next")[2].splitlines() if "--now" in line
    ]
    shown = {line[0] + " " + line[1]: prebill(*line) for line in proposed}
    assert {each.returncode for each in shown.values()} == {0}, shown
    assert {"tasks digest", "tasks show", "incidents show", "incidents after"} <= shown.keys()
    assert "2026-11-01T01:12:00Z, 25 min" in shown["incidents show"].stdout
    assert "| c3 | 15 min |" in shown["incidents after"].stdout
    assert "| c4 |" not in shown["incidents after"].stdout
    (row,) = [line for line in shown["coverage --config"].stdout.splitlines() if line.startswith("e2/access")]
    assert row.split()[1] == "rrrrrrrrrrrrrrrrrrrrrrrrrMMM" + "r" * 32


def test_the_demo_clears_only_its_own_folder(prebill: Prebill, tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine.txt").write_text("precious")
    done = prebill("demo")
    assert done.returncode == 2
    assert "not empty, and not a demo's" in done.stderr
    assert (tmp_path / "demo" / "mine.txt").read_text() == "precious"


def test_a_reader_who_leaves_is_no_fault_of_the_store(prebill: Prebill, site: Path) -> None:
    assert prebill("run", "--once", cwd=site).returncode == 0
    for command in (("coverage",), ("coverage", "--json"), ("sql", "SELECT * FROM segments")):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.app.main", *command], cwd=site, stdout=writer, stderr=subprocess.PIPE,
            text=True, check=False, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        os.close(writer)
        assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, ""), command
