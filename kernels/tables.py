"""Hash tables: groups to sums, and names to numbers.

A group is one cache line: its key and its sums. Groups lie in the order in which they came, so that a log in the
order of time works on a few hundred kilobytes; a small index of hash bits leads to them. (Groups in the slots of
their hash table saved the index but met a new page at every line: 55 % of the time went into waiting for memory.) The
resource is in the key as a seeded 128-bit hash of its name, and only a new group asks for its number. Names are told
apart by that hash alone, as groups are: their bytes lie in an arena, in the order of their numbers.

The index is searched a cache line of sixteen entries at a time, by one comparison of vectors. (Entries of 64 bits that
were probed one after another met a second line for every eighth log line, and an index twice as large fell out of the
cache: lines in random order took 23 ms more than in order, of 145; now 11.) Names are probed linearly. Both are kept
at most 5/8 full by their owner, which grows them between batches.
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
    HASHED,
    N_HASH,
    N_HASH_2,
    N_NUMBER,
    NAME_BYTES,
    NAME_PLACES,
    NAME_SLOTS,
    NAMES,
    NAMES_USED,
    SEED,
    SEED_2,
    SLOT_BYTES,
)
from kernels.options import inner, outer
from kernels.simd import (
    entry_mask,
    hash32,
    same_group,
    trailing_zeros,
)
from kernels.words import (
    get,
    load8,
    load32,
    load64,
    put,
    store32,
    store64,
)

U = np.uint64


@inner
def hash_name(address, length, state, out):  # type: ignore[no-untyped-def]
    """Write at `out` the seeded 128-bit hash of `length` bytes, two words."""
    seed = U(get(state, SEED))
    seed_2 = U(get(state, SEED_2))
    while length > 32:
        hash32(address, np.int64(32), seed, seed_2, out)
        seed, seed_2 = load64(out), load64(out + 8)
        address += 32
        length -= 32
    hash32(address, length, seed, seed_2, out)


@inner
def index_place(h, slots):  # type: ignore[no-untyped-def]
    """Where in an index of 2^k slots a hash's entry belongs: its upper k bits say."""
    return h >> U(64 - trailing_zeros(U(slots)))


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
def _add_name(slot, tables, state, address, length, h, h2):  # type: ignore[no-untyped-def]
    """Keep a new name in a free slot; its number."""
    number = get(state, NAMES_USED)
    start = get(state, ARENA_USED)
    put(slot, N_HASH, np.int64(h))
    put(slot, N_HASH_2, np.int64(h2))
    put(slot, N_NUMBER, number + 1)
    put(get(tables, NAME_PLACES), number, start)
    _copy(get(tables, ARENA) + start, address, length)
    put(state, NAMES_USED, number + 1)
    put(state, ARENA_USED, start + length)
    return number


@inner
def name_slot(tables, h):  # type: ignore[no-untyped-def]
    """The address of the slot in which a name's hash is looked for first."""
    return get(tables, NAMES) + np.int64(index_place(h, get(tables, NAME_SLOTS))) * NAME_BYTES


@inner
def find_name(tables, state, address, length, hashed):  # type: ignore[no-untyped-def]
    """The number of a name, new or known, by the hash at `hashed`. The caller has made room for a new one."""
    h, h2 = load64(hashed), load64(hashed + 8)
    slot = name_slot(tables, h)
    end = get(tables, NAMES) + get(tables, NAME_SLOTS) * NAME_BYTES
    while True:
        number = get(slot, N_NUMBER)
        if number == 0:
            return _add_name(slot, tables, state, address, length, h, h2)
        if load64(slot) == h and load64(slot + 8) == h2:
            return number - 1
        slot += NAME_BYTES
        if slot == end:
            slot = get(tables, NAMES)


@inner
def hash_group(row, minute_bits):  # type: ignore[no-untyped-def]
    """Of the key of a line: the first word of its resource's hash, its minute and the rest spread over the upper bits
    by odd multipliers; above that some bits of the minute, so that a log in the order of time works on one region of
    the index (52 instead of 61 ns a line)."""
    minute = U(get(row, G_MINUTE)) & U(0xFFFFFFFF)
    rest = minute * U(0x9E3779B97F4A7C15) + U(get(row, G_EXTRA)) * U(0xD6E8FEB86659FD93)
    h = U(get(row, G_HASH)) + rest
    return h >> U(minute_bits) | minute << U(63 - minute_bits) << U(1)


@outer
def number_of(tables, state, address, length):  # type: ignore[no-untyped-def]
    """The number of a name, new or known, hashed here. The caller has made room for a new one."""
    hashed = state + 8 * HASHED
    hash_name(address, length, state, hashed)
    return find_name(tables, state, address, length, hashed)


@inner
def index_bucket(h, slots):  # type: ignore[no-untyped-def]
    """Where in an index of 2^k slots the cache line lies, of sixteen, in which a hash's entry is looked for first: its
    upper bits say. In bytes."""
    return np.int64(h >> U(68 - trailing_zeros(U(slots)))) << 6


