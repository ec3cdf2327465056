"""A simulation as a table for people and as one JSON document for machines."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from pipeline.app.terminal import out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from pipeline.rating.book_months import BookCustomer
    from pipeline.rating.book_ranking import Best
    from pipeline.rating.model import Plan
    from pipeline.rating.simulate import Outcome, Simulation

SHOWN = 15
THINGS = {
    "bytes_sent": "traffic",
    "body_bytes": "traffic without headers",
    "p95_bps": "bandwidth",
    "peak_bps": "peak bandwidth",
    "flat": "fixed fees",
    "plan-minimum": "the rest to its minimum",
}
"""What a plan asks money for, in words."""

LEAST_SHARE = 1000
"""Causes below a thousandth of the best plan's price are left out of the table."""


MOST = 40
"""Customers in the table of a book."""


def simulation_json(customer: str, month: str, found: Simulation) -> dict[str, Any]:
    """The whole ranking; amounts as exact text. `switch` is there only where the best day was looked for."""
    from pipeline.rating.exports.bill_json import to_json
    from pipeline.rating.simulate import SHIFTS

    switch = found.switch
    day = (
        {
            "plan": switch.plan.id,
            "day": switch.day.isoformat(),
            "before": str(switch.before),
            "after": str(switch.after),
            "net": str(switch.net),
        }
        if switch
        else None
    )
    return {
        "customer": customer,
        "month": month,
        "currency": found.currency,
        "current": found.current.plan.id if found.current else None,
        "best": found.ranked[0].plan.id if found.ranked else None,
        "ranked": [_outcome(place, each) for place, each in enumerate(found.ranked, 1)],
        "left_out": [{**_plan(plan), "reason": why} for plan, why in found.left_out],
        "best_if_usage_is": {
            f"{share}%": best for share, best in zip(SHIFTS, found.best_shifted, strict=True)
        },
        **({"switch": day} if found.looked_for_switch else {}),
        "bill": to_json(found.current_bill, None) if found.current_bill else None,
        "best_bill": to_json(found.best_bill, None) if found.best_bill else None,
    }


def _plan(plan: Plan) -> dict[str, Any]:
    return {"plan": plan.id, "version": plan.version, "name": dict(plan.names)}


def _outcome(place: int, outcome: Outcome) -> dict[str, Any]:
    from pipeline.rating.simulate import SHIFTS

    return {
        "rank": place,
        **_plan(outcome.plan),
        "net": str(outcome.net),
        "lines": {name: str(amount) for name, amount in outcome.lines.items()},
        "loses_by": [
            {
                "what": cause.what,
                "lines": list(cause.lines),
                "amount": str(cause.amount),
                "best_plan_amount": str(cause.best_amount),
            }
            for cause in outcome.causes
        ],
        "if_usage_is": {
            f"{share}%": None if net is None else str(net)
            for share, net in zip(SHIFTS, outcome.shifted, strict=True)
        },
        "falls": [
            {
                "charge": fall.charge,
                "up_to": str(fall.up_to),
                "unit": fall.unit,
                "before": str(fall.before),
                "after": str(fall.after),
                "worth_using_more": fall.worth_using_more,
            }
            for fall in outcome.falls
        ],
    }


def print_array(documents: Iterable[dict[str, Any]]) -> None:
    """One JSON array, each document as it comes: a whole book's take gigabytes."""
    sys.stdout.write("[")
    for place, document in enumerate(documents):
        sys.stdout.write(",\n" if place else "\n")
        json.dump(document, sys.stdout, ensure_ascii=False, default=str)
    sys.stdout.write("\n]\n")


def best_json(customer: str, month: str, found: Best) -> dict[str, Any]:
    """Of one customer of a book; amounts as exact text."""
    return {
        "customer": customer,
        "month": month,
        "currency": found.current.currency,
        "current": found.current.id,
        "net": None if found.net is None else str(found.net),
        "best": found.best.id if found.best else None,
        "best_net": None if found.best_net is None else str(found.best_net),
        "saves": str(found.saves),
    }


