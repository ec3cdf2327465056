"""`--json` of what deals with money: amounts are plain decimals in quotes, times are RFC 3339
in UTC, sizes are whole numbers, and nothing else is on standard output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.app.context import Context
from pipeline.app.failures import ReachFailure
from pipeline.app.stores import any_store
from pipeline.store.errors import QueryError

from .conftest import Prebill
from .test_bill_command import CONFIG, FLAT, PLAN, RIPE, write_segment

AMOUNTS = {
    *("net", "tax", "total", "amount", "price", "quantity", "units", "up_to", "before", "after", "discount"),
    *(
        "saves",
        "saving",
        "usual",
        "limit",
        "so_far",
        "low",
        "expected",
        "high",
        "best_net",
        "best_plan_amount",
    ),
    *("old_total", "new_total", "difference"),
}
"""Keys whose values are amounts or quantities, wherever they are; of bytes `low` and `high` are whole numbers."""

SHARES = frozenset({"share", "factor"})
"""The only floats."""

PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
LIKE_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d")
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
PROSE = frozenset({"provisional", "reason", "text", "subject", "detail", "what"})
"""Sentences for people, in which times may stand."""


def walk(value: Any, key: str = "", path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every leaf with its nearest key and its place."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from walk(each, name, f"{path}.{name}")
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from walk(each, key, f"{path}[{place}]")
    else:
        yield key, path, value


def faults(document: Any) -> list[str]:
    found = []
    for key, path, value in walk(document):
        if isinstance(value, float) and key not in SHARES:
            found.append(f"{path}: a float, {value}")
        if key in AMOUNTS and ".lost_bytes." not in path and isinstance(value, str | int | float):
            if not isinstance(value, str) or not PLAIN.fullmatch(value):
                found.append(f"{path}: no plain decimal, {value!r}")
            elif PLAIN.fullmatch(value) and re.fullmatch(r"-0(\.0+)?", value):
                found.append(f"{path}: a negative zero")
        if ".lost_bytes." in path and not (value is None or isinstance(value, int)):
            found.append(f"{path}: no whole number, {value!r}")
        is_time = isinstance(value, str) and key not in PROSE and LIKE_TIME.match(value)
        if is_time and not RFC_3339.fullmatch(value):
            found.append(f"{path}: not RFC 3339, {value!r}")
    return found


def test_the_judge_can_fail() -> None:
    assert faults([{"net": "0E-9"}, {"total": 5}, {"low": 1.5}, {"amount": "-0.00"}]) == [
        "[0].net: no plain decimal, '0E-9'",
        "[1].total: no plain decimal, 5",
        "[2].low: a float, 1.5",
        "[2].low: no plain decimal, 1.5",
        "[3].amount: a negative zero",
    ]
    assert faults({"from": "2026-10-31T21:00Z", "lost_bytes": {"low": "5"}, "share": 0.5, "net": "1.00"}) == [
        ".from: not RFC 3339, '2026-10-31T21:00Z'",
        ".lost_bytes.low: no whole number, '5'",
    ]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Five minutes of which one is missing, and a book of two plans."""
    (tmp_path / "prebill.toml").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "one.toml").write_text(PLAN)
    (tmp_path / "plans" / "calm.toml").write_text(FLAT)
    for minute in (-5, -4, -2, -1):
        write_segment(tmp_path, minute, 10)
    return tmp_path


def asked(prebill: Prebill, *arguments: str) -> Any:
    done = prebill(*arguments, "--json", "--now", RIPE)
    assert done.returncode in (0, 1), done.stderr
    document = json.loads(done.stdout)
    assert faults(document) == [], arguments
    return document


