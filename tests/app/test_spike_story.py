"""The story in the real store, as a user types it: 3,000 a month, a viral day, a million, the best plan, a rebill with
a discount, when it pays back, the letter; every figure against sums of integers and Decimals made here."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtest.spike import RESOURCES, ZONES, month_with_a_spike
from pipeline.rating.usage import Usage
from pipeline.store import open_store

from .conftest import Prebill
from .stored_usage import put_usage

BEGIN = datetime(2026, 6, 30, 21, tzinfo=UTC)
OCTOBER = datetime(2026, 9, 30, 21, tzinfo=UTC)
NOVEMBER = datetime(2026, 10, 31, 21, tzinfo=UTC)
SPIKE = datetime(2026, 10, 16, 21, tzinfo=UTC)
STEP_MIN = 5
RIPE = "2026-11-05T00:00:00Z"
GB = 10**9

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "spool"
[[customer]]
id = "premiere"
name = "Премьера"
lang = "ru"
resources = ["premiere.example.ru", "*.premiere.example.ru"]
[[customer.contract]]
plan = "start"
from = 2026-01-01
tz = "Europe/Moscow"
tax = {{ name = "НДС", rate = "22", included = false }}
"""
EDGE = """
[[edge]]
id = "edge-{zone}"
zone = "{zone}"
from = 2026-10-31T20:00:00Z
to = 2026-10-31T20:01:00Z
"""
PLAN = """
id = "{name}"
version = 1
name = {{ ru = "{ru}", en = "{en}" }}
currency = "RUB"
valid_from = 2026-01-01
minimum = "{minimum}"
"""
TIERS = """
[[charge]]
id = "traffic"
meter = "bytes_sent"
unit = "GB"
model = "graduated"
tiers = [{{ up_to = "{bound}", unit_price = "{first}" }}, {{ unit_price = "{second}" }}]
"""
BAND = """
[[charge]]
id = "band"
meter = "p95_bps"
unit = "Mbps"
model = "percentile"
unit_price = "7"
"""
NIGHT = """
[[charge]]
id = "night"
meter = "bytes_sent"
unit = "GB"
model = "per_unit"
unit_price = "0.10"
hours = {{ from = "22:00", to = "06:00", tz = "Europe/Moscow", days = ["sat"] }}
[[charge]]
id = "all"
meter = "bytes_sent"
unit = "GB"
model = "per_unit"
unit_price = "0.80"
"""


def thinned(usage: Usage) -> Usage:
    """Every fifth minute only."""
    kept = usage.minute % STEP_MIN == 0
    names = ("minute", "resource", "zone", "requests", "bytes_sent", "body_bytes")
    return replace(usage, **{name: getattr(usage, name)[kept] for name in names})


@pytest.fixture(scope="module")
def usage() -> Usage:
    days = (NOVEMBER - BEGIN).days
    return thinned(month_with_a_spike(BEGIN, days, (SPIKE - BEGIN).days, STEP_MIN * 1_110 * 10**12))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, usage: Usage) -> Path:
    folder = tmp_path_factory.mktemp("story")
    text = CONFIG.format(folder=folder) + "".join(EDGE.format(zone=zone) for zone in ZONES)
    (folder / "prebill.toml").write_text(text)
    (folder / "plans").mkdir()
    for name, ru, en, minimum, charges in (
        ("start", "Старт", "Start", "3000", TIERS.format(bound="1000", first="1.20", second="0.90")),
        ("media", "Медиа", "Media", "20000", TIERS.format(bound="100000", first="0.30", second="0.12")),
        ("band", "Полоса", "Band", "180000", BAND),
        ("night", "Ночь", "Night", "9000", NIGHT.format()),
    ):
        (folder / "plans" / f"{name}.toml").write_text(
            PLAN.format(name=name, ru=ru, en=en, minimum=minimum) + charges
        )
    with open_store(f"chdb://{folder}/store") as store:
        put_usage(store, usage, {zone: f"edge-{zone}" for zone in ZONES})
    return folder


# -- what everything is held to: integers and Decimals, nothing of prebill


