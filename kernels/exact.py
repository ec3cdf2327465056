"""One line of a delimited format, read byte by byte: exact, and what the quick path falls back on."""

from __future__ import annotations

import numpy as np

from kernels.layout import (
    ARENA,
    B_NAME,
    B_NAME_LENGTH,
    B_SEQ,
    BAD_BYTES,
    BAD_COLUMNS,
    BAD_EDGE,
    BAD_PREFIX,
    BAD_QUOTE,
    BAD_RESOURCE,
    BAD_SEQ,
    BAD_STATUS,
    BAD_TIME,
    BODY_BYTES,
    BY_CACHE,
    BY_EDGE,
    BY_STATUS,
    BYTES_SENT,
    CACHE,
    CACHE_LIMIT,
    CACHE_NAMES,
    COLUMN_ROOM,
    COLUMNS,
    EDGE,
    G_BODY,
    G_ERRORS,
    G_EXTRA,
    G_REQUESTS,
    G_SENT,
    GOOD,
    LITERALS,
    MEMO_CACHE,
    MIN_COLUMNS,
    NAME_LIMIT,
    NAME_SLOTS,
    NAMES,
    NEEDED_COLUMNS,
    PREFIX_LENGTH,
    QUOTES,
    RESOURCE,
    SEED,
    SEPARATOR,
    SEQ,
    STATUS,
    TIME,
    TIME_OF_DAY,
    TIME_TYPE,
    TIME_UNIT,
    UNKNOWN,
    UNREADABLE,
    URL_HOST,
    ZONE_SECONDS,
)
from kernels.options import inner, outer
from kernels.simd import get, load8, load64, put
from kernels.tables import find_name, hash_name
from kernels.values import exact_integer, exact_time

U = np.uint64
_ALL = U(0xFFFFFFFFFFFFFFFF)
PREFIX_AT = 64
"""Where the prefix lies among the literals; `-` lies at 0."""


@outer
def after_prefix(s, e, literals, length):  # type: ignore[no-untyped-def]
    """Where the line goes on behind the first occurrence of the prefix, or -1."""
    while s + length <= e:
        i = 0
        while i < length and load8(s + i) == load8(literals + PREFIX_AT + i):
            i += 1
        if i == length:
            return s + length
        s += 1
    return np.int64(-1)


@outer
def _split(s, e, spec, columns, room):  # type: ignore[no-untyped-def]
    """Cut a line into columns, begin and end each; how many there are in all, or -1 where a quote stays open."""
    separator = get(spec, SEPARATOR)
    quotes = get(spec, QUOTES) != 0
    n = 0
    start = s
    inside = False
    escapes = 0
    p = s
    while p < e:
        c = load8(p)
        if quotes and c == 34 and escapes & 1 == 0:
            inside = not inside
        elif c == separator and not inside:
            if n < room:
                put(columns, 2 * n, start)
                put(columns, 2 * n + 1, p)
            n += 1
            start = p + 1
        escapes = escapes + 1 if c == 92 else 0
        p += 1
    if inside:
        return -1
    if n < room:
        put(columns, 2 * n, start)
        put(columns, 2 * n + 1, e)
    return n + 1


@outer
def _unquote(columns, column, quotes):  # type: ignore[no-untyped-def]
    """Begin and end of a column without its quotes."""
    a = get(columns, 2 * column)
    b = get(columns, 2 * column + 1)
    if quotes and b - a >= 2 and load8(a) == 34 and load8(b - 1) == 34:
        return a + 1, b - 1
    return a, b


