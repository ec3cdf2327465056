"""Hash tables: groups to sums, and names to numbers.

A group is one cache line: its key and its sums. Groups lie in the order in which they came, so that a log in the order
of time works on a few hundred kilobytes; a small index of hash bits leads to them. (Groups in the slots of their
hash table
saved the index but met a new page at every line: 55 % of the time went into waiting for memory.) The resource is in
the key as a seeded 128-bit hash of its name; its bytes are looked up, and compared, only when a group is new. A name's
slot holds its hash, never 0, its number and length, and its first bytes; all names lie in an arena too, in
the order of their numbers. Tables probe linearly and are kept at most 5/8 full by their owner, which grows them
between batches.
"""

from __future__ import annotations

import numpy as np

from kernels.layout import (
    ARENA,
    ARENA_BYTES,
    ARENA_USED,
    B_HASH,
    G_BODY,
    G_ERRORS,
    G_EXTRA,
    G_HASH,
    G_MINUTE,
    G_REQUESTS,
    G_SENT,
    INLINE_BYTES,
    NAME_SLOTS,
    NAMES,
    NAMES_USED,
    SEED,
    SLOT_BYTES,
)
from kernels.options import inner, jit, outer
from kernels.simd import (
    get,
    hash32,
    load8,
    load32,
    load64,
    masked_equal32,
    mix,
    put,
    same_group,
    store32,
    store64,
)

U = np.uint64


@inner
def hash_name(address, length, seed):  # type: ignore[no-untyped-def]
    """A seeded 64-bit hash of `length` bytes, never 0."""
    if length <= 32:
        h = hash32(address, length, seed)
    else:
        h = seed
        while length > 32:
            h = hash32(address, np.int64(32), h)
            address += 32
            length -= 32
        h = hash32(address, length, h)
    return h | U(1)


@inner
def _same_name(slot, address, length, arena):  # type: ignore[no-untyped-def]
    """Whether the name in a slot, its length known to agree, is the one at an address."""
    if length <= 32:
        return masked_equal32(slot + 16, address, length)
    if not masked_equal32(slot + 16, address, np.int64(32)):
        return False
    if length <= INLINE_BYTES:
        return masked_equal32(slot + 48, address + 32, length - 32)
    stored = arena + np.int64(load64(slot + 56))
    i = np.int64(32)
    while i < length:
        step = min(np.int64(32), length - i)
        if not masked_equal32(stored + i, address + i, step):
            return False
        i += step
    return True


@outer
def _copy(target, source, length):  # type: ignore[no-untyped-def]
    i = np.int64(0)
    while i + 8 <= length:
        store64(target + i, load64(source + i))
        i += 8
    while i < length:
        # whole words would run over what lies behind
        word = load64(target + i)
        store64(target + i, (word & ~U(255)) | U(load8(source + i)))
        i += 1


@outer
def _add_name(slot, arena, state, address, length, h):  # type: ignore[no-untyped-def]
    """Put a new name into its slot and the arena; its number."""
    number = get(state, NAMES_USED)
    put(state, NAMES_USED, number + 1)
    store64(slot, h)
    store32(slot + 8, number)
    store32(slot + 12, length)
    # Names longer than 48 bytes keep 40 inline and, in the last 8, where in the arena the whole name lies.
    inline = min(length, np.int64(INLINE_BYTES if length <= INLINE_BYTES else INLINE_BYTES - 8))
    _copy(slot + 16, address, inline)
    start = get(state, ARENA_USED)
    _copy(arena + start, address, length)
    put(state, ARENA_USED, start + length)
    if length > INLINE_BYTES:
        store64(slot + 56, U(start))
    return number


@inner
def find_name(table, mask, arena, state, address, length, h):  # type: ignore[no-untyped-def]
    """The number of a name, new or known. The caller has made room for a new one in the table and in the arena.

    `table`, `arena`, `address`: addresses; `mask`: slots - 1, uint64; `state`: int64 array, counts NAMES_USED,
    ARENA_USED.
    """
    place = (h >> U(20)) & mask
    while True:
        slot = table + np.int64(place) * SLOT_BYTES
        found = load64(slot)
        if found == h and np.int64(load32(slot + 12)) == length and _same_name(slot, address, length, arena):
            return np.int64(load32(slot + 8))
        if found == U(0):
            break
        place = (place + U(1)) & mask
    return _add_name(slot, arena, state, address, length, h)


@inner
def hash_group(row, seed):  # type: ignore[no-untyped-def]
    """Of the key of a group or a line, the resource's number left out."""
    minute = U(get(row, G_MINUTE)) & U(0xFFFFFFFF)
    return mix(U(get(row, G_HASH)) + minute * U(0xD6E8FEB86659FD93), U(get(row, G_EXTRA)) ^ seed | U(1))


@inner
def index_place(h, slots):  # type: ignore[no-untyped-def]
    """Where in an index of 2^k slots a hash's entry belongs: its upper bits say."""
    return ((h >> U(32)) * U(slots)) >> U(32)


