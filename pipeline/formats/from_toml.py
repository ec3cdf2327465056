"""Reads the parsed TOML of one format into a LogFormat, collecting every problem on the way instead of stopping."""

from __future__ import annotations

import re
from typing import Any, Literal

from pipeline.formats.errors import FormatError, Problem, nearest
from pipeline.formats.model import (
    ROLES,
    UNREADABLE,
    CacheField,
    DetectHints,
    Field,
    LogFormat,
    ResourceField,
    TimeField,
    places_in,
)

TOP_KEYS = (
    "version",
    "name",
    "title",
    "source",
    "kind",
    "bytes_include_headers",
    "separator",
    "quotes",
    "columns",
    "min_columns",
    "comment",
    "header",
    "prefix_until",
    "fields",
    "detect",
)
DELIMITED_KEYS = ("separator", "quotes", "columns", "min_columns", "header")
FIELD_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(ROLES, ("column", "key", "optional")),
    "time": ("column", "key", "type", "zone", "unit"),
    "resource": ("column", "key", "optional", "url_host"),
    "cache": ("column", "key", "optional", "hit"),
}
TIME_TYPES = ("epoch", "clf", "iso", "date_time")
TIME_UNITS = ("auto", "s", "ms", "us", "ns")
MAX_HIT = 62  # a value is cut to 63 bytes: a hit must be told apart from a cut one
NAMES = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}
MAX_HEADER = 64
MISSING = object()
UNNAMED = "?"  # stands in for a source that is a problem


