"""What is advised about a month, as a user asks for it: one sum for what it costs as it stands, in simulations, letters
and rebills alike; a month that is open or to come; letters of even and of empty months. Figures by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.rating.usage import usage_of
from pipeline.store import open_store
from tests.empty_store import lay_store

from .conftest import Prebill
from .stored_usage import put_usage

OCTOBER = datetime(2026, 9, 30, 21, tzinfo=UTC)
RIPE = "2026-11-05T00:00:00Z"
MONTH = ("--month", "2026-10", "--now", RIPE)
DAYS = 31
HOURLY = 200 * 10**9 // 24 + 1  # a little more than 200 GB a day

CONFIG = """
[store]
dsn = "{dsn}"
[spool]
path = "spool"
[letters]
free = [{{ ru = "посмотрим кэш", en = "we look at the cache" }}]
paid = [
    {{ ru = "защита", en = "protection", price = "5000", currency = "RUB" }},
    {{ ru = "защита", en = "protection", price = "50", currency = "USD" }},
]
[[edge]]
id = "e1"
zone = "ru"
from = 2026-10-31T20:00:00Z
to = 2026-10-31T20:01:00Z
"""
CUSTOMER = """
[[customer]]
id = "{name}"
name = "{name}"
resources = ["{name}.example"]
"""
CONTRACT = """
[[customer.contract]]
plan = "{plan}"
from = {begin}
tz = "Europe/Moscow"
tax = {{ name = "VAT", rate = "22", included = false }}
"""
PLAN = """
id = "{name}"
version = 1
name = {{ ru = "{name}", en = "{name}" }}
currency = "RUB"
valid_from = 2026-01-01
minimum = "{minimum}"
proration = "day"
{source}
[[charge]]
id = "traffic"
meter = "bytes_sent"
unit = "TB"
model = "graduated"
tiers = [{{ up_to = "1", unit_price = "{first}" }}, {{ unit_price = "{second}" }}]
"""

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("advice")
    dsn = lay_store(folder / "store")
    text = CONFIG.format(dsn=dsn)
    for name, contracts in (
        ("changer", (("start", "2026-01-01"), ("volume", "2026-10-11"))),
        ("even", (("start", "2026-01-01"),)),
        ("idle", (("start", "2026-01-01"),)),
        ("newcomer", (("start", "2026-10-16"),)),
    ):
        text += CUSTOMER.format(name=name)
        text += "".join(CONTRACT.format(plan=plan, begin=begin) for plan, begin in contracts)
    (folder / "prebill.toml").write_text(text)
    (folder / "plans").mkdir()
    for name, minimum, first, second, source in (
        ("alike", "3000", "1200", "900", ""),
        ("start", "3000", "1200", "900", ""),
        ("volume", "10000", "100", "100", ""),
        ("pack", "500", "5000", "5000", ""),
        ("public-cheap", "1", "1", "1", 'source = "https://cdn.example/prices, 2026-01-01"'),
    ):
        written = PLAN.format(name=name, minimum=minimum, first=first, second=second, source=source)
        (folder / "plans" / f"{name}.toml").write_text(written)
    first_minute = int(OCTOBER.timestamp()) // 60
    names = ("changer.example", "even.example", "newcomer.example")
    hours = np.arange(DAYS * 24)
    minute = np.concatenate([hours, hours, hours[15 * 24 :]]) * 60 + first_minute
    resource = np.concatenate([np.full(len(hours), 0), np.full(len(hours), 1), np.full(len(hours) - 360, 2)])
    sent = np.full(len(minute), HOURLY)
    usage = usage_of(
        minute,
        resource=(names, resource),
        zone=(("ru",), np.zeros(len(minute), np.int64)),
        requests=np.full(len(minute), 1000),
        bytes_sent=sent,
        body_bytes=sent,
    )
    with open_store(dsn) as store:
        put_usage(store, usage, {"ru": "e1"})
    return folder


@pytest.fixture
def call(prebill: Prebill, site: Path) -> Call:
    def made(*arguments: str) -> Any:
        done = prebill(*arguments, "--json", cwd=site)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return made


def test_an_open_month_is_called_provisional_and_one_to_come_is_refused(
    prebill: Prebill, site: Path, call: Call
) -> None:
    found = call("simulate", "even", *MONTH)
    assert (found["state"], found["bill"]["state"]) == ("provisional", "provisional")
    assert found["provisional"] == ["the month is not closed; counted until 2026-11-05 00:00 UTC"]
    assert found["bill"]["customer"] == found["best_bill"]["customer"] == "even"
    assert "Provisional: the month is not closed" in prebill("simulate", "even", *MONTH, cwd=site).stdout
    assert {each["state"] for each in call("simulate", "--all", "--brief", *MONTH)} == {"provisional"}
    for whom in ("even", "--all"):
        wrong = prebill("simulate", whom, "--month", "2027-01", "--now", RIPE, cwd=site)
        assert (wrong.returncode, "2027-01 has not begun" in wrong.stderr) == (2, True), wrong.stderr
    wrong = prebill("letter", "even", "--month", "2027-01", "--now", RIPE, cwd=site)
    assert (wrong.returncode, "2027-01 has not begun" in wrong.stderr) == (2, True), wrong.stderr


@pytest.fixture
def closed(prebill: Prebill, site: Path) -> None:
    done = prebill("close", "2026-10", "--now", RIPE, cwd=site)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("closed")
def test_a_month_in_which_the_plan_changed_costs_the_sum_of_its_bills(
    prebill: Prebill, site: Path, call: Call
) -> None:
    # ten days on start: 1 TB at 1200, 1 at 900; 21 days on volume: its minimum of 10,000 for 21/31
    bills = call("bill", "changer", *MONTH)
    assert [each["net"] for each in bills] == ["2100.00", "6774.19"]
    assert [each["total"] for each in bills] == ["2562.00", "8264.51"]
    found = call("simulate", "changer", *MONTH)
    assert (found["state"], found["bill"]) == ("final", None)
    assert (found["now"]["net"], found["now"]["total"]) == ("8874.19", "10826.51")
    assert [(each["plan"], each["net"]) for each in found["now"]["parts"]] == [
        ("start", "2100.00"),
        ("volume", "6774.19"),
    ]
    # rated once over the whole month: 1 TB at 1200, 5.2 at 900
    assert [(each["plan"], each["net"]) for each in found["ranked"]] == [
        ("alike", "5880.00"),
        ("start", "5880.00"),
        ("volume", "10000.00"),
        ("pack", "31000.00"),
    ]
    assert found["saves"] == "2994.19"
    by_id = {each["customer"]: each for each in call("simulate", "--all", "--brief", *MONTH)}
    assert (by_id["changer"]["net"], by_id["changer"]["saves"]) == ("8874.19", "2994.19")
    (at_once,) = (each for each in call("simulate", "--all", *MONTH) if each["customer"] == "changer")
    assert at_once == {key: value for key, value in found.items() if key != "switch"}
    shown = prebill("simulate", "changer", *MONTH, cwd=site).stdout.replace("\xa0", " ")
    assert "8,874.19 RUB in all" in " ".join(shown.split())

    letter = call("letter", "changer", *MONTH)
    assert [(each["offer"], each["amount"]) for each in letter["options"]] == [
        ("move", "7173.60"),
        ("keep", "10826.51"),
        ("free", None),
        ("paid", "5000"),
    ]
    assert "3. Free of charge: we look at the cache." in letter["text"]
    assert "on the plans “start”, then “volume”, are 10,826.51" in letter["text"]
    assert "Leave the bills for the period as they are." in letter["text"]


@pytest.mark.usefixtures("closed")
def test_a_contract_of_half_a_month_is_compared_over_that_half(call: Call) -> None:
    (bill,) = call("bill", "newcomer", *MONTH)
    found = call("simulate", "newcomer", *MONTH)
    assert found["now"]["net"] == bill["net"] == "3180.00"
    nets = {each["plan"]: each["net"] for each in found["ranked"]}
    assert nets == {"start": "3180.00", "alike": "3180.00", "volume": "5161.29", "pack": "16000.00"}
    assert (found["best"], found["saves"]) == ("start", "0.00")
    assert {key: found["bill"][key] for key in ("lines", "total", "period")} == {
        key: bill[key] for key in ("lines", "total", "period")
    }


@pytest.mark.usefixtures("closed")
def test_of_equal_plans_his_own_is_the_best(call: Call) -> None:
    found = call("simulate", "even", *MONTH)
    assert [each["plan"] for each in found["ranked"]][:2] == ["start", "alike"]
    assert (found["best"], set(found["best_if_usage_is"].values())) == ("start", {"start"})
    by_id = {each["customer"]: each for each in call("simulate", "--all", "--brief", *MONTH)}
    assert (by_id["even"]["best"], by_id["even"]["saves"]) == ("start", "0.00")


@pytest.mark.usefixtures("closed")
def test_public_prices_are_named_and_ranked_where_that_is_asked_for(
    prebill: Prebill, site: Path, call: Call
) -> None:
    found = call("simulate", "even", *MONTH)
    (left,) = (each for each in found["left_out"] if each["plan"] == "public-cheap")
    assert "a public price of others" in left["reason"]
    assert "public prices of others (1)" in prebill("simulate", "even", *MONTH, cwd=site).stdout
    asked = call("simulate", "even", *MONTH, "--public")
    assert (asked["best"], asked["left_out"]) == ("public-cheap", [])


@pytest.mark.usefixtures("closed")
def test_tables_in_russian_say_nothing_in_english(prebill: Prebill, site: Path) -> None:
    for whom in ("even", "changer", "--all"):
        shown = prebill("simulate", whom, *MONTH, "--lang", "ru", cwd=site).stdout
        for word in (
            "Plan",
            "Net",
            "at 80",
            "Dearer",
            "traffic",
            "minimum",
            "now",
            "customers",
            "Best",
            "; falls",
        ):
            assert word not in shown, (whom, word)
        assert "Тариф" in shown


@pytest.mark.usefixtures("closed")
def test_letters_of_even_and_of_empty_months(prebill: Prebill, site: Path, call: Call) -> None:
    even = call("letter", "even", *MONTH)
    assert [each["offer"] for each in even["options"]] == ["keep", "free", "paid"]
    assert "% of the traffic" not in even["text"].replace("\xa0", " ")
    idle = call("letter", "idle", *MONTH)
    assert [each["offer"] for each in idle["options"]] == ["keep", "free", "paid"]
    assert "There was no traffic" in idle["text"]
    free = call("letter", "changer", *MONTH, "--discount", "100")
    assert free["options"][0] == {"offer": "move", "amount": "0.00"}
    wrong = prebill("letter", "changer", *MONTH, "--discount", "101", cwd=site)
    assert (wrong.returncode, "more than 0 and at most 100; found '101'" in wrong.stderr) == (2, True)


@pytest.mark.usefixtures("closed")
def test_what_a_rebilled_month_costs_is_what_stands(prebill: Prebill, site: Path, call: Call) -> None:
    assert call("simulate", "newcomer", *MONTH)["now"]["parts"][0]["issued"] is None
    issued = prebill("bill", "newcomer", *MONTH, "--issue", "--actor", "robot", cwd=site)
    assert issued.returncode == 0, issued.stderr
    why = ("--reason", "a test", "--now", RIPE)
    asked = ("rebill", "propose", "newcomer", "--month", "2026-10", "--plan", "volume", "--discount", "50")
    found = call(*asked, "--actor", "anna", *why)
    call("rebill", "approve", found["id"], "--actor", "boris", *why)
    stands = call("simulate", "newcomer", *MONTH)
    # 5161.29 less 50 %, rounded half up, and 22 % of tax
    assert (stands["current"], stands["now"]["net"], stands["now"]["total"]) == (
        "volume",
        "5161.29",
        "3148.38",
    )
    assert stands["now"]["parts"][0]["issued"] == found["of"] + 2
    assert (stands["best"], stands["saves"]) == ("alike", "1981.29")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stays", "--moves"), "expected --stays or --moves, found both"),
        (("--margin", "1.2"), "expected a part of a bill, above 0 and at most 1"),
        (("--churn", "9/3"), "how many customers left in how many customer-months"),
        (("--churn", "often"), "how many customers left in how many customer-months"),
    ],
)
def test_what_payback_cannot_be_reckoned_with_is_refused(
    prebill: Prebill, site: Path, arguments: tuple[str, ...], said: str
) -> None:
    asked = ("rebill", "propose", "even", *MONTH, "--discount", "5", "--reason", "x", *arguments)
    wrong = prebill(*asked, cwd=site)
    assert (wrong.returncode, said in wrong.stderr) == (2, True), wrong.stderr


@pytest.mark.usefixtures("closed")
def test_nobody_is_moved_to_a_public_price(prebill: Prebill, site: Path) -> None:
    asked = ("rebill", "propose", "even", *MONTH, "--plan", "public-cheap", "--reason", "x")
    wrong = prebill(*asked, cwd=site)
    assert (wrong.returncode, "public-cheap is a public price of others" in wrong.stderr) == (2, True)


@pytest.mark.usefixtures("closed")
def test_a_bill_of_a_changed_month_is_rebilled_by_its_number(
    prebill: Prebill, site: Path, call: Call
) -> None:
    issued = prebill("bill", "changer", *MONTH, "--issue", "--actor", "robot", cwd=site)
    assert issued.returncode == 0, issued.stderr
    asked = ("rebill", "propose", "changer", *MONTH, "--plan", "start", "--reason", "x", "--actor", "anna")
    for more in ((), ("--part", "3")):
        wrong = prebill(*asked, *more, cwd=site)
        said = " ".join(wrong.stderr.split())
        assert wrong.returncode == 2
        assert "expected which bill of 2026-10 (1: start, " in said
        assert "2: volume, " in said
    found = call(*asked, "--part", "2")
    # 4.2 TB from the 11th on: 1 at 1200, 3.2 at 900, and 22 % of tax
    assert (found["old_total"], found["new_total"]) == ("8264.51", "4977.60")
    assert [each["cause"] for each in found["causes"]] == ["plan"]
