"""Settles overlaps before anything is written: reads again, without what neighbours hold, what has to leave it out.

Takes the attempts of a batch at segments of one (edge, stream), looks at their neighbours in the ledger, and gives the
attempts to commit together: these, and standing winners whose neighbour came, changed or went. As one batch commits
at once, no reader ever sees a line twice or not at all between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.attempt import Attempt, Postponed, Reading, leave_out, recall_attempt
from pipeline.model import Segment
from pipeline.overlap import Counting, Holding, Run, counting_of, held_runs, settle, unite

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.flow_run import Run as FlowRun
    from pipeline.model import LedgerEntry, Skip


@dataclass(frozen=True, slots=True)
class Settled:
    """What a batch of one (edge, stream) comes to."""

    attempts: tuple[Attempt, ...]
    postponed: tuple[Postponed, ...] = ()


def supersedes(new: LedgerEntry, old: LedgerEntry | None) -> bool:
    """Whether `new`, committed after `old`, becomes the winner in its place, by the rule of the store's SQL."""
    return old is None or new.rank >= old.rank


def settle_attempts(attempts: Sequence[Attempt], run: FlowRun) -> Settled:
    """Settle the attempts of one (edge, stream), no two at one segment, against each other and the ledger."""
    standing = run.ledger.winners([attempt.entry.segment_id for attempt in attempts])
    winning: dict[int, Attempt] = {}
    losing: list[Attempt] = []
    for attempt in attempts:
        segment_id = attempt.entry.segment_id
        if supersedes(attempt.entry, standing.get(segment_id)):
            winning[segment_id] = attempt
        else:
            losing.append(attempt)
    if not attempts:
        return Settled(())
    stream = (attempts[0].entry.origin.edge, attempts[0].entry.origin.stream)
    changed = _changed_runs(winning, standing)
    run.ledger.enter(stream, {_numbers(c): runs for c, runs in changed.items()})
    postponed: list[Postponed] = []
    gone: set[int] = set()
    while True:
        settler = _Settler(run, winning, gone)
        for counting, runs in _changed_runs(winning, standing).items():
            settler.settle_counting(counting, runs)
        if not settler.failed:
            run.ledger.leave(stream)
            return Settled((*settler.settled.values(), *losing), tuple(postponed))
        # What could not be read a second time drops out, or stands as it is; the others are settled without it.
        for segment_id, failure in settler.failed.items():
            if winning.pop(segment_id, None) is None:
                gone.add(segment_id)
            else:
                postponed.append(failure)


def _changed_runs(
    winning: dict[int, Attempt], standing: dict[int, LedgerEntry]
) -> dict[Counting, tuple[Run, ...]]:
    """The numbers that this batch adds or takes away, by counting."""
    changed: dict[Counting, list[Run]] = {}
    for segment_id, attempt in winning.items():
        for entry in (attempt.entry, standing.get(segment_id)):
            if entry is not None and entry.sequence is not None and held_runs(entry):
                counting = counting_of(entry.origin.edge, entry.origin.stream, entry.sequence)
                changed.setdefault(counting, []).extend(held_runs(entry))
    return {counting: unite(runs) for counting, runs in changed.items()}


class _Settler:
    """Carries one batch of one (edge, stream) through its countings."""

    def __init__(self, run: FlowRun, winning: dict[int, Attempt], gone: set[int]) -> None:
        self.run = run
        self.winning = winning
        self.gone = gone
        self.settled = dict(winning)
        self.failed: dict[int, Postponed] = {}

    def settle_counting(self, counting: Counting, changed: tuple[Run, ...]) -> None:
        """Count again whatever of this counting has to leave out other numbers than it does."""
        mine = {
            segment_id: _hold(attempt, ())
            for segment_id, attempt in self.winning.items()
            if attempt.runs
            and attempt.entry.sequence is not None
            and counting_of(attempt.entry.origin.edge, attempt.entry.origin.stream, attempt.entry.sequence)
            == counting
        }
        touched = self._neighbours(counting, changed)
        if not touched and not _overlap(mine.values()):
            return
        # Those touched may have to change; to know how, all that touch them in turn must be there.
        if touched:
            self.run.ledger.extend(_numbers(counting), (r for e in touched.values() for r in held_runs(e)))
            touched = self._neighbours(counting, changed)
        beyond = self._neighbours(
            counting, unite(run for entry in touched.values() for run in held_runs(entry))
        )
        around = {segment_id: self._recall(entry) for segment_id, entry in {**beyond, **touched}.items()}
        held = {segment_id: _hold(attempt, attempt.entry.skips) for segment_id, attempt in around.items()}
        skips = settle([*mine.values(), *held.values()])
        for segment_id in mine:
            if skips[segment_id]:
                self._count_again(self.winning[segment_id], skips[segment_id])
        for segment_id in touched:
            holding = held[segment_id]
            if not holding.fixed and _normal(holding.skips) != _normal(skips.get(segment_id, ())):
                self._count_again(around[segment_id], skips.get(segment_id, ()))

    def _neighbours(self, counting: Counting, runs: Iterable[Run]) -> dict[int, LedgerEntry]:
        """Standing winners that hold numbers of these runs, but for those that this batch replaces."""
        return {
            entry.segment_id: entry
            for entry in self.run.ledger.neighbours(_numbers(counting), runs)
            if entry.segment_id not in self.winning
            and entry.sequence is not None
            and entry.sequence.unit is counting.unit
        }

    def _recall(self, entry: LedgerEntry) -> Attempt:
        """A standing winner read again in full; what cannot be read, or is other content by now, stands as it is."""
        segment = None if entry.segment_id in self.gone else self.run.reader.locate(entry)
        reading = self.run.reader.read(segment) if segment is not None else None
        if segment is None or not isinstance(reading, Reading) or reading.digest != entry.digest:
            lost = Segment(entry.origin, entry.path, "", entry.content_bytes, entry.fingerprint)
            return recall_attempt(lost, entry, None)
        return recall_attempt(segment, entry, reading)

    def _count_again(self, attempt: Attempt, skips: tuple[Skip, ...]) -> None:
        reading = self.run.reader.read(attempt.segment, skips)
        if isinstance(reading, Reading) and reading.digest == attempt.entry.digest:
            self.settled[attempt.entry.segment_id] = leave_out(attempt, skips, reading.usage, self.run.now())
            return
        reason = "its content changed while its overlap with a neighbour was settled"
        self.failed[attempt.entry.segment_id] = Postponed(attempt.segment, getattr(reading, "reason", reason))


def _hold(attempt: Attempt, skips: tuple[Skip, ...]) -> Holding:
    trusted = attempt.entry.sequence is not None and attempt.entry.sequence.epoch != ""
    minutes = None if trusted else attempt.minutes
    return Holding(attempt.entry.segment_id, attempt.runs, minutes, skips, fixed=attempt.usage is None)


def _numbers(counting: Counting) -> tuple[str, str, str]:
    return counting.edge, counting.stream, counting.epoch


def _overlap(holdings: Iterable[Holding]) -> bool:
    reach = -1
    for first, after in sorted((holding.first, holding.next) for holding in holdings):
        if first < reach:
            return True
        reach = max(reach, after)
    return False


def _normal(skips: tuple[Skip, ...]) -> tuple[Run, ...]:
    return unite((skip.first, skip.next) for skip in skips)
