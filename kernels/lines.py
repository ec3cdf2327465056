"""What every scanner does with a line before it looks inside."""

from __future__ import annotations

import numpy as np

from kernels.batch import left_out
from kernels.layout import (
    BAD,
    BAD_ROOM,
    BAD_USED,
    BLANK,
    COMMENT,
    COMMENTS,
    DIRECTIVE,
    DIRECTIVE_LINE,
    DONE,
    DUPLICATES,
    GO_ON,
    LINE_LIMIT,
    LINES,
    LITERALS,
    MALFORMED,
    PREFIX_LENGTH,
    SEQ_COLUMN,
    SKIP_COUNT,
    TOO_LONG,
    URL_HOST,
)
from kernels.options import inner, outer
from kernels.simd import (
    equal_mask,
    trailing_zeros,
)
from kernels.words import (
    bump,
    get,
    load8,
    load32,
    put,
)

NEWLINE = 10
DIRECTIVE_AT = 128
LONGEST = 60_000
"""Bytes of a line whose places fit 16 bits; a longer one is read exactly."""
U = np.uint64


@outer
def note_bad(tables, state, offset, reason):  # type: ignore[no-untyped-def]
    """Count a malformed line, and keep where and why while there is room."""
    bump(state, MALFORMED, 1)
    used = get(state, BAD_USED)
    if used < get(tables, BAD_ROOM):
        put(get(tables, BAD), 2 * used, offset)
        put(get(tables, BAD), 2 * used + 1, reason)
        put(state, BAD_USED, used + 1)


@outer
def line_end(p, stop):  # type: ignore[no-untyped-def]
    """The address of the first newline in [p, stop), -1 where there is none."""
    while p < stop:
        mask = equal_mask(p, NEWLINE)
        if mask != U(0):
            found = p + trailing_zeros(mask)
            return found if found < stop else np.int64(-1)
        p += 64
    return np.int64(-1)


@inner
def trim(s, newline, offset):  # type: ignore[no-untyped-def]
    """Begin and end of a line without its carriage return, and without a byte order mark before the first line."""
    e = newline - 1 if newline > s and load8(newline - 1) == 13 else newline
    if offset == 0 and e - s >= 3 and load32(s) & U(0xFFFFFF) == U(0xBFBBEF):
        s += 3
    return s, e


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


@outer
def set_apart(s, e, offset, spec, state, tables):  # type: ignore[no-untyped-def]
    """Count what is to be counted without a look inside; GO_ON for a line to be read, DONE for one that is counted,
    DIRECTIVE_LINE for one that the caller has to see."""
    if e - s > LINE_LIMIT:
        note_bad(tables, state, offset, TOO_LONG)
    elif e == s:
        bump(state, BLANK, 1)
    elif load8(s) == get(spec, COMMENT):
        directive = get(spec, DIRECTIVE)
        if directive > 0 and _is_directive(s, e, get(tables, LITERALS), directive):
            return DIRECTIVE_LINE
        bump(state, COMMENTS, 1)
    elif (
        get(tables, SKIP_COUNT) > 0
        and get(spec, SEQ_COLUMN) == 0
        and left_out(spec, tables, get(state, LINES), offset)
    ):
        bump(state, DUPLICATES, 1)
    else:
        return GO_ON
    return DONE


@inner
def reads_quickly(spec, tables):  # type: ignore[no-untyped-def]
    """Whether the quick readers know a format: without prefix and URLs, and with no lines to leave out by their
    place."""
    skipping = get(tables, SKIP_COUNT) > 0 and get(spec, SEQ_COLUMN) == 0
    return get(spec, PREFIX_LENGTH) == 0 and get(spec, URL_HOST) == 0 and not skipping


@inner
def begins_plainly(s, spec):  # type: ignore[no-untyped-def]
    """Whether a line is neither blank nor a comment, and does not begin with what may be a byte order mark."""
    first = load8(s)
    return first > 32 and first != get(spec, COMMENT) and first != 0xEF
