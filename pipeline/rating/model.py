"""The nouns of rating: plans with their charges, metered quantities, bills with their lines. Frozen, no I/O.

Money and quantities are Decimal here; kernels get them as scaled integers and give integers back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime, time
    from decimal import Decimal


class Meter(Enum):
    """What a charge counts."""

    BYTES_SENT = "bytes_sent"
    BODY_BYTES = "body_bytes"
    REQUESTS = "requests"
    P95_BPS = "p95_bps"
    PEAK_BPS = "peak_bps"
    FLAT = "flat"


class Model(Enum):
    """How a quantity becomes an amount; one module of pipeline.rating.charges each."""

    FLAT = "flat"
    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"
    BLOCKS = "blocks"
    CAPACITY = "capacity"
    PERCENTAGE = "percentage"
    COMMITMENT = "commitment"
    PERCENTILE = "percentile"


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and including `up_to` (None: all that are left) at a unit price, and a flat sum for entering it.
    `block`: units in a block of this tier, for blocks, where `unit_price` is the price of a block."""

    up_to: Decimal | None
    unit_price: Decimal
    flat: Decimal
    block: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Rounding:
    """Where and how an amount is rounded: `scale` decimals; `mode`: half_up, half_even, up, down; `at`: line, total or
    tier."""

    scale: int = 2
    mode: str = "half_up"
    at: str = "line"


@dataclass(frozen=True, slots=True)
class Where:
    """The usage that a charge counts; empty: all. Resources are patterns like *.example.com."""

    zones: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hours:
    """A window of the day in a zone of time, [begin, end); one that ends before it begins runs over midnight, and one
    that ends when it begins is the whole day. `days`: of the week on which it begins, 0 for Monday; empty: all."""

    begin: time
    end: time
    tz: str
    days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Percentile:
    """How a series of rates becomes one rate. `sample_s`: seconds of a sample; `of`: sum, max_of_zones, sum_of_zones;
    `missing_samples`: zero or skip; `valid_days`: a day without traffic does not count; `valid_days_factor`: the price
    is paid for the days with traffic, of all days of the period."""

    rank: Decimal
    sample_s: int
    method: str
    of: str
    missing_samples: str
    valid_days: bool
    valid_days_factor: bool = False


