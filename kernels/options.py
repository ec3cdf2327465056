"""The one place that decides how the parts of kernels are compiled; `kernels.native` compiles and keeps the kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

_PART = {
    "nogil": True,
    "boundscheck": False,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def inner(function: Callable[..., Any]) -> Any:
    """Compile as a part of the kernels that call it, into each of their calls; never called from Python."""
    return numba.njit(function, forceinline=True, **_PART)


def outer(function: Callable[..., Any]) -> Any:
    """The same for what is seldom called: it stays a call, which keeps kernels small and quick to compile."""
    return numba.njit(function, **_PART)
