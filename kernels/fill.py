"""What every reader does with a line's values: check them, and put them into a row of the batch."""

from __future__ import annotations

import numpy as np

from kernels.layout import (
    B_NAME,
    B_NAME_LENGTH,
    B_SEQ,
    BAD_BYTES,
    BAD_EDGE,
    BAD_RESOURCE,
    BAD_SEQ,
    BAD_STATUS,
    BY_CACHE,
    BY_EDGE,
    BY_STATUS,
    CACHE,
    CACHE_LIMIT,
    CACHE_NAMES,
    G_BODY,
    G_ERRORS,
    G_EXTRA,
    G_REQUESTS,
    G_SENT,
    GOOD,
    LITERALS,
    MEMO_CACHE,
    NAME_LIMIT,
    UNKNOWN,
    UNREADABLE,
)
from kernels.options import inner
from kernels.tables import number_of
from kernels.words import (
    get,
    load64,
    put,
)

U = np.uint64
_ALL = U(0xFFFFFFFFFFFFFFFF)


@inner
def _cache_number(state, tables, address, length):  # type: ignore[no-untyped-def]
    """The number of a cache status; short ones are remembered by their bytes."""
    if length > 8:
        return number_of(tables, state, address, min(length, np.int64(CACHE_LIMIT)))
    word = np.int64(load64(address) & (_ALL >> U(64 - 8 * length)))
    memo = MEMO_CACHE + 2 * np.int64(U(word) * U(0x9E3779B97F4A7C15) >> U(58))
    found = get(state, memo + 1)
    if get(state, memo) == word and found & 15 == length:
        return found >> 4
    number = number_of(tables, state, address, length)
    put(state, memo, word)
    put(state, memo + 1, number << 4 | length)
    return number


@inner
def fill(row, spec, state, tables, status, sent, body, number, a, b, c, d, f, g):  # type: ignore[no-untyped-def]
    """Check a line's values in the order in which faults are named, and put them into a row of the batch.

    status, sent, body, number: as integers, UNKNOWN or UNREADABLE; [a, b) the resource, [c, d) the edge, [f, g) the
    cache status, empty where missing.
    """
    if status == UNREADABLE or status > 999:
        return BAD_STATUS
    if sent == UNREADABLE or body == UNREADABLE:
        return BAD_BYTES
    if number == UNREADABLE:
        return BAD_SEQ
    if b - a > NAME_LIMIT:
        return BAD_RESOURCE
    if d - c > NAME_LIMIT:
        return BAD_EDGE
    dash = get(tables, LITERALS)
    if b == a:
        a, b = dash, dash + 1
    place = status // 100 if status >= 100 else np.int64(0)
    extra = np.int64(0)
    if get(spec, BY_EDGE) != 0:
        if d == c:
            c, d = dash, dash + 1
        extra |= number_of(tables, state, c, d - c) << 32
    if get(spec, BY_STATUS) != 0:
        extra |= place << 28
    hit = np.int64(0)
    if get(spec, CACHE) >= 0:
        if g == f:
            f, g = dash, dash + 1
        cache = _cache_number(state, tables, f, g - f)
        hit = np.int64(1 if cache < get(state, CACHE_NAMES) else 0)
        if get(spec, BY_CACHE) != 0:
            extra |= cache
    elif get(spec, BY_CACHE) != 0:
        extra |= number_of(tables, state, dash, np.int64(1))
    put(row, G_EXTRA, extra)
    put(row, G_REQUESTS, 1 | hit << 32)
    put(row, G_ERRORS, (1 if place == 4 else 0) | (1 << 32 if place == 5 else 0))
    put(row, G_SENT, max(sent, np.int64(0)))
    put(row, G_BODY, max(body, np.int64(0)))
    put(row, B_SEQ, number if number != UNKNOWN else np.int64(-1))
    put(row, B_NAME, a)
    put(row, B_NAME_LENGTH, b - a)
    return GOOD
