"""The one place that decides how kernels are compiled, where the compiled code is kept, and who compiles it."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core import config

SOURCES = Path(__file__).parent


@functools.cache
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
    """The processor's name and features, without asking LLVM at every start."""
    with contextlib.suppress(OSError, StopIteration), Path("/proc/cpuinfo").open() as info:
        return "".join(
            line for line in (next(info) for _ in range(30)) if line.startswith(("model", "flags"))
        )
    import platform

    return platform.processor()


class Kernel:
    """A compiled function. The first process that needs it compiles it, under a lock; all others load what it kept.

    numba's cache does not bear two writers; a kernel is marked as kept only when its writer is done. Where no
    folder can
    be written every process compiles for itself.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._name = f"{function.__module__}.{function.__name__.lstrip('_')}"
        self._compiled = numba.njit(
            function, cache=True, nogil=True, boundscheck=False, error_model="numpy", fastmath=False
        )
        self._ready = False
        self._lock = threading.Lock()

    def __call__(self, *args: Any) -> Any:
        """Run without the GIL. Bounds are not checked: callers pad and size their buffers."""
        if self._ready:
            return self._compiled(*args)
        with self._lock, _writer_of(self._name):
            result = self._compiled(*args)
            self._ready = True
        return result


class Callback:
    """A compiled function that kernels call by its address: six int64 in, an int64 out.

    What is linked into a kernel is optimised with it, anew in each function on the way; what is called by address is
    compiled once, and not before a line needs it.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._name = f"{function.__module__}.{function.__name__.lstrip('_')}"
        self._compiled: Any = None
        self._lock = threading.Lock()

    @property
    def known_address(self) -> int:
        """Where it lies, 0 while it is neither compiled nor loaded."""
        return 0 if self._compiled is None else int(self._compiled.address)

    @property
    def address(self) -> int:
        """Where it lies; compiled now where it is not yet."""
        with self._lock:
            if self._compiled is None:
                signature = numba.types.int64(*[numba.types.int64] * 6)
                with _writer_of(self._name):
                    compile_callback = numba.cfunc(signature, nopython=True, cache=True, error_model="numpy")
                    self._compiled = compile_callback(self._function)
        return self.known_address


@contextlib.contextmanager
def _writer_of(name: str) -> Iterator[None]:
    """Alone while a kernel is compiled and kept; without waiting where it is kept already."""
    mark = cache_folder() / f"{name}.kept"
    if mark.exists():
        yield
        return
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((mark.parent / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        with contextlib.suppress(OSError):
            mark.touch()


config.CACHE_DIR = str(cache_folder())

_PART = {
    "nogil": True,
    "boundscheck": False,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def jit(function: Callable[..., Any]) -> Kernel:
    """A kernel that is called from Python."""
    return Kernel(function)


def callback(function: Callable[..., Any]) -> Callback:
    """A function that kernels call by its address."""
    return Callback(function)


def inner(function: Callable[..., Any]) -> Any:
    """Compile as a part of the kernels that call it, into each of their calls; never called from Python, so not
    kept alone."""
    return numba.njit(function, forceinline=True, **_PART)


def outer(function: Callable[..., Any]) -> Any:
    """The same for what is seldom called: it stays a call, which keeps kernels small and quick to compile."""
    return numba.njit(function, **_PART)
