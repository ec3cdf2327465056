"""Keeps modules out of a process that imports them only to see whether they are there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

UNUSED = frozenset({"pandas", "cffi", "yaml"})
"""pyarrow imports pandas to ask whether a value is one of its own (0.5 s, the most of what `prebill aggregate` takes on
a small file); numba imports cffi to type its pointers, and yaml for a configuration file that we have not. Both go on
without."""


class _LeftOut(MetaPathFinder):
    """Answers every question for these as if they were not installed."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:  # noqa: ARG002
        """`None` leaves every other module to the finders after this one."""
        if name in UNUSED:
            raise ModuleNotFoundError(f"{name} is left out of this process", name=name)


def leave_out_unused() -> None:
    """Call before numba and pyarrow are imported, in a process that needs neither Beam nor the store."""
    if not any(isinstance(finder, _LeftOut) for finder in sys.meta_path):
        sys.meta_path.insert(0, _LeftOut())
