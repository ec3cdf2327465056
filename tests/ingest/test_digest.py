"""Digests against the libraries' one-shot functions, whatever the pieces."""

from __future__ import annotations

import hashlib

import xxhash
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.digest import ContentDigest


@given(st.lists(st.binary(max_size=300)), st.booleans())
def test_digests(pieces: list[bytes], want_sha256: bool) -> None:
    digest = ContentDigest(want_sha256)
    for piece in pieces:
        digest.update(memoryview(piece))
    content = b"".join(pieces)
    assert digest.digest() == xxhash.xxh3_128_digest(content)
    assert digest.sha256() == (hashlib.sha256(content).digest() if want_sha256 else b"")


def test_a_known_value() -> None:
    """XXH3-128 of nothing, from its specification: the ledger's digests outlive the library."""
    assert ContentDigest(False).digest().hex() == "99aa06d3014798d86001c324468d497f"
