"""The lines that a small fleet really writes, and which of them a fault takes: what `fleet_files` puts into a spool.

Lines are drawn by `loadtest.traffic`, as many in each minute as the fleet's rhythm says; so files and ledger rows of
one scenario have the same lines, places and numbers, and only the bytes differ.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from loadtest.fleet import Volumes
from loadtest.traffic import draw_minutes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from loadtest.fleet import Fleet
    from loadtest.traffic import Traffic


class Lines:
    """Every line of every (row, minute), with what is gone of it; a `Source` for the faults."""

    def __init__(self, fleet: Fleet, served: Volumes) -> None:
        from loadtest.render import Renderer

        self._fleet = fleet
        self._render = Renderer("edge-tsv", fleet.resource_names(), fleet.start_s, fleet.minutes)
        self.texts: dict[tuple[int, int], list[bytes]] = {}
        self.traffic: dict[tuple[int, int], Traffic] = {}
        self.gone: dict[tuple[int, int], NDArray[np.bool_]] = {}
        sent, content = np.zeros_like(served.lines), np.zeros_like(served.lines)
        for row in range(len(served.lines)):
            counts = served.lines[row].tolist()
            ranks = fleet.ranks(row)
            seed = fleet.seed * 100_000 + row
            parts = draw_minutes(counts, fleet.resources, fleet.minutes, seed, 1, fleet.start_s)
            for minute, part in enumerate(parts):
                traffic = replace(part, resource=ranks[part.resource])
                # Numbers are put in when files are written; until then a line has none.
                texts = [_unnumbered(text) for text in bytes(self._render(traffic)).splitlines()]
                self.traffic[row, minute], self.texts[row, minute] = traffic, texts
                self.gone[row, minute] = np.zeros(len(texts), np.bool_)
                sent[row, minute] = traffic.bytes_sent.sum()
                content[row, minute] = sum(len(text) + 1 for text in texts)
        self.served = Volumes(served.lines, sent, content)

    def bytes_before(self, row: int, minute: int, line: int) -> int:
        """Bytes of log before a line of a minute, by its place."""
        return sum(len(text) + 1 for text in self.texts[row, minute][:line])

    def weigh(self, row: int, minute: int, lines: int, how: str) -> tuple[int, int]:
        """Takes so many lines that are still there; their bytes to clients and of log."""
        gone = self.gone[row, minute]
        there = np.flatnonzero(~gone)
        if how == "tail":
            taken = there[len(there) - lines :]
        else:
            if how != "any":
                there = there[self._owned(row, minute, how)[there]]
            taken = self._fleet.rng(5, row, minute).permutation(there)[:lines]
        gone[taken] = True
        texts = self.texts[row, minute]
        sent = int(self.traffic[row, minute].bytes_sent[taken].sum())
        return sent, sum(len(texts[place]) + 1 for place in taken)

    def count(self, row: int, minute: int, customer: str, share: float) -> int:
        """The customer's own lines of the minute, or a share of them."""
        owned = int(self._owned(row, minute, customer).sum())
        return owned if share == 1 else int(self._fleet.rng(13, row, minute).binomial(owned, share))

    def whose(self, row: int, minute: int, lines: int) -> NDArray[np.float64]:
        """The bytes of the lines that are gone, by resource."""
        del lines
        traffic, gone = self.traffic[row, minute], self.gone[row, minute]
        sums = np.bincount(traffic.resource[gone], traffic.bytes_sent[gone], self._fleet.resources)
        return np.asarray(sums, np.float64)

    def usage(self, present: NDArray[np.bool_]) -> dict[tuple[int, str, str], list[int]]:
        """Requests and bytes by (minute, resource, edge) of all lines that are in a segment, each once."""
        names = self._fleet.resource_names()
        sums: dict[tuple[int, str, str], list[int]] = {}
        for (row, minute), traffic in self.traffic.items():
            if not present[row, minute]:
                continue
            edge = self._fleet.pairs[row][0]
            kept = np.flatnonzero(~self.gone[row, minute])
            columns = (traffic.time_ms[kept] // 60_000, traffic.resource[kept], traffic.bytes_sent[kept])
            for at, resource, sent in zip(*(column.tolist() for column in columns), strict=True):
                into = sums.setdefault((at, names[resource], edge), [0, 0])
                into[0] += 1
                into[1] += sent
        return sums

    def _owned(self, row: int, minute: int, customer: str) -> NDArray[np.bool_]:
        fleet = self._fleet
        mine = np.array([fleet.customer_of(resource) == customer for resource in range(fleet.resources)])
        return np.asarray(mine[self.traffic[row, minute].resource])


def _unnumbered(text: bytes) -> bytes:
    time, _, rest = text.split(b"\t", 2)
    return time + b"\t-\t" + rest


def number(texts: list[bytes], first: int) -> list[bytes]:
    """The lines with sequence numbers from `first` on."""
    numbered = []
    for seq, text in enumerate(texts, first):
        time, _, rest = text.split(b"\t", 2)
        numbered.append(b"%s\t%d\t%s" % (time, seq, rest))
    return numbered
