"""The body of an HTTP request as bounded blocks of plain bytes: by length or chunked; gzip, deflate, zstd or lz4."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase

BLOCK = 1 << 20


class BodyError(ValueError):
    """A body that cannot be read; `status` is the HTTP status to answer with."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Body:
    """Reads one request's body once. `wire_limit` bounds what is sent, `plain_limit` what it unpacks to."""

    def __init__(self, file: BufferedIOBase, headers: Any, *, wire_limit: int, plain_limit: int) -> None:
        self._file = file
        self._wire_limit = wire_limit
        self._plain_limit = plain_limit
        self._encoding = (headers.get("Content-Encoding") or "identity").strip().lower()
        self._chunked = "chunked" in (headers.get("Transfer-Encoding") or "").lower()
        length = headers.get("Content-Length")
        if length is not None and not re.fullmatch(r"[0-9]{1,18}", length.strip()):
            raise BodyError(f"Content-Length is {length!r}: expected a number", 400)
        self._length = 0 if length is None or self._chunked else int(length)
        if self._length > wire_limit:
            raise BodyError(f"the body has {self._length} bytes: at most {wire_limit} are taken", 413)
        self.done = not self._chunked and self._length == 0

    def blocks(self) -> Iterator[bytes]:
        """Plain bytes, at most 1 MiB or so at a time. Raises BodyError."""
        plain = 0
        for block in _unpack(self._wire(), self._encoding):
            plain += len(block)
            if plain > self._plain_limit:
                raise BodyError(f"the body unpacks to more than {self._plain_limit} bytes", 413)
            if block:
                yield block

    def drain(self, limit: int = 4 << 20) -> bool:
        """Reads off what was not asked for, so that the connection can serve again; False if that is too much."""
        read = 0
        try:
            for block in self._wire():
                read += len(block)
                if read > limit:
                    return False
        except (BodyError, OSError):
            return False
        return True

    def _wire(self) -> Iterator[bytes]:
        if self.done:
            return
        yield from self._chunks() if self._chunked else self._fixed()
        self.done = True

    def _fixed(self) -> Iterator[bytes]:
        while self._length:
            block = self._file.read(min(BLOCK, self._length))
            if not block:
                raise BodyError("the body ends early", 400)
            self._length -= len(block)
            yield block

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        while True:
            line = self._file.readline(1024)
            try:
                size = int(line.split(b";")[0].strip(), 16)
            except ValueError:
                raise BodyError("a chunk of the body has no size", 400) from None
            if size < 0 or not line.endswith(b"\n"):
                raise BodyError("a chunk of the body has no size", 400)
            if size == 0:
                while self._file.readline(65536).strip():
                    pass
                return
            total += size
            if total > self._wire_limit:
                raise BodyError(f"the body has more than {self._wire_limit} bytes", 413)
            while size:
                block = self._file.read(min(BLOCK, size))
                if not block:
                    raise BodyError("the body ends early", 400)
                size -= len(block)
                yield block
            self._file.readline(16)


def _unpack(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    if encoding in ("", "identity"):
        yield from blocks
    elif encoding in ("gzip", "deflate"):
        yield from _unpack_zlib(blocks)
    elif encoding in ("zstd", "lz4"):
        yield from _unpack_framed(blocks, encoding)
    else:
        raise BodyError(
            f"Content-Encoding {encoding!r} is not known: expected gzip, deflate, zstd or lz4", 415
        )


def _unpack_zlib(blocks: Iterator[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(47)  # gzip or zlib, by its head
    try:
        for block in blocks:
            waiting = block
            while waiting:
                yield inflate.decompress(waiting, BLOCK)
                waiting = inflate.unconsumed_tail
                if inflate.eof:
                    waiting = inflate.unused_data
                    inflate = zlib.decompressobj(47)
    except zlib.error as error:
        raise BodyError(f"the body is no gzip or deflate: {error}", 400) from error


def _unpack_framed(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    import lz4.frame
    import zstandard

    decompress: Any
    if encoding == "zstd":
        decompress = zstandard.ZstdDecompressor().decompressobj().decompress
    else:
        decompress = lz4.frame.LZ4FrameDecompressor().decompress
    try:
        for block in blocks:
            # small steps keep what a hostile frame can unpack to at once within bounds
            for at in range(0, len(block), 1 << 16):
                yield decompress(block[at : at + (1 << 16)])
    except (zstandard.ZstdError, RuntimeError, EOFError) as error:
        raise BodyError(f"the body is no {encoding}: {error}", 400) from error
