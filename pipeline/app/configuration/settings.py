"""The configuration as types: what prebill.toml may hold, its defaults and its units; read by config.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct

from incidents.channels.settings import ChannelSettings, NoticeSettings, Notifying
from incidents.desk.settings import SupportSettings
from incidents.people.settings import ContactSettings, OncallSettings, PersonSettings
from incidents.policy import Policy
from incidents.probes.settings import ProbeSettings, ProbingSettings
from incidents.tasks.settings import TaskSettings
from pipeline.configured import Count, Decimal, Duration, Instant, Name

VERSION = 1
"""The version of the configuration's shape that this code reads."""


class StoreSettings(Struct, frozen=True, kw_only=True):
    """Where facts and ledger live."""

    dsn: Name


class SpoolSettings(Struct, frozen=True, kw_only=True):
    """Where segments arrive, and how their lines are to be read."""

    path: Name
    format: Name = "edge-tsv"
    pattern: str | None = None


class LatenessSettings(Struct, frozen=True, kw_only=True):
    """When a minute is raised as late, and when its period may be closed."""

    allowance: Duration = Duration(timedelta(minutes=5))
    close_after: Duration = Duration(timedelta(hours=72))


class CoverageSettings(Struct, frozen=True, kw_only=True):
    """What counts as lost beside what never came: how far logs and counters may differ, and how far back is looked."""

    tolerance_percent: Decimal = "0.5"
    tolerance_bytes: Count = 65_536
    tolerance_requests: Count = 5
    reach: Duration = Duration(timedelta(days=35))
    keeps: Duration | None = None


class PlansSettings(Struct, frozen=True, kw_only=True):
    """Where the plan book is: one TOML a plan."""

    path: Name = "plans/"


class SpikesSettings(Struct, frozen=True, kw_only=True):
    """When a client is warned of his coming bill: above `factor` times the usual one (the middle one of so many
    `months` before) and `least` more in his contract's currency. `at_most`: suspects that one look reads exactly."""

    factor: Decimal = "1.5"
    least: Decimal = "1000"
    months: Annotated[int, Meta(ge=1, le=24, description="a whole number from 1 to 24")] = 3
    at_most: Annotated[int, Meta(ge=1, le=100_000, description="a whole number, 1 or more")] = 500


class PaybackSettings(Struct, frozen=True, kw_only=True):
    """What a discount is weighed with: the `margin` of a bill that is left after its costs, and how many customers
    `left` in how many customer-`months` of the book; without months a customer is judged by his own."""

    margin: Decimal = "1"
    left: Count = 0
    months: Count = 0


class FreeOffer(Struct, frozen=True, kw_only=True):
    """Something that is done for a client for nothing, as his letter says it."""

    ru: Name
    en: Name


class PaidOffer(FreeOffer, frozen=True, kw_only=True):
    """The same for money: `price` in `currency`; who pays in another one is not offered it."""

    price: Decimal
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", description='three capital letters, like "RUB"')]


class LetterSettings(Struct, frozen=True, kw_only=True):
    """What every letter about a dear month offers beside plans."""

    free: tuple[FreeOffer, ...] = ()
    paid: tuple[PaidOffer, ...] = ()


class Pause(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A time in which nothing is expected of an edge; `to` is exclusive."""

    from_: Instant
    to: Instant


class EdgeSettings(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """An edge server whose segments are expected from `from` up to `to` (exclusive)."""

    id: Name
    from_: Instant
    zone: str = ""
    to: Instant | None = None
    pauses: tuple[Pause, ...] = ()
    streams: tuple[Name, ...] = ("access",)
    counters: bool = False
    keeps: Duration | None = None


class Tax(Struct, frozen=True, kw_only=True):
    """What is put on a bill's sum, in per cent, or is already in its prices."""

    name: Name
    rate: Decimal
    included: bool = False


class LaterTax(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """The tax from a day on, while the contract stays what it is."""

    from_: Instant
    name: Name
    rate: Decimal
    included: bool = False


class Discount(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What is taken off a contract's bills, in per cent or as an amount; `once`: of the first of them only."""

    name: Name
    percent: Decimal | None = None
    amount: Decimal | None = None
    once: bool = False
    from_: Instant | None = None
    to: Instant | None = None


class Contract(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Which plan a customer is on from a day in its own time zone, until `to` (exclusive) or the next contract."""

    plan: Name
    from_: Instant
    to: Instant | None = None
    tz: Name = "UTC"
    version: Annotated[int, Meta(ge=1, description="a whole number, 1 or more")] | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", description='three capital letters, like "RUB"')] = ""
    tax: Tax | None = None
    later_tax: tuple[LaterTax, ...] = ()
    discount: tuple[Discount, ...] = ()


class CustomerSettings(Struct, frozen=True, kw_only=True):
    """Who is counted, and for which resources: names, or `*.` and a domain for all below it."""

    id: Name
    resources: Annotated[tuple[Name, ...], Meta(min_length=1)]
    name: str = ""
    lang: str = "en"
    contract: tuple[Contract, ...] = ()


class Config(Struct, frozen=True, kw_only=True):
    """All of prebill.toml."""

    store: StoreSettings
    spool: SpoolSettings
    version: int = VERSION
    lateness: LatenessSettings = LatenessSettings()
    coverage: CoverageSettings = CoverageSettings()
    plans: PlansSettings = PlansSettings()
    spikes: SpikesSettings = SpikesSettings()
    payback: PaybackSettings = PaybackSettings()
    letters: LetterSettings = LetterSettings()
    tasks: TaskSettings = TaskSettings()
    edge: tuple[EdgeSettings, ...] = ()
    customer: tuple[CustomerSettings, ...] = ()
    probing: ProbingSettings = ProbingSettings()
    probe: tuple[ProbeSettings, ...] = ()
    person: tuple[PersonSettings, ...] = ()
    oncall: OncallSettings = OncallSettings()
    contact: tuple[ContactSettings, ...] = ()
    channel: tuple[ChannelSettings, ...] = ()
    notices: NoticeSettings = NoticeSettings()
    incidents: Policy = Policy()
    support: SupportSettings = SupportSettings()

    @property
    def notifying(self) -> Notifying:
        """Who hears of incidents, and how."""
        return Notifying(
            person=self.person,
            oncall=self.oncall,
            contact=self.contact,
            channel=self.channel,
            notices=self.notices,
        )
