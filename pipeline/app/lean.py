"""Keeps pandas out of a process that does not use it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class _NoPandas(MetaPathFinder):
    """Answers every question for pandas as if it were not installed."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:  # noqa: ARG002
        """`None` leaves every other module to the finders after this one."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is left out of this process", name=name)


def leave_pandas_out() -> None:
    """Call before pyarrow makes its first array.

    It imports pandas, where that is installed, only to ask whether a value is one of pandas' own; that costs 0.5 s,
    most of what `prebill aggregate` takes on a small file. Without pandas it goes on all the same.
    """
    if "pandas" not in sys.modules and not any(isinstance(finder, _NoPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NoPandas())
