"""Writes drawn traffic as log lines: columns of integers in, bytes of edge-tsv, vhost-combined or Logpush out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from loadtest import names
from loadtest.traffic import CACHES, METHODS, STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from loadtest.traffic import Traffic

_PIECE, _INT, _MILLIS, _IPV4, _HEX16 = range(5)
"""Kinds of a step: a text out of the pool, a decimal, ms as seconds with 3 decimals, an address, 16 hex digits."""

FORMATS = ("edge-tsv", "vhost-combined", "cloudflare-logpush")


class _Pool:
    """Texts in one blob; a text is known by its place, and a list of texts by the place of its first."""

    def __init__(self) -> None:
        self._texts: list[bytes] = []

    def add(self, texts: Sequence[str]) -> int:
        first = len(self._texts)
        self._texts += [t.encode() for t in texts]
        return first

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        ends = np.cumsum([0] + [len(t) for t in self._texts], dtype=np.int64)
        return np.frombuffer(b"".join(self._texts), dtype=np.uint8), ends


def _assemble(
    out: NDArray[np.uint8],
    kinds: NDArray[np.int64],
    values: NDArray[np.int64],
    blob: NDArray[np.uint8],
    ends: NDArray[np.int64],
) -> int:
    """Writes the steps of every line into `out`, which must hold them; returns the bytes written.

    `kinds`: int64[steps]; `values`: int64[steps, lines]; `blob`, `ends`: the pool.
    """
    at = 0
    digits = np.empty(20, dtype=np.uint8)
    for line in range(values.shape[1]):
        for step in range(len(kinds)):
            kind = kinds[step]
            value = values[step, line]
            if kind == _PIECE:
                for k in range(ends[value], ends[value + 1]):
                    out[at] = blob[k]
                    at += 1
            elif kind == _HEX16:
                for shift in range(60, -1, -4):
                    nibble = (value >> shift) & 15
                    out[at] = nibble + 48 if nibble < 10 else nibble + 87
                    at += 1
            elif kind == _IPV4:
                for shift in range(24, -1, -8):
                    octet = (value >> shift) & 255
                    if octet >= 100:
                        out[at] = 48 + octet // 100
                        at += 1
                    if octet >= 10:
                        out[at] = 48 + octet // 10 % 10
                        at += 1
                    out[at] = 48 + octet % 10
                    at += 1
                    if shift:
                        out[at] = 46
                        at += 1
            else:
                count = 0
                while value > 0 or count == 0 or (kind == _MILLIS and count < 5):
                    if kind == _MILLIS and count == 3:
                        digits[count] = 46
                    else:
                        digits[count] = 48 + value % 10
                        value //= 10
                    count += 1
                while count > 0:
                    count -= 1
                    out[at] = digits[count]
                    at += 1
    return at


_assemble_compiled = njit(_assemble, cache=True, nogil=True)


@dataclass(frozen=True, slots=True)
class _Step:
    kind: int
    value: Callable[[Traffic], NDArray[np.int64] | int]


class Renderer:
    """Lines of one format; compiled and filled with texts once, then called for any number of chunks."""

    def __init__(self, fmt: str, resources: Sequence[str], start_s: int, minutes: int) -> None:
        if fmt not in FORMATS:
            raise ValueError(f"unknown format {fmt!r}: expected one of {', '.join(FORMATS)}")
        self._pool = _Pool()
        self._resource = self._pool.add(resources)
        self._start_s, self._minutes = start_s, minutes
        steps = {"edge-tsv": self._tsv, "vhost-combined": self._combined, "cloudflare-logpush": self._logpush}
        self._steps: list[_Step] = steps[fmt]()
        self._blob, self._ends = self._pool.arrays()
        self._widest = int(np.diff(self._ends).max())

    def __call__(self, traffic: Traffic) -> memoryview:
        """The lines of `traffic`, each ended by a line feed."""
        values = np.empty((len(self._steps), len(traffic)), dtype=np.int64)
        size = 0
        for row, step in zip(values, self._steps, strict=True):
            row[:] = step.value(traffic)
            is_piece = step.kind == _PIECE
            size += int((self._ends[row + 1] - self._ends[row]).sum()) if is_piece else 20 * len(traffic)
        out = np.empty(size, dtype=np.uint8)
        kinds = np.array([s.kind for s in self._steps], dtype=np.int64)
        return out.data[: _assemble_compiled(out, kinds, values, self._blob, self._ends)]

    def _text(self, text: str) -> _Step:
        place = self._pool.add([text])
        return _Step(_PIECE, lambda _: place)

    def _choice(self, column: str, texts: Sequence[str]) -> _Step:
        first = self._pool.add(texts)
        return _Step(_PIECE, lambda t: first + getattr(t, column))

    def _host(self) -> _Step:
        return _Step(_PIECE, lambda t: self._resource + t.resource)

    def _tsv(self) -> list[_Step]:
        tab = self._text("\t")
        columns = [
            _Step(_MILLIS, lambda t: t.time_ms),
            _Step(_INT, lambda t: t.seq),
            self._host(),
            self._choice("method", METHODS),
            self._choice("uri", _uris()),
            self._choice("status", [str(s) for s in STATUSES]),
            _Step(_INT, lambda t: t.bytes_sent),
            _Step(_INT, lambda t: t.body_bytes),
            self._choice("cache", CACHES),
            _Step(_INT, lambda t: t.duration_ms),
            self._choice("agent", names.make_agents()),
        ]
        first, *others = columns
        return [first, *(step for column in others for step in (tab, column)), self._text("\n")]

    def _combined(self) -> list[_Step]:
        seconds = range(self._start_s - 60, self._start_s + 60 * (self._minutes + 1))
        first = self._pool.add([f"{datetime.fromtimestamp(s, UTC):%d/%b/%Y:%H:%M:%S}" for s in seconds])
        return [
            self._host(),
            self._text(" "),
            _Step(_IPV4, lambda t: t.client),
            self._text(" - - ["),
            _Step(_PIECE, lambda t: first + t.time_ms // 1000 - seconds.start),
            self._text(' +0000] "'),
            self._choice("method", METHODS),
            self._text(" "),
            self._choice("uri", _uris()),
            self._text(' HTTP/1.1" '),
            self._choice("status", [str(s) for s in STATUSES]),
            self._text(" "),
            _Step(_INT, lambda t: t.body_bytes),
            self._text(' "'),
            self._choice("referer", names.make_referers()),
            self._text('" "'),
            self._choice("agent", names.make_agents()),
            self._text('"\n'),
        ]

    def _logpush(self) -> list[_Step]:
        # Cloudflare's own words for the cache's answer; "none" where the cache was not asked.
        caches = ("hit", "miss", "expired", "stale", "bypass", "revalidated", "updating", "none")
        referers = ["", *names.make_referers()[1:]]
        keys: list[tuple[str, str, _Step]] = [
            ("CacheCacheStatus", '"', self._choice("cache", caches)),
            ("ClientIP", '"', _Step(_IPV4, lambda t: t.client)),
            ("ClientRequestHost", '"', self._host()),
            ("ClientRequestMethod", '"', self._choice("method", METHODS)),
            ("ClientRequestReferer", '"', self._choice("referer", referers)),
            ("ClientRequestURI", '"', self._choice("uri", _uris())),
            ("ClientRequestUserAgent", '"', self._choice("agent", names.make_agents())),
            ("EdgeColoCode", '"', self._choice("edge", names.COLOS)),
            ("EdgeEndTimestamp", "", _Step(_INT, lambda t: (t.time_ms + t.duration_ms) * 1_000_000)),
            ("EdgeResponseBodyBytes", "", _Step(_INT, lambda t: t.body_bytes)),
            ("EdgeResponseBytes", "", _Step(_INT, lambda t: t.bytes_sent)),
            ("EdgeResponseStatus", "", self._choice("status", [str(s) for s in STATUSES])),
            ("EdgeStartTimestamp", "", _Step(_INT, lambda t: t.time_ms * 1_000_000)),
            ("RayID", '"', _Step(_HEX16, lambda t: t.ray)),
        ]
        steps: list[_Step] = []
        before = "{"
        for key, quote, step in keys:
            steps += [self._text(f'{before}"{key}":{quote}'), step]
            before = f"{quote},"
        return [*steps, self._text('"}\n')]


@lru_cache(maxsize=1)
def _uris() -> list[str]:
    return names.make_uris()
