"""Delimited and quoted log lines into sums, in one pass over raw bytes.

Lines are found 96 at a time. For each, comparisons of 64 bytes give bit masks of separators (outside quotes), the
masks give the places of columns, and only columns that have a role are read. Whatever is unusual goes to exact_line,
so a line is right or malformed by one rule only.
"""

from __future__ import annotations

import numpy as np

from kernels.batch import admit, left_out, room, sum_up
from kernels.fill import fill
from kernels.layout import (
    BLANK,
    BODY_BYTES,
    BYTES_SENT,
    CACHE,
    COMMENT,
    COMMENTS,
    CONSUMED,
    DIRECTIVE,
    DIRECTIVE_LINE,
    DONE,
    DUPLICATES,
    EDGE,
    ENDS,
    EXACT,
    FIRST_OFFSET,
    GOOD,
    LINE_BATCH,
    LINE_BYTES,
    LINE_LIMIT,
    LINES,
    LITERALS,
    MIN_COLUMNS,
    NEED_EXACT,
    NEEDED_COLUMNS,
    PLACES,
    PREFIX_LENGTH,
    QUOTES,
    RESOURCE,
    SEPARATOR,
    SEQ,
    SEQ_COLUMN,
    SKIP_COUNT,
    SLOW_LINES,
    STATUS,
    TIME,
    TIME_OF_DAY,
    TOO_LONG,
    UNREADABLE,
    URL_HOST,
)
from kernels.lines import find_line_ends, note_bad
from kernels.options import inner, jit, outer
from kernels.quick_time import quick_time
from kernels.simd import (
    bump,
    call_address,
    equal_mask,
    get,
    load8,
    load16,
    popcount,
    prefix_xor,
    put,
    store16,
    store_places,
)
from kernels.values import exact_integer, quick_integer, three_digits

U = np.uint64
_ALL = U(0xFFFFFFFFFFFFFFFF)
_LONGEST = 60_000
"""Bytes of a line whose places fit 16 bits; a longer one is read exactly."""
DIRECTIVE_AT = 128


@outer
def _is_directive(s, e, literals, length):  # type: ignore[no-untyped-def]
    """Whether a comment line begins with the (lower case) directive that names columns."""
    if e - s < length:
        return False
    for i in range(length):
        c = load8(s + i)
        if 65 <= c <= 90:
            c += 32
        if c != load8(literals + DIRECTIVE_AT + i):
            return False
    return True


@inner
def find_columns(s, e, spec, places):  # type: ignore[no-untyped-def]
    """Write where columns end; how many separators were found, or -1 for a line with escaped or open quotes.

    `places`: address of uint16, the first of which stays 0xffff (the separator before the first column). Without quotes
    the search ends with the last column asked for; with them it goes through the whole line, because they must balance.
    """
    separator = get(spec, SEPARATOR)
    need = max(get(spec, MIN_COLUMNS) - 1, get(spec, NEEDED_COLUMNS))
    found = np.int64(0)
    p = s
    if get(spec, QUOTES) == 0:
        while p < e and found < need:
            mask = equal_mask(p, separator)
            if e - p < 64:
                mask &= (U(1) << U(e - p)) - U(1)
            store_places(places + 2 + 2 * found, mask, p - s)
            found += popcount(mask)
            p += 64
        return found
    inside = U(0)
    escaped = U(0)
    odd = U(0)
    while p < e:
        inner_bytes = _ALL
        if e - p < 64:
            inner_bytes = (U(1) << U(e - p)) - U(1)
        quotes = equal_mask(p, 34) & inner_bytes
        slashes = equal_mask(p, 92)
        odd |= quotes & (slashes << U(1) | escaped)
        escaped = slashes >> U(63)
        within = prefix_xor(quotes) ^ inside
        inside = U(np.int64(within) >> 63)
        mask = equal_mask(p, separator) & ~within & inner_bytes
        if found < need:
            store_places(places + 2 + 2 * found, mask, p - s)
        found += popcount(mask)
        p += 64
    return np.int64(-1) if odd != U(0) or inside != U(0) else found


@inner
def _column(s, places, column, quotes):  # type: ignore[no-untyped-def]
    """Begin and end of a column without its quotes."""
    at = places + 2 * column
    a = s + ((load16(at) + 1) & 0xFFFF)
    b = s + load16(at + 2)
    if quotes and b - a >= 2 and load8(a) == 34 and load8(b - 1) == 34:
        return a + 1, b - 1
    return a, b


