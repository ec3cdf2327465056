"""Tells a log's format from its first bytes: reads them as every format would, and names the one that fits best.

Header directives decide first, then the keys of JSON objects, then the shape of delimited lines. What fits is the
format that reads most lines; of formats that read as many, the one that asks for most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.formats import reading
from pipeline.formats.errors import FormatError, Problem
from pipeline.formats.load import builtin_names, load_format

if TYPE_CHECKING:
    from pipeline.formats.model import LogFormat

HEAD_BYTES = 64 * 1024
"""No more of a log is looked at, but for a first line that is longer."""
LONGEST_HEAD = 1 << 20
"""Of such a line."""
MAX_LINES = 120
LEAST_SHARE = 0.1
"""A log may begin with other lines than requests, but not be mostly something else."""
NEARLY_ALL = 0.9
PREFIXES = (b"]: ", b"| ", b": ", b" - - ")
"""What ends the prefixes of syslog (the last: of RFC 5424), docker compose and others, tried when nothing fits as it
stands."""
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4", b"PK\x03\x04": "zip"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A format that was tried: how many of the lines it read, and why it did not read the first that it did not."""

    name: str
    read: int
    lines: int
    fault: str


@dataclass(frozen=True, slots=True)
class Detection:
    """The format found; `confidence` is the share of the looked-at lines that it reads; `tried`: all, best first."""

    format: LogFormat
    confidence: float
    why: str
    tried: tuple[Candidate, ...]

    @property
    def name(self) -> str:
        """The format's name."""
        return self.format.name


class DetectionError(FormatError):
    """No format fits, or two fit alike; `tried` lists the formats with the share that each reads."""

    def __init__(self, found: str, tried: tuple[Candidate, ...]) -> None:
        expected = "lines of one of the known formats, or --format with a name or a path to a format's TOML"
        told = f"{expected}; tried: {_told(tried)}" if tried else expected
        super().__init__([Problem("the log's first lines", "", found, told)])
        self.tried = tried


def _told(tried: tuple[Candidate, ...]) -> str:
    """What was tried: formats that read something one by one, the others by the reason of their first fault."""
    read = [f"{c.name} reads {c.read} of {c.lines} lines ({c.fault})" for c in tried if c.read]
    by_fault: dict[str, list[str]] = {}
    for candidate in tried:
        if not candidate.read:
            by_fault.setdefault(candidate.fault, []).append(candidate.name)
    lines = max((candidate.lines for candidate in tried), default=0)
    unread = [f"{fault} ({', '.join(names)})" for fault, names in by_fault.items()]
    return "; ".join(
        [*read, *([f"none of {lines} lines is read by the others: {', '.join(unread)}"] if unread else [])]
    )


def detect(head: bytes) -> Detection:
    """The format of a log that begins with `head` (unpacked; HEAD_BYTES are enough where a line ends in them).

    Raises DetectionError when none fits, or when formats fit alike.
    """
    if len(head) >= LONGEST_HEAD and not first_line_end(head):
        raise DetectionError(f"a line longer than {LONGEST_HEAD >> 20} MiB, which is not looked at", ())
    lines = _lines(head)
    data = _requests(lines)
    if not data:
        raise DetectionError("no line of a request" if lines else "nothing: the log is empty", ())
    packed = next((name for magic, name in MAGIC.items() if head.startswith(magic)), "")
    if packed:
        raise DetectionError(f"{packed}-compressed bytes, which must be unpacked first", ())
    formats = [load_format(name) for name in builtin_names()]
    sample = _Head(lines)
    tried = [(fmt, sample.attempt(fmt)) for fmt in formats]
    fitting = [pair for pair in tried if _fits(pair[1])]
    for prefix in () if fitting else PREFIXES:
        plain = [
            replace(fmt, prefix_until=prefix) for fmt in formats if not fmt.prefix_until and not fmt.header
        ]
        fitting = [pair for pair in ((fmt, sample.attempt(fmt)) for fmt in plain) if _fits(pair[1])]
        if fitting:
            break
    return _choose(fitting, tuple(sorted((candidate for _, candidate in tried), key=_order)), data)


def shows_requests(head: bytes) -> bool:
    """Whether there is a line in a log's head that is no comment, by which its format can be told."""
    return bool(_requests(_lines(head)))


def _requests(lines: list[bytes]) -> list[bytes]:
    return [line for line in lines if not line.startswith(b"#")]


def _fits(candidate: Candidate) -> bool:
    return candidate.read > 0 and candidate.read >= LEAST_SHARE * candidate.lines


def _order(candidate: Candidate) -> tuple[float, bool, str]:
    return (-candidate.read, candidate.fault in ("json", "columns", "prefix", "no header"), candidate.name)


def _choose(
    fitting: list[tuple[LogFormat, Candidate]], tried: tuple[Candidate, ...], data: list[bytes]
) -> Detection:
    """The most demanding of the formats that read nearly as many lines as the best."""
    if not fitting:
        raise DetectionError(_describe(data), tried)
    most = max(candidate.read for _, candidate in fitting)
    best = [(fmt, candidate) for fmt, candidate in fitting if candidate.read >= NEARLY_ALL * most]
    best.sort(key=lambda pair: _demands(pair[0]), reverse=True)
    (fmt, candidate), others = best[0], best[1:]
    alike = [other.name for other, _ in others if _demands(other) == _demands(fmt)]
    if alike:
        raise DetectionError(f"lines that {fmt.name} and {' and '.join(alike)} read alike", tried)
    why = f"{fmt.name} reads {candidate.read} of {candidate.lines} lines"
    if fmt.prefix_until and not load_format(fmt.name).prefix_until:
        why += f", what stands before {fmt.prefix_until.decode()!r} left out"
    if others:
        why += f" and asks for more than {', '.join(sorted(other.name for other, _ in others))}"
    return Detection(fmt, candidate.read / candidate.lines, why, tried)