@dataclass(frozen=True, slots=True)
class Commitment:
    """Units that are paid whether used or not, at `price`; what is over costs `overage_price` a unit; `true_up`: with
    usage below it, the rest is a line of its own."""

    units: Decimal
    price: Decimal
    overage_price: Decimal
    true_up: bool = True


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of a plan. `unit`: GB, GiB, Mbps, 10k-requests …, of pipeline.rating.units; `package`: units in a
    package or block, paid begun or not as `begun` says; `rate`: a share of an amount, for percentage, and `of` the
    charges whose amounts those are (none: all others). `whole_units`: the quantity is taken up or down to whole units.
    `zero_pays_first_flat`: no usage still pays the first tier's flat sum. `top_tier`: blocks and percentile price all
    by the tier reached. `window_s`: windows of that many seconds, by the clock, are priced each alone. `group`: of the
    charges of one group only the dearest is paid. `percent_off`: taken off before minimum and cap. `tax`: in the
    contract's place."""

    id: str
    meter: Meter
    model: Model
    unit: str
    names: Mapping[str, str] = field(default_factory=dict)
    unit_price: Decimal | None = None
    flat: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    package: Decimal | None = None
    begun: bool = True
    rate: Decimal | None = None
    free_units: Decimal | None = None
    minimum: Decimal | None = None
    cap: Decimal | None = None
    commitment: Commitment | None = None
    where: Where = field(default_factory=Where)
    hours: Hours | None = None
    percentile: Percentile | None = None
    rounding: Rounding = field(default_factory=Rounding)
    of: tuple[str, ...] = ()
    whole_units: str = ""
    zero_pays_first_flat: bool = False
    top_tier: bool = False
    window_s: int | None = None
    group: str = ""
    percent_off: Decimal | None = None
    tax: Tax | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sold. `valid`: [from, to) in which contracts may begin; `minimum`: a true-up to that much a month;
    `cap`: never more; `proration`: none, day or second; `source`: where a public price was read, and when;
    `rounding`: of minimum, cap, discounts and taxes."""

    id: str
    version: int
    names: Mapping[str, str]
    currency: str
    valid_from: date
    valid_to: date | None
    charges: tuple[Charge, ...]
    minimum: Decimal | None = None
    cap: Decimal | None = None
    proration: str = "none"
    source: str = ""
    rounding: Rounding = field(default_factory=Rounding)


@dataclass(frozen=True, slots=True)
class Tax:
    """A rate in percent; `included`: prices hold it already."""

    name: str
    rate: Decimal
    included: bool


@dataclass(frozen=True, slots=True)
class Discount:
    """`percent` or `amount`, one of them; `once`: in one bill only. They are applied in the order given."""

    name: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    once: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """When something of a contract holds: [begin, end) in UTC; None: from its beginning, until its end."""

    begin: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """What a customer buys in [begin, end): a plan, in the version valid when it begins or in `version`. `taxes`: the
    last that has begun holds; `discounts` are applied in the order given."""

    customer: str
    plan: str
    begin: datetime
    end: datetime | None
    tz: str
    currency: str = ""
    version: int | None = None
    taxes: tuple[tuple[Term, Tax], ...] = ()
    discounts: tuple[tuple[Term, Discount], ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a contract's month that it holds in: what one bill is for. `whole`: all of that month."""

    contract: Contract
    period: Period
    whole: Period
    tax: Tax | None
    discounts: tuple[Discount, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time that is billed, [begin, end) in UTC, and the zone whose month it is."""

    begin: datetime
    end: datetime
    tz: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a charge counted, in its own unit, exactly; `base` in base units (bytes, requests, bit/s) beside it.
    `windows`: the units of each window, of a charge that prices windows alone. `valid_days`: the days with traffic and
    all days, of a charge that is paid for those."""

    charge: str
    units: Decimal
    base: int
    note: str = ""
    windows: tuple[Decimal, ...] = ()
    valid_days: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A step of a line: so many units at a price, or a flat sum; its amount before rounding, unless each is rounded."""

    what: str
    units: Decimal
    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a bill: parts explain `amount`, which is rounded where the plan says. `kind`: charge, minimum, cap,
    discount, tax, adjustment."""

    kind: str
    id: str
    names: Mapping[str, str]
    quantity: Decimal
    unit: str
    amount: Decimal
    parts: tuple[Part, ...] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Usage in a zone that no charge counts of a plan that prices such usage elsewhere, so that it is free: `meter` is
    bytes_sent, body_bytes or requests, `units` are of `unit`, exactly."""

    meter: Meter
    zone: str
    units: Decimal
    unit: str

    @property
    def text(self) -> str:
        """One sentence."""
        where = f"zone {self.zone}" if self.zone else "no zone"
        return f"{self.units:f} {self.unit} in {where} is counted by no charge"


@dataclass(frozen=True, slots=True)
class Bill:
    """What a customer owes for a period; `net` is the sum of its lines but taxes, `total` of all. `provisional`: why
    it may still change, empty for a final one. `customer_name`, `plan_names`: what people call them; they say nothing
    of what is owed, nor does `uncounted`, what is free by oversight."""

    customer: str
    plan: str
    plan_version: int
    period: Period
    currency: str
    lines: tuple[Line, ...]
    net: Decimal
    tax: Decimal
    total: Decimal
    provisional: tuple[str, ...] = ()
    customer_name: str = ""
    plan_names: Mapping[str, str] = field(default_factory=dict)
    uncounted: tuple[Uncounted, ...] = ()
