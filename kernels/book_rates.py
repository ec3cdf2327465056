"""What many customers owe under many plans, exactly: integer tables of pipeline.rating.compiled_plan on quantities.

A charge is a list of pieces: from a bound on, so much, and so much for each unit or block more, as integers over one
denominator K. The quotient by K is guessed in floating point and then set right by its remainder, which is computed
modulo 2^64 and is exact, since it is small: no division of 128 bits, and no float in any amount. What could be too
large for that is refused, amount by amount.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.options import inner
from kernels.words import get, load, load64, put

UNRATED, TOO_LARGE = -1, -2
"""In place of an amount: the plan has no tier for so much; the numbers are too large for this kernel."""

C_COLUMN, C_OF, C_WHOLE, C_UP, C_FREE, C_FIRST, C_COUNT, C_BEGUN = range(8)
C_K, C_MODE, C_TIMES, C_LEAST, C_MOST, C_ZERO = range(8, 14)
CHARGE_WORDS = 16
P_BOUND, P_BASE, P_CONST, P_SLOPE, P_BLOCK, P_CONST_REAL, P_SLOPE_REAL = range(7)
PIECE_WORDS = 8
PLAN_FIRST, PLAN_COUNT, PLAN_LEAST, PLAN_MOST = range(4)
PLAN_WORDS = 4
HALF_UP, HALF_EVEN, UP, DOWN = range(4)

AT_ONCE = 256
"""Customers whose lines are worked on together."""

MOST_CHARGES = 62
"""Charges of a plan: a bit each where a percentage names them."""

MOST = 1 << 50
"""The amount, in last decimals of its plan, from which on this kernel refuses: a guess is then off by one at most."""

_LARGEST = 1 << 62


@intrinsic
def load_real(typingctx: Any, address: Any) -> Any:
    """float64 at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return load(builder, args[0], ir.DoubleType())

    return types.float64(types.int64), generate


@inner
def _round(amount, rest, k, mode):  # type: ignore[no-untyped-def]
    """An amount of 0 or more, and what is left of it in 1/k, to a whole amount."""
    twice = 2 * rest
    if mode == HALF_UP:
        return amount + np.int64(twice >= k)
    if mode == HALF_EVEN:
        return amount + np.int64(twice > k or (twice == k and amount & 1 == 1))
    return amount + np.int64(mode == UP and rest > 0)


@inner
def _price(x, pieces, count, begun, k, mode, times):  # type: ignore[no-untyped-def]
    """The amount of a quantity above zero."""
    piece, i = pieces, 0
    while x > get(piece, P_BOUND):
        i += 1
        if i == count:
            return np.int64(UNRATED)
        piece += 8 * PIECE_WORDS
    more, block = x - get(piece, P_BASE), get(piece, P_BLOCK)
    if block:
        full = more // block
        more = full + np.int64(begun != 0 and full * block != more)
    guess = load_real(piece + 8 * P_CONST_REAL) + np.float64(more) * load_real(piece + 8 * P_SLOPE_REAL)
    guess /= np.float64(k)
    if guess * np.float64(times) >= MOST:
        return np.int64(TOO_LARGE)
    amount = np.int64(guess)
    rest = np.int64(
        load64(piece + 8 * P_CONST)
        + np.uint64(more) * load64(piece + 8 * P_SLOPE)
        - np.uint64(amount) * np.uint64(k)
    )
    while rest < 0:
        rest += k
        amount -= 1
    while rest >= k:
        rest -= k
        amount += 1
    return _round(amount, rest, k, mode) * times


@inner
def _named(lines, stride, of, at):  # type: ignore[no-untyped-def]
    """The sum of the lines whose bits are set; below zero where one of them is no amount."""
    total, j = np.int64(0), 0
    while of >> j:
        if (of >> j) & 1:
            line = get(lines + 8 * j * stride, at)
            if line < 0:
                return line
            total += line
        j += 1
    return total


@inner
def _rate_charge(charge, pieces, column, n, lines, stride, place):  # type: ignore[no-untyped-def]
    """One charge for n customers, whose lines of the plan begin at `lines`."""
    of, whole, up, free = get(charge, C_OF), get(charge, C_WHOLE), get(charge, C_UP), get(charge, C_FREE)
    own, count, begun = (
        pieces + 8 * PIECE_WORDS * get(charge, C_FIRST),
        get(charge, C_COUNT),
        get(charge, C_BEGUN),
    )
    k, mode, times = get(charge, C_K), get(charge, C_MODE), get(charge, C_TIMES)
    least, most, zero = get(charge, C_LEAST), get(charge, C_MOST), get(charge, C_ZERO)
    target = lines + 8 * place * stride
    for i in range(n):
        x = _named(lines, stride, of, i) if of else get(column, i)
        if of and x < 0:
            put(target, i, x)
            continue
        if x < 0 or x >= _LARGEST:  # 2^63 and more, or nearly
            put(target, i, TOO_LARGE)
            continue
        if whole:
            full = x // whole
            x = (full + np.int64(up != 0 and full * whole != x)) * whole
        x = max(x - free, 0)
        amount = zero if x == 0 else _price(x, own, count, begun, k, mode, times)
        put(target, i, min(max(amount, least), most) if amount >= 0 else amount)


def rate_book(quantities, customers, first, after, plans, n_plans, charges, pieces, work, lines, nets):  # type: ignore[no-untyped-def]
    """The net of the customers [first, after) under each plan, before discounts and taxes; how many are no amounts.

    Addresses: quantities: uint64[columns, customers]; plans: int64[n_plans, 4]; charges: int64[·, 16]; pieces:
    int64[·, 8]; work: int64[62, 256], scratch; lines: int64[all charges, customers], or 0 where nobody asks for them;
    nets: int64[n_plans, customers].
    """
    failed = np.int64(0)
    for begin in range(first, after, AT_ONCE):
        n = min(AT_ONCE, after - begin)
        for plan in range(n_plans):
            row = plans + 8 * PLAN_WORDS * plan
            offset, count = get(row, PLAN_FIRST), get(row, PLAN_COUNT)
            here, stride = work, np.int64(AT_ONCE)
            if lines:
                here, stride = lines + 8 * (offset * customers + begin), customers
            # shares of other lines come after these
            for turn in range(2):
                for place in range(count):
                    charge = charges + 8 * CHARGE_WORDS * (offset + place)
                    if np.int64(get(charge, C_OF) != 0) == turn:
                        column = quantities + 8 * (get(charge, C_COLUMN) * customers + begin)
                        _rate_charge(charge, pieces, column, n, here, stride, place)
            least, most = get(row, PLAN_LEAST), get(row, PLAN_MOST)
            for i in range(n):
                total = _named(here, stride, (np.int64(1) << count) - 1, i)
                if total >= MOST:
                    total = np.int64(TOO_LARGE)
                if total < 0:
                    failed += 1
                else:
                    total = min(max(total, least), most)
                put(nets + 8 * (plan * customers + begin), i, total)
    return failed
