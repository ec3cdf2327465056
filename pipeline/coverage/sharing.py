"""Asks the store what an edge served around a loss and in it, and has shares.py say whose it was; for control.py.

A collector that is dead loses what there is to lose: minutes in which it had nothing lie between its gaps. So losses of
one kind that are no further apart than NEAR_MINUTES are looked at as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.coverage.counter_losses import ALL_STREAMS
from pipeline.coverage.model import LossClass
from pipeline.coverage.shares import make_blocks, share_lost, share_out, sum_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.coverage.model import Loss, Share
    from pipeline.store.store import Store

DAYS_BEFORE = (1, 7)
"""Where nothing came around a loss, the same minutes of so many days before tell."""

NEAR_MINUTES = 2
_PARTIAL = (LossClass.SEQUENCE, LossClass.COUNTER)


def find_shares(
    store: Store, owner: Callable[[str], str | None], cut: int, loss: Loss, beside: Iterable[Loss]
) -> tuple[Share, ...]:
    """Whose traffic was lost: by the stream's own, or its whole edge's, where nothing is known of it.

    `beside`: all losses that are known, this one too; minutes of others tell nothing of what is usual.
    """
    others = [other for other in beside if other.stream.edge == loss.stream.edge]
    own = loss.stream.stream
    for stream in [None] if own == ALL_STREAMS else [own, None]:
        taken = [o for o in others if stream is None or o.stream.stream in (stream, ALL_STREAMS)]
        pool = _pool(loss, taken)
        spans = [(one.first, one.after) for one in pool]
        blocks = make_blocks(spans, [(other.first, other.after) for other in taken])
        rows = store.usage_blocks(loss.stream.edge, stream, blocks.bounds, cut)
        lines = [one.lost_lines for one in pool]
        shares = share_lost(
            sum_blocks(rows, blocks, owner),
            blocks,
            lost_lines=None if None in lines else sum(of or 0 for of in lines),
            lost_bytes=(
                sum(one.lost_bytes.low for one in pool),
                sum(one.lost_bytes.expected for one in pool),
                sum(one.lost_bytes.high for one in pool),
            ),
        )
        if shares:
            return shares
        if rows:  # all of it in minutes of other losses
            return share_out(((resource, sent) for _, resource, sent, _ in rows), owner)
        for days in DAYS_BEFORE:
            bounds = [max(0, minute - 1440 * days) for minute in (blocks.bounds[0], blocks.bounds[-1])]
            usage = store.usage_blocks(loss.stream.edge, stream, bounds, cut)
            if usage:
                return share_out(((resource, sent) for _, resource, sent, _ in usage), owner)
    return ()


def _pool(loss: Loss, others: Sequence[Loss]) -> list[Loss]:
    """The loss, and those of its stream and kind that lie near it, or near one that does."""
    if loss.kind not in _PARTIAL:
        return [loss]
    alike = {
        (one.first, one.after): one for one in others if (one.stream, one.kind) == (loss.stream, loss.kind)
    }
    alike = {span: one for span, one in alike.items() if span[1] <= loss.first or span[0] >= loss.after}
    pool, first, after = [loss], loss.first, loss.after
    for one in sorted(alike.values(), key=lambda one: one.first):
        if after <= one.first <= after + NEAR_MINUTES:
            pool.append(one)
            after = one.after
    for one in sorted(alike.values(), key=lambda one: -one.after):
        if first - NEAR_MINUTES <= one.after <= first:
            pool.append(one)
            first = one.first
    return pool
