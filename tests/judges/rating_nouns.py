"""Parameters of outside rating cases as this project's nouns, for tests/judges/rating_models.py."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pipeline.rating.model import (
    Charge,
    Commitment,
    Line,
    Meter,
    Model,
    Period,
    Plan,
    Quantity,
    Rounding,
    Tier,
)

Case = dict[str, Any]
EXACT = Rounding(scale=30)
CENTS = Rounding(scale=0)
MONEY = Rounding(scale=2)
MONTH = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), "UTC")
METERS = {"percentile": Meter.P95_BPS, "flat": Meter.FLAT}


class UnsupportedError(Exception):
    """A case of something that no CDN sells; the text is the reason of its skip."""


def number(value: str | None) -> Decimal:
    return Decimal(value or 0)


def ratio(text: str) -> Fraction:
    """`15/31`, or a decimal."""
    return Fraction(text)


def optional(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def rounding_of(params: Case) -> Rounding:
    """Sources that round say so; the others print every digit."""
    named = str(params.get("rounding", ""))
    return MONEY if any(word in named for word in ("2dp", "cent")) else EXACT


def tiers_of(tiers: list[Case]) -> tuple[Tier, ...]:
    """Tiers by quantity; a percent of a slice is its price."""
    return tuple(
        Tier(
            optional(tier["up_to"]),
            number(tier["percent"]).scaleb(-2) if "percent" in tier else number(tier["unit"]),
            number(tier.get("flat")),
        )
        for tier in tiers
    )


def block_tiers(tiers: list[Case], *, top_tier: bool = False) -> tuple[Tier, ...]:
    """Tiers that say how many blocks they hold: our bounds are in units. Where the tier reached prices everything, the
    source lets the last one hold all there is."""
    made, above = [], Decimal(0)
    for tier in tiers:
        size = number(tier.get("block_size", "1"))
        most = optional(tier.get("max_blocks", tier.get("max")))
        up_to = None if most is None or (top_tier and tier is tiers[-1]) else above + size * most
        price = number(tier.get("block_price", tier.get("price")))
        made.append(Tier(up_to, price, Decimal(0), size))
        above = up_to or above
    return tuple(made)


def charge_of(params: Case, model: str, name: str = "c", **other: Any) -> Charge:
    """A charge of one of our models out of a case's params."""
    fields: Case = {
        "id": name,
        "meter": METERS.get(model, Meter.BYTES_SENT),
        "model": Model(model),
        "unit": "unit",
        "minimum": optional(params.get("minimum_amount")),
        "cap": optional(params.get("maximum_amount")),
        "percent_off": optional(params.get("percent_discount")),
        "free_units": optional(params.get("free_units", params.get("usage_discount"))),
        "rounding": rounding_of(params),
        "zero_pays_first_flat": bool(params.get("zero_usage_pays_first_flat")),
    }
    match model:
        case "per_unit":
            fields["unit_price"] = number(params.get("unit", params.get("multiplier")))
        case "graduated" | "volume":
            fields["tiers"] = tiers_of(params["tiers"])
        case "package":
            fields["package"] = number(params["package_size"])
            fields["unit_price"] = number(params["package_price"])
            fields["begun"] = params.get("rounding") != "down"
        case "blocks":
            fields["tiers"] = block_tiers(params["tiers"], top_tier=bool(other.get("top_tier")))
        case "percentage":
            fields["rate"] = number(params["rate_percent"]).scaleb(-2)
        case "flat":
            fields["flat"] = number(params["flat"])
    return Charge(**{**fields, **other})


PRICE_MODELS = {"multiplier": "per_unit"}


def priced_by(params: Case) -> Charge:
    """The charge of a case that names its price model beside the question."""
    model = str(params["price_model"])
    return charge_of(params, PRICE_MODELS.get(model, model))


def of(charge: Charge, units: str | Decimal, *windows: str) -> Quantity:
    return Quantity(charge.id, Decimal(units), 0, windows=tuple(Decimal(each) for each in windows))


def plan_of(*charges: Charge, **other: Any) -> Plan:
    fields = {"rounding": EXACT, **other}
    return Plan("p", 1, {}, "XXX", MONTH.begin.date(), None, charges, **fields)


def flat_charge(amount: str | Decimal, name: str = "flat", rounding: Rounding = EXACT) -> Charge:
    return Charge(name, Meter.FLAT, Model.FLAT, "month", flat=Decimal(amount), rounding=rounding)


def commitment_of(bucket: Case) -> Charge:
    """A window's commitment; amounts become units by the window's own price. Without one, a price for each unit."""
    price = number(bucket["unit"])
    other: Case = {"window_s": 3600}
    if "commitment_amount" not in bucket and "commitment_quantity" not in bucket:
        return charge_of(bucket, "per_unit", **other)
    units = (
        number(bucket["commitment_quantity"])
        if "commitment_quantity" in bucket
        else number(bucket["commitment_amount"]) / price
    )
    promise = Commitment(units, price, price * number(bucket["overage_factor"]), bool(bucket["true_up"]))
    return charge_of({}, "commitment", commitment=promise, **other)


def part_of(line: Line, word: str) -> Decimal:
    """What the parts of a line with a word in their name come to."""
    return sum((part.amount for part in line.parts if word in part.what), Decimal(0))
