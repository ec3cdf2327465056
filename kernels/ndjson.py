"""NDJSON log lines into sums, in one pass over raw bytes.

Loggers write the same keys in the same order, line after line. Comparisons of 64 bytes find the quotes; the keys
that have
a role are expected where the line before had them, counted in quotes, and verified there. A line that differs is read
exactly, and what it taught is expected next. Nesting is told from brackets outside strings.
"""

from __future__ import annotations

import numpy as np

from kernels.batch import admit, left_out, room, sum_up
from kernels.fill import fill
from kernels.json_exact import same_bytes
from kernels.layout import (
    BLANK,
    BODY_BYTES,
    BYTES_SENT,
    CACHE,
    COMMENT,
    COMMENTS,
    CONSUMED,
    DONE,
    DUPLICATES,
    EDGE,
    ENDS,
    EXACT,
    FIRST_OFFSET,
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
    LINE_LIMIT,
    LINES,
    NEED_EXACT,
    PLACES,
    PREFIX_LENGTH,
    RESOURCE,
    SEQ_COLUMN,
    SKIP_COUNT,
    SLOW_LINES,
    STATUS,
    TEMPLATE,
    TIME,
    TIME_UNIT,
    TOO_LONG,
    UNREADABLE,
    URL_HOST,
)
from kernels.lines import find_line_ends, note_bad
from kernels.options import inner, jit, outer
from kernels.quick_time import quick_epoch, quick_iso
from kernels.simd import (
    bracket_mask,
    bump,
    call_address,
    digit_count,
    equal_mask,
    get,
    load8,
    load16,
    masked_equal32,
    popcount,
    prefix_xor,
    put,
    store_places,
    trailing_zeros,
)
from kernels.values import quick_integer

U = np.uint64
_ALL = U(0xFFFFFFFFFFFFFFFF)
_LONGEST = 60_000
_NO = np.int64(UNREADABLE)


@inner
def find_quotes(s, e, places):  # type: ignore[no-untyped-def]
    """Write the places of all quotes of [s, e); how many, or -1 for a line that wants the exact reader: with an escaped
    quote, an open string, or brackets other than its own two."""
    found = np.int64(0)
    inside = U(0)
    escaped = U(0)
    odd = U(0)
    brackets = np.int64(0)
    p = s
    while p < e:
        line = _ALL if e - p >= 64 else (U(1) << U(e - p)) - U(1)
        quotes = equal_mask(p, 34) & line
        slashes = equal_mask(p, 92)
        odd |= quotes & (slashes << U(1) | escaped)
        escaped = slashes >> U(63)
        within = prefix_xor(quotes) ^ inside
        inside = U(np.int64(within) >> 63)
        nesting = (bracket_mask(p, 0x7B) | bracket_mask(p, 0x7D)) & ~within & line
        brackets += popcount(nesting)
        store_places(places + 2 * found, quotes, p - s)
        found += popcount(quotes)
        p += 64
    if odd != U(0) or inside != U(0):
        return np.int64(-1)
    return found if brackets == 2 else np.int64(-2 - found)


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
def quick_json(s, e, spec, state, tables, row):  # type: ignore[no-untyped-def]
    """Fill a row of the batch from a line laid out like the one before; its epoch seconds, or -1."""
    template = get(tables, TEMPLATE)
    keys = get(template, K_COUNT)
    if keys == 0 or load8(s) != 123 or load8(e - 1) != 125:
        return _NO
    places = get(tables, PLACES)
    quotes = find_quotes(s, e, places)
    nested = quotes < -1
    if nested:
        quotes = -2 - quotes
    if quotes < 0 or (get(template, K_QUOTES) >= 0 and not _no_other_keys(s, quotes, template, places)):
        return _NO
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
            return _NO
        p = s + load16(places + 2 * at)
        q = s + load16(places + 2 * at + 2)
        if q - p - 1 != length or load8(q + 1) != 58:
            return _NO
        if not (
            masked_equal32(p + 1, get(key, K_NAME), length)
            if length <= 32
            else same_bytes(p + 1, get(key, K_NAME), length)
        ):
            return _NO
        key += 32
        if role < 0:
            continue
        v = q + 2
        if load8(v) == 34:
            if at + 4 > quotes:
                return _NO
            v += 1
            end = s + load16(places + 2 * at + 6)
        else:
            end = _digits_end(v)
            if end == 0:
                return _NO
        if role == TIME:
            seconds = (
                quick_iso(v, end, state) if load8(v + 4) == 45 else quick_epoch(v, end, get(spec, TIME_UNIT))
            )
            if seconds < 0:
                return _NO
        elif role == RESOURCE:
            a, b = v, end
        elif role == CACHE:
            f, g = v, end
        elif role == EDGE:
            c, d = v, end
        else:
            value = quick_integer(v, end)
            if value < 0:
                return _NO
            if role == STATUS:
                status = value
            elif role == BYTES_SENT:
                sent = value
            elif role == BODY_BYTES:
                body = value
            else:
                number = value
    if nested and not on_first_level(s, e, template, places):
        return _NO
    if fill(row, spec, state, tables, status, sent, body, number, a, b, c, d, f, g) != GOOD:
        return _NO
    return seconds


def _scan_ndjson(address, begin, end, spec, state, tables):  # type: ignore[no-untyped-def]
    """As scan_delimited, for NDJSON."""
    batch = get(tables, LINE_BATCH)
    ends = get(tables, ENDS)
    comment = get(spec, COMMENT)
    plain = get(spec, PREFIX_LENGTH) == 0 and get(spec, URL_HOST) == 0
    skipping = get(tables, SKIP_COUNT) > 0 and get(spec, SEQ_COLUMN) == 0
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
                bump(state, COMMENTS, 1)
            elif skipping and left_out(spec, tables, get(state, LINES), offset):
                bump(state, DUPLICATES, 1)
            else:
                seconds = _NO
                if plain and e - s < _LONGEST:
                    seconds = quick_json(s, e, spec, state, tables, row)
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


scan_ndjson = jit(_scan_ndjson)
