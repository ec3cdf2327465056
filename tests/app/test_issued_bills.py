"""What was issued for a month, as a user meets it: late data as adjustments of their own, on the plan that stands
after a rebill; every document by its number, in every format; nothing twice."""

from __future__ import annotations

import csv
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import Prebill, calling, copy_site
from tests.app.test_bill_command import CONFIG, FLAT, PLAN, RIPE, write_segment

QUERY = "SELECT body FROM bills WHERE number = {}"
MONTH = ("--month", "2026-10", "--now", RIPE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of 40 requests, 67.10 with tax, closed with one minute missing."""
    folder = tmp_path_factory.mktemp("made")
    prebill = calling(folder)
    (folder / "prebill.toml").write_text(CONFIG.format(folder=folder))
    (folder / "plans").mkdir()
    (folder / "plans" / "one.toml").write_text(PLAN)
    (folder / "plans" / "calm.toml").write_text(FLAT)
    for minute in (-5, -4, -2, -1):
        write_segment(folder, minute, 10)
    assert prebill("run", "--once").returncode == 0
    accept = ("--accept-gaps", "--actor", "anna", "--reason", "disk burnt")
    assert prebill("close", "2026-10", "--now", RIPE, *accept).returncode == 0
    return folder


@pytest.fixture
def closed(made: Path, tmp_path: Path) -> Path:
    """The same, a copy of one's own."""
    copy_site(made, tmp_path)
    return tmp_path


def come_late(prebill: Prebill, site: Path, minute: int, lines: int) -> None:
    write_segment(site, minute, lines)
    assert prebill("run", "--once").returncode == 0


def documents(prebill: Prebill) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(prebill("rebill", "show", "c1", "--json").stdout)["documents"]
    return found


def owed(prebill: Prebill) -> Decimal:
    return sum((Decimal(each["total"]) for each in documents(prebill)), Decimal(0))


def issue(prebill: Prebill, actor: str = "anna") -> str:
    done = prebill("bill", "c1", *MONTH, "--issue", "--actor", actor)
    assert done.returncode == 0, done.stderr
    return done.stderr


def rebill(prebill: Prebill, *options: str) -> dict[str, Any]:
    why = ("--reason", "one good day")
    asked = prebill("rebill", "propose", "c1", *MONTH, *options, "--actor", "anna", *why, "--json")
    assert asked.returncode == 0, asked.stderr
    found: dict[str, Any] = json.loads(asked.stdout)
    return found


def approve(prebill: Prebill, name: str) -> dict[str, Any]:
    done = prebill(
        "rebill", "approve", name, "--actor", "boris", "--reason", "agreed", "--json", "--now", RIPE
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_comes_late_is_issued_as_a_document_of_its_own_and_once(prebill: Prebill, closed: Path) -> None:
    assert "bill 1 of c1: 67.10 RUB, issued by anna" in issue(prebill)
    come_late(prebill, closed, -3, 7)  # 7 × 1.00 and the tax
    told = issue(prebill)
    assert "bill 1 of c1: 67.10 RUB, issued by anna" in told
    assert "adjustment 2 to bill 1 of c1: 8.54 RUB, issued by anna" in told
    assert "adjustment 2 to bill 1 of c1: 8.54 RUB, issued by anna" in issue(prebill, "boris")
    assert [(d["number"], d["kind"], d["of"], d["total"]) for d in documents(prebill)] == [
        (1, "bill", 0, "67.10"),
        (2, "adjustment", 1, "8.54"),
    ]
    assert {d["period"]["from"] for d in documents(prebill)} == {"2026-09-30T21:00:00Z"}

    (shown,) = json.loads(prebill("bill", "c1", *MONTH, "--json").stdout)
    assert (shown["number"], shown["total"], shown["adjustment"]) == (1, "67.10", None)
    (adjustment,) = shown["adjustments"]
    assert (adjustment["document"], adjustment["number"], adjustment["of"]) == ("adjustment", 2, 1)
    assert (adjustment["total"], adjustment["counted"]["rows"]) == ("8.54", 1)

    come_late(prebill, closed, -7, 3)  # the edge was not expected then, and yet it served
    (more,) = json.loads(prebill("bill", "c1", *MONTH, "--json").stdout)
    assert more["adjustment"]["total"] == "3.66", "what is in adjustment 2 is not asked for again"
    assert "adjustment 3 to bill 1 of c1: 3.66 RUB" in issue(prebill)
    assert owed(prebill) == Decimal("79.30")  # 30 × 1.50 + 20 × 1.00 and 22 %
    (sums,) = json.loads(prebill("sql", "--json", "SELECT sum(total) AS owed FROM bills").stdout)
    assert Decimal(sums["owed"]) == Decimal("79.30")


def test_after_a_rebill_late_data_has_the_price_of_the_plan_that_stands(
    prebill: Prebill, closed: Path
) -> None:
    issue(prebill)
    approve(prebill, rebill(prebill, "--plan", "calm")["id"])
    come_late(prebill, closed, -3, 7)
    (shown,) = json.loads(prebill("bill", "c1", *MONTH, "--json").stdout)
    assert (shown["number"], shown["plan"], shown["total"], shown["of"]) == (3, "calm", "24.40", 1)
    assert shown["adjustment"] is None, "requests cost nothing on calm"
    told = issue(prebill)
    assert "bill 3 of c1: 24.40 RUB" in told
    assert "changes no amount of bill 3" in told
    assert owed(prebill) == Decimal("24.40")


def test_a_rebill_takes_back_the_adjustments_too(prebill: Prebill, closed: Path) -> None:
    issue(prebill)
    come_late(prebill, closed, -3, 7)
    issue(prebill)
    asked = rebill(prebill, "--plan", "calm")
    assert (asked["old_total"], asked["new_total"], asked["difference"]) == ("75.64", "24.40", "-51.24")
    done = approve(prebill, asked["id"])
    assert (done["credit_notes"], done["new_bill"]) == ([3, 4], 5)
    assert owed(prebill) == Decimal("24.40")
    assert prebill("rebill", "approve", asked["id"], "--actor", "boris", "--reason", "again").returncode == 0
    assert len(documents(prebill)) == 5
    shown = prebill("rebill", "show", "c1").stdout
    assert "2026-10 " in shown
    assert "2026-09-30" not in shown, "the month is that of his own zone"


def test_late_data_alone_is_a_reason_for_a_rebill(prebill: Prebill, closed: Path) -> None:
    issue(prebill)
    nothing = prebill("rebill", "propose", "c1", *MONTH, "--actor", "anna", "--reason", "late")
    assert (nothing.returncode, "there is nothing to rebill" in nothing.stderr) == (2, True), nothing.stderr
    come_late(prebill, closed, -3, 7)
    asked = rebill(prebill)
    assert asked["difference"] == "8.54"
    assert [(each["cause"], each["total"]) for each in asked["causes"]] == [("late_data", "8.54")]
    issue(prebill)  # an adjustment meanwhile: what was proposed is not what it would be
    late = prebill("rebill", "approve", asked["id"], "--actor", "boris", "--reason", "ok")
    assert (late.returncode, "superseded" in late.stderr) == (2, True), late.stderr


def test_a_corrected_tariff_alone_is_a_reason_for_a_rebill(prebill: Prebill, closed: Path) -> None:
    issue(prebill)
    corrected = PLAN.replace("version = 1", "version = 2").replace("2026-01-01", "2026-06-01")
    (closed / "plans" / "two.toml").write_text(corrected.replace('"1.50"', '"1.25"'))
    config = (closed / "prebill.toml").read_text()
    (closed / "prebill.toml").write_text(
        config.replace('plan = "per-request"', 'plan = "per-request"\nversion = 2')
    )
    for options in ((), ("--plan", "per-request")):
        asked = rebill(prebill, *options)
        assert asked["new_total"] == "57.95"  # 30 × 1.25 + 10 × 1.00 and 22 %
        assert [(each["cause"], each["total"]) for each in asked["causes"]] == [
            ("tariff_correction", "-9.15")
        ]
    assert rebill(prebill, "--plan", "per-request@1", "--discount", "10")["new_total"] == "60.39"
    wrong = prebill("rebill", "propose", "c1", *MONTH, "--plan", "per-request@7", "--reason", "x")
    assert (wrong.returncode, "no version 7" in wrong.stderr) == (2, True), wrong.stderr
    told = prebill("bill", "c1", *MONTH)
    assert "by the contract of today it would be 57.95 RUB" in told.stderr
    come_late(prebill, closed, -3, 7)
    approve(prebill, rebill(prebill)["id"])
    assert owed(prebill) == Decimal("66.49")  # 30 × 1.25 + 17 × 1.00 and 22 %


def test_every_document_can_be_had_by_its_number_in_every_format(prebill: Prebill, closed: Path) -> None:
    issue(prebill)
    come_late(prebill, closed, -3, 7)
    issue(prebill)
    approve(prebill, rebill(prebill, "--plan", "calm")["id"])
    titles = {1: "Bill 1:", 2: "Adjustment 2 to bill 1:", 3: "Credit note 3 for document 1:", 5: "Bill 5:"}
    for number, title in titles.items():
        shown = prebill("bill", "--document", str(number), "--lang", "en")
        assert shown.returncode == 0, shown.stderr
        assert title in shown.stdout
        assert prebill("rebill", "show", str(number), "--lang", "en").stdout == shown.stdout
        document = json.loads(prebill("bill", "--document", str(number), "--json").stdout)
        (body,) = json.loads(prebill("sql", "--json", QUERY.format(number)).stdout)
        issued = json.loads(body["body"])
        assert {key: document[key] for key in ("lines", "total", "period", "proof")} == {
            key: issued[key] for key in ("lines", "total", "period", "proof")
        }
        assert document["number"] == number
        for kind in ("pdf", "xlsx", "csv"):
            saved = prebill("bill", "--document", str(number), "-o", f"d{number}.{kind}")
            assert saved.returncode == 0, saved.stderr
            assert (closed / f"d{number}.{kind}").stat().st_size > 200
        with (closed / f"d{number}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["number"] for row in rows} == {str(number)}
    assert "Taken back" in prebill("bill", "--document", "1", "--lang", "en").stdout
    new = prebill("bill", "c1", *MONTH, "--lang", "en").stdout
    assert "Bill 5:" in new
    assert "bill 1 of 67.10 RUB" in new.replace("\xa0", " ")
    for arguments, said in (
        (("bill", "--document", "77"), "there is no bill 77"),
        (("bill", "c1", "--document", "1"), "named by its number alone"),
        (("bill", "c1"), "expected a customer and --month, or --document NUMBER"),
        (("rebill", "show", "77"), "neither a rebill nor a customer"),
    ):
        wrong = prebill(*arguments)
        assert (wrong.returncode, said in wrong.stderr) == (2, True), wrong.stderr


@pytest.mark.usefixtures("closed")
def test_the_letter_speaks_of_what_stands(prebill: Prebill) -> None:
    issue(prebill)
    approve(prebill, rebill(prebill, "--plan", "calm", "--discount", "50")["id"])
    letter = json.loads(prebill("letter", "c1", *MONTH, "--lang", "en", "--json").stdout)
    text = letter["text"].replace("\xa0", " ")
    assert "on the plan “Calm” is 12.20 ₽" in text.replace("RUB", "₽")
    assert "takes the place of one of 67.10" in text
    assert letter["options"][-1] == {"offer": "keep", "amount": "12.20"}
    assert "calm" not in [each["offer"] for each in letter["options"]]


def test_an_adjustment_in_russian_says_what_it_is(prebill: Prebill, closed: Path) -> None:
    issue(prebill)
    come_late(prebill, closed, -3, 7)
    shown = prebill("bill", "c1", *MONTH).stdout.replace("\xa0", " ")
    late = shown[shown.index("Корректировка к счёту № 1") :]
    assert "поступило после закрытия месяца; 55,00 → 62,00" in late
    assert "22 %" in late
    assert not re.findall(
        r"[a-z]{4,}", late.replace("per-request", "").replace("Europe/Moscow", "").replace("requests", "")
    )
