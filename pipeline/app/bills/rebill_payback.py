"""When the discount of a proposed rebill comes back, and by what he is assumed to pay: his contract as it stays, or the
offered plan as his contract from now on; from his months before, for `prebill rebill propose`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipeline.app.failures import UsageFailure

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.app.configuration.settings import Config, CustomerSettings
    from pipeline.rating.bill_books import Books, Rebill
    from pipeline.rating.book import PlanBook
    from pipeline.rating.model import Plan
    from pipeline.rating.payback import Churn, Payback, Range
    from pipeline.store.store import Store

HISTORY = 12
"""Months before that say what a customer usually pays."""

_MARGIN = re.compile(r"[0-9](\.[0-9]{1,6})?")
_CHURN = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Assumption:
    """What the forecast stands on. `moves`: the plan of the rebill becomes his contract; else his contract stays, and
    he pays what it says. `margin`: the part of a bill that is left after its costs; `churn`: seen over the book."""

    moves: bool
    margin: Decimal
    churn: Churn | None


@dataclass(frozen=True, slots=True)
class Weighed:
    """The forecast under the assumption, with the plan that he is assumed to pay, and under the other one."""

    assumed: Assumption
    plan: Plan
    payback: Payback
    other_plan: Plan
    other: Payback


def assumption_of(
    config: Config, *, stays: bool, moves: bool, margin: str | None, churn: str | None
) -> Assumption:
    """What the options say, else [payback] of the configuration. Raises UsageFailure with every fault."""
    from pipeline.rating.payback import Churn

    problems = []
    if stays and moves:
        problems.append("rebill propose: expected --stays or --moves, found both")
    share = margin if margin is not None else config.payback.margin
    if not (_MARGIN.fullmatch(share) and 0 < Decimal(share) <= 1):
        problems.append(
            f'--margin: expected a part of a bill, above 0 and at most 1, like "0.35"; found {share!r}'
        )
    seen = None
    if churn is not None:
        found = _CHURN.fullmatch(churn)
        if found is None or not 0 <= int(found[1]) <= int(found[2]) or int(found[2]) == 0:
            problems.append(
                "--churn: expected how many customers left in how many customer-months, like 12/3600; "
                f"found {churn!r}"
            )
        else:
            seen = Churn(int(found[1]), int(found[2]))
    elif config.payback.months:
        seen = Churn(config.payback.left, config.payback.months)
    if problems:
        raise UsageFailure(problems)
    return Assumption(moves, Decimal(share), seen)


def weigh_rebill(
    store: Store, config: Config, books: Books, found: Rebill, assumed: Assumption, now: datetime
) -> Weighed | None:
    """When what he is let off comes back; None where nothing is let off. Raises UsageFailure."""
    from pipeline.app.bills.month_bill import bill_part, customer_of, parts_before
    from pipeline.app.configuration.plan_files import book_of
    from pipeline.coverage.periods import Month
    from pipeline.rating.payback import forecast_payback
    from pipeline.rating.rebill import difference
    from pipeline.rating.rounding import negated

    moved = difference(books, found.id)
    granted, new = negated(moved.delta.total), moved.new
    if granted <= 0:
        return None
    book, who = book_of(config), customer_of(config, new.customer)
    begins = new.period.begin.astimezone(ZoneInfo(new.period.tz))
    months = parts_before(store, config, who, Month(begins.year, begins.month), HISTORY)

    def forecast(plan: Plan) -> Payback:
        history = [
            sum((bill_part(part, plan, brief=True).total for part in parts), Decimal(0)) for parts in months
        ]
        return forecast_payback(history, granted, margin=assumed.margin, churn=assumed.churn)

    own, offered = _contract_plan(who, book, now), book.version(new.plan, new.plan_version)
    plan, other = (offered, own) if assumed.moves else (own, offered)
    first = forecast(plan)
    return Weighed(assumed, plan, first, other, first if other is plan else forecast(other))


def _contract_plan(who: CustomerSettings, book: PlanBook, now: datetime) -> Plan:
    """The plan of the contract that holds now, or held last."""
    from pipeline.app.configuration.contracts import contracts_of
    from pipeline.rating.contracts import plan_of
    from pipeline.rating.plan_errors import NoPlanError

    contracts = contracts_of(who)
    begun = [contract for contract in contracts if contract.begin <= now] or list(contracts[:1])
    try:
        return plan_of(begun[-1], book)
    except NoPlanError as error:
        raise UsageFailure(f"customer {who.id}: {error}") from None


def payback_json(found: Weighed) -> dict[str, Any]:
    """The forecast, what it assumes, and how it is otherwise."""
    return {
        **_forecast_json(found.payback),
        "assumes": {
            **_assumed(moves=found.assumed.moves, plan=found.plan),
            "margin": f"{found.assumed.margin:f}",
            "churn": None
            if found.assumed.churn is None
            else {"left": found.assumed.churn.left, "months": found.assumed.churn.months},
        },
        "otherwise": {
            **_assumed(moves=not found.assumed.moves, plan=found.other_plan),
            **_forecast_json(found.other),
        },
    }


def _assumed(*, moves: bool, plan: Plan) -> dict[str, Any]:
    return {"contract": "moves" if moves else "stays", "plan": plan.id, "version": plan.version}


def _forecast_json(found: Payback) -> dict[str, Any]:
    from pipeline.rating.exports.show import plain

    def around(of: Range) -> dict[str, str | None]:
        return {
            name: None if value is None else plain(value)
            for name, value in (("low", of.low), ("expected", of.expected), ("high", of.high))
        }

    names = ("monthly", "months", "break_even_churn", "churn", "chance", "tenure", "value")
    return {
        "discount": plain(found.discount),
        **{name: around(getattr(found, name)) for name in names},
        "notes": [note.value for note in found.notes],
    }


def payback_text(found: Weighed, currency: str) -> list[tuple[str, str]]:
    """Label and text of each line, for a terminal."""
    if found.assumed.moves:
        says = f"he moves to {found.plan.id}, which becomes his contract"
        option = f"--stays: he stays on {found.other_plan.id}"
    else:
        says = f"his contract stays {found.plan.id}; the rebill moves this month alone"
        option = f"--moves: {found.other_plan.id} becomes his contract"
    rows = [("pays back", _when(found.payback)), ("assuming", f"{says}; {_left_over(found, currency)}")]
    if found.other_plan is not found.plan:
        rows.append(("otherwise", f"{_when(found.other)}, with {option}"))
    if protected := _protected(found.payback, currency):
        rows.append(("protects", protected))
    if found.payback.notes:
        rows.append(("notes", "; ".join(note.value for note in found.payback.notes)))
    return rows


def _left_over(found: Weighed, currency: str) -> str:
    monthly, margin = found.payback.monthly.expected, found.assumed.margin
    if monthly is None:
        return "what he pays in a month is not known"
    whole = "all of it is ours" if margin == 1 else f"{margin * 100:f} % of what he pays is left after costs"
    return f"about {monthly:,} {currency} a month ({whole}; --margin)"


def _when(found: Payback) -> str:
    months = found.months
    if months.expected is None:
        return "not within sight" if found.monthly.expected is not None else "not known"
    if months.low is None and months.high is None:
        return f"in about {months.expected:.0f} months"
    until = "more" if months.high is None else f"{months.high:.0f}"
    return f"in about {months.expected:.0f} months, {months.low or 0:.0f} to {until}"


def _protected(found: Payback, currency: str) -> str:
    """What the discount keeps, and how many may leave before it is lost; empty where nothing is known."""
    value, tenure, churn = found.value.expected, found.tenure.expected, found.break_even_churn.expected
    if value is None or tenure is None or churn is None:
        return ""
    return (
        f"about {value:,} {currency} in {tenure:,} months that he is expected to stay; lost on average "
        f"where more than {churn * 100:.2f} % of such clients leave in a month"
    )
