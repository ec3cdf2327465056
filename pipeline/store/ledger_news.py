"""What was committed since a cut, as columns: a few rows for who keeps the ledger's last hours and reads only news."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.coverage.model import SEGMENT_STATES, LedgerColumns, Stream

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from pipeline.store.sessions import Sessions

_UNITS = ("", "line", "byte")
_NUMBERS = {
    "lines": "lines", "duplicates": "duplicates", "bytes_sent": "bytes_sent", "content_bytes": "content_bytes",
    "first": "sequence_first", "next": "sequence_next",
}  # fmt: skip
_COLUMNS = ", ".join(
    [
        "edge, stream, state AS state_, sequence_epoch, sequence_unit, segment_key",
        "toUInt32(intDiv(toUInt32(minute), 60)) AS minute_, toUnixTimestamp64Milli(committed_at) AS committed_",
        *(f"{column} AS {name}_" for name, column in _NUMBERS.items()),
    ]
)
_SETTINGS = {
    "output_format_arrow_low_cardinality_as_dictionary": 1,
    "output_format_arrow_string_as_string": 0,
    "max_threads": 1,  # of so few rows, more threads only take longer
}


@dataclass(frozen=True, slots=True)
class Marks:
    """How far each table that coverage reads has come: the last `seq` of ledger and gaps, rows of the others."""

    ledger: int
    gaps: int
    evidence: int
    readings: int
    beats: int


def read_marks(sessions: Sessions) -> Marks:
    """All of them in one question, answered without reading a row."""
    tables = ("SELECT max(seq) FROM ledger", "SELECT max(seq) FROM gap_history", *map(_count, _COUNTED))
    row = sessions.rows(f"SELECT {', '.join(f'({question})' for question in tables)}")[0]
    return Marks(*map(int, row))


_COUNTED = ("evidence", "counters", "beats")


def _count(table: str) -> str:
    return f"SELECT count() FROM {table}"


def read_ledger_news(sessions: Sessions, since: int, cut: int) -> tuple[LedgerColumns, NDArray[np.uint64]]:
    """Every attempt that was committed after `since` and up to the cut, and the `segment_key` of each."""
    params = {"since": since, "cut": cut}
    sql = f"SELECT {_COLUMNS} FROM ledger WHERE seq > {{since:UInt64}} AND seq <= {{cut:UInt64}}"
    table = sessions.arrow(sql, params, _SETTINGS)
    edges, edge = dictionary(table["edge"])
    names, name = dictionary(table["stream"])
    pairs, stream = np.unique(edge.astype(np.int64) * max(len(names), 1) + name, return_inverse=True)
    streams = tuple(Stream(edges[pair // len(names)], names[pair % len(names)]) for pair in pairs.tolist())
    epochs, epoch = dictionary(table["sequence_epoch"])
    columns = LedgerColumns(
        streams=streams,
        epochs=tuple(epochs) or ("",),
        stream=stream.astype(np.uint32),
        minute=_numbers(table["minute_"], np.uint32),
        state=_places(table["state_"], SEGMENT_STATES),
        **{column: _numbers(table[f"{column}_"], np.uint64) for column in _NUMBERS},
        epoch=epoch.astype(np.uint32),
        unit=_places(table["sequence_unit"], _UNITS),
        committed=_numbers(table["committed_"], np.float64) / 1000,
    )
    return columns, _numbers(table["segment_key"], np.uint64)


def dictionary(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct words of a column that came as dictionaries, and the place of each row's in them."""
    chunks = column.unify_dictionaries().chunks
    if not chunks:
        return [], np.empty(0, np.int64)
    words = [bytes(word).decode("utf-8", "surrogateescape") for word in chunks[-1].dictionary.to_pylist()]
    return words, np.concatenate([chunk.indices.to_numpy() for chunk in chunks]).astype(np.int64)


def _places(column: pa.ChunkedArray, known: tuple[str, ...]) -> NDArray[np.uint8]:
    """Each row's place among known words; 0 for one that is not known."""
    words, places = dictionary(column)
    return np.array([known.index(word) if word in known else 0 for word in words] or [0], np.uint8)[places]


def _numbers(column: pa.ChunkedArray, kind: Any) -> NDArray[Any]:
    return np.ascontiguousarray(column.to_numpy(), kind)
