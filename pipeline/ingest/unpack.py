"""Unpacks the members of a compressed file, one after the other, into the caller's memory; driven by codecs.

Ends well, or with a DamagedError that comes after every readable byte. Memory: one chunk of input, one step of output,
and the decoder's window, whatever the file says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.ingest.decoders import Codec, Decoder
from pipeline.ingest.errors import DamagedError

CHUNK = 256 * 1024
"""Compressed bytes read at a time; 128 KiB to 1 MiB measured the same within 2 %."""

STEP = 128 * 1024 - 64
"""Unpacked bytes asked of a decoder at a time. Objects of 128 KiB and more may come from mmap, page faults and all
(bare isal: 1.48 GB/s below, 0.86–0.95 GB/s above); smaller steps cost calls (64 KiB: −3 %)."""

_FEED = 4096
_NO_CEILING = 1 << 63
_HEAD = 4


Reread = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Limits:
    """What unpacking may grow to; `None` is no limit.

    The ratio counts only above `ratio_from` unpacked bytes: a minute of one repeated line is small and honest.
    `zstd_window_log`: 27 is what every level of zstd stays within, unless --long=28 or more is asked for.
    """

    max_unpacked_bytes: int | None = 16 << 30
    max_ratio: int | None = 1000
    ratio_from: int = 256 << 20
    zstd_window_log: int = 27

    def ceiling(self, packed: int) -> int:
        """How many bytes `packed` ones may unpack to."""
        ceiling = _NO_CEILING if self.max_unpacked_bytes is None else self.max_unpacked_bytes
        return (
            ceiling if self.max_ratio is None else min(ceiling, max(self.ratio_from, self.max_ratio * packed))
        )

    def explain(self, unpacked: int, packed: int) -> str:
        """Which limit has no room left, and how to go on."""
        if self.max_unpacked_bytes is not None and unpacked >= self.max_unpacked_bytes:
            what = f"unpacks to more than {self.max_unpacked_bytes:,} bytes"
        else:
            what = f"unpacks to more than {self.max_ratio:,} times the {packed:,} packed bytes read so far"
        return f"{what}: reading stopped; if the content is honest, send it unpacked, or in several parts"


NO_LIMITS = Limits(max_unpacked_bytes=None, max_ratio=None)


class Unpacker:
    """Reads a compressed stream through `read` (fills a view, 0 at the end). `reread(size, at)` gives bytes of the same
    stream again, where that is possible: only then can the last bytes before a fault be saved."""

    def __init__(
        self,
        codec: Codec,
        limits: Limits,
        read: Callable[[memoryview], int],
        reread: Reread | None = None,
        chunk: int = CHUNK,
    ) -> None:
        self._codec = codec
        self._limits = limits
        self._read = read
        self._reread = reread
        self._decoder: Decoder = codec.make()
        self._chunk = memoryview(bytearray(chunk))
        self._at = self._end = 0  # what of the chunk is not fed yet
        self._carry = b""  # a member's first bytes, read to recognise it, and not fed yet
        self._feed = CHUNK
        self._packed = self._out = self._ceiling = 0
        self._member = 1
        self._member_at = self._member_out = 0  # where it begins: packed, unpacked
        self._pending = b""
        self._finished = False
        self._ending: DamagedError | None = None

    def readinto(self, view: memoryview) -> int:
        """Fills `view` as far as it can; 0 is the good end. Raises DamagedError at a bad one."""
        filled = 0
        while filled < len(view):
            piece = self._pending or self._next(len(view) - filled)
            if not piece:
                break
            count = min(len(piece), len(view) - filled)
            view[filled : filled + count] = piece[:count]
            self._pending = piece[count:]
            filled += count
        if not filled and self._ending is not None:
            raise self._ending
        return filled

    def _next(self, wanted: int) -> bytes:
        """Some unpacked bytes; none at the end, good or bad."""
        while not self._finished:
            if self._decoder.eof and not self._next_member():
                break
            data: bytes | memoryview = b""
            if self._decoder.needs_input:
                data = self._input()
                if not data:
                    self._stop(
                        f"cut: the file ends at packed byte {self._packed}, inside member {self._member}"
                    )
                    break
            room = self._ceiling - self._out
            step = min(STEP, wanted, room) if room > 0 else 1
            try:
                piece = self._decoder.decompress(data, step)
            except self._codec.errors as error:
                return self._save(error, room)
            if self._decoder.eof:
                self._at -= len(self._decoder.unused_data)
            self._adapt(len(data))
            if piece:
                if room <= 0:
                    self._stop(self._limits.explain(self._out, self._packed))
                    break
                self._out += len(piece)
                return piece
        return b""

    def _input(self) -> bytes | memoryview:
        if self._carry:
            head, self._carry = self._carry, b""
            return head
        if self._at == self._end and not self._refill():
            return b""
        data = self._chunk[self._at : min(self._end, self._at + self._feed)]
        self._at += len(data)
        return data

    def _refill(self) -> bool:
        self._at = 0
        self._end = self._read(self._chunk)
        self._packed += self._end
        self._ceiling = self._limits.ceiling(self._packed)
        return self._end > 0

    def _adapt(self, fed: int) -> None:
        """Feeds less at a time where members are tiny, because a decoder copies what follows its member: 13,000 empty
        members in a chunk would copy 1.7 GB."""
        if fed and self._decoder.eof:
            unused = len(self._decoder.unused_data)
            if unused * 4 > fed * 3:
                self._feed = max(_FEED, self._feed // 2)
        elif fed:
            self._feed = min(CHUNK, self._feed * 2)

    def _position(self) -> int:
        return self._packed - (self._end - self._at) - len(self._carry)

    def _next_member(self) -> bool:
        """Goes on behind a finished member; false at the end of the file, and where no member follows."""
        behind = self._position()
        head = b""
        while len(head) < _HEAD and (self._at < self._end or self._refill()):
            take = min(_HEAD - len(head), self._end - self._at)
            head += bytes(self._chunk[self._at : self._at + take])
            self._at += take
            if self._codec.padding:
                head = head.lstrip(b"\0")
        if not head:
            self._finished = True
            return False
        if not self._codec.begins(head):
            self._stop(
                f"what follows member {self._member}, at packed byte {behind}, is not {self._codec.name}",
                ended=True,
            )
            return False
        self._carry = head
        self._member += 1
        self._member_at = self._position()
        self._member_out = self._out
        self._decoder = self._codec.make()
        return True

    def _stop(self, reason: str, *, ended: bool = False) -> None:
        self._finished = True
        self._ending = DamagedError(f"{self._codec.name}: {reason}", self._out, ended=ended)

    def _save(self, error: Exception, room: int) -> bytes:
        """Ends at a fault; returns what the call that met it had unpacked before it, which the decoder threw away."""
        rest = b""
        if self._reread is not None:
            skip = self._out - self._member_out
            _, good = _replay(self._codec, self._reread, self._member_at, skip, None)
            rest, _ = _replay(self._codec, self._reread, self._member_at, skip, good)
        rest = rest[: max(0, room)]
        self._out += len(rest)
        self._stop(f"{_plain(error)} (member {self._member}, before packed byte {self._position()})")
        return rest


def _replay(
    codec: Codec, reread: Reread, start: int, skip: int, careful_from: int | None
) -> tuple[bytes, int]:
    """Unpacks a broken member again, by pieces of input, and from `careful_from` on by single bytes.

    Returns what follows its first `skip` bytes, as far as the fault, and the position of the piece with the fault.
    """
    decoder = codec.make()
    at = start
    out = 0
    rest = bytearray()
    try:
        # the fault was met within one step behind `skip`; when there is more, the file has changed under our hands
        while not decoder.eof and len(rest) <= 2 * STEP:
            size = 1 if careful_from is not None and at >= careful_from else _FEED
            data = reread(size, at)
            if not data:
                break
            fed = len(data)
            while len(rest) <= 2 * STEP:
                piece = decoder.decompress(data, STEP)
                rest += piece[max(0, skip - out) :]
                out += len(piece)
                data = b""
                if decoder.needs_input or decoder.eof:
                    break
            at += fed
    except (OSError, *codec.errors):  # type: ignore[misc]
        pass
    return bytes(rest), at


def _plain(error: Exception) -> str:
    """A decoder's own words, without the wrapping that says where in its library they come from."""
    text = str(error)
    for prefix in ("Unable to decompress Zstandard data: ", "LZ4F_decompress failed with code: "):
        text = text.removeprefix(prefix)
    if "too much memory" in text:
        return f"{text}: pack it without --long, or with --long=27 at most"
    return text or type(error).__name__
