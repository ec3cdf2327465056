"""A simulation as one JSON document for machines; as a table for people it is in simulation_screen.py."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from pipeline.rating.exports.show import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.rating.book_ranking import Best
    from pipeline.rating.held import Standing
    from pipeline.rating.model import Plan
    from pipeline.rating.simulation import Outcome, Simulation


def simulation_json(customer: str, month: str, found: Simulation) -> dict[str, Any]:
    """The whole ranking; amounts as exact text. `switch` is there only where the best day was looked for; `bill` where
    one contract is billed, else `now` has the parts. `uncounted`: what no charge of what he pays counts."""
    from pipeline.rating.exports.bill_json import to_json, uncounted_json
    from pipeline.rating.simulation import SHIFTS

    switch = found.switch
    day = (
        {
            "plan": switch.plan.id,
            "day": switch.day.isoformat(),
            "before": plain(switch.before),
            "after": plain(switch.after),
            "net": plain(switch.net),
        }
        if switch
        else None
    )
    return {
        "customer": customer,
        "month": month,
        "state": "provisional" if found.provisional else "final",
        "provisional": list(found.provisional),
        "currency": found.currency,
        "current": found.current.plan.id if found.current else None,
        "now": _standing(found.standing) if found.standing else None,
        "saves": plain(found.saves),
        "uncounted": uncounted_json(found.uncounted) or ([{"text": found.free}] if found.free else []),
        "best": found.ranked[0].plan.id if found.ranked else None,
        "ranked": [_outcome(place, each) for place, each in enumerate(found.ranked, 1)],
        "left_out": [{**_plan(plan), "reason": why} for plan, why in found.left_out],
        "best_if_usage_is": {
            f"{share}%": best for share, best in zip(SHIFTS, found.best_shifted, strict=True)
        },
        **({"switch": day} if found.looked_for_switch else {}),
        "bill": to_json(found.standing.bills[0], None) if found.standing and not found.changed else None,
        "best_bill": to_json(found.best_bill, None) if found.best_bill else None,
    }


def _standing(standing: Standing) -> dict[str, Any]:
    """What the month costs as it stands, and each contract's part of it."""
    from pipeline.rating.exports.bill_json import to_json
    from pipeline.rating.simulation import SHIFTS

    bills = [to_json(bill, None) for bill in standing.bills]
    return {
        "net": plain(standing.net),
        "total": plain(standing.total),
        "if_usage_is": {
            f"{share}%": None if net is None else plain(net)
            for share, net in zip(SHIFTS, standing.shifted, strict=True)
        },
        "parts": [
            {
                **_plan(plan),
                "period": bill["period"],
                "net": plain(net),
                "total": bill["total"],
                "issued": number or None,
            }
            for plan, net, bill, number in zip(
                standing.plans, standing.nets, bills, standing.numbers or [0] * len(bills), strict=True
            )
        ],
    }


def _plan(plan: Plan) -> dict[str, Any]:
    return {"plan": plan.id, "version": plan.version, "name": dict(plan.names)}


def _outcome(place: int, outcome: Outcome) -> dict[str, Any]:
    from pipeline.rating.simulation import SHIFTS

    return {
        "rank": place,
        **_plan(outcome.plan),
        "net": plain(outcome.net),
        "lines": {name: plain(amount) for name, amount in outcome.lines.items()},
        "loses_by": [
            {
                "what": cause.what,
                "lines": list(cause.lines),
                "amount": plain(cause.amount),
                "best_plan_amount": plain(cause.best_amount),
            }
            for cause in outcome.causes
        ],
        "if_usage_is": {
            f"{share}%": None if net is None else plain(net)
            for share, net in zip(SHIFTS, outcome.shifted, strict=True)
        },
        "falls": [
            {
                "charge": fall.charge,
                "up_to": plain(fall.up_to),
                "unit": fall.unit,
                "before": plain(fall.before),
                "after": plain(fall.after),
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


def best_json(customer: str, month: str, found: Best, provisional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Of one customer of a book; amounts as exact text."""
    return {
        "customer": customer,
        "month": month,
        "state": "provisional" if provisional else "final",
        "currency": found.current.currency,
        "current": found.current.id,
        "net": None if found.net is None else plain(found.net),
        "best": found.best.id if found.best else None,
        "best_net": None if found.best_net is None else plain(found.best_net),
        "saves": plain(found.saves),
        "uncounted": [{"text": found.free}] if found.free else [],
    }
