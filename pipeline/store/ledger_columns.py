"""The winning attempts of a stretch of minutes as columns, piece by piece: what coverage is made of.

Nearly every segment has one attempt. So rows are read as they lie, without looking for winners; where a minute of a
stream has several, their keys tell whether they are parts or attempts, and only of attempts is the winner sought.
Where nothing but states is asked for, it is sought only of those that differ in them (8 times as fast where every
200th segment was tried twice).
"""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.coverage.model import SEGMENT_STATES, LedgerColumns
from pipeline.store.numbered import last_number
from pipeline.store.stream_codes import StreamCodes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from pipeline.store.sessions import Params, Sessions

    Columns = dict[str, NDArray[Any]]

ROWS_AT_ONCE = 3_000_000
"""Rows of a piece, about: 27 MB of narrow columns, 210 MB of all."""

READERS = 2
"""Pieces read at a time: a query of so few columns keeps one core busy."""

MAX_KEYS = 100_000
"""With more segments of several attempts in a piece, winners are sought among all of its rows."""

MAX_WIDTH = 60_000
"""Minutes of a piece at most: they travel as 16 bits."""

_DAY = 1440

_UNITS = ("", "line", "byte")
_COUNTS = {
    "lines": "lines", "duplicates": "duplicates", "bytes_sent": "bytes_sent", "content_bytes": "content_bytes",
    "first": "sequence_first", "next": "sequence_next",
}  # fmt: skip
_KINDS: dict[str, Any] = {
    "stream": np.uint32, "minute": np.uint32, "state": np.uint8, **dict.fromkeys(_COUNTS, np.uint64),
    "epoch": np.uint32, "unit": np.uint8, "committed": np.float64,
}  # fmt: skip

# names of their own: an alias that is a column's name would take its place in the conditions
_NARROW = (
    "toUInt16(intDiv(toUInt32(minute), 60) - {since:UInt32}) AS minute_,"
    f" CAST(transform(state, {list(SEGMENT_STATES[1:])}, [1, 2, 3, 4], 0), 'UInt8') AS state_"
)
_REST = (
    ", ".join(f"{column} AS {name}_" for name, column in _COUNTS.items())
    + f", sequence_epoch AS epoch_, CAST(transform(sequence_unit, {list(_UNITS[1:])}, [1, 2], 0), 'UInt8') AS unit_,"
    " toUnixTimestamp64Milli(committed_at) AS committed_"
)
_STRETCH = (
    "segment_id >= bitShiftLeft(toUInt128({since:UInt32}), 96)"
    " AND segment_id < bitShiftLeft(toUInt128({until:UInt32}), 96)"
)
# by the minute's column, which packs to nothing: the ids would be read for every row
_MINUTES = (
    f"indexHint({_STRETCH}) AND minute >= toDateTime({{since:UInt32}} * 60, 'UTC')"
    " AND minute < toDateTime({until:UInt32} * 60, 'UTC')"
)
_AS_ARROW = {
    "output_format_arrow_low_cardinality_as_dictionary": 1,
    "output_format_arrow_string_as_string": 0,
    "max_block_size": 1 << 18,
    "preferred_block_size_bytes": 0,
}
_BEST = "ORDER BY segment_id, full_rank DESC, seq DESC LIMIT 1 BY segment_id"


def read_ledger_columns(sessions: Sessions, first: int, after: int, cut: int | None = None) -> LedgerColumns:
    """The winners at the cut (default: now) among segments of minutes [first, after), all in one."""
    return _read_whole(_Pieces(sessions, cut, narrow=False), pieces_of(sessions, first, after), _KINDS)[0]


def read_keyed_columns(
    sessions: Sessions, first: int, after: int, cut: int | None = None
) -> tuple[LedgerColumns, NDArray[np.uint64]]:
    """The same with the `segment_key` of each row: by these it is seen whether what comes later is another attempt."""
    reader = _Pieces(sessions, cut, narrow=False, keys=True)
    return _read_whole(reader, pieces_of(sessions, first, after), {**_KINDS, "key": np.uint64})


