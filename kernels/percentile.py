"""The value of a given rank in each of many series of samples: what a 95th percentile is billed by.

Samples come from pipeline.rating.samples or from any array; values go back there. Only what may be near the rank is
kept: a pivot out of a strided sample of the series, one pass of vector compares and compresses, and a quickselect of
the few that are above it, again by vectors, in the first-level cache. The next series is asked for meanwhile. A rank
counts from the top, so samples that are absent and samples of zero need not lie in a series at all: a rank beyond its
length is zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

from kernels.options import inner
from kernels.words import I1, I32, I64, get, load, load64, pointer, prefetch, put, store64

HAS_WIDE_COMPRESS = bool(binding.get_host_cpu_features().get("avx512f"))

SAMPLED = 256
"""Values of a series that its pivot comes from."""

_LANES = 8
_SMALL = 16
_VECTOR = ir.VectorType(I64, _LANES)


def _keep(builder: Any, place: Any, pivot: Any, out: Any, order: str) -> Any:
    """Store those of 8 values that stand in an order to the pivot; where the next go. Eight are written over."""
    values = load(builder, place, _VECTOR)
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), pivot, I32(0))
    pivots = builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(I32, _LANES), [0] * _LANES))
    wanted = builder.icmp_unsigned(order, values, pivots)
    if HAS_WIDE_COMPRESS:
        name = "llvm.x86.avx512.mask.compress.v8i64"
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, ir.VectorType(I1, _LANES)]), name
        )
        packed = builder.call(function, [values, ir.Constant(_VECTOR, [0] * _LANES), wanted])
        builder.store(packed, pointer(builder, out, _VECTOR), align=1)
        mask = builder.bitcast(wanted, ir.IntType(_LANES))
        return builder.add(out, builder.shl(builder.zext(builder.ctpop(mask), I64), I64(3)))
    for i in range(_LANES):
        builder.store(builder.extract_element(values, I32(i)), pointer(builder, out, I64), align=1)
        step = builder.shl(builder.zext(builder.extract_element(wanted, I32(i)), I64), I64(3))
        out = builder.add(out, step)
    return out


@intrinsic
def keep_above(typingctx: Any, place: Any, pivot: Any, out: Any) -> Any:
    """Store at `out` those of the 8 uint64 at `place` that are greater than the pivot; the address behind them."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _keep(builder, args[0], args[1], args[2], ">")

    return types.int64(types.int64, types.uint64, types.int64), generate


@intrinsic
def keep_below(typingctx: Any, place: Any, pivot: Any, out: Any) -> Any:
    """The same with those that are less."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _keep(builder, args[0], args[1], args[2], "<")

    return types.int64(types.int64, types.uint64, types.int64), generate


@inner
def _above(source, n, pivot, target):  # type: ignore[no-untyped-def]
    """Copies the values greater than the pivot; how many."""
    out, whole = target, n & ~7
    for i in range(0, whole, 8):
        out = keep_above(source + 8 * i, pivot, out)
    for i in range(whole, n):
        value = load64(source + 8 * i)
        store64(out, value)
        out += 8 * np.int64(value > pivot)
    return (out - target) >> 3


@inner
def _below(source, n, pivot, target):  # type: ignore[no-untyped-def]
    """Copies the values less than the pivot; how many."""
    out, whole = target, n & ~7
    for i in range(0, whole, 8):
        out = keep_below(source + 8 * i, pivot, out)
    for i in range(whole, n):
        value = load64(source + 8 * i)
        store64(out, value)
        out += 8 * np.int64(value < pivot)
    return (out - target) >> 3


@inner
def _above_next(source, n, pivot, target, following):  # type: ignore[no-untyped-def]
    """`_above`, and asks for as many bytes at another address."""
    out, whole = target, n & ~7
    for i in range(0, whole, 8):
        prefetch(following + 8 * i)
        out = keep_above(source + 8 * i, pivot, out)
    for i in range(whole, n):
        value = load64(source + 8 * i)
        store64(out, value)
        out += 8 * np.int64(value > pivot)
    return (out - target) >> 3


@inner
def _of_few(source, n, rank, sorted_):  # type: ignore[no-untyped-def]
    """The value of a rank from the top among few: an insertion sort, descending."""
    for i in range(n):
        value = load64(source + 8 * i)
        j = i
        while j > 0:
            before = load64(sorted_ + 8 * (j - 1))
            if before >= value:
                break
            store64(sorted_ + 8 * j, before)
            j -= 1
        store64(sorted_ + 8 * j, value)
    return load64(sorted_ + 8 * (rank - 1))


@inner
def _middle(a, b, c):  # type: ignore[no-untyped-def]
    return max(min(a, b), min(max(a, b), c))


@inner
def _select(source, n, rank, here, there):  # type: ignore[no-untyped-def]
    """The value of a rank from the top, 1 to n; `here`, `there`: scratch for n + 8 values each, `source` may be
    `there`."""
    seed = np.uint64(n)
    while n > _SMALL:
        seed = seed * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        i = np.int64((seed >> np.uint64(33)) % np.uint64(n))
        j = (i + (n >> 1)) % n
        k = (i + (n >> 2) + 1) % n
        pivot = _middle(load64(source + 8 * i), load64(source + 8 * j), load64(source + 8 * k))
        above = _above(source, n, pivot, here)
        if rank > above:
            below = _below(source, n, pivot, here)
            if rank <= n - below:
                return pivot
            rank -= n - below
            above = below
        n = above
        source = here
        here, there = there, here
    return _of_few(source, n, rank, here)


@inner
def _rank_of(source, n, rank, following, first, second):  # type: ignore[no-untyped-def]
    if rank > n or rank <= 0:
        return np.uint64(0)
    if n < 4 * SAMPLED:
        return _select(source, n, rank, first, second)
    # A value whose rank among the sampled is three deviations further down is below the one wanted, nearly always.
    step = n // SAMPLED
    for i in range(SAMPLED):
        put(second, i, get(source, i * step))
    expected = rank * np.float64(SAMPLED) / n
    margin = 3.0 * np.sqrt(expected * (1.0 - rank / np.float64(n))) + 2.0
    pivot = _select(second, SAMPLED, min(np.int64(expected + margin), SAMPLED), first, second)
    above = _above_next(source, n, pivot, first, following)
    if rank <= above:
        return _select(first, above, rank, second, first)
    if pivot == 0:
        return pivot
    below = _below(source, n, pivot, first)
    if rank <= n - below:
        return pivot
    return _select(first, below, rank - (n - below), second, first)


def select_ranks(values, starts, lengths, ranks, n, scratch, length, out):  # type: ignore[no-untyped-def]
    """The value of a rank in each of n series; n.

    Addresses: values: uint64; starts, lengths: int64[n], where in it a series lies; ranks: int64[n], from the top, 1
    for the greatest; beyond a series' length, or 0, it is zero. scratch: uint64[2, length + 8], `length` that of the
    longest series. out: uint64[n].
    """
    second = scratch + 8 * (length + 8)
    for i in range(n):
        source = values + 8 * get(starts, i)
        following = values + 8 * get(starts, min(i + 1, n - 1))
        store64(out + 8 * i, _rank_of(source, get(lengths, i), get(ranks, i), following, scratch, second))
    return n
