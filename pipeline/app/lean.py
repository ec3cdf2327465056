"""Keeps pandas out of a process that does not use it."""

from __future__ import annotations

import sys


def leave_pandas_out() -> None:
    """Call before pyarrow makes its first array.

    It imports pandas, where that is installed, only to ask whether a value is one of pandas' own; that costs 0.5 s,
    most of what `prebill aggregate` takes on a small file. With `None` in its place the import fails, and pyarrow goes
    on without, as it does where pandas is not installed.
    """
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
