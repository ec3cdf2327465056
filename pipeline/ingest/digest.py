"""Computes the digests of a segment's unpacked content while it is read; the ledger keeps them."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib
from typing import Any, NamedTuple

import numpy as np
import xxhash


class ContentDigest:
    """XXH3-128 always; SHA-256 only when a sidecar claims one or somebody asks (docs/decisions/0002-content-digest.md).

    Both let go of the GIL on large views.
    """

    def __init__(self, want_sha256: bool) -> None:
        functions = find_functions()
        self._xxh3: Any = xxhash.xxh3_128() if functions is None else _Native(functions)
        self._sha256 = hashlib.sha256() if want_sha256 else None

    def update(self, view: memoryview | bytes) -> None:
        """Adds the next bytes of the content."""
        self._xxh3.update(view)
        if self._sha256 is not None:
            self._sha256.update(view)

    @property
    def native(self) -> tuple[int, int] | None:
        """As pipeline.content.Digest tells."""
        return self._xxh3.addresses if self._sha256 is None and isinstance(self._xxh3, _Native) else None

    def digest(self) -> bytes:
        """The 16 bytes of XXH3-128, as everybody writes them (canonical, big endian)."""
        value: bytes = self._xxh3.digest()
        return value

    def sha256(self) -> bytes:
        """The 32 bytes of SHA-256, or none when it was not wanted."""
        return b"" if self._sha256 is None else self._sha256.digest()


class _Halves(ctypes.Structure):
    """XXH128_hash_t."""

    _fields_ = (("low", ctypes.c_uint64), ("high", ctypes.c_uint64))


class Functions(NamedTuple):
    """xxHash's C functions, out of the library that the xxhash package brings."""

    create: Any
    free: Any
    reset: Any
    update: Any
    digest: Any
    update_address: int


@functools.cache
def find_functions() -> Functions | None:
    """They let a kernel digest what it reads. Public in xxHash, but the package does not promise to show them: None
    where they are not there, or not as expected."""
    try:
        library = ctypes.CDLL(importlib.import_module("xxhash._xxhash").__file__)
        # what the package itself calls: it takes the widest vectors of the processor, where it was built with them
        update = getattr(library, "XXH3_128bits_update_dispatch", None) or library.XXH3_128bits_update
        create, free = library.XXH3_createState, library.XXH3_freeState
        reset, digest = library.XXH3_128bits_reset, library.XXH3_128bits_digest
    except (ImportError, OSError, AttributeError):
        return None
    create.restype = ctypes.c_void_p
    free.argtypes = reset.argtypes = digest.argtypes = (ctypes.c_void_p,)
    digest.restype = _Halves
    update.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    address = ctypes.cast(update, ctypes.c_void_p).value or 0
    functions = Functions(create, free, reset, update, digest, address)
    tried = _Native(functions)
    sample = bytes(range(256)) * 50
    tried.update(sample[:700])
    tried.update(memoryview(sample)[700:])
    return functions if tried.digest() == xxhash.xxh3_128_digest(sample) else None


class _Native:
    """xxhash.xxh3_128, with its state in sight. `addresses`: of the function that updates it, and of the state."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._state = functions.create()
        if not self._state:
            raise MemoryError("no memory for the state of a digest")
        functions.reset(self._state)
        self.addresses = functions.update_address, self._state

    def __del__(self) -> None:
        self._functions.free(self._state)

    def update(self, view: memoryview | bytes) -> None:
        content = np.frombuffer(view, np.uint8)
        self._functions.update(self._state, content.ctypes.data, len(content))

    def digest(self) -> bytes:
        halves = self._functions.digest(self._state)
        return int(halves.high).to_bytes(8, "big") + int(halves.low).to_bytes(8, "big")
