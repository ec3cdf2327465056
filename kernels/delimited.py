"""Delimited and quoted log lines into sums, in one pass over raw bytes.

Comparisons of 64 bytes give bit masks of separators (outside quotes), the masks give the places of columns, and only
columns that have a role are read. Whatever is unusual goes to exact_line, so a line is right or malformed by one rule
only.
"""

from __future__ import annotations

import numpy as np

from kernels.batch import admit, room, sum_up
from kernels.fill import fill
from kernels.layout import (
    BATCH,
    BODY_BYTES,
    BYTES_SENT,
    CACHE,
    CONSUMED,
    DIRECTIVE_LINE,
    DONE,
    EDGE,
    EXACT,
    FIRST_OFFSET,
    GO_ON,
    GOOD,
    LINE_BATCH,
    LINE_BYTES,
    LINES,
    MIN_COLUMNS,
    NEED_EXACT,
    NEEDED_COLUMNS,
    PLACES,
    QUOTES,
    RESOURCE,
    SEPARATOR,
    SEQ,
    SLOW_LINES,
    STATUS,
    TIME,
    TIME_OF_DAY,
    UNREADABLE,
)
from kernels.lines import LONGEST, NEWLINE, begins_plainly, line_end, note_bad, reads_quickly, set_apart, trim
from kernels.options import inner
from kernels.quick_time import quick_time
from kernels.simd import (
    equal_mask,
    popcount,
    prefix_xor,
    store_places,
    trailing_zeros,
)
from kernels.values import exact_integer, quick_integer, three_digits
from kernels.words import (
    bump,
    call_address,
    get,
    load8,
    load16,
    put,
    store16,
)

U = np.uint64
_ALL = U(0xFFFFFFFFFFFFFFFF)
_NO = np.int64(UNREADABLE)


@inner
def find_columns(s, stop, spec, places):  # type: ignore[no-untyped-def]
    """Write where columns begin, after the first; how many separators were found, and the newline's address.

    Separators are -1 for a line with escaped or open quotes; the newline is -1 where there is none in [s, stop), or
    none within LONGEST. `places`: address of uint16; the first stays 0. Without quotes, places are written up to the
    last column asked for.
    """
    separator = get(spec, SEPARATOR)
    need = max(get(spec, MIN_COLUMNS) - 1, get(spec, NEEDED_COLUMNS))
    found = np.int64(0)
    p = s
    nothing = np.int64(-1)
    if get(spec, QUOTES) == 0:
        while True:
            newline = equal_mask(p, NEWLINE)
            if found < need:
                mask = equal_mask(p, separator)
                mask &= newline ^ (newline - U(1))
                store_places(places + 2 + 2 * found, mask, p - s + 1)
                found += popcount(mask)
            if newline != U(0):
                break
            p += 64
            if p >= stop or p - s > LONGEST:
                return found, nothing
        p += trailing_zeros(newline)
        return found, p if p < stop else nothing
    wanted = get(spec, NEEDED_COLUMNS)
    inside = U(0)
    escaped = U(0)
    odd = U(0)
    while True:
        newline = equal_mask(p, NEWLINE)
        line = newline ^ (newline - U(1))
        quotes = equal_mask(p, 34) & line
        slashes = equal_mask(p, 92)
        odd |= quotes & (slashes << U(1) | escaped)
        escaped = slashes >> U(63)
        within = prefix_xor(quotes) ^ inside
        inside = U(np.int64(within) >> 63)
        mask = equal_mask(p, separator) & ~within & line
        if found < wanted:
            store_places(places + 2 + 2 * found, mask, p - s + 1)
        found += popcount(mask)
        if newline != U(0):
            break
        p += 64
        if p >= stop or p - s > LONGEST:
            return found, nothing
    p += trailing_zeros(newline)
    if p >= stop:
        return found, nothing
    return (nothing, p) if odd != U(0) or inside != U(0) else (found, p)


@inner
def _column(s, places, column, quotes):  # type: ignore[no-untyped-def]
    """Begin and end of a column without its quotes."""
    at = places + 2 * column
    a = s + load16(at)
    b = s + load16(at + 2) - 1
    if quotes and b - a >= 2 and load8(a) == 34 and load8(b - 1) == 34:
        return a + 1, b - 1
    return a, b


@inner
def _quick_number(s, places, column, quotes):  # type: ignore[no-untyped-def]
    a, b = _column(s, places, column, quotes)
    value = quick_integer(a, b)
    return value if value >= 0 else exact_integer(a, b)