def test_an_open_month_and_a_closed_one_with_what_came_late(prebill: Prebill, site: Path) -> None:
    assert prebill("run", "--once", "--now", RIPE).returncode == 0
    month = ("--month", "2026-10")
    (still,) = asked(prebill, "bill", "c1", *month)
    assert (still["state"], still["proof"]["rows"], still["proof"]["digest"]) == ("provisional", None, None)
    assert still["proof"]["from"] == still["period"]["from"] == "2026-09-30T21:00:00Z"
    assert "Учтено записей" not in prebill("bill", "c1", *month, "--now", RIPE).stdout
    ranked = asked(prebill, "simulate", "c1", *month)
    assert ranked["ranked"][0]["net"] == "20.00"
    asked(prebill, "simulate", "--all", *month)
    asked(prebill, "simulate", "--all", "--brief", *month)
    asked(prebill, "gaps")
    asked(prebill, "letter", "c1", *month)
    asked(prebill, "spikes")

    accept = ("--accept-gaps", "--actor", "anna", "--reason", "disk burnt")
    asked(prebill, "close", "2026-10", *accept)
    (closed,) = asked(prebill, "bill", "c1", *month, "--issue", "--actor", "anna")
    assert closed["proof"]["rows"] == 4
    propose = ("--plan", "calm", "--discount", "10", "--actor", "anna", "--reason", "spike")
    proposed = asked(prebill, "rebill", "propose", "c1", *month, *propose)
    asked(prebill, "rebill", "show", "c1")
    asked(prebill, "rebill", "approve", proposed["id"], "--actor", "boris", "--reason", "agreed")
    write_segment(site, -3, 7)
    assert prebill("run", "--once", "--now", RIPE).returncode == 0
    asked(prebill, "bill", "c1", *month)
    asked(prebill, "rebill", "show")
    asked(prebill, "close", "2026-10")
    rows = asked(prebill, "sql", "SELECT * FROM bills")
    assert {row["net"] for row in rows} >= {"55.00", "18.00"}
    asked(prebill, "sql", "SELECT * FROM rebills")


@pytest.mark.usefixtures("site")
def test_a_month_that_has_not_begun_has_no_bill(prebill: Prebill) -> None:
    assert prebill("run", "--once", "--now", RIPE).returncode == 0
    done = prebill("bill", "c1", "--month", "2027-01", "--now", RIPE, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "2027-01 has not begun" in done.stderr


def test_the_price_of_a_file(prebill: Prebill, site: Path) -> None:
    (site / "u.csv").write_text("minute,requests\n2026-10-01T00:00:00Z,7\n", encoding="utf-8")
    document = asked(prebill, "price", "--plan", "plans/one.toml", "--usage", "u.csv")
    assert (document["net"], document["period"]["from"]) == ("10.50", "2026-10-01T00:00:00Z")
    (site / "q.json").write_text(
        '{"quantities": {"requests": "0.0000001"}, "period": {"from": "2026-10-01", "to": "2026-11-01"}}',
        encoding="utf-8",
    )
    asked(prebill, "price", "--plan", "plans/one.toml", "--usage", "q.json")


@pytest.mark.usefixtures("site")
def test_a_document_that_is_not_there_is_told(prebill: Prebill) -> None:
    assert prebill("run", "--once", "--now", RIPE).returncode == 0
    for number in ("-1", "0", "7", "18446744073709551616"):
        done = prebill("bill", f"--document={number}", "--json")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"there is no bill {number}" in done.stderr


def test_a_folder_of_other_things_is_no_store(prebill: Prebill, site: Path) -> None:
    (site / "store").mkdir()
    (site / "store" / "notes.txt").write_text("mine", encoding="utf-8")
    done = prebill("bill", "c1", "--month", "2026-10", "--now", RIPE)
    assert done.returncode == 3
    assert "there is no store at" in done.stderr
    assert [path.name for path in (site / "store").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("code", "told"), [(33, "it is damaged: Cannot read"), (243, "no space left: Cannot read")]
)
def test_what_is_wrong_with_the_machine_is_not_called_a_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, code: int, told: str
) -> None:
    @contextmanager
    def opened(_dsn: str, *, make: bool) -> Iterator[None]:
        assert make
        yield None

    monkeypatch.setattr("pipeline.store.connect.open_store", opened)
    with pytest.raises(ReachFailure, match=told), any_store(Context(store_dsn="chdb:///x")):
        raise QueryError(f"Code: {code}. DB::Exception: Cannot read all data", code)
    with pytest.raises(QueryError), any_store(Context(store_dsn="chdb:///x")):
        raise QueryError("Code: 47. DB::Exception: Unknown", 47)
