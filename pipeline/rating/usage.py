"""A customer's usage as columns, a row per (minute, resource, zone): out of CSV, Parquet, or a table of the store.

It goes to pipeline.rating.meter. Rows of one minute, resource and zone may repeat: they add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

COUNTS = ("requests", "bytes_sent", "body_bytes")
COLUMNS = ("minute", "resource", "zone", *COUNTS)
"""Of a file of usage."""

LAST_MINUTE = 71_529_120
"""The first of the year 2106, after the last that a month may be billed of."""


class UsageError(ValueError):
    """Usage that cannot be counted; each of `faults` says what was expected, what was found and where."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True, slots=True, eq=False)
class Usage:
    """Columns of n rows: `minute` uint32, since the epoch; `resource`, `zone`: uint32, places in `resources`, `zones`;
    counts uint64. `known`: the counts that the source has; the others are zero here, and no plan may ask for them."""

    resources: tuple[str, ...]
    zones: tuple[str, ...]
    minute: NDArray[np.uint32]
    resource: NDArray[np.uint32]
    zone: NDArray[np.uint32]
    requests: NDArray[np.uint64]
    bytes_sent: NDArray[np.uint64]
    body_bytes: NDArray[np.uint64]
    known: frozenset[str] = frozenset(COUNTS)

    def __len__(self) -> int:
        return len(self.minute)


def usage_of(
    minute: ArrayLike,
    *,
    resource: tuple[Sequence[str], ArrayLike] | None = None,
    zone: tuple[Sequence[str], ArrayLike] | None = None,
    **counts: ArrayLike,
) -> Usage:
    """Usage out of arrays; `resource`, `zone`: names and places in them, all rows of one without a name by default.

    UsageError where columns differ in length, a place names nothing, or a count is none of COUNTS or below zero.
    """
    minutes = _unsigned("minute", minute, np.uint32)
    n, faults = len(minutes), []
    columns: dict[str, NDArray[Any]] = {}
    names: dict[str, tuple[str, ...]] = {}
    for what, pair in (("resource", resource), ("zone", zone)):
        listed, places = pair if pair is not None else (("",), np.zeros(n, np.uint32))
        names[what], columns[what] = tuple(listed), _unsigned(what, places, np.uint32)
        if len(columns[what]) and int(columns[what].max()) >= len(names[what]):
            faults.append(f"{what}: expected places in {len(names[what])} names, found {columns[what].max()}")
    for what, values in counts.items():
        if what not in COUNTS:
            faults.append(f"expected counts of {', '.join(COUNTS)}, found {what}")
        columns[what] = _unsigned(what, values, np.uint64)
    faults += [
        f"{what}: expected {n} rows as in minute, found {len(c)}"
        for what, c in columns.items()
        if len(c) != n
    ]
    if faults:
        raise UsageError(faults)
    nothing = np.zeros(n, np.uint64)
    requests, sent, body = (columns.get(what, nothing) for what in COUNTS)
    return Usage(
        names["resource"],
        names["zone"],
        minutes,
        columns["resource"],
        columns["zone"],
        requests,
        sent,
        body,
        frozenset(counts),
    )


