"""Discounts: taken in the order given, each from what is left, never below zero; shared over lines to the last kopeck.

From a contract's discounts and a bill's lines, to one line a discount, whose parts say what it takes from which line.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.model import Line, Part
from pipeline.rating.rounding import RateError, add_up, exact, negated, round_to, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.rating.model import Discount, Rounding


def distribute(total: Decimal, weights: Sequence[Decimal | Fraction], rounding: Rounding) -> list[Decimal]:
    """Shares of a sum in proportion to weights of 0 or more, each in whole coins; they sum to it exactly.

    Coins that remain go to the largest remainders, of equal ones to the first. Without any weight, the first takes all.
    """
    coin = Fraction(1, 10**rounding.scale)
    coins = exact(total, "sum to share") / coin
    if coins.denominator != 1:
        raise RateError(f"sum to share: expected at most {rounding.scale} decimals, found {total}")
    fractions = [exact(weight, "weight") for weight in weights]
    if any(weight < 0 for weight in fractions):
        raise RateError(f"weights: expected 0 or more, found {min(weights)}")
    whole = sum(fractions, Fraction(0))
    if not fractions:
        raise RateError(f"{total} to share: expected a line to share it over, found none")
    if not whole:
        fractions[0] = whole = Fraction(1)
    sign = -1 if coins < 0 else 1
    ideal = [abs(coins) * weight / whole for weight in fractions]
    return [round_to(sign * share * coin, rounding) for share in share_coins(ideal, int(abs(coins)))]


def share_coins(ideal: Sequence[Fraction], coins: int) -> list[int]:
    """Whole coins near ideal shares of 0 or more, each less than one coin away, that sum to so many.

    `coins`: the ideal shares' sum, rounded up or down.
    """
    shares = [int(share) for share in ideal]
    order = sorted(range(len(shares)), key=lambda i: (shares[i] - ideal[i], i))
    for i in order[: coins - sum(shares)]:
        shares[i] += 1
    return shares


def take_discounts(
    discounts: Sequence[Discount], lines: Sequence[Line], rounding: Rounding
) -> list[tuple[Line, list[Decimal]]]:
    """One line a discount, negative, whose parts are named by the lines' ids and sum to it; each with what it
    takes from every line, in the lines' order."""
    left = [line.amount for line in lines]
    made = []
    for discount in discounts:
        rest = exact(add_up(left), "lines")
        taken = round_to(_asked(discount, rest), rounding)
        if rest <= 0 or not taken:
            taken, shares = Decimal(0), [Decimal(0)] * len(left)
        elif taken >= rest:
            # All that is left, to lines' own last digit, which may be finer than a coin.
            taken, shares = add_up(left), list(left)
        else:
            shares = distribute(taken, [max(exact(amount), Fraction(0)) for amount in left], rounding)
        left = [add_up((amount, negated(share))) for amount, share in zip(left, shares, strict=True)]
        what = f"{discount.percent} %" if discount.percent is not None else f"{discount.amount}"
        parts = (
            Part(line.id, Decimal(0), negated(share), negated(share))
            for line, share in zip(lines, shares, strict=True)
            if share
        )
        once = ", once" if discount.once else ""
        rule = f"{what} off {shown(rest):f}{once}; rounded {rounding.mode}, shared by amount"
        line = Line("discount", discount.name, {}, Decimal(0), "", negated(taken), tuple(parts), rule)
        made.append((line, shares))
    return made


def _asked(discount: Discount, rest: Fraction) -> Fraction:
    """What a discount asks for, before it is held to what is left."""
    if (discount.percent is None) == (discount.amount is None):
        raise RateError(f"discount {discount.name}: expected percent or amount, one of them")
    if discount.percent is not None:
        asked = max(rest, Fraction(0)) * exact(discount.percent, f"discount {discount.name}") / 100
    else:
        asked = exact(discount.amount or Decimal(0), f"discount {discount.name}")
    if asked < 0:
        raise RateError(
            f"discount {discount.name}: expected 0 or more, found {discount.percent or discount.amount}"
        )
    return asked