def money(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def month_sum(usage: Usage, begin: datetime, end: datetime) -> int:
    inside = (usage.minute * 60.0 >= begin.timestamp()) & (usage.minute * 60.0 < end.timestamp())
    return sum(int(each) for each in usage.bytes_sent[inside])


def tiers(sent: int, bound: int, first: str, second: str) -> Decimal:
    units = Decimal(sent) / GB
    below = min(units, Decimal(bound))
    return money(below * Decimal(first) + (units - below) * Decimal(second))


def p95_mbps(usage: Usage, begin: datetime, end: datetime) -> Decimal:
    count = int((end - begin).total_seconds()) // 300
    samples = [0] * count
    for minute, sent in zip(usage.minute.tolist(), usage.bytes_sent.tolist(), strict=True):
        place = (minute * 60 - int(begin.timestamp())) // 300
        if 0 <= place < count:
            samples[place] += sent
    rank = -(-95 * count // 100)
    return Decimal(sorted(samples)[rank - 1] * 8 // 300) / 10**6


def saturday_nights(usage: Usage, begin: datetime, end: datetime) -> int:
    """From Saturday 22:00 until Sunday 06:00 in Moscow, three hours ahead."""
    found = 0
    for minute, sent in zip(usage.minute.tolist(), usage.bytes_sent.tolist(), strict=True):
        if begin.timestamp() <= minute * 60 < end.timestamp():
            local = datetime.fromtimestamp(minute * 60 + 3 * 3600, UTC)
            late = local.weekday() == 5 and local.hour >= 22
            early = local.weekday() == 6 and local.hour < 6
            found += sent * (late or early)
    return found


def nets(usage: Usage, begin: datetime, end: datetime) -> dict[str, Decimal]:
    sent = month_sum(usage, begin, end)
    night = money(Decimal(saturday_nights(usage, begin, end)) / GB * Decimal("0.10"))
    return {
        "start": max(tiers(sent, 1000, "1.20", "0.90"), Decimal(3000)),
        "media": max(tiers(sent, 100_000, "0.30", "0.12"), Decimal(20_000)),
        "band": max(money(p95_mbps(usage, begin, end) * 7), Decimal(180_000)),
        "night": max(night + money(Decimal(sent) / GB * Decimal("0.80")), Decimal(9000)),
    }


def taxed(net: Decimal) -> Decimal:
    return net + money(net * 22 / 100)


def test_the_story(prebill: Prebill, site: Path, usage: Usage) -> None:
    def call(*arguments: str, code: int = 0) -> Any:
        done = prebill(*arguments, "--json", cwd=site)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    month = ("--month", "2026-10", "--now", RIPE)
    wanted = nets(usage, OCTOBER, NOVEMBER)
    best = min(wanted, key=lambda name: wanted[name])
    assert best != "start"

    # while it runs: he is warned within hours, of a bill that is already there
    told = call("spikes", "--check", "--now", "2026-10-17T11:06:00Z", code=1)
    (warning,) = told["warnings"]
    so_far = month_sum(usage, OCTOBER, datetime(2026, 10, 17, 11, tzinfo=UTC))
    assert Decimal(warning["current"]["so_far"]) == taxed(tiers(so_far, 1000, "1.20", "0.90"))
    assert Decimal(warning["usual"]) == taxed(Decimal(3000))
    assert warning["best"]["plan"] == best

    # the month is closed, and billed under his own plan: a million
    assert prebill("close", "2026-10", "--now", RIPE, cwd=site).returncode == 0
    (bill,) = call("bill", "premiere", *month)
    assert (bill["customer_name"], bill["plan_name"]["en"]) == ("Премьера", "Start")
    assert Decimal(bill["net"]) == wanted["start"] > Decimal(990_000)
    assert Decimal(bill["total"]) == taxed(wanted["start"])
    assert sum(Decimal(line["amount"]) for line in bill["lines"]) == Decimal(bill["total"])
    issued = prebill("bill", "premiere", *month, "--issue", "--actor", "robot", cwd=site)
    assert issued.returncode == 0, issued.stderr

    # the whole book
    found = call("simulate", "premiere", *month)
    assert {each["plan"]: Decimal(each["net"]) for each in found["ranked"]} == wanted
    assert (found["best"], found["current"]) == (best, "start")

    # the letter, answerable by one number, in both languages
    off = money(taxed(wanted[best]) / 5)
    for lang, answer, plan in (
        ("ru", "одной цифрой", {"start": "Старт", "media": "Медиа", "band": "Полоса", "night": "Ночь"}[best]),
        ("en", "one number", best.capitalize()),
    ):
        letter = call("letter", "premiere", *month, "--discount", "20", "--lang", lang)
        assert [(each["offer"], Decimal(each["amount"])) for each in letter["options"]] == [
            ("move", taxed(wanted[best]) - off),
            ("keep", Decimal(bill["total"])),
        ]
        assert answer in letter["text"]
        numbered = [line for line in letter["text"].splitlines() if line[:3] in ("1. ", "2. ", "3. ")]
        assert [line[:2] for line in numbered] == ["1.", "2."]
        assert plan in numbered[0]
        assert RESOURCES[0] in letter["text"]
        assert "100" in letter["text"], "per cent of the traffic in one day, nearly all"

    # the rebill, with a discount
    new = taxed(wanted[best] - money(wanted[best] / 5))
    act = ("--reason", "one good day", "--now", RIPE)
    propose = (
        "rebill", "propose", "premiere", "--month", "2026-10", "--plan", best, "--discount", "20",
        "--actor", "anna", *act,
    )  # fmt: skip
    proposed = call(*propose)
    moving = call(*propose, "--moves", "--margin", "0.5", "--churn", "12/3600")
    assert moving["id"] == proposed["id"]
    lines = prebill(*propose, cwd=site).stdout
    assert "his contract stays start; the rebill moves this month alone; about 3,660.00 RUB a month" in lines
    assert f"--moves: {best} becomes his contract" in lines
    assert (Decimal(proposed["old_total"]), Decimal(proposed["new_total"])) == (Decimal(bill["total"]), new)
    causes = {each["cause"]: each for each in proposed["causes"]}
    assert set(causes) == {"plan", "discount"}
    assert Decimal(causes["plan"]["net"]) == wanted[best] - wanted["start"]
    assert Decimal(causes["discount"]["net"]) == -money(wanted[best] / 5)
    assert sum(Decimal(each["total"]) for each in causes.values()) == new - Decimal(bill["total"])
    approved = call("rebill", "approve", proposed["id"], "--actor", "boris", *act)
    assert approved["state"] == "approved"
    shown = call("rebill", "show", "premiere")
    assert [Decimal(each["total"]) for each in shown["documents"]] == [
        Decimal(bill["total"]), -Decimal(bill["total"]), new,
    ]  # fmt: skip
    assert [each["cause"] for each in shown["rebills"][0]["causes"]] == ["plan", "discount"]
    text = prebill("rebill", "show", proposed["id"], cwd=site).stdout
    assert f"plan: {Decimal(causes['plan']['total']):+,} RUB" in text

    # when it pays back: three months before, as he is billed from now on: his contract stays, so by its minimum
    starts = [datetime(2026, at, 30 if at == 6 else 31, 21, tzinfo=UTC) for at in (7, 8)]
    before = [BEGIN, *starts, OCTOBER]
    granted = Decimal(bill["total"]) - new
    for payback, plan, margin in (
        (proposed["payback"], "start", 1),
        (proposed["payback"]["otherwise"], best, 1),
        (moving["payback"], best, Decimal("0.5")),
        (moving["payback"]["otherwise"], "start", Decimal("0.5")),
    ):
        paid = [taxed(nets(usage, begin, end)[plan]) for begin, end in pairwise(before)]
        monthly = sum(paid, Decimal(0)) / len(paid) * margin
        assert Decimal(payback["discount"]) == granted
        assert Decimal(payback["monthly"]["expected"]) == money(monthly)
        months = payback["months"]["expected"]
        if monthly * 600 >= granted:
            assert monthly * (int(months) - 1) < granted <= monthly * int(months)
        else:
            assert (months, "fifty years" in str(payback["notes"])) == (None, True)
    says = proposed["payback"]["assumes"]
    assert says == {"contract": "stays", "plan": "start", "version": 1, "margin": "1", "churn": None}
    assert any("no churn" in note for note in proposed["payback"]["notes"])
    says = moving["payback"]["assumes"]
    assert (says["contract"], says["plan"], says["margin"]) == ("moves", best, "0.5")
    assert says["churn"] == {"left": 12, "months": 3600}
    assert not any("no churn" in note for note in moving["payback"]["notes"])


def test_the_spike_is_what_makes_the_month(usage: Usage) -> None:
    day = month_sum(usage, SPIKE, datetime(2026, 10, 17, 21, tzinfo=UTC))
    assert day > 0.99 * month_sum(usage, OCTOBER, NOVEMBER)
    assert np.all(usage.bytes_sent > 0)
