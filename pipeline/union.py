"""The groups of several tallies as one table: their names numbered anew, their common groups added up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.tally import Groups, Names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from pipeline.tally import Tally

CLASSES = (b"-", b"1xx", b"2xx", b"3xx", b"4xx", b"5xx", b"6xx", b"7xx", b"8xx", b"9xx")


@dataclass(frozen=True, slots=True)
class Union:
    """Groups by minute and resource, and by what `extra` holds; `apart`: no two rows are of one group."""

    names: Names
    groups: Groups
    apart: bool

    def to_arrow(self, by: Sequence[str], measures: Sequence[str]) -> pa.Table:
        """A table of the dimensions `by`, then the measures: a row a group, in no order."""
        import pyarrow as pa

        from pipeline.model import MEASURES

        dimensions = {name: self._dimension(name) for name in by}
        sums = {name: pa.array(self.groups.sums[MEASURES.index(name)]) for name in measures}
        table = pa.table({**dimensions, **sums})
        if self.apart and {"minute", "resource"} <= set(by):
            return table
        folded = table.group_by(list(by)).aggregate([(name, "sum") for name in measures])
        return folded.select([*by, *(f"{name}_sum" for name in measures)]).rename_columns([*by, *measures])

    def _dimension(self, name: str) -> Any:
        import pyarrow as pa

        extra = self.groups.extra
        if name == "minute":
            return pa.array(self.groups.minute)
        if name == "resource":
            return _named(self.names, self.groups.name)
        if name == "edge":
            return _named(self.names, (extra >> np.uint64(32)).astype(np.uint32))
        if name == "cache":
            return _named(self.names, (extra & np.uint64((1 << 28) - 1)).astype(np.uint32))
        places = (extra >> np.uint64(28) & np.uint64(15)).astype(np.int8)
        return pa.DictionaryArray.from_arrays(pa.array(places), pa.array(CLASSES, pa.binary()))


def _named(names: Names, places: NDArray[np.uint32]) -> pa.DictionaryArray:
    import pyarrow as pa

    buffers = [None, pa.py_buffer(names.offsets), pa.py_buffer(names.data)]
    dictionary = pa.Array.from_buffers(pa.large_binary(), len(names), buffers)
    return pa.DictionaryArray.from_arrays(pa.array(places.view(np.int32)), dictionary)


def unite(tallies: Sequence[Tally], by: Sequence[str]) -> Union:
    """One union out of the tallies of some threads."""
    first = tallies[0]
    groups = [tally.groups() for tally in tallies]
    if len(tallies) == 1:
        return Union(first.names(), groups[0], apart=not first.spilled)
    moved = [groups[0]]
    for tally, theirs in zip(tallies[1:], groups[1:], strict=True):
        places = first.adopt(tally.names())
        extra = theirs.extra
        if "edge" in by or "cache" in by:
            extra = _move_extra(extra, places, by)
        moved.append(Groups(theirs.minute, places[theirs.name], extra, theirs.sums))
    names = first.names()
    joined = Groups(
        np.concatenate([part.minute for part in moved]),
        np.concatenate([part.name for part in moved]),
        np.concatenate([part.extra for part in moved]),
        np.concatenate([part.sums for part in moved], axis=1),
    )
    apart = not any(tally.spilled for tally in tallies)
    return Union(names, _add_up(joined, [part.minute for part in moved]), apart)


def _move_extra(
    extra: NDArray[np.uint64], places: NDArray[np.uint32], by: Sequence[str]
) -> NDArray[np.uint64]:
    """The names in a key's second word, numbered anew."""
    edge, cache = extra >> np.uint64(32), extra & np.uint64((1 << 28) - 1)
    if "edge" in by:
        edge = places[edge.astype(np.intp)].astype(np.uint64)
    if "cache" in by:
        cache = places[cache.astype(np.intp)].astype(np.uint64)
    moved: NDArray[np.uint64] = edge << np.uint64(32) | extra & np.uint64(15 << 28) | cache
    return moved


def _add_up(groups: Groups, minutes: Sequence[NDArray[np.uint32]]) -> Groups:
    """Groups of minutes that only one tally saw stay as they are; the others are added up.

    Threads that share a file in the order of time have a minute or two in common, so nearly nothing is looked up again.
    """
    import pyarrow as pa

    low = min(int(part.min()) for part in minutes if len(part)) if len(groups.minute) else 0
    span = int(groups.minute.max()) - low + 1 if len(groups.minute) else 0
    if span > 1 << 24:
        common = np.ones(len(groups.minute), bool)
    else:
        seen = np.zeros(span, np.uint8)
        for part in minutes:
            seen += np.bincount(part - np.uint32(low), minlength=span).astype(bool)
        common = seen[groups.minute - np.uint32(low)] > 1
    if not common.any():
        return groups
    keys = {"minute": groups.minute[common], "name": groups.name[common], "extra": groups.extra[common]}
    values = {str(i): row[common] for i, row in enumerate(groups.sums)}
    table = pa.table({**keys, **values}).group_by(list(keys)).aggregate([(i, "sum") for i in values])
    own = ~common

    def join(mine: NDArray[Any], added: str) -> NDArray[Any]:
        return np.concatenate([mine[own], table[added].to_numpy()])

    return Groups(
        join(groups.minute, "minute"),
        join(groups.name, "name"),
        join(groups.extra, "extra"),
        np.stack([join(row, f"{i}_sum") for i, row in enumerate(groups.sums)]),
    )
