"""Many customers' months reduced to the columns that plans count: exact sums, and percentiles of samples.

Rows come from the store in pieces, through pipeline.rating.book_months; columns go to pipeline.rating.compiled_book,
which rates them, and by customer to pipeline.rating.book_month. Equal to pipeline.rating.meter, customer by customer;
those whose numbers are too large for it are named.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from kernels import entry
from pipeline.rating.book_needs import Needs, classes_of, percentile_of
from pipeline.rating.book_rates import Sampled, rate_column
from pipeline.rating.clock_time import minutes_of, window_starts, within_hours
from pipeline.rating.meter import COLUMN
from pipeline.rating.model import Meter
from pipeline.rating.rates import RATES
from pipeline.rating.samples import MINUTE_S
from pipeline.rating.usage import COUNTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.rating.model import Charge, Period

NOBODY = 0xFFFFFFFF
LARGEST = 1 << 60
"""A sum from which on a customer is counted alone: bits of a rate must stay below 2^63."""

CUBE_BYTES = 24 << 20
"""Samples of the customers that are worked on together, for each thread."""


@dataclass(frozen=True, slots=True)
class Member:
    """A customer's month, and the minutes [first, after) of it that count."""

    period: Period
    first: int
    after: int


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Columns of n rows: `name`, `zone`: uint32, uint16, places in the batch's names and in all zones; `minute`:
    uint32, since the epoch; counts uint64. `wanted`: uint8, whether a row counts; None: all do."""

    name: NDArray[np.uint32]
    zone: NDArray[np.uint16]
    minute: NDArray[np.uint32]
    requests: NDArray[np.uint64]
    bytes_sent: NDArray[np.uint64]
    body_bytes: NDArray[np.uint64]
    wanted: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.minute)

    @property
    def addresses(self) -> NDArray[np.int64]:
        """What kernels ask for."""
        columns = (self.name, self.zone, self.minute, self.requests, self.bytes_sent, self.body_bytes)
        first = 0 if self.wanted is None else self.wanted.ctypes.data
        return np.array([first, *(column.ctypes.data for column in columns)], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """`columns`: uint64[columns, members]; `samples`: int64 of the same shape, how many of them a rate is the
    percentile of; `zones`: bool[members, zones], where there is usage; `pairs`: of each member the (zone, name) of
    his usage, where plans ask for resources; `windows`: of each column that the needs count window by window, those of
    each member, uint64 or uint32; `large`: bool[members], too large to be counted here; `rows`: those that counted."""

    columns: NDArray[np.uint64]
    samples: NDArray[np.int64]
    zones: NDArray[np.bool_]
    pairs: tuple[tuple[tuple[int, int], ...], ...]
    windows: tuple[tuple[NDArray[np.unsignedinteger[Any]], ...], ...]
    large: NDArray[np.bool_]
    rows: int


def reduce_pieces(
    needs: Needs,
    members: Sequence[Member],
    names: Sequence[str],
    owners: NDArray[np.int32],
    zones: Sequence[str],
    pieces: Iterable[Piece],
    *,
    threads: int = 2,
) -> Reduced:
    """The columns of a batch of customers. `owners`: the member of each name, -1: nobody's. More pieces than one are
    for a single member: they are gone through once, and none is kept."""
    made = _Batch(needs, members, names, owners, zones)
    alone = len(members) == 1
    for number, piece in enumerate(itertools.chain(pieces, () if alone else (_NOTHING,))):
        if alone:
            made.add(piece)
            made.pool_one(piece)
        elif number == 0:
            made.add(piece)
            made.pool_all(piece, threads)
        elif len(piece):
            raise ValueError("pieces: expected one for several members, found more")
    return made.reduced()


_NOTHING = Piece(
    np.empty(0, np.uint32),
    np.empty(0, np.uint16),
    np.empty(0, np.uint32),
    np.empty(0, np.uint64),
    np.empty(0, np.uint64),
    np.empty(0, np.uint64),
)


class _Batch:
    def __init__(
        self,
        needs: Needs,
        members: Sequence[Member],
        names: Sequence[str],
        owners: NDArray[np.int32],
        zones: Sequence[str],
    ) -> None:
        self._needs, self._members, self._zones = needs, members, tuple(zones)
        self._owners = np.ascontiguousarray(owners, np.int32)
        self._asked = [needs.asked_by(name) if needs.by_resource else frozenset((0,)) for name in names]
        kinds, distinct = classes_of(self._asked)
        self._kinds = distinct or [frozenset()]
        self._groups = np.maximum(self._owners, 0).astype(np.int64) * len(self._kinds) + np.array(
            kinds, np.int64
        )
        self._groups = self._groups.astype(np.int32)
        self._begins = np.array([member.first for member in members], np.int64)
        self._ends = np.array([member.after for member in members], np.int64)
        self._first = int(self._begins.min())
        masks = [within_hours(self._first, int(self._ends.max()), hours) for hours in needs.hours]
        flags = np.zeros(int(self._ends.max()) - self._first, np.int64)
        for place, mask in enumerate(masks):
            flags |= mask.astype(np.int64) << place
        self._flags, of = np.unique(flags, return_inverse=True)
        if len(self._flags) > 256 or len(masks) > 62:
            raise ValueError(f"hours: expected at most 256 combinations of windows, found {len(self._flags)}")
        self._of_minute = of.astype(np.uint8)
        shape = (len(members) * len(self._kinds), len(self._flags), len(self._zones), 4)
        self._cells = np.zeros(shape, np.uint64)
        self._limit = LARGEST // max(1, shape[1] * shape[2] * len(self._kinds))
        self._pairs = np.zeros((len(names), len(self._zones)), np.bool_) if needs.by_resource else None
        self._columns = np.zeros((len(needs.columns), len(members)), np.uint64)
        self._samples = np.zeros((len(needs.columns), len(members)), np.int64)
        self._member = np.empty(0, np.uint32)
        self._cubes: dict[tuple[tuple[str, ...], int], Sampled] = {}
        self._windows = [_empty_windows(charge, members) for charge in needs.windows]
        self._rows = 0

    def add(self, piece: Piece) -> None:
        """Totals."""
        self._member = np.empty(len(piece), np.uint32)
        names = np.array([self._owners.ctypes.data, self._groups.ctypes.data], np.int64)
        minutes = np.array([self._begins.ctypes.data, self._ends.ctypes.data], np.int64)
        rows = piece.addresses
        self._rows += entry.add_rows(
            len(piece),
            rows.ctypes.data,
            names.ctypes.data,
            minutes.ctypes.data,
            self._of_minute.ctypes.data,
            self._first,
            len(self._zones),
            len(self._flags),
            self._limit,
            self._cells.ctypes.data,
            self._member.ctypes.data,
        )
        if self._pairs is not None:
            counted = self._member != NOBODY
            self._pairs[piece.name[counted], piece.zone[counted]] = True

    def pool_one(self, piece: Piece) -> None:
        """Samples of the only member, whose pieces are many."""
        order = np.flatnonzero(self._member != NOBODY)
        self._pool_windows(piece, order, [(0, 0, len(order))])
        for key in self._needs.rates:
            if key not in self._cubes:
                self._cubes[key] = self._empty(key, self._members)
            self._pool(piece, order, [(0, 0, len(order))], key, self._cubes[key])

    def pool_all(self, piece: Piece, threads: int) -> None:
        """Samples, and the rates out of them, of some members at a time."""
        if not self._needs.rates and not self._windows:
            return
        # of 16 bits numpy sorts by digits
        small = len(self._members) < 1 << 16
        order = np.argsort(self._member.astype(np.uint16) if small else self._member, kind="stable")
        bounds = np.searchsorted(self._member[order], np.arange(len(self._members) + 1))
        whole = zip(range(len(self._members)), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        self._pool_windows(piece, order, list(whole))
        if not self._needs.rates:
            return
        by_period = sorted(range(len(self._members)), key=lambda i: _clock(self._members[i]))
        jobs: list[list[int]] = []
        for _, same in groupby(by_period, key=lambda i: _clock(self._members[i])):
            every = list(same)
            each = max(1, CUBE_BYTES // self._cube_bytes(self._members[every[0]]))
            jobs += [every[at : at + each] for at in range(0, len(every), each)]

        def work(some: list[int]) -> None:
            spans = [(place, int(bounds[i]), int(bounds[i + 1])) for place, i in enumerate(some)]
            for key in self._needs.rates:
                sampled = self._empty(key, [self._members[i] for i in some])
                self._pool(piece, order, spans, key, sampled)
                self._rate(key, some, sampled)

        if threads > 1 and len(jobs) > 1:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(work, jobs))
        else:
            for some in jobs:
                work(some)

    def _cube_bytes(self, member: Member) -> int:
        first, after = minutes_of(member.period)
        shortest = min((sample_s for _, sample_s in self._needs.rates), default=300) // MINUTE_S
        return len(self._zones) * 8 * -(-(after - first) // shortest)

    def _empty(self, key: tuple[tuple[str, ...], int], members: Sequence[Member]) -> Sampled:
        first, after = minutes_of(members[0].period)
        per = key[1] // MINUTE_S
        shape = (len(members), len(self._zones), -(-(after - first) // per))
        skips = any(
            percentile_of(self._needs.columns[c]).missing_samples == "skip" for c in self._needs.rates[key]
        )
        return Sampled(
            np.zeros(shape, np.uint64),
            np.zeros(shape, np.uint8) if skips else None,
            first,
            after,
            per,
            members[0].period.tz,
        )

    def _pool(
        self,
        piece: Piece,
        order: NDArray[np.int64],
        spans: Iterable[tuple[int, int, int]],
        key: tuple[tuple[str, ...], int],
        into: Sampled,
    ) -> None:
        """Rows order[begin:end] into the cube in each place."""
        wanted_kind = self._needs.filters.index(key[0])
        wanted = np.array([wanted_kind in asked for asked in self._asked], np.uint8)
        rows = piece.addresses
        _, lines, count = into.sums.shape
        for place, begin, end in spans:
            entry.pool_rows(
                order.ctypes.data,
                begin,
                end,
                rows.ctypes.data,
                wanted.ctypes.data,
                into.first,
                into.per,
                count,
                into.sums.ctypes.data + 8 * place * lines * count,
                0 if into.seen is None else into.seen.ctypes.data + place * lines * count,
            )

    def _pool_windows(
        self, piece: Piece, order: NDArray[np.int64], spans: Sequence[tuple[int, int, int]]
    ) -> None:
        """Rows order[begin:end] into the windows of each member."""
        for charge, into in zip(self._needs.windows, self._windows, strict=True):
            counts = getattr(piece, COLUMN[charge.meter])
            if charge.hours is not None:
                inside = within_hours(self._first, self._first + len(self._of_minute), charge.hours)
                at = np.clip(piece.minute.astype(np.int64) - self._first, 0, len(inside) - 1)
                counts = counts * inside[at]
            asked = self._needs.filters.index(charge.where.resources)
            wanted = np.array([asked in each for each in self._asked], np.uint8)
            lines = [i for i, zone in enumerate(self._zones) if _in_zones(charge, zone)]
            rows = piece.addresses
            rows[5] = counts.ctypes.data  # where the bytes of a rate are looked for
            for place, begin, end in spans:
                first, after = minutes_of(self._members[place].period)
                starts = _starts_of(charge, self._members[place].period)
                # stretches that all windows are made of: windows themselves where no clock is set
                per = math.gcd(*starts.tolist(), (charge.window_s or 0) // MINUTE_S)
                count = -(-(after - first) // per)
                sums = np.zeros((len(self._zones), count), np.uint64)
                entry.pool_rows(
                    order.ctypes.data,
                    begin,
                    end,
                    rows.ctypes.data,
                    wanted.ctypes.data,
                    first,
                    per,
                    count,
                    sums.ctypes.data,
                    0,
                )
                every = sums[lines].sum(axis=0, dtype=np.uint64)
                if len(starts):
                    into[place] += np.add.reduceat(every, starts // per)

    def _rate(self, key: tuple[tuple[str, ...], int], some: Sequence[int], sampled: Sampled) -> None:
        there = self._there(some)
        for column in self._needs.rates[key]:
            found, counts = rate_column(sampled, self._needs.columns[column], self._zones, there)
            self._columns[column, some] = found
            self._samples[column, some] = counts

    def _there(self, some: Sequence[int]) -> NDArray[np.bool_]:
        """bool[some, zones]: whether there is any usage."""
        kinds = len(self._kinds)
        cells = self._cells.reshape(-1, kinds, *self._cells.shape[1:])[list(some)]
        return np.asarray(cells[..., 3].sum(axis=(1, 2)) > 0)

    def reduced(self) -> Reduced:
        """All columns."""
        if len(self._members) == 1:
            for key in self._needs.rates:
                self._rate(key, [0], self._cubes.get(key) or self._empty(key, self._members))
        zones = self._there(range(len(self._members)))
        for place, charge in enumerate(self._needs.columns):
            if charge.meter is Meter.FLAT:
                self._columns[place] = 1
            elif charge.meter not in RATES:
                self._columns[place] = self._total(place)
        every = self._cells.reshape(len(self._members), -1, 4)[..., :3]
        large = np.asarray((every >= self._limit).any(axis=(1, 2)))
        windows = tuple(tuple(_narrow(each) for each in every) for every in self._windows)
        return Reduced(self._columns, self._samples, zones, self._named_pairs(), windows, large, self._rows)

    def _total(self, place: int) -> NDArray[np.uint64]:
        charge = self._needs.columns[place]
        word = COUNTS.index(COLUMN[charge.meter])
        classes = np.arange(len(self._flags))
        if charge.hours is not None:
            classes = np.flatnonzero(self._flags >> self._needs.hours.index(charge.hours) & 1)
        lines = [i for i, zone in enumerate(self._zones) if _in_zones(charge, zone)]
        asked = self._needs.filters.index(charge.where.resources)
        kinds = [i for i, kind in enumerate(self._kinds) if asked in kind]
        cells = self._cells[..., word].reshape(-1, len(self._kinds), len(self._flags), len(self._zones))
        chosen = cells[:, kinds][:, :, classes][:, :, :, lines]
        return np.asarray(chosen.sum(axis=(1, 2, 3), dtype=np.uint64))

    def _named_pairs(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        if self._pairs is None:
            return ()
        found: list[list[tuple[int, int]]] = [[] for _ in self._members]
        for name, zone in np.argwhere(self._pairs).tolist():
            found[self._owners[name]].append((zone, name))
        return tuple(tuple(sorted(each)) for each in found)


def _in_zones(charge: Charge, zone: str) -> bool:
    return not charge.where.zones or zone in charge.where.zones


def _empty_windows(charge: Charge, members: Sequence[Member]) -> list[NDArray[np.uint64]]:
    return [np.zeros(len(_starts_of(charge, member.period)), np.uint64) for member in members]


def _starts_of(charge: Charge, period: Period) -> NDArray[np.int64]:
    return _starts(*minutes_of(period), (charge.window_s or 0) // MINUTE_S, period.tz)


@lru_cache(maxsize=256)
def _starts(first: int, after: int, per: int, tz: str) -> NDArray[np.int64]:
    return window_starts(first, after, per, tz)


def _narrow(counts: NDArray[np.uint64]) -> NDArray[np.unsignedinteger[Any]]:
    """Most customers are small, and everybody's windows are kept."""
    return counts if int(counts.max(initial=0)) >= 1 << 32 else counts.astype(np.uint32)


def _clock(member: Member) -> tuple[int, int, str]:
    return (*minutes_of(member.period), member.period.tz)