class TomlReader:
    """One reading of one TOML; `read` gives the format or raises FormatError with all problems."""

    def __init__(self, data: dict[str, Any], file: str) -> None:
        self.data = data
        self.file = file
        self.problems: list[Problem] = []

    def read(self) -> LogFormat:
        """The format, or FormatError."""
        self.only(self.data, TOP_KEYS, "")
        if self.data.get("version") != 1 or isinstance(self.data.get("version"), bool):
            self.bad("version", self.data.get("version", MISSING), "1")
        name = self.text("name", "letters, digits and hyphens", r"[a-z0-9][a-z0-9-]*")
        kind: Literal["delimited", "ndjson"] = "ndjson" if self.data.get("kind") == "ndjson" else "delimited"
        if self.data.get("kind") not in ("delimited", "ndjson"):
            self.bad("kind", self.data.get("kind", MISSING), '"delimited" or "ndjson"')
        roles = self.roles(kind)
        columns, least = self.columns(kind, roles)
        separator, auto = self.separator(kind)
        result = LogFormat(
            name=name,
            title=self.text("title", "a short description", default=name),
            source=self.text("source", "where the facts come from", default=""),
            kind=kind,
            bytes_include_headers=self.headers(roles),
            separator=separator,
            separator_auto=auto,
            quotes=self.flag(self.data, "quotes", ""),
            columns=columns,
            min_columns=least,
            comment=self.byte("comment", -1),
            header=self.text("header", 'text like "#Fields:"', default="").encode(),
            prefix_until=self.prefix(),
            detect=self.hints(columns),
            path=self.file,
            **roles,
        )
        if result.header and (result.header[0] != result.comment or len(result.header) > MAX_HEADER):
            self.bad(
                "header",
                self.data.get("header"),
                f"text of at most {MAX_HEADER} bytes that begins with the `comment` character",
            )
        if self.problems:
            raise FormatError(self.problems)
        if result.header and columns and "min_columns" not in self.data:
            return result.with_columns(columns)
        return result

    def bad(self, key: str, found: object, expected: str, near: str = "") -> None:
        """Notes a problem."""
        shown = "nothing" if found is MISSING else repr(found)
        self.problems.append(Problem(self.file, key, shown, expected, near))

    def only(self, table: dict[str, Any], known: tuple[str, ...], at: str) -> None:
        """Notes keys that nobody reads, with the nearest that somebody would."""
        for key in table:
            if key not in known:
                name = f"{at}.{key}" if at else key
                near = nearest(key, known)
                self.problems.append(
                    Problem(self.file, name, "an unknown key", f"one of {', '.join(known)}", near)
                )

    def typed(self, table: dict[str, Any], key: str, at: str, kind: type, default: Any) -> Any:
        """The value of a key if it has the type, else the default and a problem."""
        value = table.get(key, MISSING)
        if value is MISSING:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.bad(f"{at}.{key}" if at else key, value, NAMES[kind])
            return default
        return value

    def flag(self, table: dict[str, Any], key: str, at: str) -> bool:
        """A true or false, false when not given."""
        return bool(self.typed(table, key, at, bool, False))

    def text(self, key: str, expected: str, pattern: str = r"(?s).+", default: str | None = None) -> str:
        """A text of the top level that matches; required when it has no default."""
        value = self.data.get(key, MISSING)
        if value is MISSING and default is not None:
            return default
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            self.bad(key, value, expected)
            return default or ""
        return value

    def texts(self, table: dict[str, Any], key: str, at: str) -> tuple[str, ...]:
        """A list of texts, empty when not given."""
        value = self.typed(table, key, at, list, [])
        if not all(isinstance(item, str) and item for item in value):
            self.bad(f"{at}.{key}" if at else key, value, "a list of texts")
            return ()
        return tuple(value)

    def byte(self, key: str, default: int) -> int:
        """A text of one byte, as a number."""
        value = self.data.get(key, MISSING)
        if value is MISSING:
            return default
        if not isinstance(value, str) or len(value.encode()) != 1 or value in ('"', "\\", "\n", "\r"):
            self.bad(key, value, "exactly one byte, no quote, backslash or line end")
            return default
        return ord(value)

    def separator(self, kind: str) -> tuple[int, bool]:
        """The separator's byte, and whether a header line decides it."""
        if kind != "delimited":
            for key in DELIMITED_KEYS:
                if key in self.data:
                    self.bad(key, self.data[key], "no such key in an ndjson format")
            return 0, False
        if "separator" not in self.data:
            self.bad("separator", MISSING, 'exactly one byte, like "\\t"')
        if self.data.get("separator") == "auto" and "header" in self.data:
            return ord(" "), True
        return self.byte("separator", ord(" ")), False

    def columns(self, kind: str, roles: dict[str, Any]) -> tuple[tuple[str, ...], int]:
        """The columns and how many a line must have; checks that every role's column is there."""
        columns = self.texts(self.data, "columns", "")
        if kind != "delimited":
            return (), 0
        if not columns:
            if "header" not in self.data:
                self.bad(
                    "columns",
                    self.data.get("columns", MISSING),
                    "a list of the columns' names, or a `header`",
                )
            return (), UNREADABLE
        required = 0
        for name, role in roles.items():
            places = places_in(columns, role)
            for source in role.sources:
                if source == UNNAMED:
                    continue  # is a problem already
                if source.lower() not in [column.lower() for column in columns] and "header" not in self.data:
                    self.bad(f"fields.{name}.column", source, "one of `columns`", nearest(source, columns))
            if places and not role.optional:
                required = max(required, max(places) + 1)
        default = required if "header" in self.data else len(columns)
        least = self.typed(self.data, "min_columns", "", int, default)
        if not required <= least <= len(columns):
            self.bad(
                "min_columns", least, f"{required} (the last needed column) to {len(columns)} (all of them)"
            )
        return columns, int(least)

    def prefix(self) -> bytes:
        """The text up to which lines are skipped."""
        value = self.text("prefix_until", "1 to 8 bytes", default="").encode()
        if len(value) > 8 or any(byte in b'"\\\r\n' for byte in value):
            self.bad(
                "prefix_until", self.data["prefix_until"], "1 to 8 bytes, no quote, backslash or line end"
            )
        return value

    def headers(self, roles: dict[str, Any]) -> bool | None:
        """Whether the counted bytes include headers; must go with the fields that are there."""
        value = self.typed(self.data, "bytes_include_headers", "", bool, None)
        if value is True and "bytes_sent" not in roles:
            self.bad("bytes_include_headers", True, "a field `bytes_sent`, where bytes with headers belong")
        if value is False and ("bytes_sent" in roles or "body_bytes" not in roles):
            self.bad(
                "bytes_include_headers",
                False,
                "only a field `body_bytes`, where bytes without headers belong",
            )
        return value if isinstance(value, bool) else None

    def hints(self, columns: tuple[str, ...]) -> DetectHints:
        """What helps detection."""
        table = self.typed(self.data, "detect", "", dict, {})
        self.only(table, ("keys", "fields", "directive", "shape", "rank"), "detect")
        shape = self.typed(table, "shape", "detect", dict, {})
        for column, pattern in shape.items():
            if column not in columns:
                near = nearest(column, columns)
                self.bad(f"detect.shape.{column}", column, "one of `columns`", near)
            try:
                re.compile(pattern)
            except (re.error, TypeError) as error:
                self.bad(f"detect.shape.{column}", pattern, f"a regular expression ({error})")
        keys, fields = self.texts(table, "keys", "detect"), self.texts(table, "fields", "detect")
        said, rank = self.texts(table, "directive", "detect"), self.typed(table, "rank", "detect", int, 0)
        return DetectHints(keys, fields, said, tuple(shape.items()), rank)

    def roles(self, kind: str) -> dict[str, Any]:
        """The fields by role."""
        tables = self.typed(self.data, "fields", "", dict, {})
        self.only(tables, ROLES, "fields")
        found: dict[str, Any] = {"time": TimeField((UNNAMED,))}
        if "time" not in tables:
            self.bad("fields.time", MISSING, 'a table like { column = "time", type = "clf" }')
        for name in ROLES:
            if name not in tables:
                continue
            if not isinstance(tables[name], dict):
                self.bad(f"fields.{name}", tables[name], 'a table like { column = "…" }')
                continue
            found[name] = self.role(name, tables[name], kind)
        return found

    def role(self, name: str, table: dict[str, Any], kind: str) -> Field:
        """One field."""
        at = f"fields.{name}"
        self.only(table, FIELD_KEYS[name], at)
        sources = self.sources(table, at, kind)
        optional = self.flag(table, "optional", at)
        if name == "time":
            return self.time(table, sources, kind)
        if name == "resource":
            return ResourceField(sources, optional, self.flag(table, "url_host", at))
        if name == "cache":
            hits = tuple(hit.encode() for hit in self.texts(table, "hit", at))
            if not hits or any(len(hit) > MAX_HIT for hit in hits):
                self.bad(
                    f"{at}.hit", table.get("hit", MISSING), f"a list of values of at most {MAX_HIT} bytes"
                )
            return CacheField(sources, optional, hits)
        return Field(sources, optional)

    def sources(self, table: dict[str, Any], at: str, kind: str) -> tuple[str, ...]:
        """Where a field's value is; `key` is another word for `column`."""
        word = "key" if "key" in table else "column"
        value = table.get(word, MISSING)
        names = value if isinstance(value, list) else [value]
        what = "a column's name" if kind == "delimited" else "a key, dotted where nested"
        if not names or not all(isinstance(item, str) and item for item in names):
            self.bad(f"{at}.{word}", value, f"{what}, or a list of them")
            return (UNNAMED,)
        if kind == "ndjson" and any("" in item.split(".") for item in names):
            self.bad(f"{at}.{word}", value, "a dotted path without empty parts")
        return tuple(names)

    def time(self, table: dict[str, Any], sources: tuple[str, ...], kind: str) -> TimeField:
        """The field of the time."""
        at = "fields.time"
        for key, known in (("type", TIME_TYPES), ("unit", TIME_UNITS)):
            value = table.get(key, MISSING)
            if value not in known and not (key == "unit" and value is MISSING):
                near = nearest(value, known) if isinstance(value, str) else ""
                self.bad(f"{at}.{key}", value, f"one of {', '.join(known)}", near)
        time_type = table.get("type")
        if time_type == "date_time" and (kind == "ndjson" or len(sources) != 2):
            self.bad(f"{at}.column", list(sources), "the columns of date and time of a delimited format")
        if "unit" in table and time_type != "epoch":
            self.bad(f"{at}.unit", table["unit"], "no unit, except for an epoch")
        zone = table.get("zone", "+00:00")
        match = re.fullmatch(r"([+-])([01]\d|2[0-3]):([0-5]\d)", zone) if isinstance(zone, str) else None
        if match is None:
            self.bad(f"{at}.zone", zone, 'an offset from UTC, like "+03:00"')
            return TimeField(sources)
        seconds = (int(match[2]) * 60 + int(match[3])) * 60 * (-1 if match[1] == "-" else 1)
        return TimeField(sources, type=time_type or "iso", zone=seconds, unit=table.get("unit", "auto"))
