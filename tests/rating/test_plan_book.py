"""The plan book: plans written and read back, versions by day, folders with faults, and the book that is shipped."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from msgspec import Struct

from pipeline.rating import plan_shape
from pipeline.rating.book import SHIPPED, PlanBook, read_book
from pipeline.rating.model import Charge, Meter, Model, Plan
from pipeline.rating.plan_errors import BookError, NoPlanError
from pipeline.rating.plan_notes import notes_on, zones_left_out
from pipeline.rating.plan_toml import parse_plan
from pipeline.rating.units import known_units
from pipeline.shape import top_level_keys
from tests.rating.plan_write import plan_text
from tests.rating.plans import plans

FLAT = Charge("fee", Meter.FLAT, Model.FLAT, "month", flat=Decimal(5))


def plan(plan_id: str, version: int, begin: date, end: date | None = None, source: str = "") -> Plan:
    return Plan(plan_id, version, {"en": plan_id}, "RUB", begin, end, (FLAT,), source=source)


def write(folder: Path, name: str, each: Plan) -> Path:
    path = folder / name
    path.write_text(plan_text(each), encoding="utf-8")
    return path


@settings(max_examples=200, deadline=None)
@given(plans())
def test_a_plan_written_and_read_back_is_the_same(drawn: Plan) -> None:
    assert parse_plan(plan_text(drawn)) == drawn


@settings(deadline=None)
@given(plans())
def test_a_key_that_is_not_known_is_the_only_fault_of_a_good_plan(drawn: Plan) -> None:
    read = parse_plan(plan_text(drawn) + 'unit_prise = "1"\n')
    assert isinstance(read, list)
    assert [error.what for error in read] == ["unknown key; did you mean unit_price?"]
    assert read[0].line == plan_text(drawn).count("\n") + 1


def test_the_version_of_a_day() -> None:
    old, new = plan("start", 1, date(2025, 1, 1)), plan("start", 2, date(2026, 1, 1), date(2027, 1, 1))
    book = PlanBook([new, old])
    assert book.find("start", date(2025, 12, 31)) is old
    assert book.find("start", date(2026, 1, 1)) is new
    assert book.find("start", date(2026, 12, 31)) is new
    assert book.version("start", 1) is old
    for day in (date(2024, 12, 31), date(2027, 1, 1)):
        with pytest.raises(NoPlanError) as caught:
            book.find("start", day)
        assert str(caught.value) == (
            f'plan "start" is not sold on {day}; version 1: from 2025-01-01, '
            "version 2: from 2026-01-01 to 2027-01-01 (exclusive)"
        )


def test_a_later_version_ends_the_one_before_it_though_it_ended_itself() -> None:
    book = PlanBook(
        [plan("start", 1, date(2025, 1, 1)), plan("start", 2, date(2026, 1, 1), date(2026, 2, 1))]
    )
    with pytest.raises(NoPlanError):
        book.find("start", date(2026, 2, 1))


def test_what_is_not_in_the_book_is_told_with_the_nearest() -> None:
    book = PlanBook([plan("start", 1, date(2025, 1, 1)), plan("night", 1, date(2025, 1, 1))])
    with pytest.raises(NoPlanError, match=r'no plan "strat" in the book; did you mean start\?'):
        book.find("strat", date(2026, 1, 1))
    with pytest.raises(NoPlanError, match=r'no plan "x" in the book; known here: night, start'):
        book.version("x", 1)
    with pytest.raises(NoPlanError, match='no version 2 of plan "start"; the book has 1'):
        book.version("start", 2)


def test_others_prices_are_valid_and_never_offered() -> None:
    book = PlanBook(
        [
            plan("start", 1, date(2025, 1, 1)),
            plan("start", 2, date(2026, 1, 1)),
            plan("gone", 1, date(2025, 1, 1), date(2025, 2, 1)),
            plan("public", 1, date(2025, 1, 1), source="https://example.com, read 2026-11-21"),
        ]
    )
    day = date(2026, 6, 1)
    assert [(each.id, each.version) for each in book.valid(day)] == [("public", 1), ("start", 2)]
    assert [(each.id, each.version) for each in book.offered(day)] == [("start", 2)]


def test_every_fault_of_every_file_of_a_folder_is_told_at_once(tmp_path: Path) -> None:
    first = write(tmp_path, "a.toml", plan("start", 1, date(2026, 1, 1)))
    twice = write(tmp_path, "b.toml", plan("start", 1, date(2027, 1, 1)))
    back = write(tmp_path, "c.toml", plan("start", 2, date(2025, 1, 1)))
    (tmp_path / "d.toml").write_text("id = 5\n", encoding="utf-8")
    (tmp_path / ".e.toml").write_text("not read", encoding="utf-8")
    (tmp_path / "README.md").write_text("not read either", encoding="utf-8")
    with pytest.raises(BookError) as caught:
        read_book(tmp_path)
    assert [str(error) for error in caught.value.errors] == [
        f'{twice}:2: version: version 1 of plan "start" is already in {first}',
        f"{tmp_path}/d.toml: currency: required, and not given",
        f"{tmp_path}/d.toml: valid_from: required, and not given",
        f"{tmp_path}/d.toml: charge: required, and not given",
        f'{tmp_path}/d.toml:1: id: expected a short name in quotes of letters, digits, ".", "_" and "-", '
        'like "start", found 5',
        f'{back}:5: valid_from: version 2 of plan "start" must begin after version 1 does '
        f"(2026-01-01, {first}), found 2025-01-01",
    ]


def test_a_folder_that_holds_no_book(tmp_path: Path) -> None:
    with pytest.raises(BookError, match="expected 1 to 10,000 files"):
        read_book(tmp_path)
    with pytest.raises(BookError, match="expected a folder with a TOML a plan, or one plan, found nothing"):
        read_book(tmp_path / "none")


def test_a_book_of_one_file(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", plan("start", 1, date(2026, 1, 1)))
    assert [each.id for each in read_book(file).plans] == ["start"]


def test_two_of_a_version_are_refused_without_files_too() -> None:
    with pytest.raises(BookError, match='version 1 of plan "start" is there twice'):
        PlanBook([plan("start", 1, date(2025, 1, 1)), plan("start", 1, date(2026, 1, 1))])


# The book that is shipped


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_a_shipped_plan_is_valid_and_can_be_written_back(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    read = parse_plan(text, path.name)
    assert isinstance(read, Plan), read
    assert parse_plan(plan_text(read)) == read
    assert read.names.keys() == {"ru", "en"}
    assert tomllib.loads(text)["id"] in path.stem


def test_a_public_price_names_its_source_and_the_day_it_was_read() -> None:
    book = read_book(SHIPPED)
    for each in book.plans:
        assert each.id.startswith("public-") == bool(each.source)
        if each.source:
            assert "read 2026-11-21" in each.source
    assert len({each.id for each in book.plans if each.source}) >= 10


def test_the_shipped_book_has_every_model_and_the_story() -> None:
    book = read_book(SHIPPED)
    assert {charge.model for each in book.plans for charge in each.charges} == set(Model)
    own = book.offered(date(2026, 11, 1))
    assert {each.currency for each in own} == {"RUB"}
    assert book.find("start", date(2026, 11, 1)).minimum == Decimal(3000)
    assert book.find("start", date(2025, 11, 1)).version == 1


def test_the_shipped_tiers_are_those_of_the_page() -> None:
    cloudfront = read_book(SHIPPED).find("public-cloudfront", date(2026, 11, 1))
    america = cloudfront.charges[0]
    bounds = [tier.up_to for tier in america.tiers]
    # 10, 40, 100, 350, 524 TB and 4 PB, one after another, in units of 1,024
    assert bounds == [*(Decimal(1024 * each) for each in (10, 50, 150, 500, 1024, 5120)), None]
    assert [str(tier.unit_price) for tier in america.tiers] == [
        "0.085", "0.080", "0.060", "0.040", "0.030", "0.025", "0.020",
    ]  # fmt: skip


# What is allowed and may not be meant


def notes_of(text: str, zones: tuple[str, ...] = ()) -> list[str]:
    head = 'id = "p"\nname = "P"\ncurrency = "RUB"\nvalid_from = 2026-01-01\n'
    read = parse_plan(head + text)
    assert isinstance(read, Plan), read
    return notes_on(read, zones)


def test_a_good_plan_has_no_notes() -> None:
    for each in read_book(SHIPPED).offered(date(2026, 11, 1)):
        assert notes_on(each) == [] or each.id == "volume"


def test_what_is_left_without_a_price_is_noted() -> None:
    charge = (
        '[[charge]]\nid = "{0}"\nmeter = "bytes_sent"\nunit = "GB"\nmodel = "per_unit"\nunit_price = "1"\n'
    )
    hours = "hours = {{ from = '{0}', to = '{1}', tz = 'Europe/Moscow' }}\n"
    day, night = charge.format("day") + hours.format("08:00", "23:00"), charge.format("night")
    assert notes_of(day + night + hours.format("00:00", "08:00")) == [
        "bytes_sent: nothing prices it from 23:00 to 00:00 (Europe/Moscow)"
    ]
    assert notes_of(day + night + hours.format("23:00", "08:00")) == []
    zoned = charge.format("a") + "where = { zone = ['eu', 'ru'] }\n"
    assert notes_of(zoned, ("ru", "asia")) == ["bytes_sent: nothing prices it in asia, where there are edges"]
    closed = (
        charge.format("a")
        .replace("per_unit", "graduated")
        .replace('unit_price = "1"', "tiers = [{ up_to = '5', unit_price = '1' }]")
    )
    assert notes_of(closed) == [
        "charge a: the last tier ends at 5 GB: more than that cannot be billed; leave its up_to out"
    ]


def test_zones_that_a_plan_leaves_out() -> None:
    zones = read_book(SHIPPED).find("zones", date(2026, 11, 1))
    assert zones_left_out(zones, Meter.BYTES_SENT, ["eu", "ru-central", "mars"]) == ["mars"]
    assert zones_left_out(zones, Meter.REQUESTS, ["mars"]) == []
    everywhere = replace(zones, charges=(replace(zones.charges[0], where=FLAT.where),))
    assert zones_left_out(everywhere, Meter.BYTES_SENT, ["mars"]) == []


# The page that tells how a plan is written

PAGE = (Path(__file__).parents[2] / "docs" / "plans.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_names_every_key() -> None:
    shapes = [
        shape for shape in vars(plan_shape).values() if isinstance(shape, type) and issubclass(shape, Struct)
    ]
    keys = {key for shape in shapes if shape is not Struct for key in top_level_keys(shape)}
    assert len(keys) > 40
    written = set(re.findall(r"[a-z_0-9]+", PAGE))
    assert keys <= written, keys - written
    for word in (*Model, *Meter):
        assert f"`{word.value}`" in PAGE
    for unit in known_units():
        assert re.search(rf"[ `]{re.escape(unit)}[ `]", PAGE), unit


def test_the_plans_of_the_page_are_valid() -> None:
    smallest = BLOCKS[0]
    assert isinstance(parse_plan(smallest), Plan)
    keys = {
        next(iter(tomllib.loads(text))): text for text in BLOCKS[1:] if "[[customer]]" not in text
    }  # fragments of a charge, by their first key
    head = smallest[: smallest.index("model")]
    assert isinstance(parse_plan(head + keys["model"]), Plan)
    assert isinstance(parse_plan(smallest + keys["where"]), Plan)
    assert isinstance(parse_plan(smallest + keys["rounding"]), Plan)
    promise, rule = (text for text in BLOCKS if text.startswith("[charge."))
    assert isinstance(parse_plan(head + 'model = "commitment"\n' + promise), Plan)
    rates = (
        smallest.replace("bytes_sent", "p95_bps").replace('"GB"', '"Mbps"').replace("per_unit", "percentile")
    )
    read = parse_plan(rates + rule)
    # what the page shows are the defaults
    assert read == parse_plan(rates)
