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
from kernels.words import I32, I64, get, load, load64, pointer, put

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


@intrinsic
def load_real(typingctx: Any, address: Any) -> Any:
    """float64 at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return load(builder, args[0], ir.DoubleType())

    return types.float64(types.int64), generate


_LANES = 8
_WORDS, _REALS = ir.VectorType(I64, _LANES), ir.VectorType(ir.DoubleType(), _LANES)


def _each(builder: Any, value: Any, kind: Any) -> Any:
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(I32, _LANES), [0] * _LANES))


@intrinsic
def price_eight(
    typingctx: Any,
    xs: Any,
    target: Any,
    above: Any,
    after: Any,
    base: Any,
    const: Any,
    slope: Any,
    const_real: Any,
    slope_real: Any,
    k: Any,
    inverse: Any,
    odd: Any,
    limit: Any,
    times: Any,
    least: Any,
    most: Any,
) -> Any:
    """`_amount`, held to `least` and `most`, of the eight quantities at `xs`, to where at `target` they lie in (above,
    after]; the others stay as they are. LLVM makes no vectors of the loop, which took three times as long."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        xs, target = args[0], args[1]
        words = [_each(builder, args[i], _WORDS) for i in (2, 3, 4, 5, 6, 9, 11, 12, 13, 14, 15)]
        above, after, base, const, slope, k, odd, limit, times, least, most = words
        const_real, slope_real, inverse = (_each(builder, args[i], _REALS) for i in (7, 8, 10))
        ceiling = ir.Constant(_REALS, [float(MOST)] * _LANES)
        zero, nothing = ir.Constant(_WORDS, [0] * _LANES), ir.Constant(_REALS, [0.0] * _LANES)

        x = load(builder, xs, _WORDS)
        more = builder.sub(x, base)
        guess = builder.fadd(const_real, builder.fmul(builder.sitofp(more, _REALS), slope_real))
        guess = builder.fmul(guess, inverse)
        guess = builder.select(builder.fcmp_ordered("<", guess, ceiling), guess, ceiling)
        # what lies in other pieces may be far below this one's base
        guess = builder.select(builder.fcmp_ordered(">", guess, nothing), guess, nothing)
        amount = builder.fptosi(guess, _WORDS)
        rest = builder.sub(builder.add(const, builder.mul(more, slope)), builder.mul(amount, k))
        under = builder.icmp_signed("<", rest, zero)
        amount = builder.sub(amount, builder.zext(under, _WORDS))
        rest = builder.add(rest, builder.select(under, k, zero))
        over = builder.icmp_signed(">=", rest, k)
        amount = builder.add(amount, builder.zext(over, _WORDS))
        rest = builder.sub(rest, builder.select(over, k, zero))
        twice = builder.add(builder.add(rest, rest), builder.and_(amount, odd))
        amount = builder.add(amount, builder.zext(builder.icmp_signed(">", twice, limit), _WORDS))
        scaled = builder.mul(amount, times)
        scaled = builder.select(builder.icmp_signed("<", scaled, least), least, scaled)
        scaled = builder.select(builder.icmp_signed("<", scaled, most), scaled, most)
        large = builder.fcmp_ordered(">=", builder.fmul(guess, builder.sitofp(times, _REALS)), ceiling)
        scaled = builder.select(large, ir.Constant(_WORDS, [TOO_LARGE] * _LANES), scaled)
        inside = builder.and_(builder.icmp_signed(">", x, above), builder.icmp_signed("<=", x, after))
        kept = builder.select(inside, scaled, load(builder, target, _WORDS))
        builder.store(kept, pointer(builder, target, _WORDS), align=1)
        return context.get_dummy_value()

    word, real = types.int64, types.float64
    kinds = [word] * 5 + [types.uint64] * 2 + [real] * 2 + [word, real] + [word] * 5
    return types.void(*kinds), generate


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
def _quantities(charge, column, n, lines, stride, xs):  # type: ignore[no-untyped-def]
    """What a charge prices, in whole units and without free ones; below zero for what has no price."""
    of, whole, up, free = get(charge, C_OF), get(charge, C_WHOLE), get(charge, C_UP), get(charge, C_FREE)
    if of:
        for i in range(n):
            x = _named(lines, stride, of, i)
            put(xs, i, max(x - free, 0) if x >= 0 and whole == 0 else x)
    elif whole == 0:
        for i in range(n):
            x = load64(column + 8 * i)
            used = max(np.int64(x & np.uint64(_LARGEST - 1)) - free, 0)
            put(xs, i, np.int64(TOO_LARGE) if x >= np.uint64(_LARGEST) else used)
    else:
        for i in range(n):
            put(
                xs,
                i,
                np.int64(TOO_LARGE) if load64(column + 8 * i) >= np.uint64(_LARGEST) else get(column, i),
            )
    if whole:
        for i in range(n):
            x = get(xs, i)
            if x > 0:
                full = x // whole
                put(xs, i, max((full + np.int64(up != 0 and full * whole != x)) * whole - free, 0))


