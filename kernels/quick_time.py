"""Times at a glance: the usual shapes, the date remembered from the line before; -1 sends the line to the exact
reader."""

from __future__ import annotations

import numpy as np

from kernels.layout import (
    CLF,
    DATE_TIME,
    EPOCH,
    ISO,
    MEMO_DATE_1,
    MEMO_DATE_2,
    MEMO_DAY,
    MEMO_EPOCH,
    MEMO_HIGH,
    SEPARATOR,
    TIME_TYPE,
    TIME_UNIT,
    UNIT_AUTO,
    UNIT_MS,
    UNIT_NS,
    UNIT_S,
    UNIT_US,
    UNREADABLE,
    ZONE_SECONDS,
)
from kernels.options import inner
from kernels.simd import (
    digit_count,
)
from kernels.values import clock, days_from_civil, eight_digits, month_of, plain_digits, zone_offset
from kernels.words import (
    get,
    load8,
    load16,
    load32,
    load64,
    put,
)

U = np.uint64
_UTC_OFFSET = U(0x303030302B20)  # " +0000"
_MASK_48 = U(0xFFFFFFFFFFFF)
_POINT = U(0x1E00000000)  # turns a point in fifth place into a zero
_OVER = U(0x4646464646464646)
_ZEROS = U(0x3030303030303030)
_TOPS = U(0x8080808080808080)
_LAST_DAY = 49_700  # later ones may pass 2^32 seconds, by the exact reader's leave only


@inner
def quick_epoch(a, b, unit, state):  # type: ignore[no-untyped-def]
    """Seconds out of 10 digits with a fraction, or out of 13, 16 or 19 digits."""
    if b - a == 14 and load8(a + 10) == 46 and (unit == UNIT_AUTO or unit == UNIT_S):
        # The native line's own shape, ten digits, a point, three digits, without a vector compare: 2 ns less a line.
        last = load64(a + 6) ^ _POINT
        if ((last + _OVER) | (last - _ZEROS)) & _TOPS == U(0):
            word = load64(a)
            if word == U(get(state, MEMO_EPOCH)):  # for a hundred seconds: 2 ns less a line
                high = get(state, MEMO_HIGH)
            else:
                high = eight_digits(word)
                put(state, MEMO_EPOCH, np.int64(word))
                put(state, MEMO_HIGH, high)
            seconds = high * 100 + np.int64(((last >> U(16)) & U(15)) * U(10) + ((last >> U(24)) & U(15)))
            return seconds if high >= 0 and seconds < (1 << 32) else np.int64(UNREADABLE)
    count = digit_count(a)
    if count >= b - a:
        count = b - a
        if (
            (count == 10 and (unit == UNIT_AUTO or unit == UNIT_S))
            or (count == 13 and (unit == UNIT_AUTO or unit == UNIT_MS))
            or (count == 16 and (unit == UNIT_AUTO or unit == UNIT_US))
        ):
            pass
        elif not (count == 19 and (unit == UNIT_AUTO or unit == UNIT_NS)):
            return np.int64(UNREADABLE)
    elif (
        count != 10
        or (unit != UNIT_AUTO and unit != UNIT_S)
        or load8(a + 10) != 46
        or digit_count(a + 11) < b - a - 11
    ):
        return np.int64(UNREADABLE)
    high = eight_digits(load64(a))
    low = (load8(a + 8) - 48) * 10 + load8(a + 9) - 48
    seconds = high * 100 + low
    return seconds if seconds < (1 << 32) else np.int64(UNREADABLE)


@inner
def _clf_day(a, state):  # type: ignore[no-untyped-def]
    """Days since the epoch of `dd/Mon/yyyy:`, remembered; -1 where it is none."""
    first = load64(a)
    second = load32(a + 8)
    if first == U(get(state, MEMO_DATE_1)) and second == U(get(state, MEMO_DATE_2)):
        return get(state, MEMO_DAY)
    if load8(a + 2) != 47 or load8(a + 6) != 47 or load8(a + 11) != 58:
        return np.int64(UNREADABLE)
    day = plain_digits(a, 2)
    year = plain_digits(a + 7, 4)
    if day < 0 or year < 0:
        return np.int64(UNREADABLE)
    days = days_from_civil(year, month_of(a + 3), day)
    if days > _LAST_DAY:
        return np.int64(UNREADABLE)
    if days >= 0:
        put(state, MEMO_DATE_1, np.int64(first))
        put(state, MEMO_DATE_2, np.int64(second))
        put(state, MEMO_DAY, days)
    return days


