"""Credit notes in part: a sum of an issued bill, which never changes, taken back with its tax, as a bill of its own."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.rating.model import Line
from pipeline.rating.rounding import RateError, negated
from pipeline.rating.taxes import split_gross

if TYPE_CHECKING:
    from pipeline.rating.model import Bill, Rounding, Tax


def credit_part(bill: Bill, gross: Decimal, tax: Tax | None, rounding: Rounding, why: str) -> Bill:
    """A sum that holds its tax, taken back from a bill: never more than the bill."""
    if gross < 0 or gross > bill.total:
        raise RateError(f"credit note: expected between 0 and {bill.total}, the bill's total, found {gross}")
    net, owed = (gross, Decimal(0)) if tax is None else split_gross(gross, tax, rounding)
    lines = [
        Line("adjustment", "credit", {}, Decimal(0), "", negated(net), (), f"{why}; {gross} with its tax")
    ]
    if tax is not None:
        rule = f"{tax.rate} % in {gross}; rounded {rounding.mode} to {rounding.scale} decimals"
        lines.append(Line("tax", tax.name, {}, negated(net), "", negated(owed), (), rule))
    return replace(bill, lines=tuple(lines), net=negated(net), tax=negated(owed), total=negated(gross))
