"""The reading that kernels are held against reads everything, whatever the threads."""

from __future__ import annotations

import numpy as np
import pytest

from loadtest.reading import read_all


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_everything_is_read_once(threads: int) -> None:
    values = np.arange(32 * 101, dtype=np.uint64).reshape(-1, 101)
    assert read_all(values, threads).sum() == values.sum()
