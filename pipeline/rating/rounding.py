"""Exact numbers of rating: Decimals come in as fractions, amounts leave rounded once, as a plan's Rounding says.

Fractions, since a month has 28 to 31 days and 15/31 of a price has no last decimal. Nothing here is a float.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.rating.model import Rounding

# More digits than any currency or month of traffic has; beyond it a number is a mistake, and is refused.
DIGITS = 40
PLACES = 60
"""A byte is 2^-50 PiB, which has 50 decimals."""
SUMS = Context(prec=400, traps=[Inexact, InvalidOperation, Overflow])
MODES = ("half_up", "half_even", "up", "down")


class RateError(ValueError):
    """A charge, a quantity or an amount that cannot be rated: what was expected, what was found, where."""


def exact(value: Decimal | Fraction | int, what: str = "number") -> Fraction:
    """The same number as a fraction; refuses what is no number or has more digits than money can have."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise RateError(f"{what}: expected a finite number, found {value}")
        exponent = value.as_tuple().exponent
        if value and (value.adjusted() >= DIGITS or (isinstance(exponent, int) and exponent < -PLACES)):
            raise RateError(
                f"{what}: expected at most {DIGITS} digits before the point, {PLACES} behind it, found {value:e}"
            )
    elif not isinstance(value, (Fraction, int)):
        raise RateError(f"{what}: expected a Decimal, found {type(value).__name__} {value!r}")
    return Fraction(value)


def round_to(value: Fraction, rounding: Rounding) -> Decimal:
    """Rounded once; half_up and up go away from zero, down towards it, so that a reversal mirrors what it reverses."""
    if abs(value) >= 10**DIGITS:
        raise RateError(
            f"amount: expected less than 10^{DIGITS}, found about 10^{len(str(abs(int(value)))) - 1}"
        )
    if not 0 <= rounding.scale <= DIGITS:
        raise RateError(f"rounding: expected a scale from 0 to {DIGITS}, found {rounding.scale}")
    scaled = abs(value) * 10**rounding.scale
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * rest
    match rounding.mode:
        case "half_up":
            more = twice >= scaled.denominator
        case "half_even":
            more = twice > scaled.denominator or (twice == scaled.denominator and whole % 2 == 1)
        case "up":
            more = rest > 0
        case "down":
            more = False
        case _:
            raise RateError(f"rounding: expected a mode of {', '.join(MODES)}, found {rounding.mode!r}")
    units = whole + more
    return Decimal(f"{-units if value < 0 else units}e{-rounding.scale}")


def shown(value: Fraction) -> Decimal:
    """As a Decimal: exactly where it has a last decimal, else 40 digits of it, for explanations only."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest == 1:
        places = max(twos, fives)
        return Decimal(f"{value.numerator * 10**places // value.denominator}e{-places}")
    context = Context(prec=DIGITS)
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))


def add_up(amounts: Iterable[Decimal]) -> Decimal:
    """Their sum with every digit, whatever the context of the caller."""
    with localcontext(SUMS):
        return sum(amounts, Decimal(0))


def negated(amount: Decimal) -> Decimal:
    """With its sign turned and every digit kept, which unary minus does not promise; zero has no sign."""
    return amount.copy_negate() if amount else amount.copy_abs()
