"""The peers of rating give our answers, on little data; and the benchmark notices when somebody does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loadtest.bench_rating import SAMPLES, check_in_decimals, make_samples
from loadtest.measure import MeasureError
from loadtest.plan_mix import draw_plans, draw_quantities
from loadtest.rating_peers import book_peers, percentile_peers
from pipeline.rating.compiled_book import compile_book
from pipeline.rating.percentiles import percentiles


@pytest.mark.parametrize("kind", [np.uint64, np.uint32])
def test_percentiles_of_the_peers_are_ours(kind: type[Any]) -> None:
    pytest.importorskip("duckdb")
    pytest.importorskip("polars")
    samples = make_samples(20, 1, kind)
    ours = percentiles(samples, rank=95, method="nearest_rank", threads=2)
    assert (ours == np.sort(samples, axis=1)[:, SAMPLES - 447]).all()
    for name, run in percentile_peers(samples, SAMPLES - 447, 2).items():
        assert np.array_equal(np.asarray(run()), ours), name


def test_nets_of_the_peers_are_ours() -> None:
    pytest.importorskip("duckdb")
    pytest.importorskip("polars")
    book = compile_book(draw_plans(20))
    assert not book.refused
    quantities = draw_quantities(book, 50)
    ours = book.rate(quantities)
    assert ours.failed == 0
    for name, run in book_peers(book, quantities, 2).items():
        assert np.array_equal(run(), ours.nets), name


def test_a_wrong_net_is_noticed() -> None:
    book = compile_book(draw_plans(20))
    quantities = draw_quantities(book, 10)
    nets = book.rate(quantities).nets
    assert check_in_decimals(book, quantities, nets, 200) == 200
    with pytest.raises(MeasureError, match="expected"):
        check_in_decimals(book, quantities, nets + 1, 1)
