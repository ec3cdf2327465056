"""One shape for the decompressors of gzip, zstd and lz4, so that one loop in codecs reads them all.

The shape is that of the standard library's decompressors: `decompress(data, max_length)`, `eof` at the end of a
member (frame), `needs_input`, and `unused_data` after the end. All three hold a bounded state whatever the data says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pipeline.ingest.inflate import Functions


class Decoder(Protocol):
    """Unpacks one member of a compressed stream, at most `max_length` bytes a call."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | memoryview: ...
    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes: ...


@dataclass(frozen=True)
class Codec:
    """How one compression is recognised and read. `padding`: zero bytes may follow the last member (tape, gzip).
    `quick`: gives what pipeline.ingest.quick_gzip needs, None where it is missing."""

    name: str
    suffix: str
    magics: tuple[bytes, ...]
    errors: tuple[type[Exception], ...]
    make: Callable[[], Decoder]
    padding: bool = False
    quick: Callable[[], Functions | None] | None = None

    def begins(self, head: bytes | memoryview) -> bool:
        """Whether `head` begins as a member does; the skippable frames of zstd and lz4 are members too."""
        start = bytes(head[:4])
        if (
            len(start) == 4
            and self.name != "gzip"
            and start[0] & 0xF0 == 0x50
            and start[1:] == b"\x2a\x4d\x18"
        ):
            return True
        return any(start.startswith(magic) for magic in self.magics)


SKIPPABLE = b"\x2a\x4d\x18"
"""Bytes 1–3 of a skippable frame, which zstd and lz4 share; only the name tells which of them it begins."""

FOREIGN = {
    b"\xfd7zXZ\x00": "xz",
    b"BZh91AY&SY": "bzip2",
    b"PK\x03\x04": "zip",
    b"\x1f\x9d": "compress (.Z)",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"\x02\x21\x4c\x18": "the legacy format of lz4 (written by lz4 -l)",
}
"""Compressions that are recognised in order to be refused by name."""

TAR_AT, TAR = 257, (b"ustar\x00", b"ustar  \x00")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def no_lines(head: bytes) -> str:
    """What a content is that begins so, unpacked, where it is known to be no lines of text, and what to do; else
    empty."""
    if head[TAR_AT:].startswith(TAR):
        return "is a tar archive; expected a log: take the files out of it"
    start = head[:64]
    even, odd = start[::2], start[1::2]
    one_half = len(start) >= 8 and any(even) != any(odd)
    if one_half or (start.startswith(UTF_16) and b"\0" in start):
        return "is UTF-16; expected UTF-8: convert it, for instance with iconv -f UTF-16 -t UTF-8"
    return ""


class _Lz4:
    """lz4's frame context in the common shape; unlike lz4's own class it never copies the input that is left."""

    def __init__(self) -> None:
        import lz4.frame

        self._chunk = lz4.frame.decompress_chunk
        self._context = lz4.frame.create_decompression_context()
        self._rest: bytes | memoryview = b""
        self.eof = False
        self.needs_input = True

    @property
    def unused_data(self) -> bytes | memoryview:
        return self._rest if self.eof else b""

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        if self._rest and data:
            raise ValueError("input while some is left")  # a slip of ours: ask needs_input first
        data = data or self._rest
        out: bytes
        out, used, self.eof = self._chunk(self._context, data, max_length)
        self._rest = memoryview(data)[used:]
        self.needs_input = not self.eof and not len(self._rest) and len(out) < max_length
        return out


def gzip_codec() -> Codec:
    """gzip by ISA-L: the fastest inflate there is for it (measured: zlib 0.54, isal 1.5 GB/s of output a core)."""
    from isal import igzip_lib

    from pipeline.ingest.inflate import find_functions

    def make() -> Decoder:
        decoder: Decoder = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
        return decoder

    broken: Any = igzip_lib.error  # its stub takes it for an instance
    errors = (broken, EOFError, ValueError)
    return Codec("gzip", ".gz", (b"\x1f\x8b\x08",), errors, make, padding=True, quick=find_functions)


def zstd_module() -> Any:
    """The standard library's compression.zstd, or its backport for older Pythons."""
    zstd: Any
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def zstd_codec(window_log_max: int) -> Codec:
    """zstd; a frame that asks for a window above 2^window_log_max bytes is refused before anything is allocated."""
    zstd = zstd_module()
    options = {zstd.DecompressionParameter.window_log_max: window_log_max}

    def make() -> Decoder:
        decoder: Decoder = zstd.ZstdDecompressor(options=options)
        return decoder

    return Codec("zstd", ".zst", (b"\x28\xb5\x2f\xfd",), (zstd.ZstdError, EOFError, ValueError), make)


def lz4_codec() -> Codec:
    """lz4 frames; blocks are at most 4 MiB by the format, which bounds the memory."""
    return Codec("lz4", ".lz4", (b"\x04\x22\x4d\x18",), (RuntimeError, EOFError, ValueError), _Lz4)
