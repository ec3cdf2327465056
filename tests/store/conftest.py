"""Shared by the store's tests: a store in a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.model import Origin
from pipeline.store import Store, open_store
from tests.store.cases import MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"chdb://{tmp_path}/store") as opened:
        yield opened


@pytest.fixture
def origin() -> Callable[[int], Origin]:
    return lambda place: Origin("e1", "access", MINUTE + place)
