"""From parsed lines to sums: groups are looked up a batch at a time, so that memory latency is hidden.

A line of the batch is LINE_WORDS int64, filled by the scanners and laid out like a group; kernels.layout tells what
is an address and what a size.
"""

from __future__ import annotations

import numpy as np

from kernels.layout import (
    ARENA_BYTES,
    ARENA_USED,
    B_GROUP,
    B_HASH,
    B_NAME,
    B_NAME_LENGTH,
    B_SEQ,
    BATCH,
    BYTES_FULL,
    CROWDED,
    DONE,
    DUPLICATES,
    EARLIEST,
    FLAGGED,
    G_BODY,
    G_HASH,
    G_MINUTE,
    G_SENT,
    GROUP_ROOM,
    GROUPS,
    GROUPS_USED,
    GROW_ARENA,
    GROW_GROUPS,
    GROW_INDEX,
    GROW_NAMES,
    GROW_SEEN,
    HOME_MINUTE,
    INDEX,
    INDEX_SLOTS,
    LATEST,
    LINE_BATCH,
    LINE_BYTES,
    LINES,
    MINUTE_BITS,
    NAME_LIMIT,
    NAME_SLOTS,
    NAMES_USED,
    PARSED,
    SEEN,
    SEEN_SLOTS,
    SEEN_USED,
    SEQ_BYTES,
    SEQ_COLUMN,
    SEQ_FIRST,
    SEQ_LINES,
    SEQ_PLACE,
    SKIP_COUNT,
    SKIPS,
    SLOT_BYTES,
    SPREAD_INDEX,
    TOTAL_BODY,
    TOTAL_SENT,
)
from kernels.options import inner, outer
from kernels.sequence import first_seen, in_skips
from kernels.simd import (
    add_sums,
    same_group,
)
from kernels.tables import (
    find_entry,
    find_group,
    find_name,
    group_at,
    hash_group,
    hash_name,
    index_bucket,
    make_entry,
    name_slot,
)
from kernels.words import (
    bump,
    copy64,
    get,
    load32,
    prefetch,
    put,
)

U = np.uint64
_FAR = 512
"""Bytes between an entry and its place that do not occur in a region of minutes less than three quarters full."""

_NEW_NAMES = 3 * BATCH  # a line may bring a new resource, edge and cache status


@inner
def room(tables, state):  # type: ignore[no-untyped-def]
    """DONE where the tables can take another whole batch, else what must grow first."""
    if (get(state, NAMES_USED) + _NEW_NAMES) * 8 > get(tables, NAME_SLOTS) * 5:
        return GROW_NAMES
    if get(state, ARENA_USED) + _NEW_NAMES * (NAME_LIMIT + 1) > get(tables, ARENA_BYTES):
        return GROW_ARENA
    if get(state, GROUPS_USED) + BATCH > get(tables, GROUP_ROOM):
        return GROW_GROUPS
    if (get(state, GROUPS_USED) + BATCH) * 8 > get(tables, INDEX_SLOTS) * 5:
        return GROW_INDEX
    if get(state, CROWDED) != 0:
        return SPREAD_INDEX
    if (get(state, SEEN_USED) + BATCH) * 2 > get(tables, SEEN_SLOTS):
        return GROW_SEEN
    return DONE


@inner
def left_out(spec, tables, line, offset):  # type: ignore[no-untyped-def]
    """Whether a line numbered by its place, `line` or `offset` in the content, lies in a range to skip."""
    mode = get(spec, SEQ_PLACE)
    if mode == SEQ_LINES:
        return in_skips(get(tables, SKIPS), get(tables, SKIP_COUNT), get(spec, SEQ_FIRST) + line)
    if mode == SEQ_BYTES:
        return in_skips(get(tables, SKIPS), get(tables, SKIP_COUNT), get(spec, SEQ_FIRST) + offset)
    return False