def _read_whole(
    reader: _Pieces, pieces: Sequence[tuple[int, int, int]], kinds: dict[str, Any]
) -> tuple[LedgerColumns, NDArray[np.uint64]]:
    arrays = {name: np.empty(sum(rows for *_, rows in pieces), kind) for name, kind in kinds.items()}
    filled = 0
    for piece in reader.read(pieces):
        end = filled + len(piece["minute"])
        for name, array in piece.items():
            if end > len(arrays[name]):  # committed since they were counted
                arrays[name] = np.concatenate([arrays[name][:filled], np.empty_like(array)])
            arrays[name][filled:end] = array
        filled = end
    arrays = {name: array[:filled] for name, array in arrays.items()}
    keys = arrays.pop("key", np.empty(0, np.uint64))
    return reader.columns(arrays), keys


def read_narrow_columns(
    sessions: Sessions, first: int, after: int, cut: int | None = None
) -> Iterator[LedgerColumns]:
    """The same in pieces, each of minutes of its own, and of streams, minutes and states only: the other columns are
    one zero, shown as many. Where all attempts of a minute and stream are in one state, they may all be there."""
    reader = _Pieces(sessions, cut, narrow=True)
    for piece in reader.read(pieces_of(sessions, first, after)):
        nothing = {name: np.broadcast_to(kind(0), len(piece["minute"])) for name, kind in _KINDS.items()}
        yield reader.columns({**nothing, **piece})


