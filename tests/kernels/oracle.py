"""The slow and obvious reading of a log, line by line in plain Python: what every kernel and detection are held to.

From a LogFormat and the unpacked bytes of a log it gives the counts, the places of the bad lines and the sums. It
shares no code with the product beyond the format's data, and is written to be checked by eye against docs/formats.md.
"""

from __future__ import annotations

import re
from calendar import timegm
from dataclasses import dataclass, field
from datetime import date

from pipeline.formats.model import CacheField, Field, LogFormat, ResourceField, TimeField

Key = tuple[int, bytes, bytes, str, bytes]
"""minute, resource, edge, status class, cache"""

MONTHS = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"]
SPACE = b" \t"


@dataclass
class Oracle:
    """What a log holds; `groups`: sums in the order of MEASURES for each key."""

    lines: int = 0
    blank: int = 0
    comments: int = 0
    parsed: int = 0
    malformed: list[tuple[int, str]] = field(default_factory=list)
    groups: dict[Key, list[int]] = field(default_factory=dict)

    @property
    def totals(self) -> list[int]:
        """The sums over all groups, in the order of MEASURES."""
        return [sum(column) for column in zip(*self.groups.values(), strict=True)] if self.groups else [0] * 6


class BadLineError(Exception):
    """A line that cannot be read, and why."""


@dataclass(frozen=True)
class Value:
    """A column's or key's bytes; `after`: what follows the place where it begins, to the end of the line."""

    raw: bytes
    after: bytes
    is_string: bool = True
    is_null: bool = False


def read_content(fmt: LogFormat, content: bytes, *, edge: str = "-") -> Oracle:
    """Reads a whole log; `edge` stands where the format has no field for it."""
    result = Oracle()
    offset = 0
    for piece in content.split(b"\n"):
        line_offset, offset = offset, offset + len(piece) + 1
        if line_offset >= len(content):
            break  # what follows the last line end is no line
        line = piece.removeprefix(b"\xef\xbb\xbf") if line_offset == 0 else piece
        line = line.removesuffix(b"\r")
        result.lines += 1
        if len(line) > 16 * 1024 * 1024:
            result.malformed.append((line_offset, "long"))
        elif line == b"":
            result.blank += 1
        elif line[0] == fmt.comment:
            result.comments += 1
            if fmt.is_header(line):
                fmt = fmt.with_header(line)
        else:
            try:
                key, sums = read_line(fmt, line, edge.encode())
            except BadLineError as bad:
                result.malformed.append((line_offset, str(bad)))
                continue
            result.parsed += 1
            group = result.groups.setdefault(key, [0, 0, 0, 0, 0, 0])
            for place, number in enumerate(sums):
                group[place] += number
    return result


