"""What is to be read next: found segments in the order of time, what was attempted already, what is tried again later.

Nothing here outlives the process: what was attempted, the ledger tells again after a restart.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Set

    from pipeline.ingest.spool import Found

UNPACKED = {"plain": 1, "gzip": 4, "zstd": 5, "lz4": 3}
"""About how many bytes a packed one becomes: batches are measured in content, which is what memory and time go by."""

ELEMENTS = 8
"""Into how many elements a full batch is cut, so that reading one overlaps with settling another."""

SEGMENTS_AN_ELEMENT = 4
"""An element of fewer segments costs more in Beam than it spares."""

RETRY_S = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
"""After how long a segment that could not be read is tried again: the first time, the second … and then always."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A segment that could not be read, for a reason that may pass."""

    found: Found
    due_s: float
    tries: int
    reason: str


class Queue:
    """Segments of one source by path. A newer version of a file takes the place of an older one."""

    def __init__(self) -> None:
        self._pending: dict[str, Found] = {}
        self._order: list[tuple[int, str]] = []
        self._offered: dict[str, Found] = {}
        self._attempted: dict[str, int] = {}  # of each path its last fingerprint's hash: there are many
        self.retries: dict[str, Retry] = {}
        self.pending_bytes = 0

    def __len__(self) -> int:
        return len(self._pending)

    def paths(self) -> Iterable[str]:
        """Of what is queued and was not taken yet."""
        return self._pending

    def offer(self, found: Iterable[Found]) -> None:
        """Take note of those that this process has neither attempted nor queued in this version."""
        for f in found:
            known = self._pending.get(f.path) or (
                self.retries[f.path].found if f.path in self.retries else None
            )
            if self._attempted.get(f.path) != hash(f.fingerprint) and (
                known is None or known.fingerprint != f.fingerprint
            ):
                self._offered[f.path] = f

    def offered(self, most: int) -> list[Found]:
        """Noted ones about which the ledger has to be asked, until `sort_in` says what it answered."""
        return list(itertools.islice(self._offered.values(), most))

    def sort_in(self, found: Found, attempted: Set[str]) -> None:
        """Queue a noted segment, unless this version is among those attempted."""
        self._offered.pop(found.path, None)
        if found.fingerprint in attempted:
            self.settle(found)
        else:
            self.add(found)

    def add(self, found: Found) -> None:
        """Queue a segment."""
        self.retries.pop(found.path, None)
        old = self._pending.get(found.path)
        if old is None:
            heapq.heappush(self._order, (found.origin.minute, found.path))
        else:
            self.pending_bytes -= weigh(old)
        self._pending[found.path] = found
        self.pending_bytes += weigh(found)

    def settle(self, found: Found) -> None:
        """This version was attempted: it is in the ledger."""
        self._attempted[found.path] = hash(found.fingerprint)
        self.retries.pop(found.path, None)

    def postpone(self, found: Found, now_s: float, reason: str) -> Retry:
        """Try again later."""
        before = self.retries.get(found.path)
        tries = 1 if before is None or before.found.fingerprint != found.fingerprint else before.tries + 1
        retry = Retry(found, now_s + RETRY_S[min(tries, len(RETRY_S)) - 1], tries, reason)
        self.retries[found.path] = retry
        return retry

    def due(self, now_s: float) -> list[Found]:
        """Postponed segments whose time has come; they stay known as postponed until they are read or postponed
        again, so that their tries add up."""
        return [
            retry.found
            for path, retry in self.retries.items()
            if retry.due_s <= now_s and path not in self._pending
        ]

    def requeue(self, found: Found) -> None:
        """Queue a postponed segment again without forgetting how often it was tried."""
        retry = self.retries.get(found.path)
        self.add(found)
        if retry is not None:
            self.retries[found.path] = retry

    def keep_only(self, paths: set[str]) -> None:
        """Forget what is no longer in the source."""
        for path in [path for path in self._pending if path not in paths]:
            self.pending_bytes -= weigh(self._pending.pop(path))
        self.retries = {path: retry for path, retry in self.retries.items() if path in paths}
        self._offered = {path: found for path, found in self._offered.items() if path in paths}
        self._attempted = {path: mark for path, mark in self._attempted.items() if path in paths}

    def take(self, max_bytes: int, max_segments: int, flying: Set[int] = frozenset()) -> list[Found]:
        """The next batch, oldest minutes first; never two versions of one segment, nor a segment of which another
        version is on its way (`flying`): these are read one after another."""
        taken: list[Found] = []
        put_back: list[tuple[int, str]] = []
        segments: set[int] = set(flying)
        size = 0
        while self._order and len(taken) < max_segments and size < max_bytes:
            place = heapq.heappop(self._order)
            found = self._pending.get(place[1])
            if found is None:
                continue
            if found.origin.segment_id in segments:
                put_back.append(place)
                continue
            segments.add(found.origin.segment_id)
            taken.append(found)
            size += weigh(found)
            del self._pending[place[1]]
        for place in put_back:
            heapq.heappush(self._order, place)
        self.pending_bytes -= size
        return taken


def weigh(found: Found) -> int:
    """About how many bytes of content a segment has."""
    return found.size * UNPACKED.get(found.codec, 1)


def cut_elements(batch: list[Found]) -> Iterator[list[Found]]:
    """Elements of about equal bytes; all segments of one (edge, stream) are in one, so that it can settle them."""
    streams: dict[tuple[str, str], list[Found]] = {}
    for found in batch:
        streams.setdefault((found.origin.edge, found.origin.stream), []).append(found)
    enough = sum(map(weigh, batch)) / ELEMENTS
    element: list[Found] = []
    size = 0
    for stream in streams.values():
        element += stream
        size += sum(map(weigh, stream))
        if size >= enough and len(element) >= SEGMENTS_AN_ELEMENT:
            yield element
            element, size = [], 0
    if element:
        yield element
