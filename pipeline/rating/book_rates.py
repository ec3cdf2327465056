"""Rates of many customers out of their samples, as pipeline.rating.samples has one's: percentile by percentile.

Samples are dense, with zeros where there was no usage. Zeros are the least there is, so that a sample which does not
count changes only which rank is looked for, never the series that it is looked for in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.rating.book_needs import percentile_of
from pipeline.rating.clock_time import local_days, within_hours
from pipeline.rating.percentiles import ranks_from_top, select_ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.rating.model import Charge, Percentile


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """`sums`: uint64[customers, zones, samples], bytes; `seen`: uint8, there was usage, None where nobody asks; samples
    of `per` minutes from the minute `first` on, to before `after`; days are those of `tz`."""

    sums: NDArray[np.uint64]
    seen: NDArray[np.uint8] | None
    first: int
    after: int
    per: int
    tz: str


def rate_column(
    sampled: Sampled, charge: Charge, zones: Sequence[str], there: NDArray[np.bool_]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Bit/s of each customer, rounded down, and how many samples each is the percentile of.

    `there`: bool[customers, zones], in which zones a customer has any usage.
    """
    how = percentile_of(charge)
    lines = [i for i, zone in enumerate(zones) if not charge.where.zones or zone in charge.where.zones]
    whole = how.of == "sum"
    sums = sampled.sums if len(lines) == len(zones) else sampled.sums[:, lines]
    sums = sums.sum(axis=1, keepdims=True, dtype=np.uint64) if whole else sums
    inside = None
    places = sampled.per * np.arange(sums.shape[2])
    if charge.hours is not None:
        inside = within_hours(sampled.first, sampled.after, charge.hours)[places]
    counts = _counts(sampled, sums, how, lines, inside, places)
    taken = np.ascontiguousarray(sums if inside is None else sums[..., inside])
    customers, width, length = taken.shape
    ranks = ranks_from_top(how.method, how.rank, counts.reshape(-1)) if counts.size else counts.reshape(-1)
    starts = np.arange(customers * width, dtype=np.int64) * length
    found = select_ranks(taken, starts, np.full(customers * width, length), ranks).reshape(customers, width)
    if not whole:
        counts = np.where(there[:, lines], counts, 0)
    most = found.max(axis=1, initial=0) if how.of == "max_of_zones" else found.sum(axis=1, dtype=np.uint64)
    return most * np.uint64(8) // np.uint64(how.sample_s), counts.max(axis=1, initial=0)


def _counts(
    sampled: Sampled,
    sums: NDArray[np.uint64],
    how: Percentile,
    lines: Sequence[int],
    inside: NDArray[np.bool_] | None,
    places: NDArray[np.int64],
) -> NDArray[np.int64]:
    """int64[customers, lines]: how many samples count."""
    length = sums.shape[2] if inside is None else int(inside.sum())
    skips = how.missing_samples == "skip" and sampled.seen is not None
    if not skips and not how.valid_days:
        return np.full(sums.shape[:2], length, np.int64)
    counting = np.ones(sums.shape, np.bool_)
    if skips and sampled.seen is not None:
        seen = sampled.seen[:, lines] != 0
        counting = seen.any(axis=1, keepdims=True) if how.of == "sum" else seen
    if how.valid_days and sums.shape[2]:
        days = local_days(sampled.first, sampled.after, sampled.tz)[places]
        distinct, of = np.unique(days, return_inverse=True)
        # a clock that goes back at midnight shows a day twice
        order = np.argsort(days, kind="stable")
        starts = np.searchsorted(days[order], distinct)
        counting = counting & (np.maximum.reduceat(sums[..., order], starts, axis=2) > 0)[..., of]
    if inside is not None:
        counting = counting & inside
    return np.asarray(counting.sum(axis=2, dtype=np.int64))
