"""Rates out of minutes: sums over samples of some minutes each, those that count, and the percentile of them.

Minutes come from pipeline.rating.meter as lines of a cube; it turns what is found here into bit/s.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kernels import entry
from pipeline.rating.clock_time import local_days, within_hours
from pipeline.rating.percentiles import rank_from_top, select_ranks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.rating.model import Hours, Percentile

MINUTE_S = 60


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """`sums`: uint64[lines, samples], bytes in each sample; `seen`: bool[lines, samples], usage was there, if only of
    zero bytes; `begins`: int64[samples], minutes since the epoch."""

    sums: NDArray[np.uint64]
    seen: NDArray[np.bool_]
    begins: NDArray[np.int64]
    first: int
    after: int


def pool(cube: NDArray[np.uint64], seen: NDArray[np.bool_], first: int, sample_s: int) -> Samples:
    """Samples of uint64[lines, minutes] from the minute `first` on; a last one may be shorter than the others.

    ValueError where a sample is not of whole minutes; OverflowError where a sum passes 2^64.
    """
    if sample_s < MINUTE_S or sample_s % MINUTE_S:
        raise ValueError(f"percentile: expected samples of whole minutes, found {sample_s} s")
    lines, width = cube.shape
    per = sample_s // MINUTE_S
    count = -(-width // per)
    sums = np.empty((lines, count), np.uint64)
    flat = np.ascontiguousarray(cube)
    if entry.pool_samples(flat.ctypes.data, lines, width, per, 0, count, sums.ctypes.data):
        raise OverflowError(f"a sample of {sample_s} s holds more than 2^64 bytes")
    padded = np.zeros((lines, count * per), np.bool_)
    padded[:, :width] = seen
    return Samples(
        sums,
        np.logical_or.reduce(padded.reshape(lines, count, per), axis=2),
        first + per * np.arange(count, dtype=np.int64),
        first,
        first + width,
    )


def percentile_bytes(samples: Samples, how: Percentile, hours: Hours | None, tz: str) -> tuple[int, int]:
    """The sum of bytes in the sample of the percentile, or of the zones' as `how.of` says; and how many samples count.

    `hours`: only samples that begin in the window; days are those of `tz`. Where samples without usage are skipped,
    each zone has its own count, and the greatest is given.
    """
    whole = how.of == "sum"
    sums = samples.sums.sum(axis=0, keepdims=True, dtype=np.uint64) if whole else samples.sums
    if whole and len(samples.sums) > 1 and samples.sums.max(axis=1, initial=0).sum(dtype=object) >= 1 << 64:
        raise OverflowError("the samples of all zones together hold more than 2^64 bytes")
    seen = np.logical_or.reduce(samples.seen, axis=0, keepdims=True) if whole else samples.seen
    counts = _counting(samples, seen, sums, how, hours, tz)
    lengths = counts.sum(axis=1, dtype=np.int64)
    ranks = [rank_from_top(how.method, how.rank, int(n)) for n in lengths]
    values = sums[counts]
    found = select_ranks(values, np.cumsum(lengths) - lengths, lengths, ranks).tolist()
    amount = max(found, default=0) if how.of == "max_of_zones" else sum(found)
    return amount, int(lengths.max(initial=0))


def window_bytes(
    samples: Samples, how: Percentile, hours: Hours | None, tz: str, starts: NDArray[np.int64]
) -> list[int]:
    """The same of each window alone; `starts`: minutes from the first on. A sample is of the window it begins in."""
    bounds = np.searchsorted(
        samples.begins - samples.first, [*starts.tolist(), samples.after - samples.first]
    )
    found = []
    for begin, end in itertools.pairwise(bounds.tolist()):
        part = Samples(
            samples.sums[:, begin:end],
            samples.seen[:, begin:end],
            samples.begins[begin:end],
            samples.first,
            samples.after,
        )
        found.append(percentile_bytes(part, how, hours, tz)[0])
    return found


def count_valid_days(samples: Samples, tz: str) -> tuple[int, int]:
    """Days of the zone with traffic, in whichever line, and all days that the samples' time touches."""
    busy = (samples.sums > 0).any(axis=0)
    days = local_days(samples.first, samples.after, tz)
    return len(np.unique(days[samples.begins[busy] - samples.first])), len(np.unique(days))


def _counting(
    samples: Samples,
    seen: NDArray[np.bool_],
    sums: NDArray[np.uint64],
    how: Percentile,
    hours: Hours | None,
    tz: str,
) -> NDArray[np.bool_]:
    """Which samples count, for each line."""
    counts = seen.copy() if how.missing_samples == "skip" else np.ones_like(seen)
    places = samples.begins - samples.first
    if hours is not None:
        counts &= within_hours(samples.first, samples.after, hours)[places]
    if how.valid_days and counts.size:
        days = local_days(samples.first, samples.after, tz)[places]
        distinct, of = np.unique(days, return_inverse=True)
        traffic = np.zeros((len(sums), len(distinct)), np.bool_)
        lines, where = np.nonzero(sums)
        traffic[lines, of[where]] = True
        counts &= traffic[:, of]
    return counts
