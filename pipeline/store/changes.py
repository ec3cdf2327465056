"""Usage at one cut less usage at an earlier one, read from the segments that were attempted between them alone;
closes.py asks it for the adjustments of closed periods."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.coverage.adjustments import Changes
from pipeline.model import MEASURES
from pipeline.store.closing_sql import BEST, EDGES, STRETCH, segments_around
from pipeline.store.sessions import name_of

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from pipeline.store.sessions import Sessions

_CHANGED = (
    f"SELECT segment_id FROM ledger WHERE seq > {{since_cut:UInt64}} AND seq <= {{cut:UInt64}} AND {STRETCH}"
)
_BEFORE, _NOW = (
    f"SELECT write_id FROM ledger WHERE segment_id IN ({_CHANGED}) AND seq <= {{{cut}:UInt64}} AND {STRETCH} {BEST}"
    for cut in ("since_cut", "cut")
)
_SUMS = ", ".join(f"sum(toInt64({name}) * sign) AS {name}_sum" for name in MEASURES)
_DIFFERS = " OR ".join(f"{name}_sum != 0" for name in MEASURES)
_DIFFERENCE = f"""
SELECT hex(g.resource) AS resource, toUInt32(g.minute) AS minute_s, hex(g.edge) AS edge,
       e.zone AS zone, {", ".join(f"{name}_sum" for name in MEASURES)}
FROM
(
    SELECT resource, minute, edge, {_SUMS}
    FROM
    (
        SELECT *, toInt64(write_id IN ({_NOW})) - toInt64(write_id IN ({_BEFORE})) AS sign FROM facts
        WHERE minute >= toDateTime({{from_s:UInt32}}, 'UTC') AND minute < toDateTime({{to_s:UInt32}}, 'UTC')
          AND segment_minute >= toDateTime({{since_s:UInt32}}, 'UTC')
          AND segment_minute < toDateTime({{until_s:UInt32}}, 'UTC')
          AND identity(write_id) IN ({_NOW} UNION ALL {_BEFORE})
    )
    WHERE sign != 0
    GROUP BY resource, minute, edge
    HAVING {_DIFFERS}
) AS g
ASOF LEFT JOIN ({EDGES}) AS e ON g.edge = e.edge AND g.minute >= e.begins
ORDER BY g.resource, g.minute, g.edge
"""


def read_changes(sessions: Sessions, since_cut: int, cut: int, first: int, after: int) -> Changes:
    """Rows of minutes [first, after) that differ between two cuts. Only segments attempted in between are looked at;
    the earlier winners' facts must still be there, which a close's pins see to."""
    around = segments_around(sessions, first, after)
    if around is None:
        return _changes(None)
    params = {
        "since_cut": since_cut,
        "cut": cut,
        "from_s": first * 60,
        "to_s": after * 60,
        "since_s": around[0],
        "until_s": around[1],
    }
    return _changes(sessions.arrow(_DIFFERENCE, params))


def _changes(table: pa.Table | None) -> Changes:
    if table is None or not table.num_rows:
        none = np.zeros(0, np.uint32)
        return Changes((), (), (), none, none, none, none, np.zeros((len(MEASURES), 0), np.int64))
    resources, resource = _names(table.column(0))
    edges, edge = _names(table.column(2))
    zones, zone = _names(table.column(3), raw=False)
    sums = np.stack([table.column(4 + place).to_numpy().astype(np.int64) for place in range(len(MEASURES))])
    minute = (table.column(1).to_numpy() // 60).astype(np.uint32)
    return Changes(resources, edges, zones, resource, minute, edge, zone, sums)


def _names(column: Any, *, raw: bool = True) -> tuple[tuple[str, ...], NDArray[np.uint32]]:
    import pyarrow as pa

    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    names = encoded.dictionary.to_pylist()
    if raw:
        names = [name_of(name) for name in names]
    return tuple(names), encoded.indices.to_numpy().astype(np.uint32)
