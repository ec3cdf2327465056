"""The value of a given rank in each of many series of samples: what a 95th percentile is billed by.

Samples come from pipeline.rating.samples or from any array; values go back there. Only what may be near the rank is
kept: a pivot out of a sample of the series, one pass of vector compares and compresses, and of what is above it, in the
first-level cache, again and again what is between two values out of a few. Memory is the limit, so the next series is
asked for all the while, and sampled on the way. A rank counts from the top, so samples that are absent and samples of
zero need not lie in a series at all: a rank beyond its length is zero.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kernels.options import inner
from kernels.select_lanes import FEW, band_keeper_of, counter_of, keeper_of, sorter_of
from kernels.words import copy64, get, load32, load64, prefetch, store32, store64

EACH = 32
"""One of so many values of a series is in the sample that its pivot comes from."""

SAMPLED_FROM = 1024
"""Values of a series from which on it is sampled, and not selected from as it is."""

BEHIND = 64
"""A sample of the next series is taken so many samples behind where it is asked for: it should have come by then.

CPU ms for 6,000 × 8,928 of 64 bits on one thread, minima of 11 interleaved runs on a busy machine: 15.3 as it is (with
one of 16 values sampled 15.5, one of 64 16.0; BEHIND 32 16.6, 48 and 96 as 64); 15.2 where the pass asks for 7/8 of the
next series and the selection for the rest, which is slower where little is selected; 17 with a quickselect around the
middle of three in place of bands; 16.2 with that and 256 values sampled by themselves. No difference: bands of two to
four of the few on either side, deviations of 1.8 to 2.6. The bare pass takes 12.4, and
reading alone 11. Worse by far: asking for what comes in the same series (19 to 21), or not at all.
"""

_SMALL = 24
"""Few enough for counting, for each of them, how many are greater."""

_PER_SCRATCH = 256


def _selector(name: str, bits: int) -> Callable[..., int]:
    """`select_ranks` for values of so many bits."""
    size, lanes, greatest = bits // 8, 512 // bits, (1 << bits) - 1
    get_value, put_value = (load64, store64) if bits == 64 else (load32, store32)
    count_values, keep_band, sort_few = counter_of(bits), band_keeper_of(bits), sorter_of(bits)
    keep_above, keep_below = keeper_of(">", bits), keeper_of("<", bits)

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
    def sample_place(j):  # type: ignore[no-untyped-def]
        """Where in a series a sample is from: never at the same hours of every day."""
        return j * EACH + ((j * 13) & (EACH - 1))

    @inner
    def above_of_series(source, n, pivot, target, following, samples, wanted):  # type: ignore[no-untyped-def]
        """`above_of`, which asks for as many bytes of the next series, and samples it behind that: how many samples it
        took, of those wanted, and how many values it copied. With four vectors a turn of the loop the processor does
        not see that they follow each other, and all took 20 % longer."""
        out, whole = target, n & -lanes
        j, at = np.int64(0), np.int64(BEHIND * EACH)
        for i in range(0, whole, lanes):
            prefetch(following + size * i)
            out = keep_above(source + size * i, pivot, out)
            if i == at and j < wanted:
                put_value(samples + size * j, get_value(following + size * sample_place(j)))
                j, at = j + 1, at + EACH
        for i in range(whole, n):
            value = get_value(source + size * i)
            put_value(out, value)
            out += size * np.int64(value > pivot)
        return j, (out - target) // size

    @inner
    def narrow(source, n, low, high, target, ahead):  # type: ignore[no-untyped-def]
        """Copies the values from `low` to `high`; how many, and how many are above. Zeros may be written behind the
        values; asks for as many bytes at `ahead`."""
        for i in range(n, (n + lanes - 1) & -lanes):
            put_value(source + size * i, np.uint64(0))
        out, above = target, np.int64(0)
        for i in range(0, n, lanes):
            prefetch(ahead + size * i)
            out, more = keep_band(source + size * i, low, high, out)
            above += more
        kept = (out - target) // size
        if low == np.uint64(0):
            kept -= -n & (lanes - 1)  # the zeros, which come last
        return kept, above

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
    def select(source, n, rank, here, few, ahead):  # type: ignore[no-untyped-def]
        """The value of a rank from the top, 1 to n. `source`, `here`: room for n values and 64 bytes each, which are
        written over; `few`: for FEW. `ahead`: what is asked for meanwhile, about as many bytes as there are values."""
        while n > _SMALL:
            sort_few(source, size * (n // FEW), few)
            first, last = rank * FEW // n - 2, (rank * FEW - 1) // n + 2
            high = get_value(few + size * first) if first >= 0 else np.uint64(greatest)
            low = get_value(few + size * last) if last < FEW else np.uint64(0)
            kept, above = narrow(source, n, low, high, here, ahead)
            ahead += size * n
            if rank <= above:
                n = above_of(source, n, high, here)
            elif rank > above + kept:
                rank -= above + kept
                n = below_of(source, n, low, here)
            elif low == high:
                return low
            elif kept < n:
                rank -= above
                n = kept
            else:  # as among values of which most are the same: one of them parts the others
                pivot = get_value(few + size * (FEW // 2))
                above = above_of(source, n, pivot, here)
                if rank > above:
                    below = below_of(source, n, pivot, here)
                    if rank <= n - below:
                        return pivot
                    rank -= n - below
                    above = below
                n = above
            source, here = here, source
        return of_few(source, n, rank)

    @inner
    def rank_of(source, n, rank, following, after, taken, scratch, area):  # type: ignore[no-untyped-def]
        """The value of a rank of a series of which so many samples are taken, and how many are of the following one,
        which is `after` values long."""
        first, second, samples = scratch, scratch + area, scratch + 2 * area
        few = samples + area - size * FEW
        if rank > n or rank <= 0:
            return np.uint64(0), np.int64(0)
        if n < SAMPLED_FROM:
            for i in range(0, n & -lanes, lanes):
                copy64(first + size * i, source + size * i)
            for i in range(n & -lanes, n):
                put_value(first + size * i, get_value(source + size * i))
            return select(first, n, rank, second, few, following), np.int64(0)
        count = n // EACH
        for j in range(taken, count):
            put_value(samples + size * j, get_value(source + size * sample_place(j)))
        # A value whose rank among the sampled is two deviations further down is below the one wanted, mostly.
        expected = rank * np.float64(count) / n
        margin = 2.2 * np.sqrt(expected * (1.0 - rank / np.float64(n))) + 2.0
        pivot = select(samples, count, min(np.int64(expected + margin), count), second, few, following)
        taken, above = above_of_series(source, n, pivot, first, following, samples, after // EACH)
        ahead = following + size * n  # what comes after the next series, if that is as long
        if rank <= above:
            return select(first, above, rank, second, few, ahead), taken
        if pivot == 0:
            return pivot, taken
        below = below_of(source, n, pivot, first)
        if rank <= n - below:
            return pivot, taken
        return select(first, below, rank - (n - below), second, few, ahead), taken

    def select_ranks(values, starts, lengths, ranks, n, scratch, length, out):  # type: ignore[no-untyped-def]
        """The value of a rank in each of n series; n.

        Addresses: values: uint64, or uint32; starts, lengths: int64[n], where in it a series lies; ranks: int64[n],
        from the top, 1 for the greatest; beyond a series' length, or 0, it is zero. scratch: three times as many values
        as the longest series has, `length`, and 256 bytes each. out: uint64[n].
        """
        area = size * length + _PER_SCRATCH
        taken = np.int64(0)
        for i in range(n):
            j = min(i + 1, n - 1)
            source, following = values + size * get(starts, i), values + size * get(starts, j)
            found, taken = rank_of(
                source, get(lengths, i), get(ranks, i), following, get(lengths, j), taken, scratch, area
            )
            store64(out + 8 * i, found)
        return n

    select_ranks.__qualname__ = select_ranks.__name__ = name  # what kernels.native looks for
    return select_ranks


select_ranks = _selector("select_ranks", 64)
select_ranks_32 = _selector("select_ranks_32", 32)
