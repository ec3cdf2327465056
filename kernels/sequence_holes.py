"""Numbers that no segment has: ledger rows joined into runs of numbers, and the holes between the runs.

Rows come from the store's ledger by way of pipeline.coverage.sequences, and holes go back there. Rows that continue
one another are joined as they come, so a month without a loss is one run a stream, whatever its number of rows; only
runs are ever sorted. (Sorting 8.6 M rows first: 1.1 s; this: 0.08 s.)

A run is int64[7]: counting (a stream and epoch and unit, numbered), first and next number, the minutes of the segments
that hold its first and its last number, how many of its numbers its segments say they do not hold, unit.
"""

from __future__ import annotations

import numpy as np

from kernels.options import inner
from kernels.words import bump, get, load8, load32, load64, prefetch, put, store32

COUNTING, FIRST, NEXT, MINUTE, LAST_MINUTE, LACKING, UNIT = range(7)
RUN = 7

SLOTS = 4
"""Runs that a stream has open at a time."""

_LINES, _BYTES = 1, 2

_TOO_LARGE = np.uint64(1 << 62)
"""Numbers from here on are no sequence numbers; a row that has them says nothing."""

_NONE = -1

_AHEAD = 16
"""Rows between asking for a row and reading it, where they are not read as they lie."""


@inner
def _write(runs, place, counting, first, after, minute, last_minute, lacking, unit):  # type: ignore[no-untyped-def]
    run = runs + 8 * RUN * place
    put(run, COUNTING, counting)
    put(run, FIRST, first)
    put(run, NEXT, after)
    put(run, MINUTE, minute)
    put(run, LAST_MINUTE, last_minute)
    put(run, LACKING, lacking)
    put(run, UNIT, unit)


@inner
def _move(target, run):  # type: ignore[no-untyped-def]
    for i in range(RUN):
        put(target, i, get(run, i))


@inner
def _extend(run, counting, at, to, when):  # type: ignore[no-untyped-def]
    """Let a run go on with numbers of its counting that touch it and come no earlier than what they follow."""
    if get(run, COUNTING) != counting:
        return False
    if get(run, NEXT) == at and when >= get(run, LAST_MINUTE):
        put(run, NEXT, to)
        put(run, LAST_MINUTE, when)
        return True
    if get(run, FIRST) == to and when <= get(run, MINUTE):
        put(run, FIRST, at)
        put(run, MINUTE, when)
        return True
    return False


@inner
def _join_open(slots, grown):  # type: ignore[no-untyped-def]
    """Join the run that has grown with another open one that it now touches."""
    run = slots + 8 * RUN * grown
    for j in range(SLOTS):
        other = slots + 8 * RUN * j
        if j == grown or get(other, COUNTING) != get(run, COUNTING):
            continue
        if get(run, NEXT) == get(other, FIRST) and get(run, LAST_MINUTE) <= get(other, MINUTE):
            put(run, NEXT, get(other, NEXT))
            put(run, LAST_MINUTE, get(other, LAST_MINUTE))
            put(other, COUNTING, _NONE)
            return
        if get(other, NEXT) == get(run, FIRST) and get(other, LAST_MINUTE) <= get(run, MINUTE):
            put(run, FIRST, get(other, FIRST))
            put(run, MINUTE, get(other, MINUTE))
            put(other, COUNTING, _NONE)
            return


@inner
def _ask_for(columns, row):  # type: ignore[no-untyped-def]
    """Ask for the cache lines of a row, soon to be read."""
    for j in range(3):
        prefetch(get(columns, j) + 4 * row)
    prefetch(get(columns, 3) + row)
    for j in range(4, 8):
        prefetch(get(columns, j) + 8 * row)