def pieces_of(sessions: Sessions, first: int, after: int) -> list[tuple[int, int, int]]:
    """[first, after) cut into (first, after, rows) of about ROWS_AT_ONCE rows; rows of all attempts."""

    def rows(a: int, b: int) -> int:
        return int(sessions.one(f"SELECT count() FROM ledger WHERE {_STRETCH}", {"since": a, "until": b}))

    # the ends of the primary key, without reading a row; a day more, since what is committed meanwhile may be new
    low, high, held = sessions.rows(
        "SELECT toUInt32(bitShiftRight(min(segment_id), 96)), toUInt32(bitShiftRight(max(segment_id), 96)), count()"
        " FROM ledger"
    )[0]
    first, after = max(first, int(low) - _DAY), min(after, int(high) + 1 + _DAY)
    if after <= first or not held:
        return []
    whole = rows(first, after)
    count = min(1 + max(whole // ROWS_AT_ONCE, (after - first) // MAX_WIDTH), after - first)
    if count == 1:
        return [(first, after, whole)]
    bounds = [first + (after - first) * i // count for i in range(count + 1)]
    return [(a, b, rows(a, b)) for a, b in pairwise(bounds)]


class _Pieces:
    """Reads pieces of the ledger, two at a time, in order."""

    def __init__(self, sessions: Sessions, cut: int | None, *, narrow: bool, keys: bool = False) -> None:
        self._sessions = sessions
        self._cut = cut
        self._narrow = narrow
        self._seen = last_number(sessions, "ledger")
        self._codes = StreamCodes(sessions)
        self._epochs: dict[str, int] = {}
        self._counting = threading.Lock()
        self._with_keys = self._keep_keys = keys

    def columns(self, arrays: Columns) -> LedgerColumns:
        """The arrays, with the names that their codes stand for."""
        return LedgerColumns(self._codes.now.streams, tuple(self._epochs) or ("",), **arrays)

    def read(self, pieces: Sequence[tuple[int, int, int]]) -> Iterator[Columns]:
        """The columns of each piece, while the next ones are read."""
        with ThreadPoolExecutor(READERS, thread_name_prefix="ledger") as executor:
            ahead = deque(executor.submit(self._read, a, b) for a, b, _ in pieces[:READERS])
            try:
                for a, b, _ in pieces[READERS:]:
                    piece = ahead.popleft().result()
                    ahead.append(executor.submit(self._read, a, b))
                    yield piece
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def _read(self, first: int, after: int) -> Columns:
        """One piece; again where what was committed meanwhile could have come into it in a wrong way."""
        while True:
            codes, bound = self._codes.now, self._bound
            columns = self._winners(first, after, bound)
            newest = last_number(self._sessions, "ledger")
            if self._cut is None and newest > self._seen:
                self._codes.refresh()
            self._seen = newest
            if self._codes.now is codes and (bound or self._cut is None or newest <= self._cut):
                return columns

    @property
    def _bound(self) -> str:
        """The condition that holds the cut; none while nothing was committed after it, since it reads a column more."""
        return "" if self._cut is None or self._seen <= self._cut else "seq <= {cut:UInt64} AND"

    def _winners(self, first: int, after: int, bound: str) -> Columns:
        columns = self._ask(first, after, f"WHERE {bound} {_MINUTES}", keys=self._with_keys)
        keys = columns.get("key") if self._keep_keys else columns.pop("key", None)
        streams = len(self._codes.now.streams)
        seen = np.zeros(streams * (after - first), np.uint8)
        if not _count_repeats(columns, first, after, seen, by_state=self._narrow):
            return columns
        if keys is None:
            self._with_keys = True  # where one piece has several rows a minute, others have, too
            return self._winners(first, after, bound)
        cells = (columns["minute"] - np.uint32(first)) * np.int64(streams) + columns["stream"]
        several = seen & (seen - np.uint8(1)) != 0 if self._narrow else np.bincount(cells) > 1
        return self._settle(first, after, bound, columns, keys, np.flatnonzero(several[cells]))

    def _settle(
        self,
        first: int,
        after: int,
        bound: str,
        columns: Columns,
        keys: NDArray[np.uint64],
        rows: NDArray[np.intp],
    ) -> Columns:
        """The same with the winner alone of each segment that has several attempts, all of them among `rows`."""
        keys = keys[rows]
        distinct, count = np.unique(keys, return_counts=True)
        several = distinct[count > 1]
        if not len(several):
            return columns
        if len(several) > MAX_KEYS:
            return self._ask(first, after, f"WHERE {bound} {_STRETCH} {_BEST}", keys=self._keep_keys)
        listed = ",".join(map(str, several.tolist()))
        which = f"PREWHERE segment_key IN ({listed}) WHERE {bound} {_STRETCH} {_BEST}"
        winners = self._ask(first, after, which, keys=self._keep_keys)
        losers = rows[np.isin(keys, several)]
        return {
            name: np.concatenate([np.delete(array, losers), winners[name]]) for name, array in columns.items()
        }

    def _ask(self, first: int, after: int, which: str, *, keys: bool = False) -> Columns:
        codes = self._codes.now
        columns = [
            f"{codes.sql} AS stream_",
            _NARROW,
            *([] if self._narrow else [_REST]),
            *(["segment_key"] * keys),
        ]
        params: Params = {"since": first, "until": after, "cut": self._cut or 0}
        table = self._sessions.arrow(f"SELECT {', '.join(columns)} FROM ledger {which}", params, _AS_ARROW)
        stream = codes.of(_numpy(table["stream_"], np.uint32))
        if stream is None:  # committed since they were listed
            self._codes.refresh()
            return self._ask(first, after, which, keys=keys)
        found = {"stream": stream, "minute": _numpy(table["minute_"], np.uint32)}
        found["minute"] += np.uint32(first)
        found["state"] = _numpy(table["state_"], np.uint8)
        if keys:
            found["key"] = _numpy(table["segment_key"], np.uint64)
        if not self._narrow:
            found |= {name: _numpy(table[f"{name}_"], np.uint64) for name in _COUNTS}
            found["epoch"] = self._epoch_numbers(table["epoch_"])
            found["unit"] = _numpy(table["unit_"], np.uint8)
            found["committed"] = _numpy(table["committed_"], np.float64)
            found["committed"] /= 1000
        return found

    def _epoch_numbers(self, column: pa.ChunkedArray) -> NDArray[np.uint32]:
        out = np.empty(len(column), np.uint32)
        at = 0
        for chunk in column.unify_dictionaries().chunks:
            if not at:
                words = [
                    bytes(word).decode("utf-8", "surrogateescape") for word in chunk.dictionary.to_pylist()
                ]
                with self._counting:
                    of = [self._epochs.setdefault(word, len(self._epochs)) for word in words]
                numbers = np.array(of, np.uint32)
            out[at : at + len(chunk)] = numbers[chunk.indices.to_numpy()]
            at += len(chunk)
        return out


def _count_repeats(
    columns: Columns, first: int, after: int, seen: NDArray[np.uint8], *, by_state: bool
) -> int:
    from kernels import entry

    stream, minute = columns["stream"], columns["minute"]
    state = columns["state"].ctypes.data if by_state else 0
    width = after - first
    rows = (stream.ctypes.data, minute.ctypes.data, state, len(minute))
    found = entry.count_repeats(*rows, len(seen) // width, first, width, seen.ctypes.data)
    if found < 0:
        raise AssertionError(f"row {-1 - found} of the ledger lies outside of minutes {first} to {after}")
    return int(found)


def _numpy(column: pa.ChunkedArray, kind: Any) -> NDArray[Any]:
    """A column of numbers in one array of its own."""
    out = np.empty(len(column), kind)
    at = 0
    for chunk in column.chunks:
        out[at : at + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
        at += len(chunk)
    return out