@inner
def quick_line(s, stop, spec, state, tables, row):  # type: ignore[no-untyped-def]
    """Fill a row of the batch from the line at s; its epoch seconds, or -1 for a line that wants the exact reader; and
    the newline's address, -1 where it was not found."""
    places = get(tables, PLACES)
    found, newline = find_columns(s, stop, spec, places)
    if newline < 0 or found < get(spec, MIN_COLUMNS) - 1:
        return _NO, newline
    e = newline - 1 if load8(newline - 1) == 13 else newline
    if found < get(spec, NEEDED_COLUMNS):
        store16(places + 2 * found + 2, e - s + 1)
        if found < get(spec, NEEDED_COLUMNS) - 1:
            return _NO, newline
    quotes = get(spec, QUOTES) != 0
    a, b = _column(s, places, get(spec, TIME), quotes)
    c, d = a, b
    if get(spec, TIME_OF_DAY) >= 0:
        c, d = _column(s, places, get(spec, TIME_OF_DAY), quotes)
    seconds = quick_time(spec, state, a, b, c, d, e)
    if seconds < 0:
        return _NO, newline
    status = np.int64(0)
    if get(spec, STATUS) >= 0:
        a, b = _column(s, places, get(spec, STATUS), quotes)
        status = three_digits(a) if b - a == 3 else np.int64(UNREADABLE)
        if status < 0:
            return _NO, newline
    sent = np.int64(0)
    if get(spec, BYTES_SENT) >= 0:
        sent = _quick_number(s, places, get(spec, BYTES_SENT), quotes)
    body = np.int64(0)
    if get(spec, BODY_BYTES) >= 0:
        body = _quick_number(s, places, get(spec, BODY_BYTES), quotes)
    number = np.int64(0)
    if get(spec, SEQ) >= 0:
        number = _quick_number(s, places, get(spec, SEQ), quotes)
    a, b = np.int64(0), np.int64(0)
    if get(spec, RESOURCE) >= 0:
        a, b = _column(s, places, get(spec, RESOURCE), quotes)
    c, d = np.int64(0), np.int64(0)
    if get(spec, EDGE) >= 0:
        c, d = _column(s, places, get(spec, EDGE), quotes)
    f, g = np.int64(0), np.int64(0)
    if get(spec, CACHE) >= 0:
        f, g = _column(s, places, get(spec, CACHE), quotes)
    if fill(row, spec, state, tables, status, sent, body, number, a, b, c, d, f, g) != GOOD:
        return _NO, newline
    return seconds, newline


def scan_delimited(address, begin, end, spec, state, tables):  # type: ignore[no-untyped-def]
    """Sum the lines in [begin, end) of the block at an address; DONE, or what the caller must do before going on.

    All arguments are int64; `spec`, `state` and `tables` are addresses of what kernels.layout describes. The block
    has PAD bytes around [begin, end). state[CONSUMED] tells how far it came; a line without its newline is left.
    """
    batch = get(tables, LINE_BATCH)
    quickly = reads_quickly(spec, tables)
    stop = address + end
    s = address + begin
    store16(get(tables, PLACES), 0)
    while True:
        answer = room(tables, state)
        row = batch
        count = np.int64(0)
        while answer == DONE and count < BATCH:
            offset = get(spec, FIRST_OFFSET) + s - address
            seconds = np.int64(UNREADABLE)
            newline = np.int64(-1)
            if quickly and s < stop and begins_plainly(s, spec):
                seconds, newline = quick_line(s, stop, spec, state, tables, row)
            if seconds < 0:
                if newline < 0:
                    newline = line_end(s, stop)
                if newline < 0:
                    answer = GO_ON  # the rest is a line without its end
                    break
                first, e = trim(s, newline, offset)
                kind = set_apart(first, e, offset, spec, state, tables)
                if kind == DIRECTIVE_LINE:
                    # What was parsed so far was parsed under the columns that held until here.
                    answer = kind
                    break
                if kind == GO_ON:
                    exact = get(tables, EXACT)
                    if exact == 0:
                        answer = NEED_EXACT
                        break
                    bump(state, SLOW_LINES, 1)
                    seconds = call_address(exact, first, e, spec, state, tables, row)
                    if seconds < 0:
                        note_bad(tables, state, offset, -seconds)
            if seconds >= 0 and admit(row, spec, state, tables, seconds, offset):
                count += 1
                row += LINE_BYTES
            bump(state, LINES, 1)
            s = newline + 1
        sum_up(count, state, tables)
        if answer != DONE:
            put(state, CONSUMED, s - address)
            return DONE if answer == GO_ON else answer
