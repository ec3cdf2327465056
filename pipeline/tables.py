"""The tables that kernels fill for one thread: groups and their index, names, numbers seen; they grow when asked.

`pipeline.tally` reads content into them and takes out what came of it.
"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

import numpy as np

from kernels import entry
from kernels import layout as at
from kernels.memory import zeroed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.formats.compiled import Compiled
    from pipeline.groups import Names

SMALLEST = 1 << 10
"""Groups that a fresh tally has room for; it grows beyond."""

FEWEST_BYTES, MOST_ROOM = 128, 1 << 22
"""Content with less than so many bytes a group is rare: room for the groups of expected content is laid out
ahead, up to a bound. It takes memory only as it fills."""

USUAL_BYTES, LARGEST_INDEX = 512, 1 << 20
"""The index begins with a slot for so many bytes of expected content, up to a bound, and grows by four: growing by two
costs 5 % on a log of many groups. Twice the slots: 1 % less time in the order of time, 3 % more in random order."""

SHORT_BYTES = 1 << 18
"""What is emptied sooner than the GIL comes back from other threads."""

MINUTE_BITS, MANY_SLOTS = 6, 1 << 18
"""An index of many slots has a region for each of 64 minutes in turn, until one of them is crowded."""


class Tables:
    """Arrays, their addresses and counters; emptied by `clear`."""

    def __init__(self, room_for_bad: int, seed: int | None) -> None:
        self._seed = np.frombuffer(os.urandom(16) if seed is None else seed.to_bytes(16, "little"), np.int64)
        self.state: NDArray[np.int64] = zeroed(at.STATE_SIZE, np.int64)
        self._tables: NDArray[np.int64] = zeroed(at.TABLES_SIZE, np.int64)
        self._bad: NDArray[np.int64] = zeroed((room_for_bad, 2), np.int64)
        self._skips: NDArray[np.int64] = zeroed((1, 2), np.int64)
        self._scratch = {
            at.LINE_BATCH: zeroed((at.BATCH, at.LINE_WORDS), np.int64),
            at.PLACES: zeroed(2 * at.PIECE, np.uint16),
            at.LINE_ENDS: zeroed(2 * at.PIECE, np.uint32),
            at.SPECIALS: zeroed(2 * at.PIECE, np.uint16),
            at.COLUMNS: zeroed((256, 2), np.int64),
            at.FOUND: zeroed(at.FOUND_SIZE, np.int64),
        }
        for place, array in self._scratch.items():
            self._tables[place] = array.ctypes.data
        self._tables[at.COLUMN_ROOM] = 256
        self._groups: NDArray[np.uint64] = zeroed((SMALLEST, 8), np.uint64)
        self._index: NDArray[np.uint32] = zeroed(2 * SMALLEST, np.uint32)
        self._names: NDArray[np.uint64] = zeroed((2 * SMALLEST, at.NAME_BYTES // 8), np.uint64)
        self._name_places: NDArray[np.int64] = zeroed(2 * SMALLEST, np.int64)
        self._arena: NDArray[np.uint8] = zeroed(1 << 18, np.uint8)
        self._seen: NDArray[np.uint64] = zeroed(SMALLEST, np.uint64)
        self._addresses = self.state.ctypes.data, self._tables.ctypes.data
        self._blank = np.zeros_like(self.state)
        self._blank[[at.SEED, at.SEED_2]] = self._seed
        self._blank[[at.RUN_FIRST, at.RUN_NEXT]] = -1
        # of no date or time: or zeros in the place of one would be taken for the one before
        self._blank[[at.MEMO_DATE_1, at.MEMO_DAY, at.MEMO_EPOCH, at.MEMO_HIGH]] = -1
        self._blank[[at.SEQ_MIN, at.SEQ_MAX]] = np.iinfo(np.int64).max, -1
        self._dirty = False
        self._regions = False
        self.clear()

    def clear(self, expected_bytes: int = 0) -> None:
        """Forget everything; `expected_bytes` of content to come says how large a table of groups to begin with."""
        if self._dirty:
            for table in (self._index, self._names, self._seen):
                if table.nbytes < SHORT_BYTES:
                    table[:] = 0
                else:
                    ctypes.memset(table.ctypes.data, 0, table.nbytes)  # without the GIL, which numpy keeps
        bound = self._regions
        room = min(expected_bytes // FEWEST_BYTES, MOST_ROOM)
        if room > len(self._groups):
            self._groups, bound = zeroed((room, 8), np.uint64), False
        slots = min(1 << (expected_bytes // USUAL_BYTES).bit_length(), LARGEST_INDEX)
        if slots > len(self._index):
            self._index, bound = zeroed(slots, np.uint32), False
        self.state[:] = self._blank
        self._dirty = False
        if not bound:
            self._regions = True
            self._bind()

    def _bind(self) -> None:
        """Tell the kernels where the tables are now."""
        for place, array in ((at.GROUPS, self._groups), (at.NAMES, self._names), (at.ARENA, self._arena)):
            self._tables[place] = array.ctypes.data
        self._tables[at.GROUP_ROOM], self._tables[at.NAME_SLOTS] = len(self._groups), len(self._names)
        self._tables[at.NAME_PLACES] = self._name_places.ctypes.data
        self._tables[at.INDEX], self._tables[at.INDEX_SLOTS] = self._index.ctypes.data, len(self._index)
        self._tables[at.MINUTE_BITS] = MINUTE_BITS if self._regions and len(self._index) >= MANY_SLOTS else 0
        self._tables[at.ARENA_BYTES] = len(self._arena)
        self._tables[at.SEEN], self._tables[at.SEEN_SLOTS] = self._seen.ctypes.data, len(self._seen)
        self._tables[at.BAD], self._tables[at.BAD_ROOM] = self._bad.ctypes.data, len(self._bad)

    def _grow(self, what: int) -> None:
        if what == at.GROW_GROUPS:
            groups = zeroed((2 * len(self._groups), 8), np.uint64)
            used = self.count(at.GROUPS_USED)
            groups[:used] = self._groups[:used]
            self._groups = groups
        elif what in (at.GROW_INDEX, at.SPREAD_INDEX):
            self._regions = self._regions and what == at.GROW_INDEX
            self._index = zeroed(len(self._index) * (4 if what == at.GROW_INDEX else 1), np.uint32)
            self._bind()
            self._fill_index()
        elif what == at.GROW_NAMES:
            slots = 4 * len(self._names)
            names, places = zeroed((slots, at.NAME_BYTES // 8), np.uint64), zeroed(slots, np.int64)
            entry.grow_names(self._names.ctypes.data, len(self._names), names.ctypes.data, slots)
            places[: len(self._name_places)] = self._name_places
            self._names, self._name_places = names, places
        elif what == at.GROW_ARENA:
            arena = zeroed(2 * len(self._arena), np.uint8)
            arena[: len(self._arena)] = self._arena
            self._arena = arena
        else:
            seen = zeroed(2 * len(self._seen), np.uint64)
            entry.grow_seen(self._seen.ctypes.data, len(self._seen), seen.ctypes.data, len(seen))
            self._seen = seen
        self._bind()

    def _fill_index(self) -> None:
        groups, index = self._groups.ctypes.data, self._index.ctypes.data
        bits = int(self._tables[at.MINUTE_BITS])
        entry.index_groups(groups, self.group_count, index, len(self._index), bits)
        self.state[at.CROWDED] = 0

    def _know_hits(self, compiled: Compiled) -> None:
        """Give the cache statuses that count as hits the first numbers, before any other name comes."""
        if self.state[at.NAMES_USED] == 0:
            self.adopt(compiled.hits)
            self.state[at.CACHE_NAMES] = self.state[at.NAMES_USED]

    def adopt(self, others: Names) -> NDArray[np.uint32]:
        """Take in another tally's names; uint32[names], their numbers here."""
        self._dirty = True
        data = zeroed(len(others.data), np.uint8)
        data[:] = others.data
        numbers = np.empty(len(others), np.uint32)
        (state, tables), offsets, done = self._addresses, others.offsets.ctypes.data, 0
        while done < len(others):
            done = entry.adopt_names(
                tables, state, data.ctypes.data, offsets, numbers.ctypes.data, done, len(others)
            )
            if done < len(others):
                self._grow(at.GROW_NAMES if self._names_are_full() else at.GROW_ARENA)
        return numbers

    def _names_are_full(self) -> bool:
        return (self.count(at.NAMES_USED) + 1) * 8 > len(self._names) * 5

    def count(self, what: int) -> int:
        """A counter of kernels.layout: LINES, PARSED, MALFORMED …"""
        return int(self.state[what])

    @property
    def group_count(self) -> int:
        """How many groups `list_into` lists."""
        return self.count(at.GROUPS_USED)
