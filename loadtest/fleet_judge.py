"""Holds gaps against the truth: what of the planted was found, what was raised for nothing, how far figures are off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.model import GapState, LossClass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadtest.fleet_ledger import FleetRun
    from loadtest.fleet_truth import Planted
    from pipeline.coverage.model import Gap

_CLASSES = {
    "silence": LossClass.MISSING,
    "damaged": LossClass.DAMAGED,
    "quarantined": LossClass.DAMAGED,
}


@dataclass(slots=True)
class Score:
    """How a set of gaps stands against the truth.

    `missed`: planted losses of which a minute is in no gap. `cells`, `cells_found`: (edge, stream, minute) that lost
    something. `false`: gaps in which nothing was lost. `doubled`: lost minutes in more than one gap. `lines`: of gaps
    that name lines, (named, true). `sent`: of every true gap, (low, expected, high, true bytes). `misnamed`: gaps of a
    class that their loss is not. `misshared`: the furthest that a customer's share is off. `shared`: of every true gap,
    (bytes given to the customers who lost them, true bytes).
    """

    planted: int = 0
    missed: list[Planted] = field(default_factory=list)
    cells: int = 0
    cells_found: int = 0
    gaps: int = 0
    false: list[Gap] = field(default_factory=list)
    doubled: int = 0
    lines: list[tuple[int, int]] = field(default_factory=list)
    unnamed_lines: int = 0
    sent: list[tuple[int, int, int, int]] = field(default_factory=list)
    misnamed: list[Gap] = field(default_factory=list)
    misshared: float = 0.0
    shared: list[tuple[float, float]] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """The part of planted losses that were found whole."""
        return 1 - len(self.missed) / self.planted if self.planted else 1.0

    @property
    def lines_off(self) -> int:
        """By how many lines the named ones are off, added up."""
        return sum(abs(named - true) for named, true in self.lines)

    @property
    def bytes_off(self) -> float:
        """By what part the expected bytes of all gaps together are off."""
        true = sum(true for *_, true in self.sent)
        return abs(sum(expected for _, expected, _, _ in self.sent) - true) / true if true else 0.0

    @property
    def worst_bytes_off(self) -> float:
        """By what part the expected bytes of the worst gap are off."""
        return max((abs(e - true) / true for _, e, _, true in self.sent if true), default=0.0)

    @property
    def covered(self) -> float:
        """The part of gaps whose interval holds the truth."""
        held = sum(low <= true <= high for low, _, high, true in self.sent)
        return held / len(self.sent) if self.sent else 1.0

    @property
    def attributed(self) -> float:
        """The part of the lost bytes that the gaps give to the customers who lost them."""
        true = sum(true for _, true in self.shared)
        return sum(right for right, _ in self.shared) / true if true else 1.0

    def __str__(self) -> str:
        true_lines = sum(true for _, true in self.lines)
        parts = (
            f"found {self.planted - len(self.missed)} of {self.planted} losses ({self.recall:.1%})",
            f"{self.cells_found:,} of {self.cells:,} minutes",
            f"{len(self.false)} false of {self.gaps} gaps",
            f"lines off by {self.lines_off:,} of {true_lines:,} (unnamed in {self.unnamed_lines} gaps)",
            f"bytes off by {self.bytes_off:.2%} in all, {self.worst_bytes_off:.1%} at worst",
            f"the interval holds the truth in {self.covered:.1%}",
            f"{self.doubled} minutes twice, {len(self.misnamed)} misnamed",
            f"{self.attributed:.2%} at the right customers, a share off by {self.misshared:.1%} at worst",
        )
        return "; ".join(parts)


def judge(run: FleetRun, gaps: Iterable[Gap]) -> Score:
    """The gaps that are not closed against what is really lost."""
    truth, fleet = run.truth, run.fleet
    named = np.zeros(truth.lost.shape, np.int16)
    score = Score(planted=len(truth.planted), cells=truth.minutes())
    for gap in gaps:
        if gap.state is GapState.CLOSED:
            continue
        score.gaps += 1
        loss = gap.loss
        rows = truth.rows(loss.stream.edge, loss.stream.stream)
        span = slice(max(0, loss.first - truth.first), max(0, loss.after - truth.first))
        named[rows, span] += 1
        if not truth.lost[rows, span].any():
            score.false.append(gap)
            continue
        lines = int(truth.lines[rows, span].sum())
        amount = loss.lost_bytes
        if loss.lost_lines is None:
            score.unnamed_lines += 1
        else:
            score.lines.append((loss.lost_lines, lines))
        score.sent.append((amount.low, amount.expected, amount.high, int(truth.sent[rows, span].sum())))
        _compare(score, gap, [p for p in truth.planted if _touch(p, gap)], fleet.unit(rows[0]))
    score.cells_found = int((truth.lost & (named > 0)).sum())
    score.doubled = int((truth.lost & (named > 1)).sum())
    for planted in truth.planted:
        rows = [row for stream in planted.streams for row in truth.rows(planted.edge, stream)]
        span = slice(planted.first - truth.first, planted.after - truth.first)
        if (truth.lost[rows, span] & (named[rows, span] == 0)).any():
            score.missed.append(planted)
    return score


def _compare(score: Score, gap: Gap, planted: list[Planted], unit: str) -> None:
    """Class and customers of a gap against the losses that it is of."""
    by_lines = LossClass.COUNTER if unit == "none" else LossClass.SEQUENCE
    if gap.loss.kind not in {_CLASSES.get(loss.kind, by_lines) for loss in planted}:
        score.misnamed.append(gap)
    sent: dict[str, int] = {}
    for loss in planted:
        for stream, customers in loss.by_stream.items():
            for customer, part in customers.items():
                if gap.loss.stream.stream in ("*", stream):
                    sent[customer] = sent.get(customer, 0) + part
    total = sum(sent.values())
    if total:
        shares = {share.customer: share.share for share in gap.customers}
        off = max(abs(shares.get(name, 0.0) - part / total) for name, part in sent.items())
        score.misshared = max(score.misshared, off)
        right = sum(min(shares.get(name, 0.0), part / total) for name, part in sent.items())
        score.shared.append((right * total, float(total)))


def _touch(planted: Planted, gap: Gap) -> bool:
    stream = gap.loss.stream
    same = planted.edge == stream.edge and (stream.stream == "*" or stream.stream in planted.streams)
    return same and planted.first < gap.loss.after and planted.after > gap.loss.first
