"""Shared by the tests of ingest: packing by the reference tools, and reading a content to its end in odd pieces."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lz4.frame

from pipeline.ingest.codecs import open_content
from pipeline.ingest.errors import DamagedError
from pipeline.ingest.unpack import Limits
from pipeline.model import Segment

SUFFIX = {"plain": "", "gzip": ".gz", "zstd": ".zst", "lz4": ".lz4"}
PACKED = ("gzip", "zstd", "lz4")
CODECS = ("plain", *PACKED)


def zstd() -> Any:
    from pipeline.ingest.decoders import zstd_module

    return zstd_module()


def pack(codec: str, content: bytes, *, checksum: bool = True) -> bytes:
    """One member of `codec` that holds `content`."""
    if codec == "gzip":
        return gzip.compress(content, 6, mtime=0)
    if codec == "zstd":
        module = zstd()
        options = {module.CompressionParameter.checksum_flag: int(checksum)}
        packed: bytes = module.compress(content, options=options)
        return packed
    if codec == "lz4":
        return bytes(
            lz4.frame.compress(content, content_checksum=checksum, block_size=lz4.frame.BLOCKSIZE_MAX64KB)
        )
    return content


@dataclass
class Read:
    """What came out of a content, and how it ended."""

    content: bytes
    damage: DamagedError | None
    codec: str
    notes: tuple[str, ...]


def read_all(
    source: Segment | Path | int, *, piece: int = 70_001, limits: Limits | None = None, **how: Any
) -> Read:
    """Reads to the end, good or damaged; other errors go through."""
    out = bytearray()
    view = memoryview(bytearray(piece))
    with open_content(source, limits=limits, **how) as content:
        damage = None
        try:
            while count := content.readinto(view):
                out += view[:count]
        except DamagedError as error:
            damage = error
        assert content.unpacked == len(out)
        return Read(bytes(out), damage, content.codec, content.notes)


def lines(count: int, seed: int = 1) -> bytes:
    """`count` lines that compress about as logs do."""
    out = []
    value = seed
    for number in range(count):
        value = (value * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(
            f"{1793491200 + number // 50}.{value % 1000:03d}\t{number}\thost{value >> 52}\t/{value:x}\t200\n"
        )
    return "".join(out).encode()
