"""Bills as the JSON in which they are issued, and back: the text that the store keeps, and its digest."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pipeline.rating.model import Bill, Discount, Line, Part, Period


def bill_to_json(bill: Bill) -> dict[str, Any]:
    """A bill as values that JSON can hold: amounts are decimal strings, times RFC 3339 UTC."""
    return {
        "customer": bill.customer,
        "plan": bill.plan,
        "plan_version": bill.plan_version,
        "period": period_to_json(bill.period),
        "currency": bill.currency,
        "lines": [_line_to_json(line) for line in bill.lines],
        "net": decimal_text(bill.net),
        "tax": decimal_text(bill.tax),
        "total": decimal_text(bill.total),
        "provisional": list(bill.provisional),
    }


def bill_from_json(data: dict[str, Any]) -> Bill:
    """The bill that `bill_to_json` wrote."""
    return Bill(
        customer=data["customer"],
        plan=data["plan"],
        plan_version=int(data["plan_version"]),
        period=period_from_json(data["period"]),
        currency=data["currency"],
        lines=tuple(_line_from_json(line) for line in data["lines"]),
        net=Decimal(data["net"]),
        tax=Decimal(data["tax"]),
        total=Decimal(data["total"]),
        provisional=tuple(data["provisional"]),
    )


def period_to_json(period: Period) -> dict[str, str]:
    """A period with its bounds in UTC."""
    return {"from": instant_text(period.begin), "to": instant_text(period.end), "tz": period.tz}


def period_from_json(data: dict[str, str]) -> Period:
    """The period that `period_to_json` wrote."""
    return Period(datetime.fromisoformat(data["from"]), datetime.fromisoformat(data["to"]), data["tz"])


def discount_to_json(discount: Discount) -> dict[str, Any]:
    """A discount as values that JSON can hold."""
    return {
        "name": discount.name,
        "percent": None if discount.percent is None else decimal_text(discount.percent),
        "amount": None if discount.amount is None else decimal_text(discount.amount),
        "once": discount.once,
    }


def discount_from_json(data: dict[str, Any]) -> Discount:
    """The discount that `discount_to_json` wrote."""
    percent, amount = data["percent"], data["amount"]
    return Discount(
        data["name"],
        None if percent is None else Decimal(percent),
        None if amount is None else Decimal(amount),
        bool(data["once"]),
    )


def canonical(data: Any) -> str:
    """One text for one value: keys in order, no spaces, not escaped. What digests are made of."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest_of(text: str) -> str:
    """SHA-256 of a text's UTF-8, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def bill_digest(bill: Bill) -> str:
    """The digest of a bill's canonical JSON: two bills have the same one if, and only if, they say the same."""
    return digest_of(canonical(bill_to_json(bill)))


def decimal_text(value: Decimal) -> str:
    """A decimal without exponent and with the zeros that it has; zero has no sign."""
    return format(value or value.copy_abs(), "f")


def instant_text(at: datetime) -> str:
    """RFC 3339 UTC; fractions of a second only where there are some."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _line_to_json(line: Line) -> dict[str, Any]:
    return {
        "kind": line.kind,
        "id": line.id,
        "names": dict(line.names),
        "quantity": decimal_text(line.quantity),
        "unit": line.unit,
        "amount": decimal_text(line.amount),
        "parts": [
            {
                "what": part.what,
                "units": decimal_text(part.units),
                "price": decimal_text(part.price),
                "amount": decimal_text(part.amount),
            }
            for part in line.parts
        ],
        "rule": line.rule,
    }


def _line_from_json(data: dict[str, Any]) -> Line:
    parts = tuple(
        Part(part["what"], Decimal(part["units"]), Decimal(part["price"]), Decimal(part["amount"]))
        for part in data["parts"]
    )
    return Line(
        data["kind"], data["id"], dict(data["names"]), Decimal(data["quantity"]), data["unit"],
        Decimal(data["amount"]), parts, data["rule"],
    )  # fmt: skip
