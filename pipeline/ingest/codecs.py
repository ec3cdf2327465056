"""Hands out the unpacked content of segments and files as bytes in the caller's memory, whatever they are packed in.

`open_content` decides by the first bytes, not by the name; `Content.readinto` fills a buffer and returns 0 at a good
end. A bad end is an exception that comes only after every readable byte was handed out. Memory is bounded whatever
the file says: one chunk of input, one step of output, and the decoder's window.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from pipeline.content import Stretch
from pipeline.ingest.decoders import FOREIGN, SKIPPABLE, Codec, gzip_codec, lz4_codec, no_lines, zstd_codec
from pipeline.ingest.errors import ChangedError, DamagedError, UnreadableError
from pipeline.ingest.fingerprint import fingerprint_file, fingerprint_of
from pipeline.ingest.names import split_codec
from pipeline.ingest.quick_gzip import MOST_LENT, QuickGzip
from pipeline.ingest.unpack import CHUNK, NO_LIMITS, Limits, Unpacker
from pipeline.model import Segment

__all__ = ["NO_LIMITS", "Content", "Limits", "open_content"]

_HEAD = 512


class Content:
    """Unpacked content, read once from front to end. `codec` is the true one; `notes` is evidence, such as a name
    that promises another codec; `unpacked` counts the bytes handed out."""

    def __init__(
        self, fd: int, name: str, promised: str, limits: Limits, segment: Segment | None, own: bool
    ) -> None:
        self._fd = fd
        self._own = own
        self._segment = segment
        self._closed = False
        self._failed: DamagedError | UnreadableError | None = None
        self.name = name
        self.notes: tuple[str, ...] = ()
        self.unpacked = 0
        self._read = 0  # of the file, but for what is unpacked the quick way
        try:
            found = os.fstat(fd)
            self._seekable = stat.S_ISREG(found.st_mode)
            if self._seekable and hasattr(os, "posix_fadvise"):
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
            start = os.lseek(fd, 0, os.SEEK_CUR) if self._seekable else 0
            self._head = os.pread(fd, _HEAD, start) if self._seekable else _read_head(fd)
        except OSError as error:
            raise _unreadable(error) from None
        self.codec, codec, self.notes = _recognise(self._head, promised, limits)
        if self._seekable:
            self._head = b""
        again = (lambda size, at: os.pread(fd, size, start + at)) if self._seekable else None
        chunk = (
            min(CHUNK, max(4096, found.st_size + 1)) if self._seekable else CHUNK
        )  # most segments are small
        self._start, self._size = start, found.st_size - start
        self._unpack: Unpacker | None = None
        self._quick: QuickGzip | None = None
        if codec is not None:
            careful = partial(Unpacker, codec, limits, self.read, again, chunk)
            functions = codec.quick() if codec.quick is not None and self._seekable else None
            if functions is not None:
                self._quick = QuickGzip(functions, fd, start, self._size, limits, careful)
            else:
                self._unpack = careful()

    @property
    def packed(self) -> int:
        """Bytes read from the file."""
        quick = self._quick.packed if self._quick is not None and not self._closed else 0
        return max(self._read, quick)

    def readinto(self, view: memoryview) -> int:
        """Fills `view` (writable, contiguous bytes) as far as it can and returns how many bytes; 0 is the good end.

        Raises DamagedError after the last readable byte, UnreadableError when the file itself cannot be read on.
        Without the GIL while it reads and unpacks.
        """
        if self._failed is not None:
            raise self._failed
        if not view.nbytes:
            return 0
        view = view if view.format == "B" and view.ndim == 1 else view.cast("B")
        try:
            unpack = self._quick or self._unpack
            count = self.read(view) if unpack is None else unpack.readinto(view)
            if not self.unpacked and (fault := no_lines(bytes(view[: min(count, _HEAD)]))):
                raise UnreadableError(fault)
        except (DamagedError, UnreadableError) as error:
            self._failed = error
            raise
        self.unpacked += count
        return count

    def lend(self) -> Stretch | None:
        """What comes next, for who reads it himself; None where it is to be asked for by `readinto`: the beginning, the
        end, and all that is not sound."""
        if not self.unpacked or self._failed is not None or self._unpack is not None or not self._seekable:
            return None
        if self._quick is not None:
            lent = self._quick.lend()
        else:
            length = min(MOST_LENT, self._size - self._read)
            lent = Stretch(self._fd, self._start + self._read, length) if length > 0 else None
            self._read += max(0, length)
        self.unpacked += lent.length if lent is not None else 0
        return lent

    def give_back(self, count: int) -> None:
        """So many bytes of the stretch were not read."""
        self.unpacked -= count
        if self._quick is not None:
            self._quick.give_back(count)
        else:
            self._read -= count

    def changed(self) -> str | None:
        """Why what was read is no longer the version of the segment that was found, or `None` while it is.

        Ask after the last byte. A file that was removed is unchanged: the open file has all its bytes.
        """
        if self._segment is None:
            return None
        now = fingerprint_file(self._segment.path)
        if now is None:
            opened = fingerprint_of(os.fstat(self._fd))
            same = opened == self._segment.fingerprint.partition("/")[0]
            return None if same else "the file was written to while it was read, and removed"
        if now != self._segment.fingerprint:
            return f"the file changed while it was read ({self._segment.fingerprint} → {now})"
        return None

    def close(self) -> None:
        """Closes the file; may be called again."""
        if not self._closed:
            self._closed = True
            if self._quick is not None:
                self._quick.close()
            if self._own:
                os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def read(self, view: memoryview) -> int:
        """The file's next bytes as they are, the head first where it could not be read twice."""
        if self._head:
            count = min(len(self._head), len(view))
            view[:count] = self._head[:count]
            self._head = self._head[count:]
        else:
            try:
                if self._seekable:
                    count = os.preadv(self._fd, [view], self._start + self._read)
                else:
                    count = os.readv(self._fd, [view])
            except OSError as error:
                raise _unreadable(error) from None
        self._read += count
        return count


