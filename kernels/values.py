"""Integers and times out of raw bytes: exact readers, and quick ones that give up on whatever is unusual.

Addresses are int64, `end` exclusive. The grammar is the one of docs/formats.md. Eight digits at once: the well-known
multiply-and-shift reduction of a little-endian word.
"""

from __future__ import annotations

import numpy as np

from kernels.layout import (
    BYTES_LIMIT,
    CLF,
    DATE_TIME,
    EPOCH,
    ISO,
    UNIT_AUTO,
    UNIT_MS,
    UNIT_NS,
    UNIT_S,
    UNIT_US,
    UNKNOWN,
    UNREADABLE,
)
from kernels.options import inner, outer
from kernels.words import (
    load8,
    load32,
    load64,
)

U = np.uint64
_ZEROS = U(0x3030303030303030)
_TOPS = U(0x8080808080808080)
_OVER = U(0x4646464646464646)
_ALL = U(0xFFFFFFFFFFFFFFFF)
_MAX = (1 << 63) - 1
_LAST_TIME = (1 << 32) - 1
NO_DAY = -(1 << 40)


@inner
def eight_digits(word):  # type: ignore[no-untyped-def]
    """The number in a word of eight digits, or UNREADABLE."""
    if ((word + _OVER) | (word - _ZEROS)) & _TOPS:
        return np.int64(UNREADABLE)
    word = ((word & U(0x0F0F0F0F0F0F0F0F)) * U(2561)) >> U(8)
    word = ((word & U(0x00FF00FF00FF00FF)) * U(6553601)) >> U(16)
    return np.int64(((word & U(0x0000FFFF0000FFFF)) * U(42949672960001)) >> U(32))


@inner
def digits_up_to_8(address, length):  # type: ignore[no-untyped-def]
    """The number in 1 to 8 digits, or UNREADABLE; reads the eight bytes that end with the last digit."""
    keep = _ALL << U(64 - 8 * length)
    return eight_digits((load64(address + length - 8) & keep) | (_ZEROS & ~keep))


@inner
def quick_integer(address, end):  # type: ignore[no-untyped-def]
    """1 to 16 plain digits, or UNREADABLE for whatever else: then ask exact_integer."""
    length = end - address
    if length < 1 or length > 16:
        return np.int64(UNREADABLE)
    if length <= 8:
        return digits_up_to_8(address, length)
    high = digits_up_to_8(address, length - 8)
    low = eight_digits(load64(end - 8))
    if high < 0 or low < 0:
        return np.int64(UNREADABLE)
    return high * 100_000_000 + low


@outer
def exact_integer(address, end):  # type: ignore[no-untyped-def]
    """`[+]?[0-9]{1,19}` up to 2^63 - 1; UNKNOWN for nothing or `-`; else UNREADABLE."""
    length = end - address
    if length == 0 or (length == 1 and load8(address) == 45):
        return np.int64(UNKNOWN)
    if load8(address) == 43:
        address += 1
    if end - address < 1 or end - address > 19:
        return np.int64(UNREADABLE)
    value = U(0)
    while address < end:
        digit = load8(address) - 48
        if digit < 0 or digit > 9:
            return np.int64(UNREADABLE)
        value = value * U(10) + U(digit)
        address += 1
    if value > U(_MAX):
        return np.int64(UNREADABLE)
    return np.int64(value)


@outer
def exact_bytes(address, end):  # type: ignore[no-untyped-def]
    """As exact_integer, but at most BYTES_LIMIT: what one response sends. It is all that quick_integer reads."""
    value = exact_integer(address, end)
    return value if value <= BYTES_LIMIT else np.int64(UNREADABLE)


@inner
def three_digits(address):  # type: ignore[no-untyped-def]
    """The number in three digits, or UNREADABLE."""
    word = load32(address) & U(0xFFFFFF)
    if ((word + U(0x464646)) | (word - U(0x303030))) & U(0x808080):
        return np.int64(UNREADABLE)
    return np.int64((word & U(15)) * U(100) + ((word >> U(8)) & U(15)) * U(10) + ((word >> U(16)) & U(15)))


@inner
def plain_digits(address, count):  # type: ignore[no-untyped-def]
    """Exactly `count` digits, or UNREADABLE."""
    value = np.int64(0)
    for i in range(count):
        digit = load8(address + i) - 48
        if digit < 0 or digit > 9:
            return np.int64(UNREADABLE)
        value = value * 10 + digit
    return value


