"""One NDJSON line, read byte by byte: exact, and what the quick path learns from and falls back on.

A key is a string that a colon follows, inside an object; paths that have a role are matched name by name while objects
open and close. Values and keys without a role are checked for strings and balance only.
"""

from __future__ import annotations

import numpy as np

from kernels.exact import after_prefix, exact_status, host_of_url
from kernels.fill import fill
from kernels.layout import (
    BAD_BYTES,
    BAD_CACHE,
    BAD_EDGE,
    BAD_JSON,
    BAD_PREFIX,
    BAD_RESOURCE,
    BAD_SEQ,
    BAD_STATUS,
    BAD_TIME,
    BODY_BYTES,
    BYTES_SENT,
    CACHE,
    EDGE,
    F_BEGIN,
    F_END,
    F_KIND,
    F_MATCHED,
    F_PENDING,
    FIRST_LEVEL,
    FOUND,
    FOUND_WORDS,
    GOOD,
    JSON_KEYS,
    KEYS,
    L_LENGTH,
    L_ORDINAL,
    L_PATH,
    L_PLACE,
    LEVEL_KEYS,
    LITERALS,
    MISSING,
    NESTING,
    NULL,
    OPTIONAL,
    P_DEPTH,
    P_NAMES,
    P_ROLE,
    PATH_WORDS,
    PREFIX_LENGTH,
    QUOTES_SEEN,
    RESOURCE,
    SEQ,
    STATUS,
    TEXT,
    TIME,
    TIME_TYPE,
    TIME_UNIT,
    TOKEN,
    UNKNOWN,
    UNREADABLE,
    URL_HOST,
    ZONE_SECONDS,
)
from kernels.options import outer
from kernels.simd import (
    begins_with,
)
from kernels.values import exact_bytes, exact_integer, exact_time
from kernels.words import (
    get,
    load8,
    put,
)

U = np.uint64


@outer
def same_bytes(a, b, length):  # type: ignore[no-untyped-def]
    """Whether `length` bytes at two addresses are equal."""
    i = np.int64(0)
    while i < length:
        if not begins_with(a + i, b + i, min(np.int64(64), length - i)):
            return False
        i += 64
    return True


@outer
def _skip_space(p, e):  # type: ignore[no-untyped-def]
    while p < e and (load8(p) == 32 or load8(p) == 9):
        p += 1
    return p


@outer
def _closing_quote(p, e):  # type: ignore[no-untyped-def]
    """The quote that closes the string that begins at p, -1 where there is none."""
    escapes = 0
    while p < e:
        c = load8(p)
        if c == 34 and escapes & 1 == 0:
            return p
        escapes = escapes + 1 if c == 92 else 0
        p += 1
    return np.int64(-1)


@outer
def _note_value(found, p, e):  # type: ignore[no-untyped-def]
    """Note what stands at p as a path's value; False where a string stays open."""
    p = _skip_space(p, e)
    if p < e and load8(p) == 34:
        end = _closing_quote(p + 1, e)
        put(found, F_BEGIN, p + 1)
        put(found, F_END, end)
        put(found, F_KIND, TEXT)
        return end >= 0
    q = p
    while q < e:
        c = load8(q)
        if c == 44 or c == 34 or c == 123 or c == 125 or c == 91 or c == 93:
            break
        q += 1
    while q > p and (load8(q - 1) == 32 or load8(q - 1) == 9):
        q -= 1
    put(found, F_BEGIN, p)
    put(found, F_END, q)
    null = (
        q - p == 4 and load8(p) == 110 and load8(p + 1) == 117 and load8(p + 2) == 108 and load8(p + 3) == 108
    )
    put(found, F_KIND, NULL if null else TOKEN)
    return True