def show_best(month: str, every: Sequence[tuple[BookCustomer, Best]], lang: str) -> None:
    """Who would save the most on another plan, and what all of them pay."""
    from rich.table import Table
    from rich.text import Text

    from pipeline.rating.exports.show import money
    from pipeline.rating.rounding import add_up

    def price(amount: Decimal | None, found: Best) -> str:
        return "-" if amount is None else money(amount, found.current.currency, lang)

    out().print(Text(f"{len(every)} customers, {month}", style="bold"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Customer", "Plan now"):
        table.add_column(name, overflow="fold")
    table.add_column("Net", justify="right", no_wrap=True)
    table.add_column("Best plan", overflow="fold")
    for name in ("Net", "Saves"):
        table.add_column(name, justify="right", no_wrap=True)
    savers = sorted(
        (each for each in every if each[1].saves > 0), key=lambda each: (-each[1].saves, each[0].id)
    )
    for who, found in savers[:MOST]:
        best = found.best.id if found.best else "-"
        amounts = (price(amount, found) for amount in (found.net, found.best_net, found.saves))
        net, best_net, saves = amounts
        table.add_row(Text(who.name or who.id), found.current.id, net, best, best_net, saves)
    if savers:
        out().print(table)
    if len(savers) > MOST:
        out().print(f"… {len(savers) - MOST} more; --json --brief has all")
    for coin in sorted({found.current.currency for _, found in every}):
        of_coin = [found for _, found in every if found.current.currency == coin]
        priced = [found for found in of_coin if found.net is not None and found.best_net is not None]
        now = add_up(found.net for found in priced if found.net is not None)
        then = add_up(found.best_net for found in priced if found.best_net is not None)
        out().print(
            Text(
                f"{len(priced)} customers: {money(now, coin, lang)} now, {money(then, coin, lang)} if each had "
                f"his best plan; {sum(found.saves > 0 for found in priced)} would pay less"
            )
        )
        if len(priced) < len(of_coin):
            out().print(f"{len(of_coin) - len(priced)} customers: no price under their own plan or any other")


def show_simulation(title: str, found: Simulation, lang: str) -> None:
    """The ranking with what made each lose, then what would change it."""
    from rich.table import Table
    from rich.text import Text

    from pipeline.rating.exports.show import money
    from pipeline.rating.exports.words import name_in

    def price(amount: Decimal | None) -> str:
        return "-" if amount is None else money(amount, found.currency, lang)

    out().print(Text(title, style="bold"))
    if not found.ranked:
        out().print("No plan of the book can price this usage.")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right")
    table.add_column("Plan", overflow="fold")
    for name in ("Net", "at 80 %", "at 120 %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Dearer than the best by", overflow="fold")
    best = found.ranked[0].net if found.ranked else 0
    shown = list(enumerate(found.ranked, 1))[:SHOWN]
    if found.current and all(each is not found.current for _, each in shown):
        shown.append((found.ranked.index(found.current) + 1, found.current))
    for place, each in shown:
        own = each is found.current
        name = name_in(each.plan.names, lang, each.plan.id)
        causes = [c for c in each.causes if c.more * LEAST_SHARE >= best]
        why = ", ".join(f"{THINGS.get(c.what, c.what)} {price(c.more)}" for c in causes) + (
            "; falls as usage grows" if each.falls else ""
        )
        table.add_row(
            str(place),
            Text(f"{name} ({each.plan.id}){'  ← now' if own else ''}"),
            price(each.net),
            *(price(net) for net in each.shifted),
            Text(why),
            style="bold" if own else "",
        )
    out().print(table)
    hidden = len(found.ranked) - len(shown)
    if hidden > 0:
        out().print(f"… {hidden} dearer ones; --json has all")
    for plan, why in found.left_out[:SHOWN]:
        out().print(Text(f"not compared: {plan.id}, {why}"))
    if found.switch and found.current:
        into, net = found.switch, found.switch.net
        out().print(
            Text(
                f"Best day to switch within the month: {into.day}, to {into.plan.id}: {price(net)}, "
                f"{price(found.current.net - net)} less than staying."
            )
        )
