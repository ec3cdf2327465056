"""Streams as small numbers inside ClickHouse, so that millions of ledger rows come out without a name in them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.coverage.model import Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.store.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Codes:
    """How rows are asked for their streams. `sql`: an expression that gives a row's code. `numbers`: uint32, the
    stream of each code, UNKNOWN where there is none; None where codes are the streams' numbers themselves."""

    sql: str
    numbers: NDArray[np.uint32] | None
    streams: tuple[Stream, ...]

    def of(self, codes: NDArray[np.uint32]) -> NDArray[np.uint32] | None:
        """The streams' numbers of rows; None where a row is of a stream that is not listed."""
        if self.numbers is not None:
            codes = self.numbers[codes]
        return None if len(codes) and int(codes.max()) >= len(self.streams) else codes


class StreamCodes:
    """All streams of the ledger, numbered as they were met: a number never changes, new ones are added by `refresh`.
    Rows of streams that came since the last listing may be taken for others: ask again after `refresh` found some.

    The names are dictionaries in the store, and a `transform` of such a column goes once over each block's dictionary:
    with 2,000 edges it takes as long as reading the column.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._refreshing = threading.Lock()
        self._places: dict[Stream, int] = {}
        self.now = Codes("toUInt16(0)", None, ())
        self.refresh()

    def refresh(self) -> bool:
        """Lists the streams of the ledger anew (its projection `streams` answers without reading a row); whether there
        are new ones."""
        with self._refreshing:
            rows = self._sessions.rows("SELECT hex(edge), hex(stream) FROM ledger GROUP BY edge, stream")
            for stream in sorted(Stream(_name(edge), _name(stream)) for edge, stream in rows):
                self._places.setdefault(stream, len(self._places))
            if len(self._places) == len(self.now.streams):
                return False
            self.now = _codes(tuple(self._places))
            return True


def _codes(streams: tuple[Stream, ...]) -> Codes:
    edges = {edge: i for i, edge in enumerate(dict.fromkeys(s.edge for s in streams))}
    names = {name: i for i, name in enumerate(dict.fromkeys(s.stream for s in streams))}
    if len(names) == 1:
        # one name for all: the edge tells enough, and a third of the time is spared
        return Codes(_code("edge", edges, "UInt16" if len(edges) < 1 << 16 else "UInt32"), None, streams)
    # the last row and column are those of names that are not listed
    numbers = np.full((len(names) + 1, len(edges) + 1), UNKNOWN, np.uint32)
    for place, stream in enumerate(streams):
        numbers[names[stream.stream], edges[stream.edge]] = place
    kind = "UInt16" if numbers.size <= 1 << 16 else "UInt32"
    sql = f"CAST({_code('stream', names, kind)} * {len(edges) + 1} + {_code('edge', edges, kind)}, '{kind}')"
    return Codes(sql, numbers.ravel(), streams)


UNKNOWN = 2**32 - 1


def _code(column: str, names: dict[str, int], kind: str) -> str:
    words = ",".join("'" + "".join(f"\\x{b:02x}" for b in name.encode()) + "'" for name in names)
    code = f"transform({column}, [{words}], arrayMap(i -> to{kind}(i), range({len(names)})), to{kind}({len(names)}))"
    return f"CAST({code}, '{kind}')"  # no dictionary of numbers


def _name(text: Any) -> str:
    return bytes.fromhex(text).decode()
