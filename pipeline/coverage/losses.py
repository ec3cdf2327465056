"""Losses: the lost minutes of a stretch, each in one loss by the most exact sign of it, with what it amounts to.

Coverage, ledger, sequence holes and counters come in; what goes out becomes gaps in history.py. A lost minute of a
stream is MISSING before DAMAGED before SEQUENCE before COUNTER; neighbouring minutes of one class are one loss, and
what other signs say of them is its evidence, and its figures where they are the better ones.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.coverage.amounts import total
from pipeline.coverage.counter_losses import weigh
from pipeline.coverage.loss_signs import LINES, Sign, Unnumbered, assign
from pipeline.coverage.model import Amount, LedgerColumns, Loss, LossClass, State
from pipeline.coverage.read_in import ReadIn
from pipeline.coverage.states import runs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.coverage.counters import Tolerance
    from pipeline.coverage.model import CounterDelta, Coverage, LedgerColumns, Run, SequenceHole, Stream

MOST_SIGNS = 5
"""So many holes are named in a loss's evidence; the others are counted."""


class Estimator(Protocol):
    """What `estimates.Baseline` offers: amounts of bytes to clients for what is known to be lost."""

    def missing(self, stream: Stream, first: int, after: int) -> Amount: ...
    def lines(self, stream: Stream, minute: int, lost_lines: int) -> Amount: ...
    def log_bytes(self, stream: Stream, minute: int, lost: int) -> Amount: ...


@dataclass(frozen=True, slots=True)
class Claim:
    """What a damaged segment's sidecar claims beyond what was read of it. `lost_bytes`: None where it is silent."""

    stream: Stream
    minute: int
    lost_lines: int
    lost_bytes: int | None = None


def find_losses(
    coverage: Coverage,
    ledger: LedgerColumns | Sequence[LedgerColumns],
    holes: Sequence[SequenceHole],
    deltas: Sequence[CounterDelta],
    baseline: Estimator,
    *,
    claims: Iterable[Claim] = (),
    due: NDArray[np.uint8] | None = None,
    tolerance: Tolerance | None = None,
) -> list[Loss]:
    """Every loss of a stretch, by stream and minute.

    `deltas`: all of the stretch, not only those that disagree: what others explain is taken off before; those
    that reach out of it are only compared with. `due`: what `due_of` says of its minutes; then holes and counters say
    nothing of minutes for which a part may still come in time.
    """
    pieces = [ledger] if isinstance(ledger, LedgerColumns) else list(ledger)
    runs = runs_of(coverage, (State.MISSING, State.DAMAGED))
    signs = assign(coverage, runs, holes, Unnumbered(pieces, holes), due)
    missing = [run for run in runs if run.state is State.MISSING]
    damaged = [run for run in runs if run.state is State.DAMAGED]
    claimed: dict[tuple[Stream, int], list[Claim]] = defaultdict(list)
    for claim in claims:
        claimed[claim.stream, claim.minute].append(claim)
    read = ReadIn(pieces, damaged)
    losses = [_missing(run, signs.of_run.get(run, []), baseline) for run in missing]
    losses += [_damaged(run, signs.of_run.get(run, []), claimed, read, baseline) for run in damaged]
    losses += _sequence(signs.own, coverage, baseline)
    return sorted(weigh(losses, coverage, deltas, due, tolerance), key=_order)


def _order(loss: Loss) -> tuple[Stream, int, int]:
    return loss.stream, loss.first, int(loss.kind)


def _missing(run: Run, signs: Sequence[Sign], baseline: Estimator) -> Loss:
    known = [sign for sign in signs if not sign.shared]
    if known and _covered(known, run.first, run.after).all():
        lines, amount = _told(known, baseline)
    else:
        lines, amount = None, baseline.missing(run.stream, run.first, run.after)
    return Loss(run.stream, LossClass.MISSING, run.first, run.after, lines, amount, _words(signs))


