"""Counter deltas as columns, made nouns one edge at a time: a check compares all of them and looks closer at few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, overload

import numpy as np

from pipeline.coverage.model import CounterDelta

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Deltas(Sequence[CounterDelta]):
    """Deltas by edge and time. `edges`: ascending; `starts`: int64[edges + 1], where each one's begin; `values`:
    int64[7, n], what CounterDelta says after its edge, in its order."""

    edges: tuple[str, ...]
    starts: NDArray[np.int64]
    values: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.starts[-1])

    @overload
    def __getitem__(self, place: int) -> CounterDelta: ...
    @overload
    def __getitem__(self, place: slice) -> list[CounterDelta]: ...
    def __getitem__(self, place: int | slice) -> CounterDelta | list[CounterDelta]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        at = range(len(self))[place]
        edge = int(np.searchsorted(self.starts, at, side="right")) - 1
        return self._nouns(edge, at, at + 1)[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def of_edge(self, place: int) -> list[CounterDelta]:
        """The deltas of one edge, by time."""
        return self._nouns(place, int(self.starts[place]), int(self.starts[place + 1]))

    def _nouns(self, edge: int, begin: int, end: int) -> list[CounterDelta]:
        *columns, reset = self.values[:, begin:end]
        told = (*(column.tolist() for column in columns), reset.astype(np.bool_).tolist())
        return list(map(CounterDelta._make, zip(repeat(self.edges[edge]), *told, strict=False)))

    def lacking(self, percent: float) -> NDArray[np.bool_]:
        """bool[edges]: whether any delta of the edge lacks more of what was served than so many percent of it."""
        _, _, requests, sent, logged, logged_sent, _ = self.values
        lacks = (requests - logged > requests * (percent / 100)) | (
            sent - logged_sent > sent * (percent / 100)
        )
        sums = np.concatenate([[0], np.cumsum(lacks)])
        return np.diff(sums[self.starts]) > 0
