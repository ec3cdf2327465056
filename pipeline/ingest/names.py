"""Reads the names of files in a spool, by a pattern, into segment origins; pure, used by the spool and its tools.

A pattern is a small template of a path below the spool. `{edge}` `{stream}` `{minute}` `{part}` stand for the parts of
an origin, `[…]` for what may be left out, `*` for anything within one folder or file name; everything else is literal.
A codec's suffix may always follow. The default reads
`<edge>[/<stream>]/<YYYYMMDDTHHMMZ>[.<part>].log[.gz|.zst|.lz4]`.
"""

from __future__ import annotations

import enum
import functools
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.model import Origin

DEFAULT_PATTERN = "{edge}[/{stream}]/{minute}[.{part}].log"
DEFAULT_STREAM = "access"

CODECS = {"": "plain", ".gz": "gzip", ".zst": "zstd", ".lz4": "lz4"}
"""What a name ends with, after the pattern, and the codec that it promises."""

TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".filepart", ".swp", ".swx", ".new", "~")
"""Endings that writers give to files that are not whole yet: never read, never a problem."""

MAX_PATH = 1024
_WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9_:@+-]|\.(?!\.)){0,126}"
_FIELDS = {
    "edge": _WORD,
    "stream": _WORD,
    "part": r"[A-Za-z0-9_-](?:[A-Za-z0-9_+-]|\.(?!\.)){0,62}",
    "minute": r"[0-9]{8}T[0-9]{4}Z",
}
_EXPECTED = {
    "edge": "1–127 of A–Z a–z 0–9 _ . : @ + -, not beginning with a dot and without ..",
    "minute": "YYYYMMDDTHHMMZ",
}


FIRST_YEAR, LAST_YEAR = 1970, 2105
"""What the store's times can hold: one file of the year 9999 made every batch with it fail."""


class NameKind(enum.StrEnum):
    """What a file in a spool is, as far as its name tells."""

    SEGMENT = "segment"
    SIDECAR = "sidecar"
    COUNTERS = "counters"


@dataclass(frozen=True, slots=True)
class Name:
    """A name that was understood. `stem` is the path without the codec's suffix (of a sidecar: of the segment it
    speaks for), so that a segment and its sidecar have the same."""

    kind: NameKind
    origin: Origin
    codec: str
    stem: str


@dataclass(frozen=True, slots=True)
class NameProblem:
    """A name that was not understood: evidence, shown by `prebill doctor` and `prebill status`."""

    path: str
    found: str
    expected: str

    @property
    def reason(self) -> str:
        """What is wrong, and what to do, without the path."""
        return f"{self.found}; expected {self.expected}; rename it, or set spool.pattern"

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class PatternError(ValueError):
    """A pattern that cannot be used; the message says where, what was found, and what is expected."""


@dataclass(frozen=True)
class NamePattern:
    """A compiled pattern. `depth` is the greatest number of folders between the spool and a file."""

    text: str
    segment: re.Pattern[str]
    counters: re.Pattern[str]
    depth: int


_TOKEN = re.compile(r"\{([^{}]*)\}|([\[\]*])|([^{}\[\]*]+)|([{}])")