@inner
def find_entry(index, slots, h):  # type: ignore[no-untyped-def]
    """The address of the first entry with a hash's upper 32 bits, or of the free slot behind it."""
    place = index_place(h, slots)
    tag = h >> U(32)
    while True:
        slot = index + np.int64(place << U(3))
        entry = load64(slot)
        if entry >> U(32) == tag or entry == U(0):
            return slot
        place = (place + U(1)) & U(slots - 1)


@outer
def find_group(index, slots, groups, row):  # type: ignore[no-untyped-def]
    """The address of a line's group, by comparing whole keys; or, negative, that of the free slot of the index for
    it."""
    h = U(get(row, B_HASH))
    place = index_place(h, slots)
    while True:
        slot = index + np.int64(place << U(3))
        entry = load64(slot)
        if entry == U(0):
            return -slot
        if entry >> U(32) == h >> U(32):
            group = groups + np.int64((entry & U(0xFFFFFFFF)) - U(1)) * SLOT_BYTES
            if same_group(group, row):
                return group
        place = (place + U(1)) & U(slots - 1)


def _grow_names(old, new):  # type: ignore[no-untyped-def]
    """Move every slot of `old` to its place in the larger, empty `new`; both uint64[slots, 8], slots a power of two."""
    mask = U(new.shape[0] - 1)
    for i in range(old.shape[0]):
        h = old[i, 0]
        if h != U(0):
            place = (h >> U(20)) & mask
            while new[place, 0] != U(0):
                place = (place + U(1)) & mask
            for j in range(8):
                new[place, j] = old[i, j]


def _grow_index(old, new):  # type: ignore[no-untyped-def]
    """Move every entry of `old` to its place in the larger, empty `new`; both uint64[slots]."""
    slots = new.shape[0]
    for i in range(old.shape[0]):
        entry = old[i]
        if entry != U(0):
            place = index_place(entry, slots)
            while new[place] != U(0):
                place = (place + U(1)) & U(slots - 1)
            new[place] = entry


def _list_names(table, lengths):  # type: ignore[no-untyped-def]
    """Lengths of all names by number; they lie in the arena in that order. table: uint64[slots, 8]; lengths:
    int64[names]."""
    for i in range(table.shape[0]):
        if table[i, 0] != U(0):
            lengths[np.int64(table[i, 1] & U(0xFFFFFFFF))] = np.int64(table[i, 1] >> U(32))


def _add_name_at(tables, state, address, length):  # type: ignore[no-untyped-def]
    """The number of a name, new or known; all int64. The name is padded, and there is room."""
    h = hash_name(address, length, U(get(state, SEED)))
    return find_name(
        get(tables, NAMES), U(get(tables, NAME_SLOTS) - 1), get(tables, ARENA), state, address, length, h
    )


def _adopt_names(tables, state, data, offsets, numbers, first):  # type: ignore[no-untyped-def]
    """Numbers of names that another table had, from the first-th on; how many are done when all are, or room ends.

    tables, state: addresses; data: uint8, padded; offsets: int64[names + 1]; numbers: uint32[names].
    """
    address = np.int64(data.ctypes.data)
    for i in range(first, numbers.shape[0]):
        length = offsets[i + 1] - offsets[i]
        full = get(state, NAMES_USED) * 8 + 8 > get(tables, NAME_SLOTS) * 5
        if full or get(state, ARENA_USED) + length > get(tables, ARENA_BYTES):
            return i
        h = hash_name(address + offsets[i], length, U(get(state, SEED)))
        mask = U(get(tables, NAME_SLOTS) - 1)
        numbers[i] = find_name(
            get(tables, NAMES), mask, get(tables, ARENA), state, address + offsets[i], length, h
        )
    return numbers.shape[0]


def _list_groups(table, minutes, names, extras, sums):  # type: ignore[no-untyped-def]
    """All groups as columns. table: uint64[groups, 8]; minutes, names: uint32[groups]; extras: uint64[groups]; sums:
    uint64[6, groups]."""
    low = U(0xFFFFFFFF)
    for i in range(table.shape[0]):
        minutes[i] = table[i, G_MINUTE] & low
        names[i] = table[i, G_MINUTE] >> U(32)
        extras[i] = table[i, G_EXTRA]
        sums[0, i] = table[i, G_REQUESTS] & low
        sums[1, i] = table[i, G_SENT]
        sums[2, i] = table[i, G_BODY]
        sums[3, i] = table[i, G_REQUESTS] >> U(32)
        sums[4, i] = table[i, G_ERRORS] & low
        sums[5, i] = table[i, G_ERRORS] >> U(32)


grow_names = jit(_grow_names)
grow_index = jit(_grow_index)
list_names = jit(_list_names)
add_name = jit(_add_name_at)
adopt_names = jit(_adopt_names)
list_groups = jit(_list_groups)