@inner
def _quick_number(s, places, column, quotes):  # type: ignore[no-untyped-def]
    a, b = _column(s, places, column, quotes)
    value = quick_integer(a, b)
    return value if value >= 0 else exact_integer(a, b)


@inner
def quick_line(s, e, spec, state, tables, row):  # type: ignore[no-untyped-def]
    """Fill a row of the batch from the line [s, e); its epoch seconds, or -1 for a line that wants the exact reader."""
    places = get(tables, PLACES)
    found = find_columns(s, e, spec, places)
    if found < get(spec, MIN_COLUMNS) - 1:
        return np.int64(UNREADABLE)
    if found < get(spec, NEEDED_COLUMNS):
        store16(places + 2 * found + 2, e - s)
        if found < get(spec, NEEDED_COLUMNS) - 1:
            return np.int64(UNREADABLE)
    quotes = get(spec, QUOTES) != 0
    a, b = _column(s, places, get(spec, TIME), quotes)
    c, d = a, b
    if get(spec, TIME_OF_DAY) >= 0:
        c, d = _column(s, places, get(spec, TIME_OF_DAY), quotes)
    seconds = quick_time(spec, state, a, b, c, d, e)
    if seconds < 0:
        return seconds
    status = np.int64(0)
    if get(spec, STATUS) >= 0:
        a, b = _column(s, places, get(spec, STATUS), quotes)
        status = three_digits(a) if b - a == 3 else np.int64(UNREADABLE)
        if status < 0:
            return np.int64(UNREADABLE)
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
        return np.int64(UNREADABLE)
    return seconds


def _scan_delimited(address, begin, end, spec, state, tables):  # type: ignore[no-untyped-def]
    """Sum the lines in [begin, end) of the block at an address; DONE, or what the caller must do before going on.

    All arguments are int64; `spec`, `state` and `tables` are addresses of what kernels.layout describes. The block has
    PAD bytes around [begin, end). state[CONSUMED] tells how far it came; a line without its newline is left.
    """
    batch = get(tables, LINE_BATCH)
    ends = get(tables, ENDS)
    comment = get(spec, COMMENT)
    plain = get(spec, PREFIX_LENGTH) == 0 and get(spec, URL_HOST) == 0
    skipping = get(tables, SKIP_COUNT) > 0 and get(spec, SEQ_COLUMN) == 0
    store16(get(tables, PLACES), 0xFFFF)
    place = begin
    while place < end:
        answer = room(tables, state)
        if answer != DONE:
            put(state, CONSUMED, place)
            return answer
        found = find_line_ends(address, place, end, ends)
        if found == 0:
            break  # the rest is a line without its end
        row = batch
        count = np.int64(0)
        for i in range(found):
            s = address + place
            e = address + get(ends, i)
            offset = get(spec, FIRST_OFFSET) + place
            if load8(e - 1) == 13 and e > s:
                e -= 1
            if (
                offset == 0
                and e - s >= 3
                and load8(s) == 0xEF
                and load8(s + 1) == 0xBB
                and load8(s + 2) == 0xBF
            ):
                s += 3
            if e - s > LINE_LIMIT:
                note_bad(tables, state, offset, TOO_LONG)
            elif e == s:
                bump(state, BLANK, 1)
            elif load8(s) == comment:
                if get(spec, DIRECTIVE) > 0 and _is_directive(
                    s, e, get(tables, LITERALS), get(spec, DIRECTIVE)
                ):
                    # What was parsed so far was parsed under the columns that held until here.
                    sum_up(count, state, tables)
                    put(state, CONSUMED, place)
                    return DIRECTIVE_LINE
                bump(state, COMMENTS, 1)
            elif skipping and left_out(spec, tables, get(state, LINES), offset):
                bump(state, DUPLICATES, 1)
            else:
                seconds = np.int64(UNREADABLE)
                if plain and e - s < _LONGEST:
                    seconds = quick_line(s, e, spec, state, tables, row)
                if seconds < 0:
                    exact = get(tables, EXACT)
                    if exact == 0:
                        sum_up(count, state, tables)
                        put(state, CONSUMED, place)
                        return NEED_EXACT
                    bump(state, SLOW_LINES, 1)
                    seconds = call_address(exact, s, e, spec, state, tables, row)
                if seconds < 0:
                    note_bad(tables, state, offset, -seconds)
                elif admit(row, spec, state, tables, seconds, offset):
                    count += 1
                    row += LINE_BYTES
            bump(state, LINES, 1)
            place = get(ends, i) + 1
        sum_up(count, state, tables)
    put(state, CONSUMED, place)
    return DONE


scan_delimited = jit(_scan_delimited)
