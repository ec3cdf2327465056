"""Whatever is wrong with plans and contracts is told in one go: one error hides no other, and none is told that only
follows from another."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from pipeline.app.configuration.config import read_config
from pipeline.app.configuration.contracts import contract_errors
from pipeline.rating.book import survey_book

from .conftest import Prebill

PLAN = """id = "start"
currency = "RUB"
version = {version}
valid_from = {begin}
[[charge]]
id = "traffic"
meter = "bytes_sent"
unit = "{unit}"
model = "per_unit"
unit_price = "1.20"
"""
HEAD = '[store]\ndsn = "chdb:///store"\n[spool]\npath = "spool"\n[plans]\npath = "book"\n'
FAULTS = {
    'plan = "strat"': "contract[0].plan: customer c1: no plan",
    'tz = "Europe/Mskva"': "contract[0].tz: expected a time zone",
    "to = 2025-06-01": "contract[0].to: must be after from",
    'tax = { name = "VAT", rate = "-2" }': "contract[0].tax.rate: expected a decimal",
    'discount = [{ name = "d", percent = "110" }]': "contract[0].discount[0].percent: expected at most 100",
    "later_tax = [{ from = 2026-02-01, rate = '1' }]": "contract[0].later_tax[0].name: required",
    "version = 0": "contract[0].version: expected a whole number",
    'curency = "RUB"': "contract[0].curency: unknown key",
}


def write_book(folder: Path, **files: str) -> Path:
    (folder / "book").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "book" / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder / "book"


def start(version: int = 1, begin: str = "2026-01-01", unit: str = "GB") -> str:
    return PLAN.format(version=version, begin=begin, unit=unit)


def told(folder: Path, contracts: str) -> list[str]:
    """What a check tells of a customer's contracts, and of the book."""
    path = folder / "prebill.toml"
    customer = '[[customer]]\nid = "c1"\nresources = ["a.example"]\n'
    path.write_text(f"{HEAD}{customer}contract = [\n{contracts}\n]\n", encoding="utf-8")
    read, looked = read_config(path, path, {}), survey_book(folder / "book")
    on_plans = contract_errors(read.customers, looked.book, path, looked.faulty)
    found = sorted([*read.errors, *on_plans], key=lambda error: error.line)
    return [str(error).replace(f"{folder}/", "").replace("customer[0].", "") for error in found]


@pytest.mark.parametrize("count", [1, 2, len(FAULTS)])
def test_faults_of_one_contract_are_told_together(tmp_path: Path, count: int) -> None:
    write_book(tmp_path, start=start())
    for some in itertools.combinations(FAULTS, count):
        plan = [] if any(each.startswith("plan") for each in some) else ['plan = "start"']
        found = told(tmp_path, f"  {{ from = 2026-01-01, {', '.join([*plan, *some])} }},")
        assert len(found) == count, found
        for fault in some:
            assert any(FAULTS[fault] in each for each in found), (fault, found)


def test_every_overlap_is_told_not_only_that_with_the_last_one(tmp_path: Path) -> None:
    write_book(tmp_path, start=start())
    found = told(
        tmp_path,
        '{ plan = "start", from = 2026-01-01, to = 2026-07-01 },\n'
        '{ plan = "start", from = 2026-02-01, to = 2026-03-01 },\n'
        '{ plan = "start", from = 2026-04-01, to = 2026-05-01 },\n'
        '{ plan = "start", from = 2026-06-01 },',
    )
    assert found == [
        f"prebill.toml:{11 + place}: contract[{place}]: overlaps contract[0]: at any time one contract holds"
        for place in (1, 2, 3)
    ]


def test_what_only_follows_is_not_told(tmp_path: Path) -> None:
    """A zone that is not known makes no overlap and no hole of two that meet; an unreadable amount is one."""
    write_book(tmp_path, start=start(), other=start(unit="gb").replace('"start"', '"other"'))
    found = told(
        tmp_path,
        '{ plan = "start", from = 2026-01-01, to = 2026-03-01, tz = "Europe/Mskva" },\n'
        '{ plan = "other", from = 2026-03-01, tz = "Asia/Tokyo" },\n'
        '{ plan = "start", from = 2026-05-01, tz = "UTC", discount = [{ name = "x", amount = 5 }] },',
    )
    assert [each.split(": expected")[0] for each in found] == [
        "prebill.toml:11: contract[0].tz",
        "prebill.toml:13: contract[2].discount[0].amount",
    ]


def test_a_book_with_faults_is_compared_with_contracts_and_the_other_way_round(
    prebill: Prebill, tmp_path: Path
) -> None:
    write_book(
        tmp_path,
        start=start(),
        start2=start(2, "2025-01-01"),
        start3=start(3, "2025-06-01"),
        good=start().replace('"start"', '"good"'),
        other=start(unit="gb").replace('"start"', '"o2"'),
    )
    (tmp_path / "prebill.toml").write_text(
        HEAD + '[[customer]]\nid = "c1"\nresources = ["a.example"]\ncontract = [\n'
        '  { plan = "good", from = 2025-06-01 },\n'
        '  { plan = "o2", from = 2026-02-01 },\n'
        '  { plan = "start", from = 2026-03-01, version = 9 },\n'
        '  { plan = "strat", from = 2026-04-01, percent = "5" },\n'
        "]\n[[edge]]\nid = 7\n",
        encoding="utf-8",
    )
    done = prebill("plans", "check")
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert [line.split(": ", 2)[:2] for line in lines if not line.startswith("note")] == [
        ["prebill.toml:11", "customer[0].contract[0].plan"],
        ["prebill.toml:14", "customer[0].contract[3].percent"],
        ["prebill.toml:14", "customer[0].contract[3].plan"],
        ["prebill.toml:16", "edge[0].from"],
        ["prebill.toml:17", "edge[0].id"],
        ["book/other.toml:8", "charge[0].unit"],
        ["book/start2.toml:4", "valid_from"],
        ["book/start3.toml:4", "valid_from"],
    ]
    document = json.loads(prebill("plans", "check", "--json").stdout)
    assert [each["line"] for each in document["errors"]] == [11, 14, 14, 16, 17, 8, 4, 4]


def test_a_folder_is_checked_whatever_the_configuration_is(prebill: Prebill, tmp_path: Path) -> None:
    write_book(tmp_path, start=start(unit="gb"))
    (tmp_path / "prebill.toml").write_text("[store]\ndsn = 7\n", encoding="utf-8")
    done = prebill("plans", "check", "book")
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1)
    assert "book/start.toml:8: charge[0].unit" in done.stdout
    missing = prebill("plans", "check", "nowhere")
    assert missing.returncode == 2
    assert "nowhere: expected a folder" in missing.stderr
    assert "store.dsn" not in missing.stderr
