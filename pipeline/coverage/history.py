"""Gaps: the losses of a check joined to what was known before, so that each keeps its name as it grows, shrinks and
closes; pure. What comes out is appended to the history in the store, which keeps every figure that a gap ever had.

Whose name a loss gets:

- A gap goes on in the loss that overlaps it, whatever its class is now, on the same stream; failing that, between a
  stream and `*`, which stands for all streams of an edge. It keeps `first_seen`.
- A gap that falls apart keeps its name in the earliest part that no other gap goes on in. The other parts are gaps with
  names of their own, seen as early as it was; their evidence names it ("split from …").
- Gaps that grow together are one, by the name of the one that was seen first; the others are closed, and their evidence
  names it ("joined to …").
- A loss like one whose gap is closed (stream, first minute and class) opens it again, with its own `first_seen`.

What state it has: CLOSED when nothing of it is lost; it keeps its last minutes, its amounts are zero. SHRUNK from when
a part came: minutes, lines, or a better class than missing. ACCEPTED as long as all of its minutes were accepted, and
no more is expected to be lost in them than the most that was accepted; else it is open again. Otherwise OPEN.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.coverage.gap_ends import with_outside
from pipeline.coverage.gap_heirs import find_heirs
from pipeline.coverage.model import Amount, Gap, GapState, Loss, Share, Stream, gap_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

SPLIT = "split from "
JOINED = "joined to "
ACCEPTED_BEFORE = "accepted before it grew: "
_KEPT = (SPLIT, ACCEPTED_BEFORE)
"""Notes in a gap's evidence that are its own history and stay with it."""


def follow(
    before: Sequence[Gap],
    losses: Sequence[Loss],
    *,
    now: float,
    shares: Callable[[Loss], tuple[Share, ...]],
    recoverable: Callable[[Loss], float | None],
    span: tuple[int, int],
    standing: Callable[[Loss], str] | None = None,
) -> list[Gap]:
    """The gaps that are new or changed by what is lost now in minutes `span`, by stream and minute.

    `before`: the latest of each gap. Those wholly outside of the span are left; of one that reaches over its end, what
    lies outside is taken to be lost as before. `shares`, `recoverable`: asked of losses that are new or changed.
    `standing`: says in words what became of the minutes of a gap that closes, for its evidence.
    """
    live: dict[str, list[Gap]] = defaultdict(list)
    closed: dict[str, Gap] = {}
    for gap in before:
        if gap.state is GapState.CLOSED:
            closed[gap.id] = gap
        elif gap.loss.first <= span[1] and gap.loss.after >= span[0]:
            live[gap.loss.stream.edge].append(gap)
    lost: dict[str, list[Loss]] = defaultdict(list)
    for loss in losses:
        lost[loss.stream.edge].append(loss)
    taken = {gap.id for gap in before} - closed.keys()
    changed: list[Gap] = []
    for edge in sorted(live.keys() | lost.keys()):
        gaps = sorted(live[edge], key=lambda gap: (gap.first_seen, gap.loss.first, gap.id))
        pieces = sorted(with_outside(lost[edge], gaps, span), key=_place)
        on, of, none = find_heirs(gaps, pieces)
        for piece, heads, parents in zip(pieces, on, of, strict=True):
            gap = _go_on(piece, heads, parents, now) if heads else _begin(piece, parents, closed, taken, now)
            taken.add(gap.id)
            if not heads or gap is not heads[0]:
                gap = replace(gap, customers=shares(piece), recoverable_until=recoverable(piece))
                changed.append(gap)
            changed += [_close(other, now, JOINED + gap.id) for other in heads[1:]]
        changed += [_close(gap, now, standing(gap.loss) if standing else "") for gap in none]
    return sorted(changed, key=lambda gap: (_place(gap.loss), gap.id))


def _place(loss: Loss) -> tuple[Stream, int]:
    return loss.stream, loss.first


def _go_on(piece: Loss, heads: Sequence[Gap], parents: Sequence[Gap], now: float) -> Gap:
    """The eldest of `heads` as it is now; itself where nothing changed."""
    gap = heads[0]
    state, reason = _accepted(piece, parents)
    notes = [note for note in gap.loss.evidence if note.startswith(_KEPT)]
    if state is None:
        shrunk = any(head.state is GapState.SHRUNK or _shrank(head.loss, piece) for head in heads)
        state = GapState.SHRUNK if shrunk else GapState.OPEN
        notes += [ACCEPTED_BEFORE + head.reason for head in heads if head.state is GapState.ACCEPTED]
    task = next((head.task for head in heads if head.task), "")
    loss = _noted(piece, notes)
    found = replace(gap, loss=loss, state=state, reason=reason, task=task)
    return gap if found == gap else replace(found, updated=now)


def _begin(
    piece: Loss, parents: Sequence[Gap], closed: Mapping[str, Gap], taken: Collection[str], now: float
) -> Gap:
    """A new gap, one that fell off another, or a closed one that opens again."""
    name = gap_id(piece)
    seen = min([now, *(parent.first_seen for parent in parents)])
    if name in taken:
        name = _other_name(name, taken, closed)
    elif name in closed:
        seen = closed[name].first_seen
    if not parents:
        return Gap(name, _noted(piece, ()), GapState.OPEN, seen, now)
    parent = parents[0]
    state, reason = _accepted(piece, parents)
    loss = _noted(piece, [SPLIT + parent.id])
    return Gap(name, loss, state or GapState.SHRUNK, seen, now, task=parent.task, reason=reason)


def _close(gap: Gap, now: float, note: str) -> Gap:
    nothing = Amount(0, 0, 0, 0, gap.loss.lost_bytes.method)
    notes = [kept for kept in gap.loss.evidence if kept.startswith(_KEPT)]
    evidence = (*notes, note) if note else tuple(notes)
    loss = replace(gap.loss, lost_lines=0, lost_bytes=nothing, evidence=evidence)
    return replace(gap, loss=loss, state=GapState.CLOSED, updated=now)


def _accepted(piece: Loss, parents: Sequence[Gap]) -> tuple[GapState | None, str]:
    """ACCEPTED and why, where all minutes were accepted, and the most that was accepted is not exceeded."""
    accepted = [gap for gap in parents if gap.state is GapState.ACCEPTED]
    reached = piece.first
    for gap in sorted(accepted, key=lambda gap: gap.loss.first):
        if gap.loss.first <= reached:
            reached = max(reached, gap.loss.after)
    most = sum(gap.loss.lost_bytes.high for gap in accepted)
    if not accepted or reached < piece.after or piece.lost_bytes.expected > most:
        return None, ""
    return GapState.ACCEPTED, "; ".join(dict.fromkeys(gap.reason for gap in accepted if gap.reason))


def _shrank(was: Loss, piece: Loss) -> bool:
    """Whether a part of it came: minutes or lines, or all of it in a better class."""
    if piece.first > was.first or piece.after < was.after or piece.kind > was.kind:
        return True
    return was.lost_lines is not None and piece.lost_lines is not None and piece.lost_lines < was.lost_lines


def _noted(piece: Loss, notes: Sequence[str]) -> Loss:
    """The piece with the notes that stay with its gap, after its own evidence."""
    own = [word for word in piece.evidence if not word.startswith(_KEPT)]
    return replace(piece, evidence=(*own, *dict.fromkeys(notes)))


def _other_name(name: str, taken: Collection[str], closed: Mapping[str, Gap]) -> str:
    """A name for a gap that begins where one that still has the name began."""
    number = 2
    while True:
        text = f"{name}\0{number}"
        other = "g" + hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
        if other not in taken and other not in closed:
            return other
        number += 1
