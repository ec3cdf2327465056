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
C_K, C_MODE, C_TIMES, C_LEAST, C_MOST, C_ZERO, C_INVERSE, C_CONSTANT = range(8, 16)
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

MOST = 1 << 48
"""The amount, in last decimals of its plan, from which on this kernel refuses: a guess is then off by one at most."""

_LARGEST = 1 << 62
_NO_BOUND = (1 << 63) - 1


@intrinsic
def load_real(typingctx: Any, address: Any) -> Any:
    """float64 at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return load(builder, args[0], ir.DoubleType())

    return types.float64(types.int64), generate


@inner
def _amount(more, const, slope, const_real, slope_real, k, inverse, odd, limit, times):  # type: ignore[no-untyped-def]
    """The rounded amount of a piece for so many units above its base, without a branch."""
    guess = min((const_real + np.float64(more) * slope_real) * inverse, np.float64(MOST))
    amount = np.int64(guess)
    rest = np.int64(const + np.uint64(more) * slope - np.uint64(amount) * np.uint64(k))
    below = np.int64(rest < 0)
    amount -= below
    rest += below * k
    above = np.int64(rest >= k)
    amount += above
    rest -= above * k
    amount += np.int64(2 * rest + (amount & odd) > limit)
    return np.int64(TOO_LARGE) if guess * np.float64(times) >= MOST else amount * times


@inner
def _limit_of(mode, k):  # type: ignore[no-untyped-def]
    """A rest is rounded up where twice it, and 1 for an odd amount by half_even, is more than this."""
    if mode == HALF_UP:
        return k - 1
    if mode == HALF_EVEN:
        return k
    return 0 if mode == UP else 2 * k


@inner
def _price(x, pieces, count, begun, k, inverse, odd, limit, times):  # type: ignore[no-untyped-def]
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
    const, slope = load64(piece + 8 * P_CONST), load64(piece + 8 * P_SLOPE)
    const_real, slope_real = load_real(piece + 8 * P_CONST_REAL), load_real(piece + 8 * P_SLOPE_REAL)
    return _amount(more, const, slope, const_real, slope_real, k, inverse, odd, limit, times)


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
def _rate_line(charge, piece, column, n, target):  # type: ignore[no-untyped-def]
    """A charge of one piece, without bound, blocks, whole units: a loop that becomes vectors."""
    k, inverse, times = get(charge, C_K), load_real(charge + 8 * C_INVERSE), get(charge, C_TIMES)
    odd, limit = np.int64(get(charge, C_MODE) == HALF_EVEN), _limit_of(get(charge, C_MODE), k)
    least, most, zero, free = (
        get(charge, C_LEAST),
        get(charge, C_MOST),
        get(charge, C_ZERO),
        get(charge, C_FREE),
    )
    const, slope = load64(piece + 8 * P_CONST), load64(piece + 8 * P_SLOPE)
    const_real, slope_real = load_real(piece + 8 * P_CONST_REAL), load_real(piece + 8 * P_SLOPE_REAL)
    for i in range(n):
        given = load64(column + 8 * i)
        x = max(np.int64(given & np.uint64(_LARGEST - 1)) - free, 0)
        amount = _amount(x, const, slope, const_real, slope_real, k, inverse, odd, limit, times)
        amount = zero if x == 0 else amount
        amount = min(max(amount, least), most) if amount >= 0 else amount
        put(target, i, np.int64(TOO_LARGE) if given >= np.uint64(_LARGEST) else amount)


@inner
def _rate_charge(charge, pieces, column, n, lines, stride, place):  # type: ignore[no-untyped-def]
    """One charge for n customers, whose lines of the plan begin at `lines`."""
    least, most, zero = get(charge, C_LEAST), get(charge, C_MOST), get(charge, C_ZERO)
    own, target = pieces + 8 * PIECE_WORDS * get(charge, C_FIRST), lines + 8 * place * stride
    of, whole, count = get(charge, C_OF), get(charge, C_WHOLE), get(charge, C_COUNT)
    if get(charge, C_CONSTANT):
        for i in range(n):
            put(target, i, min(max(zero, least), most))
        return
    if count == 1 and of == 0 and whole == 0 and get(own, P_BLOCK) == 0 and get(own, P_BOUND) == _NO_BOUND:
        _rate_line(charge, own, column, n, target)
        return
    k, inverse, times = get(charge, C_K), load_real(charge + 8 * C_INVERSE), get(charge, C_TIMES)
    odd, limit = np.int64(get(charge, C_MODE) == HALF_EVEN), _limit_of(get(charge, C_MODE), k)
    up, free, begun = get(charge, C_UP), get(charge, C_FREE), get(charge, C_BEGUN)
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
        amount = zero if x == 0 else _price(x, own, count, begun, k, inverse, odd, limit, times)
        put(target, i, min(max(amount, least), most) if amount >= 0 else amount)


@inner
def _add_lines(lines, stride, count, n, least, most, net):  # type: ignore[no-untyped-def]
    """The nets of n customers; how many are no amounts."""
    for i in range(n):
        put(net, i, 0)
    signs = np.int64(0)
    for place in range(count):
        for i in range(n):
            line = get(lines + 8 * place * stride, i)
            signs |= line
            put(net, i, get(net, i) + line)
    failed = np.int64(0)
    for i in range(n):
        total = get(net, i)
        if signs < 0:
            total = _named(lines, stride, (np.int64(1) << count) - 1, i)
        total = np.int64(TOO_LARGE) if total >= MOST else total
        failed += np.int64(total < 0)
        put(net, i, min(max(total, least), most) if total >= 0 else total)
    return failed


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
            net = nets + 8 * (plan * customers + begin)
            failed += _add_lines(here, stride, count, n, get(row, PLAN_LEAST), get(row, PLAN_MOST), net)
    return failed