@outer
def _match_key(a, b, value, e, depth, ordinal, spec, tables):  # type: ignore[no-untyped-def]
    """A key [a, b) of the object at a depth: note the values of the paths that end with it; False for an open
    string."""
    found = get(tables, FOUND)
    literals = get(tables, LITERALS)
    ends = np.int64(-1)
    good = True
    for j in range(get(spec, JSON_KEYS)):
        path = get(tables, KEYS) + 8 * PATH_WORDS * j
        mine = found + 8 * FOUND_WORDS * j
        put(mine, F_PENDING, 0)
        if get(mine, F_MATCHED) != depth - 1 or get(path, P_DEPTH) < depth:
            continue
        name = get(path, P_NAMES + 2 * (depth - 1))
        if get(path, P_NAMES + 2 * (depth - 1) + 1) != b - a or not same_bytes(literals + name, a, b - a):
            continue
        if get(path, P_DEPTH) > depth:
            put(mine, F_PENDING, 1)
        elif get(mine, F_KIND) == MISSING:
            good = _note_value(mine, value, e) and good
            ends = np.int64(j)
    if depth == 1:
        known = get(found, FIRST_LEVEL)
        put(found, FIRST_LEVEL, known + 1)
        if known < LEVEL_KEYS:
            key = found + 8 * (FIRST_LEVEL + 1 + 4 * known)
            put(key, L_ORDINAL, ordinal)
            put(key, L_PLACE, a)
            put(key, L_LENGTH, b - a)
            put(key, L_PATH, ends)
    return good


@outer
def _open(depth, tables, spec, is_object):  # type: ignore[no-untyped-def]
    """A bracket opened, `depth` counts it: paths whose name stands before it go on inside, if it is an object."""
    for j in range(get(spec, JSON_KEYS)):
        mine = get(tables, FOUND) + 8 * FOUND_WORDS * j
        if is_object and get(mine, F_PENDING) != 0:
            put(mine, F_MATCHED, depth - 1)
        put(mine, F_PENDING, 0)


@outer
def _close(depth, tables, spec):  # type: ignore[no-untyped-def]
    """A bracket closed, `depth` are still open."""
    for j in range(get(spec, JSON_KEYS)):
        mine = get(tables, FOUND) + 8 * FOUND_WORDS * j
        put(mine, F_PENDING, 0)
        if get(mine, F_MATCHED) > depth - 1:
            put(mine, F_MATCHED, max(depth - 1, np.int64(0)))


@outer
def walk(s, e, spec, tables):  # type: ignore[no-untyped-def]
    """Go through [s, e), trimmed, and fill FOUND; whether it is an object whose strings and brackets close."""
    found = get(tables, FOUND)
    put(found, FIRST_LEVEL, 0)
    for j in range(get(spec, JSON_KEYS)):
        for word in range(FOUND_WORDS):
            put(found, FOUND_WORDS * j + word, 0)
    if e - s < 2 or load8(s) != 123 or load8(e - 1) != 125:
        return False
    depth = np.int64(0)
    objects = U(0)  # bit i: the bracket of depth i + 1 is an object's
    ordinal = np.int64(0)
    escapes = 0
    pending = False
    p = s
    while p < e:
        c = load8(p)
        if c == 34 and escapes & 1 == 0:
            escapes = 0
            end = _closing_quote(p + 1, e)
            if end < 0:
                return False
            after = _skip_space(end + 1, e)
            in_object = depth > 0 and (objects >> U(depth - 1)) & U(1) != U(0)
            if in_object and after < e and load8(after) == 58:
                if not _match_key(p + 1, end, after + 1, e, depth, ordinal, spec, tables):
                    return False
                pending = True
                p = after + 1
            else:
                pending = False
                p = end + 1
            ordinal += 2
            continue
        escapes = escapes + 1 if c == 92 else 0
        if c == 123 or c == 91:
            depth += 1
            if depth > NESTING:
                return False
            bit = U(1) << U(depth - 1)
            objects = objects | bit if c == 123 else objects & ~bit
            _open(depth, tables, spec, c == 123 and pending)
            pending = False
        elif c == 125 or c == 93:
            if depth == 0 or ((objects >> U(depth - 1)) & U(1) != U(0)) != (c == 125):
                return False
            depth -= 1
            if depth == 0 and p != e - 1:
                return False
            _close(depth, tables, spec)
            pending = False
        elif c != 32 and c != 9:
            pending = False
        p += 1
    put(found, QUOTES_SEEN, ordinal)
    return depth == 0


@outer
def _pick(role, spec, tables):  # type: ignore[no-untyped-def]
    """Address of what was found for a role: the first of its paths that is there; 0 where none is."""
    for j in range(get(spec, JSON_KEYS)):
        mine = get(tables, FOUND) + 8 * FOUND_WORDS * j
        if get(get(tables, KEYS) + 8 * PATH_WORDS * j, P_ROLE) == role and get(mine, F_KIND) != MISSING:
            return mine
    return np.int64(0)