def read_line(fmt: LogFormat, line: bytes, segment_edge: bytes) -> tuple[Key, list[int]]:
    """One line's group and what it adds to it; raises BadLineError with the first fault in order."""
    if fmt.prefix_until:
        _, found, line = line.partition(fmt.prefix_until)
        if not found:
            raise BadLineError("prefix")
    values = json_values(fmt, line) if fmt.kind == "ndjson" else column_values(fmt, line)

    seconds = read_time(fmt, values)
    status = read_integer(values["status"], "status", fmt.status)
    bytes_sent = read_integer(values["bytes_sent"], "bytes", fmt.bytes_sent)
    body_bytes = read_integer(values["body_bytes"], "bytes", fmt.body_bytes)
    read_integer(values["seq"], "seq", fmt.seq)
    resource = read_name(values["resource"], "resource", fmt.resource)
    edge = segment_edge if fmt.edge is None else read_name(values["edge"], "edge", fmt.edge)
    cache, hit = read_cache(values["cache"], fmt.cache)

    status_class = f"{status // 100}xx" if status >= 100 else "-"
    sums = [1, bytes_sent, body_bytes, int(hit), int(400 <= status <= 499), int(500 <= status <= 599)]
    return (seconds // 60, resource, edge, status_class, cache), sums


# -- cutting a line ---------------------------------------------------------------------------------------------------


def column_values(fmt: LogFormat, line: bytes) -> dict[str, list[Value | None]]:
    """The columns of each role; `None` where the line or the format has none."""
    starts = [0]
    quoted = False
    backslashes = 0
    for place, byte in enumerate(line):
        if fmt.quotes and byte == ord('"') and backslashes % 2 == 0:
            quoted = not quoted
        elif byte == fmt.separator and not quoted:
            starts.append(place + 1)
        backslashes = backslashes + 1 if byte == ord("\\") else 0
    if quoted:
        raise BadLineError("quote")
    if len(starts) < fmt.min_columns:
        raise BadLineError("columns")

    def value(place: int) -> Value | None:
        if place >= len(starts):
            return None
        start = starts[place]
        end = starts[place + 1] - 1 if place + 1 < len(starts) else len(line)
        if fmt.quotes and end - start >= 2 and line[start] == ord('"') and line[end - 1] == ord('"'):
            start, end = start + 1, end - 1
        return Value(line[start:end], line[start:])

    roles = ("time", "status", "bytes_sent", "body_bytes", "seq", "resource", "edge", "cache")
    return {role: [value(place) for place in fmt.places(role)] or [None] for role in roles}


def json_values(fmt: LogFormat, line: bytes) -> dict[str, list[Value | None]]:
    """The values of each role's keys; `None` where the line has none of them."""
    line = line.strip(SPACE)
    wanted: dict[tuple[bytes, ...], Value] = {}
    if not line.startswith(b"{") or not line.endswith(b"}"):
        raise BadLineError("json")

    stack: list[
        tuple[int, tuple[bytes, ...] | None]
    ] = []  # open brackets, each with the path of what it holds
    key: bytes | None = None  # the name whose value has not begun yet
    place = 0
    while place < len(line):
        byte = line[place]
        if byte == ord('"') and not escaped(line, place):
            end = closing_quote(line, place)
            after = place_after_space(line, end + 1)
            if stack and stack[-1][0] == ord("{") and line[after : after + 1] == b":":
                key = line[place + 1 : end]
                path = None if stack[-1][1] is None else (*stack[-1][1], key)
                if path is not None and path not in wanted:
                    wanted[path] = json_value(line, place_after_space(line, after + 1))
                place = after + 1
            else:
                key = None
                place = end + 1
            continue
        if byte in b"{[":
            if not stack:
                inner: tuple[bytes, ...] | None = ()
            elif stack[-1][0] == ord("{") and stack[-1][1] is not None and key is not None:
                inner = (*stack[-1][1], key)
            else:
                inner = None  # inside an array: no key in there is addressed
            stack.append((byte, inner if byte == ord("{") else None))
            key = None
            if len(stack) > 64:
                raise BadLineError("json")
        elif byte in b"}]":
            if not stack or stack[-1][0] != {ord("}"): ord("{"), ord("]"): ord("[")}[byte]:
                raise BadLineError("json")
            stack.pop()
            key = None
            if not stack and place != len(line) - 1:
                raise BadLineError("json")
        elif byte not in SPACE:
            key = None
        place += 1
    if stack:
        raise BadLineError("json")

    values: dict[str, list[Value | None]] = {}
    for role in ("time", "status", "bytes_sent", "body_bytes", "seq", "resource", "edge", "cache"):
        source = fmt.role(role)
        names = () if source is None else source.sources
        paths = [tuple(part.encode() for part in name.split(".")) for name in names]
        values[role] = [next((wanted[path] for path in paths if path in wanted), None)]
    return values


def escaped(line: bytes, place: int) -> bool:
    """Whether an odd number of backslashes stands before a place."""
    first = place
    while first > 0 and line[first - 1] == ord("\\"):
        first -= 1
    return (place - first) % 2 == 1


def closing_quote(line: bytes, opening: int) -> int:
    """The place of the quote that closes a string."""
    place = line.find(b'"', opening + 1)
    while place >= 0 and escaped(line, place):
        place = line.find(b'"', place + 1)
    if place < 0:
        raise BadLineError("json")
    return place


def place_after_space(line: bytes, place: int) -> int:
    """The first place from here on that holds neither space nor TAB."""
    while line[place : place + 1] in (b" ", b"\t"):
        place += 1
    return place


def json_value(line: bytes, place: int) -> Value:
    """The value that begins at a place: a string without its quotes, or all up to the next comma, quote or bracket."""
    if line[place : place + 1] == b'"':
        end = closing_quote(line, place)
        return Value(line[place + 1 : end], line[place + 1 : end])
    token = re.match(rb'[^,"{}\[\]]*', line[place:])
    raw = token[0].rstrip(SPACE) if token else b""
    return Value(raw, raw, is_string=False, is_null=raw == b"null")


# -- values -----------------------------------------------------------------------------------------------------------


def read_integer(values: list[Value | None], reason: str, role: Field | None) -> int:
    """A count, 0 where it is unknown."""
    value = values[0]
    if value is None:
        if role is None or role.optional:
            return 0
        raise BadLineError(reason)
    if value.is_null or (value.is_string and value.raw in (b"", b"-")):
        return 0
    if reason == "status" and value.raw == b"-1":
        return 0
    if not re.fullmatch(rb"\+?[0-9]{1,19}", value.raw):
        raise BadLineError(reason)
    number = int(value.raw)
    if number > {"status": 999, "bytes": 10**16 - 1}.get(reason, 2**63 - 1):
        raise BadLineError(reason)
    return number


def read_raw(value: Value | None, reason: str) -> bytes:
    """A name's bytes; empty where it is unknown."""
    if value is None or value.is_null:
        return b""
    if not value.is_string and not re.fullmatch(rb"[0-9+\-.eE]+", value.raw):
        raise BadLineError(reason)  # true, false, objects, arrays
    return value.raw


def read_name(values: list[Value | None], reason: str, role: Field | None) -> bytes:
    """A resource or an edge."""
    if role is None:
        return b"-"
    if values[0] is None and not role.optional:
        raise BadLineError(reason)
    raw = read_raw(values[0], reason)
    if isinstance(role, ResourceField) and role.url_host and b"://" in raw:
        raw = re.split(rb"[/?#]", raw.partition(b"://")[2])[0]
    if len(raw) > 255:
        raise BadLineError(reason)
    return raw or b"-"


def read_cache(values: list[Value | None], role: CacheField | None) -> tuple[bytes, bool]:
    """The cache's answer and whether it was a hit."""
    if role is None:
        return b"-", False
    if values[0] is None and not role.optional:
        raise BadLineError("cache")
    raw = read_raw(values[0], "cache")
    return raw[:63] or b"-", raw in role.hit


# -- time -------------------------------------------------------------------------------------------------------------


def read_time(fmt: LogFormat, values: dict[str, list[Value | None]]) -> int:
    """Seconds since the epoch."""
    role = fmt.time
    parts = values["time"]
    if any(part is None for part in parts):
        raise BadLineError("time")
    first = parts[0]
    assert first is not None
    if fmt.kind == "ndjson" and role.type in ("epoch", "iso"):
        seconds = iso_time(first.raw, role) if first.raw[4:5] == b"-" else epoch_time(first.raw, role)
    elif role.type == "epoch":
        seconds = epoch_time(first.raw, role)
    elif role.type == "iso":
        seconds = iso_time(first.raw, role)
    elif role.type == "clf":
        seconds = clf_time(first.after, len(first.raw), fmt)
    else:
        second = parts[1]
        assert second is not None
        seconds = date_time(first.raw, second.raw, role)
    if not 0 <= seconds < 2**32:
        raise BadLineError("time")
    return seconds


def epoch_time(raw: bytes, role: TimeField) -> int:
    """Since 1970, in the unit of the format or the one that the number of digits tells."""
    match = re.fullmatch(rb"([0-9]{1,19})(\.[0-9]*)?", raw)
    if not match:
        raise BadLineError("time")
    digits = len(match[1])
    unit = role.unit
    if unit == "auto":
        unit = "s" if digits <= 11 else "ms" if digits <= 14 else "us" if digits <= 17 else "ns"
    return int(match[1]) // {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[unit]


def iso_time(raw: bytes, role: TimeField) -> int:
    """2026-11-22T10:00:00.5+03:00 and its kin."""
    match = re.fullmatch(
        rb"(\[?)([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,][0-9]+)?"
        rb"(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?(\]?)",
        raw,
    )
    if not match or (match[1] and not match[12]):
        raise BadLineError("time")
    numbers = [int(match[group]) for group in range(2, 8)]
    zone = 0 if match[8] else offset(match[9], match[10], match[11], role)
    return civil(*numbers) - zone


def clf_time(after: bytes, length: int, fmt: LogFormat) -> int:
    """[22/Nov/2026:10:00:00 +0300]; the offset may stand in the next column."""
    match = re.match(
        rb"(\[?)([0-9]{2})/([A-Za-z]{3})/([0-9]{4}):([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?"
        rb"(?: ([+-])([0-9]{2})([0-9]{2}))?(\]?)",
        after,
    )
    if not match or match[3] not in MONTHS or (match[1] and not match[11]):
        raise BadLineError("time")
    zone = offset(match[8], match[9], match[10], fmt.time)
    end = match.end()
    column_ends = end in (length, len(after)) or (end > length and after[end] == fmt.separator)
    if not column_ends:
        raise BadLineError("time")
    month = MONTHS.index(match[3]) + 1
    return civil(int(match[4]), month, int(match[2]), int(match[5]), int(match[6]), int(match[7])) - zone


def date_time(day: bytes, clock: bytes, role: TimeField) -> int:
    """2026-11-22 and 10:00:00 in columns of their own."""
    days = re.fullmatch(rb"([0-9]{4})-([0-9]{2})-([0-9]{2})", day)
    clocks = re.fullmatch(rb"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?", clock)
    if not days or not clocks:
        raise BadLineError("time")
    return civil(*(int(text) for text in (*days.groups(), *clocks.groups()))) - role.zone


def offset(sign: bytes | None, hours: bytes, minutes: bytes, role: TimeField) -> int:
    """Seconds east of UTC; the format's own zone where the time has none."""
    if sign is None:
        return role.zone
    if int(hours) > 23 or int(minutes) > 59:
        raise BadLineError("time")
    return (int(hours) * 60 + int(minutes)) * 60 * (-1 if sign == b"-" else 1)


def civil(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Seconds since the epoch of a date and time in UTC."""
    try:
        date(year, month, day)
    except ValueError:
        raise BadLineError("time") from None
    if hour > 23 or minute > 59 or second > 60:
        raise BadLineError("time")
    return timegm((year, month, day, hour, minute, 0)) + second
