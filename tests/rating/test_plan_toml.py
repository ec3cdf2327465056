"""Plans as a person writes them: read with every key, told with every fault and its line, written and read back."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.rating.model import Hours, Meter, Model, Percentile, Plan, Rounding, Tier, Where
from pipeline.rating.plan_errors import PlanError
from pipeline.rating.plan_toml import MAX_SIZE, parse_plan, read_plan
from tests.rating.plan_write import plan_text

HEAD = 'id = "p"\ncurrency = "RUB"\nvalid_from = 2026-01-01\n'
CHARGE = HEAD + '[[charge]]\nid = "c"\n'
TRAFFIC = CHARGE + 'meter = "bytes_sent"\nunit = "GB"\n'
PER_UNIT = TRAFFIC + 'model = "per_unit"\nunit_price = "1"\n'
GRADUATED = TRAFFIC + 'model = "graduated"\n'
P95 = CHARGE + 'meter = "p95_bps"\nunit = "Mbps"\nmodel = "percentile"\n'


def plan_of(text: str) -> Plan:
    read = parse_plan(text, "p.toml")
    assert isinstance(read, Plan), read
    return read


def errors_of(text: str) -> list[str]:
    read = parse_plan(text, "p.toml")
    assert isinstance(read, list), "expected errors, and there are none"
    return [str(error) for error in read]


def test_every_key_is_read_with_its_type() -> None:
    plan = plan_of("""
id = "start"
name = { ru = "Старт", en = "Start" }
currency = "RUB"
version = 3
valid_from = 2026-01-01
valid_to = "2027-01-01"
minimum = "3000"
cap = 500000
proration = "day"
source = "https://example.ru, read 2026-11-21"
rounding = { scale = 0 }

[[charge]]
id = "traffic"
meter = "bytes_sent"
unit = "GB"
model = "graduated"
tiers = [{ up_to = "1000", unit_price = "1.20", flat = "5" }, { unit_price = "0.90" }]
where = { zone = ["ru-central"], resource = ["*.example.com"] }
hours = { from = "22:30", to = "24:00", tz = "Europe/Moscow" }
rounding = { scale = 4, mode = "half_even", at = "tier" }
""")
    assert (plan.id, plan.version, plan.names["ru"]) == ("start", 3, "Старт")
    assert (plan.valid_from, plan.valid_to) == (date(2026, 1, 1), date(2027, 1, 1))
    assert (plan.minimum, plan.cap, plan.proration) == (Decimal(3000), Decimal(500_000), "day")
    assert plan.rounding == Rounding(0)
    (charge,) = plan.charges
    assert (charge.meter, charge.model, charge.unit) == (Meter.BYTES_SENT, Model.GRADUATED, "GB")
    assert charge.tiers == (
        Tier(Decimal(1000), Decimal("1.20"), Decimal(5)),
        Tier(None, Decimal("0.90"), Decimal(0)),
    )
    assert charge.where == Where(("ru-central",), ("*.example.com",))
    assert charge.hours == Hours(time(22, 30), time(0), "Europe/Moscow")
    assert charge.rounding == Rounding(4, "half_even", "tier")
    assert charge.percentile is None


def test_hours_of_some_days() -> None:
    every = "'mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'"
    for begin, days, wanted in (
        ("00:00", "'sun', 'sat'", Hours(time(0), time(0), "UTC", (5, 6))),
        ("22:00", every, Hours(time(22), time(0), "UTC")),
        ("00:00", every, None),
    ):
        plan = plan_of(
            PER_UNIT + f"hours = {{ from = '{begin}', to = '24:00', tz = 'UTC', days = [{days}] }}\n"
        )
        assert plan.charges[0].hours == wanted
        assert plan_of(plan_text(plan)) == plan


def test_what_a_percentile_leaves_out_is_named_all_the_same() -> None:
    plan = plan_of(P95 + 'unit_price = "150"\n')
    assert plan.charges[0].percentile == Percentile(
        Decimal(95), 300, "nearest_rank", "sum", "zero", valid_days=False
    )
    peak = plan_of(P95.replace("p95", "peak") + 'unit_price = "150"\npercentile = { sample = "1h" }\n')
    assert peak.charges[0].percentile is not None
    assert (peak.charges[0].percentile.rank, peak.charges[0].percentile.sample_s) == (Decimal(100), 3600)


def test_every_fault_of_a_file_is_told_at_once_in_its_order() -> None:
    text = """id = "st art"