@outer
def _is_optional(role, spec):  # type: ignore[no-untyped-def]
    return get(spec, role) < 0 or (get(spec, OPTIONAL) >> (role - TIME)) & 1 != 0


@outer
def _integer(role, spec, tables):  # type: ignore[no-untyped-def]
    """A count of a role; UNKNOWN where it is null, empty or may be missing; else UNREADABLE."""
    value = _pick(role, spec, tables)
    if value == 0:
        return np.int64(UNKNOWN) if _is_optional(role, spec) else np.int64(UNREADABLE)
    a = get(value, F_BEGIN)
    b = get(value, F_END)
    if get(value, F_KIND) == NULL:
        return np.int64(UNKNOWN)
    if get(value, F_KIND) == TOKEN and (a == b or (b - a == 1 and load8(a) == 45)):
        return np.int64(UNREADABLE)
    if role == STATUS:
        return exact_status(a, b)
    return exact_integer(a, b) if role == SEQ else exact_bytes(a, b)


@outer
def _name(role, spec, tables):  # type: ignore[no-untyped-def]
    """Begin and end of a name, empty where unknown; begin -1 where the value cannot be one."""
    bad = np.int64(-1)
    none = np.int64(0)
    value = _pick(role, spec, tables)
    if value == 0:
        return (none, none) if _is_optional(role, spec) else (bad, none)
    a = get(value, F_BEGIN)
    b = get(value, F_END)
    if get(value, F_KIND) == NULL:
        return none, none
    if get(value, F_KIND) == TOKEN:
        if a == b:
            return bad, none
        for i in range(b - a):
            c = load8(a + i)
            if not (48 <= c <= 57 or c == 43 or c == 45 or c == 46 or c == 69 or c == 101):
                return bad, none
    return a, b


@outer
def exact_json(s, e, spec, state, tables, row):  # type: ignore[no-untyped-def]
    """Fill a row of the batch from the line [s, e); its epoch seconds, or minus the reason why it is malformed."""
    if get(spec, PREFIX_LENGTH) > 0:
        s = after_prefix(s, e, get(tables, LITERALS), get(spec, PREFIX_LENGTH))
        if s < 0:
            return np.int64(-BAD_PREFIX)
    s = _skip_space(s, e)
    while e > s and (load8(e - 1) == 32 or load8(e - 1) == 9):
        e -= 1
    if not walk(s, e, spec, tables):
        return np.int64(-BAD_JSON)
    value = _pick(TIME, spec, tables)
    if value == 0:
        return np.int64(-BAD_TIME)
    a = get(value, F_BEGIN)
    b = get(value, F_END)
    seconds = exact_time(
        get(spec, TIME_TYPE), a, b, a, b, b, get(spec, TIME_UNIT), get(spec, ZONE_SECONDS), 0, True
    )
    if seconds < 0:
        return np.int64(-BAD_TIME)
    status = _integer(STATUS, spec, tables)
    if status == UNREADABLE or status > 999:
        return np.int64(-BAD_STATUS)
    sent = _integer(BYTES_SENT, spec, tables)
    body = _integer(BODY_BYTES, spec, tables)
    if sent == UNREADABLE or body == UNREADABLE:
        return np.int64(-BAD_BYTES)
    number = _integer(SEQ, spec, tables)
    if number == UNREADABLE:
        return np.int64(-BAD_SEQ)
    a, b = _name(RESOURCE, spec, tables)
    if a < 0:
        return np.int64(-BAD_RESOURCE)
    if get(spec, URL_HOST) != 0 and b > a:
        a, b = host_of_url(a, b)
    c, d = _name(EDGE, spec, tables)
    f, g = _name(CACHE, spec, tables)
    if c < 0:
        # A resource that is too long is named first.
        reason = fill(row, spec, state, tables, status, sent, body, number, a, b, a, a, a, a)
        return np.int64(-reason) if reason != GOOD else np.int64(-BAD_EDGE)
    if f < 0:
        reason = fill(row, spec, state, tables, status, sent, body, number, a, b, c, d, c, c)
        return np.int64(-reason) if reason != GOOD else np.int64(-BAD_CACHE)
    reason = fill(row, spec, state, tables, status, sent, body, number, a, b, c, d, f, g)
    return seconds if reason == GOOD else np.int64(-reason)
