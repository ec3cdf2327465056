"""Contracts of the configuration as rating knows them, each ending where the next begins; and whether the plan book has
what they name.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipeline.app.configuration.contract_rules import zone_of
from pipeline.rating.contracts import plan_of
from pipeline.rating.model import Contract, Discount, Tax, Term
from pipeline.rating.plan_errors import NoPlanError, PlanError
from pipeline.shape import Key, key_text
from pipeline.toml_lines import find_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pipeline.app.configuration import settings
    from pipeline.app.configuration.settings import CustomerSettings
    from pipeline.rating.book import PlanBook


def contracts_of(customer: CustomerSettings) -> tuple[Contract, ...]:
    """A customer's contracts in time's order; one without an end ends where the next begins."""
    return tuple(contract for _, contract in _numbered(customer))


def _numbered(customer: CustomerSettings) -> list[tuple[int, Contract]]:
    """With each contract its place in the configuration."""
    begins = [each.from_.at(ZoneInfo(each.tz)) for each in customer.contract]
    order = sorted(range(len(begins)), key=begins.__getitem__)
    found = []
    for place, number in enumerate(order):
        following = begins[order[place + 1]] if place + 1 < len(order) else None
        found.append((number, _contract(customer, customer.contract[number], begins[number], following)))
    return found


def _contract(
    customer: CustomerSettings, written: settings.Contract, begin: datetime, following: datetime | None
) -> Contract:
    zone = ZoneInfo(written.tz)
    taxes = [(Term(begin), _tax(written.tax))] if written.tax else []
    taxes += [(Term(tax.from_.at(zone)), _tax(tax)) for tax in written.later_tax]
    return Contract(
        customer=customer.id,
        plan=written.plan,
        begin=begin,
        end=written.to.at(zone) if written.to is not None else following,
        tz=written.tz,
        currency=written.currency,
        version=written.version,
        taxes=tuple(taxes),
        discounts=tuple(
            (
                Term(each.from_.at(zone) if each.from_ else None, each.to.at(zone) if each.to else None),
                Discount(each.name, _decimal(each.percent), _decimal(each.amount), each.once),
            )
            for each in written.discount
        ),
    )


def _tax(written: settings.Tax | settings.LaterTax) -> Tax:
    return Tax(written.name, Decimal(written.rate), written.included)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def contract_errors(
    customers: Sequence[CustomerSettings], book: PlanBook, file: Path, faulty: Collection[str] = ()
) -> list[PlanError]:
    """Contracts whose plan the book does not have, or not on the day they begin, or in another currency; by line.

    What could not be read of a contract is None and passed over; so are plans that are `faulty`, which the book lacks.
    """
    try:
        lines = find_lines(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError):  # the environment alone may hold them
        lines = {}
    errors = []
    for place, customer in enumerate(customers):
        for number, written in enumerate(customer.contract or ()):
            if written is None or written.plan is None or written.plan in faulty:
                continue
            if why := _not_sold(customer, written, book):
                key: Key = ("customer", place, "contract", number, "plan")
                held = (lines.get(key[:depth]) for depth in range(len(key), 0, -1))
                line = next((line for line in held if line), 0)
                whose = f"customer {customer.id}: " if customer.id else ""
                errors.append(PlanError(str(file), line, key_text(key), f"{whose}{why}"))
    return sorted(errors)


def _not_sold(customer: CustomerSettings, written: settings.Contract, book: PlanBook) -> str:
    """Why a contract's plan cannot be had; empty where it can, or where too little of the contract could be read."""
    zone = zone_of(written.tz)
    dated = written.from_ is not None and (zone is not None or written.version is not None)
    begin = written.from_.at(zone or UTC) if dated else datetime.max.replace(tzinfo=UTC)
    contract = Contract(
        customer.id or "", written.plan, begin, None, written.tz if zone else "UTC", written.currency or ""
    )
    try:
        plan_of(replace(contract, version=written.version), book)
    except NoPlanError as error:
        return "" if not dated and book.has(written.plan) else str(error)
    return ""
