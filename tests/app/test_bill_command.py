"""`prebill price` and `prebill bill` as a user calls them: a file, then a month that is open, closed, and adjusted."""

from __future__ import annotations

import csv
import json
import time
from decimal import Decimal
from pathlib import Path

import pytest

from .conftest import Prebill

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "spool"
[[edge]]
id = "e1"
zone = "ru-central"
from = 2026-10-31T20:55:00Z
to = 2026-10-31T21:00:00Z
[[customer]]
id = "c1"
name = "Кинотеатр"
lang = "ru"
resources = ["a.example"]
[[customer.contract]]
plan = "per-request"
from = 2026-01-01
tz = "Europe/Moscow"
tax = {{ name = "НДС", rate = "22", included = false }}
[[customer]]
id = "guest"
resources = ["guest.example"]
"""
PLAN = """
id = "per-request"
version = 1
name = { ru = "За запросы", en = "Per request" }
currency = "RUB"
valid_from = 2026-01-01
[[charge]]
id = "requests"
meter = "requests"
unit = "requests"
model = "graduated"
tiers = [{ up_to = "30", unit_price = "1.50" }, { unit_price = "1.00" }]
"""
LINE = "{at}.000\t-\ta.example\tGET\t/\t200\t1500\t1000\tHIT\t1\t-\n"
END = 1793480400  # 2026-10-31T21:00Z, the end of October in Moscow
RIPE = "2026-11-04T12:00:00Z"


def write_segment(folder: Path, minute: int, lines: int) -> None:
    at = time.strftime("%Y%m%dT%H%MZ", time.gmtime(END + 60 * minute))
    path = folder / "spool" / "e1" / f"{at}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text("".join(LINE.format(at=END + 60 * minute + i) for i in range(lines)))
    unfinished.rename(path)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Five minutes of which one is missing, and a book of one plan."""
    (tmp_path / "prebill.toml").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "one.toml").write_text(PLAN)
    for minute in (-5, -4, -2, -1):
        write_segment(tmp_path, minute, 10)
    return tmp_path


def test_open_then_closed_then_adjusted(prebill: Prebill, site: Path) -> None:
    assert prebill("run", "--once").returncode == 0
    asked = ("bill", "c1", "--month", "2026-10", "--now", RIPE)

    still = prebill(*asked, "--json")
    assert still.returncode == 0, still.stderr
    (open_,) = json.loads(still.stdout)
    assert open_["state"] == "provisional"
    assert any("is open" in reason for reason in open_["provisional"])
    assert (open_["net"], open_["tax"], open_["total"]) == ("55.00", "12.10", "67.10")  # 30 × 1.50 + 10 × 1
    assert (open_["proof"]["lost_minutes"], open_["proof"]["digest"]) == (1, None)

    accept = ("--accept-gaps", "--actor", "anna", "--reason", "disk burnt")
    assert prebill("close", "2026-10", "--now", RIPE, *accept).returncode == 0
    (closed,) = json.loads(prebill(*asked, "--json").stdout)
    assert (closed["state"], closed["total"], closed["adjustment"]) == ("final", "67.10", None)
    assert closed["proof"]["digest"].startswith("sha256:")
    assert sum(Decimal(line["amount"]) for line in closed["lines"]) == Decimal(closed["total"])

    # what was lost comes after all: the bill stays, the difference is a document of its own
    write_segment(site, -3, 7)
    assert prebill("run", "--once").returncode == 0
    (later,) = json.loads(prebill(*asked, "--json").stdout)
    assert later["total"] == "67.10"
    late = later["adjustment"]
    assert (late["net"], late["tax"], late["total"]) == ("7.00", "1.54", "8.54")
    assert sum(Decimal(line["amount"]) for line in late["lines"]) == Decimal("8.54")

    shown = prebill(*asked)
    assert shown.returncode == 0
    assert "67,10" in shown.stdout.replace("\xa0", " ")
    assert "8,54" in shown.stdout.replace("\xa0", " ")
    for kind in ("pdf", "xlsx", "csv"):
        saved = prebill(*asked, "-o", f"october.{kind}")
        assert saved.returncode == 0, saved.stderr
        assert "67.10 RUB" in saved.stderr
        assert "8.54 RUB" in saved.stderr
        assert (site / f"october.{kind}").stat().st_size > 200
        assert (site / f"october-2.{kind}").exists()
    assert (site / "october.pdf").read_bytes().startswith(b"%PDF")
    with (site / "october.csv").open(encoding="utf-8-sig", newline="") as file:
        assert any("67.10" in cell for row in csv.reader(file) for cell in row)


