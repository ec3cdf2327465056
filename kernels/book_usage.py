"""Many customers' facts at once: which rows count, their sums by what plans tell apart, and bytes in samples.

Rows come from the store as columns, in any order; sums go to pipeline.rating.book_usage.
"""

from __future__ import annotations

import numpy as np

from kernels.words import bump, get, load8, load16, load32, load64, prefetch, put, store8, store32, store64

NOBODY = 0xFFFFFFFF
"""The customer of a row that does not count."""

CELL_WORDS = 4
"""Requests, bytes sent, body bytes and rows of a cell."""

_SPREAD = 0x9E3779B97F4A7C15

_AHEAD = 24
"""Rows whose place in a table is asked for early."""


def fill_winners(ids, n, table, bits):  # type: ignore[no-untyped-def]
    """Put n ids into a table of 2^bits uint64, all zero before, at least twice as many as ids; how many are zero
    themselves, which a table does not hold."""
    mask = (np.int64(1) << bits) - 1
    shift = np.uint64(64 - bits)
    zeros = np.int64(0)
    for i in range(n):
        soon = load64(ids + 8 * min(i + _AHEAD, n - 1))
        prefetch(table + 8 * np.int64((soon * np.uint64(_SPREAD)) >> shift))
        value = load64(ids + 8 * i)
        if value == np.uint64(0):
            zeros += 1
            continue
        at = np.int64((value * np.uint64(_SPREAD)) >> shift)
        while True:
            held = load64(table + 8 * at)
            if held == np.uint64(0):
                store64(table + 8 * at, value)
                break
            if held == value:
                break
            at = (at + 1) & mask
    return zeros


def mark_winners(ids, n, table, bits, zeros, out):  # type: ignore[no-untyped-def]
    """uint8[n] at `out`: whether each id is in the table of `fill_winners`; how many are."""
    mask = (np.int64(1) << bits) - 1
    shift = np.uint64(64 - bits)
    found = np.int64(0)
    for i in range(n):
        soon = load64(ids + 8 * min(i + _AHEAD, n - 1))
        prefetch(table + 8 * np.int64((soon * np.uint64(_SPREAD)) >> shift))
        value = load64(ids + 8 * i)
        at = np.int64((value * np.uint64(_SPREAD)) >> shift)
        there = np.int64(0)
        if value == np.uint64(0):
            there = np.int64(zeros > 0)
        else:
            while True:
                held = load64(table + 8 * at)
                if held == value:
                    there = np.int64(1)
                    break
                if held == np.uint64(0):
                    break
                at = (at + 1) & mask
        store8(out + i, there)
        found += there
    return found


def add_rows(n, rows, names, members, hours, first_minute, zones, classes, limit, cells, member):  # type: ignore[no-untyped-def]
    """Add n rows to the cells of their customers; how many rows count.

    Addresses: rows: int64[7], addresses of uint8[n], whether a row counts, or 0 where all do; uint32[n], its name's
    place; uint16[n], its zone; uint32[n], its minute; requests, bytes sent, body bytes, uint64[n]. names: int64[2]:
    of int32, each name's customer, -1 for nobody, and his group of cells. members: int64[2]: of int64, the minutes
    [from, to) that count of each customer. hours: uint8, the class of each minute from `first_minute` on. cells:
    uint64[groups, classes, zones, 4]; none grows beyond `limit`. member: uint32[n], gets each row's customer or NOBODY.
    """
    wanted, name, zone, minute = get(rows, 0), get(rows, 1), get(rows, 2), get(rows, 3)
    requests, sent, body = get(rows, 4), get(rows, 5), get(rows, 6)
    owners, groups = get(names, 0), get(names, 1)
    begins, ends = get(members, 0), get(members, 1)
    most = np.uint64(limit)
    counted = np.int64(0)
    for i in range(n):
        store32(member + 4 * i, NOBODY)
        if wanted != 0 and load8(wanted + i) == 0:
            continue
        of = np.int64(load32(name + 4 * i))
        who = np.int64(load32(owners + 4 * of))
        if who >= NOBODY:
            continue
        at = np.int64(load32(minute + 4 * i))
        if at < get(begins, who) or at >= get(ends, who):
            continue
        store32(member + 4 * i, who)
        group = np.int64(load32(groups + 4 * of))
        line = group * classes + load8(hours + at - first_minute)
        cell = cells + 8 * CELL_WORDS * (line * zones + load16(zone + 2 * i))
        for word in range(3):
            source = requests
            if word == 1:
                source = sent
            elif word == 2:
                source = body
            value = load64(source + 8 * i)
            before = load64(cell + 8 * word)
            total = before + value
            if total < before or total > most:
                total = most
            store64(cell + 8 * word, total)
        bump(cell, 3, 1)
        counted += 1
    return counted


def pool_rows(order, begin, end, rows, names, first, per, samples, sums, seen):  # type: ignore[no-untyped-def]
    """Add the bytes of the rows order[begin:end], all of one customer, to his samples; how many rows.

    Addresses: order: int64; rows: as in `add_rows`; names: uint8, whether a name's rows are wanted; sums:
    uint64[zones, samples], of `per` minutes each from the minute `first` on; seen: uint8 of the same shape, or 0.
    """
    name, zone, minute, sent = get(rows, 1), get(rows, 2), get(rows, 3), get(rows, 5)
    for j in range(begin, end):
        i = get(order, j)
        if load8(names + np.int64(load32(name + 4 * i))) == 0:
            continue
        at = load16(zone + 2 * i) * samples + (np.int64(load32(minute + 4 * i)) - first) // per
        put(sums, at, get(sums, at) + np.int64(load64(sent + 8 * i)))
        if seen != 0:
            store8(seen + at, 1)
    return end - begin
