"""What a line that was read exactly teaches about the lines to come: where their keys lie."""

from __future__ import annotations

import numpy as np

from kernels.json_exact import exact_json
from kernels.layout import (
    FIRST_LEVEL,
    FOUND,
    JSON_KEYS,
    K_BYTES,
    K_COUNT,
    K_KEYS,
    K_LEAST,
    K_LENGTH,
    K_ORDINAL,
    K_QUOTES,
    K_ROLE,
    KEY_BYTES,
    KEYS,
    L_LENGTH,
    L_ORDINAL,
    L_PATH,
    L_PLACE,
    LEVEL_KEYS,
    P_DEPTH,
    P_ROLE,
    PATH_WORDS,
    PREFIX_LENGTH,
    QUOTES_SEEN,
    TEMPLATE,
    TEMPLATE_BYTES,
    URL_HOST,
)
from kernels.options import outer
from kernels.words import (
    get,
    load8,
    put,
)


@outer
def learn(spec, tables):  # type: ignore[no-untyped-def]
    """Make the line that was just read exactly the template of those to come.

    Where each role's first path is there, only those keys are looked at. Where one is missing, or a later path stands
    in for it, every key of the first level is, and the number of quotes: so it cannot be there unseen.
    """
    template = get(tables, TEMPLATE)
    found = get(tables, FOUND)
    put(template, K_COUNT, 0)
    known = get(found, FIRST_LEVEL)
    if known > LEVEL_KEYS:
        return
    whole = False
    last_role = np.int64(-1)
    for j in range(get(spec, JSON_KEYS)):
        path = get(tables, KEYS) + 8 * PATH_WORDS * j
        if get(path, P_DEPTH) != 1:
            return
        if get(path, P_ROLE) != last_role:
            last_role = get(path, P_ROLE)
            there = False
            for i in range(known):
                there = there or get(found + 8 * (FIRST_LEVEL + 1 + 4 * i), L_PATH) == j
            whole = whole or not there
    count = np.int64(0)
    least = np.int64(0)
    for i in range(known):
        level = found + 8 * (FIRST_LEVEL + 1 + 4 * i)
        j = get(level, L_PATH)
        role = np.int64(-1)
        if j >= 0 and _is_first(j, known, spec, tables):
            role = get(get(tables, KEYS) + 8 * PATH_WORDS * j, P_ROLE)
        if role < 0 and not whole:
            continue
        quote = get(level, L_PLACE) - 1
        length = _before_value(quote + get(level, L_LENGTH) + 2) - quote
        if length > KEY_BYTES:
            return
        kept = template + 8 * TEMPLATE_BYTES + KEY_BYTES * count
        _copy_key(kept, quote)
        key = template + 8 * (K_KEYS + 4 * count)
        put(key, K_ORDINAL, get(level, L_ORDINAL))
        put(key, K_LENGTH, length)
        put(key, K_BYTES, kept)
        put(key, K_ROLE, role)
        least = get(level, L_ORDINAL) + 2
        count += 1
    put(template, K_QUOTES, -1)
    if whole:
        put(template, K_QUOTES, get(found, QUOTES_SEEN))
    put(template, K_LEAST, least)
    put(template, K_COUNT, count)


@outer
def _before_value(p):  # type: ignore[no-untyped-def]
    """Where the value begins of the key that was closed before `p`: behind its colon and blanks."""
    while load8(p) == 32 or load8(p) == 9 or load8(p) == 58:
        p += 1
    return p


@outer
def _is_first(j, known, spec, tables):  # type: ignore[no-untyped-def]
    """Whether no path of the same role that counts before the j-th is in the line."""
    role = get(get(tables, KEYS) + 8 * PATH_WORDS * j, P_ROLE)
    found = get(tables, FOUND)
    for i in range(known):
        other = get(found + 8 * (FIRST_LEVEL + 1 + 4 * i), L_PATH)
        if 0 <= other < j and get(get(tables, KEYS) + 8 * PATH_WORDS * other, P_ROLE) == role:
            return False
    return True


@outer
def _copy_key(target, source):  # type: ignore[no-untyped-def]
    for i in range(KEY_BYTES // 8):
        put(target, i, get(source, i))


def exact_json_line(s, e, spec, state, tables, row):  # type: ignore[no-untyped-def]
    """As exact_json; a good line of a format that the quick reader knows becomes the template."""
    seconds = exact_json(s, e, spec, state, tables, row)
    if seconds >= 0 and get(spec, PREFIX_LENGTH) == 0 and get(spec, URL_HOST) == 0:
        learn(spec, tables)
    return seconds
