"""Computes the digests of a segment's unpacked content while it is read; the ledger keeps them."""

from __future__ import annotations

import hashlib

import xxhash


class ContentDigest:
    """XXH3-128 always; SHA-256 only when a sidecar claims one or somebody asks (docs/decisions/0002-content-digest.md).

    Both let go of the GIL on large views.
    """

    def __init__(self, want_sha256: bool) -> None:
        self._xxh3 = xxhash.xxh3_128()
        self._sha256 = hashlib.sha256() if want_sha256 else None

    def update(self, view: memoryview | bytes) -> None:
        """Adds the next bytes of the content."""
        self._xxh3.update(view)
        if self._sha256 is not None:
            self._sha256.update(view)

    def digest(self) -> bytes:
        """The 16 bytes of XXH3-128, as everybody writes them (canonical, big endian)."""
        value: bytes = self._xxh3.digest()
        return value

    def sha256(self) -> bytes:
        """The 32 bytes of SHA-256, or none when it was not wanted."""
        return b"" if self._sha256 is None else self._sha256.digest()