@inner
def entry_tag(h, slots):  # type: ignore[no-untyped-def]
    """What of a hash an entry of an index of 2^k slots keeps above the k bits of its group's number."""
    return (h & U(0xFFFFFFFF)) >> U(trailing_zeros(U(slots)))


@inner
def find_entry(index, slots, h):  # type: ignore[no-untyped-def]
    """The address of the first entry with a hash's tag, or of the free slot behind it."""
    bucket = index_bucket(h, slots)
    low = trailing_zeros(U(slots))
    while True:
        found = entry_mask(index + bucket, low, entry_tag(h, slots))
        if found != U(0):
            return index + bucket + (trailing_zeros(found) << 2)
        bucket = (bucket + 64) & (4 * slots - 1)


@inner
def group_at(groups, entry, slots):  # type: ignore[no-untyped-def]
    """The address of the group that an entry leads to."""
    return groups + ((entry & (slots - 1)) - 1) * SLOT_BYTES


@outer
def find_group(index, slots, groups, row):  # type: ignore[no-untyped-def]
    """The address of a line's group, by comparing whole keys; or, negative, that of the free slot of the index for
    it."""
    h = U(get(row, B_HASH))
    bucket = index_bucket(h, slots)
    while True:
        found = entry_mask(index + bucket, trailing_zeros(U(slots)), entry_tag(h, slots))
        while found != U(0):
            slot = index + bucket + (trailing_zeros(found) << 2)
            entry = np.int64(load32(slot))
            if entry == 0:
                return -slot
            group = group_at(groups, entry, slots)
            if same_group(group, row):
                return group
            found &= found - U(1)
        bucket = (bucket + 64) & (4 * slots - 1)


@inner
def make_entry(slot, slots, h, number):  # type: ignore[no-untyped-def]
    """Fill the free slot of an index for a group."""
    store32(slot, np.int64(entry_tag(h, slots) << U(trailing_zeros(U(slots)))) | (number + 1))


def grow_names(old, old_slots, new, new_slots):  # type: ignore[no-untyped-def]
    """Move every slot of `old` to its place in the larger, empty `new`; addresses. How many names there are."""
    moved = np.int64(0)
    for i in range(old_slots):
        name = old + NAME_BYTES * i
        if get(name, N_NUMBER) != 0:
            place = np.int64(index_place(load64(name), new_slots))
            while get(new + NAME_BYTES * place, N_NUMBER) != 0:
                place = (place + 1) & (new_slots - 1)
            for word in range(3):
                put(new + NAME_BYTES * place, word, get(name, word))
            moved += 1
    return moved


def index_groups(groups, count, index, slots, minute_bits):  # type: ignore[no-untyped-def]
    """Make the empty index of all groups; addresses, `index` of uint32[slots]. How many."""
    for i in range(count):
        h = hash_group(groups + SLOT_BYTES * i, minute_bits)
        place = index_bucket(h, slots)
        while load32(index + place) != 0:
            place = (place + 4) & (4 * slots - 1)
        make_entry(index + place, slots, h, i)
    return count


def adopt_names(tables, state, data, offsets, numbers, first, count):  # type: ignore[no-untyped-def]
    """Numbers of names that another table had, from the first-th on; how many are done when all are, or room ends.

    Addresses: data: padded bytes; offsets: int64[count + 1]; numbers: uint32[count].
    """
    for i in range(first, count):
        address = data + get(offsets, i)
        length = get(offsets, i + 1) - get(offsets, i)
        if (get(state, NAMES_USED) + 1) * 8 > get(tables, NAME_SLOTS) * 5:
            return i
        if get(state, ARENA_USED) + length > get(tables, ARENA_BYTES):
            return i
        store32(numbers + 4 * i, number_of(tables, state, address, length))
    return count


def list_groups(groups, count, minutes, names, extras, sums, rows):  # type: ignore[no-untyped-def]
    """All groups as columns, in their order. Addresses: minutes, names: uint32[count]; extras: uint64[count]; sums: six
    times uint64[count], `rows` uint64 apart."""
    column = 8 * rows
    for i in range(count):
        group = groups + SLOT_BYTES * i
        store32(minutes + 4 * i, get(group, G_MINUTE))
        store32(names + 4 * i, get(group, G_MINUTE) >> 32)
        put(extras, i, get(group, G_EXTRA))
        sum_at = sums + 8 * i
        store64(sum_at, load32(group + 8 * G_REQUESTS))
        store64(sum_at + column, load64(group + 8 * G_SENT))
        store64(sum_at + 2 * column, load64(group + 8 * G_BODY))
        store64(sum_at + 3 * column, load32(group + 8 * G_REQUESTS + 4))
        store64(sum_at + 4 * column, load32(group + 8 * G_ERRORS))
        store64(sum_at + 5 * column, load32(group + 8 * G_ERRORS + 4))
    return count
