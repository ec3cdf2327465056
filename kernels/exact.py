"""One line of a delimited format, read byte by byte: exact, and what the quick path falls back on."""

from __future__ import annotations

import numpy as np

from kernels.fill import fill
from kernels.layout import (
    BAD_COLUMNS,
    BAD_PREFIX,
    BAD_QUOTE,
    BAD_TIME,
    BODY_BYTES,
    BYTES_SENT,
    CACHE,
    COLUMN_ROOM,
    COLUMNS,
    EDGE,
    GOOD,
    LITERALS,
    MIN_COLUMNS,
    NEEDED_COLUMNS,
    PREFIX_LENGTH,
    QUOTES,
    RESOURCE,
    SEPARATOR,
    SEQ,
    STATUS,
    TIME,
    TIME_OF_DAY,
    TIME_TYPE,
    TIME_UNIT,
    UNKNOWN,
    URL_HOST,
    ZONE_SECONDS,
)
from kernels.options import outer
from kernels.values import exact_bytes, exact_integer, exact_time
from kernels.words import (
    get,
    load8,
    put,
)

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
        sent = exact_bytes(a, b)
    body = np.int64(0)
    if get(spec, BODY_BYTES) >= 0:
        a, b = _unquote(columns, get(spec, BODY_BYTES), quotes)
        body = exact_bytes(a, b)
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
    if get(spec, URL_HOST) != 0 and b > a:
        a, b = host_of_url(a, b)
    reason = fill(row, spec, state, tables, status, sent, body, number, a, b, c, d, f, g)
    return seconds if reason == GOOD else np.int64(-reason)