def open_content(
    source: Segment | str | os.PathLike[str] | int, *, codec: str | None = None, limits: Limits | None = None
) -> Content:
    """Opens a segment, a path, or an open file descriptor (read from where it stands; a pipe will do; it stays open).

    `codec`: what the content is promised to be (default: what the segment or the name says). Raises UnreadableError
    when nothing can be read, ChangedError when a segment's file is not the version that was found.
    """
    limits = limits or Limits()
    if isinstance(source, int):
        return Content(source, f"<fd {source}>", codec or "plain", limits, None, own=False)
    segment = source if isinstance(source, Segment) else None
    path = segment.path if segment is not None else os.fspath(source)  # type: ignore[arg-type]
    flags = os.O_RDONLY | os.O_CLOEXEC
    if segment is not None:
        # a name in the spool may have been exchanged for a link or a pipe since it was found
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(path, flags)
    except OSError as error:
        raise _unreadable(error) from None
    try:
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode) or (segment is not None and not stat.S_ISREG(found.st_mode)):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"
            raise UnreadableError(f"is {kind}; expected a file")
        if segment is not None:
            opened = fingerprint_of(found)
            if opened != segment.fingerprint.partition("/")[0]:
                raise ChangedError(f"the file changed after it was found ({segment.fingerprint} → {opened})")
        promised = codec or (segment.codec if segment is not None else split_codec(str(path))[1])
        return Content(fd, str(path).rpartition(os.sep)[2], promised, limits, segment, own=True)
    except BaseException:
        os.close(fd)
        raise


def _recognise(head: bytes, promised: str, limits: Limits) -> tuple[str, Codec | None, tuple[str, ...]]:
    """The codec that the first bytes show, how to read it, and a note when the name promised another."""
    makers: dict[str, Callable[[], Codec]] = {
        "gzip": gzip_codec,
        "zstd": lambda: zstd_codec(limits.zstd_window_log),
        "lz4": lz4_codec,
    }
    if promised != "plain" and promised not in makers:
        raise UnreadableError(f"codec {promised!r} is not known; expected one of plain, {', '.join(makers)}")
    for magic, foreign in FOREIGN.items():
        if head.startswith(magic):
            raise UnreadableError(f"is {foreign}; expected plain text, gzip, zstd or lz4: pack it anew")
    true = "plain"
    if head.startswith(b"\x1f\x8b"):
        true = "gzip"
    elif head.startswith(b"\x28\xb5\x2f\xfd"):
        true = "zstd"
    elif head.startswith(b"\x04\x22\x4d\x18"):
        true = "lz4"
    elif head[1:4] == SKIPPABLE and head[0] & 0xF0 == 0x50:
        true = promised if promised in ("zstd", "lz4") else "zstd"
    elif promised != "plain" and (len(head) < 4 and makers[promised]().magics[0].startswith(head[:3])):
        true = promised  # too short to tell, or empty: cut
    if true == "plain" and (fault := no_lines(head)):
        raise UnreadableError(fault)
    if true == "plain" and promised != "plain" and not _is_text(head):
        raise UnreadableError(
            f"is not {promised}, nor any other known codec: it begins with {head[:8].hex(' ')}"
        )
    codec = makers[true]() if true != "plain" else None
    note = f"named as {promised}, but the content is {true}; read as {true}"
    return true, codec, (note,) if true != promised else ()


def _is_text(head: bytes) -> bool:
    """Whether bytes look like lines of text in some encoding that keeps ASCII: no control characters but white space
    and escape."""
    return not any((byte < 32 and byte not in b"\t\n\r\x1b") or byte == 127 for byte in head)


def _read_head(fd: int) -> bytes:
    head = b""
    while len(head) < 4:  # what tells codecs apart; a pipe may come in drops
        more = os.read(fd, _HEAD - len(head))
        if not more:
            break
        head += more
    return head


def _unreadable(error: OSError) -> UnreadableError:
    mend = {
        errno.EACCES: "give prebill's user the right to read it",
        errno.ENOENT: "it is gone",
        errno.ELOOP: "it is a symbolic link; put the file itself there",
        errno.EISDIR: "expected a file",
        errno.EMFILE: "raise the limit of open files",
        errno.EIO: "check the disk",
    }.get(error.errno or 0)
    reason = f"cannot be read: {error.strerror or error}" + (f"; {mend}" if mend else "")
    return UnreadableError(
        reason, passing=error.errno not in (errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENOTDIR)
    )
