"""Taxes: added to net prices, or found inside prices that hold them; one rounding a tax and document.

From the taxable sum of a bill's lines, to lines that keep `bill = sum of lines`: a tax inside prices is a pair of
lines, taken out as an adjustment and put back as tax.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.model import Line, Part
from pipeline.rating.rounding import RateError, exact, negated, round_to, shown

if TYPE_CHECKING:
    from pipeline.rating.model import Rounding, Tax


def tax_inside(gross: Fraction, rate: Fraction) -> Fraction:
    """The tax in a sum that holds it: gross × rate ÷ (100 + rate)."""
    return gross * rate / (100 + rate)


def tax_lines(tax: Tax, amount: Decimal, rounding: Rounding) -> tuple[Line, ...]:
    """The tax on a sum of lines, as lines."""
    rate = exact(tax.rate, f"tax {tax.name}: rate")
    if rate < 0:
        raise RateError(f"tax {tax.name}: expected a rate of 0 or more, found {tax.rate}")
    base = exact(amount, "taxable sum")
    owed = tax_inside(base, rate) if tax.included else base * rate / 100
    rounded = round_to(owed, rounding)
    words = f"{tax.rate} % {'included in' if tax.included else 'on'} {amount}"
    rule = f"{words}; rounded {rounding.mode} to {rounding.scale} decimals"
    parts = (Part(words, amount, shown(rate / 100), shown(owed)),)
    line = Line("tax", tax.name, {}, amount, "", rounded, parts, rule)
    if not tax.included:
        return (line,)
    out = Line(
        "adjustment",
        f"{tax.name}-included",
        {},
        Decimal(0),
        "",
        negated(rounded),
        (),
        f"tax in the prices: {words}",
    )
    return (out, line)


def split_gross(gross: Decimal, tax: Tax, rounding: Rounding) -> tuple[Decimal, Decimal]:
    """(net, tax) of a sum that holds its tax, which sum to it exactly: the tax is rounded, the net is the rest."""
    whole = exact(gross, "sum")
    owed = round_to(tax_inside(whole, exact(tax.rate, f"tax {tax.name}: rate")), rounding)
    net = whole - Fraction(owed)
    return shown(net), owed
