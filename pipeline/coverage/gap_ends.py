"""Gaps that reach over the ends of the minutes that were checked: what lies outside is taken to be as it was; for
history.py. A check that can looks at whole gaps; one that cannot loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.coverage.amounts import joined, part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.coverage.model import Gap, Loss


def with_outside(losses: Iterable[Loss], gaps: Iterable[Gap], span: tuple[int, int]) -> list[Loss]:
    """The losses of minutes `span` together with what the gaps have outside of it, joined where they adjoin."""
    pieces = list(losses)
    for gap in gaps:
        was = gap.loss
        first, after = max(was.first, span[0]), min(was.after, span[1])
        if (first, after) == (was.first, was.after):
            continue
        inner = [
            piece for piece in pieces if _alike(piece, was) and piece.first == first and piece.after == after
        ]
        if inner and first < after:
            pieces[pieces.index(inner[0])] = was
            continue
        if was.first < span[0]:
            _add(pieces, part(was, was.first, min(was.after, span[0])))
        if was.after > span[1]:
            _add(pieces, part(was, max(was.first, span[1]), was.after))
    return pieces


def _add(pieces: list[Loss], outside: Loss) -> None:
    for place, piece in enumerate(pieces):
        if _alike(piece, outside) and (piece.first == outside.after or piece.after == outside.first):
            pieces[place] = joined(piece, outside)
            return
    pieces.append(outside)


def _alike(one: Loss, other: Loss) -> bool:
    return one.stream == other.stream and one.kind == other.kind
