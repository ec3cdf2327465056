"""Turns a LogFormat into the arrays that a kernel reads: the way from a format's TOML to a kernel call."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kernels import entry, layout
from pipeline.formats.errors import FormatError, Problem
from pipeline.formats.model import path_of
from pipeline.groups import names_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kernels.native import Kernel
    from pipeline.formats.model import LogFormat
    from pipeline.groups import Names

PREFIX_AT, DIRECTIVE_AT, NAMES_AT, LITERALS = 64, 128, 256, 8192
_TIME_TYPES = {"epoch": layout.EPOCH, "clf": layout.CLF, "iso": layout.ISO, "date_time": layout.DATE_TIME}
_TIME_UNITS = {
    "auto": layout.UNIT_AUTO,
    "s": layout.UNIT_S,
    "ms": layout.UNIT_MS,
    "us": layout.UNIT_US,
    "ns": layout.UNIT_NS,
}
_ROLES = {
    "time": layout.TIME,
    "resource": layout.RESOURCE,
    "status": layout.STATUS,
    "bytes_sent": layout.BYTES_SENT,
    "body_bytes": layout.BODY_BYTES,
    "cache": layout.CACHE,
    "edge": layout.EDGE,
    "seq": layout.SEQ,
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A format as a kernel sees it. `spec` and `template` are the caller's own, the rest is shared.

    `spec`: int64[SPEC_SIZE] of kernels.layout. `literals`: uint8, `-` at 0, the prefix and the directive at their
    places. `hits`: cache values that count as hits, the first among the names. `keys`, `template`: int64, paths
    of ndjson keys, and where the kernel has learned that they lie. `scan`: the kernel,
    `exact`: what it calls for unusual lines.
    """

    fmt: LogFormat
    spec: NDArray[np.int64]
    literals: NDArray[np.uint8]
    hits: Names
    keys: NDArray[np.int64]
    template: NDArray[np.int64]
    scan: Kernel
    exact: Kernel


def compile_format(fmt: LogFormat) -> Compiled:
    """The arrays of a format, for any kernel. Cheap: segments are many, and most of them are small."""
    drawn = _draw(fmt)
    return replace(drawn, spec=drawn.spec.copy(), template=drawn.template.copy())


@functools.lru_cache(maxsize=64)
def _draw(fmt: LogFormat) -> Compiled:
    spec = np.zeros(layout.SPEC_SIZE, np.int64)
    literals = np.zeros(LITERALS, np.uint8)
    literals[0] = ord("-")
    spec[list(layout.ROLES)] = -1
    spec[layout.TIME_TYPE] = _TIME_TYPES[fmt.time.type]
    spec[layout.TIME_UNIT] = _TIME_UNITS[fmt.time.unit]
    spec[layout.ZONE_SECONDS] = fmt.time.zone
    spec[layout.URL_HOST] = fmt.resource is not None and fmt.resource.url_host
    spec[layout.COMMENT] = fmt.comment
    spec[layout.PREFIX_LENGTH] = len(fmt.prefix_until)
    _put(literals, PREFIX_AT, fmt.prefix_until)
    spec[layout.DIRECTIVE] = len(fmt.header)
    _put(literals, DIRECTIVE_AT, fmt.header.lower())
    spec[layout.EARLIEST], spec[layout.LATEST] = -layout.NO_BOUND, layout.NO_BOUND
    for role, place in _ROLES.items():
        field = fmt.role(role)
        if field is not None and field.optional:
            spec[layout.OPTIONAL] |= 1 << place - layout.TIME
    keys = np.zeros((layout.PATHS, layout.PATH_WORDS), np.int64)
    template = np.zeros(layout.TEMPLATE_SIZE, np.int64)
    if fmt.kind == "ndjson":
        scan, exact = entry.scan_ndjson, entry.exact_json_line
        _paths(fmt, spec, keys, literals)
    else:
        scan, exact = entry.scan_delimited, entry.exact_line
        _columns(fmt, spec)
    for shared in (literals, keys):
        shared.setflags(write=False)
    hits = names_of(fmt.cache.hit if fmt.cache else ())
    return Compiled(fmt, spec, literals, hits, keys, template, scan, exact)


def _paths(
    fmt: LogFormat, spec: NDArray[np.int64], keys: NDArray[np.int64], literals: NDArray[np.uint8]
) -> None:
    """Every path of every role, and its names among the literals."""
    at, count = NAMES_AT, 0
    for role, place in _ROLES.items():
        field = fmt.role(role)
        if field is None:
            continue
        spec[place] = 0
        for source in field.sources:
            names = path_of(source)
            if count == layout.PATHS or len(names) > layout.PATH_DEPTH or at + len(source) + 64 > LITERALS:
                raise FormatError([_too_much(fmt, source)])
            keys[count, layout.P_ROLE], keys[count, layout.P_DEPTH] = place, len(names)
            for depth, name in enumerate(names):
                keys[count, layout.P_NAMES + 2 * depth] = at
                keys[count, layout.P_NAMES + 2 * depth + 1] = len(name)
                _put(literals, at, name)
                at += len(name)
            count += 1
    spec[layout.JSON_KEYS] = count


def _too_much(fmt: LogFormat, source: str) -> Problem:
    return Problem(
        fmt.path,
        f"fields: {source}",
        "more than a kernel takes",
        f"at most {layout.PATHS} keys, {layout.PATH_DEPTH} names deep, {LITERALS // 1024} KiB of names in all",
    )


def recompile(compiled: Compiled, header: bytes) -> Compiled:
    """The same after a header line that names columns; what the caller set beside the format stays."""
    changed = compile_format(compiled.fmt.with_header(header.rstrip(b"\r")))
    for place in (
        layout.BY_EDGE,
        layout.BY_STATUS,
        layout.BY_CACHE,
        layout.SEQ_COLUMN,
        layout.SEQ_PLACE,
        layout.SEQ_FIRST,
    ):
        changed.spec[place] = compiled.spec[place]
    for place in (layout.HOME_MINUTE, layout.EARLIEST, layout.LATEST):
        changed.spec[place] = compiled.spec[place]
    return changed


def _columns(fmt: LogFormat, spec: NDArray[np.int64]) -> None:
    spec[layout.SEPARATOR] = fmt.separator
    spec[layout.QUOTES] = fmt.quotes
    spec[layout.MIN_COLUMNS] = fmt.min_columns
    times = fmt.places("time")
    spec[layout.TIME] = times[0] if times else 0
    spec[layout.TIME_OF_DAY] = times[1] if len(times) > 1 else -1
    for name, role in _ROLES.items():
        if role == layout.TIME:
            continue
        places = fmt.places(name)
        spec[role] = places[0] if places else -1
    spec[layout.NEEDED_COLUMNS] = int(spec[list(layout.ROLES)].max()) + 1


def _put(literals: NDArray[np.uint8], at: int, text: bytes) -> None:
    literals[at : at + len(text)] = np.frombuffer(text, np.uint8)
