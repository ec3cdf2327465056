"""A plan's file as types: what its tables may hold, before rules between keys are looked at; read by plan_toml.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from pipeline.rating.model import Meter, Model

DAY_S = 86_400
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,12})?")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_SAMPLE = re.compile(r"([1-9][0-9]{0,3})([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}

Text = Annotated[str, Meta(min_length=1, max_length=1000)]
Filled = Annotated[tuple[Text, ...], Meta(min_length=1)]
Whole = Annotated[int, Meta(ge=1, le=1 << 30, description="a whole number, 1 or more")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Scale = Annotated[int, Meta(ge=0, le=12, description="a whole number from 0 to 12")]


@dataclass(frozen=True, slots=True)
class Amount:
    """A decimal in quotes, 0 or more: money, a quantity, a share. Whole numbers may go without quotes, floats never."""

    value: Decimal

    @classmethod
    def parse(cls, value: object) -> Amount:
        """Raises ValueError that says what was expected."""
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
            raise ValueError('a decimal in quotes, 0 or more, like "3000" or "0.85"')
        return cls(Decimal(text))


@dataclass(frozen=True, slots=True)
class Id:
    """A short name that is the same for ever."""

    value: str

    @classmethod
    def parse(cls, value: object) -> Id:
        """Raises ValueError that says what was expected."""
        if not isinstance(value, str) or not _ID.fullmatch(value):
            raise ValueError('a short name in quotes of letters, digits, ".", "_" and "-", like "start"')
        return cls(value)


@dataclass(frozen=True, slots=True)
class Names:
    """What people call a thing, by language."""

    value: dict[str, str]

    @classmethod
    def parse(cls, value: object) -> Names:
        """From a table by language, or one text for all. Raises ValueError that says what was expected."""
        if isinstance(value, str) and value.strip():
            return cls({"en": value})
        if (
            isinstance(value, dict)
            and value
            and all(_LANGUAGE.fullmatch(key) for key in value)
            and all(isinstance(each, str) and each.strip() for each in value.values())
        ):
            return cls(dict(value))
        raise ValueError('a text, or texts by language, like { ru = "Старт", en = "Start" }')


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 code."""

    value: str

    @classmethod
    def parse(cls, value: object) -> Currency:
        """Raises ValueError that says what was expected."""
        if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{3}", value):
            raise ValueError('a currency of three capital letters, like "RUB"')
        return cls(value)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar, without a time."""

    value: date

    @classmethod
    def parse(cls, value: object) -> Day:
        """From TOML's own date or the same as text. Raises ValueError that says what was expected."""
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                value = None
        if isinstance(value, date) and not isinstance(value, datetime):
            return cls(value)
        raise ValueError("a date without a time, like 2026-01-01")


@dataclass(frozen=True, slots=True)
class Clock:
    """A whole minute of the day."""

    value: time

    @classmethod
    def parse(cls, value: object) -> Clock:
        """From "HH:MM" or TOML's own time; "24:00" is the midnight that ends the day. Raises ValueError."""
        if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
            return cls(time.fromisoformat(value))
        if value == "24:00":
            return cls(time())
        if isinstance(value, time) and not value.second and not value.microsecond:
            return cls(value)
        raise ValueError('a time of day in quotes, like "08:00"')


@dataclass(frozen=True, slots=True)
class Sample:
    """How long one sample lasts, in seconds: whole minutes, which usage has, of which a day holds a whole number."""

    seconds: int

    @classmethod
    def parse(cls, value: object) -> Sample:
        """Raises ValueError that says what was expected."""
        found = _SAMPLE.fullmatch(value) if isinstance(value, str) else None
        seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
        if not seconds or seconds % 60 or DAY_S % seconds:
            raise ValueError('whole minutes that divide a day, in quotes, like "1m", "5m" or "1h"')
        return cls(seconds)


class TierTable(Struct, frozen=True, kw_only=True):
    """An element of `tiers`."""

    up_to: Amount | None = None
    unit_price: Amount | None = None
    flat: Amount | None = None
    block: Amount | None = None


class RoundingTable(Struct, frozen=True, kw_only=True):
    """`rounding`."""

    scale: Scale = 2
    mode: Literal["half_up", "half_even", "up", "down"] = "half_up"
    at: Literal["line", "total", "tier"] = "line"


class WhereTable(Struct, frozen=True, kw_only=True):
    """`where`."""

    zone: Filled | None = None
    resource: Filled | None = None


class HoursTable(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`hours`."""

    from_: Clock
    to: Clock
    tz: Text
    days: Annotated[tuple[Weekday, ...], Meta(min_length=1)] | None = None


class PercentileTable(Struct, frozen=True, kw_only=True):
    """`[charge.percentile]`."""

    rank: Amount | None = None
    sample: Sample = Sample(300)
    method: Literal["nearest_rank", "discard_floor", "librenms", "cacti"] = "nearest_rank"
    of: Literal["sum", "max_of_zones", "sum_of_zones"] = "sum"
    missing_samples: Literal["zero", "skip"] = "zero"
    valid_days: bool = False
    valid_days_factor: bool = False


class CommitmentTable(Struct, frozen=True, kw_only=True):
    """`[charge.commitment]`."""

    units: Amount
    price: Amount
    overage_price: Amount
    true_up: bool = True


class TaxTable(Struct, frozen=True, kw_only=True):
    """`tax` of a charge."""

    name: Text
    rate: Amount
    included: bool = False


class ChargeTable(Struct, frozen=True, kw_only=True):
    """`[[charge]]`."""

    id: Id
    meter: Meter
    model: Model
    name: Names | None = None
    unit: Text | None = None
    unit_price: Amount | None = None
    flat: Amount | None = None
    tiers: tuple[TierTable, ...] | None = None
    package: Amount | None = None
    begun: bool | None = None
    rate: Amount | None = None
    free_units: Amount | None = None
    minimum: Amount | None = None
    cap: Amount | None = None
    commitment: CommitmentTable | None = None
    where: WhereTable = WhereTable()
    hours: HoursTable | None = None
    percentile: PercentileTable | None = None
    rounding: RoundingTable = RoundingTable()
    of: Filled | None = None
    whole_units: Literal["up", "down"] | None = None
    zero_pays_first_flat: bool | None = None
    top_tier: bool | None = None
    window: Sample | None = None
    group: Id | None = None
    percent_off: Amount | None = None
    tax: TaxTable | None = None


class PlanTable(Struct, frozen=True, kw_only=True):
    """A whole file."""

    id: Id
    currency: Currency
    valid_from: Day
    charge: Annotated[tuple[ChargeTable, ...], Meta(min_length=1)]
    name: Names | None = None
    version: Whole = 1
    valid_to: Day | None = None
    minimum: Amount | None = None
    cap: Amount | None = None
    proration: Literal["none", "day", "second"] = "none"
    source: Text | None = None
    rounding: RoundingTable = RoundingTable()
