"""What settling needs to know of the ledger, asked as seldom as possible, with two batches on their way at a time.

A batch that follows another settles an (edge, stream) only after the one before has settled it, and where they touch
the same numbers, only after that one is committed. Nobody waits for a batch behind him, so nobody waits for ever.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pipeline.overlap import held_runs, intersect, unite

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.flow_run import Store
    from pipeline.model import LedgerEntry
    from pipeline.overlap import Run

Stream = tuple[str, str]
"""(edge, stream)."""

Numbers = tuple[str, str, str]
"""(edge, stream, epoch): whose numbers."""


class Ledger(Protocol):
    """The ledger as one batch may see it."""

    def enter(self, stream: Stream, runs: dict[Numbers, tuple[Run, ...]]) -> None:
        """Before settling a stream whose changes touch these numbers: wait until it may be done."""

    def extend(self, numbers: Numbers, runs: Iterable[Run]) -> None:
        """While settling it: these are touched, too."""

    def leave(self, stream: Stream) -> None:
        """The stream is settled: no more of its numbers will be touched."""

    def winners(self, segment_ids: Iterable[int]) -> dict[int, LedgerEntry]:
        """The winner of each of these segments that has one."""

    def neighbours(self, numbers: Numbers, runs: Iterable[Run]) -> list[LedgerEntry]:
        """Winners that hold some of these numbers."""


@dataclass
class PlainLedger:
    """The ledger of a batch that is alone: every question goes to the store."""

    store: Store

    def enter(self, stream: Stream, runs: dict[Numbers, tuple[Run, ...]]) -> None:
        """Alone: never waits."""

    def extend(self, numbers: Numbers, runs: Iterable[Run]) -> None:
        """Alone: nobody has to know."""

    def leave(self, stream: Stream) -> None:
        """Alone: nobody waits."""

    def winners(self, segment_ids: Iterable[int]) -> dict[int, LedgerEntry]:
        """See Ledger."""
        return self.store.winners(segment_ids)

    def neighbours(self, numbers: Numbers, runs: Iterable[Run]) -> list[LedgerEntry]:
        """See Ledger."""
        wanted = unite(runs)
        if not wanted:
            return []
        asked = self.store.neighbours(*numbers, wanted[0][0], wanted[-1][1])
        return [entry for entry in asked if intersect(unite(held_runs(entry)), wanted)]


@dataclass
class _Flight:
    """A batch on its way: its streams, which of them it has settled, and the numbers that this touches."""

    streams: frozenset[Stream]
    attempted: frozenset[int]
    settled: set[Stream] = field(default_factory=set)
    touched: dict[Numbers, tuple[Run, ...]] = field(default_factory=dict)
    over: bool = False


class SharedLedger:
    """The ledger of a process's batches. `reach`: one more than the greatest number of a counting in the ledger; what
    lies beyond has no neighbours, and that is nearly everything."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._change = threading.Condition()
        self._flights: dict[int, _Flight] = {}
        self._tickets = itertools.count()
        self._reach: dict[Numbers, int] = {}
        self._edges: set[str] = set()
        self._asking = threading.Lock()

    def begin(self, streams: Iterable[Stream], attempted: Iterable[int]) -> BatchLedger:
        """A new batch, behind all that are on their way. `attempted`: its segments that have ledger entries."""
        with self._change:
            ticket = next(self._tickets)
            self._flights[ticket] = _Flight(frozenset(streams), frozenset(attempted))
        return BatchLedger(self, ticket)

    def finish(self, ticket: int, committed: Iterable[LedgerEntry]) -> None:
        """A batch is in the ledger, or has failed and left nothing."""
        with self._change:
            self.learn(committed)
            self._flights.pop(ticket).over = True
            self._change.notify_all()

    def learn(self, entries: Iterable[LedgerEntry]) -> None:
        """These are in the ledger, whoever committed them."""
        with self._change:
            for entry in entries:
                numbers = numbers_of(entry)
                if entry.sequence is not None:
                    self._reach[numbers] = max(self._reach.get(numbers, 0), entry.sequence.next)

    def enter(self, ticket: int, stream: Stream, runs: dict[Numbers, tuple[Run, ...]]) -> None:
        """See Ledger."""
        with self._change:
            mine = self._flights[ticket]
            for other in [flight for number, flight in self._flights.items() if number < ticket]:
                self._change.wait_for(lambda other=other: not _is_in_the_way(other, stream, runs))  # type: ignore[misc]
            for numbers, some in runs.items():
                mine.touched[numbers] = unite((*mine.touched.get(numbers, ()), *some))

    def extend(self, ticket: int, numbers: Numbers, runs: Iterable[Run]) -> None:
        """See Ledger."""
        wider = {numbers: unite(runs)}
        with self._change:
            mine = self._flights[ticket]
            mine.touched[numbers] = unite((*mine.touched.get(numbers, ()), *wider[numbers]))
            for other in [flight for number, flight in self._flights.items() if number < ticket]:
                self._change.wait_for(lambda other=other: not _touches(other, wider))  # type: ignore[misc]

    def leave(self, ticket: int, stream: Stream) -> None:
        """See Ledger."""
        with self._change:
            self._flights[ticket].settled.add(stream)
            self._change.notify_all()

    def winners(self, ticket: int, segment_ids: Iterable[int]) -> dict[int, LedgerEntry]:
        """See Ledger."""
        wanted = self._flights[ticket].attempted.intersection(segment_ids)
        return self._store.winners(wanted) if wanted else {}

    def neighbours(self, numbers: Numbers, runs: Iterable[Run]) -> list[LedgerEntry]:
        """See Ledger."""
        wanted = unite(runs)
        if not wanted or wanted[0][0] >= self._find_reach(numbers):
            return []
        return PlainLedger(self._store).neighbours(numbers, wanted)

    def _find_reach(self, numbers: Numbers) -> int:
        with self._asking:
            if numbers[0] not in self._edges:
                self._ask_reaches(
                    {numbers[0]} | {edge for f in [*self._flights.values()] for edge, _ in f.streams}
                )
        return self._reach.get(numbers, 0)

    def _ask_reaches(self, edges: set[str]) -> None:
        """One question for all edges on their way; what a batch commits meanwhile is added when it finishes."""
        edges -= self._edges
        found = self._store.reaches(edges)
        with self._change:
            for numbers, reach in found.items():
                self._reach[numbers] = max(reach, self._reach.get(numbers, 0))
            self._edges |= edges


