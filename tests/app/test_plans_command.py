"""`prebill plans` as a person types it, and contracts of the configuration on plans of the book."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.app.commands.close import terms_of
from pipeline.app.configuration import settings
from pipeline.app.configuration.config import read_config, usable
from pipeline.app.configuration.contracts import contracts_of
from pipeline.app.configuration.settings import Config
from pipeline.app.doctor.checks import FAIL, NOTE, OK
from pipeline.app.doctor.plans import check_plans
from pipeline.app.failures import Failure
from pipeline.rating.model import Discount, Tax, Term
from pipeline.shape import top_level_keys

from .conftest import ROOT, Prebill

START = """id = "start"
name = { ru = "Старт", en = "Start" }
currency = "RUB"
valid_from = 2026-01-01
minimum = "3000"
[[charge]]
id = "traffic"
meter = "bytes_sent"
unit = "GB"
model = "per_unit"
unit_price = "1.20"
"""
STORE = '[store]\ndsn = "chdb:///store"\n[spool]\npath = "spool"\n[plans]\npath = "book"\n'
CUSTOMER = '[[customer]]\nid = "c1"\nresources = ["a.example"]\n'


def make_book(folder: Path, text: str = START) -> None:
    (folder / "book").mkdir()
    (folder / "book" / "start.toml").write_text(text, encoding="utf-8")


def config_of(tmp_path: Path, contract: str) -> Config:
    path = tmp_path / "prebill.toml"
    path.write_text(STORE + CUSTOMER + contract, encoding="utf-8")
    return usable(read_config(path, path, {}))


def problems_of(tmp_path: Path, contract: str) -> list[str]:
    with pytest.raises(Failure) as caught:
        config_of(tmp_path, contract)
    return [problem.split(": ", 1)[1] for problem in caught.value.problems]


def test_the_shipped_book_is_checked_and_listed_without_anything(prebill: Prebill) -> None:
    checked = prebill("plans", "check")
    assert checked.returncode == 0, checked.stderr
    assert "no errors" in checked.stderr
    listed = prebill("plans", "list", "--on", "2026-11-01", "--json")
    ids = [each["id"] for each in json.loads(listed.stdout)]
    assert {"start", "stream", "public-cloudfront"} <= set(ids)
    assert ids == sorted(ids)
    table = prebill("plans", "list", "--shipped", "--now", "2026-11-01T00:00:00Z")
    assert "3,000 RUB" in table.stdout
    assert "Start" in table.stdout


def test_a_book_of_ones_own(prebill: Prebill, tmp_path: Path) -> None:
    make_book(tmp_path)
    listed = prebill("plans", "list", "book", "--json", "--now", "2026-11-01T00:00:00Z")
    assert json.loads(listed.stdout) == [
        {
            "id": "start",
            "version": 1,
            "name": {"ru": "Старт", "en": "Start"},
            "currency": "RUB",
            "valid_from": "2026-01-01",
            "valid_to": None,
            "minimum": "3000",
            "cap": None,
            "proration": "none",
            "source": None,
            "charges": [
                {"id": "traffic", "name": {}, "meter": "bytes_sent", "model": "per_unit", "unit": "GB"}
            ],
        }
    ]
    early = prebill("plans", "list", "book", "--on", "2025-12-31")
    assert (early.returncode, early.stdout) == (0, "")
    assert "no plan is sold on 2025-12-31" in early.stderr
    assert "start" in prebill("plans", "list", "book", "--all", "--on", "2025-12-31").stdout


def test_every_fault_is_told_with_file_and_line_and_exit_1(prebill: Prebill, tmp_path: Path) -> None:
    make_book(tmp_path, START.replace("GB", "gb").replace("unit_price", "unitprice"))
    told = prebill("plans", "check", "book")
    assert told.returncode == 1
    assert told.stdout.splitlines() == [
        "book/start.toml:9: charge[0].unit: expected a unit of bytes for meter bytes_sent, like GB, GiB, TB or TiB, "
        'found "gb"; did you mean GB?',
        "book/start.toml:11: charge[0].unitprice: unknown key; did you mean unit_price?",
    ]
    assert "2 errors in book" in told.stderr
    document = json.loads(prebill("plans", "check", "book", "--json").stdout)
    assert document["errors"][0]["line"] == 9
    assert document["errors"][0]["key"] == "charge[0].unit"
    for action in (["list", "book"], ["check", "nowhere"]):
        assert prebill("plans", *action).returncode == 2


def test_contracts_are_checked_against_the_book(prebill: Prebill, tmp_path: Path) -> None:
    make_book(tmp_path)
    text = STORE + CUSTOMER + 'contract = [\n  { plan = "start", from = 2026-01-01 },\n'
    (tmp_path / "prebill.toml").write_text(text + "]\n", encoding="utf-8")
    assert prebill("plans", "check").returncode == 0
    (tmp_path / "prebill.toml").write_text(
        text.replace("2026-01-01", "2025-06-01")
        + '  { plan = "strat", from = 2026-06-01 },\n  { plan = "start", from = 2026-07-01, currency = "USD" },\n]\n',
        encoding="utf-8",
    )
    told = prebill("plans", "check")
    assert told.returncode == 1
    assert told.stdout.splitlines() == [
        'prebill.toml:11: customer[0].contract[0].plan: customer c1: plan "start" is not sold on 2025-06-01; '
        "version 1: from 2026-01-01",
        'prebill.toml:12: customer[0].contract[1].plan: customer c1: no plan "strat" in the book; '
        "did you mean start?",
        'prebill.toml:13: customer[0].contract[2].plan: customer c1: plan "start" version 1 is in RUB, '
        "the contract in USD",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["check", "--on", "2026-01-01"], "--on and --all: only with list"),
        (["list", "--on", "today"], "--on: expected a day like 2026-11-01, found 'today'"),
        (["list", "x", "--shipped"], "--shipped: not with a folder"),
    ],
)
def test_wrong_usage(prebill: Prebill, arguments: list[str], told: str) -> None:
    done = prebill("plans", *arguments)
    assert done.returncode == 2
    assert told in done.stderr


# Contracts of the configuration


def test_every_key_of_a_contract_reaches_rating(tmp_path: Path) -> None:
    config = config_of(
        tmp_path,
        """
