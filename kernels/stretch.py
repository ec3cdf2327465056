"""Reads a stretch of a file block by block into a scan, without coming back to Python for each block: that costs six
microseconds (3 % of the time), and threads wait for one another's turn to run Python."""

from __future__ import annotations

import numpy as np

from kernels.layout import (
    CONSUMED,
    DONE,
    FIRST_OFFSET,
    S_AT,
    S_BASE,
    S_BEGIN,
    S_BLOCK,
    S_DIGEST,
    S_DIGEST_STATE,
    S_END,
    S_FD,
    S_LEFT,
    S_PACKED,
    S_ROOM,
)
from kernels.unpack import unpack
from kernels.words import call_address, get, load8, load64, put, read_at, store8, store64


def read_stretch(scan, stretch, spec, state, tables):  # type: ignore[no-untyped-def]
    """Scan what the block holds, then what is left of the stretch, until a scan asks for something; its answer.

    Addresses: scan: a kernel of kernels.entry; stretch: int64[STRETCH_SIZE] as kernels.layout tells. DONE with bytes
    left: the file ended before, could not be read or unpacked, or a line is longer than the block.
    """
    block = get(stretch, S_BLOCK)
    while True:
        begin = get(stretch, S_BEGIN)
        end = get(stretch, S_END)
        if begin < end:
            put(spec, FIRST_OFFSET, get(stretch, S_BASE))
            answer = call_address(scan, block, begin, end, spec, state, tables)
            begin = get(state, CONSUMED)
            put(stretch, S_BEGIN, begin)
            if answer != DONE:
                return answer
        kept = end - begin
        source = block + begin
        i = np.int64(0)
        while begin > 0 and i + 8 <= kept:  # forwards, as it moves to the front
            store64(block + i, load64(source + i))
            i += 8
        while begin > 0 and i < kept:
            store8(block + i, load8(source + i))
            i += 1
        put(stretch, S_BASE, get(stretch, S_BASE) + begin)
        put(stretch, S_BEGIN, 0)
        put(stretch, S_END, kept)
        wanted = min(get(stretch, S_ROOM) - kept, get(stretch, S_LEFT))
        if wanted <= 0:
            return DONE
        packed = get(stretch, S_PACKED)
        if packed != 0:
            got = unpack(packed, block + kept, wanted)
        else:
            got = read_at(get(stretch, S_FD), block + kept, wanted, get(stretch, S_AT))
        if got <= 0:
            return DONE
        digest = get(stretch, S_DIGEST)
        if digest != 0:
            call_address(digest, get(stretch, S_DIGEST_STATE), block + kept, got, 0, 0, 0)
        put(stretch, S_AT, get(stretch, S_AT) + got)
        put(stretch, S_LEFT, get(stretch, S_LEFT) - got)
        put(stretch, S_END, kept + got)