@inner
def _rate_charge(charge, pieces, column, n, lines, stride, place, xs):  # type: ignore[no-untyped-def]
    """One charge for n customers, whose lines of the plan begin at `lines`; a piece at a time, for all of them."""
    least, most, zero = get(charge, C_LEAST), get(charge, C_MOST), get(charge, C_ZERO)
    target = lines + 8 * place * stride
    if get(charge, C_CONSTANT):
        for i in range(n):
            put(target, i, min(max(zero, least), most))
        return
    _quantities(charge, column, n, lines, stride, xs)
    k, inverse, times = get(charge, C_K), load_real(charge + 8 * C_INVERSE), get(charge, C_TIMES)
    odd, limit = np.int64(get(charge, C_MODE) == HALF_EVEN), _limit_of(get(charge, C_MODE), k)
    begun = get(charge, C_BEGUN)
    for i in range(n):
        x = get(xs, i)
        put(target, i, min(max(zero, least), most) if x == 0 else (x if x < 0 else np.int64(UNRATED)))
    after = np.int64(0)
    for j in range(get(charge, C_COUNT)):
        piece = pieces + 8 * PIECE_WORDS * (get(charge, C_FIRST) + j)
        above, after = after, get(piece, P_BOUND)
        base, block = get(piece, P_BASE), get(piece, P_BLOCK)
        const, slope = load64(piece + 8 * P_CONST), load64(piece + 8 * P_SLOPE)
        const_real, slope_real = load_real(piece + 8 * P_CONST_REAL), load_real(piece + 8 * P_SLOPE_REAL)
        if block:
            for i in range(n):
                x = get(xs, i)
                if above < x <= after:
                    full = (x - base) // block
                    more = full + np.int64(begun != 0 and full * block != x - base)
                    amount = _amount(
                        more, const, slope, const_real, slope_real, k, inverse, odd, limit, times
                    )
                    put(target, i, min(max(amount, least), most) if amount >= 0 else amount)
        else:
            whole = n & -_LANES
            for i in range(0, whole, _LANES):
                price_eight(
                    xs + 8 * i,
                    target + 8 * i,
                    above,
                    after,
                    base,
                    const,
                    slope,
                    const_real,
                    slope_real,
                    k,
                    inverse,
                    odd,
                    limit,
                    times,
                    least,
                    most,
                )
            for i in range(whole, n):
                x = get(xs, i)
                if above < x and x <= after:
                    amount = _amount(
                        x - base, const, slope, const_real, slope_real, k, inverse, odd, limit, times
                    )
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
    int64[·, 8]; work: int64[63, 256], scratch; lines: int64[all charges, customers], or 0 where nobody asks for them;
    nets: int64[n_plans, customers].
    """
    failed = np.int64(0)
    xs = work + 8 * MOST_CHARGES * AT_ONCE
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
                        _rate_charge(charge, pieces, column, n, here, stride, place, xs)
            net = nets + 8 * (plan * customers + begin)
            failed += _add_lines(here, stride, count, n, get(row, PLAN_LEAST), get(row, PLAN_MOST), net)
    return failed
