"""A store that lost a part of what it counted: money is refused, everyone is told, and `prebill run` counts it again
out of the spool, each segment once."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline.app.watch.lease import RESTORE, holding
from pipeline.app.whole_store import restore
from pipeline.formats.load import load_format
from pipeline.store.connect import open_store

from .conftest import Prebill
from .test_bill_command import CONFIG, FLAT, PLAN, RIPE, write_segment

TOTALS = "SELECT count() AS facts, sum(requests) AS requests, sum(bytes_sent) AS bytes FROM usage"
MONTH = ("bill", "c1", "--month", "2026-10", "--now", RIPE, "--json")


@pytest.fixture
def site(tmp_path: Path, prebill: Prebill) -> Path:
    """Five minutes of a month, all in."""
    (tmp_path / "prebill.toml").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "one.toml").write_text(PLAN)
    (tmp_path / "plans" / "calm.toml").write_text(FLAT)
    for minute in range(-5, 0):
        write_segment(tmp_path, minute, 10)
    with (tmp_path / "prebill.toml").open("a") as file:
        file.write('[plans]\npath = "plans"\n')
    ran = prebill("run", "--once", "--now", RIPE)
    assert ran.returncode == 0, ran.stderr
    return tmp_path


def parts(site: Path, table: str) -> list[Path]:
    return sorted((site / "store" / "data" / "default" / table).resolve().glob("*_*/data.bin"))


def cut(site: Path, table: str) -> None:
    """Half of each part, as a disk leaves it that lost a block."""
    assert parts(site, table)
    for path in parts(site, table):
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)


def answer(prebill: Prebill, *arguments: str) -> Any:
    done = prebill(*arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_usage_that_is_gone_is_told_and_never_billed_short(prebill: Prebill, site: Path) -> None:
    before, counted = answer(prebill, *MONTH), answer(prebill, "sql", "--json", TOTALS)
    assert counted[0]["requests"] == 50
    cut(site, "facts")
    told = "the store is damaged: 1 part of its facts cannot be read, and what is in there is not counted"
    for command in (
        MONTH,
        ("close", "2026-10", "--now", RIPE),
        ("simulate", "c1", "--month", "2026-10", "--now", RIPE),
        ("letter", "c1", "--month", "2026-10", "--now", RIPE),
        ("spikes", "--now", RIPE),
        ("rebill", "show"),
    ):
        refused = prebill(*command)
        assert (refused.returncode, refused.stdout, told in refused.stderr) == (3, "", True), refused.stderr
        assert "`prebill run --once --restore` counts again" in refused.stderr
    status = prebill("status", "--json", "--now", RIPE)
    assert (status.returncode, told in status.stderr) == (1, True)
    assert [part["table"] for part in json.loads(status.stdout)["damaged"]] == ["facts"]
    asked = prebill("sql", TOTALS)
    assert (asked.returncode, told in asked.stderr) == (0, True)
    doctor = prebill("doctor", "--json", "--now", RIPE)
    store = {check["name"]: check for check in json.loads(doctor.stdout)}["store"]
    assert (doctor.returncode, store["state"]) == (1, "fail")
    assert "usage of 5 segments that was counted is not in the store: e1/access/" in store["found"]

    ran = prebill("run", "--once", "--now", RIPE)
    assert ran.returncode == 0, ran.stderr
    assert "5 segments whose usage the store had lost counted again" in ran.stderr
    assert ": nothing new" in ran.stderr
    assert answer(prebill, *MONTH) == before
    assert prebill("status", "--now", RIPE).returncode == 0
    again = prebill("run", "--once", "--restore", "--now", RIPE)
    assert (again.returncode, "counted again" in again.stderr) == (0, False)
    assert answer(prebill, "sql", "--json", TOTALS) == counted
    assert answer(prebill, *MONTH) == before


def test_two_that_count_again_do_so_one_after_the_other(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site)
    cut(site, "facts")
    results: list[bool] = []
    with open_store(f"chdb://{site / 'store'}") as store:
        fmt = load_format("edge-tsv")
        waiting = threading.Thread(target=lambda: results.append(restore(store, fmt, threading.Event())))
        with holding(store, RESTORE, threading.Event()):
            waiting.start()
            waiting.join(0.5)
            assert (waiting.is_alive(), results) == (True, [])
            assert sum(len(lost) for lost in store.lost_facts()) == 5
        waiting.join(30)
        assert results == [False]
        assert not list(store.lost_facts())
        ended = threading.Event()
        ended.set()
        assert not restore(store, fmt, ended)  # nothing is lost: nothing is left to stop


def test_counting_again_ends_where_it_is_stopped(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site)
    cut(site, "facts")
    with open_store(f"chdb://{site / 'store'}") as store:
        fmt, ended = load_format("edge-tsv"), threading.Event()
        ended.set()
        assert restore(store, fmt, ended)
        assert sum(len(lost) for lost in store.lost_facts()) == 5
        assert not restore(store, fmt, threading.Event())
        assert not list(store.lost_facts())


def test_a_closed_month_is_not_adjusted_for_what_was_counted_again(prebill: Prebill, site: Path) -> None:
    assert prebill("close", "2026-10", "--now", RIPE).returncode == 0
    before = answer(prebill, *MONTH)
    cut(site, "facts")
    assert prebill("run", "--once", "--now", RIPE).returncode == 0
    assert answer(prebill, *MONTH) == before
    assert before[0]["adjustment"] is None
    assert "adjustment" not in prebill("close", "2026-10", "--now", RIPE).stdout


def test_facts_that_vanished_without_a_trace_stop_the_close_of_their_month(
    prebill: Prebill, site: Path
) -> None:
    before = answer(prebill, *MONTH)
    for path in parts(site, "facts"):
        for file in path.parent.iterdir():
            file.unlink()
        path.parent.rmdir()
    away = site / "spool" / "e1" / "20261031T2058Z.log"
    text = away.read_bytes()
    away.write_bytes(b"".join(text.splitlines(keepends=True)[:3]))  # less than was counted: it does not win
    closing = prebill("close", "2026-10", "--now", RIPE)
    assert (closing.returncode, "nothing can be proven of them" in closing.stderr) == (3, True)
    assert "5 segments that was counted is not in the store: e1/access/" in closing.stderr
    assert prebill("status", "--now", RIPE).returncode == 0  # it looks at no facts; the doctor does
    assert prebill("doctor", "--now", RIPE).returncode == 1

    ran = prebill("run", "--once", "--restore", "--now", RIPE)
    assert ran.returncode == 1, ran.stderr
    assert "4 segments whose usage the store had lost counted again" in ran.stderr
    assert "usage of 1 segment stays lost" in ran.stderr
    assert f"{away.relative_to(site)}: the file has another content now" in ran.stderr
    assert prebill("close", "2026-10", "--now", RIPE).returncode == 3
    away.write_bytes(text)
    ran = prebill("run", "--once", "--restore", "--now", RIPE)
    assert ran.returncode == 0, ran.stderr
    assert answer(prebill, *MONTH)[0]["lines"] == before[0]["lines"]


def test_a_ledger_that_is_damaged_is_not_run_over(prebill: Prebill, site: Path) -> None:
    cut(site, "ledger")
    for _ in range(2):
        ran = prebill("run", "--once", "--now", RIPE)
        assert (ran.returncode, "of its ledger cannot be read" in ran.stderr) == (3, True), ran.stderr
        assert "from a backup" in ran.stderr
    assert prebill("sql", "--raw", "SELECT count() FROM facts").stdout != "0\n"
    for name in ("status", "doctor"):
        assert prebill(name, "--now", RIPE).returncode == 1


def test_a_command_that_reads_makes_no_store(prebill: Prebill, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"x")
    store = ("--store", f"chdb://{folder}")
    for command in (("status",), ("sql", "SELECT 1"), ("gaps",)):
        refused = prebill(*command, *store)
        assert (refused.returncode, "there is no store at" in refused.stderr) == (3, True), refused.stderr
    found = json.loads(prebill("doctor", "--json", *store).stdout)
    told = {check["name"]: (check["state"], check["found"]) for check in found}["store"]
    assert told == ("note", f"no store in {folder} yet, which holds other things: photo.jpg")
    assert [path.name for path in folder.rglob("*")] == ["photo.jpg"]


def test_the_doctor_tells_what_stands_in_the_folders_place(prebill: Prebill, site: Path) -> None:
    def store_of(*arguments: str) -> tuple[str, str]:
        found = json.loads(prebill("doctor", "--json", "--now", RIPE, *arguments).stdout)
        check = {check["name"]: check for check in found}["store"]
        return check["state"], f"{check['found']} | {check['mend']}"

    (site / "file").write_text("x")
    for name in ("file", "file/below"):
        state, told = store_of("--store", f"chdb://{site}/{name}")
        assert (state, f"Move {site}/file away, or mend store.dsn" in told) == ("fail", True), told
    lock = site / "store" / "owner.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()
    state, told = store_of()
    assert (state, f"rmdir {lock}" in told) == ("fail", True), told
    lock.rmdir()
    assert store_of()[0] == "ok"