@outer
def days_from_civil(year, month, day):  # type: ignore[no-untyped-def]
    """Days since 1970-01-01 of a proleptic Gregorian date from 1969 on, or NO_DAY where there is no such day.

    The era arithmetic of H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    """
    if month < 1 or month > 12 or day < 1:
        return np.int64(NO_DAY)
    longest = 31
    if month == 4 or month == 6 or month == 9 or month == 11:
        longest = 30
    elif month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        longest = 29 if leap else 28
    if day > longest or year < 1969:
        return np.int64(NO_DAY)
    y = year - (1 if month <= 2 else 0)
    era = y // 400
    of_era = y - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return np.int64(era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468)


@inner
def clock(address):  # type: ignore[no-untyped-def]
    """Seconds of the day from `HH:MM:SS` in eight bytes, or UNREADABLE."""
    word = load64(address)
    if word & U(0x0000FF0000FF0000) != U(0x00003A00003A0000):
        return np.int64(UNREADABLE)
    plain = (word & ~U(0x0000FF0000FF0000)) | U(0x0000300000300000)
    if ((plain + _OVER) | (plain - _ZEROS)) & _TOPS:
        return np.int64(UNREADABLE)
    d = plain & U(0x0F0F0F0F0F0F0F0F)
    hours = np.int64((d & U(15)) * U(10) + ((d >> U(8)) & U(15)))
    minutes = np.int64(((d >> U(24)) & U(15)) * U(10) + ((d >> U(32)) & U(15)))
    seconds = np.int64(((d >> U(48)) & U(15)) * U(10) + (d >> U(56)))
    if hours > 23 or minutes > 59 or seconds > 60:
        return np.int64(UNREADABLE)
    return hours * 3600 + minutes * 60 + seconds


@outer
def month_of(address):  # type: ignore[no-untyped-def]
    """1 to 12 for an English month's three letters, else 0."""
    a = load8(address)
    b = load8(address + 1)
    c = load8(address + 2)
    names = b"JanFebMarAprMayJunJulAugSepOctNovDec"
    for m in range(12):
        if a == names[3 * m] and b == names[3 * m + 1] and c == names[3 * m + 2]:
            return np.int64(m + 1)
    return np.int64(0)


@outer
def zone_offset(address, end, colon_allowed):  # type: ignore[no-untyped-def]
    """Seconds east of UTC from `±HHMM` (or `±HH:MM`) that fills address to end; UNREADABLE as -2^40."""
    bad = np.int64(-(1 << 40))
    length = end - address
    if length != 5 and not (colon_allowed and length == 6 and load8(address + 3) == 58):
        return bad
    sign = load8(address)
    hours = plain_digits(address + 1, 2)
    minutes = plain_digits(end - 2, 2)
    if (sign != 43 and sign != 45) or hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return bad
    seconds = hours * 3600 + minutes * 60
    return seconds if sign == 43 else -seconds


@inner
def _skip_fraction(p, end, comma):  # type: ignore[no-untyped-def]
    """Past `.digits` (or `,digits`), if there is one; p where there is none; -1 for a point without digits."""
    if p < end and (load8(p) == 46 or (comma and load8(p) == 44)):
        q = p + 1
        while q < end and 48 <= load8(q) <= 57:
            q += 1
        return q if q > p + 1 else np.int64(-1)
    return p


@outer
def exact_epoch(a, b, unit):  # type: ignore[no-untyped-def]
    """`[0-9]{1,19}(.[0-9]*)?` in the given unit, or judged by its digits, as whole seconds."""
    p = a
    value = U(0)
    while p < b and 48 <= load8(p) <= 57:
        value = value * U(10) + U(load8(p) - 48)
        p += 1
    count = p - a
    if count < 1 or count > 19:
        return np.int64(UNREADABLE)
    if p < b:
        if load8(p) != 46:
            return np.int64(UNREADABLE)
        p += 1
        while p < b:
            if load8(p) < 48 or load8(p) > 57:
                return np.int64(UNREADABLE)
            p += 1
    if unit == UNIT_AUTO:
        unit = UNIT_S if count <= 11 else UNIT_MS if count <= 14 else UNIT_US if count <= 17 else UNIT_NS
    if unit == UNIT_MS:
        value //= U(1_000)
    elif unit == UNIT_US:
        value //= U(1_000_000)
    elif unit == UNIT_NS:
        value //= U(1_000_000_000)
    return np.int64(value) if value <= U(_LAST_TIME) else np.int64(UNREADABLE)


