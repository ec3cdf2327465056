"""What each resource used in the last days, roughly and cheaply: from facts, for the look that finds whose usage is far
off before anything is read exactly.

Facts of attempts that lost, and of those that were never committed, are in it until they are swept a day later: the
last day may be too much, older ones are not. Winners of a whole book would cost many times the read itself.
"""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.store.sessions import Sessions

COUNTED = ("bytes_sent", "requests")


@dataclass(frozen=True, slots=True, eq=False)
class RoughDays:
    """`day`, `hot`: uint64[resources, days, COUNTED]: sums of each 24 hours, and of the last hours of each; day 0 ends
    with the hour asked for, day 1 a day before."""

    resources: tuple[str, ...]
    day: NDArray[np.uint64]
    hot: NDArray[np.uint64]


def read_days(sessions: Sessions, after: int, days: int, hot_hours: int) -> RoughDays:
    """Sums by the segments' minutes up to the minute `after` (exclusive), in minutes since the epoch."""
    hot = ", ".join(f"sumIf({name}, since < {{hot_s:UInt32}})" for name in COUNTED)
    day = ", ".join(f"sum({name})" for name in COUNTED)
    rows = sessions.arrow(
        f"SELECT toValidUTF8(resource) AS name, ago, {day}, {hot} FROM ("
        f"SELECT resource, {', '.join(COUNTED)}, {{after_s:UInt32}} - 60 - toUInt32(segment_minute) AS back,"
        " toUInt16(intDiv(back, 86400)) AS ago, modulo(back, 86400) AS since FROM facts"
        " PREWHERE segment_minute >= toDateTime({since_s:UInt32}, 'UTC')"
        " AND segment_minute < toDateTime({after_s:UInt32}, 'UTC')) GROUP BY name, ago",
        {"after_s": after * 60, "since_s": (after - days * 1440) * 60, "hot_s": hot_hours * 3600},
    )
    import pyarrow as pa
    import pyarrow.compute as pc

    names = pc.dictionary_encode(pc.cast(rows.column(0), pa.string())).combine_chunks()
    names = names.chunk(0) if isinstance(names, pa.ChunkedArray) else names
    at = names.indices.to_numpy(zero_copy_only=False), rows.column(1).to_numpy()
    made = np.zeros((2, len(names.dictionary), days, len(COUNTED)), np.uint64)
    for place in range(2 * len(COUNTED)):
        kind, column = divmod(place, len(COUNTED))
        made[kind][(*at, column)] = rows.column(2 + place).to_numpy()
    return RoughDays(tuple(names.dictionary.to_pylist()), made[0], made[1])
