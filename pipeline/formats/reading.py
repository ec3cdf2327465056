"""A light reading of single lines in plain Python, good enough to tell formats apart: from lines to their faults.

The kernels decide what is counted; this only judges the head of a file. It checks form (columns, keys, digits, dates),
not bounds.
"""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

from pipeline.formats.model import places_in

if TYPE_CHECKING:
    from pipeline.formats.model import Field, LogFormat

_INTEGER = re.compile(rb"\+?[0-9]{1,19}|-1|-?")
_EPOCH = re.compile(rb"[0-9]{1,19}(\.[0-9]*)?")
_MONTHS = rb"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLF = re.compile(
    rb"\[?[0-9]{2}/" + _MONTHS + rb"/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?( [+-][0-9]{4})?\]?"
)
_CLOCK = rb"[0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?"
_DATE = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ISO = re.compile(rb"\[?" + _DATE + rb"[Tt ]" + _CLOCK + rb"([Zz]|[+-][0-9]{2}:?[0-9]{2})?\]?")
_DAY, _TIME_OF_DAY = re.compile(_DATE), re.compile(_CLOCK)
_MISSING = object()


def cut(line: bytes, separator: int, quotes: bool) -> list[bytes] | None:
    """The columns of a line, quotes still on; `None` when a quote stays open."""
    pieces = line.split(bytes((separator,)))
    if not quotes or b'"' not in line:
        return pieces
    columns: list[bytes] = []
    open_piece: list[bytes] = []
    for piece in pieces:
        odd = _quotes(piece) % 2 == 1
        if open_piece:
            open_piece.append(piece)
            if odd:
                columns.append(bytes((separator,)).join(open_piece))
                open_piece = []
        elif odd:
            open_piece = [piece]
        else:
            columns.append(piece)
    return None if open_piece else columns


def _quotes(piece: bytes) -> int:
    if b"\\" in piece:
        piece = re.sub(rb"\\.", b"", piece)
    return piece.count(b'"')


def _bare(column: bytes, quotes: bool) -> bytes:
    return column[1:-1] if quotes and len(column) >= 2 and column[:1] == column[-1:] == b'"' else column


def column_fault(fmt: LogFormat, line: bytes, columns: list[bytes] | None) -> str:
    """Why a line, cut into columns, is none of a delimited format; empty when it is one."""
    if columns is None:
        return "quote"
    if len(columns) < fmt.min_columns:
        return "columns"
    for name, pattern in _shapes(fmt):
        if name < len(columns) and not pattern.fullmatch(columns[name]):
            return "shape"
    times = [_bare(columns[place], fmt.quotes) for place in fmt.places("time")]
    if fmt.time.type == "clf":
        at = sum(len(column) + 1 for column in columns[: fmt.places("time")[0]])
        found = _CLF.match(line[at:].removeprefix(b'"'))
        if not found:
            return "time"
    elif not _is_time(fmt.time.type, times):
        return "time"
    for role in ("status", "bytes_sent", "body_bytes"):
        for place in fmt.places(role):
            if place < len(columns) and not _INTEGER.fullmatch(_bare(columns[place], fmt.quotes)):
                return "status" if role == "status" else "bytes"
    return ""


def _is_time(kind: str, parts: list[bytes]) -> bool:
    if kind == "date_time":
        return bool(_DAY.fullmatch(parts[0]) and _TIME_OF_DAY.fullmatch(parts[1]))
    return bool((_EPOCH if kind == "epoch" else _ISO).fullmatch(parts[0]))


@functools.cache
def _shapes(fmt: LogFormat) -> tuple[tuple[int, re.Pattern[bytes]], ...]:
    return tuple(
        (fmt.columns.index(name), re.compile(pattern.encode(), re.DOTALL))
        for name, pattern in fmt.detect.shape
    )


def parse_json(line: bytes) -> dict[str, Any] | None:
    """The object in a line, `None` when there is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def json_fault(fmt: LogFormat, found: dict[str, Any] | None) -> str:
    """Why an object is no line of an ndjson format; empty when it is one."""
    if found is None:
        return "json"
    for key in fmt.detect.keys:
        if _at(found, key) is _MISSING:
            return f"no key {key}"
    value = _json_value(found, fmt.time)
    text = (
        json.dumps(value).encode() if isinstance(value, int | float) else str(value).encode(errors="replace")
    )
    if isinstance(value, bool):
        return "time"
    if fmt.time.type == "clf":
        if not _CLF.fullmatch(text):
            return "time"
    elif not (_ISO if text[4:5] == b"-" else _EPOCH).fullmatch(text):
        return "time"
    for name in ("status", "bytes_sent", "body_bytes"):
        role = fmt.role(name)
        if role is None:
            continue
        number = _json_value(found, role)
        if number is _MISSING:
            if role.optional:
                continue
            return f"no key {' or '.join(role.sources)}"
        if number is not None and (
            isinstance(number, bool | float) or not _INTEGER.fullmatch(str(number).encode(errors="replace"))
        ):
            return "status" if name == "status" else "bytes"
    return ""


def bytes_in(fmt: LogFormat, found: dict[str, Any]) -> set[str]:
    """Which of a format's roles of bytes an object has keys for."""
    roles = {"bytes_sent": fmt.bytes_sent, "body_bytes": fmt.body_bytes}
    return {
        name for name, role in roles.items() if role is not None and _json_value(found, role) is not _MISSING
    }


def _json_value(found: dict[str, Any], role: Field) -> Any:
    for source in role.sources:
        value = _at(found, source)
        if value is not _MISSING:
            return value
    return _MISSING


def _at(found: dict[str, Any], path: str) -> Any:
    value: Any = found
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return _MISSING
        value = value[part]
    return value


def says(fmt: LogFormat, comment: bytes) -> bool:
    """Whether a comment line is one of a format's directives; white space and the case of letters do not matter."""
    said = b" ".join(comment[1:].lower().split())
    return any(said == directive.lower().encode() for directive in fmt.detect.directive)


def header_fits(fmt: LogFormat, *, said: bool = False) -> bool:
    """Whether a header had all columns that the hints of a header format name, or a directive `said` so, and a time."""
    columns = {column.lower() for column in fmt.columns}
    known = said or all(name.lower() in columns for name in fmt.detect.fields)
    return known and bool(places_in(fmt.columns, fmt.time))
