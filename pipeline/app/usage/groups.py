"""Groups of usage added up and ranked for a screen, with numpy alone.

Arrow's own grouping and sorting load its engine, its datasets and Python's ssl first: 0.14 s of the 0.6 that a small
log takes as a whole.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Groups:
    """`rows`: for each group a row of the table that has its dimensions; `sums`: its measures, uint64[groups]."""

    table: pa.Table
    rows: NDArray[np.int64]
    sums: dict[str, NDArray[np.uint64]]

    def __len__(self) -> int:
        return len(self.rows)

    def value(self, group: int, dimension: str) -> Any:
        """A group's value of a dimension: minutes as int, names as bytes."""
        return self.table[dimension][int(self.rows[group])].as_py()


def numbers(table: pa.Table, name: str) -> NDArray[Any]:
    """A column of numbers without nulls."""
    found: NDArray[Any] = table[name].to_numpy()
    return found


def fold(table: pa.Table, by: Sequence[str], measures: Sequence[str]) -> Groups:
    """Add up the rows of a table that agree in the dimensions `by`, one at least; groups in the order of no name."""
    sums = {name: numbers(table, name) for name in measures}
    if not table.num_rows:
        return Groups(table, np.zeros(0, np.int64), sums)
    keys = [_codes(table[name]) for name in by]
    order = np.argsort(keys[0]) if len(keys) == 1 else np.lexsort(keys)
    changes = np.zeros(len(order), bool)
    changes[0] = True
    for key in keys:
        sorted_key = key[order]
        changes[1:] |= sorted_key[1:] != sorted_key[:-1]
    starts = np.flatnonzero(changes)
    return Groups(
        table, order[starts], {name: np.add.reduceat(column[order], starts) for name, column in sums.items()}
    )


def largest(groups: Groups, by: Sequence[str], measure: str, top: int) -> list[int]:
    """The `top` groups with the most of a measure, the first of their dimensions first where they have as much."""
    amounts = groups.sums[measure]
    least = np.partition(amounts, len(amounts) - top)[len(amounts) - top] if len(amounts) > top else 0
    near = np.flatnonzero(amounts >= least)
    return heapq.nsmallest(
        top,
        near.tolist(),
        key=lambda group: (-int(amounts[group]), *(groups.value(group, name) for name in by)),
    )


def _codes(column: pa.ChunkedArray) -> NDArray[Any]:
    """A number for each distinct value: names are dictionaries of distinct ones already, or become such."""
    import pyarrow as pa

    if pa.types.is_integer(column.type):
        found: NDArray[Any] = column.to_numpy()
        return found
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    pieces = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in column.unify_dictionaries().chunks]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int32)
