"""Vectors of values that are compared and packed, as intrinsics that emit LLVM IR: what kernels.percentile is made of.

Each comes for values of 64 bits and of 32, unsigned; addresses are int64, and whole vectors of 64 bytes are read and
written.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

from kernels.words import I1, I32, I64, load, pointer

HAS_WIDE_COMPRESS = bool(binding.get_host_cpu_features().get("avx512f"))

FEW = 16
"""Values that `sorter_of` sorts."""


def _vector(bits: int) -> Any:
    return ir.VectorType(ir.IntType(bits), 512 // bits)


def _each(builder: Any, value: Any, vector: Any) -> Any:
    if vector.element != value.type:
        value = builder.trunc(value, vector.element)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count))


def _count(builder: Any, flags: Any) -> Any:
    return builder.zext(builder.ctpop(builder.bitcast(flags, ir.IntType(flags.type.count))), I64)


def _pack(builder: Any, values: Any, wanted: Any, out: Any) -> Any:
    """Store the wanted at `out`; where the next go."""
    vector = values.type
    lanes, one = vector.count, vector.element
    shift = I64({64: 3, 32: 2}[one.width])
    if HAS_WIDE_COMPRESS:
        name = f"llvm.x86.avx512.mask.compress.v{lanes}i{one.width}"
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(vector, [vector, vector, ir.VectorType(I1, lanes)]), name
        )
        packed = builder.call(function, [values, ir.Constant(vector, [0] * lanes), wanted])
        builder.store(packed, pointer(builder, out, vector), align=1)
        return builder.add(out, builder.shl(_count(builder, wanted), shift))
    for i in range(lanes):
        builder.store(builder.extract_element(values, I32(i)), pointer(builder, out, one), align=1)
        step = builder.shl(builder.zext(builder.extract_element(wanted, I32(i)), I64), shift)
        out = builder.add(out, step)
    return out


def keeper_of(order: str, bits: int) -> Any:
    """Store at `out` those of the 64 bytes of values at `place` that are greater, or less, than the pivot; the address
    behind them. Up to 64 bytes are written over."""

    @intrinsic
    def keep(typingctx: Any, place: Any, pivot: Any, out: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            values = load(builder, args[0], _vector(bits))
            wanted = builder.icmp_unsigned(order, values, _each(builder, args[1], values.type))
            return _pack(builder, values, wanted, args[2])

        return types.int64(types.int64, types.uint64, types.int64), generate

    return keep


def band_keeper_of(bits: int) -> Any:
    """Store at `out` those of the 64 bytes of values at `place` that are from `low` to `high`; the address behind them,
    and how many are above `high`."""

    @intrinsic
    def keep(typingctx: Any, place: Any, low: Any, high: Any, out: Any) -> Any:
        kind = types.UniTuple(types.int64, 2)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            values = load(builder, args[0], _vector(bits))
            low, high = (_each(builder, each, values.type) for each in args[1:3])
            above = builder.icmp_unsigned(">", values, high)
            wanted = builder.and_(builder.icmp_unsigned(">=", values, low), builder.not_(above))
            out = _pack(builder, values, wanted, args[3])
            return context.make_tuple(builder, kind, [out, _count(builder, above)])

        return kind(types.int64, types.uint64, types.uint64, types.int64), generate

    return keep


def counter_of(bits: int) -> Any:
    """How many of the 64 bytes of values are greater than one, and how many equal it, in the upper 32 bits."""

    @intrinsic
    def count(typingctx: Any, place: Any, pivot: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            values = load(builder, args[0], _vector(bits))
            pivot = _each(builder, args[1], values.type)
            above, equal = (
                _count(builder, builder.icmp_unsigned(order, values, pivot)) for order in (">", "==")
            )
            return builder.add(above, builder.shl(equal, I64(32)))

        return types.int64(types.int64, types.uint64), generate

    return count


def _network(n: int) -> list[tuple[int, int]]:
    """Which places to compare in turn to sort a power of two of values: Batcher's odd-even merge sort."""
    pairs, run = [], 1
    while run < n:
        apart = run
        while apart:
            for first in range(apart % run, n - apart, 2 * apart):
                some = range(first, min(first + apart, n - apart))
                pairs += [(i, i + apart) for i in some if i // (2 * run) == (i + apart) // (2 * run)]
            apart //= 2
        run *= 2
    return pairs


def sorter_of(bits: int) -> Any:
    """Store FEW values, which lie `step` bytes apart from `source` on, at a target, the greatest first."""

    @intrinsic
    def sort(typingctx: Any, source: Any, step: Any, target: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            source, step, target = args
            one = ir.IntType(bits)
            places = [builder.add(source, builder.mul(step, I64(i))) for i in range(FEW)]
            values = [load(builder, place, one) for place in places]
            for i, j in _network(FEW):
                more, a, b = builder.icmp_unsigned(">", values[i], values[j]), values[i], values[j]
                values[i], values[j] = builder.select(more, a, b), builder.select(more, b, a)
            for i, value in enumerate(values):
                builder.store(value, pointer(builder, builder.add(target, I64(i * bits // 8)), one), align=1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), generate

    return sort
