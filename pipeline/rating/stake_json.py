"""A stake as JSON and back: what the store keeps of what a gap costs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pipeline.rating.stake import Money, Stake

if TYPE_CHECKING:
    from collections.abc import Mapping


def stake_json(stake: Stake) -> dict[str, Any]:
    """Amounts as decimal strings [low, expected, high]."""
    return {
        "totals": {currency: _amounts(money) for currency, money in stake.totals.items()},
        "customers": [[*key, *_amounts(money)] for key, money in stake.customers.items()],
        "unrated": list(stake.unrated),
        "unattributed": str(stake.unattributed),
    }


def stake_from(body: Mapping[str, Any]) -> Stake:
    """The inverse of stake_json."""
    return Stake(
        {currency: _money(*amounts) for currency, amounts in body["totals"].items()},
        {(customer, month): _money(*amounts) for customer, month, *amounts in body["customers"]},
        tuple(body["unrated"]),
        Fraction(body["unattributed"]),
    )


def _amounts(money: Money) -> list[str]:
    return [f"{amount:f}" for amount in (money.low, money.expected, money.high)]


def _money(low: str, expected: str, high: str) -> Money:
    return Money(Decimal(low), Decimal(expected), Decimal(high))
