"""The winning attempts of a stretch of minutes as columns, for coverage: day by day, straight into their arrays."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.coverage.model import SEGMENT_STATES, LedgerColumns, Stream
from pipeline.store.numbered import last_number
from pipeline.store.reader import winners_within
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.store.sessions import Params, Sessions

DAY = 1440

_UNITS = ("", "line", "byte")

_NUMBERS = {
    "lines": "lines",
    "duplicates": "duplicates",
    "bytes_sent": "bytes_sent",
    "content_bytes": "content_bytes",
    "first": "sequence_first",
    "next": "sequence_next",
}
_SELECT = (
    "edge, stream, intDiv(toUInt32(minute), 60) AS m, state, sequence_epoch, sequence_unit,"
    " toUnixTimestamp64Milli(committed_at) AS committed, "
    + ", ".join(f"{c} AS {n}_" for n, c in _NUMBERS.items())
)


def read_ledger_columns(sessions: Sessions, first: int, after: int, cut: int | None = None) -> LedgerColumns:
    """The winners at the cut (default: now) among segments of minutes [first, after)."""
    parts = [_read(sessions, begin, min(begin + DAY, after), cut) for begin in range(first, after, DAY)]
    names: dict[tuple[str, str], int] = {}
    epochs: dict[str, int] = {}
    columns: dict[str, list[Any]] = {name: [] for name in LedgerColumns.__dataclass_fields__}
    for part in parts:
        edge, stream = _codes(part["edge"]), _codes(part["stream"])
        pairs, place = np.unique(edge[0].astype(np.int64) * len(stream[1]) + stream[0], return_inverse=True)
        of = [names.setdefault((edge[1][p // len(stream[1])], stream[1][p % len(stream[1])]), len(names))
              for p in pairs.tolist()]  # fmt: skip
        columns["stream"].append(np.array(of, np.uint32)[place])
        columns["minute"].append(part["m"].to_numpy().astype(np.uint32))
        for name, column, values in (("state", "state", SEGMENT_STATES), ("unit", "sequence_unit", _UNITS)):
            code, words = _codes(part[column])
            columns[name].append(np.array([values.index(word) for word in words], np.uint8)[code])
        code, words = _codes(part["sequence_epoch"])
        columns["epoch"].append(np.array([epochs.setdefault(w, len(epochs)) for w in words], np.uint32)[code])
        for name in _NUMBERS:
            columns[name].append(part[f"{name}_"].to_numpy().astype(np.uint64))
        columns["committed"].append(part["committed"].to_numpy().astype(np.float64) / 1000)
    kinds = {"stream": np.uint32, "minute": np.uint32, "state": np.uint8, "epoch": np.uint32, "unit": np.uint8,
             "committed": np.float64}  # fmt: skip
    arrays = {
        name: np.concatenate([np.empty(0, kinds.get(name, np.uint64)), *parts])
        for name, parts in columns.items()
        if name not in ("streams", "epochs")
    }
    return LedgerColumns(tuple(Stream(*name) for name in names), tuple(epochs), **arrays)


def read_usage_around(
    sessions: Sessions, edge: str, first: int, after: int, cut: int | None = None
) -> list[tuple[str, int, int]]:
    """(resource, bytes_sent, requests) of the winning segments of an edge in minutes [first, after), largest first.

    By the segments' minutes, not the requests': close enough for shares, and the winners to look for are few.
    """
    cut = last_number(sessions, "ledger") if cut is None else cut
    winners, params = winners_within(cut, first, after)
    rows = sessions.rows(
        "SELECT toValidUTF8(resource) AS name, sum(bytes_sent) AS sent, sum(requests) AS asked FROM facts"
        f" WHERE edge IN ({names_subquery([edge])})"
        " AND segment_minute >= toDateTime({since_s:UInt32}, 'UTC') AND segment_minute < toDateTime({until_s:UInt32}, 'UTC')"
        f" AND identity(write_id) IN ({winners})"
        " GROUP BY name ORDER BY sent DESC, name",
        params,
    )
    return [(name, int(sent), int(asked)) for name, sent, asked in rows]


def _read(sessions: Sessions, first: int, after: int, cut: int | None) -> pa.Table:
    params: Params = {"since": first, "until": after}
    bound = ""
    if cut is not None:
        bound, params["cut"] = "seq <= {cut:UInt64} AND", cut
    return sessions.arrow(
        f"SELECT {_SELECT} FROM ledger WHERE {bound}"
        " segment_id >= bitShiftLeft(toUInt128({since:UInt32}), 96)"
        " AND segment_id < bitShiftLeft(toUInt128({until:UInt32}), 96)"
        " ORDER BY segment_id, full_rank DESC, seq DESC LIMIT 1 BY segment_id",
        params,
        {"output_format_arrow_low_cardinality_as_dictionary": 1, "output_format_arrow_string_as_string": 1},
    )


def _codes(column: pa.ChunkedArray) -> tuple[Any, list[str]]:
    """The places of a column of words in its distinct words, and these."""
    import pyarrow as pa

    words = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    if not len(words):
        return np.empty(0, np.int64), []
    whole = pa.concat_arrays(words.chunks)
    return whole.indices.to_numpy(), [str(word) for word in whole.dictionary.to_pylist()]
