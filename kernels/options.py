"""The one place that decides how kernels are compiled and where the compiled code is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import config

SOURCES = Path(__file__).parent


def cache_folder() -> Path:
    """The folder for compiled kernels: one for each state of the kernels' sources, numba and processor.

    numba's own cache compares only the file of the function that was called, so an edit in a module that it imports
    would go unnoticed; here every kernel's source is in the folder's name. `PREBILL_CACHE` overrides the root.
    """
    root = os.environ.get("PREBILL_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    state = hashlib.blake2b(digest_size=8)
    for source in sorted(SOURCES.glob("*.py")):
        state.update(source.name.encode() + b"\0" + source.read_bytes())
    state.update(f"{numba.__version__} {_processor()}".encode())
    return Path(root) / "prebill" / "kernels" / state.hexdigest()


def _processor() -> str:
    """The processor's name, without asking LLVM for the whole feature list at every start."""
    try:
        with Path("/proc/cpuinfo").open() as info:
            return "".join(
                line for line in (next(info) for _ in range(30)) if line.startswith(("model", "flags"))
            )
    except (OSError, StopIteration):
        import platform

        return platform.processor()


config.CACHE_DIR = str(cache_folder())


def jit(function: Callable[..., Any]) -> Any:
    """Compile lazily, keep on disk, run without the GIL; no bounds are checked, so callers pad and size buffers."""
    return numba.njit(
        function, cache=True, nogil=True, boundscheck=False, error_model="numpy", fastmath=False
    )


_PART = {"nogil": True, "boundscheck": False, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def inner(function: Callable[..., Any]) -> Any:
    """Compile as a part of the kernels that call it, into each of their calls; never called from Python, so not cached alone."""
    return numba.njit(function, forceinline=True, **_PART)


def outer(function: Callable[..., Any]) -> Any:
    """The same for what is seldom called: it stays a call, which keeps kernels small and quick to compile."""
    return numba.njit(function, **_PART)
