"""Prices of eight quantities at once, as intrinsics that emit LLVM IR: what kernels.book_rates is made of.

LLVM makes no vectors of the plain loops, which took three times as long; layouts are those of kernels.book_rates.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

from kernels.words import I8, I32, I64, load, pointer

LANES = 8

UNRATED, TOO_LARGE = -1, -2
"""In place of an amount: the plan has no tier for so much; the numbers are too large for these kernels."""

G_BOUND, G_BASE, G_CONST, G_SLOPE, G_CONST_REAL, G_SLOPE_REAL, G_BLOCK, G_BLOCK_INVERSE = range(0, 64, LANES)
GROUP_WORDS = 64
"""A group of up to eight pieces: eight of each, those behind the last piece as the last."""

_WORDS, _REALS = ir.VectorType(I64, LANES), ir.VectorType(ir.DoubleType(), LANES)
_PICKS = bool(binding.get_host_cpu_features().get("avx512f"))


def _each(builder: Any, value: Any, kind: Any) -> Any:
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(I32, LANES), [0] * LANES))


def _words(number: int) -> Any:
    return ir.Constant(_WORDS, [number] * LANES)


def _load_once(builder: Any, address: Any, word: int, kind: Any) -> Any:
    """From a table, which nobody writes: LLVM may load it once before a loop."""
    found = load(builder, builder.add(address, I64(8 * word)), kind)
    found.set_metadata("invariant.load", builder.module.add_metadata([]))
    return found


def _called(builder: Any, name: str, result: Any, given: list[Any]) -> Any:
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(result, [one.type for one in given]), name
    )
    return builder.call(function, given)


class _Group:
    """The rows of a group of pieces, for lanes that each have a piece of their own, or all the first."""

    def __init__(self, builder: Any, address: Any, piece: Any) -> None:
        self._builder, self._address, self._piece = builder, address, piece

    def words(self, row: int) -> Any:
        builder = self._builder
        if self._piece is None:
            return _each(builder, _load_once(builder, self._address, row, I64), _WORDS)
        if _PICKS:
            table = _load_once(builder, self._address, row, _WORDS)
            return _called(builder, "llvm.x86.avx512.permvar.di.512", _WORDS, [table, self._piece])
        found = ir.Constant(_WORDS, ir.Undefined)
        for lane in range(LANES):
            place = builder.shl(builder.extract_element(self._piece, I32(lane)), I64(3))
            one = _load_once(builder, builder.add(self._address, place), row, I64)
            found = builder.insert_element(found, one, I32(lane))
        return found

    def reals(self, row: int) -> Any:
        return self._builder.bitcast(self.words(row), _REALS)


def _divided(builder: Any, x: Any, by: Any, inverse: Any) -> tuple[Any, Any]:
    """The quotient and the rest of words from 0 to 2^63: a guess, a guess of its error, and a step."""
    guess = builder.fptosi(builder.fmul(builder.sitofp(x, _REALS), inverse), _WORDS)
    rest = builder.sub(x, builder.mul(guess, by))
    more = builder.fptosi(builder.fmul(builder.sitofp(rest, _REALS), inverse), _WORDS)
    guess, rest = builder.add(guess, more), builder.sub(rest, builder.mul(more, by))
    under = builder.icmp_signed("<", rest, _words(0))
    guess = builder.sub(guess, builder.zext(under, _WORDS))
    rest = builder.add(rest, builder.select(under, by, _words(0)))
    over = builder.icmp_signed(">=", rest, by)
    guess = builder.add(guess, builder.zext(over, _WORDS))
    return guess, builder.sub(rest, builder.select(over, by, _words(0)))


def _pricer(tiers: bool, blocks: bool, later: bool) -> Any:
    """An intrinsic that prices the eight quantities at `xs`, less `free`, by a group of pieces, to `target`; those that
    are no quantities stay what they are. `later`: what is not `above` has been priced."""

    @intrinsic
    def price(
        typingctx: Any,
        xs: Any,
        target: Any,
        group: Any,
        free: Any,
        above: Any,
        last: Any,
        begun: Any,
        k: Any,
        even: Any,
        times: Any,
        least: Any,
        most: Any,
        zero: Any,
        ceiling: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            xs, target, group = args[:3]
            free, above, last, begun, k, even, times, least, most, zero = (
                _each(builder, each, _WORDS) for each in args[3:13]
            )
            ceiling = _each(builder, args[13], _REALS)
            given = load(builder, xs, _WORDS)
            x = builder.sub(given, free)
            x = builder.select(builder.icmp_signed(">", x, _words(0)), x, _words(0))
            piece = None
            if tiers:
                piece = _words(0)
                for j in range(LANES - 1):
                    bound = _each(builder, _load_once(builder, group, G_BOUND + j, I64), _WORDS)
                    piece = builder.add(piece, builder.zext(builder.icmp_signed(">", x, bound), _WORDS))
            rows = _Group(builder, group, piece)
            more = builder.sub(x, rows.words(G_BASE))
            if blocks:
                more, rest = _divided(builder, more, rows.words(G_BLOCK), rows.reals(G_BLOCK_INVERSE))
                begins = builder.and_(builder.zext(builder.icmp_signed("!=", rest, _words(0)), _WORDS), begun)
                more = builder.add(more, begins)
            line = [builder.sitofp(more, _REALS), rows.reals(G_SLOPE_REAL), rows.reals(G_CONST_REAL)]
            guess = _called(builder, "llvm.fmuladd.v8f64", _REALS, line)
            amount = builder.fptosi(guess, _WORDS)
            rest = builder.add(rows.words(G_CONST), builder.mul(more, rows.words(G_SLOPE)))
            rest = builder.sub(rest, builder.mul(amount, k))
            amount = builder.add(amount, builder.zext(builder.icmp_signed(">=", rest, k), _WORDS))
            # a half, which was rounded up, leaves nothing
            rest = builder.select(builder.icmp_signed(">=", rest, k), builder.sub(rest, k), rest)
            half = builder.icmp_signed("==", rest, _words(0))
            amount = builder.sub(amount, builder.select(half, builder.and_(amount, even), _words(0)))
            amount = builder.mul(amount, times)
            amount = builder.select(builder.icmp_signed("<", amount, least), least, amount)
            amount = builder.select(builder.icmp_signed("<", amount, most), amount, most)
            large = builder.fcmp_unordered(">=", guess, ceiling)
            amount = builder.select(large, _words(TOO_LARGE), amount)
            if later:
                inside = builder.and_(builder.icmp_signed(">", x, above), builder.icmp_signed("<=", x, last))
                amount = builder.select(inside, amount, load(builder, target, _WORDS))
            else:
                amount = builder.select(builder.icmp_signed("<=", x, last), amount, _words(UNRATED))
                amount = builder.select(builder.icmp_signed("==", x, _words(0)), zero, amount)
                amount = builder.select(builder.icmp_signed("<", given, _words(0)), given, amount)
            builder.store(amount, pointer(builder, target, _WORDS), align=1)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 13, types.float64), generate

    return price


price_plain = _pricer(False, False, False)
price_tiers = _pricer(True, False, False)
price_blocks = _pricer(True, True, False)
price_later = _pricer(True, True, True)


@intrinsic
def whole_eight(typingctx: Any, xs: Any, target: Any, size: Any, inverse: Any, up: Any) -> Any:
    """The eight quantities at `xs` in whole units of a size, those begun too where `up` is 1, to `target`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x = load(builder, args[0], _WORDS)
        size, up = _each(builder, args[2], _WORDS), _each(builder, args[4], _WORDS)
        full, rest = _divided(builder, x, size, _each(builder, args[3], _REALS))
        begun = builder.zext(builder.icmp_signed("!=", rest, _words(0)), _WORDS)
        whole = builder.mul(builder.add(full, builder.and_(begun, up)), size)
        whole = builder.select(builder.icmp_signed("<", x, _words(0)), x, whole)
        builder.store(whole, pointer(builder, args[1], _WORDS), align=1)
        return context.get_dummy_value()

    word = types.int64
    return types.void(word, word, word, types.float64, word), generate


