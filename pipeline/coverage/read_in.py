"""What was read in minutes with damaged segments: out of the ledger's columns, for estimates of what they lack."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from pipeline.coverage.model import LedgerColumns, Run, Stream


class ReadIn:
    """Bytes to clients, and how many segments are damaged, of the minutes of some runs."""

    def __init__(self, ledger: Iterable[LedgerColumns], runs: Sequence[Run]) -> None:
        self._sent: dict[tuple[Stream, int], int] = defaultdict(int)
        self._damaged: dict[tuple[Stream, int], int] = defaultdict(int)
        if not runs:
            return
        first, after = min(run.first for run in runs), max(run.after for run in runs)
        asked = np.zeros(after - first + 2, np.bool_)  # the last place is for minutes outside
        streams = {run.stream for run in runs}
        for run in runs:
            asked[run.first - first : run.after - first] = True
        for piece in ledger:
            self._take(piece, streams, asked, first, after)

    def _take(
        self, piece: LedgerColumns, streams: set[Stream], asked: NDArray[np.bool_], first: int, after: int
    ) -> None:
        if not len(piece):
            return
        wanted = np.array([stream in streams for stream in piece.streams], np.bool_)
        if not wanted.any():
            return
        place = np.minimum(
            piece.minute - np.uint32(first), np.uint32(after - first)
        )  # earlier ones wrap round
        rows = np.flatnonzero(asked[place] & wanted[piece.stream])
        columns = (piece.stream[rows], piece.minute[rows], piece.bytes_sent[rows], piece.state[rows])
        for stream, minute, sent, state in zip(*(column.tolist() for column in columns), strict=True):
            key = piece.streams[stream], minute
            self._sent[key] += sent
            self._damaged[key] += state >= 3

    def bytes_sent(self, stream: Stream, first: int, after: int) -> int:
        """Bytes to clients that were read in minutes [first, after)."""
        return sum(self._sent.get((stream, minute), 0) for minute in range(first, after))

    def damaged(self, stream: Stream, minute: int) -> int:
        """How many segments of a minute are damaged."""
        return self._damaged.get((stream, minute), 0)
