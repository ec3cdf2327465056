"""Charges, plans and quantities for tests of rating, drawn small enough that an oracle may count unit by unit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from pipeline.rating.model import (
    Charge,
    Commitment,
    Discount,
    Meter,
    Model,
    Period,
    Plan,
    Quantity,
    Rounding,
    Tax,
    Tier,
)

MONTH = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), "UTC")
EXACT = Rounding(scale=20)

prices = st.decimals(min_value=0, max_value=20, places=2)
quantities = st.decimals(min_value=0, max_value=60, places=1)
roundings = st.builds(
    Rounding,
    scale=st.integers(0, 3),
    mode=st.sampled_from(["half_up", "half_even", "up", "down"]),
    at=st.sampled_from(["line", "total", "tier"]),
)
discounts = st.lists(
    st.one_of(
        st.builds(Discount, name=st.just("share"), percent=st.decimals(0, 100, places=1)),
        st.builds(Discount, name=st.just("sum"), amount=st.decimals(0, 900, places=2)),
    ),
    max_size=3,
)
taxes = st.builds(Tax, name=st.just("VAT"), rate=st.decimals(0, 30, places=1), included=st.booleans())


@st.composite
def tier_tables(draw: st.DrawFn, *, blocks: bool = False) -> tuple[Tier, ...]:
    """One to four tiers, the last open."""
    bounds = sorted(draw(st.sets(st.integers(1, 50), max_size=3)))
    return tuple(
        Tier(
            None if bound is None else Decimal(bound),
            draw(prices),
            draw(prices),
            Decimal(draw(st.integers(1, 9))) if blocks else None,
        )
        for bound in (*bounds, None)
    )


def charge(model: Model, name: str = "c", **fields: Any) -> Charge:
    """A charge on bytes that prints every digit, unless told otherwise."""
    return Charge(
        **{"id": name, "meter": Meter.BYTES_SENT, "model": model, "unit": "GB", "rounding": EXACT, **fields}
    )


@st.composite
def charges(draw: st.DrawFn, /, name: str = "c", **fields: Any) -> Charge:
    """A charge of any model but a share of others."""
    model = draw(st.sampled_from([each for each in Model if each is not Model.PERCENTAGE]))
    own: dict[str, Any] = {"zero_pays_first_flat": draw(st.booleans())}
    match model:
        case Model.FLAT:
            own |= {"meter": Meter.FLAT, "flat": draw(prices)}
        case Model.PER_UNIT:
            own |= {"unit_price": draw(prices)}
        case Model.PACKAGE:
            own |= {"unit_price": draw(prices), "package": Decimal(draw(st.integers(1, 9)))}
            own |= {"begun": draw(st.booleans())}
        case Model.BLOCKS:
            own |= {"tiers": draw(tier_tables(blocks=True)), "top_tier": draw(st.booleans())}
        case Model.COMMITMENT:
            own |= {"commitment": draw(commitments)}
        case Model.PERCENTILE:
            own |= {"meter": Meter.P95_BPS, "tiers": draw(tier_tables()), "top_tier": draw(st.booleans())}
        case _:
            own |= {"tiers": draw(tier_tables())}
    if draw(st.booleans()):
        own["minimum"] = draw(prices)
    elif draw(st.booleans()):
        own["cap"] = draw(st.decimals(0, 200, places=2))
    if draw(st.booleans()):
        own["free_units"] = draw(quantities)
    return charge(model, name, **{**own, **fields})


commitments = st.builds(
    Commitment,
    units=st.integers(0, 40).map(Decimal),
    price=prices,
    overage_price=prices,
    true_up=st.booleans(),
)


def quantity(units: Decimal | str, name: str = "c", *windows: Decimal) -> Quantity:
    return Quantity(name, Decimal(units), 0, windows=windows)


def plan(*of: Charge, **fields: Any) -> Plan:
    return Plan("p", 1, {}, "RUB", date(2026, 1, 1), None, of, **fields)


@st.composite
def rated_plans(draw: st.DrawFn) -> tuple[Plan, tuple[Quantity, ...]]:
    """A plan of one to four charges, with limits of its own, and quantities for it."""
    of = [draw(charges(f"c{i}", rounding=draw(roundings))) for i in range(draw(st.integers(1, 4)))]
    limits: dict[str, Any] = {}
    if draw(st.booleans()):
        limits["minimum"] = draw(st.decimals(0, 500, places=2))
    elif draw(st.booleans()):
        limits["cap"] = draw(st.decimals(0, 500, places=2))
    if draw(st.booleans()):
        of.append(charge(Model.PERCENTAGE, "share", meter=Meter.FLAT, rate=draw(st.decimals(0, 1, places=3))))
    amounts = tuple(quantity(draw(quantities), each.id) for each in of if each.meter is not Meter.FLAT)
    return plan(*of, **limits), amounts
