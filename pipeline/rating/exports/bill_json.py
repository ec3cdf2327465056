"""A bill as one JSON document with exact decimal strings, and back: for `prebill bill --json` and for archives."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipeline.rating.exports.show import plain
from pipeline.rating.exports.view import check_proof
from pipeline.rating.model import Bill, Line, Meter, Part, Period, Uncounted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.coverage.proof import Proof


def to_json(bill: Bill, proof: Proof | None) -> dict[str, Any]:
    """The bill, its lines with their parts, and its proof (null without one). Raises ValueError for another's proof."""
    check_proof(bill, proof)
    return {
        "customer": bill.customer,
        "customer_name": bill.customer_name or None,
        "plan": bill.plan,
        "plan_name": dict(bill.plan_names),
        "plan_version": bill.plan_version,
        "period": {
            "from": _time(bill.period.begin),
            "to": _time(bill.period.end),
            "tz": bill.period.tz,
        },
        "currency": bill.currency,
        "state": "provisional" if bill.provisional else "final",
        "provisional": list(bill.provisional),
        "lines": [_line(line) for line in bill.lines],
        "net": plain(bill.net),
        "tax": plain(bill.tax),
        "total": plain(bill.total),
        "uncounted": uncounted_json(bill.uncounted),
        "proof": proof.to_json() if proof else None,
    }


def uncounted_json(found: Iterable[Uncounted]) -> list[dict[str, str]]:
    """What is free by oversight, of a bill or a simulation."""
    return [
        {
            "meter": each.meter.value,
            "zone": each.zone,
            "quantity": plain(each.units),
            "unit": each.unit,
            "text": each.text,
        }
        for each in found
    ]


def from_json(document: Mapping[str, Any]) -> tuple[Bill, Proof | None]:
    """What `to_json` made."""
    from pipeline.coverage.proof import Proof

    period = document["period"]
    bill = Bill(
        customer=document["customer"],
        plan=document["plan"],
        plan_version=document["plan_version"],
        period=Period(
            datetime.fromisoformat(period["from"]), datetime.fromisoformat(period["to"]), period["tz"]
        ),
        currency=document["currency"],
        lines=tuple(_line_of(line) for line in document["lines"]),
        net=Decimal(document["net"]),
        tax=Decimal(document["tax"]),
        total=Decimal(document["total"]),
        provisional=tuple(document["provisional"]),
        # documents that were issued before they had names
        customer_name=document.get("customer_name") or "",
        plan_names=dict(document.get("plan_name") or {}),
        uncounted=tuple(
            Uncounted(Meter(each["meter"]), each["zone"], Decimal(each["quantity"]), each["unit"])
            for each in document.get("uncounted", ())
        ),
    )
    return bill, Proof.from_json(document["proof"]) if document["proof"] else None


def _line(line: Line) -> dict[str, Any]:
    return {
        "kind": line.kind,
        "id": line.id,
        "name": dict(line.names),
        "quantity": plain(line.quantity),
        "unit": line.unit,
        "amount": plain(line.amount),
        "rule": line.rule,
        "parts": [
            {
                "what": part.what,
                "units": plain(part.units),
                "price": plain(part.price),
                "amount": plain(part.amount),
            }
            for part in line.parts
        ],
    }


def _line_of(document: Mapping[str, Any]) -> Line:
    return Line(
        kind=document["kind"],
        id=document["id"],
        names=dict(document["name"]),
        quantity=Decimal(document["quantity"]),
        unit=document["unit"],
        amount=Decimal(document["amount"]),
        parts=tuple(
            Part(each["what"], *(Decimal(each[key]) for key in ("units", "price", "amount")))
            for each in document["parts"]
        ),
        rule=document["rule"],
    )


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
