"""Which sample each method names, against the table that others publish and against sorting."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from math import ceil, floor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rating.percentiles import METHODS, percentiles, rank_from_top, ranks_from_top, select_ranks

DATA = Path(os.environ.get("PREBILL_RATING_CASES", "../shared/data/rating_cases.json")).parent
VARIANTS = DATA / "percentile_variants.json"
PUBLISHED = {
    "nearest_rank": "nearest_rank",
    "discard_floor": "discard_floor5pct",
    "librenms": "librenms",
    "cacti": "cacti_p95n",
}

BY_MONTH = {  # samples of five minutes in 28, 29, 30 and 31 days, and places from the top
    "nearest_rank": {8064: 404, 8352: 418, 8640: 433, 8928: 447},
    "discard_floor": {8064: 404, 8352: 418, 8640: 433, 8928: 447},
    "librenms": {8064: 404, 8352: 419, 8640: 433, 8928: 447},
    "cacti": {8064: 405, 8352: 419, 8640: 433, 8928: 448},
}


@pytest.mark.parametrize("method", METHODS)
def test_a_month_by_each_method(method: str) -> None:
    assert {n: rank_from_top(method, 95, n) for n in BY_MONTH[method]} == BY_MONTH[method]


@pytest.mark.skipif(not VARIANTS.exists(), reason="the published table is not here")
@pytest.mark.parametrize("method", METHODS)
def test_the_published_table(method: str) -> None:
    rows = json.loads(VARIANTS.read_text())
    assert rows
    for row in rows:
        published = row[PUBLISHED[method]]
        assert row["n"] - rank_from_top(method, 95, row["n"]) == published["asc_index0"]


@given(st.integers(1, 10_000), st.decimals("0.01", 100, places=2))
def test_places_against_their_definitions(n: int, rank: Decimal) -> None:
    scaled = rank * n
    assert rank_from_top("nearest_rank", rank, n) == n - ceil(scaled / 100) + 1
    assert rank_from_top("discard_floor", rank, n) == min(floor((100 - rank) * n / 100) + 1, n)
    assert rank_from_top("cacti", rank, n) == min(n - floor(scaled / 100) + 1, n)
    assert rank_from_top("librenms", rank, n) in (
        rank_from_top("nearest_rank", rank, n),
        rank_from_top("cacti", rank, n),
    )


def test_no_samples_and_the_whole_series() -> None:
    for method in METHODS:
        assert rank_from_top(method, 95, 0) == 0
        assert rank_from_top(method, 95, 1) == 1
    assert rank_from_top("nearest_rank", 100, 8928) == 1


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(ValueError, match="nearest_rank, discard_floor, librenms, cacti, found 'median'"):
        rank_from_top("median", 95, 10)
    with pytest.raises(ValueError, match="up to 100, found 101"):
        rank_from_top("cacti", 101, 10)
    with pytest.raises(ValueError, match="expected columns of one length, found 1, 1 and 2 rows"):
        select_ranks(np.zeros(4, np.uint64), [0], [4], [1, 2])
    with pytest.raises(ValueError, match="within the 4 values"):
        select_ranks(np.zeros(4, np.uint64), [1], [4], [1])


def test_ranks_of_many_counts() -> None:
    counts = np.array([8928, 0, 10, 8928])
    assert ranks_from_top("nearest_rank", 95, counts).tolist() == [447, 0, 1, 447]


@given(st.integers(0, 30), st.integers(0, 50), st.sampled_from(sorted(METHODS)), st.integers(1, 3))
def test_percentiles_against_sorting(series: int, n: int, method: str, threads: int) -> None:
    samples = np.random.default_rng(series * 100 + n).integers(0, 20, (series, n)).astype(np.uint64)
    rank = rank_from_top(method, 95, n)
    wanted = [int(sorted(row, reverse=True)[rank - 1]) if n else 0 for row in samples]
    assert percentiles(samples, rank=95, method=method, threads=threads).tolist() == wanted
    narrow = samples.astype(np.uint32)
    assert percentiles(narrow, rank=95, method=method, threads=threads).tolist() == wanted
