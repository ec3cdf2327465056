"""Which sample a percentile is, by each named method, and the values of many series at once by a kernel.

Samples come from pipeline.rating.samples; what is found becomes bit/s in pipeline.rating.meter.
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kernels import entry
from pipeline.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from numpy.typing import ArrayLike, NDArray

METHODS: dict[str, Callable[[Fraction, int], int]] = {
    "nearest_rank": lambda share, n: -(-share * n // 1) - 1,
    "discard_floor": lambda share, n: n - 1 - (1 - share) * n // 1,
    "librenms": lambda share, n: (2 * share * n + 1) // 2 - 1,
    "cacti": lambda share, n: share * n // 1 - 1,
}
"""By name, the place of the sample among n in ascending order, counted from 0, for a share of 1.

`nearest_rank`: the least sample that has at least the share at or below it. `discard_floor`: the greatest that is left
when the rest of the share, rounded down, is thrown away. `librenms` rounds the place half up, `cacti` down.
"""


def rank_from_top(method: str, rank: Decimal | int, n: int) -> int:
    """The place from the top, 1 for the greatest, of the p-th percentile of n samples; 0 for none.

    Places out of the series are moved to its first or last. ValueError for an unknown method or a rank not in 0 to 100.
    """
    if method not in METHODS:
        raise ValueError(f"percentile: expected a method of {', '.join(METHODS)}, found {method!r}")
    share = Fraction(rank) / 100
    if not 0 < share <= 1:
        raise ValueError(f"percentile: expected a rank above 0 and up to 100, found {rank}")
    if n <= 0:
        return 0
    return n - min(max(METHODS[method](share, n), 0), n - 1)


def ranks_from_top(method: str, rank: Decimal | int, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """`rank_from_top` for each of many counts."""
    distinct, places = np.unique(counts, return_inverse=True)
    return np.array([rank_from_top(method, rank, int(n)) for n in distinct], np.int64)[places]


def select_ranks(
    values: NDArray[np.uint64] | NDArray[np.uint32],
    starts: ArrayLike,
    lengths: ArrayLike,
    ranks: ArrayLike,
    *,
    threads: int = 1,
) -> NDArray[np.uint64]:
    """The value of a rank from the top in each series `values[start : start + length]`; zero beyond its length.

    So zeros and absent samples may be left out of a series, as long as its rank counts them. ValueError where columns
    differ in length or a series does not lie within `values`.
    """
    narrow = values.dtype == np.uint32  # half the memory to read, and that is what takes the time
    flat = np.ascontiguousarray(values, np.uint32 if narrow else np.uint64).reshape(-1)
    kernel = entry.select_ranks_32 if narrow else entry.select_ranks
    firsts, counts, wanted = (np.ascontiguousarray(a, np.int64) for a in (starts, lengths, ranks))
    if not len(firsts) == len(counts) == len(wanted):
        found = f"{len(firsts)}, {len(counts)} and {len(wanted)}"
        raise ValueError(f"starts, lengths, ranks: expected columns of one length, found {found} rows")
    if len(firsts) == 0:
        return np.empty(0, np.uint64)
    if firsts.min() < 0 or counts.min() < 0 or (firsts + counts).max() > len(flat):
        raise ValueError(f"series: expected each within the {len(flat)} values, found one that is not")
    longest, out = int(counts.max()), np.empty(len(firsts), np.uint64)
    bounds = np.searchsorted(np.cumsum(counts), int(counts.sum()) * np.arange(1, threads) / threads)
    edges = [0, *bounds.tolist(), len(firsts)]

    def part(first: int, after: int) -> None:
        if first < after:
            scratch = np.empty((3, longest + 32), np.uint64)
            kernel(
                flat.ctypes.data,
                firsts.ctypes.data + 8 * first,
                counts.ctypes.data + 8 * first,
                wanted.ctypes.data + 8 * first,
                after - first,
                scratch.ctypes.data,
                longest,
                out.ctypes.data + 8 * first,
            )

    with Crew(threads) as crew:
        crew.do([partial(part, *span) for span in pairwise(edges)])
    return out


def percentiles(
    samples: NDArray[np.uint64] | NDArray[np.uint32], *, rank: Decimal | int, method: str, threads: int = 1
) -> NDArray[np.uint64]:
    """The p-th percentile of each row of uint64, or uint32, [series, samples]; zeros where there are no samples."""
    series, n = samples.shape
    place = rank_from_top(method, rank, n)
    starts = np.arange(series, dtype=np.int64) * n
    return select_ranks(samples, starts, np.full(series, n), np.full(series, place), threads=threads)