def _unsigned(what: str, values: ArrayLike, kind: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    found = np.asarray(values)
    if found.dtype == kind:
        return np.ascontiguousarray(found)
    if found.size == 0:
        return np.empty(0, kind)
    if found.dtype.kind not in "iu":
        raise UsageError([f"{what}: expected whole numbers, found {found.dtype}"])
    top = np.iinfo(kind).max
    wrong = np.flatnonzero((found < 0) | (found > top))
    if len(wrong):
        raise UsageError([f"{what}: expected 0 to {top}, found {found[wrong[0]]} in row {wrong[0] + 1}"])
    return np.ascontiguousarray(found, kind)


def usage_from_table(table: Any, zone_of: Mapping[str, str] | None = None) -> Usage:
    """Usage out of an Arrow table: `minute` as a time or as minutes since the epoch, `resource`, `zone`, and counts.

    `zone_of`: the zone of each edge, for a table with `edge` in place of `zone`. UsageError lists all faults.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found = set(table.column_names)
    faults = [] if "minute" in found else ["column minute: expected, not found"]
    if not found & set(COUNTS):
        faults.append(
            f"expected at least one column of {', '.join(COUNTS)}, found {', '.join(sorted(found))}"
        )
    faults += [
        f"column {name}: expected once, found {table.column_names.count(name)} times"
        for name in sorted(found)
        if table.column_names.count(name) > 1
    ]
    if faults:
        raise UsageError(faults)
    faults += [
        f"column {name}: {table[name].null_count} of {table.num_rows} rows are empty, the first is row "
        f"{pc.index(pc.is_null(table[name]), True).as_py() + 1}"
        for name in ("minute", *COUNTS)
        if name in found and table[name].null_count
    ]
    for name in sorted(found & set(COLUMNS)):
        kind = table[name].type
        if name in COUNTS:
            fits, what = pa.types.is_integer(kind), "whole numbers"
        elif name == "minute":
            fits, what = (
                pa.types.is_integer(kind) or pa.types.is_timestamp(kind),
                "times, or minutes since 1970",
            )
        else:
            fits, what = not pa.types.is_nested(kind), "texts"
        if not fits:
            faults.append(f"column {name}: expected {what}, found {kind}")
    if faults:
        raise UsageError(faults)
    minute = table["minute"].combine_chunks()
    if pa.types.is_timestamp(minute.type):
        minute = pc.divide(
            pc.cast(pc.cast(minute, pa.timestamp("s", minute.type.tz), safe=False), pa.int64()), 60
        )
    names: dict[str, tuple[Sequence[str], ArrayLike] | None] = {}
    for name in ("resource", "zone", "edge"):
        if name in found:
            coded = pc.dictionary_encode(pc.cast(table[name], pa.string()).fill_null("")).combine_chunks()
            coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
            names[name] = (coded.dictionary.to_pylist(), coded.indices.to_numpy(zero_copy_only=False))
    if zone_of is not None and names.get("zone") is None and (edges := names.get("edge")) is not None:
        zones = sorted({zone_of.get(edge, "") for edge in edges[0]})
        of = np.array([zones.index(zone_of.get(edge, "")) for edge in edges[0]], np.uint32)
        names["zone"] = (zones, of[np.asarray(edges[1])])
    counts = {name: table[name].to_numpy() for name in COUNTS if name in found}
    minutes = minute.to_numpy(zero_copy_only=False)
    _check_minutes(minutes, timed=pa.types.is_timestamp(table["minute"].type))
    return usage_of(
        minutes,
        resource=names.get("resource"),
        zone=names.get("zone"),
        **counts,
    )


def _check_minutes(minutes: NDArray[Any], *, timed: bool) -> None:
    wrong = np.flatnonzero((minutes < 0) | (minutes >= LAST_MINUTE))
    if not len(wrong):
        return
    first = int(minutes[wrong[0]])
    hint = "; are they seconds?" if not timed and 0 < first // 60 < LAST_MINUTE else ""
    raise UsageError(
        [
            "minute: expected times from 1970 to 2105, or minutes since 1970; "
            f"found {first} minutes in row {wrong[0] + 1}{hint}"
        ]
    )


def read_usage(path: Path) -> Usage:
    """Usage out of a CSV or Parquet file with the columns of `usage_from_table`; UsageError names the file and rows."""
    from pipeline.rating.usage_csv import read_csv

    try:
        table = _read_parquet(path) if path.suffix.lower() == ".parquet" else read_csv(path)
        if isinstance(table, list):
            raise UsageError(table)
        return usage_from_table(table)
    except OSError as error:
        raise UsageError([f"{path}: cannot be read: {error.strerror or error}"]) from error
    except UsageError as error:
        raise UsageError([f"{path}: {fault}" for fault in error.faults]) from error


def _read_parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = pq.read_schema(path).names
        if twice := sorted({name for name in COLUMNS if columns.count(name) > 1}):
            raise UsageError(
                [f"column {name}: expected once, found {columns.count(name)} times" for name in twice]
            )
        wanted = [name for name in COLUMNS if name in columns]
        return pq.read_table(path, columns=wanted)
    except pa.ArrowException as error:
        raise UsageError([f"expected Parquet, found: {error}"]) from error
