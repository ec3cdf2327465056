"""What paid requests bring and cost: by request, by the hour, or out of hours bought ahead that expire. Pure; exact
decimals, money rounded to the hundredth once per package."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incidents.desk.model import HoursBought, Worked
    from incidents.desk.requests import Desk

ZERO = Decimal(0)
_CENT = Decimal("0.01")


class Profit(Struct, frozen=True, kw_only=True):
    """Of one currency in [since, until): `revenue` is what was earned: work by request and by the hour when it was
    done, prepaid hours when they were used, and what is left of them when they expire. `cost`: hours worked at the
    desk's rate, only in the currency in which that is. `sold`: paid ahead, not earned yet."""

    currency: str
    by_request: Decimal = ZERO
    by_hour: Decimal = ZERO
    prepaid_used: Decimal = ZERO
    prepaid_expired: Decimal = ZERO
    hours: Decimal = ZERO
    hours_bought: Decimal = ZERO
    hours_used: Decimal = ZERO
    hours_expired: Decimal = ZERO
    sold: Decimal = ZERO
    cost: Decimal = ZERO

    @property
    def revenue(self) -> Decimal:
        """All that was earned."""
        return self.by_request + self.by_hour + self.prepaid_used + self.prepaid_expired

    @property
    def profit(self) -> Decimal:
        """Earned less cost."""
        return self.revenue - self.cost


class _Package:
    """Hours bought, and how many of them are used."""

    def __init__(self, bought: HoursBought) -> None:
        self.bought = bought
        self.hours, self.price = Decimal(bought.hours), Decimal(bought.price)
        self.used = ZERO

    @property
    def left(self) -> Decimal:
        return self.hours - self.used

    def earned(self, hours: Decimal) -> Decimal:
        """What so many of its hours are worth, in hundredths; all of them: the price."""
        if hours >= self.hours or not self.hours:
            return self.price
        return (self.price * hours / self.hours).quantize(_CENT, ROUND_HALF_UP)

    def use(self, hours: Decimal) -> Decimal:
        """Takes hours out; returns what they were worth."""
        before = self.earned(self.used) if self.used else ZERO
        self.used += hours
        return self.earned(self.used) - before


class _Draw(Struct, frozen=True):
    at: float
    currency: str
    hours: Decimal
    amount: Decimal


def _draws(desk: Desk, customer: str) -> tuple[list[_Draw], list[_Package]]:
    """Prepaid work of a customer, out of what expires first of what was there at the time."""
    packages = [_Package(each) for each in desk.bought if each.customer == customer]
    draws = []
    for work in _works(desk, customer):
        wanted = Decimal(work.hours)
        there = [p for p in packages if p.bought.at <= work.at < p.bought.expires and p.left > 0]
        for package in sorted(there, key=lambda each: each.bought.expires):
            hours = min(wanted, package.left)
            if hours > 0:
                amount = package.use(hours)
                draws.append(_Draw(work.at, package.bought.currency, hours, amount))
                wanted -= hours
    return draws, packages


def _works(desk: Desk, customer: str) -> Iterator[Worked]:
    return (work for work in desk.worked if work.customer == customer and work.mode == "prepaid")


def hours_left(desk: Desk, customer: str, at: float) -> Decimal:
    """Prepaid hours that a customer can still use."""
    _, packages = _draws(desk, customer)
    return sum((p.left for p in packages if p.bought.at <= at < p.bought.expires), ZERO)


def profits(
    desk: Desk, since: float, until: float, now: float, *, cost_rate: Decimal, cost_currency: str
) -> list[Profit]:
    """By currency, what was earned, sold and spent in [since, until), by what is known at `now`."""
    sums: dict[str, dict[str, Decimal]] = {}

    def add(currency: str, **amounts: Decimal) -> None:
        row = sums.setdefault(currency, {})
        for name, amount in amounts.items():
            row[name] = row.get(name, ZERO) + amount

    end = min(until, now)
    for work in desk.worked:
        if not since <= work.at < end:
            continue
        hours = Decimal(work.hours)
        cost = (hours * cost_rate).quantize(_CENT, ROUND_HALF_UP)
        add(cost_currency, hours=hours, cost=cost)
        if work.mode == "request":
            add(work.currency or cost_currency, by_request=Decimal(work.price))
        elif work.mode == "hour":
            earned = (hours * Decimal(work.price)).quantize(_CENT, ROUND_HALF_UP)
            add(work.currency or cost_currency, by_hour=earned)
    for bought in desk.bought:
        if since <= bought.at < end:
            add(bought.currency, hours_bought=Decimal(bought.hours), sold=Decimal(bought.price))
    for customer in sorted({each.customer for each in desk.bought}):
        draws, packages = _draws(desk, customer)
        for draw in draws:
            if since <= draw.at < end:
                add(draw.currency, prepaid_used=draw.amount, hours_used=draw.hours)
        for package in packages:
            if since <= package.bought.expires < end and package.left > 0:
                worth = package.earned(package.hours) - (
                    package.earned(package.used) if package.used else ZERO
                )
                add(package.bought.currency, prepaid_expired=worth, hours_expired=package.left)
    return [Profit(currency=currency, **row) for currency, row in sorted(sums.items())]
