"""Compiled plans against the Decimal rating, on plans that are drawn and at every bound of theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.rating.book import SHIPPED, read_book
from pipeline.rating.compiled_book import TOO_LARGE, UNRATED, compile_book
from pipeline.rating.compiled_plan import NotCompiledError, compile_plan
from pipeline.rating.model import Charge, Commitment, Meter, Model, Period, Plan, Quantity, Rounding, Tier
from pipeline.rating.rate import rate_plan
from pipeline.rating.rounding import RateError
from pipeline.rating.units import to_units, unit_for

SPAN = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), "UTC")
UNITS = {
    Meter.BYTES_SENT: ("GB", "GiB", "TB", "TiB", "B"),
    Meter.REQUESTS: ("requests", "10k-requests", "M-requests"),
    Meter.P95_BPS: ("Mbps", "bps", "Gbps"),
    Meter.FLAT: ("month",),
}
AROUND = (-1, 0, 1)


def money(places: int = 4) -> st.SearchStrategy[Decimal]:
    return st.decimals(0, 5000, places=places)


sizes = st.decimals("0.001", 2000, places=3)
roundings = st.builds(
    Rounding,
    scale=st.integers(0, 4),
    mode=st.sampled_from(["half_up", "half_even", "up", "down"]),
    at=st.just("line"),
)


@st.composite
def tiers(draw: st.DrawFn, blocks: bool) -> tuple[Tier, ...]:
    bounds = list(accumulate(draw(st.lists(sizes, max_size=4))))
    open_end = draw(st.booleans()) or not bounds
    ends: list[Decimal | None] = [*bounds, *([None] if open_end else [])]
    block = sizes if blocks else st.none()
    return tuple(Tier(end, draw(money(6)), draw(money()), draw(block)) for end in ends)


@st.composite
def charges(draw: st.DrawFn, number: int) -> Charge:
    meter = draw(st.sampled_from(sorted(UNITS, key=str)))
    models = [m for m in Model if m is not Model.PERCENTAGE]
    model = Model.FLAT if meter is Meter.FLAT else draw(st.sampled_from(models))
    more: dict[str, Any] = {"unit_price": draw(money(6))}
    if model is Model.FLAT:
        more["flat"] = draw(money())
    if model is Model.PACKAGE:
        more["package"] = draw(sizes)
    if model is Model.COMMITMENT:
        more["commitment"] = Commitment(draw(sizes), draw(money()), draw(money()), draw(st.booleans()))
    if model in (Model.GRADUATED, Model.VOLUME, Model.BLOCKS, Model.CAPACITY):
        more["tiers"] = draw(tiers(model is Model.BLOCKS))
    elif model is Model.PERCENTILE and draw(st.booleans()):
        more["tiers"] = draw(tiers(False))
    if draw(st.booleans()):
        more |= {"top_tier": True, "zero_pays_first_flat": True, "begun": False}
    if draw(st.integers(0, 3)) == 0:
        more |= {"free_units": draw(sizes), "whole_units": draw(st.sampled_from(["", "up", "down"]))}
    if draw(st.integers(0, 3)) == 0:
        least, most = sorted((draw(money()), draw(money())))
        more |= {"minimum": least, "cap": most}
    if draw(st.integers(0, 3)) == 0:
        more["percent_off"] = draw(st.decimals(0, 100, places=2))
    unit = draw(st.sampled_from(UNITS[meter]))
    return Charge(f"c{number}", meter, model, unit, rounding=draw(roundings), **more)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    many = draw(st.integers(1, 4))
    drawn = [draw(charges(i)) for i in range(many)]
    if draw(st.booleans()):
        of = draw(st.sampled_from([(), ("c0",)]))
        share = Charge("share", Meter.FLAT, Model.PERCENTAGE, "month", rate=draw(money(4)), of=of)
        share = replace(share, rounding=draw(roundings), free_units=draw(st.none() | money(1)))
        drawn.insert(draw(st.integers(0, many)), share)
    plan = Plan("p", 1, {}, "RUB", date(2026, 1, 1), None, tuple(drawn))
    if draw(st.booleans()):
        least, most = sorted((draw(money(2)), draw(money(2))))
        plan = replace(plan, minimum=least, cap=most * 100, rounding=Rounding(scale=4))
    return plan


def amounts_at(plan: Plan, bases: dict[str, int]) -> tuple[Decimal, dict[str, Decimal]] | None:
    """Net and lines by the Decimal rating; None where the plan has no tier for so much."""
    quantities = [
        Quantity(c.id, to_units(bases[c.id], c.unit), bases[c.id])
        for c in plan.charges
        if c.model is not Model.PERCENTAGE
    ]
    try:
        bill = rate_plan(plan, quantities, SPAN)
    except RateError as error:
        if "expected at most" in str(error):
            return None
        raise
    return bill.net, {line.id: line.amount for line in bill.lines if line.kind == "charge"}


def check(plan: Plan, drawn: list[int]) -> None:
    """The plan at drawn quantities, and around every bound of its tiers, free units, packages and commitments."""
    book = compile_book([plan])
    points = set(drawn)
    for charge in plan.charges:
        if charge.model is Model.PERCENTAGE:
            continue
        size = unit_for(charge.unit, charge.meter)
        units = [t.up_to for t in charge.tiers] + [t.block for t in charge.tiers]
        units += [charge.package, charge.free_units]
        units += [charge.commitment.units] if charge.commitment else []
        points |= {max(int(u * size) + step, 0) for u in units if u is not None for step in AROUND}
    columns = [[1 if charge.meter is Meter.FLAT else x for x in sorted(points)] for charge in book.columns]
    found = book.rate(np.array(columns, np.uint64).reshape(len(columns), -1), lines=True)
    scale, lines = book.plans[0].scale, found.lines
    assert lines is not None
    for at, x in enumerate(sorted(points)):
        bases = {c.id: 1 if c.meter is Meter.FLAT else x for c in plan.charges}
        slow = amounts_at(plan, bases)
        net = int(found.nets[0, at])
        if slow is None:
            # where another line is too large for the kernel, the Decimal rating is asked, and it refuses
            assert net in (UNRATED, TOO_LARGE)
        elif net == TOO_LARGE:
            capped = any(charge.cap is not None for charge in plan.charges)
            assert capped or max(slow[0], *slow[1].values()) * 10**scale > 2**47
        else:
            assert Decimal(net).scaleb(-scale) == slow[0]
            by_line = {
                c.source.id: Decimal(int(lines[i, at])).scaleb(-scale)
                for i, c in enumerate(book.plans[0].charges)
            }
            assert by_line == slow[1]


quantities = st.lists(
    st.integers(0, 100) | st.integers(0, 10**12) | st.integers(0, 10**17), min_size=1, max_size=6
)


@settings(deadline=None, max_examples=120)  # kernels are compiled at their first call
@given(plans(), quantities)
def test_every_drawn_plan_is_rated_as_in_decimals(plan: Plan, drawn: list[int]) -> None:
    try:
        compile_plan(plan)
    except NotCompiledError:
        assume(False)
    check(plan, drawn)


@pytest.mark.parametrize("plan", read_book(SHIPPED).plans, ids=lambda plan: f"{plan.id}-{plan.version}")
def test_the_shipped_book(plan: Plan) -> None:
    try:
        compile_plan(plan)
    except NotCompiledError as error:
        pytest.skip(str(error))
    check(plan, [0, 1, 10**6, 10**9 + 1, 10**12 + 7, 10**15 - 1])


def plain(**more: Any) -> Plan:
    charge = Charge("c", Meter.BYTES_SENT, Model.PER_UNIT, "GB", unit_price=Decimal("1.20"))
    return Plan("p", 1, {}, "RUB", date(2026, 1, 1), None, (replace(charge, **more),))


def test_halves_are_rounded_by_the_mode() -> None:
    for mode, cents in (
        ("half_up", [1, 2, 3]),
        ("half_even", [0, 2, 2]),
        ("up", [1, 2, 3]),
        ("down", [0, 1, 2]),
    ):
        book = compile_book([plain(unit_price=Decimal("0.01"), rounding=Rounding(mode=mode))])
        halves = np.array([[500_000_000, 1_500_000_000, 2_500_000_000]], np.uint64)
        assert book.rate(halves).nets.tolist() == [cents]


def test_amounts_too_large_are_refused_not_wrapped() -> None:
    book = compile_book([plain(unit_price=Decimal(10**6), unit="B")])
    found = book.rate(np.array([[1, 10**8, 2**62, 2**63, 2**64 - 1]], np.uint64))
    assert found.nets.tolist() == [[10**8, TOO_LARGE, TOO_LARGE, TOO_LARGE, TOO_LARGE]]
    assert found.failed == 4


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"window_s": 3600}, "windows"),
        ({"group": "g"}, "a group of charges"),
        ({"rounding": Rounding(at="tier")}, "rounded at tier"),
        ({"unit_price": Decimal(-1)}, "a price below zero"),
        ({"unit_price": None}, "a number is missing"),
        ({"free_units": Decimal("0.0000000001")}, "free units of"),
        ({"minimum": Decimal(2), "cap": Decimal(1)}, "at odds"),
        ({"unit_price": Decimal("1e-20")}, "too many decimals"),
        ({"unit": "Mbps"}, "expected a unit of bytes"),
    ],
)
def test_what_cannot_be_compiled_says_why(more: dict[str, Any], said: str) -> None:
    with pytest.raises(NotCompiledError, match=said):
        compile_plan(plain(**more))
    assert len(compile_book([plain(**more), plain()]).refused) == 1


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("customers", [0, 1, 255, 256, 257, 1000])
def test_customers_in_any_number_and_threads(customers: int, threads: int) -> None:
    share = Charge("share", Meter.FLAT, Model.PERCENTAGE, "month", rate=Decimal("0.1"))
    second = replace(plain(), charges=(share, *plain(unit_price=Decimal("0.5")).charges))
    given_bytes = np.random.default_rng(customers).integers(0, 10**13, (1, customers)).astype(np.uint64)
    book = compile_book([plain(), second])
    assert len(book.columns) == 1
    found = book.rate(given_bytes, threads=threads, lines=threads == 2).nets

    def half_up(amount: Decimal) -> int:
        return int((amount * 100 + Decimal("0.5")) // 1)

    gigabytes = [Decimal(int(x)).scaleb(-9) for x in given_bytes[0]]
    assert found[0].tolist() == [half_up(x * Decimal("1.2")) for x in gigabytes]
    halves = [half_up(x / 2) for x in gigabytes]
    assert found[1].tolist() == [half + half_up(Decimal(half).scaleb(-3)) for half in halves]
