"""What rating itself says of steps and rules is turned into Russian, all of it: rated here through every model."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from pipeline.rating.bill_changes import credit_note, delta_bill
from pipeline.rating.exports.phrases import reason_words, rule_words, step_words
from pipeline.rating.exports.view import view_bill
from pipeline.rating.model import (
    Charge,
    Commitment,
    Discount,
    Meter,
    Model,
    Percentile,
    Plan,
    Quantity,
    Rounding,
    Tax,
    Tier,
)
from pipeline.rating.rate import rate_plan
from pipeline.rating.rates import counted_text
from pipeline.rating.rebill import CAME_LATE
from tests.rating.bill_samples import PERIOD

D = Decimal
TIERS = (Tier(D(10), D(2), D(5)), Tier(None, D(1), D(3)))
USED = Meter.REQUESTS
CHARGES = (
    Charge("c1", Meter.FLAT, Model.FLAT, "month", flat=D(100)),
    Charge("c2", USED, Model.PER_UNIT, "requests", unit_price=D("0.5"), free_units=D(3), minimum=D(90)),
    Charge("c3", USED, Model.PER_UNIT, "requests", unit_price=D(9), cap=D(10), percent_off=D(5)),
    Charge("c4", USED, Model.GRADUATED, "requests", tiers=TIERS, whole_units="up"),
    Charge("c5", USED, Model.VOLUME, "requests", tiers=TIERS, rounding=Rounding(2, "half_even", "tier")),
    Charge(
        "c6",
        USED,
        Model.PACKAGE,
        "requests",
        package=D(7),
        unit_price=D(1),
        rounding=Rounding(2, "up", "total"),
    ),
    Charge(
        "c7",
        USED,
        Model.BLOCKS,
        "requests",
        tiers=TIERS,
        package=D(4),
        rounding=Rounding(0, "down", "line"),
    ),
    Charge("c8", USED, Model.CAPACITY, "requests", tiers=TIERS, group="g"),
    Charge("c9", USED, Model.CAPACITY, "requests", tiers=(Tier(D(500), D(0), D(8)),), group="g"),
    Charge("c10", Meter.FLAT, Model.PERCENTAGE, "RUB", rate=D("0.013")),
    Charge("c11", USED, Model.COMMITMENT, "requests", commitment=Commitment(D(90), D(1), D(2))),
    Charge("c12", USED, Model.COMMITMENT, "requests", commitment=Commitment(D(9), D(1), D(2))),
    Charge("c13", USED, Model.PERCENTILE, "Mbps", tiers=TIERS, top_tier=True),
    Charge("c14", Meter.P95_BPS, Model.PERCENTILE, "Mbps", unit_price=D(3)),
    Charge("c15", Meter.PEAK_BPS, Model.VOLUME, "Mbps", tiers=TIERS),
    *(
        Charge(
            name,
            Meter.P95_BPS,
            Model.PER_UNIT,
            "Mbps",
            unit_price=D(3),
            percentile=Percentile(D(95), 300, method, of, missing, valid_days=True, valid_days_factor=True),
        )
        for name, method, of, missing in (
            ("c16", "nearest_rank", "max_of_zones", "skip"),
            ("c17", "discard_floor", "sum_of_zones", "zero"),
        )
    ),
)
QUANTITIES = [
    Quantity(
        each.id,
        D("20.5"),
        0,
        counted_text(each, 7488) if each.meter is Meter.P95_BPS else "",
        valid_days=(26, 31) if each.percentile else None,
    )
    for each in CHARGES
    if each.meter is not Meter.FLAT
]
LATIN = re.compile(r"[A-Za-z]{3,}")


@pytest.mark.parametrize("factor", [Fraction(1), Fraction(12, 31)])
@pytest.mark.parametrize("included", [False, True])
@pytest.mark.parametrize(("minimum", "cap"), [(D(3000), None), (None, D(50)), (None, None)])
def test_a_russian_bill_explains_itself_in_russian(
    factor: Fraction, included: bool, minimum: Decimal | None, cap: Decimal | None
) -> None:
    plan = Plan("p", 1, {}, "RUB", date(2026, 1, 1), None, CHARGES, minimum=minimum, cap=cap)
    discounts = (Discount("Скидка", percent=D("2.5")), Discount("Разовая", amount=D(10), once=True))
    bill = rate_plan(
        plan,
        QUANTITIES,
        PERIOD,
        factor=factor,
        tax=Tax("НДС", D(22), included),
        discounts=discounts,
        customer="к",
    )
    assert len(bill.lines) >= len(CHARGES) + 3
    for row in view_bill(bill, None, "ru").rows:
        for text in (row.name, row.note):
            assert set(LATIN.findall(text)) <= {"requests"}, (
                text
            )  # the plan's own unit, in "packages of 7 requests"


@pytest.mark.parametrize("included", [False, True])
@pytest.mark.parametrize(("minimum", "cap"), [(D(3000), None), (None, D(50)), (D(700), None)])
@pytest.mark.parametrize("used", [D(0), D("33.25"), D(400)])
def test_a_russian_adjustment_and_its_credit_note_explain_themselves_in_russian(
    included: bool, minimum: Decimal | None, cap: Decimal | None, used: Decimal
) -> None:
    plan = Plan("p", 1, {}, "RUB", date(2026, 1, 1), None, CHARGES, minimum=minimum, cap=cap)
    discounts = (Discount("Скидка", percent=D("2.5")), Discount("Разовая", amount=D(10), once=True))
    known = [replace(each, units=used) for each in QUANTITIES]
    before, after = (
        rate_plan(plan, quantities, PERIOD, tax=Tax("НДС", D(22), included), discounts=discounts)
        for quantities in (QUANTITIES, known)
    )
    late = delta_bill(before, after, CAME_LATE)
    assert late.lines
    credit = credit_note(late, "takes back adjustment 2: вирусный день")
    for bill in (late, credit):
        for row in view_bill(bill, None, "ru").rows:
            for text in (row.name, row.note):
                assert set(LATIN.findall(text)) <= {"requests"}, text
            if row.of_line and row.name.startswith("22"):
                assert row.price == "22\u00a0%", "the rate of a tax is no money"
    english = [row.name for row in view_bill(late, None, "en").rows]
    assert not any("plan-" in name for name in english)
    notes = [row.note for row in view_bill(late, None, "en").rows if not row.of_line]
    for line, note in zip(late.lines, notes, strict=True):
        was, now = (Decimal(each.replace(",", "")) for each in note.split("; ")[-1].split(" → "))
        assert now - was == line.amount


def test_what_is_not_known_stays_as_it_is() -> None:
    assert step_words("something new", "ru") == "something new"
    assert rule_words("per_unit, something new; rounded up to 2 decimals at line", "ru") == (
        "за единицу, something new; округление вверх до 2 знаков в строке"
    )
    assert (
        rule_words("per_unit; rounded half_up to 2 decimals", "en")
        == "per unit; rounded half up to 2 decimals"
    )
    assert step_words("was: tier 2: units", "ru") == "было: ступень 2"


def test_numbers_and_units_in_phrases_are_russian_too() -> None:
    assert step_words("packages of 10000 GB", "ru") == "пакеты по 10\u00a0000 ГБ"
    assert (
        step_words("tier 2: up to 12.5 10k-requests", "ru")
        == "ступень 2: до 12,5 ×\u00a010\u00a0000 запросов"
    )
    assert rule_words("minimum 3000 for 12/31 of the month", "ru") == "минимум 3\u00a0000 за 12/31 месяца"
    assert reason_words("the month is not closed; counted until 2026-11-02 09:30 UTC", "ru") == (
        "месяц ещё не закрыт; учтено до 2026-11-02 09:30 UTC"
    )
