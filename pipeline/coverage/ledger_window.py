"""The ledger's last hours kept in memory by minute, brought further by what was committed since; for kept.py."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.coverage.model import LedgerColumns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pipeline.coverage.model import Stream

    Rows = dict[str, NDArray[Any]]

_COLUMNS = tuple(of.name for of in fields(LedgerColumns) if of.name not in ("streams", "epochs"))

_ROOM = 1.25
"""How much more than is there has room, so that news are seldom the reason to copy what is old."""


class LedgerWindow:
    """Winners of all minutes from `first` on. `keys`: uint64, one a row; rows of one key are attempts at one segment,
    between which only the store decides."""

    def __init__(self, first: int, columns: LedgerColumns, keys: NDArray[np.uint64]) -> None:
        self.first = first
        self._streams: dict[Stream, int] = {}
        self._epochs: dict[str, int] = {}
        self._rows = _by_minute(self._own(columns, keys))
        self._begin, self._end = 0, len(keys)

    def __len__(self) -> int:
        return self._end - self._begin

    def columns(self, first: int, after: int) -> LedgerColumns:
        """The rows of minutes [first, after); views that hold until the window changes."""
        if first < self.first:
            raise ValueError(f"expected minutes from {self.first} on, found {first}")
        begin, end = self._places(first, after)
        rows = {name: self._rows[name][begin:end] for name in _COLUMNS}
        return LedgerColumns(tuple(self._streams), tuple(self._epochs) or ("",), **rows)

    def repeated(self, columns: LedgerColumns, keys: NDArray[np.uint64]) -> tuple[int, int] | None:
        """The minutes [first, after) of news that are attempts at segments of which there is one already, or several
        among the news; None where each is the first. Minutes before the window do not matter."""
        inside = columns.minute >= self.first
        minute, keys = columns.minute[inside], keys[inside]
        if not len(minute):
            return None
        begin, end = self._places(int(minute.min()), int(minute.max()) + 1)
        distinct, count = np.unique(keys, return_counts=True)
        again = np.isin(keys, distinct[count > 1]) | np.isin(keys, self._rows["key"][begin:end])
        if not again.any():
            return None
        return int(minute[again].min()), int(minute[again].max()) + 1

    def add(self, columns: LedgerColumns, keys: NDArray[np.uint64]) -> None:
        """Take in rows of segments that are not there; what lies before the window is left out."""
        rows = self._own(columns, keys)
        rows = _take(rows, np.flatnonzero(rows["minute"] >= self.first))
        if len(rows["minute"]):
            begin = int(np.searchsorted(self._live("minute"), rows["minute"].min())) + self._begin
            self._splice(begin, begin, rows)

    def replace(self, first: int, after: int, columns: LedgerColumns, keys: NDArray[np.uint64]) -> None:
        """Put these rows in the place of all of minutes [first, after)."""
        begin, end = self._places(first, after)
        self._splice(begin, end, self._own(columns, keys))

    def reach_back(self, first: int, columns: LedgerColumns, keys: NDArray[np.uint64]) -> None:
        """Take in all rows of minutes from an earlier `first` up to where the window began."""
        rows = _by_minute(self._own(columns, keys))
        self._rows = {name: np.concatenate([rows[name], self._live(name)]) for name in rows}
        self.first, self._begin, self._end = first, 0, len(self._rows["key"])

    def forget(self, first: int) -> None:
        """Leave out minutes before `first`."""
        if first > self.first:
            self._begin, _ = self._places(first, first)
            self.first = first

    def _own(self, columns: LedgerColumns, keys: NDArray[np.uint64]) -> Rows:
        """Rows by this window's numbers of streams and epochs."""
        rows = {name: getattr(columns, name) for name in _COLUMNS}
        rows["stream"] = _numbered(columns.streams, self._streams)[columns.stream]
        rows["epoch"] = _numbered(columns.epochs, self._epochs)[columns.epoch]
        return {**rows, "key": keys}

    def _live(self, name: str) -> NDArray[Any]:
        return self._rows[name][self._begin : self._end]

    def _places(self, first: int, after: int) -> tuple[int, int]:
        begin, end = np.searchsorted(self._live("minute"), [first, max(first, after)])
        return self._begin + int(begin), self._begin + int(end)

    def _splice(self, begin: int, end: int, rows: Rows) -> None:
        """Put rows in the place of [begin, end), and all from `begin` on in the order of their minutes."""
        later = {name: np.concatenate([rows[name], self._rows[name][end : self._end]]) for name in self._rows}
        later = _by_minute(later)
        after = begin + len(later["key"])
        if after > len(self._rows["key"]):
            self._make_room(begin, after)
            begin, after = begin - self._begin, after - self._begin
            self._begin = 0
        for name, array in later.items():
            self._rows[name][begin:after] = array
        self._end = after

    def _make_room(self, begin: int, after: int) -> None:
        """Move what lies before `begin` to arrays that have room up to `after`, and some more."""
        room = int((after - self._begin) * _ROOM) + 1024
        for name, array in self._rows.items():
            moved = np.empty(room, array.dtype)
            moved[: begin - self._begin] = array[self._begin : begin]
            self._rows[name] = moved


def _numbered(names: Iterable[Any], numbers: dict[Any, int]) -> NDArray[np.uint32]:
    """The number of each name; one that is new gets the next."""
    return np.array([numbers.setdefault(name, len(numbers)) for name in names] or [0], np.uint32)


def _take(rows: Rows, places: NDArray[np.intp]) -> Rows:
    return {name: array[places] for name, array in rows.items()}


def _by_minute(rows: Rows) -> Rows:
    minute = rows["minute"]
    if np.all(minute[1:] >= minute[:-1]):
        return rows
    return _take(rows, np.argsort(minute, kind="stable"))
