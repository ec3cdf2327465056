"""The kernel of percentiles against sorting, whatever series, ranks and lengths it is given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kernels import entry

TOP = 2**64 - 1
kinds = st.sampled_from(["few", "wide", "zeros", "rising", "falling", "steps", "same"])


def make_series(kind: str, n: int, seed: int) -> NDArray[np.uint64]:
    """Series that a pivot out of a sample may judge wrongly."""
    rng = np.random.default_rng(seed)
    if kind == "few":
        return rng.integers(0, 4, n).astype(np.uint64)
    if kind == "wide":
        return rng.integers(0, TOP, n, np.uint64, endpoint=True)
    if kind == "zeros":
        values = rng.integers(0, 2**40, n, np.uint64)
        values[rng.random(n) < rng.random()] = 0
        return values
    values = np.arange(n, dtype=np.uint64) * np.uint64(3) + np.uint64(seed)
    if kind == "falling":
        return values[::-1].copy()
    if kind == "steps":  # what is great lies between the sampled places
        values[:] = 1
        values[1 :: max(n // 256, 2)] = TOP
        values[2 :: max(n // 256, 3)] = TOP - 1
        return values
    return values if kind == "rising" else np.full(n, seed, np.uint64)


def select(series: list[NDArray[np.uint64]], ranks: list[int], bits: int = 64) -> list[int]:
    """The kernel on series that lie with others' values between them."""
    size, kernel = bits // 8, entry.select_ranks if bits == 64 else entry.select_ranks_32
    around = np.full(9, TOP, np.uint64)
    values = np.concatenate([part for one in series for part in (around, one)] + [around])
    values = values if bits == 64 else values.astype(np.uint32)
    lengths = np.array([len(one) for one in series], np.int64)
    starts = np.cumsum(lengths + 9) - lengths
    wanted, longest = np.array(ranks, np.int64), int(lengths.max())
    scratch = np.full(3 * (longest * size + 256) + 64, 77, np.uint8)
    out = np.full(len(series) + 1, 77, np.uint64)
    kernel(
        values.ctypes.data,
        starts.ctypes.data,
        lengths.ctypes.data,
        wanted.ctypes.data,
        len(series),
        scratch.ctypes.data,
        longest,
        out.ctypes.data,
    )
    assert out[-1] == 77
    assert (scratch[-64:] == 77).all()
    return [int(value) for value in out[:-1]]


def by_sorting(values: NDArray[np.uint64], rank: int) -> int:
    return int(np.sort(values)[::-1][rank - 1]) if 0 < rank <= len(values) else 0


@settings(deadline=None, max_examples=150)  # kernels are compiled at their first call
@given(
    st.lists(
        st.tuples(
            kinds, st.integers(0, 40) | st.integers(0, 3000), st.integers(0, 2**32), st.floats(0, 1.05)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_rank_is_the_value_that_sorting_puts_there(drawn: list[tuple[str, int, int, float]]) -> None:
    series = [make_series(kind, n, seed) for kind, n, seed, _ in drawn]
    ranks = [round(share * n) for _, n, _, share in drawn]
    assert select(series, ranks) == [by_sorting(one, rank) for one, rank in zip(series, ranks, strict=True)]
    narrow = [one & np.uint64(2**32 - 1) for one in series]
    assert select(narrow, ranks, 32) == [
        by_sorting(one, rank) for one, rank in zip(narrow, ranks, strict=True)
    ]


@pytest.mark.parametrize("kind", ["few", "wide", "zeros", "rising", "falling", "steps", "same"])
@pytest.mark.parametrize("n", [8064, 8916, 8928, 44_640])
def test_a_month_of_samples(kind: str, n: int) -> None:
    series = [make_series(kind, n, seed) for seed in range(4)]
    for rank in (1, n // 20, n // 20 + 1, n // 2, n):
        assert select(series, [rank] * 4) == [by_sorting(one, rank) for one in series]
        narrow = [one & np.uint64(2**32 - 1) for one in series]
        assert select(narrow, [rank] * 4, 32) == [by_sorting(one, rank) for one in narrow]
