"""NDJSON log lines into sums, in one pass over raw bytes.

Loggers write the same keys in the same order, line after line. Comparisons of 64 bytes find the quotes; the keys that
have a role are expected where the line before had them, counted in quotes, and verified there. A line that differs is
read exactly, and what it taught is expected next. Nesting is told from brackets outside strings.
"""

from __future__ import annotations

import numpy as np

from kernels.batch import admit, room, sum_up
from kernels.fill import fill
from kernels.json_exact import same_bytes
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
    K_COUNT,
    K_KEYS,
    K_LENGTH,
    K_NAME,
    K_ORDINAL,
    K_QUOTES,
    K_ROLE,
    LINE_BATCH,
    LINE_BYTES,
    LINES,
    NEED_EXACT,
    PLACES,
    RESOURCE,
    SLOW_LINES,
    STATUS,
    TEMPLATE,
    TIME,
    TIME_UNIT,
    UNREADABLE,
)
from kernels.lines import LONGEST, NEWLINE, begins_plainly, line_end, note_bad, reads_quickly, set_apart, trim
from kernels.options import inner, outer
from kernels.quick_time import quick_epoch, quick_iso
from kernels.simd import (
    bracket_mask,
    digit_count,
    equal_mask,
    masked_equal32,
    nesting_mask,
    popcount,
    prefix_xor,
    store_places,
    trailing_zeros,
)
from kernels.values import quick_integer
from kernels.words import (
    bump,
    call_address,
    get,
    load8,
    load16,
    put,
)

U = np.uint64
_ALL = U(0xFFFFFFFFFFFFFFFF)
_NO = np.int64(UNREADABLE)


@inner
def find_quotes(s, stop, places):  # type: ignore[no-untyped-def]
    """Write the places of all quotes of the line at s; how many, and the newline's address.

    The count is -1 for a line that wants the exact reader, with an escaped quote or an open string, and -2 - count
    for one that may have brackets other than its own two. The newline is -1 as for find_columns.
    """
    found = np.int64(0)
    inside = U(0)
    escaped = U(0)
    odd = U(0)
    brackets = np.int64(0)
    nothing = np.int64(-1)
    p = s
    while True:
        newline = equal_mask(p, NEWLINE)
        line = newline ^ (newline - U(1))
        quotes = equal_mask(p, 34) & line
        slashes = equal_mask(p, 92)
        odd |= quotes & (slashes << U(1) | escaped)
        escaped = slashes >> U(63)
        within = prefix_xor(quotes) ^ inside
        inside = U(np.int64(within) >> 63)
        brackets += popcount(nesting_mask(p) & ~within & line)
        store_places(places + 2 * found, quotes, p - s)
        found += popcount(quotes)
        if newline != U(0):
            break
        p += 64
        if p >= stop or p - s > LONGEST:
            return found, nothing
    p += trailing_zeros(newline)
    if p >= stop:
        return found, nothing
    if odd != U(0) or inside != U(0):
        return nothing, p
    return (found if brackets == 2 else np.int64(-2 - found)), p


@outer
def on_first_level(s, e, template, places):  # type: ignore[no-untyped-def]
    """Whether the brackets of a line close, kind by kind, and none of the template's keys lies within inner ones."""
    stack = U(0)
    depth = np.int64(0)
    inside = U(0)
    key = np.int64(0)
    keys = get(template, K_COUNT)
    p = s
    while p < e:
        line = _ALL if e - p >= 64 else (U(1) << U(e - p)) - U(1)
        within = prefix_xor(equal_mask(p, 34) & line) ^ inside
        inside = U(np.int64(within) >> 63)
        nesting = (bracket_mask(p, 0x7B) | bracket_mask(p, 0x7D)) & ~within & line
        while nesting != U(0):
            q = p + trailing_zeros(nesting)
            nesting &= nesting - U(1)
            while (
                key < keys and s + load16(places + 2 * get(template + 8 * (K_KEYS + 4 * key), K_ORDINAL)) < q
            ):
                if depth != 1:
                    return False
                key += 1
            c = load8(q)
            if c == 123 or c == 91:
                if depth == 64:
                    return False
                stack = stack << U(1) | U(1 if c == 123 else 0)
                depth += 1
            else:
                if depth == 0 or (stack & U(1)) != U(1 if c == 125 else 0) or (depth == 1 and q != e - 1):
                    return False
                stack >>= U(1)
                depth -= 1
        p += 64
    return depth == 0 and key == keys


