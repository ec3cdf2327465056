"""NDJSON log lines into sums, in one pass over raw bytes.

Loggers write the same keys in the same order, line after line. Comparisons of 64 bytes find the quotes; the keys that
have a role are expected where the line before had them, counted in quotes, and verified there. A line that differs is
read exactly, and what it taught is expected next. Nesting is told from brackets outside strings.
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
    K_BYTES,
    K_COUNT,
    K_KEYS,
    K_LEAST,
    K_LENGTH,
    K_ORDINAL,
    K_QUOTES,
    K_ROLE,
    RESOURCE,
    STATUS,
    TEMPLATE,
    TIME,
    UNREADABLE,
)
from kernels.options import inner, outer
from kernels.outline import outline_strings
from kernels.quick_time import quick_json_time
from kernels.scan import scan_lines
from kernels.simd import begins_with, bracket_mask, digit_count, equal_mask, prefix_xor, trailing_zeros
from kernels.values import quick_integer
from kernels.words import get, load8, load16

U = np.uint64
_ALL = U(0xFFFFFFFFFFFFFFFF)
_NO = np.int64(UNREADABLE)


@outer
def on_first_level(base, s, e, template, places):  # type: ignore[no-untyped-def]
    """Whether no quote of a line is escaped, its brackets close, kind by kind, and none of the template's keys lies
    within inner ones."""
    stack = U(0)
    depth = np.int64(0)
    inside = U(0)
    key = np.int64(0)
    keys = get(template, K_COUNT)
    p = s
    while p < e:
        line = _ALL if e - p >= 64 else (U(1) << U(e - p)) - U(1)
        quotes = equal_mask(p, 34) & line
        if quotes & equal_mask(p - 1, 92) != U(0):
            return False
        within = prefix_xor(quotes) ^ inside
        inside = U(np.int64(within) >> 63)
        nesting = (bracket_mask(p, 0x7B) | bracket_mask(p, 0x7D)) & ~within & line
        while nesting != U(0):
            q = p + trailing_zeros(nesting)
            nesting &= nesting - U(1)
            while (
                key < keys
                and base + load16(places + 2 * get(template + 8 * (K_KEYS + 4 * key), K_ORDINAL)) < q
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
def _no_other_keys(base, quotes, template, places):  # type: ignore[no-untyped-def]
    """Whether a line has as many quotes as the template, and no string but its keys may be one."""
    if get(template, K_QUOTES) != quotes:
        return False
    key = np.int64(0)
    for at in range(0, quotes, 2):
        if key < get(template, K_COUNT) and get(template + 8 * (K_KEYS + 4 * key), K_ORDINAL) == at:
            key += 1
        else:
            c = load8(base + load16(places + 2 * at + 2) + 1)
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
def quick_json(base, line, found, plain, spec, state, tables, row):  # type: ignore[no-untyped-def]
    """Fill a row of the batch from a line of the outline, laid out like the one before; its epoch seconds, or -1.

    `line`: address of the place before its first; `found`: how many it has, its end's the last; `plain`:
    whether it has no brackets within, and no backslashes.
    """
    template = get(tables, TEMPLATE)
    keys = get(template, K_COUNT)
    s = base + load16(line) + 1
    e = base + load16(line + 2 * found)
    if keys == 0 or load8(s) != 123 or load8(e - 1) != 125:
        return _NO
    places = line + 2
    quotes = found - 1
    if quotes & 1 or quotes < get(template, K_LEAST):
        return _NO
    if get(template, K_QUOTES) >= 0 and not _no_other_keys(base, quotes, template, places):
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
        v = base + load16(places + 2 * at)
        if not begins_with(v, get(key, K_BYTES), get(key, K_LENGTH)):
            return _NO
        v += get(key, K_LENGTH)
        key += 32
        if role < 0:
            continue
        if load8(v) == 34:
            if at + 4 > quotes:
                return _NO
            v += 1
            end = base + load16(places + 2 * at + 6)
        else:
            end = _digits_end(v)
            if end == 0:
                return _NO
        if role == TIME:
            seconds = quick_json_time(spec, state, v, end)
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
    if not plain and not on_first_level(base, s, e, template, places):
        return _NO
    if fill(row, spec, state, tables, status, sent, body, number, a, b, c, d, f, g) != GOOD:
        return _NO
    return seconds


def scan_ndjson(address, begin, end, spec, state, tables):  # type: ignore[no-untyped-def]
    """As scan_delimited, for NDJSON."""
    return scan_lines(outline_strings, quick_json, address, begin, end, spec, state, tables)
