"""Which sequence numbers of a segment were seen: a run that grows, and a hash set for what comes out of order.

A log in order, the usual case, costs a comparison a line; a shuffled one costs a lookup. The set is
uint64[slots], a number stored as itself + 1, 0 free, at most half full (its owner grows it).
"""

from __future__ import annotations

import numpy as np

from kernels.layout import RUN_FIRST, RUN_NEXT, SEEN_USED, SEQ_MAX, SEQ_MIN
from kernels.options import inner
from kernels.words import (
    bump,
    get,
    load64,
    put,
    store64,
)

U = np.uint64


@inner
def first_seen(seen, slots, state, number):  # type: ignore[no-untyped-def]
    """Note a number; whether it is new."""
    if number < get(state, SEQ_MIN):
        put(state, SEQ_MIN, number)
    if number > get(state, SEQ_MAX):
        put(state, SEQ_MAX, number)
    if get(state, RUN_FIRST) <= number < get(state, RUN_NEXT):
        return False
    if get(state, SEEN_USED) == 0:
        if get(state, RUN_NEXT) == -1:
            put(state, RUN_FIRST, number)
            put(state, RUN_NEXT, number + 1)
            return True
        if number == get(state, RUN_NEXT):
            put(state, RUN_NEXT, number + 1)
            return True
    mask = U(slots - 1)
    stored = U(number) + U(1)
    place = (stored * U(0x9E3779B97F4A7C15) >> U(20)) & mask
    while True:
        found = load64(seen + np.int64(place << U(3)))
        if found == stored:
            return False
        if found == U(0):
            break
        place = (place + U(1)) & mask
    if number == get(state, RUN_NEXT):
        put(state, RUN_NEXT, number + 1)
        return True
    store64(seen + np.int64(place << U(3)), stored)
    bump(state, SEEN_USED, 1)
    return True


@inner
def in_skips(skips, count, number):  # type: ignore[no-untyped-def]
    """Whether a number lies in one of `count` ranges [first, next), pairs of int64 at an address."""
    for i in range(count):
        if get(skips, 2 * i) <= number < get(skips, 2 * i + 1):
            return True
    return False


def grow_seen(old, old_slots, new, new_slots):  # type: ignore[no-untyped-def]
    """Move a set into a larger, empty one; addresses of uint64[slots]. How many numbers it holds."""
    mask = U(new_slots - 1)
    moved = np.int64(0)
    for i in range(old_slots):
        stored = load64(old + 8 * i)
        if stored != U(0):
            place = (stored * U(0x9E3779B97F4A7C15) >> U(20)) & mask
            while load64(new + np.int64(place << U(3))) != U(0):
                place = (place + U(1)) & mask
            store64(new + np.int64(place << U(3)), stored)
            moved += 1
    return moved
