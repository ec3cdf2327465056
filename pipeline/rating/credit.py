"""Credit notes: a bill taken back whole or in part with its tax, and what is due once credits and prepayments are used.

From issued bills, which never change, to documents with the signs turned; credit note plus new bill is a rebill.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.rating.model import Line
from pipeline.rating.rounding import RateError, add_up, negated
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


@dataclass(frozen=True, slots=True)
class Due:
    """What is paid by credit notes, then by prepayment, and what is left to pay."""

    credited: Decimal
    prepaid: Decimal
    due: Decimal


def amount_due(total: Decimal, credits_left: Decimal, prepaid_left: Decimal) -> Due:
    """Credits first, prepayment second, neither further than the total; a negative total is owed to the customer."""
    if credits_left < 0 or prepaid_left < 0:
        raise RateError(
            f"settlement: expected credits and prepayment of 0 or more, found {credits_left}, {prepaid_left}"
        )
    zero = Decimal(0)
    credited = min(credits_left, max(total, zero))
    rest = add_up((total, negated(credited)))
    paid = min(prepaid_left, max(rest, zero))
    return Due(credited, paid, add_up((rest, negated(paid))))