@outer
def exact_clf(a, b, limit, zone, separator):  # type: ignore[no-untyped-def]
    """`[dd/Mon/yyyy:HH:MM:SS ±HHMM]`; brackets, fraction and offset may be missing. The offset is looked for after
    the seconds even beyond the column's end, up to `limit`, the line's end."""
    bad = np.int64(UNREADABLE)
    bracket = a < b and load8(a) == 91
    if bracket:
        a += 1
    if b - a < 20 or load8(a + 2) != 47 or load8(a + 6) != 47 or load8(a + 11) != 58:
        return bad
    day = plain_digits(a, 2)
    year = plain_digits(a + 7, 4)
    of_day = clock(a + 12)
    if day < 0 or year < 0 or of_day < 0:
        return bad
    days = days_from_civil(year, month_of(a + 3), day)
    p = _skip_fraction(a + 20, b, False)
    if days == NO_DAY or p < 0:
        return bad
    if (
        p + 6 <= limit
        and load8(p) == 32
        and (load8(p + 1) == 43 or load8(p + 1) == 45)
        and plain_digits(p + 2, 4) >= 0
    ):
        zone = zone_offset(p + 1, p + 6, False)
        p += 6
        if zone < -(1 << 39):
            return bad
    if p < limit and load8(p) == 93:
        p += 1
    elif bracket:
        return bad
    if p != b and p != limit and (p < b or load8(p) != separator):
        return bad
    return days * 86400 + of_day - zone


@outer
def exact_iso(a, b, zone):  # type: ignore[no-untyped-def]
    """RFC 3339, a space or small letters allowed, brackets around it too; without an offset it is in the format's
    zone."""
    bad = np.int64(UNREADABLE)
    bracket = a < b and load8(a) == 91
    if bracket:
        a += 1
    if b > a and load8(b - 1) == 93:
        b -= 1
    elif bracket:
        return bad
    if b - a < 19 or load8(a + 4) != 45 or load8(a + 7) != 45:
        return bad
    middle = load8(a + 10)
    if middle != 84 and middle != 116 and middle != 32:
        return bad
    year = plain_digits(a, 4)
    month = plain_digits(a + 5, 2)
    day = plain_digits(a + 8, 2)
    of_day = clock(a + 11)
    if year < 0 or month < 0 or day < 0 or of_day < 0:
        return bad
    days = days_from_civil(year, month, day)
    p = _skip_fraction(a + 19, b, True)
    if days == NO_DAY or p < 0:
        return bad
    if p < b:
        if b - p == 1 and (load8(p) == 90 or load8(p) == 122):
            zone = np.int64(0)
        else:
            zone = zone_offset(p, b, True)
            if zone < -(1 << 39):
                return bad
    return days * 86400 + of_day - zone


@outer
def exact_date_time(a, b, c, d, zone):  # type: ignore[no-untyped-def]
    """`yyyy-mm-dd` in [a, b) and `HH:MM:SS(.digits)?` in [c, d)."""
    bad = np.int64(UNREADABLE)
    if b - a != 10 or load8(a + 4) != 45 or load8(a + 7) != 45 or d - c < 8:
        return bad
    year = plain_digits(a, 4)
    month = plain_digits(a + 5, 2)
    day = plain_digits(a + 8, 2)
    of_day = clock(c)
    if year < 0 or month < 0 or day < 0 or of_day < 0:
        return bad
    days = days_from_civil(year, month, day)
    p = _skip_fraction(c + 8, d, False)
    if days == NO_DAY or p != d:
        return bad
    return days * 86400 + of_day - zone


@outer
def exact_time(kind, a, b, c, d, limit, unit, zone, separator, either):  # type: ignore[no-untyped-def]
    """Epoch seconds of a line, or UNREADABLE. [c, d) is the time of day of DATE_TIME; `either`: in ndjson an EPOCH or
    ISO value may be the other one, told by the `-` in fifth place."""
    if either and (kind == EPOCH or kind == ISO):
        kind = ISO if b - a > 4 and load8(a + 4) == 45 else EPOCH
    if kind == EPOCH:
        seconds = exact_epoch(a, b, unit)
    elif kind == CLF:
        seconds = exact_clf(a, b, limit, zone, separator)
    elif kind == DATE_TIME:
        seconds = exact_date_time(a, b, c, d, zone)
    else:
        seconds = exact_iso(a, b, zone)
    return seconds if 0 <= seconds <= _LAST_TIME else np.int64(UNREADABLE)
