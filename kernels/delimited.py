"""Delimited and quoted log lines into sums, in one pass over raw bytes.

Comparisons of 64 bytes give bit masks of separators (outside quotes), the masks give the places of columns, and only
columns that have a role are read. Whatever is unusual goes to exact_line, so a line is right or malformed by one rule
only.
"""

from __future__ import annotations

import numpy as np

from kernels.fill import fill
from kernels.layout import (
    BODY_BYTES,
    BYTES_SENT,
    CACHE,
    EDGE,
    GOOD,
    MIN_COLUMNS,
    NEEDED_COLUMNS,
    QUOTES,
    RESOURCE,
    SEQ,
    STATUS,
    TIME,
    TIME_OF_DAY,
    UNREADABLE,
)
from kernels.options import inner
from kernels.outline import outline_columns
from kernels.quick_time import quick_time
from kernels.scan import scan_lines
from kernels.values import exact_bytes, exact_integer, quick_integer, three_digits
from kernels.words import get, load8, load16

_NO = np.int64(UNREADABLE)


@inner
def _column(base, line, column, quotes):  # type: ignore[no-untyped-def]
    """Begin and end of a column without its quotes."""
    at = line + 2 * column
    a = base + load16(at) + 1
    b = base + load16(at + 2)
    if quotes and b - a >= 2 and load8(a) == 34 and load8(b - 1) == 34:
        return a + 1, b - 1
    return a, b


@inner
def _quick_number(base, line, column, quotes):  # type: ignore[no-untyped-def]
    a, b = _column(base, line, column, quotes)
    value = quick_integer(a, b)
    return value if value >= 0 else exact_integer(a, b)


@inner
def _quick_bytes(base, line, column, quotes):  # type: ignore[no-untyped-def]
    a, b = _column(base, line, column, quotes)
    value = quick_integer(a, b)
    return value if value >= 0 else exact_bytes(a, b)


@inner
def quick_line(base, line, found, plain, spec, state, tables, row):  # type: ignore[no-untyped-def]
    """Fill a row of the batch from a line of the outline; its epoch seconds, or -1 for one that wants the exact reader.

    `line`: address of the place before its first; `found`: how many it has, its end's the last.
    """
    if found < get(spec, MIN_COLUMNS) or found < get(spec, NEEDED_COLUMNS):
        return _NO
    e = base + load16(line + 2 * found)
    quotes = get(spec, QUOTES) != 0
    a, b = _column(base, line, get(spec, TIME), quotes)
    c, d = a, b
    if get(spec, TIME_OF_DAY) >= 0:
        c, d = _column(base, line, get(spec, TIME_OF_DAY), quotes)
    seconds = quick_time(spec, state, a, b, c, d, e)
    if seconds < 0:
        return _NO
    status = np.int64(0)
    if get(spec, STATUS) >= 0:
        a, b = _column(base, line, get(spec, STATUS), quotes)
        status = three_digits(a) if b - a == 3 else np.int64(UNREADABLE)
        if status < 0:
            return _NO
    sent = np.int64(0)
    if get(spec, BYTES_SENT) >= 0:
        sent = _quick_bytes(base, line, get(spec, BYTES_SENT), quotes)
    body = np.int64(0)
    if get(spec, BODY_BYTES) >= 0:
        body = _quick_bytes(base, line, get(spec, BODY_BYTES), quotes)
    number = np.int64(0)
    if get(spec, SEQ) >= 0:
        number = _quick_number(base, line, get(spec, SEQ), quotes)
    a, b = np.int64(0), np.int64(0)
    if get(spec, RESOURCE) >= 0:
        a, b = _column(base, line, get(spec, RESOURCE), quotes)
    c, d = np.int64(0), np.int64(0)
    if get(spec, EDGE) >= 0:
        c, d = _column(base, line, get(spec, EDGE), quotes)
    f, g = np.int64(0), np.int64(0)
    if get(spec, CACHE) >= 0:
        f, g = _column(base, line, get(spec, CACHE), quotes)
    if fill(row, spec, state, tables, status, sent, body, number, a, b, c, d, f, g) != GOOD:
        return _NO
    return seconds


def scan_delimited(address, begin, end, spec, state, tables):  # type: ignore[no-untyped-def]
    """Sum the lines in [begin, end) of the block at an address; DONE, or what the caller must do before going on.

    All arguments are int64; `spec`, `state` and `tables` are addresses of what kernels.layout describes. The block
    has PAD bytes around [begin, end). state[CONSUMED] tells how far it came; a line without its newline is left.
    """
    return scan_lines(outline_columns, quick_line, address, begin, end, spec, state, tables)
