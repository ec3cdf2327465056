"""Usage out of a CSV file as an Arrow table, or what is wrong with it, line by line; for pipeline.rating.usage.

Arrow reads it, quickly; only where it cannot is the file gone through once more, slowly, to tell every fault with its
line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.rating.usage import COLUMNS, COUNTS

LISTED = 20
MOST_HEADER = 1 << 20
_TOP = (1 << 64) - 1
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d(:?\d\d)?)?")
_MAGIC = (
    (b"PAR1", "Parquet; its name must end with .parquet"),
    (b"PK\x03\x04", "a spreadsheet or a zip; save it as CSV"),
    (b"\x1f\x8b", "something packed by gzip; unpack it"),
    (b"\x28\xb5\x2f\xfd", "something packed by zstd; unpack it"),
    (b"\xff\xfe", "UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16; save it as UTF-8"),
)


def read_csv(path: Path) -> Any:
    """The table, its times and counts as such; a list of faults where there are any."""
    import pyarrow as pa
    import pyarrow.csv as pc

    with path.open("rb") as file:
        header = file.readline(MOST_HEADER)
    if faults := _header_faults(header):
        return faults
    kinds = {"resource": pa.string(), "zone": pa.string()} | {name: pa.uint64() for name in COUNTS}
    told = ""
    for minute in (pa.timestamp("s", "UTC"), pa.timestamp("s"), pa.int64()):
        try:
            return pc.read_csv(
                path,
                read_options=pc.ReadOptions(use_threads=False),
                convert_options=pc.ConvertOptions(
                    column_types={**kinds, "minute": minute},
                    strings_can_be_null=False,
                    null_values=[""],
                ),
            )
        except pa.ArrowInvalid as error:
            told = told or str(error)
            if "timestamp" not in str(error):  # then it is not the minute
                break
    return _row_faults(path) or [f"expected CSV, found: {told}"]


def _header_faults(header: bytes) -> list[str]:
    for magic, what in _MAGIC:
        if header.startswith(magic):
            return [f"expected CSV, found {what}"]
    try:
        line = header.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        return [f"expected a line of column names in UTF-8, found something else at byte {error.start}"]
    if not line:
        return ["expected a line of column names, found nothing"]
    names = next(csv.reader([line]), [])
    for sign, called in ((";", "semicolons"), ("\t", "tabs")):
        if len(names) == 1 and sign in line:
            return [f"expected columns with commas between them, found {called}"]
    known = {name.casefold().replace(" ", "_"): name for name in COLUMNS}
    faults = [
        f'column "{name}": expected {known[plain]}, in small letters and without blanks'
        for name in names
        if name not in COLUMNS and (plain := name.strip().casefold().replace(" ", "_")) in known
    ]
    return faults + [
        f"column {name}: expected once, found {names.count(name)} times"
        for name in COLUMNS
        if names.count(name) > 1
    ]


def _row_faults(path: Path) -> list[str]:
    """Every fault with its line, LISTED of them at most; empty where none is seen."""
    found: list[str] = []
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        try:
            names = next(reader)
            check = _Rows(names)
            for row in reader:
                for fault in check.faults(row):
                    found.append(f"line {reader.line_num}{fault}")
                    if len(found) == LISTED:
                        return [*found, "and perhaps more: the rest was not looked at"]
        except csv.Error as error:
            found.append(f"line {reader.line_num}: expected CSV, found {error}")
    return found


class _Rows:
    """Rows as they come; the first time that can be read says how all are written."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._style = ""

    def faults(self, row: Sequence[str]) -> Iterator[str]:
        if not row:
            return
        if len(row) != len(self._names):
            yield f": expected {len(self._names)} columns, found {len(row)}"
            return
        for name, cell in zip(self._names, row, strict=True):
            if what := self._fault(name, cell):
                yield f", column {name}: expected {what}, found {_shown(cell)}"

    def _fault(self, name: str, cell: str) -> str:
        if name in COUNTS:
            whole = cell.isascii() and cell.isdecimal() and int(cell[:30]) <= _TOP
            return "" if whole or not cell else f"a whole number from 0 to {_TOP}"
        if name != "minute" or not cell:
            return "UTF-8" if "\ufffd" in cell else ""
        style = _style_of(cell)
        if not style:
            return "a time like 2026-11-01T00:00:00Z, or minutes since 1970"
        self._style = self._style or style
        return "" if style == self._style else f"{self._style} as before it"


def _style_of(cell: str) -> str:
    """How a minute is written; empty where it is none."""
    if re.fullmatch(r"-?[0-9]{1,18}", cell):
        return "minutes since 1970"
    try:
        at = datetime.fromisoformat(cell) if _TIME.fullmatch(cell) else None
    except ValueError:
        at = None
    return "" if at is None else "a time without an offset" if at.tzinfo is None else "a time with an offset"


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 60 else cell[:57] + "…")