def join_segments(columns, order, start, n, streams, epochs, epoch_count, open_runs, runs, room, counts):  # type: ignore[no-untyped-def]
    """Join rows [start, n) into runs; the row to go on with: n, or less where `runs` is full.

    Each stream has SLOTS runs open, so that parts of a minute may come in any order, and two epochs in turn.

    Addresses: columns: int64[9], where stream, minute, epoch (uint32[n]), unit (uint8[n]), first, next, lines,
    duplicates, content bytes (uint64[n]) are. order: uint32[n], the rows' order, or 0 where it is their own. streams,
    epochs: int64[], the number of a row's stream and epoch among all. open_runs: int64[streams, SLOTS, 7], counting
    -1 where a slot is free. runs: int64[room, 7]. counts: int64[1], how many runs are written.
    """
    stream, minute, epoch, unit = get(columns, 0), get(columns, 1), get(columns, 2), get(columns, 3)
    first, after = get(columns, 4), get(columns, 5)
    lines, duplicates, content = get(columns, 6), get(columns, 7), get(columns, 8)
    i = start
    while i < n:
        if order == 0 and i + 8 <= n and load64(unit + i) == np.uint64(0):
            i += 8
            continue
        if get(counts, 0) >= room:
            return i
        row = i
        if order != 0:
            row = np.int64(load32(order + 4 * i))
            if i + _AHEAD < n:
                _ask_for(columns, np.int64(load32(order + 4 * (i + _AHEAD))))
        i += 1
        kind = load8(unit + row)
        if kind != _LINES and kind != _BYTES:
            continue
        number, beyond = load64(first + 8 * row), load64(after + 8 * row)
        if number > beyond or beyond >= _TOO_LARGE:
            continue
        at = np.int64(number)
        to = np.int64(beyond)
        if kind == _LINES:
            lacking = to - at - (np.int64(load64(lines + 8 * row)) - np.int64(load64(duplicates + 8 * row)))
        else:
            lacking = to - at - np.int64(load64(content + 8 * row))
        when = np.int64(load32(minute + 4 * row))
        name = get(streams, np.int64(load32(stream + 4 * row)))
        counting = (name * epoch_count + get(epochs, np.int64(load32(epoch + 4 * row)))) * 4 + kind
        if lacking > 0:
            _write(runs, get(counts, 0), counting, at, to, when, when, lacking, kind)
            bump(counts, 0, 1)
            continue
        slots = open_runs + 8 * RUN * SLOTS * name
        grown = -1
        for j in range(SLOTS):
            if _extend(slots + 8 * RUN * j, counting, at, to, when):
                grown = j
                break
        if grown >= 0:
            if get(slots + 8 * RUN * 1, COUNTING) != _NONE or grown > 0:
                _join_open(slots, grown)
            continue
        place = 0
        for j in range(SLOTS):
            here = slots + 8 * RUN * j
            if get(here, COUNTING) == _NONE:
                place = j
                break
            if get(here, LAST_MINUTE) < get(slots + 8 * RUN * place, LAST_MINUTE):
                place = j
        if get(slots + 8 * RUN * place, COUNTING) != _NONE:
            _move(runs + 8 * RUN * get(counts, 0), slots + 8 * RUN * place)
            bump(counts, 0, 1)
        _write(slots, place, counting, at, to, when, when, 0, kind)
    return n


def order_by_minute(minute, n, first, order, counts, width):  # type: ignore[no-untyped-def]
    """The stable order of n rows by minute; n. Addresses: minute: uint32[n], from `first` on and less than `width`
    later; order: uint32[n]; counts: int64[width], zeros."""
    for i in range(n):
        bump(counts, np.int64(load32(minute + 4 * i)) - first, 1)
    total = 0
    for i in range(width):
        here = get(counts, i)
        put(counts, i, total)
        total += here
    for i in range(n):
        key = np.int64(load32(minute + 4 * i)) - first
        store32(order + 4 * get(counts, key), i)
        bump(counts, key, 1)
    return n