@outer
def exact_line(s, e, spec, state, tables, row):  # type: ignore[no-untyped-def]
    """Fill a row of the batch from the line [s, e); its epoch seconds, or minus the reason why it is malformed."""
    columns = get(tables, COLUMNS)
    if get(spec, PREFIX_LENGTH) > 0:
        s = after_prefix(s, e, get(tables, LITERALS), get(spec, PREFIX_LENGTH))
        if s < 0:
            return np.int64(-BAD_PREFIX)
    quotes = get(spec, QUOTES) != 0
    found = _split(s, e, spec, columns, get(tables, COLUMN_ROOM))
    if found < 0:
        return np.int64(-BAD_QUOTE)
    if found < get(spec, MIN_COLUMNS):
        return np.int64(-BAD_COLUMNS)
    for column in range(found, get(spec, NEEDED_COLUMNS)):
        # Optional columns that a short line lacks are empty.
        put(columns, 2 * column, e)
        put(columns, 2 * column + 1, e)
    a, b = _unquote(columns, get(spec, TIME), quotes)
    c, d = a, b
    if get(spec, TIME_OF_DAY) >= 0:
        c, d = _unquote(columns, get(spec, TIME_OF_DAY), quotes)
    seconds = exact_time(
        get(spec, TIME_TYPE),
        a,
        b,
        c,
        d,
        e,
        get(spec, TIME_UNIT),
        get(spec, ZONE_SECONDS),
        get(spec, SEPARATOR),
        False,
    )
    if seconds < 0:
        return np.int64(-BAD_TIME)
    status = np.int64(0)
    if get(spec, STATUS) >= 0:
        a, b = _unquote(columns, get(spec, STATUS), quotes)
        status = exact_status(a, b)
    sent = np.int64(0)
    if get(spec, BYTES_SENT) >= 0:
        a, b = _unquote(columns, get(spec, BYTES_SENT), quotes)
        sent = exact_integer(a, b)
    body = np.int64(0)
    if get(spec, BODY_BYTES) >= 0:
        a, b = _unquote(columns, get(spec, BODY_BYTES), quotes)
        body = exact_integer(a, b)
    number = np.int64(0)
    if get(spec, SEQ) >= 0:
        a, b = _unquote(columns, get(spec, SEQ), quotes)
        number = exact_integer(a, b)
    a, b = np.int64(0), np.int64(0)
    if get(spec, RESOURCE) >= 0:
        a, b = _unquote(columns, get(spec, RESOURCE), quotes)
    c, d = np.int64(0), np.int64(0)
    if get(spec, EDGE) >= 0:
        c, d = _unquote(columns, get(spec, EDGE), quotes)
    f, g = np.int64(0), np.int64(0)
    if get(spec, CACHE) >= 0:
        f, g = _unquote(columns, get(spec, CACHE), quotes)
    reason = fill(row, spec, state, tables, status, sent, body, number, a, b, c, d, f, g)
    return seconds if reason == GOOD else np.int64(-reason)


@outer
def exact_status(a, b):  # type: ignore[no-untyped-def]
    """As exact_integer; HAProxy's `-1` for no answer is UNKNOWN too."""
    if b - a == 2 and load8(a) == 45 and load8(a + 1) == 49:
        return np.int64(UNKNOWN)
    return exact_integer(a, b)


@outer
def host_of_url(a, b):  # type: ignore[no-untyped-def]
    """The host part of a URL, the whole value where it is none."""
    p = a
    while p + 2 < b and not (load8(p) == 58 and load8(p + 1) == 47 and load8(p + 2) == 47):
        p += 1
    if p + 2 >= b:
        return a, b
    a = p + 3
    p = a
    while p < b and load8(p) != 47 and load8(p) != 63 and load8(p) != 35:
        p += 1
    return a, p


@outer
def number_of(state, tables, address, length):  # type: ignore[no-untyped-def]
    """The number of an edge's or a cache status's name."""
    h = hash_name(address, length, U(get(state, SEED)))
    mask = U(get(tables, NAME_SLOTS) - 1)
    return find_name(get(tables, NAMES), mask, get(tables, ARENA), state, address, length, h)


@inner
def _cache_number(state, tables, address, length):  # type: ignore[no-untyped-def]
    """The number of a cache status; short ones are remembered by their bytes."""
    if length > 8:
        return number_of(state, tables, address, min(length, np.int64(CACHE_LIMIT)))
    word = np.int64(load64(address) & (_ALL >> U(64 - 8 * length)))
    memo = MEMO_CACHE + 2 * np.int64(U(word) * U(0x9E3779B97F4A7C15) >> U(61))
    found = get(state, memo + 1)
    if get(state, memo) == word and found & 15 == length:
        return found >> 4
    number = number_of(state, tables, address, length)
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
    if get(spec, URL_HOST) != 0 and b > a:
        a, b = host_of_url(a, b)
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
        extra |= number_of(state, tables, c, d - c) << 32
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
        extra |= number_of(state, tables, dash, np.int64(1))
    put(row, G_EXTRA, extra)
    put(row, G_REQUESTS, 1 | hit << 32)
    put(row, G_ERRORS, (1 if place == 4 else 0) | (1 << 32 if place == 5 else 0))
    put(row, G_SENT, max(sent, np.int64(0)))
    put(row, G_BODY, max(body, np.int64(0)))
    put(row, B_SEQ, number if number != UNKNOWN else np.int64(-1))
    put(row, B_NAME, a)
    put(row, B_NAME_LENGTH, b - a)
    return GOOD