def _demands(fmt: LogFormat) -> tuple[int, int, int]:
    """How much a format asks of a line: hints, columns, and its rank."""
    hints = fmt.detect
    return (
        len(hints.keys) + len(hints.fields) + len(hints.directive) + len(hints.shape),
        0 if fmt.header else len(fmt.columns),
        hints.rank,
    )


def first_line_end(head: bytes | bytearray) -> int:
    """Where the first line ends that is neither blank nor a comment; 0 where none does."""
    at = 3 if head[:3] == b"\xef\xbb\xbf" else 0
    while (end := head.find(b"\n", at)) >= 0:
        if head[at:end].strip(b"\r") and head[at : at + 1] != b"#":
            return end + 1
        at = end + 1
    return 0


def _lines(head: bytes) -> list[bytes]:
    """Whole lines of the head, comments and an even sample of the others."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    cut = head[: max(HEAD_BYTES, first_line_end(head))]  # the first line is looked at whole
    lines = [line.removesuffix(b"\r") for line in cut.split(b"\n")]
    if len(lines) > 1:
        lines.pop()  # empty, or the beginning of a line that goes on
    lines = [line for line in lines if line]
    if len(lines) <= MAX_LINES:
        return lines
    step = len(lines) / MAX_LINES
    kept = {int(place * step) for place in range(MAX_LINES)}
    return [line for place, line in enumerate(lines) if place in kept or line.startswith(b"#")]


class _Head:
    """The lines of a head, each cut or parsed once however many formats are tried."""

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines
        self.cuts: dict[tuple[bytes, int, bool], list[bytes] | None] = {}
        self.objects: dict[bytes, dict[str, Any] | None] = {}

    def attempt(self, fmt: LogFormat) -> Candidate:
        """How well a format reads the lines."""
        read = total = 0
        first = ""
        bytes_seen = fmt.kind == "delimited" or not {"bytes_sent", "body_bytes"} & fmt.known
        fits = not fmt.header or bool(fmt.columns)
        said = any(line[0] == fmt.comment and reading.says(fmt, line) for line in self.lines)
        for line in self.lines:
            if line[0] == fmt.comment:
                if fmt.is_header(line):
                    fmt = fmt.with_header(line)
                    fits = reading.header_fits(fmt, said=said)
                continue
            total += 1
            fault = self.fault(fmt, line) if fits else "other columns" if fmt.columns else "no header"
            if not fault and not bytes_seen:
                bytes_seen = bool(self.bytes_in(fmt, line))
            read += not fault
            first = first or fault
        if read and not bytes_seen:
            read, first = 0, "no key of bytes"
        return Candidate(fmt.name, read, total, first)

    def bytes_in(self, fmt: LogFormat, line: bytes) -> set[str]:
        """Which roles of bytes a line of an ndjson format has."""
        return reading.bytes_in(fmt, self.parse(self.rest(fmt, line) or b"") or {})

    def fault(self, fmt: LogFormat, line: bytes) -> str:
        """Why a format does not read a line; empty when it does."""
        rest = self.rest(fmt, line)
        if rest is None:
            return "prefix"
        if fmt.kind == "ndjson":
            return reading.json_fault(fmt, self.parse(rest))
        return reading.column_fault(fmt, rest, self.cut(rest, fmt.separator, fmt.quotes))

    @staticmethod
    def rest(fmt: LogFormat, line: bytes) -> bytes | None:
        """What follows the prefix; `None` when the line has none."""
        if not fmt.prefix_until:
            return line
        _, found, rest = line.partition(fmt.prefix_until)
        return rest if found else None

    def parse(self, line: bytes) -> dict[str, Any] | None:
        """The object in a line."""
        if line not in self.objects:
            self.objects[line] = reading.parse_json(line) if line.lstrip()[:1] == b"{" else None
        return self.objects[line]

    def cut(self, line: bytes, separator: int, quotes: bool) -> list[bytes] | None:
        """The columns of a line."""
        key = (line, separator, quotes)
        if key not in self.cuts:
            self.cuts[key] = reading.cut(line, separator, quotes)
        return self.cuts[key]


def _shown(line: bytes) -> str:
    """In quotes, each byte that is not UTF-8 escaped once."""
    try:
        return repr(line.decode())
    except UnicodeDecodeError:
        return repr(line)[1:]


def _describe(data: list[bytes]) -> str:
    """What the lines look like when nothing fits."""
    found = reading.parse_json(data[0]) if data[0].lstrip()[:1] == b"{" else None
    if found is None:
        return f"lines like {_shown(data[0][:120])}"
    keys = ", ".join(list(found)[:12])
    if "server_zones" in found or ("requests" in found and "connections" in found):
        return f"counters of a server's status page, no log of requests (keys {keys})"
    return f"JSON objects with the keys {keys}"