def number_countings(runs, n, begun):  # type: ignore[no-untyped-def]
    """Tell the times apart that one counting began anew without saying so; how many times there were.

    It may have begun anew where a later minute has the number 0 or 1 again, or only numbers below all before: a file
    that is counted under an old inode's name, a process that restarts. It has, unless what follows goes on above all
    before: then it was a repetition, and fewer numbers are lost. A segment that has the last numbers of before and the
    first of after is cut. Nothing is known of numbers lost across.

    Addresses: runs: int64[n, 7] by counting, minute and first number; begun: int64[n], which time each run belongs to,
    ascending over all countings.
    """
    time, before = -1, -1
    low, high, latest, since, reach = 0, 0, 0, 0, 0
    counting = np.int64(-1)
    for i in range(n):
        run = runs + 8 * RUN * i
        first, after, when = get(run, FIRST), get(run, NEXT), get(run, MINUTE)
        if get(run, COUNTING) != counting:
            counting = get(run, COUNTING)
            time += 1
            before = -1
            low, high, latest = first, after, get(run, LAST_MINUTE)
            put(begun, i, time)
            continue
        torn = get(run, LACKING) > 0 and first < low and after > high
        anew = when >= latest and after > first and ((first <= 1 and high > 1) or after < low or torn)
        if anew and i + 1 < n and get(run + 8 * RUN, COUNTING) == counting:
            anew = get(run + 8 * RUN, FIRST) < high
        elif anew and get(run, LACKING) > 0 and low <= first and after <= high:
            anew = False  # it leaves out what others hold
        if anew:
            before, since, reach = time, when, high
            if after > high and get(run, LACKING) > 0:
                held = after - first - get(run, LACKING)
                after = first + max(0, held - (after - high))
                put(run, NEXT, after)
                put(run, LACKING, 0)
                before = -1
            time += 1
            low, high = first, after
        elif before >= 0 and when == since and first >= reach and first != high:
            # In the minute of the new beginning, and going on with the old numbers.
            reach = max(reach, after)
            put(begun, i, before)
            continue
        else:
            low, high = min(low, first), max(high, after)
        latest = max(latest, get(run, LAST_MINUTE))
        put(begun, i, time)
    return time + 1


@inner
def _hole(holes, place, run, first, after, from_minute, after_minute, inside):  # type: ignore[no-untyped-def]
    hole = holes + 48 * place
    put(hole, 0, run)
    put(hole, 1, first)
    put(hole, 2, after)
    put(hole, 3, from_minute)
    put(hole, 4, after_minute)
    put(hole, 5, inside)


def find_holes(runs, begun, n, holes):  # type: ignore[no-untyped-def]
    """The holes between runs and within them; how many.

    Segments that overlap are judged together: lines that one leaves out for another are counted in the other only.
    Addresses: runs: int64[n, 7], begun: int64[n], by begun, first and next number; holes: int64[2 n, 6]: a run's place,
    first and next number, first minute and the one after, whether within a segment.
    """
    count = 0
    high, high_minute = 0, 0
    lacking, overlap, from_minute, to_minute, end = 0, 0, 0, 0, 0
    for i in range(n + 1):
        run = runs + 8 * RUN * min(i, n - 1)
        fresh = i == n or i == 0 or get(begun, i) != get(begun, i - 1)
        first, after = get(run, FIRST), get(run, NEXT)
        if fresh or first >= high:
            if lacking > overlap:
                lost = lacking - overlap
                _hole(holes, count, i - 1, end - lost, end, from_minute, to_minute + 1, 1)
                count += 1
            lacking, overlap = 0, 0
        if i == n:
            break
        if not fresh and first > high:
            when = get(run, MINUTE)
            if high_minute < when:
                _hole(holes, count, i, high, first, high_minute, when, 0)
            else:
                _hole(holes, count, i, high, first, when, when + 1, 0)
            count += 1
        if not fresh and first < high and get(run, UNIT) == _LINES:
            overlap += min(high, after) - first
        if get(run, LACKING) > 0:
            if lacking == 0:
                from_minute, to_minute = get(run, MINUTE), get(run, MINUTE)
            lacking += get(run, LACKING)
            from_minute, to_minute = min(from_minute, get(run, MINUTE)), max(to_minute, get(run, MINUTE))
            end = after
        if fresh or after > high:
            high, high_minute = after, get(run, LAST_MINUTE)
        elif after == high:
            high_minute = max(high_minute, get(run, LAST_MINUTE))
    return count