[[customer.contract]]
plan = "pro"
from = 2026-06-12
tz = "Europe/Moscow"
version = 2
currency = "RUB"
[[customer.contract]]
plan = "start"
from = 2025-01-01
tz = "Europe/Moscow"
tax = { name = "НДС", rate = "20" }
later_tax = [{ from = 2026-01-01, name = "НДС", rate = "22", included = true }]
discount = [
  { name = "year", percent = "10", from = 2025-02-01, to = 2026-02-01 },
  { name = "welcome", amount = "500", once = true },
]
""",
    )
    start, pro = contracts_of(config.customer[0])
    assert (start.plan, pro.plan, pro.version, pro.currency) == ("start", "pro", 2, "RUB")
    assert start.begin == datetime(2024, 12, 31, 21, tzinfo=UTC)
    # one without an end ends where the next begins
    assert start.end == pro.begin == datetime(2026, 6, 11, 21, tzinfo=UTC)
    assert pro.end is None
    assert start.taxes == (
        (Term(start.begin), Tax("НДС", Decimal(20), included=False)),
        (Term(datetime(2025, 12, 31, 21, tzinfo=UTC)), Tax("НДС", Decimal(22), included=True)),
    )
    assert start.discounts == (
        (
            Term(datetime(2025, 1, 31, 21, tzinfo=UTC), datetime(2026, 1, 31, 21, tzinfo=UTC)),
            Discount("year", Decimal(10)),
        ),
        (Term(), Discount("welcome", None, Decimal(500), once=True)),
    )


def test_a_close_takes_a_contract_without_an_end_as_ended_by_the_next(tmp_path: Path) -> None:
    config = config_of(
        tmp_path, 'contract = [{ plan = "start", from = 2026-01-01 }, { plan = "pro", from = 2026-06-01 }]\n'
    )
    june = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) // 60
    assert [(term.first == june, term.after) for term in terms_of(config)] == [(False, june), (True, None)]


@pytest.mark.parametrize(
    ("contract", "expected"),
    [
        (
            '{ plan = "a", from = 2026-01-01, to = 2026-03-01 }, { plan = "b", from = 2026-02-01 }',
            "customer[0].contract[1]: overlaps customer[0].contract[0]: at any time one contract holds",
        ),
        (
            '{ plan = "b", from = 2026-04-01 }, { plan = "a", from = 2026-01-01, to = 2026-03-01 }',
            "customer[0].contract[0]: leaves a hole after customer[0].contract[1]: nothing holds from "
            "2026-03-01T00:00:00Z to 2026-04-01T00:00:00Z; leave its to out, and it ends where this begins",
        ),
        (
            '{ plan = "a", from = 2026-01-01, discount = [{ name = "x" }] }',
            "customer[0].contract[0].discount[0]: expected one of percent and amount, found neither",
        ),
        (
            '{ plan = "a", from = 2026-01-01, discount = [{ name = "x", percent = "5", amount = "5" }] }',
            "customer[0].contract[0].discount[0]: expected one of percent and amount, found both",
        ),
        (
            '{ plan = "a", from = 2026-01-01, discount = [{ name = "x", percent = "100.5" }] }',
            "customer[0].contract[0].discount[0].percent: expected at most 100, found 100.5",
        ),
        (
            '{ plan = "a", from = 2026-01-01, discount = '
            '[{ name = "x", amount = "5", from = 2026-02-01, to = 2026-02-01 }] }',
            "customer[0].contract[0].discount[0].to: must be after from; it is exclusive",
        ),
        (
            '{ plan = "a", from = 2026-01-01, later_tax = [{ from = 2025-01-01, name = "x", rate = "5" }] }',
            "customer[0].contract[0].later_tax[0].from: must be after 2026-01-01T00:00:00Z, "
            "when what was before it began",
        ),
        (
            '{ plan = "a", from = 2026-01-01, currency = "rub" }',
            'customer[0].contract[0].currency: expected three capital letters, like "RUB", found "rub"',
        ),
        (
            '{ plan = "a", from = 2026-01-01, version = 0 }',
            "customer[0].contract[0].version: expected a whole number, 1 or more, found 0",
        ),
    ],
)
def test_each_fault_of_contracts_names_what_is_at_odds(tmp_path: Path, contract: str, expected: str) -> None:
    assert problems_of(tmp_path, f"contract = [{contract}]\n") == [expected]


def test_the_contracts_of_the_page_are_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "plans.md").read_text(encoding="utf-8")
    (written,) = [
        text for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[[customer]]" in text
    ]
    path = tmp_path / "prebill.toml"
    path.write_text(STORE + written, encoding="utf-8")
    first, second = contracts_of(usable(read_config(path, path, {})).customer[0])
    assert (first.plan, second.plan, first.end) == ("start", "stream", second.begin)
    shapes = (settings.Contract, settings.LaterTax, settings.Discount, settings.Tax)
    keys = {key for shape in shapes for key in top_level_keys(shape)}
    assert keys <= set(re.findall(r"[a-z_]+", page))


def test_doctor_looks_at_the_book_and_at_who_is_on_which_plan(tmp_path: Path) -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    contract = 'contract = [{ plan = "start", from = 2026-01-01 }]\n'
    file = tmp_path / "prebill.toml"

    def look(contract: str) -> tuple[str, str]:
        check = check_plans(config_of(tmp_path, contract), file, now)
        assert bool(check.mend) == (check.state != OK), "what is wrong is told with how to mend it"
        return check.state, check.found

    state, found = look("")
    assert (state, "counted, not rated" in found) == (NOTE, True)
    state, found = look(contract)
    assert (state, "1 contract name plans" in found) == (FAIL, True)
    make_book(tmp_path)
    assert look(contract) == (OK, "1 plan, 1 contract")
    state, found = look(contract.replace("}", ", to = 2026-10-01 }"))
    assert (state, "1 customer without a contract now: c1" in found) == (NOTE, True)
    state, found = look(contract.replace("start", "large"))
    assert (state, "prebill.toml:" in found, 'no plan "large"' in found) == (FAIL, True, True)
    (tmp_path / "book" / "start.toml").write_text(START.replace("1.20", "dear"), encoding="utf-8")
    state, found = look(contract)
    assert (state, "start.toml:11" in found) == (FAIL, True), found
