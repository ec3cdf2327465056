"""Plans for tests: drawn ones of every model, within the rules of plan files."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from pipeline.rating.model import (
    Charge,
    Commitment,
    Hours,
    Meter,
    Model,
    Percentile,
    Plan,
    Rounding,
    Tax,
    Tier,
    Where,
)
from pipeline.rating.units import KIND_OF, known_units

amounts = st.decimals(min_value=0, max_value=10**9, places=4)
above_zero = st.decimals(min_value=Decimal("0.001"), max_value=10**6, places=3)
maybe = st.none() | amounts
ids = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,12}\Z")
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=12).filter(
    lambda text: bool(text.strip())
)
names = st.dictionaries(st.sampled_from(["ru", "en", "kk"]), texts, max_size=2)
hosts = st.sampled_from(["a.example", "*.b.example", "видео.рф"])
windows = st.sampled_from([60, 300, 3600, 86_400])
roundings = st.builds(
    Rounding,
    st.integers(0, 12),
    st.sampled_from(["half_up", "half_even", "up", "down"]),
    st.sampled_from(["line", "total", "tier"]),
)
taxes = st.builds(Tax, texts, amounts, st.booleans())
RATES = (Meter.P95_BPS, Meter.PEAK_BPS)


@st.composite
def tiers(draw: st.DrawFn, model: Model, *, blocks: bool) -> tuple[Tier, ...]:
    """Tiers that rise, the last open or not."""
    bounds: list[Decimal | None] = [*sorted(draw(st.sets(above_zero, min_size=1, max_size=4)))]
    if draw(st.booleans()):
        bounds[-1] = None
    return tuple(
        Tier(
            bound,
            Decimal(0) if model is Model.CAPACITY else draw(amounts),
            draw(amounts),
            draw(above_zero) if blocks else None,
        )
        for bound in bounds
    )


@st.composite
def charges(draw: st.DrawFn, charge_id: str, currency: str) -> Charge:
    """A charge of any model, with only the keys that its model uses."""
    model = draw(st.sampled_from(Model))
    if model is Model.PERCENTAGE:
        meter, unit = Meter.FLAT, currency
    else:
        meter = draw(st.sampled_from(RATES if model is Model.PERCENTILE else Meter))
        unit = draw(st.sampled_from(known_units(KIND_OF[meter])))
    given: dict[str, Any] = {"names": draw(names)}
    counted = model not in (Model.FLAT, Model.PERCENTAGE)
    how = draw(st.sampled_from(["unit_price", "tiers", "commitment"])) if model is Model.PERCENTILE else ""
    if model in (Model.PER_UNIT, Model.PACKAGE) or how == "unit_price":
        given["unit_price"] = draw(amounts)
    if model is Model.FLAT:
        given["flat"] = draw(amounts)
    if model is Model.PACKAGE or (model is Model.BLOCKS and draw(st.booleans())):
        given |= {"package": draw(above_zero), "begun": draw(st.booleans())}
    if model in (Model.GRADUATED, Model.VOLUME, Model.BLOCKS, Model.CAPACITY) or how == "tiers":
        blocks = model is Model.BLOCKS and "package" not in given
        given["tiers"] = draw(tiers(model, blocks=blocks))
        if model is not Model.CAPACITY:
            given["zero_pays_first_flat"] = draw(st.booleans())
        given["top_tier"] = model in (Model.BLOCKS, Model.PERCENTILE) and draw(st.booleans())
    if model is Model.COMMITMENT or how == "commitment":
        given["commitment"] = Commitment(*draw(st.tuples(amounts, amounts, amounts, st.booleans())))
    if model is Model.PERCENTAGE:
        given["rate"] = draw(above_zero)
    if counted:
        given["whole_units"] = draw(st.sampled_from(["", "up", "down"]))
        if model is not Model.PERCENTILE and meter not in RATES and draw(st.booleans()):
            given["window_s"] = draw(windows)
        else:
            given["free_units"] = draw(maybe)
    if meter in RATES:
        rank = draw(above_zero.filter(lambda rank: rank <= 100)) if meter is Meter.P95_BPS else Decimal(100)
        given["percentile"] = Percentile(
            rank,
            draw(windows),
            draw(st.sampled_from(["nearest_rank", "discard_floor", "librenms", "cacti"])),
            draw(st.sampled_from(["sum", "max_of_zones", "sum_of_zones"])),
            draw(st.sampled_from(["zero", "skip"])),
            draw(st.booleans()),
        )
    if meter is not Meter.FLAT:
        given["where"] = Where(
            *draw(st.tuples(st.lists(texts, max_size=2).map(tuple), st.lists(hosts, max_size=2).map(tuple)))
        )
        begin, end = draw(st.lists(st.times(), min_size=2, max_size=2))
        begin, end = (time(each.hour, each.minute) for each in (begin, end))
        days = draw(st.sets(st.integers(0, 6), max_size=6).map(lambda some: tuple(sorted(some))))
        if draw(st.booleans()) and (begin != end or days):
            given["hours"] = Hours(begin, end, draw(st.sampled_from(["UTC", "Europe/Moscow"])), days)
    low, high = sorted(draw(st.tuples(amounts, amounts)))
    return Charge(
        id=charge_id,
        meter=meter,
        model=model,
        unit=unit,
        minimum=draw(st.none() | st.just(low)),
        cap=draw(st.none() | st.just(high)),
        rounding=draw(roundings),
        group=draw(st.just("") | ids),
        percent_off=draw(st.none() | st.decimals(0, 100, places=2)),
        tax=draw(st.none() | taxes),
        **given,
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A whole plan."""
    currency = draw(st.sampled_from(["RUB", "USD", "KZT"]))
    charge_ids = draw(st.lists(ids, min_size=1, max_size=3, unique=True))
    begin, end = sorted(
        draw(st.lists(st.dates(date(1990, 1, 1), date(2100, 1, 1)), min_size=2, max_size=2, unique=True))
    )
    low, high = sorted(draw(st.tuples(amounts, amounts)))
    return Plan(
        id=draw(ids),
        version=draw(st.integers(1, 2**30)),
        names=draw(names),
        currency=currency,
        valid_from=begin,
        valid_to=draw(st.none() | st.just(end)),
        charges=tuple(draw(charges(each, currency)) for each in charge_ids),
        minimum=draw(st.none() | st.just(low)),
        cap=draw(st.none() | st.just(high)),
        proration=draw(st.sampled_from(["none", "day", "second"])),
        source=draw(st.just("") | texts),
        rounding=draw(roundings),
    )
