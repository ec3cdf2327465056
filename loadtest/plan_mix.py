"""Plans and quantities for benchmarks of rating: a mixed book of any size, and a network's customers by Zipf's law."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from pipeline.rating.model import (
    Charge,
    Commitment,
    Hours,
    Meter,
    Model,
    Percentile,
    Period,
    Plan,
    Rounding,
    Tier,
    Where,
)
from pipeline.rating.usage import usage_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.usage import Usage

ZONES = ("ru-central", "ru-siberia", "eu", "asia", "us", "latam")
MONTH = Period(
    datetime(2026, 10, 31, 21, tzinfo=UTC), datetime(2026, 11, 30, 21, tzinfo=UTC), "Europe/Moscow"
)
NIGHT = Hours(time(1), time(8), "Europe/Moscow")
DAY = Hours(time(8), time(1), "Europe/Moscow")
P95 = Percentile(Decimal(95), 300, "nearest_rank", "sum", "zero", False)
P95_ZONES = replace(P95, of="sum_of_zones", method="cacti")


def draw_plans(count: int, seed: int = 1) -> list[Plan]:
    """So many plans of nine kinds in turn, each with its own prices, bounds and rounding; one in four has a minimum."""
    kinds = (
        _plain,
        _graduated,
        _volume,
        _by_zone,
        _day_and_night,
        _packages,
        _percentile,
        _committed,
        _blocks,
    )
    plans = []
    for number in range(count):
        rng = Random(f"{seed}:{number}")  # noqa: S311 - prices, no secrets
        charges = kinds[number % len(kinds)](rng)
        charges.append(Charge("fee", Meter.FLAT, Model.FLAT, "month", flat=_money(rng, 100, 5000)))
        if number % 5 == 0:
            share = Charge(
                "support", Meter.FLAT, Model.PERCENTAGE, "month", rate=Decimal(rng.randint(1, 12)) / 100
            )
            charges.append(share)
        mode = rng.choice(["half_up", "half_even", "up", "down"])
        rounded = tuple(replace(charge, rounding=Rounding(2, mode)) for charge in charges)
        minimum = _money(rng, 500, 9000) if number % 4 == 0 else None
        plans.append(Plan(f"plan-{number}", 1, {}, "RUB", date(2026, 1, 1), None, rounded, minimum=minimum))
    return plans


def _money(rng: Random, low: int, high: int) -> Decimal:
    return Decimal(rng.randint(low * 100, high * 100)) / 100


def _price(rng: Random) -> Decimal:
    return Decimal(rng.randint(2_000, 15_000)) / 10_000


def _traffic(
    name: str, model: Model, rng: Random, where: Where | None = None, hours: Hours | None = None
) -> Charge:
    return Charge(
        name,
        Meter.BYTES_SENT,
        model,
        rng.choice(["GB", "GiB"]),
        unit_price=_price(rng),
        where=where or Where(),
        hours=hours,
    )


def _requests(rng: Random) -> Charge:
    return Charge(
        "requests",
        Meter.REQUESTS,
        Model.PER_UNIT,
        "10k-requests",
        unit_price=Decimal(rng.randint(5, 900)) / 10_000,
        free_units=Decimal(rng.choice([0, 100, 1000])),
        whole_units=rng.choice(["", "up"]),
    )


def _tiers(rng: Random, block: bool = False) -> tuple[Tier, ...]:
    bounds: list[Decimal | None] = [Decimal(at * rng.randint(1, 9)) for at in (100, 1_000, 10_000, 100_000)]
    price = _price(rng)
    tiers = []
    for bound in (*bounds, None):
        size = Decimal(rng.choice([10, 50, 100])) if block else None
        tiers.append(Tier(bound, price * (size or 1), _money(rng, 0, 50), size))
        price = (price * Decimal("0.8")).quantize(Decimal("0.0001"))
    return tuple(tiers)


def _plain(rng: Random) -> list[Charge]:
    return [_traffic("traffic", Model.PER_UNIT, rng), _requests(rng)]


def _graduated(rng: Random) -> list[Charge]:
    return [replace(_traffic("traffic", Model.GRADUATED, rng), tiers=_tiers(rng)), _requests(rng)]


def _volume(rng: Random) -> list[Charge]:
    return [replace(_traffic("traffic", Model.VOLUME, rng), tiers=_tiers(rng)), _requests(rng)]


def _by_zone(rng: Random) -> list[Charge]:
    return [
        replace(_traffic(zone, Model.GRADUATED, rng, Where(zones=(zone,))), tiers=_tiers(rng))
        for zone in ZONES
    ]


def _day_and_night(rng: Random) -> list[Charge]:
    return [
        _traffic("day", Model.PER_UNIT, rng, hours=DAY),
        _traffic("night", Model.PER_UNIT, rng, hours=NIGHT),
        _requests(rng),
    ]


def _packages(rng: Random) -> list[Charge]:
    size = Decimal(rng.choice([100, 500, 1000]))
    packed = _traffic("traffic", Model.PACKAGE, rng)
    return [
        replace(
            packed, package=size, unit_price=_money(rng, 50, 900), free_units=Decimal(rng.choice([0, 50]))
        )
    ]


def _percentile(rng: Random) -> list[Charge]:
    how = rng.choice([P95, P95_ZONES])
    tiers = tuple(replace(tier, unit_price=tier.unit_price * 300) for tier in _tiers(rng))
    rate = Charge(
        "rate",
        Meter.P95_BPS,
        Model.PERCENTILE,
        "Mbps",
        tiers=tiers,
        percentile=how,
        top_tier=rng.random() < 0.5,
    )
    return [rate, _requests(rng)]


def _committed(rng: Random) -> list[Charge]:
    promise = Commitment(Decimal(rng.randint(1, 90) * 100), _price(rng), _price(rng) * 2)
    return [replace(_traffic("traffic", Model.COMMITMENT, rng), commitment=promise), _requests(rng)]


def _blocks(rng: Random) -> list[Charge]:
    return [
        replace(
            _traffic("traffic", Model.BLOCKS, rng), tiers=_tiers(rng, block=True), top_tier=rng.random() < 0.5
        )
    ]


def draw_month(rows: int, seed: int = 1) -> Usage:
    """A customer's rows of a month: random minutes, two resources, every zone."""
    rng = np.random.default_rng(seed)
    first, after = (int(at.timestamp()) // 60 for at in (MONTH.begin, MONTH.end))
    sent = rng.lognormal(16, 1.5, rows).astype(np.uint64)
    return usage_of(
        np.sort(rng.integers(first, after, rows)),
        resource=(("a.example.ru", "b.example.ru"), rng.integers(0, 2, rows)),
        zone=(ZONES, rng.integers(0, len(ZONES), rows)),
        requests=rng.integers(1, 500, rows),
        bytes_sent=sent,
        body_bytes=sent - sent // np.uint64(50),
    )


def draw_quantities(book: CompiledBook, customers: int, seed: int = 1) -> NDArray[np.uint64]:
    """uint64[columns, customers]: what each customer's month comes to in each column; a tenth have no usage in it."""
    rng = np.random.default_rng(seed)
    size = 3e17 / np.arange(1, customers + 1)  # bytes of a month, by Zipf's law
    columns = np.empty((len(book.columns), customers), np.uint64)
    for place, charge in enumerate(book.columns):
        share = rng.random(customers) * (rng.random(customers) > 0.1)
        per = {Meter.REQUESTS: 50_000, Meter.P95_BPS: 150_000, Meter.PEAK_BPS: 100_000}.get(charge.meter, 1)
        columns[place] = (
            1 if charge.meter is Meter.FLAT else (size / np.log(customers) * share / per).astype(np.uint64)
        )
    return columns
