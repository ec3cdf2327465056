"""The walk over the lines of a block, for every kind of line: outlined piece by piece, read quickly or exactly, summed
batch by batch."""

from __future__ import annotations

import numpy as np

from kernels.batch import admit, room, sum_up
from kernels.layout import (
    BATCH,
    CONSUMED,
    DIRECTIVE_LINE,
    DONE,
    EXACT,
    FIRST_OFFSET,
    GO_ON,
    LINE_BATCH,
    LINE_BYTES,
    LINE_ENDS,
    LINES,
    NEED_EXACT,
    PLACES,
    SLOW_LINES,
    SPECIALS,
    UNREADABLE,
)
from kernels.lines import begins_plainly, line_end, note_bad, reads_quickly, set_apart, trim
from kernels.options import inner
from kernels.words import bump, call_address, get, load8, load16, load32, put, store16


@inner
def scan_lines(outline, read, address, begin, end, spec, state, tables):  # type: ignore[no-untyped-def]
    """Sum the lines in [begin, end) of the block at an address, as kernels.delimited.scan_delimited tells.

    `outline`: one of kernels.outline; `read`: fills a row of the batch from an outlined line.
    """
    batch = get(tables, LINE_BATCH)
    quickly = reads_quickly(spec, tables)
    places = get(tables, PLACES)
    ends = get(tables, LINE_ENDS)
    stop = address + end
    s = address + begin
    base = s
    line = np.int64(0)  # the next of the outline, out of so many lines
    lines = np.int64(0)
    mark = np.int64(0)  # the place before that line
    specials = get(tables, SPECIALS)
    special = specials
    while True:
        answer = room(tables, state)
        row = batch
        count = np.int64(0)
        while answer == DONE and count < BATCH:
            if line == lines and quickly:
                lines = outline(s, stop, spec, places, ends, specials)
                base = s - 1
                line = np.int64(0)
                mark = np.int64(0)
                special = specials
            offset = get(spec, FIRST_OFFSET) + s - address
            seconds = np.int64(UNREADABLE)
            newline = np.int64(-1)
            if line < lines:
                last = np.int64(load32(ends + 4 * line))
                end = load16(places + 2 * last)
                newline = base + end
                plain = load16(special) > end
                if begins_plainly(s, spec):
                    # The last column ends before a carriage return; the next line begins behind the newline.
                    store16(places + 2 * last, end - 1 if load8(newline - 1) == 13 else end)
                    seconds = read(base, places + 2 * mark, last - mark, plain, spec, state, tables, row)
                    store16(places + 2 * last, end)
                while load16(special) < end:
                    special += 2
                mark = last
                line += 1
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
