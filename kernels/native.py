"""Kernels as native code: compiled by numba once a machine, kept as object files, and loaded without numba.

Every kernel takes and gives int64 only (numbers and addresses), so a loaded one is a C function: calling it lets go of
the GIL, and a process that finds its kernels kept imports neither numba nor the modules they are written in (0.08 s
instead of 0.55 s through numba's own cache, which also misses edits in imported modules and bears no two writers).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import gc
import hashlib
import importlib
import os
import platform
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent

on_compile: Callable[[str], contextlib.AbstractContextManager[object]] | None = None
"""Entered with a kernel's name while it is compiled, which takes seconds; set by whoever has somebody to tell."""

_LOCK = threading.RLock()


@functools.cache
def cache_folder() -> Path:
    """The folder for compiled kernels: one for each state of the kernels' sources, llvmlite and processor.

    `PREBILL_CACHE` overrides the root.
    """
    import llvmlite

    root = os.environ.get("PREBILL_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    state = hashlib.blake2b(digest_size=8)
    for source in sorted(SOURCES.glob("*.py")):
        state.update(source.name.encode() + b"\0" + source.read_bytes())
    state.update(f"{llvmlite.__version__} {platform.python_version()} {_processor()}".encode())
    return Path(root) / "prebill" / "kernels" / state.hexdigest()


def _processor() -> str:
    """The processor's name and features, without asking LLVM at every start."""
    with contextlib.suppress(OSError, StopIteration), Path("/proc/cpuinfo").open() as info:
        return "".join(
            line for line in (next(info) for _ in range(30)) if line.startswith(("model", "flags"))
        )
    return platform.processor()


class Kernel:
    """A function `module:name` of so many int64 that gives an int64; compiled or loaded when it is first wanted."""

    def __init__(self, path: str, arguments: int) -> None:
        self.module, self.name = path.split(":")
        self._arguments = arguments
        self._function: Callable[..., int] | None = None
        self._kept: Any = None
        self.known_address = 0

    def __call__(self, *args: int) -> int:
        """Run without the GIL. Nothing is checked: callers size and pad what the addresses point at."""
        return (self._function or self._ready())(*args)

    @property
    def address(self) -> int:
        """Where it lies, for kernels that call it."""
        self._ready()
        return self.known_address

    def _ready(self) -> Callable[..., int]:
        with _LOCK:
            if self._function is None:
                self.known_address = _load(self._file) or self._compile()
                kind = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * self._arguments)
                self._function = kind(self.known_address)
            return self._function

    @property
    def _file(self) -> Path:
        return cache_folder() / f"{self.module}.{self.name}.o"

    def _compile(self) -> int:
        """Compile, keep, and give the address; or load what another process has just kept. Where no folder can be
        written, every process compiles for itself."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                stack.enter_context(_writer(self._file.parent))
            if found := _load(self._file):
                return found
            if on_compile is not None:
                stack.enter_context(on_compile(self.name))
            import numba

            from kernels.options import optimising_once

            function = getattr(importlib.import_module(self.module), self.name)
            signature = numba.types.int64(*[numba.types.int64] * self._arguments)
            with _without_gc(), optimising_once(self.name):
                compiled = numba.cfunc(signature, nopython=True, error_model="numpy")(function)
            self._kept = compiled  # its code lives as long as this
            _, _, (code, _) = compiled._library.serialize_using_object_code()
            with contextlib.suppress(OSError):
                _keep(self._file, compiled.native_name.encode() + b"\n" + code)
            return int(compiled.address)


@contextlib.contextmanager
def _without_gc() -> Iterator[None]:
    """numba makes millions of objects that live on, and the collector would walk over them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _writer(folder: Path) -> Iterator[None]:
    """Alone in the folder: of processes that start together one compiles, and the others load."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _keep(file: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as target:
            target.write(hashlib.blake2b(content, digest_size=16).digest() + content)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


_ENGINES: list[Any] = []

_FROM_NUMBA = (
    "numba_gil_ensure",
    "numba_gil_release",
    "numba_unpickle",
    "numba_do_raise",
    "numba_runtime_build_excinfo_struct",
    "NRT_Free",
    "NRT_incref",
    "NRT_decref",
)
"""What the wrapper of a compiled function names for the case that it raises; ours never do, they answer codes."""


def _load(file: Path) -> int:
    """The address of a kept kernel, 0 where none is kept, or what is kept is not whole."""
    try:
        raw = file.read_bytes()
    except OSError:
        return 0
    content = raw[16:]
    if hashlib.blake2b(content, digest_size=16).digest() != raw[:16]:
        return 0
    import llvmlite.binding as llvm

    name, _, code = content.partition(b"\n")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    abort = ctypes.cast(ctypes.pythonapi.Py_FatalError, ctypes.c_void_p).value
    for symbol in _FROM_NUMBA:
        if llvm.address_of_symbol(symbol) is None:
            llvm.add_symbol(symbol, abort)
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _ENGINES.append(engine)  # the code lives as long as its engine
    return int(engine.get_function_address(name.decode()))
