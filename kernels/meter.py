"""Sums of usage into minutes: facts as they are read, to the rows of pipeline.rating.usage, and those rows to the cube
that pipeline.rating.meter reads."""

from __future__ import annotations

import numpy as np

from kernels.options import inner
from kernels.words import (
    bump,
    get,
    load8,
    load16,
    load32,
    load64,
    prefetch,
    put,
    store8,
    store16,
    store32,
    store64,
)

CELL_WORDS = 4
"""Requests, bytes sent, body bytes and rows of a cell."""

_AHEAD = 24
"""Rows whose place among the winners is asked for early: 1.7 M facts among 2 M winners take 14 ms, else 20 to 25."""

_SPREAD = 0x9E3779B97F4A7C15


@inner
def _is_winner(value, table, shift, mask, zeros):  # type: ignore[no-untyped-def]
    if value == np.uint64(0):
        return zeros > 0
    at = np.int64((value * np.uint64(_SPREAD)) >> shift)
    while True:
        held = load64(table + 8 * at)
        if held == value:
            return True
        if held == np.uint64(0):
            return False
        at = (at + 1) & mask


def add_facts(n, rows, winners, zone_of, slot_of, first, width, zones, cells, seen, left):  # type: ignore[no-untyped-def]
    """Add the winners among n facts to the cells of their names; how many of them are left, whose places go to `left`.

    Addresses: rows: int64[7], addresses of uint64[n], write_ids, or 0 where all rows count; uint32[n], names;
    uint16[n], edges; uint32[n], minutes; requests, bytes sent, body bytes, uint64[n]. winners: int64[3]: the table of
    `kernels.book_usage.fill_winners`, its bits, and the zeros that it does not hold. zone_of: uint16[2^16], of each
    edge. slot_of: int64, the place of each name's cells, below 0 for none. cells: uint64[slots, width, zones, 4], of
    minutes from `first` on. seen: uint8[2^16], edges of winners. left: uint32[n]: winners without cells, and those that
    would pass 2^64.
    """
    ids, name, edge, minute = get(rows, 0), get(rows, 1), get(rows, 2), get(rows, 3)
    requests, sent, body = get(rows, 4), get(rows, 5), get(rows, 6)
    table, bits, zeros = get(winners, 0), get(winners, 1), get(winners, 2)
    mask, shift = (np.int64(1) << bits) - 1, np.uint64(64 - bits)
    kept = np.int64(0)
    for i in range(n):
        if ids != 0:
            soon = load64(ids + 8 * min(i + _AHEAD, n - 1))
            prefetch(table + 8 * np.int64((soon * np.uint64(_SPREAD)) >> shift))
            if not _is_winner(load64(ids + 8 * i), table, shift, mask, zeros):
                continue
        of = load16(edge + 2 * i)
        store8(seen + of, 1)
        slot = get(slot_of, np.int64(load32(name + 4 * i)))
        at = np.int64(load32(minute + 4 * i)) - first
        if slot < 0 or at < 0 or at >= width:
            store32(left + 4 * kept, i)
            kept += 1
            continue
        cell = cells + 8 * CELL_WORDS * ((slot * width + at) * zones + load16(zone_of + 2 * of))
        asked, out, inside = load64(requests + 8 * i), load64(sent + 8 * i), load64(body + 8 * i)
        all_asked, all_out, all_inside = (
            asked + load64(cell),
            out + load64(cell + 8),
            inside + load64(cell + 16),
        )
        if all_asked < asked or all_out < out or all_inside < inside:
            store32(left + 4 * kept, i)
            kept += 1
            continue
        store64(cell, all_asked)
        store64(cell + 8, all_out)
        store64(cell + 16, all_inside)
        bump(cell, 3, 1)
    return kept


def list_cells(cells, width, zones, first, out):  # type: ignore[no-untyped-def]
    """The cells of one name that hold rows, as columns; how many. By minutes, then zones.

    Addresses: cells: uint64[width, zones, 4]. out: int64[5]: addresses of uint32, minutes, and uint16, zones; uint64,
    the three counts; each for as many rows as there are cells.
    """
    minute, zone = get(out, 0), get(out, 1)
    requests, sent, body = get(out, 2), get(out, 3), get(out, 4)
    found = np.int64(0)
    for at in range(width):
        for place in range(zones):
            cell = cells + 8 * CELL_WORDS * (at * zones + place)
            if get(cell, 3) == 0:
                continue
            store32(minute + 4 * found, first + at)
            store16(zone + 2 * found, place)
            store64(requests + 8 * found, load64(cell))
            store64(sent + 8 * found, load64(cell + 8))
            store64(body + 8 * found, load64(cell + 16))
            found += 1
    return found


def sum_minutes(minute, line, wanted, values, n, first, width, cube):  # type: ignore[no-untyped-def]
    """Add n values to a cube of minutes; how many sums passed 2^64. Minutes out of [first, first + width) are left.

    Addresses: minute, line: uint32[n], a minute and the line of the cube; wanted: uint8[n], 0 for rows that are left;
    values: uint64[n]; cube: uint64[lines, width].
    """
    over = np.int64(0)
    for i in range(n):
        at = np.int64(load32(minute + 4 * i)) - first
        if at < 0 or at >= width or load8(wanted + i) == 0:
            continue
        place = cube + 8 * (np.int64(load32(line + 4 * i)) * width + at)
        before = load64(place)
        after = before + load64(values + 8 * i)
        store64(place, after)
        over += np.int64(after < before)
    return over


def see_minutes(minute, line, wanted, n, first, width, seen):  # type: ignore[no-untyped-def]
    """Mark the minutes that have a row, if only of zeros; how many rows. Addresses: as in `sum_minutes`; seen:
    uint8[lines, width]."""
    found = np.int64(0)
    for i in range(n):
        at = np.int64(load32(minute + 4 * i)) - first
        if at < 0 or at >= width or load8(wanted + i) == 0:
            continue
        store8(seen + np.int64(load32(line + 4 * i)) * width + at, 1)
        found += 1
    return found


def pool_samples(cube, lines, width, per, offset, samples, out):  # type: ignore[no-untyped-def]
    """Sums of `per` minutes each, from the minute `offset` on; how many passed 2^64. A last one may be shorter.

    Addresses: cube: uint64[lines, width]; out: uint64[lines, samples].
    """
    over = np.int64(0)
    for row in range(lines):
        for i in range(samples):
            total = np.uint64(0)
            for j in range(offset + i * per, min(offset + (i + 1) * per, width)):
                value = np.uint64(get(cube, row * width + j))
                total += value
                over += np.int64(total < value)
            put(out, row * samples + i, total)
    return over
