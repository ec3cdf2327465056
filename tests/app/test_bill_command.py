"""`prebill price` and `prebill bill` as a user calls them: a file, then a month that is open, closed, and adjusted."""

from __future__ import annotations

import csv
import json
import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.empty_store import lay_store

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
FLAT = """
id = "calm"
version = 1
name = { ru = "Спокойный", en = "Calm" }
currency = "RUB"
valid_from = 2026-01-01
[[charge]]
id = "fee"
meter = "flat"
unit = "month"
model = "flat"
flat = "20"
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
    (tmp_path / "plans" / "calm.toml").write_text(FLAT)
    lay_store(tmp_path / "store")
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

    # ten requests, beyond his first thirty: at the price of his last one
    (gap,) = json.loads(prebill("gaps", "--now", RIPE, "--json").stdout)
    money = gap["money"]
    assert (money["expected"], money["currency"]) == ("10.00", "RUB")
    assert Decimal(money["low"]) < Decimal(10) < Decimal(money["high"])  # neighbours alone tell what is lost
    assert f"{money['low']} to {money['high']} RUB at stake" in prebill("gaps", "--now", RIPE).stdout
    assert "RUB at stake" in prebill("run", "--once", "--now", RIPE).stderr
    (kept,) = json.loads(prebill("sql", "--json", "SELECT money FROM gaps").stdout)
    assert kept["money"] == money

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


def test_best_plan_letter_and_rebill(prebill: Prebill, site: Path) -> None:
    write_segment(site, -3, 10)
    assert prebill("run", "--once").returncode == 0
    month = ("--month", "2026-10", "--now", RIPE)
    early = prebill("bill", "c1", *month, "--issue")
    assert (early.returncode, "provisional" in early.stderr) == (2, True), early.stderr
    assert prebill("close", "2026-10", "--now", RIPE).returncode == 0

    found = json.loads(prebill("simulate", "c1", *month, "--json").stdout)
    assert (found["current"], found["best"]) == ("per-request", "calm")
    assert [(each["plan"], each["net"]) for each in found["ranked"]] == [
        ("calm", "20.00"),
        ("per-request", "65.00"),
    ]
    assert found["ranked"][1]["if_usage_is"] == {"80%": "55.00", "120%": "75.00"}
    assert [each["what"] for each in found["ranked"][1]["loses_by"]] == ["requests"]
    every = json.loads(prebill("simulate", "--all", "--switch", *month, "--json").stdout)
    assert every == [found]
    at_once = json.loads(prebill("simulate", "--all", *month, "--json").stdout)
    assert at_once == [{key: value for key, value in found.items() if key != "switch"}]
    (best,) = json.loads(prebill("simulate", "--all", "--brief", *month, "--json").stdout)
    assert (best["current"], best["net"], best["best"]) == ("per-request", "65.00", "calm")
    assert (best["best_net"], best["saves"]) == ("20.00", "45.00")
    table = prebill("simulate", "--all", *month).stdout.replace("\xa0", " ")
    assert "1 customer: 65.00 RUB now, 20.00 RUB if each had his best plan" in table
    shown = prebill("simulate", "c1", *month).stdout
    assert shown.index("calm") < shown.index("per-request")

    off = ("--discount", "12.37")
    letter = json.loads(prebill("letter", "c1", *month, *off, "--lang", "en", "--json").stdout)
    assert letter["options"] == [
        # 20.00 less 2.47, and 3.86 of tax: as the bill will say. 24.40 less 12.37 % would be 21.38
        {"offer": "move", "amount": "21.39"},
        {"offer": "keep", "amount": "79.30"},
    ]
    assert "1. " in letter["text"]
    assert "2. " in letter["text"]
    assert "Ответьте одной цифрой" in prebill("letter", "c1", *month).stdout
    more = ("--free", "we limit the rate", "--paid", "protection from spikes=5000", "--json")
    offered = json.loads(prebill("letter", "c1", *month, "--lang", "en", *more).stdout)
    assert [(each["offer"], each["amount"]) for each in offered["options"][2:]] == [
        ("free", None),
        ("paid", "5000"),
    ]
    assert "4. For money: protection from spikes. Price: 5,000" in offered["text"].replace("₽", ""), offered

    issued = prebill("bill", "c1", *month, "--issue", "--actor", "anna")
    assert (issued.returncode, "bill 1 of c1: 79.30 RUB" in issued.stderr) == (0, True), issued.stderr
    again = prebill("bill", "c1", *month, "--issue", "--actor", "boris")
    assert "bill 1 of c1: 79.30 RUB, issued by anna" in again.stderr

    why = ("--reason", "one good day")
    asked = ("rebill", "propose", "c1", *month, "--plan", "calm", *off, "--actor", "anna", *why)
    proposed = prebill(*asked, "--json")
    assert proposed.returncode == 0, proposed.stderr
    rebill = json.loads(proposed.stdout)
    assert (rebill["old_total"], rebill["new_total"], rebill["difference"]) == ("79.30", "21.39", "-57.91")
    assert rebill["payback"]["discount"] == "57.91"
    assert rebill["payback"]["notes"] == ["there are no bills yet: nothing can be said"]
    assert json.loads(prebill(*asked, "--json").stdout)["id"] == rebill["id"]
    own = prebill("rebill", "approve", rebill["id"], "--actor", "anna", *why)
    assert (own.returncode, "another person has to approve it" in own.stderr) == (2, True)
    approved = prebill("rebill", "approve", rebill["id"], "--actor", "boris", "--json", *why)
    assert approved.returncode == 0, approved.stderr
    done = json.loads(approved.stdout)
    assert (done["state"], done["credit_note"], done["new_bill"]) == ("approved", 2, 3)
    documents = json.loads(prebill("rebill", "show", "c1", "--json").stdout)["documents"]
    assert [(each["number"], each["total"]) for each in documents] == [
        (1, "79.30"),
        (2, "-79.30"),
        (3, "21.39"),
    ]
    assert "approved" in prebill("rebill", "show").stdout


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
        (("simulate", *month), 2, "expected a customer, or --all"),
        (("letter", "c1", *month, "--discount", "200"), 2, "more than 0 and at most 100; found '200'"),
        (("letter", "c1", *month, "--paid", "gold"), 2, "--paid: expected TEXT=AMOUNT"),
        (("rebill", "propose", "c1"), 2, "--reason: required"),
        (("rebill", "propose", "c1"), 2, "--month: required"),
        (("rebill", "propose", "c1", *month, "--plan", "x", "--reason", "y"), 2, 'no plan "x"'),
        (
            ("rebill", "propose", "c1", *month, "--plan", "calm", "--reason", "y"),
            2,
            "was issued, so there is none",
        ),
        (("rebill", "approve", "r1", "--reason", "y"), 2, "there is no rebill r1; open ones: none"),
        (("rebill", "show", "r1"), 2, "neither a rebill nor a customer"),
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
        ("u.csv", "minute,requests\nyesterday,5\n", "expected a time like"),
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


FAR = PLAN.replace('meter = "requests"', 'meter = "bytes_sent"\nwhere = { zone = ["ru-far-east"] }').replace(
    'unit = "requests"', 'unit = "GB"'
)


def test_what_no_charge_counts_and_what_lies_outside_the_month_is_told(prebill: Prebill, site: Path) -> None:
    (site / "far.toml").write_text(FAR)
    rows = ("2026-10-05T10:00:00Z,mars", "2026-10-06T10:00:00Z,ru-far-east", "2026-09-30T20:59:00Z,mars")
    (site / "u.csv").write_text("minute,zone,bytes_sent\n" + "".join(f"{row},5000000000\n" for row in rows))
    asked = ("price", "--plan", "far.toml", "--usage", "u.csv", "--month", "2026-10", "--tz", "Europe/Moscow")
    found = prebill(*asked, "--json")
    assert found.stderr == "1 of 3 rows lie outside 2026-10 in Europe/Moscow and are not counted\n"
    (free,) = json.loads(found.stdout)["uncounted"]
    assert (free["zone"], free["quantity"], free["unit"]) == ("mars", "5", "GB")
    assert free["text"] == "5 GB in zone mars is counted by no charge"
    assert "5 ГБ в зоне mars" in prebill(*asked, "--lang", "ru").stdout
    (site / "plans" / "far.toml").write_text(FAR.replace('id = "per-request"', 'id = "far"', 1))
    config = (site / "prebill.toml").read_text()
    (site / "prebill.toml").write_text(config.replace('plan = "per-request"', 'plan = "far"'))
    assert prebill("run", "--once").returncode == 0
    bill = prebill("bill", "c1", "--month", "2026-10", "--now", RIPE, "--json")
    assert [each["text"] for each in json.loads(bill.stdout)[0]["uncounted"]] == [
        "0.00006 GB in zone ru-central is counted by no charge"
    ]
    one = prebill("simulate", "c1", "--month", "2026-10", "--now", RIPE, "--json")
    assert [each["zone"] for each in json.loads(one.stdout)["uncounted"]] == ["ru-central"]
    every = prebill("simulate", "--all", "--month", "2026-10", "--now", RIPE, "--json", "--brief")
    assert {each["customer"]: each["uncounted"] for each in json.loads(every.stdout)} == {
        "c1": [{"text": "nothing in it prices traffic in zone ru-central"}]
    }


def test_a_told_period_is_one_month_at_most(prebill: Prebill, site: Path) -> None:
    def priced(begin: str, end: str) -> tuple[int, str]:
        told = {"quantities": {"requests": "5"}, "period": {"from": begin, "to": end}}
        (site / "q.json").write_text(json.dumps(told))
        found = prebill("price", "--plan", "plans/one.toml", "--usage", "q.json", "--json")
        return found.returncode, found.stderr

    assert priced("2026-10-01", "2026-11-01") == (0, "")
    code, said = priced("2026-10-16", "2026-12-01")
    assert code == 2
    assert "expected at most one month, found 46 days from 2026-10-16 to 2026-12-01" in said
    # a month of Moscow, told in UTC
    code, said = priced("2026-09-30T21:00:00Z", "2026-10-31T21:00:00Z")
    assert code == 0
    assert said == "the period lies in more than one month of UTC: it is priced as one whole month\n"


def test_a_zone_has_the_same_price_before_and_after_the_close(prebill: Prebill, site: Path) -> None:
    """What an edge served before it was expected, it served in its zone."""
    config = (
        (site / "prebill.toml")
        .read_text()
        .replace("from = 2026-10-31T20:55:00Z", "from = 2026-10-31T20:58:00Z")
    )
    (site / "prebill.toml").write_text(config.replace('plan = "per-request"', 'plan = "zoned"'))
    zoned = PLAN.replace('id = "per-request"', 'id = "zoned"', 1)
    zoned = zoned.replace('meter = "requests"', 'meter = "requests"\nwhere = { zone = ["ru-central"] }')
    (site / "plans" / "zoned.toml").write_text(zoned)
    assert prebill("run", "--once").returncode == 0

    def priced(*asked: str) -> object:
        found = prebill(*asked, "--month", "2026-10", "--now", RIPE, "--json")
        assert found.returncode == 0, found.stderr
        said = json.loads(found.stdout)
        of = said[0] if asked[0] == "bill" else said["bill"] if asked[1] == "c1" else said[0]["bill"]
        return of["lines"], of["total"], of["uncounted"]

    ways = (("bill", "c1"), ("simulate", "c1"), ("simulate", "--all"))
    still = [priced(*way) for way in ways]
    assert still[0] == still[1] == still[2]
    assert still[0][1:] == ("67.10", [])  # type: ignore[index]
    accept = ("--accept-gaps", "--actor", "anna", "--reason", "disk burnt")
    assert prebill("close", "2026-10", "--now", RIPE, *accept).returncode == 0
    assert [priced(*way) for way in ways] == still
