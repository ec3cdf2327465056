"""Unpacks gzip by ISA-L where a scan wants it, without Python between its calls."""

from __future__ import annotations

import numpy as np

from kernels.layout import (
    I_AVAIL_IN,
    I_AVAIL_OUT,
    I_BLOCK_STATE,
    I_FINISHED,
    I_NEXT_IN,
    I_NEXT_OUT,
    I_READ_IN_LENGTH,
    U_AT,
    U_FD,
    U_INFLATE,
    U_INPUT,
    U_INPUT_SIZE,
    U_RESET,
    U_STATE,
    U_UNSOUND,
)
from kernels.options import inner
from kernels.words import call_address, get, load8, load32, load64, put, read_at, store32, store64

U = np.uint64
_LOW = 0xFFFFFFFF
_MORE_WANTED = 1  # ISAL_END_INPUT: a header goes on in the file's next bytes
_MAGIC = 0x1F


@inner
def _refill(packed, inflate):  # type: ignore[no-untyped-def]
    """Read the file's next bytes; how many, 0 at its end, -1 where it cannot be read."""
    got = read_at(get(packed, U_FD), get(packed, U_INPUT), get(packed, U_INPUT_SIZE), get(packed, U_AT))
    if got > 0:
        put(packed, U_AT, get(packed, U_AT) + got)
        store64(inflate + I_NEXT_IN, U(get(packed, U_INPUT)))
        store32(inflate + I_AVAIL_IN, got)
    return got


@inner
def _go_on(packed, inflate):  # type: ignore[no-untyped-def]
    """Unpack some more; whether all is well so far. A member that ended is followed by the next one."""
    if np.int64(load32(inflate + I_BLOCK_STATE)) == I_FINISHED:
        if np.int64(load32(inflate + I_READ_IN_LENGTH)) >= 8:
            return False  # bytes behind the member are in its bits already
        if load8(np.int64(load64(inflate + I_NEXT_IN))) != _MAGIC:
            return False
        call_address(get(packed, U_RESET), inflate, 0, 0, 0, 0, 0)
    waiting = load32(inflate + I_AVAIL_IN)
    room = load32(inflate + I_AVAIL_OUT)
    block_state = load32(inflate + I_BLOCK_STATE)
    # What a C function leaves in the upper half of an int is not defined.
    answer = call_address(get(packed, U_INFLATE), inflate, 0, 0, 0, 0, 0) & _LOW
    moved = (
        waiting != load32(inflate + I_AVAIL_IN)
        or room != load32(inflate + I_AVAIL_OUT)
        or block_state != load32(inflate + I_BLOCK_STATE)
    )
    return moved and (answer == 0 or answer == _MORE_WANTED)


@inner
def unpack(packed, target, room):  # type: ignore[no-untyped-def]
    """Fill up to `room` bytes at `target`; how many, 0 at the good end. -1 where the file is not sound or cannot be
    read, from then on always; what was unpacked by the same call is lost.

    `packed`: address of int64[PACKED_SIZE]; addresses and sizes are int64, `room` below 2^32.
    """
    inflate = get(packed, U_STATE)
    store64(inflate + I_NEXT_OUT, U(target))
    store32(inflate + I_AVAIL_OUT, room)
    sound = get(packed, U_UNSOUND) == 0
    while sound and np.int64(load32(inflate + I_AVAIL_OUT)) > 0:
        if np.int64(load32(inflate + I_AVAIL_IN)) == 0:
            got = _refill(packed, inflate)
            if got < 0:
                sound = False
                break
            if got == 0 and np.int64(load32(inflate + I_BLOCK_STATE)) == I_FINISHED:
                break
        # At the file's end too: there may be more to come out of what went in.
        sound = _go_on(packed, inflate)
    if not sound:
        put(packed, U_UNSOUND, 1)
        return np.int64(-1)
    return room - np.int64(load32(inflate + I_AVAIL_OUT))


def unpack_some(packed, target, room):  # type: ignore[no-untyped-def]
    """The same, for who scans nothing."""
    return unpack(packed, target, room)