@functools.lru_cache(maxsize=16)
def compile_pattern(text: str = DEFAULT_PATTERN) -> NamePattern:
    """Compiles a template into a NamePattern.

    Raises PatternError for an unknown or repeated field, brackets that do not match, two fields with nothing between
    them, and a pattern without {edge} or {minute} outside brackets.
    """

    def wrong(at: int, found: str, expected: str) -> PatternError:
        return PatternError(f"spool.pattern {text!r}, character {at + 1}: found {found}; expected {expected}")

    out: list[str] = []
    seen: list[str] = []
    optional = False
    field_before = False
    counters = ""
    for token in _TOKEN.finditer(text):
        name, mark, literal, stray = token.groups()
        at = token.start()
        if stray:
            raise wrong(at, repr(stray), "balanced braces around a field, as in {edge}")
        if literal is not None:
            if ".." in literal.split("/") or (literal.startswith("/") and not out) or "//" in literal:
                raise wrong(at, repr(literal), "a path below the spool, without '..', '//' or a leading '/'")
            out.append(re.escape(literal))
            field_before = False
        elif mark == "[":
            if optional:
                raise wrong(at, "'[' inside brackets", "brackets that are not nested")
            optional = True
            out.append("(?:")
        elif mark == "]":
            if not optional:
                raise wrong(at, "']' without '['", "brackets that match")
            optional = False
            out.append(")?")
        else:
            if field_before:
                raise wrong(at, "two fields in a row", "something literal between them")
            field_before = True
            if mark == "*":
                out.append("[^/]{0,255}")
                continue
            if name not in _FIELDS:
                raise wrong(
                    at, "{" + name + "}", "one of " + ", ".join("{" + field + "}" for field in _FIELDS)
                )
            if name in seen:
                raise wrong(at, "{" + name + "} again", "each field once")
            if optional and name in ("edge", "minute"):
                raise wrong(at, "{" + name + "} inside brackets", "it outside: every segment has one")
            seen.append(name)
            out.append(f"(?P<{name}>{_FIELDS[name]})")
            if not counters and {"edge", "minute"} <= set(seen):
                counters = "".join(out)
    if optional:
        raise wrong(len(text), "the end inside brackets", "']'")
    missing = {"edge", "minute"} - set(seen)
    if missing:
        raise wrong(
            len(text), "the end", " and ".join("{" + name + "}" for name in sorted(missing)) + " somewhere"
        )
    return NamePattern(
        text,
        re.compile("".join(out) + r"\Z"),
        re.compile(counters + r"\.counters\.json\Z"),
        text.count("/"),
    )


def read_name(path: str, pattern: NamePattern) -> Name | NameProblem | None:
    """Tells what a file is from its path relative to the spool, `/` between folders, without touching it.

    `None`: a name to be ignored, hidden or temporary.
    """
    base = path.rpartition("/")[2]
    if path.startswith(".") or "/." in path or base.endswith(TEMPORARY):
        return None
    if len(path) > MAX_PATH:
        return NameProblem(
            show_path(path[:80] + "…"),
            f"a path of {len(path)} characters",
            f"at most {MAX_PATH}: {_expected(pattern)}",
        )
    if base.endswith(".json"):
        match = pattern.counters.match(path)
        if match:
            return _name(NameKind.COUNTERS, match, "", path, path)
        match = pattern.segment.match(path[:-5])
        if match:
            return _name(NameKind.SIDECAR, match, "", path[:-5], path)
    stem, codec = split_codec(path)
    match = pattern.segment.match(stem)
    if match:
        return _name(NameKind.SEGMENT, match, codec, stem, path)
    return NameProblem(show_path(path), "a name that the pattern does not match", _expected(pattern))


def split_codec(path: str) -> tuple[str, str]:
    """The path without its codec's suffix, and the codec that it promises."""
    for suffix, codec in CODECS.items():
        if suffix and path.endswith(suffix):
            return path[: -len(suffix)], codec
    return path, "plain"


def sidecar_path(path: str) -> str:
    """Where the sidecar of the segment at `path` lies."""
    return split_codec(path)[0] + ".json"


def show_path(path: str) -> str:
    """A path as text that can be printed and stored, whatever bytes its name is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace").replace("\n", "\\n")


def _expected(pattern: NamePattern) -> str:
    return f"{pattern.text} with minute = {_EXPECTED['minute']}, edge = {_EXPECTED['edge']}"


def _name(kind: NameKind, match: re.Match[str], codec: str, stem: str, path: str) -> Name | NameProblem:
    groups = match.groupdict()
    minute = _minute(groups["minute"])
    if minute is None:
        return NameProblem(
            show_path(path),
            f"{groups['minute']}, which is no date and time from {FIRST_YEAR} to {LAST_YEAR}",
            _EXPECTED["minute"],
        )
    origin = Origin(groups["edge"], groups.get("stream") or DEFAULT_STREAM, minute, groups.get("part") or "")
    return Name(kind, origin, codec, stem)


@functools.lru_cache(maxsize=8192)  # tens of thousands of files share a few minutes
def _minute(text: str) -> int | None:
    try:
        at = datetime.strptime(text, "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(at.timestamp()) // 60 if FIRST_YEAR <= at.year <= LAST_YEAR else None