def test_what_is_wrong_is_told(prebill: Prebill, site: Path) -> None:
    month = ("--month", "2026-10")
    assert prebill("run", "--once").returncode == 0
    for arguments, code, said in (
        (("bill", "c7", *month), 2, "no customer 'c7'"),
        (("bill", "guest", *month), 2, "customer guest has no contract in 2026-10"),
        (("bill", "c1", "--month", "2026-31"), 2, "expected a month like 2026-10, found '2026-31'"),
        (("bill", "c1", *month, "-o", "bill.doc"), 2, "expected a name that ends with .pdf, .xlsx, .csv"),
        (("bill", "c1", *month, "--lang", "fr"), 2, "--lang: expected en or ru, found 'fr'"),
        (("bill", "c1", *month, "--now", RIPE, "-o", "no/where.pdf"), 2, "cannot be written"),
    ):
        wrong = prebill(*arguments)
        assert (wrong.returncode, said in wrong.stderr) == (code, True), wrong.stderr
        assert "Traceback" not in wrong.stderr
    (site / "plans" / "one.toml").write_text(PLAN.replace("1.50", "dear").replace("currency", "currenzy"))
    wrong = prebill("bill", "c1", *month)
    assert wrong.returncode == 2
    assert "one.toml:" in wrong.stderr
    assert "currenzy" in wrong.stderr
    assert "dear" in wrong.stderr


def test_price_of_a_file(prebill: Prebill, site: Path) -> None:
    (site / "usage.csv").write_text(
        "minute,resource,zone,requests,bytes_sent,body_bytes\n"
        "2026-10-01T00:00:00Z,a.example,ru-central,20,1,1\n2026-10-31T23:59:00Z,b.example,eu,15,1,1\n"
    )
    asked = ("price", "--plan", "plans/one.toml", "--usage")
    found = prebill(*asked, "usage.csv", "--json")
    assert found.returncode == 0, found.stderr
    bill = json.loads(found.stdout)
    assert (bill["total"], bill["period"]["from"]) == ("50.00", "2026-10-01T00:00:00Z")
    assert "30 " in prebill(*asked, "usage.csv").stdout
    (site / "q.json").write_text(
        '{"quantities": {"requests": "31"}, "period": {"from": "2026-10-01", "to": "2026-11-01"}}'
    )
    assert json.loads(prebill(*asked, "q.json", "--json").stdout)["total"] == "46.00"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("q.json", '{"quantities": {"requests": 1.5}}', "expected a number of 0 or more as text"),
        ("q.json", '{"quantities": {"requests": "1"}}', "expected a period in the file, or --month"),
        ("q.json", '{"quantities": {"wrong": "1"}, "period": {"from": "2026-10-01", "to": "2026-11-01"}}', "wrong"),
        ("q.json", "{", "expected JSON"),
        ("u.csv", "minute,requests\n2026-10-01T00:00:00Z,5\n2026-11-01T00:00:00Z,5\n", "--month: required"),
        ("u.csv", "minute,bytes_sent\n2026-10-01T00:00:00Z,5\n", "expected usage with requests"),
        ("u.csv", "minute,requests\nyesterday,5\n", "expected times like"),
        ("gone.csv", None, "cannot be read"),
    ],
)  # fmt: skip
def test_usage_that_cannot_be_priced(
    prebill: Prebill, site: Path, name: str, content: str | None, said: str
) -> None:
    if content is not None:
        (site / name).write_text(content)
    wrong = prebill("price", "--plan", "plans/one.toml", "--usage", name)
    assert (wrong.returncode, said in wrong.stderr) == (2, True), wrong.stderr
    assert "an error of its own" not in wrong.stderr
