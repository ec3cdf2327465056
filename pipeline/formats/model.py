"""What a log format says, as plain frozen data: made by `load` out of a TOML file, read by the kernels' compiler."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLES = ("time", "resource", "status", "bytes_sent", "body_bytes", "cache", "edge", "seq")
"""What a column or key can be for; `time` is the only one that every format has."""

UNREADABLE = 1 << 30
"""`min_columns` where a needed column is not there: no line can have as many, so all are malformed (`columns`)."""

TimeType = Literal["epoch", "clf", "iso", "date_time"]
TimeUnit = Literal["auto", "s", "ms", "us", "ns"]


@dataclass(frozen=True, slots=True)
class Field:
    """Where a value is: column names, or dotted paths of keys; the first that is there counts."""

    sources: tuple[str, ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class TimeField(Field):
    """When the request was; `date_time` needs both sources. `zone`: seconds east of UTC where a time has none."""

    type: TimeType = "iso"
    zone: int = 0
    unit: TimeUnit = "auto"


@dataclass(frozen=True, slots=True)
class ResourceField(Field):
    """Which host was served; `url_host`: it is the host part of a URL."""

    url_host: bool = False


@dataclass(frozen=True, slots=True)
class CacheField(Field):
    """The cache's answer; it was a hit when it is one of `hit`."""

    hit: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class DetectHints:
    """What detection may use beside the fields.

    `keys`: dotted paths of JSON of which all must be in a line. `fields`: header columns of which all must be there.
    `directive`: what one of the comments says, in any case of letters; one of them is as good as all of `fields`.
    `shape`: column name → regular expression that its whole text, quotes included, matches in lines of this format.
    `rank`: the greater wins where two formats fit alike.
    """

    keys: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    directive: tuple[str, ...] = ()
    shape: tuple[tuple[str, str], ...] = ()
    rank: int = 0


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A format: how lines are cut, and which part plays which role.

    `separator`, `comment`: byte values; `comment` is -1 where there is none. `separator_auto`: a header line says
    whether it is TAB or space. `columns`, `min_columns`, `separator`, `quotes`: of delimited formats only.
    `header`: a comment that begins so (in any case of letters) names the columns from there on; empty where there is
    none. `base`: the format as loaded, when a header has changed it since.
    """

    name: str
    title: str
    source: str
    kind: Literal["delimited", "ndjson"]
    time: TimeField
    bytes_include_headers: bool | None = None
    separator: int = 0
    separator_auto: bool = False
    quotes: bool = False
    columns: tuple[str, ...] = ()
    min_columns: int = UNREADABLE
    comment: int = -1
    header: bytes = b""
    prefix_until: bytes = b""
    resource: ResourceField | None = None
    status: Field | None = None
    bytes_sent: Field | None = None
    body_bytes: Field | None = None
    cache: CacheField | None = None
    edge: Field | None = None
    seq: Field | None = None
    detect: DetectHints = field(default_factory=DetectHints)
    path: str = ""
    base: LogFormat | None = None

    @property
    def known(self) -> frozenset[str]:
        """The measures that this format can know."""
        roles = {
            "bytes_sent": self.bytes_sent,
            "body_bytes": self.body_bytes,
            "hits": self.cache,
            "errors_4xx": self.status,
            "errors_5xx": self.status,
        }
        return frozenset({"requests", *(measure for measure, role in roles.items() if role is not None)})

    def role(self, name: str) -> Field | None:
        """The field that plays a role of ROLES, `None` where the format has none."""
        found: Field | None = getattr(self, name)
        return found

    def places(self, name: str) -> tuple[int, ...]:
        """Columns that play a role, counted from 0: none, one, or two for `date_time`."""
        role = self.role(name)
        return () if role is None else places_in(self.columns, role)

    def with_columns(self, names: Sequence[str], separator: int | None = None) -> LogFormat:
        """This format after a header that names its columns, in any case of letters.

        A role whose column is not there is dropped if it is optional; otherwise no line can be read
        (`min_columns` is UNREADABLE). Earlier headers do not matter.
        """
        base = self.base or self
        columns = tuple(names)
        kept: dict[str, Field | None] = {}
        highest = 0
        for name in ROLES:
            role = base.role(name)
            if role is None:
                continue
            found = places_in(columns, role)
            if found:
                kept[name] = role
                highest = max(highest, 0 if role.optional else max(found) + 1)
            elif role.optional:
                kept[name] = None
            else:
                kept[name] = role
                highest = UNREADABLE
        return replace(
            base,
            columns=columns,
            min_columns=highest,
            separator=base.separator if separator is None else separator,
            base=base,
            **kept,  # type: ignore[arg-type]  # each role keeps its own type: it comes from the same attribute
        )

    def is_header(self, line: bytes) -> bool:
        """Whether a comment line names the columns from there on."""
        return bool(self.header) and line[: len(self.header)].lower() == self.header.lower()

    def with_header(self, line: bytes) -> LogFormat:
        """This format after the header line: its names are separated by white space; a TAB among it makes the
        separator a TAB where `separator_auto`."""
        rest = line[len(self.header) :].strip(b" \t\r\n")
        names = rest.replace(b"\t", b" ").decode("utf-8", "replace").split(" ")
        separator = (9 if b"\t" in rest else 32) if self.separator_auto else None
        return self.with_columns([name for name in names if name], separator)


def places_in(columns: Sequence[str], role: Field) -> tuple[int, ...]:
    """Places of a field's columns, () when it is not there; names are compared in any case of letters."""
    lowered = [column.lower() for column in columns]
    found = [lowered.index(source.lower()) for source in role.sources if source.lower() in lowered]
    if isinstance(role, TimeField) and role.type == "date_time":
        return tuple(found) if len(found) == len(role.sources) else ()
    return tuple(found[:1])


def path_of(source: str) -> tuple[bytes, ...]:
    """The keys of a dotted path, as they stand in the line."""
    return tuple(part.encode() for part in source.split("."))