@intrinsic
def copy_eight(typingctx: Any, source: Any, target: Any, limit: Any) -> Any:
    """Copy eight uint64; TOO_LARGE in place of those from the limit on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x = load(builder, args[0], _WORDS)
        fits = builder.icmp_unsigned("<", x, _each(builder, args[2], _WORDS))
        x = builder.select(fits, x, _words(TOO_LARGE))
        builder.store(x, pointer(builder, args[1], _WORDS), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def fill_eight(typingctx: Any, target: Any, value: Any) -> Any:
    """Write a value eight times."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(_each(builder, args[1], _WORDS), pointer(builder, args[0], _WORDS), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def add_eight(typingctx: Any, sums: Any, lines: Any) -> Any:
    """Add eight lines to eight sums; a sum below zero stays, and a line below zero takes its place."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        total, line = (load(builder, each, _WORDS) for each in args)
        both = builder.add(total, line)
        both = builder.select(builder.icmp_signed("<", line, _words(0)), line, both)
        both = builder.select(builder.icmp_signed("<", total, _words(0)), total, both)
        builder.store(both, pointer(builder, args[0], _WORDS), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def bound_eight(typingctx: Any, sums: Any, target: Any, least: Any, most: Any, ceiling: Any) -> Any:
    """Eight sums as nets, held to what is least and most, TOO_LARGE from the ceiling on; how many are no amounts."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        total = load(builder, args[0], _WORDS)
        least, most, ceiling = (_each(builder, each, _WORDS) for each in args[2:])
        large = builder.icmp_signed(">=", total, ceiling)
        failed = builder.icmp_signed("<", total, _words(0))
        net = builder.select(builder.icmp_signed("<", total, least), least, total)
        net = builder.select(builder.icmp_signed("<", net, most), net, most)
        net = builder.select(failed, total, builder.select(large, _words(TOO_LARGE), net))
        builder.store(net, pointer(builder, args[1], _WORDS), align=1)
        wrong = builder.bitcast(builder.or_(failed, large), I8)
        return builder.zext(builder.ctpop(wrong), I64)

    return types.int64(*[types.int64] * 5), generate