@inner
def admit(row, spec, state, tables, seconds, offset):  # type: ignore[no-untyped-def]
    """Take the line of the batch at `row`, or leave it out as a repetition; whether it was taken."""
    if get(spec, SEQ_COLUMN) != 0:
        number = get(row, B_SEQ)
        if number < 0 and get(tables, SKIP_COUNT) > 0 and left_out(spec, tables, get(state, LINES), offset):
            bump(state, DUPLICATES, 1)
            return False
        if number >= 0:
            skipped = get(tables, SKIP_COUNT) > 0 and in_skips(
                get(tables, SKIPS), get(tables, SKIP_COUNT), number
            )
            if skipped or not first_seen(get(tables, SEEN), get(tables, SEEN_SLOTS), state, number):
                bump(state, DUPLICATES, 1)
                return False
    minute = np.int64(U(seconds) // U(60))
    if minute < get(spec, EARLIEST) or minute > get(spec, LATEST):
        minute = get(spec, HOME_MINUTE)
        bump(state, FLAGGED, 1)
    put(row, G_MINUTE, minute)
    name = get(row, B_NAME)
    length = get(row, B_NAME_LENGTH)
    hash_name(name, length, state, row + 8 * G_HASH)
    h = hash_group(row, get(tables, MINUTE_BITS))
    put(row, B_HASH, np.int64(h))
    prefetch(get(tables, INDEX) + index_bucket(h, get(tables, INDEX_SLOTS)))
    return True


@inner
def _begin(slot, row, state, tables):  # type: ignore[no-untyped-def]
    """Make a line the first of its group, to which a free slot of the index will lead; where the group lies. Its
    resource has no number yet."""
    used = get(state, GROUPS_USED)
    group = get(tables, GROUPS) + used * SLOT_BYTES
    copy64(group, row)
    slots = get(tables, INDEX_SLOTS)
    home = index_bucket(U(get(row, B_HASH)), slots)
    if (slot - get(tables, INDEX) - home) & (4 * slots - 1) > _FAR and get(tables, MINUTE_BITS) != 0:
        put(state, CROWDED, 1)
    make_entry(slot, slots, U(get(row, B_HASH)), used)
    put(state, GROUPS_USED, used + 1)
    prefetch(name_slot(tables, U(get(row, G_HASH))))
    return group


@inner
def _name_group(group, row, state, tables):  # type: ignore[no-untyped-def]
    """Give a new group its resource's number."""
    number = find_name(tables, state, get(row, B_NAME), get(row, B_NAME_LENGTH), row + 8 * G_HASH)
    put(group, G_MINUTE, get(row, G_MINUTE) | number << 32)


@outer
def _add_exactly(row, state, tables):  # type: ignore[no-untyped-def]
    """Add a line whose hash bits led to another group than its own."""
    group = find_group(get(tables, INDEX), get(tables, INDEX_SLOTS), get(tables, GROUPS), row)
    if group < 0:
        _name_group(_begin(-group, row, state, tables), row, state, tables)
    else:
        add_sums(group, row)


@inner
def sum_up(count, state, tables):  # type: ignore[no-untyped-def]
    """Add the batch's first `count` lines to the sums of their groups, new ones with their resource's number."""
    index = get(tables, INDEX)
    slots = get(tables, INDEX_SLOTS)
    groups = get(tables, GROUPS)
    row = get(tables, LINE_BATCH)
    sent = np.int64(0)
    body = np.int64(0)
    for _ in range(count):
        slot = find_entry(index, slots, U(get(row, B_HASH)))
        entry = np.int64(load32(slot))
        sent += get(row, G_SENT)
        body += get(row, G_BODY)
        if entry == 0:
            put(row, B_GROUP, -_begin(slot, row, state, tables))
        else:
            group = group_at(groups, entry, slots)
            prefetch(group)
            put(row, B_GROUP, group)
        row += LINE_BYTES
    row = get(tables, LINE_BATCH)
    for _ in range(count):
        group = get(row, B_GROUP)
        if group < 0:
            _name_group(-group, row, state, tables)
        elif same_group(group, row):
            add_sums(group, row)
        else:
            _add_exactly(row, state, tables)
        row += LINE_BYTES
    bump(state, PARSED, count)
    put(state, TOTAL_SENT, min(get(state, TOTAL_SENT), BYTES_FULL) + sent)
    put(state, TOTAL_BODY, min(get(state, TOTAL_BODY), BYTES_FULL) + body)
