"""Which sequence numbers each segment leaves out because an earlier one holds them; pure, over one counting's winners.

A counting is one (edge, stream, epoch, unit); flow_settle brings its winners from the ledger and from the batch in
hand, and reads again those that should leave out other numbers than they did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.model import SegmentState, Sequence, SequenceUnit, Skip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.model import LedgerEntry

Run = tuple[int, int]
"""Numbers [first, next) held without a hole."""


@dataclass(frozen=True, slots=True)
class Counting:
    """Numbers mean the same line only within one of these."""

    edge: str
    stream: str
    epoch: str
    unit: SequenceUnit


@dataclass(frozen=True, slots=True)
class Holding:
    """The numbers that one segment's winning content holds.

    `runs` are ascending and disjoint; `skips` is what the attempt that stands in the ledger left out. `minutes` are
    the first and last minute of its lines, by which a counting that began anew without a new epoch is told from a
    repetition; None where the epoch can be trusted. `fixed`: its content cannot be read again, so what it counted
    stands and the others go round it.
    """

    segment_id: int
    runs: tuple[Run, ...]
    minutes: Run | None = None
    skips: tuple[Skip, ...] = ()
    fixed: bool = False

    @property
    def first(self) -> int:
        """The smallest number held."""
        return self.runs[0][0]

    @property
    def next(self) -> int:
        """One past the greatest number held."""
        return self.runs[-1][1]

    def counted(self) -> tuple[Run, ...]:
        """The numbers held and not left out."""
        return subtract(self.runs, tuple((skip.first, skip.next) for skip in self.skips))


def unite(runs: Iterable[Run]) -> tuple[Run, ...]:
    """The same numbers as ascending runs that neither overlap nor touch.

    >>> unite([(5, 9), (0, 3), (3, 4), (8, 12)])
    ((0, 4), (5, 12))
    """
    united: list[Run] = []
    for first, after in sorted(run for run in runs if run[0] < run[1]):
        if united and first <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], after))
        else:
            united.append((first, after))
    return tuple(united)


def intersect(a: Iterable[Run], b: Iterable[Run]) -> tuple[Run, ...]:
    """The numbers in both of two united lists of runs."""
    left, right = list(a), list(b)
    common: list[Run] = []
    i = j = 0
    while i < len(left) and j < len(right):
        first, after = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if first < after:
            common.append((first, after))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def subtract(a: Iterable[Run], b: Iterable[Run]) -> tuple[Run, ...]:
    """The numbers of `a` that are not in `b`, two lists of runs.

    >>> subtract(((0, 10),), ((2, 4), (8, 12)))
    ((0, 2), (4, 8))
    """
    holes = unite(b)
    left: list[Run] = []
    for run_first, run_next in unite(a):
        at = run_first
        for first, after in holes:
            if after <= at or first >= run_next:
                continue
            if first > at:
                left.append((at, first))
            at = max(at, after)
        if at < run_next:
            left.append((at, run_next))
    return tuple(left)


def are_repetitions(a: Holding, b: Holding) -> bool:
    """Whether equal numbers in the two are the same lines; the same line has the same minute in both."""
    if a.minutes is None or b.minutes is None:
        return True
    return a.minutes[0] <= b.minutes[1] and b.minutes[0] <= a.minutes[1]


def settle(holdings: Iterable[Holding]) -> dict[int, tuple[Skip, ...]]:
    """What each segment of one counting has to leave out, so that every number held by any is counted once.

    In the order of (first number, segment id), fixed ones before all: each leaves out what those before it hold. A
    function of the set: neither the order of the argument nor what the attempts left out until now matters,
    except for fixed ones, which stand as they were counted.
    """
    skips: dict[int, tuple[Skip, ...]] = {}
    before: list[Holding] = []
    reach = -1
    ordered = sorted((h for h in holdings if h.runs), key=lambda h: (not h.fixed, h.first, h.segment_id))
    for holding in ordered:
        if holding.fixed:
            skips[holding.segment_id] = holding.skips
            before.append(holding)
            reach = max(reach, holding.next)
            continue
        taken: tuple[Run, ...] = ()
        if holding.first < reach:
            taken = unite(
                run
                for other in before
                if other.first < holding.next
                and holding.first < other.next
                and are_repetitions(other, holding)
                for run in (other.counted() if other.fixed else other.runs)
            )
        # Only what is held here too: a hole of ours is no reason to name a number.
        skips[holding.segment_id] = tuple(Skip(*run) for run in intersect(taken, holding.runs))
        before.append(holding)
        reach = max(reach, holding.next)
    return skips


def held_runs(entry: LedgerEntry) -> tuple[Run, ...]:
    """The numbers that an attempt's content holds, as far as its ledger entry tells.

    Its sequence is what was really read, not what was claimed (see `pipeline.attempt`).
    """
    if entry.sequence is None or entry.state in (SegmentState.EMPTY, SegmentState.QUARANTINED):
        return ()
    run = (entry.sequence.first, entry.sequence.next)
    return (run,) if run[0] < run[1] else ()


def counting_of(edge: str, stream: str, sequence: Sequence) -> Counting:
    """The counting that a sequence belongs to."""
    return Counting(edge, stream, sequence.epoch, sequence.unit)
