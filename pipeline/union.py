"""The groups of several tallies as one table: their names numbered anew, their common groups added up."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.groups import Groups, Names, empty_groups, join_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from pipeline.crew import Crew
    from pipeline.tally import Tally

MOST_COMMON = 64
"""Minutes that two threads may have in common for their groups to be matched; with more, Arrow adds all up."""

MOST_PLACES = 1 << 22
"""Keys that two parts may have in common, minutes × extras × names, up to which each gets a place of its own."""

LISTED = 1 << 16
"""Groups that one task lists: the threads end within a quarter of a millisecond of one another."""

CLASSES = (b"-", b"1xx", b"2xx", b"3xx", b"4xx", b"5xx", b"6xx", b"7xx", b"8xx", b"9xx")


@dataclass(frozen=True, slots=True)
class Union:
    """Groups by minute and resource, and by what `extra` holds; `apart`: no two rows are of one group, else they are
    added up when a table is made."""

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


def unite(tallies: Sequence[Tally], by: Sequence[str], crew: Crew) -> Union:
    """One union out of the tallies of some threads, made by some threads."""
    first, *others = tallies
    if not others:
        return Union(first.names(), first.groups(), apart=not first.spilled)

    adopted: list[NDArray[np.uint32]] = []

    def adopt() -> None:
        adopted.extend(first.adopt(tally.names()) for tally in others)

    if any(tally.spilled for tally in tallies):
        parts = [tally.groups() for tally in tallies]
        adopt()
        for part, places in zip(parts[1:], adopted, strict=True):
            _rename(part, places, by)
        return Union(first.names(), join_groups(parts), apart=False)
    starts = np.cumsum([0, *(tally.group_count for tally in tallies)]).tolist()
    joined = empty_groups(starts[-1])
    parts = [_rows(joined, begin, end) for begin, end in itertools.pairwise(starts)]
    tasks: list[Callable[[], None]] = [adopt]
    tasks += [
        partial(tally.list_into, joined, start + begin, begin, min(begin + LISTED, tally.group_count))
        for tally, start in zip(tallies, starts, strict=False)
        for begin in range(0, tally.group_count, LISTED)
    ]
    crew.do(tasks)
    for part, places in zip(parts[1:], adopted, strict=True):
        _rename(part, places, by)
    return (
        Union(first.names(), joined, apart=not _meet(parts)) if len(parts) > 2 else _two(first, joined, parts)
    )


def _rows(groups: Groups, begin: int, end: int) -> Groups:
    return Groups(
        groups.minute[begin:end], groups.name[begin:end], groups.extra[begin:end], groups.sums[:, begin:end]
    )


def _rename(groups: Groups, places: NDArray[np.uint32], by: Sequence[str]) -> None:
    """Number the names of groups anew, in place."""
    np.take(
        places, groups.name, out=groups.name, mode="clip"
    )  # "raise" would fill a copy first; none is outside
    if "edge" in by or "cache" in by:
        groups.extra[:] = _move_extra(groups.extra, places, by)


def _common_minutes(parts: Sequence[Groups]) -> NDArray[np.uint32]:
    """Minutes that more than one part has."""
    minutes = np.sort(np.concatenate([_distinct(part.minute) for part in parts]))
    return np.unique(minutes[1:][minutes[1:] == minutes[:-1]])


def _distinct(minute: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The minutes there are, each once; quick for groups of a log in the order of time, which lie minute by minute."""
    changes = np.flatnonzero(minute[1:] != minute[:-1]) + 1
    return np.unique(minute[np.append(0, changes)]) if len(minute) else minute


def _meet(parts: Sequence[Groups]) -> bool:
    return len(_common_minutes(parts)) > 0


def _two(first: Tally, joined: Groups, parts: Sequence[Groups]) -> Union:
    """The union of two parts: groups of both are added up where the first part has them, and dropped from the second.

    Threads that share a file in the order of time have a minute or two in common, so nearly nothing is touched.
    """
    names = first.names()
    common = _common_minutes(parts)
    if not len(common):
        return Union(names, joined, apart=True)
    if len(common) > MOST_COMMON:
        return Union(names, joined, apart=False)
    ours, theirs = (
        np.concatenate([np.flatnonzero(part.minute == minute) for minute in common]) for part in parts
    )
    extras = np.unique(np.concatenate([parts[0].extra[ours], parts[1].extra[theirs]]))
    if len(common) * len(extras) * len(names) > MOST_PLACES:
        return Union(names, joined, apart=False)

    def place(part: Groups, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """A number for each key that the rows may have."""
        minute = np.searchsorted(common, part.minute[rows])
        extra = np.searchsorted(extras, part.extra[rows])
        return (minute * len(extras) + extra) * len(names) + part.name[rows]

    # By place and not by sorting keys (numpy.intersect1d): 0.6 instead of 2.0 ms of a log of half a gigabyte.
    at = np.full(len(common) * len(extras) * len(names), -1, np.int32)
    at[place(parts[0], ours)] = ours
    met = at[place(parts[1], theirs)]
    ours, theirs = met[met >= 0], theirs[met >= 0]
    parts[0].sums[:, ours] += parts[1].sums[:, theirs]
    return Union(names, _drop(joined, theirs + len(parts[0].minute)), apart=True)


def _drop(groups: Groups, rows: NDArray[np.intp]) -> Groups:
    """Groups without some rows; the last ones move into their places, as the order does not matter."""
    kept = len(groups.minute) - len(rows)
    holes = np.sort(rows[rows < kept])
    last = np.setdiff1d(np.arange(kept, len(groups.minute)), rows, assume_unique=True)
    for column in (groups.minute, groups.name, groups.extra):
        column[holes] = column[last]
    groups.sums[:, holes] = groups.sums[:, last]
    return _rows(groups, 0, kept)


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
