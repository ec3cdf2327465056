"""The value of a given rank in each of many series of samples: what a 95th percentile is billed by.

Samples come from pipeline.rating.samples or from any array; values go back there. Only what may be near the rank is
kept: a pivot out of a strided sample of the series, one pass of vector compares and compresses, and a quickselect of
the few that are above it, again by vectors, in the first-level cache. The next series is asked for meanwhile. A rank
counts from the top, so samples that are absent and samples of zero need not lie in a series at all: a rank beyond its
length is zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

from kernels.options import inner
from kernels.words import I1, I32, I64, get, load, load32, load64, pointer, prefetch, store32, store64

HAS_WIDE_COMPRESS = bool(binding.get_host_cpu_features().get("avx512f"))

SAMPLED = 256
"""Values of a series that its pivot comes from."""

_SMALL = 48
"""Few enough for counting, for each of them, how many are greater: CPU ms for 6,000 × 8,928 of 64 bits, medians of
interleaved runs: 17.8 so, 19.6 with an insertion sort of 16, 21 with 96. Reading alone takes 12.7 on one core; with
both cores at once 20 of 24, and there no kernel can be much better. No gain: prefetches of the next series from within
the quickselect, too (18.7). Worse, without counting: prefetches of its sampled lines only (24), into the second-level
cache (19.6), none (28)."""

_SHIFT = {64: 3, 32: 2}


def _keep(builder: Any, place: Any, pivot: Any, out: Any, order: str, bits: int) -> Any:
    """Store those of the 64 bytes of values that stand in an order to the pivot; where the next go."""
    lanes, one = 512 // bits, ir.IntType(bits)
    vector = ir.VectorType(one, lanes)
    values = load(builder, place, vector)
    pivot = builder.trunc(pivot, one) if bits < 64 else pivot
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), pivot, I32(0))
    pivots = builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(I32, lanes), [0] * lanes))
    wanted = builder.icmp_unsigned(order, values, pivots)
    if HAS_WIDE_COMPRESS:
        name = f"llvm.x86.avx512.mask.compress.v{lanes}i{bits}"
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(vector, [vector, vector, ir.VectorType(I1, lanes)]), name
        )
        packed = builder.call(function, [values, ir.Constant(vector, [0] * lanes), wanted])
        builder.store(packed, pointer(builder, out, vector), align=1)
        mask = builder.bitcast(wanted, ir.IntType(lanes))
        return builder.add(out, builder.shl(builder.zext(builder.ctpop(mask), I64), I64(_SHIFT[bits])))
    for i in range(lanes):
        builder.store(builder.extract_element(values, I32(i)), pointer(builder, out, one), align=1)
        step = builder.shl(builder.zext(builder.extract_element(wanted, I32(i)), I64), I64(_SHIFT[bits]))
        out = builder.add(out, step)
    return out


def _keeper(order: str, bits: int) -> Any:
    """Store at `out` those of the 64 bytes of values at `place` that are greater, or less, than the pivot; the address
    behind them. Up to 64 bytes are written over."""

    @intrinsic
    def keep(typingctx: Any, place: Any, pivot: Any, out: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _keep(builder, args[0], args[1], args[2], order, bits)

        return types.int64(types.int64, types.uint64, types.int64), generate

    return keep


def _counter(bits: int) -> Any:
    """How many of the 64 bytes of values are greater than one, and how many equal it, in the upper 32 bits."""

    @intrinsic
    def count(typingctx: Any, place: Any, pivot: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            lanes, one = 512 // bits, ir.IntType(bits)
            vector, mask = ir.VectorType(one, lanes), ir.IntType(lanes)
            values = load(builder, args[0], vector)
            pivot = builder.trunc(args[1], one) if bits < 64 else args[1]
            first = builder.insert_element(ir.Constant(vector, ir.Undefined), pivot, I32(0))
            pivots = builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(I32, lanes), [0] * lanes))
            above, equal = (
                builder.zext(
                    builder.ctpop(builder.bitcast(builder.icmp_unsigned(order, values, pivots), mask)), I64
                )
                for order in (">", "==")
            )
            return builder.add(above, builder.shl(equal, I64(32)))

        return types.int64(types.int64, types.uint64), generate

    return count


@inner
def _middle(a, b, c):  # type: ignore[no-untyped-def]
    return max(min(a, b), min(max(a, b), c))


def _selector(name: str, bits: int) -> Callable[..., int]:
    """`select_ranks` for values of so many bits."""
    size, lanes = bits // 8, 512 // bits
    get_value, put_value = (load64, store64) if bits == 64 else (load32, store32)
    count_values = _counter(bits)
    keep_above, keep_below = _keeper(">", bits), _keeper("<", bits)

    @inner
    def above_of(source, n, pivot, target):  # type: ignore[no-untyped-def]
        """Copies the values greater than the pivot; how many."""
        out, whole = target, n & -lanes
        for i in range(0, whole, lanes):
            out = keep_above(source + size * i, pivot, out)
        for i in range(whole, n):
            value = get_value(source + size * i)
            put_value(out, value)
            out += size * np.int64(value > pivot)
        return (out - target) // size

    @inner
    def below_of(source, n, pivot, target):  # type: ignore[no-untyped-def]
        """Copies the values less than the pivot; how many."""
        out, whole = target, n & -lanes
        for i in range(0, whole, lanes):
            out = keep_below(source + size * i, pivot, out)
        for i in range(whole, n):
            value = get_value(source + size * i)
            put_value(out, value)
            out += size * np.int64(value < pivot)
        return (out - target) // size

    @inner
    def above_of_series(source, n, pivot, target, following):  # type: ignore[no-untyped-def]
        """`above_of`, and asks for as many bytes at another address."""
        out, whole = target, n & -lanes
        for i in range(0, whole, lanes):
            prefetch(following + size * i)
            out = keep_above(source + size * i, pivot, out)
        for i in range(whole, n):
            value = get_value(source + size * i)
            put_value(out, value)
            out += size * np.int64(value > pivot)
        return (out - target) // size

    @inner
    def of_few(source, n, rank):  # type: ignore[no-untyped-def]
        """The value of a rank from the top among few, behind which zeros may be written: the one that as many others
        are greater than."""
        for i in range(n, (n + lanes - 1) & -lanes):
            put_value(source + size * i, np.uint64(0))
        for i in range(n):
            value = get_value(source + size * i)
            counts = np.int64(0)
            for j in range(0, n, lanes):
                counts += count_values(source + size * j, value)
            above = counts & 0xFFFFFFFF
            if above < rank and rank <= above + (counts >> 32):
                return value
        return np.uint64(0)  # only a zero counts those behind it, too, and zeros come last

    @inner
    def select(source, n, rank, here, there):  # type: ignore[no-untyped-def]
        """The value of a rank from the top, 1 to n. `here`, `there`: scratch for n values and 64 bytes each; `source`
        may be `there`."""
        seed = np.uint64(n)
        while n > _SMALL:
            seed = seed * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            i = (np.int64(seed >> np.uint64(33)) * n) >> 31
            j, k = i + (n >> 1), i + (n >> 2) + 1
            j -= n * np.int64(j >= n)
            k -= n * np.int64(k >= n)
            first, second = get_value(source + size * i), get_value(source + size * j)
            pivot = _middle(first, second, get_value(source + size * k))
            above = above_of(source, n, pivot, here)
            if rank > above:
                below = below_of(source, n, pivot, here)
                if rank <= n - below:
                    return pivot
                rank -= n - below
                above = below
            n = above
            source = here
            here, there = there, here
        if source != here and source != there:
            for i in range(n):
                put_value(here + size * i, get_value(source + size * i))
            source = here
        return of_few(source, n, rank)

    @inner
    def rank_of(source, n, rank, following, first, second):  # type: ignore[no-untyped-def]
        if rank > n or rank <= 0:
            return np.uint64(0)
        if n < 4 * SAMPLED:
            return select(source, n, rank, first, second)
        # A value whose rank among the sampled is two deviations further down is below the one wanted, mostly.
        step = n // SAMPLED
        for i in range(SAMPLED):
            put_value(second + size * i, get_value(source + size * (i * step)))
        expected = rank * np.float64(SAMPLED) / n
        margin = 2.2 * np.sqrt(expected * (1.0 - rank / np.float64(n))) + 2.0
        pivot = select(second, SAMPLED, min(np.int64(expected + margin), SAMPLED), first, second)
        above = above_of_series(source, n, pivot, first, following)
        if rank <= above:
            return select(first, above, rank, second, first)
        if pivot == 0:
            return pivot
        below = below_of(source, n, pivot, first)
        if rank <= n - below:
            return pivot
        return select(first, below, rank - (n - below), second, first)

    def select_ranks(values, starts, lengths, ranks, n, scratch, length, out):  # type: ignore[no-untyped-def]
        """The value of a rank in each of n series; n.

        Addresses: values: uint64, or uint32; starts, lengths: int64[n], where in it a series lies; ranks: int64[n],
        from the top, 1 for the greatest; beyond a series' length, or 0, it is zero. scratch: twice as many values as
        the longest series has, `length`, and 64 bytes. out: uint64[n].
        """
        second = scratch + size * length + 64
        for i in range(n):
            source = values + size * get(starts, i)
            following = values + size * get(starts, min(i + 1, n - 1))
            found = rank_of(source, get(lengths, i), get(ranks, i), following, scratch, second)
            store64(out + 8 * i, found)
        return n

    select_ranks.__qualname__ = select_ranks.__name__ = name  # what kernels.native looks for
    return select_ranks


select_ranks = _selector("select_ranks", 64)
select_ranks_32 = _selector("select_ranks_32", 32)
