"""What a gap costs: the lost bytes of each customer whom it hit, priced at his own marginal price in that month, as the
bill with them less the bill without. From gaps of pipeline.coverage and a function that rates; for `prebill gaps`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pipeline.rating.rounding import add_up, negated

if TYPE_CHECKING:
    from pipeline.coverage.model import Amount, Gap


@dataclass(frozen=True, slots=True)
class LostUsage:
    """What a customer's usage lacks of an edge in minutes [first, after), as if spread evenly over them. `requests`:
    where the gap knows its lines, else 0."""

    edge: str
    first: int
    after: int
    bytes_sent: int
    requests: int = 0


@dataclass(frozen=True, slots=True)
class ContractMonth:
    """A month of a customer's contract: a name for it that `rate` knows, and its minutes [first, after)."""

    month: str
    first: int
    after: int


Rate = Callable[[str, str, Sequence[LostUsage]], tuple[Decimal, str]]
"""(customer, month, what to add to his usage) → what he owes for that month, and the currency. Rated with nothing added
it is his bill as it is."""

Months = Callable[[str, int, int], Sequence[ContractMonth]]
"""(customer, first, after) → the months of his contracts that share minutes with [first, after); none without one."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount at stake: the bytes' low, expected and high estimates, each priced; of one that is exact all are equal.
    Below zero where a plan's bill falls as usage grows."""

    low: Decimal = Decimal(0)
    expected: Decimal = Decimal(0)
    high: Decimal = Decimal(0)

    def __add__(self, other: Money) -> Money:
        return Money(
            add_up((self.low, other.low)),
            add_up((self.expected, other.expected)),
            add_up((self.high, other.high)),
        )


@dataclass(frozen=True, slots=True)
class Stake:
    """What is at stake by currency and by (customer, month), in the order of the gap's shares. `unrated`: hit customers
    without a contract in those minutes. `unattributed`: the share of the lost bytes that is nobody's known."""

    totals: Mapping[str, Money] = field(default_factory=dict)
    customers: Mapping[tuple[str, str], Money] = field(default_factory=dict)
    unrated: tuple[str, ...] = ()
    unattributed: Fraction = Fraction(0)

    @property
    def json(self) -> dict[str, str | None]:
        """`money` of a gap in `gaps --json`: null where nobody is rated, or currencies differ and cannot be one."""
        if len(self.totals) != 1:
            return dict.fromkeys(("low", "expected", "high", "currency"))
        ((currency, money),) = self.totals.items()
        return {
            "low": f"{money.low:f}",
            "expected": f"{money.expected:f}",
            "high": f"{money.high:f}",
            "currency": currency,
        }


def stake_of(gaps: Iterable[Gap], rate: Rate, months: Months) -> Stake:
    """What gaps cost, together: lost bytes of one customer and month are priced at once, because the second gap's
    bytes may lie in another tier than the first one's. For one gap's own price give it alone.

    Totals over customers and gaps add lows to lows and highs to highs: the interval never promises too much.
    """
    wanted: dict[tuple[str, str], list[list[LostUsage]]] = {}
    unrated: dict[str, None] = {}
    loose, weights = Fraction(0), 0
    for gap in gaps:
        shares = [(each.customer, Fraction(each.share)) for each in gap.customers]
        weight = gap.loss.lost_bytes.expected
        loose += max(Fraction(0), 1 - sum((share for _, share in shares), Fraction(0))) * weight
        weights += weight
        for customer, share in shares:
            spans = _spans(gap, months(customer, gap.loss.first, gap.loss.after))
            if not spans:
                unrated[customer] = None
            for month, first, after, part in spans:
                cases = wanted.setdefault((customer, month), [[], [], []])
                lines, edge = gap.loss.lost_lines or 0, gap.loss.stream.edge
                for case, lost in zip(cases, _cases(gap.loss.lost_bytes), strict=True):
                    mine = _part(lost, share * part), _part(lines, share * part)
                    case.append(LostUsage(edge, first, after, *mine))
    totals: dict[str, Money] = defaultdict(Money)
    customers = {}
    for (customer, month), cases in wanted.items():
        money, currency = _price(customer, month, cases, rate)
        customers[customer, month] = money
        totals[currency] += money
    return Stake(dict(totals), customers, tuple(unrated), loose / weights if weights else Fraction(0))


def _cases(lost: Amount) -> tuple[int, int, int]:
    if lost.exact is not None:
        return lost.exact, lost.exact, lost.exact
    return lost.low, lost.expected, lost.high


def _spans(gap: Gap, months: Sequence[ContractMonth]) -> list[tuple[str, int, int, Fraction]]:
    """The gap's minutes in each month, and which part of all its minutes they are."""
    found = []
    for month in months:
        first, after = max(month.first, gap.loss.first), min(month.after, gap.loss.after)
        if first < after:
            found.append((month.month, first, after, Fraction(after - first, gap.minutes)))
    return found


def _part(amount: int, share: Fraction) -> int:
    """A share of whole bytes, half up."""
    return int(amount * share + Fraction(1, 2))


def _price(customer: str, month: str, cases: Sequence[Sequence[LostUsage]], rate: Rate) -> tuple[Money, str]:
    known: dict[Any, Decimal] = {}
    base, currency = rate(customer, month, ())
    prices = []
    for case in cases:
        added = tuple(lost for lost in case if lost.bytes_sent or lost.requests)
        if not added:
            prices.append(Decimal(0))
            continue
        if added not in known:  # an exact loss is one case, not three
            known[added] = add_up((rate(customer, month, added)[0], negated(base)))
        prices.append(known[added])
    # a bill that falls as usage grows prices more bytes lower: the interval is still one
    return Money(min(prices), prices[1], max(prices)), currency