@inner
def _iso_day(a, state):  # type: ignore[no-untyped-def]
    """Days since the epoch of `yyyy-mm-dd`, remembered; -1 where it is none."""
    first = load64(a)
    second = U(load16(a + 8))
    if first == U(get(state, MEMO_DATE_1)) and second == U(get(state, MEMO_DATE_2)):
        return get(state, MEMO_DAY)
    if load8(a + 4) != 45 or load8(a + 7) != 45:
        return np.int64(UNREADABLE)
    year = plain_digits(a, 4)
    month = plain_digits(a + 5, 2)
    day = plain_digits(a + 8, 2)
    if year < 0 or month < 0 or day < 0:
        return np.int64(UNREADABLE)
    days = days_from_civil(year, month, day)
    if days > _LAST_DAY:
        return np.int64(UNREADABLE)
    if days >= 0:
        put(state, MEMO_DATE_1, np.int64(first))
        put(state, MEMO_DATE_2, np.int64(second))
        put(state, MEMO_DAY, days)
    return days


@inner
def quick_clf(a, b, limit, separator, state):  # type: ignore[no-untyped-def]
    """`[dd/Mon/yyyy:HH:MM:SS` up to the column's end, ` ±HHMM` behind it."""
    if b - a != 21 or load8(a) != 91 or limit - b < 7 or load8(b + 6) != 93:
        return np.int64(UNREADABLE)
    days = _clf_day(a + 1, state)
    of_day = clock(a + 13)
    if days < 0 or of_day < 0 or load8(b) != 32 or (limit - b > 7 and load8(b + 7) != separator):
        return np.int64(UNREADABLE)
    zone = np.int64(0)
    if load64(b) & _MASK_48 != _UTC_OFFSET:
        zone = zone_offset(b + 1, b + 6, False)
        if zone < -(1 << 39):
            return np.int64(UNREADABLE)
    return days * 86400 + of_day - zone


@inner
def quick_clf_text(a, b, state):  # type: ignore[no-untyped-def]
    """`dd/Mon/yyyy:HH:MM:SS ±HHMM`, without brackets."""
    if b - a != 26 or load8(a + 20) != 32:
        return np.int64(UNREADABLE)
    days = _clf_day(a, state)
    of_day = clock(a + 12)
    if days < 0 or of_day < 0:
        return np.int64(UNREADABLE)
    zone = np.int64(0)
    if load64(a + 20) & _MASK_48 != _UTC_OFFSET:
        zone = zone_offset(a + 21, a + 26, False)
        if zone < -(1 << 39):
            return np.int64(UNREADABLE)
    return days * 86400 + of_day - zone


@inner
def quick_iso(a, b, state):  # type: ignore[no-untyped-def]
    """`yyyy-mm-ddTHH:MM:SS(.digits)?Z`."""
    middle = load8(a + 10)
    if b - a < 20 or b - a > 40 or load8(b - 1) != 90 or (middle != 84 and middle != 32):
        return np.int64(UNREADABLE)
    days = _iso_day(a, state)
    of_day = clock(a + 11)
    if days < 0 or of_day < 0:
        return np.int64(UNREADABLE)
    if b - a > 20 and (b - a == 21 or load8(a + 19) != 46 or digit_count(a + 20) != b - a - 21):
        return np.int64(UNREADABLE)
    return days * 86400 + of_day


@inner
def quick_json_time(spec, state, a, b):  # type: ignore[no-untyped-def]
    """The same of a value of NDJSON, where an epoch or an ISO time may stand for the other."""
    kind = get(spec, TIME_TYPE)
    if kind == EPOCH or kind == ISO:
        return (
            quick_iso(a, b, state) if load8(a + 4) == 45 else quick_epoch(a, b, get(spec, TIME_UNIT), state)
        )
    return quick_clf_text(a, b, state) if kind == CLF else np.int64(UNREADABLE)


@inner
def quick_time(spec, state, a, b, c, d, limit):  # type: ignore[no-untyped-def]
    """Epoch seconds of the usual shape of the format's time, else -1."""
    kind = get(spec, TIME_TYPE)
    if kind == EPOCH:
        return quick_epoch(a, b, get(spec, TIME_UNIT), state)
    if kind == CLF:
        return quick_clf(a, b, limit, get(spec, SEPARATOR), state)
    if kind == DATE_TIME:
        if b - a != 10 or d - c != 8:
            return np.int64(UNREADABLE)
        days = _iso_day(a, state)
        of_day = clock(c)
        if days < 0 or of_day < 0:
            return np.int64(UNREADABLE)
        return days * 86400 + of_day - get(spec, ZONE_SECONDS)
    return quick_iso(a, b, state)