def numbers_of(entry: LedgerEntry) -> Numbers:
    """Whose numbers an attempt's sequence has."""
    return entry.origin.edge, entry.origin.stream, entry.sequence.epoch if entry.sequence else ""


def _touches(other: _Flight, runs: dict[Numbers, tuple[Run, ...]]) -> bool:
    return not other.over and any(
        intersect(some, other.touched[numbers]) for numbers, some in runs.items() if numbers in other.touched
    )


def _is_in_the_way(other: _Flight, stream: Stream, runs: dict[Numbers, tuple[Run, ...]]) -> bool:
    unsettled = stream in other.streams and stream not in other.settled
    return not other.over and (unsettled or _touches(other, runs))


@dataclass(frozen=True)
class BatchLedger:
    """The shared ledger as the batch of one ticket sees it."""

    shared: SharedLedger
    ticket: int

    def enter(self, stream: Stream, runs: dict[Numbers, tuple[Run, ...]]) -> None:
        """See Ledger."""
        self.shared.enter(self.ticket, stream, runs)

    def extend(self, numbers: Numbers, runs: Iterable[Run]) -> None:
        """See Ledger."""
        self.shared.extend(self.ticket, numbers, runs)

    def leave(self, stream: Stream) -> None:
        """See Ledger."""
        self.shared.leave(self.ticket, stream)

    def winners(self, segment_ids: Iterable[int]) -> dict[int, LedgerEntry]:
        """See Ledger."""
        return self.shared.winners(self.ticket, segment_ids)

    def neighbours(self, numbers: Numbers, runs: Iterable[Run]) -> list[LedgerEntry]:
        """See Ledger."""
        return self.shared.neighbours(numbers, runs)
