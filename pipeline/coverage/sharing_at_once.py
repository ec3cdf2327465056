"""Asks the store for the usage around many losses at once, and has sharing.py say whose each was; for control.py.

What sharing.py asks about a loss depends on what it was answered before. So each loss is tried with the answers at
hand; what is not there is asked for all of them together, and they are tried again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.coverage.sharing import find_shares

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.coverage.control import Source
    from pipeline.coverage.model import Loss, Share

    Asked = tuple[str, str | None, tuple[int, ...]]
    Block = tuple[int, str, int, int]


class _NotAtHandError(Exception):
    """The answer has to be asked for first."""


class _AtHand:
    """Answers `usage_blocks` as the store does, and notes what it cannot answer yet."""

    def __init__(self) -> None:
        self.known: dict[Asked, list[Block]] = {}
        self.wanted: dict[Asked, None] = {}

    def usage_blocks(
        self, edge: str, stream: str | None, bounds: Sequence[int], cut: int | None = None
    ) -> list[Block]:
        del cut
        asked = edge, stream, tuple(bounds)
        if asked not in self.known:
            self.wanted[asked] = None
            raise _NotAtHandError
        return self.known[asked]


def find_all_shares(
    store: Source,
    owner: Callable[[str], str | None],
    cut: int,
    losses: Sequence[Loss],
    beside: Sequence[Loss],
) -> dict[Loss, tuple[Share, ...]]:
    """`find_shares` of each loss; a store that cannot answer many questions at once is asked one by one."""
    at_once = getattr(store, "usage_blocks_of", None)
    if at_once is None:
        return {loss: find_shares(store, owner, cut, loss, beside) for loss in losses}  # type: ignore[arg-type]
    at_hand, waiting = _AtHand(), list(dict.fromkeys(losses))
    shares: dict[Loss, tuple[Share, ...]] = {}
    while waiting:
        at_hand.wanted.clear()
        rest = []
        for loss in waiting:
            try:
                shares[loss] = find_shares(at_hand, owner, cut, loss, beside)  # type: ignore[arg-type]
            except _NotAtHandError:
                rest.append(loss)
        wanted = list(at_hand.wanted)
        at_hand.known.update(zip(wanted, at_once(wanted, cut), strict=True))
        waiting = rest
    return shares