def _damaged(
    run: Run,
    signs: Sequence[Sign],
    claimed: Mapping[tuple[Stream, int], Sequence[Claim]],
    read: ReadIn,
    baseline: Estimator,
) -> Loss:
    """Exact where numbers or sidecars tell of every minute; what they are silent of could be all that usually comes,
    less what was read of it, or nothing."""
    stream, lines, amounts, words = run.stream, 0, [], list(_words(signs))
    known = [sign for sign in signs if not sign.shared]
    exact = all(sign.hole.unit == LINES for sign in known)
    if known:
        told, amount = _told(known, baseline)
        lines += told or 0
        amounts.append(amount)
    silent, numbered = [], _covered(known, run.first, run.after)
    for minute in range(run.first, run.after):
        of_minute = claimed.get((stream, minute), ())
        if of_minute:
            words.append(
                f"claimed: {sum(claim.lost_lines for claim in of_minute):,} lines more than were read"
            )
        if numbered[minute - run.first]:
            continue
        if of_minute and len(of_minute) >= read.damaged(stream, minute):
            lines += sum(claim.lost_lines for claim in of_minute)
            amounts += [_claimed(claim, baseline) for claim in of_minute]
        else:
            silent.append(minute)
    for first, after in _stretches(silent):
        usual = baseline.missing(stream, first, after)
        there = read.bytes_sent(stream, first, after)
        expected, high = max(0, usual.expected - there), max(0, usual.high - there)
        amounts.append(Amount(0, expected, high, None, usual.method))
    lost_lines = lines if exact and not silent else None
    return Loss(stream, LossClass.DAMAGED, run.first, run.after, lost_lines, total(amounts), tuple(words))


def _claimed(claim: Claim, baseline: Estimator) -> Amount:
    if claim.lost_bytes is None:
        return baseline.lines(claim.stream, claim.minute, claim.lost_lines)
    lost = claim.lost_bytes
    return Amount(lost, lost, lost, lost, "claim")


def _sequence(own: Sequence[Sign], coverage: Coverage, baseline: Estimator) -> list[Loss]:
    """Holes that nothing else explains; those on the same or neighbouring minutes are one loss."""
    groups: list[list[Sign]] = []
    reaches = 0
    for sign in sorted(own, key=lambda sign: (sign.hole.stream, sign.hole.from_minute, sign.hole.first)):
        after = _after(sign)
        if groups and groups[-1][0].hole.stream == sign.hole.stream and sign.hole.from_minute <= reaches:
            groups[-1].append(sign)
            reaches = max(reaches, after)
        else:
            groups.append([sign])
            reaches = after
    losses = []
    for group in groups:
        lines, amount = _told(group, baseline)
        first = max(coverage.first, min(sign.hole.from_minute for sign in group))
        after = min(coverage.after, max(map(_after, group)))
        stream = group[0].hole.stream
        losses.append(Loss(stream, LossClass.SEQUENCE, first, after, lines, amount, _words(group)))
    return losses


def _told(signs: Sequence[Sign], baseline: Estimator) -> tuple[int | None, Amount]:
    """Lines that numbers say are lost (None: they count bytes of the log), and the bytes to clients in them."""
    amounts = []
    for sign in signs:
        hole = sign.hole
        minute = (hole.from_minute + _after(sign) - 1) // 2
        of = baseline.lines if hole.unit == LINES else baseline.log_bytes
        amounts.append(of(hole.stream, minute, sign.lost))
    lines = sum(sign.lost for sign in signs) if all(sign.hole.unit == LINES for sign in signs) else None
    return lines, total(amounts)


def _after(sign: Sign) -> int:
    return max(sign.hole.after_minute, sign.hole.from_minute + 1)


def _covered(signs: Sequence[Sign], first: int, after: int) -> NDArray[np.bool_]:
    """Which of these minutes the holes lie on; the segment that ends a hole counts with it."""
    import numpy as np

    ends = [(sign.hole.from_minute, _after(sign) + (not sign.hole.inside)) for sign in signs]
    spans = np.clip(np.array(ends, np.int64).reshape(-1, 2) - first, 0, after - first)
    steps = np.bincount(spans[:, 0], minlength=after - first + 1)
    steps -= np.bincount(spans[:, 1], minlength=after - first + 1)
    return np.cumsum(steps[:-1]) > 0


def _words(signs: Sequence[Sign]) -> tuple[str, ...]:
    ordered = sorted(signs, key=lambda sign: (sign.hole.from_minute, sign.hole.epoch, sign.hole.first))
    words = [str(sign) for sign in ordered[:MOST_SIGNS]]
    if len(ordered) > MOST_SIGNS:
        words.append(f"sequence: and {len(ordered) - MOST_SIGNS:,} more holes")
    return tuple(words)


def _stretches(minutes: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending minutes as stretches [first, after)."""
    stretches: list[tuple[int, int]] = []
    for minute in minutes:
        first = stretches.pop()[0] if stretches and stretches[-1][1] == minute else minute
        stretches.append((first, minute + 1))
    return stretches