nam = "x"
currency = "rub"
valid_from = "soon"
minimum = 1.5
[[charge]]
id = "a"
meter = "bytes"
unit = "gb"
model = "gradated"
tiers = [
  { up_to = 1.5, unit_price = "1.20" },
  { unitprice = "0.90" },
]
[[charge]]
id = "a"
meter = "requests"
unit = "Mbps"
model = "flat"
"""
    assert errors_of(text) == [
        'p.toml:1: id: expected a short name in quotes of letters, digits, ".", "_" and "-", like "start", '
        'found "st art"',
        "p.toml:2: nam: unknown key; did you mean name?",
        'p.toml:3: currency: expected a currency of three capital letters, like "RUB", found "rub"',
        'p.toml:4: valid_from: expected a date without a time, like 2026-01-01, found "soon"',
        'p.toml:5: minimum: expected a decimal in quotes, 0 or more, like "3000" or "0.85", found 1.5',
        "p.toml:8: charge[0].meter: expected one of bytes_sent, body_bytes, requests, p95_bps, peak_bps, flat, "
        'found "bytes"; did you mean bytes_sent?',
        "p.toml:9: charge[0].unit: expected a unit like GB, GiB, TB, TiB, Mbps, 10k-requests or month, "
        'found "gb"; did you mean GB?',
        "p.toml:10: charge[0].model: expected one of flat, per_unit, graduated, volume, package, blocks, "
        'capacity, percentage, commitment, percentile, found "gradated"; did you mean graduated?',
        "p.toml:12: charge[0].tiers[0].up_to: expected a decimal in quotes, 0 or more, "
        'like "3000" or "0.85", found 1.5',
        "p.toml:13: charge[0].tiers[1].unitprice: unknown key; did you mean unit_price?",
        "p.toml:15: charge[1].flat: required for model flat, and not given",
        'p.toml:16: charge[1].id: "a" is already the id of charge[0]',
        "p.toml:18: charge[1].unit: expected a unit of requests for meter requests, like requests, "
        '10k-requests or 1M-requests, found "Mbps"',
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "p.toml: id: required, and not given"),
        (HEAD, "p.toml: charge: required, and not given"),
        (HEAD + "charge = []\n", "p.toml:4: charge: expected at least one, found an empty list"),
        (HEAD + "charge = [5]\n", "p.toml:4: charge[0]: expected a table, found 5"),
        (
            "[charge",
            "p.toml: not TOML: Expected ']' at the end of a table declaration (at end of document)",
        ),
        ("version = 0\n" + PER_UNIT, "p.toml:1: version: expected a whole number, 1 or more, found 0"),
        (
            "proration = 'hour'\n" + PER_UNIT,
            'p.toml:1: proration: expected one of none, day, second, found "hour"',
        ),
        (
            "name = { RU = 'x' }\n" + PER_UNIT,
            'p.toml:1: name: expected a text, or texts by language, like { ru = "Старт", en = "Start" }, found a table',
        ),
        (
            "valid_to = 2026-01-01\n" + PER_UNIT,
            "p.toml:1: valid_to: must be after valid_from (2026-01-01); it is exclusive",
        ),
        (
            "minimum = '10'\ncap = '9'\n" + PER_UNIT,
            "p.toml:2: cap: must not be below minimum (10), found 9",
        ),
        (
            PER_UNIT + "cap = '9'\nminimum = '10'\n",
            "p.toml:10: charge[0].cap: must not be below charge[0].minimum (10), found 9",
        ),
        (
            CHARGE + "meter = 'bytes_sent'\nmodel = 'per_unit'\nunit_price = '1'\n",
            "p.toml:4: charge[0].unit: required for meter bytes_sent, and not given",
        ),
        (
            TRAFFIC.replace("GB", "month") + "model = 'per_unit'\nunit_price = '1'\n",
            "p.toml:7: charge[0].unit: expected a unit of bytes for meter bytes_sent, like GB, GiB, TB or TiB, "
            'found "month"',
        ),
        (
            PER_UNIT + "flat = '5'\n",
            "p.toml:10: charge[0].flat: model per_unit does not use it; it uses unit_price, free_units, "
            "whole_units, window",
        ),
        (
            PER_UNIT + "window = '1h'\nfree_units = '5'\n",
            "p.toml:11: charge[0].free_units: not with window: free units are of the month",
        ),
        (
            PER_UNIT.replace('"1"', '"-1"'),
            "p.toml:9: charge[0].unit_price: expected a decimal in quotes, 0 or more, "
            'like "3000" or "0.85", found "-1"',
        ),
        (
            PER_UNIT.replace('"1"', '"1e9"'),
            "p.toml:9: charge[0].unit_price: expected a decimal in quotes, 0 or more, "
            'like "3000" or "0.85", found "1e9"',
        ),
        (
            PER_UNIT + "percent_off = '101'\n",
            "p.toml:10: charge[0].percent_off: expected at most 100 per cent, found 101",
        ),
        (
            PER_UNIT + "window = '90s'\n",
            "p.toml:10: charge[0].window: expected whole minutes that divide a day, "
            'in quotes, like "1m", "5m" or "1h", found "90s"',
        ),
        (GRADUATED, "p.toml:4: charge[0].tiers: required for model graduated, and not given"),
        (GRADUATED + "tiers = []\n", "p.toml:9: charge[0].tiers: expected at least one, found an empty list"),
        (
            GRADUATED + "tiers = [{ unit_price = '1' }, { unit_price = '2' }]\n",
            "p.toml:9: charge[0].tiers[0].up_to: required but in the last tier, and not given",
        ),
        (
            GRADUATED + "tiers = [{ up_to = '5', unit_price = '1' },\n{ up_to = '5', unit_price = '2' }]\n",
            "p.toml:10: charge[0].tiers[1].up_to: expected more than 5, the up_to of tiers[0], found 5",
        ),
        (
            GRADUATED + "tiers = [{ up_to = '0', unit_price = '1' }]\n",
            "p.toml:9: charge[0].tiers[0].up_to: expected more than 0, found 0",
        ),
        (
            GRADUATED + "tiers = [{ up_to = '5' }]\n",
            "p.toml:9: charge[0].tiers[0].unit_price: required for model graduated, and not given",
        ),
        (
            GRADUATED + "tiers = [{ unit_price = '5', block = '1' }]\n",
            "p.toml:9: charge[0].tiers[0].block: only for model blocks, found in model graduated",
        ),
        (
            TRAFFIC + "model = 'blocks'\ntiers = [{ unit_price = '5' }]\n",
            "p.toml:9: charge[0].tiers[0].block: required for model blocks where the charge has no package",
        ),
        (
            TRAFFIC + "model = 'capacity'\ntiers = [{ unit_price = '5' }]\n",
            "p.toml:9: charge[0].tiers[0].unit_price: model capacity does not use it; a tier's price is its flat",
        ),
        (
            TRAFFIC + "model = 'package'\npackage = '0'\nunit_price = '1'\n",
            'p.toml:9: charge[0].package: expected more than 0, found "0"',
        ),
        (
            TRAFFIC + "model = 'commitment'\ncommitment = { units = '5', price = '1' }\n",
            "p.toml:9: charge[0].commitment.overage_price: required, and not given",
        ),
        (
            TRAFFIC + "model = 'percentage'\nrate = '0.05'\n",
            'p.toml:7: charge[0].unit: model percentage counts money: leave it out, or write "RUB"; found "GB"',
        ),
        (
            CHARGE + "meter = 'requests'\nmodel = 'percentage'\nrate = '0.05'\n",
            "p.toml:6: charge[0].meter: expected flat for model percentage, which counts other charges; found requests",
        ),
        (
            CHARGE + "meter = 'flat'\nmodel = 'percentage'\nrate = '0.05'\nof = ['d']\n",
            'p.toml:9: charge[0].of[0]: expected another charge (none), found "d"',
        ),
        (
            P95,
            "p.toml:4: charge[0].unit_price: model percentile needs one of unit_price, tiers, commitment; "
            "none is given",
        ),
        (
            P95 + "unit_price = '1'\ntiers = [{ unit_price = '1' }]\n",
            "p.toml:4: charge[0]: model percentile needs one of unit_price, tiers, commitment; "
            "found unit_price and tiers",
        ),
        (
            TRAFFIC + "model = 'percentile'\nunit_price = '1'\n",
            "p.toml:6: charge[0].meter: expected p95_bps or peak_bps for model percentile, found bytes_sent",
        ),
        (
            P95 + "unit_price = '1'\npercentile = { rank = 0 }\n",
            "p.toml:10: charge[0].percentile.rank: expected above 0 and up to 100, found 0",
        ),
        (
            P95.replace("p95", "peak") + "unit_price = '1'\npercentile = { rank = 95 }\n",
            "p.toml:10: charge[0].percentile.rank: meter peak_bps is the highest sample, rank 100; found 95",
        ),
        (
            P95 + "unit_price = '1'\npercentile = { method = 'nearest' }\n",
            "p.toml:10: charge[0].percentile.method: expected one of nearest_rank, discard_floor, librenms, cacti, "
            'found "nearest"; did you mean nearest_rank?',
        ),
        (
            CHARGE + "meter = 'flat'\nmodel = 'flat'\nflat = '1'\nwhere = { zone = ['a'] }\n",
            "p.toml:9: charge[0].where: not for meter flat, which counts no usage",
        ),
        (
            PER_UNIT + "where = { resource = ['a b'] }\n",
            'p.toml:10: charge[0].where.resource[0]: expected a host, or "*." and a domain for all below it, '
            'found "a b"',
        ),
        (
            PER_UNIT + "where = { zone = [] }\n",
            "p.toml:10: charge[0].where.zone: expected at least one, found an empty list",
        ),
        (
            PER_UNIT + "hours = { from = '8', to = '09:00', tz = 'UTC' }\n",
            'p.toml:10: charge[0].hours.from: expected a time of day in quotes, like "08:00", found "8"',
        ),
        (
            PER_UNIT + "hours = { from = '08:00', to = '08:00', tz = 'UTC' }\n",
            "p.toml:10: charge[0].hours.to: the same as from: leave hours out for the whole day, or name its days",
        ),
        (
            PER_UNIT + "hours = { from = '08:00', to = '09:00', tz = 'UTC', days = ['mon', 'sunday'] }\n",
            "p.toml:10: charge[0].hours.days[1]: expected one of mon, tue, wed, thu, fri, sat, sun, "
            'found "sunday"; did you mean sun?',
        ),
        (
            PER_UNIT + "hours = { from = '08:00', to = '09:00', tz = 'UTC', days = ['mon', 'tue', 'mon'] }\n",
            'p.toml:10: charge[0].hours.days[2]: "mon" is already given at charge[0].hours.days[0]',
        ),
        (
            PER_UNIT + "hours = { from = '08:00', to = '09:00', tz = 'Mars/Base' }\n",
            'p.toml:10: charge[0].hours.tz: expected a time zone like "Europe/Moscow", found "Mars/Base"',
        ),
        (
            PER_UNIT + "rounding = { mode = 'bankers' }\n",
            'p.toml:10: charge[0].rounding.mode: expected one of half_up, half_even, up, down, found "bankers"',
        ),
    ],
)
def test_each_fault_says_where_what_was_expected_and_what_was_found(text: str, error: str) -> None:
    assert error in errors_of(text)


def test_one_mistake_is_told_once() -> None:
    for text in (
        PER_UNIT.replace("GB", "gb"),
        GRADUATED + "tiers = [{ up_to = 5.5, unit_price = '1' }, { unit_price = '1' }]\n",
        P95 + "unit_price = 1.5\n",
    ):
        assert len(errors_of(text)) == 1


@pytest.mark.parametrize("content", [b"\xff", b"a = 1\n" + b"#" * MAX_SIZE, b"a = " + b"[" * 5000])
def test_what_is_no_plan_is_an_error_not_a_traceback(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(content)
    read = read_plan(path)
    assert isinstance(read, list)
    assert str(read[0]).startswith(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert read_plan(path) == [PlanError(str(path), 0, "", "cannot be read: no such file or directory")]