@outer
def _no_other_keys(s, quotes, template, places):  # type: ignore[no-untyped-def]
    """Whether a line has as many quotes as the template, and no string but its keys may be one."""
    if get(template, K_QUOTES) != quotes:
        return False
    key = np.int64(0)
    for at in range(0, quotes, 2):
        if key < get(template, K_COUNT) and get(template + 8 * (K_KEYS + 4 * key), K_ORDINAL) == at:
            key += 1
        else:
            c = load8(s + load16(places + 2 * at + 2) + 1)
            if c == 58 or c == 32 or c == 9:
                return False
    return True


@inner
def _digits_end(v):  # type: ignore[no-untyped-def]
    """The end of plain digits (with a fraction or not) that a comma or the closing bracket follows; 0 for all else."""
    n = digit_count(v)
    q = v + n
    if load8(q) == 46:
        q += 1 + digit_count(q + 1)
    c = load8(q)
    return q if n > 0 and (c == 44 or c == 125) else np.int64(0)


@inner
def quick_json(s, stop, spec, state, tables, row):  # type: ignore[no-untyped-def]
    """Fill a row of the batch from a line laid out like the one before; its epoch seconds, or -1; and the newline's
    address, -1 where it was not found."""
    template = get(tables, TEMPLATE)
    keys = get(template, K_COUNT)
    if keys == 0 or load8(s) != 123:
        return _NO, np.int64(-1)
    places = get(tables, PLACES)
    quotes, newline = find_quotes(s, stop, places)
    e = newline - 1 if load8(newline - 1) == 13 else newline
    if newline < 0 or load8(e - 1) != 125:
        return _NO, newline
    nested = quotes < -1
    if nested:
        quotes = -2 - quotes
    if quotes < 0 or (get(template, K_QUOTES) >= 0 and not _no_other_keys(s, quotes, template, places)):
        return _NO, newline
    seconds = _NO
    status = np.int64(0)
    sent = np.int64(0)
    body = np.int64(0)
    number = np.int64(0)
    zero = np.int64(0)
    a, b, c, d, f, g = zero, zero, zero, zero, zero, zero
    key = template + 8 * K_KEYS
    for _ in range(keys):
        at = get(key, K_ORDINAL)
        role = get(key, K_ROLE)
        length = get(key, K_LENGTH)
        if at + 2 > quotes:
            return _NO, newline
        p = s + load16(places + 2 * at)
        q = s + load16(places + 2 * at + 2)
        if q - p - 1 != length or load8(q + 1) != 58:
            return _NO, newline
        if not (
            masked_equal32(p + 1, get(key, K_NAME), length)
            if length <= 32
            else same_bytes(p + 1, get(key, K_NAME), length)
        ):
            return _NO, newline
        key += 32
        if role < 0:
            continue
        v = q + 2
        if load8(v) == 34:
            if at + 4 > quotes:
                return _NO, newline
            v += 1
            end = s + load16(places + 2 * at + 6)
        else:
            end = _digits_end(v)
            if end == 0:
                return _NO, newline
        if role == TIME:
            seconds = (
                quick_iso(v, end, state) if load8(v + 4) == 45 else quick_epoch(v, end, get(spec, TIME_UNIT))
            )
            if seconds < 0:
                return _NO, newline
        elif role == RESOURCE:
            a, b = v, end
        elif role == CACHE:
            f, g = v, end
        elif role == EDGE:
            c, d = v, end
        else:
            value = quick_integer(v, end)
            if value < 0:
                return _NO, newline
            if role == STATUS:
                status = value
            elif role == BYTES_SENT:
                sent = value
            elif role == BODY_BYTES:
                body = value
            else:
                number = value
    if nested and not on_first_level(s, e, template, places):
        return _NO, newline
    if fill(row, spec, state, tables, status, sent, body, number, a, b, c, d, f, g) != GOOD:
        return _NO, newline
    return seconds, newline


def scan_ndjson(address, begin, end, spec, state, tables):  # type: ignore[no-untyped-def]
    """As scan_delimited, for NDJSON."""
    batch = get(tables, LINE_BATCH)
    quickly = reads_quickly(spec, tables)
    stop = address + end
    s = address + begin
    while True:
        answer = room(tables, state)
        row = batch
        count = np.int64(0)
        while answer == DONE and count < BATCH:
            offset = get(spec, FIRST_OFFSET) + s - address
            seconds = np.int64(UNREADABLE)
            newline = np.int64(-1)
            if quickly and s < stop and begins_plainly(s, spec):
                seconds, newline = quick_json(s, stop, spec, state, tables, row)
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
