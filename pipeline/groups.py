"""Groups and names as columns: what a tally has come to, on its way to tables and facts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Names:
    """Distinct names by number: name i is data[offsets[i]:offsets[i + 1]]. data: uint8; offsets: int64[names + 1]."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def to_list(self) -> list[bytes]:
        """The names themselves."""
        data = self.data.tobytes()
        places = self.offsets.tolist()
        return [data[a:b] for a, b in itertools.pairwise(places)]


def names_of(names: Sequence[bytes]) -> Names:
    """Names in this order."""
    places = list(itertools.accumulate(map(len, names), initial=0))
    return Names(np.frombuffer(b"".join(names), np.uint8), np.array(places, np.int64))


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups as columns, in no order.

    minute, name: uint32[n]; extra: uint64[n], what else the key holds; sums: uint64[6, n] in the order of MEASURES.
    """

    minute: NDArray[np.uint32]
    name: NDArray[np.uint32]
    extra: NDArray[np.uint64]
    sums: NDArray[np.uint64]


def empty_groups(count: int) -> Groups:
    """Columns for so many groups, not filled yet."""
    return Groups(
        np.empty(count, np.uint32),
        np.empty(count, np.uint32),
        np.empty(count, np.uint64),
        np.empty((6, count), np.uint64),
    )


def join_groups(parts: Sequence[Groups]) -> Groups:
    """The rows of all parts, one after another."""
    return Groups(
        np.concatenate([part.minute for part in parts]),
        np.concatenate([part.name for part in parts]),
        np.concatenate([part.extra for part in parts]),
        np.concatenate([part.sums for part in parts], axis=1),
    )
