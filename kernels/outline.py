"""The outline of a piece of a block: where its lines end, and where their columns or strings begin.

Vectors of 64 bytes, one after another whatever the lengths of lines, give bit masks; what the masks mark is kept as
places, 16 bits each, relative to the byte before the piece. Place 0 stands for that byte, every newline has a place,
and for every line it is noted which place its newline has.
"""

from __future__ import annotations

import numpy as np

from kernels.layout import PIECE, QUOTES, SEPARATOR
from kernels.lines import NEWLINE
from kernels.options import inner
from kernels.simd import equal_mask, nesting_mask, popcount, prefix_xor, store_places, trailing_zeros
from kernels.words import get, load16, load32, store16, store32

U = np.uint64
NO_PLACE = 0xFFFF


@inner
def _note_ends(ends, lines, newlines, marks, found):  # type: ignore[no-untyped-def]
    """Note which place every newline of a vector has; how many lines there are.

    Without a branch for the usual vectors, with one newline or none: it would be missed at every line.
    """
    store32(ends + 4 * lines, found + popcount(marks & (newlines ^ (newlines - U(1)))))
    lines += np.int64(trailing_zeros(newlines) < 64)
    newlines &= newlines - U(1)
    while newlines != U(0):
        store32(ends + 4 * lines, found + popcount(marks & (newlines ^ (newlines - U(1)))))
        newlines &= newlines - U(1)
        lines += 1
    return lines


@inner
def _within(lines, ends, places, base, stop):  # type: ignore[no-untyped-def]
    """How many of the lines end before `stop`: behind it the vectors saw what does not belong to the block."""
    while lines > 0 and base + load16(places + 2 * np.int64(load32(ends + 4 * lines - 4))) >= stop:
        lines -= 1
    return lines


@inner
def outline_columns(s, stop, spec, places, ends, specials):  # type: ignore[no-untyped-def]
    """Outline separators, outside quotes, and newlines from the beginning of a line at s on; how many whole lines.

    Addresses: places, specials: uint16[PIECE + 64]; ends: uint32[PIECE + 64]. A vector in which a quote is escaped, or
    a line ends within quotes, ends the outline.
    """
    separator = get(spec, SEPARATOR)
    base = s - 1
    limit = min(stop, s + PIECE)
    store16(places, 0)
    store16(specials, NO_PLACE)
    found = np.int64(0)
    lines = np.int64(0)
    p = s
    if get(spec, QUOTES) == 0:
        while p < limit:
            newlines = equal_mask(p, NEWLINE)
            marks = equal_mask(p, separator) | newlines
            store_places(places + 2 + 2 * found, marks, p - base)
            lines = _note_ends(ends, lines, newlines, marks, found)
            found += popcount(marks)
            p += 64
    else:
        inside = U(0)
        while p < limit:
            newlines = equal_mask(p, NEWLINE)
            quotes = equal_mask(p, 34)
            within = prefix_xor(quotes) ^ inside
            if (quotes & equal_mask(p - 1, 92)) | (newlines & within) != U(0):
                break
            inside = U(np.int64(within) >> 63)
            marks = equal_mask(p, separator) & ~within | newlines
            store_places(places + 2 + 2 * found, marks, p - base)
            lines = _note_ends(ends, lines, newlines, marks, found)
            found += popcount(marks)
            p += 64
    return _within(lines, ends, places, base, stop)


@inner
def outline_strings(s, stop, spec, places, ends, specials):  # type: ignore[no-untyped-def]
    """As outline_columns: quotes and newlines; and as specials the places of brackets and backslashes, and some others,
    but for the first and last bracket of a line. Whether a quote is escaped is not asked here."""
    base = s - 1
    limit = min(stop, s + PIECE)
    store16(places, 0)
    found = np.int64(0)
    lines = np.int64(0)
    special = specials
    p = s
    while p < limit:
        newlines = equal_mask(p, NEWLINE)
        marks = equal_mask(p, 34) | newlines
        rest = nesting_mask(p) & ~equal_mask(p - 1, NEWLINE) & ~equal_mask(p + 1, NEWLINE)
        while rest != U(0):
            store16(special, p - base + trailing_zeros(rest))
            special += 2
            rest &= rest - U(1)
        store_places(places + 2 + 2 * found, marks, p - base)
        lines = _note_ends(ends, lines, newlines, marks, found)
        found += popcount(marks)
        p += 64
    store16(special, NO_PLACE)
    return _within(lines, ends, places, base, stop)
