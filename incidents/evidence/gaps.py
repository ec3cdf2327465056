"""Gaps as the coverage check writes them, to lines of evidence: what is lost now and was not, what came, and the
money."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from incidents.evidence.lines import gap_closed_line, gap_line
from pipeline.coverage.model import GapState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from incidents.model import MoneyRate
    from pipeline.coverage.model import Gap

OPEN = (GapState.OPEN, GapState.SHRUNK)

Spans = list[tuple[int, int]]


class Told(Struct, frozen=True):
    """What was last told of a gap: its minutes [first, after), class, customers and money."""

    edge: str
    stream: str
    first: int
    after: int
    loss_class: str
    customers: tuple[str, ...] = ()
    rate: MoneyRate | None = None


def told_of(gap: Gap, rate: MoneyRate | None) -> Told:
    """What there is to tell of a gap."""
    loss = gap.loss
    return Told(
        loss.stream.edge,
        loss.stream.stream,
        loss.first,
        loss.after,
        loss.kind.name.lower(),
        tuple(sorted(share.customer for share in gap.customers)),
        rate,
    )


def gap_lines(before: Mapping[str, Told], now: Mapping[str, Told], at: float) -> list[dict[str, Any]]:
    """What has changed between two pictures of the open gaps, by their ids: gaps that are new or another, then the
    minutes that are in no gap of their stream any more."""
    lines = [
        gap_line(
            gap.edge, gap.first, gap.after, at,
            loss_class=gap.loss_class, stream=gap.stream, customers=gap.customers, per_minute=gap.rate,
        )
        for name, gap in sorted(now.items())
        if before.get(name) != gap
    ]  # fmt: skip
    left = _by_stream(now.values())
    for (edge, stream), spans in sorted(_by_stream(before.values()).items()):
        lines += [
            gap_closed_line(edge, first, after, at, stream=stream)
            for first, after in without(spans, left.get((edge, stream), []))
        ]
    return lines


def _by_stream(gaps: Iterable[Told]) -> dict[tuple[str, str], Spans]:
    found: dict[tuple[str, str], Spans] = defaultdict(list)
    for gap in gaps:
        found[gap.edge, gap.stream].append((gap.first, gap.after))
    return found


def without(spans: Spans, others: Spans) -> Spans:
    """The minutes of `spans` that are in none of `others`, as runs in order."""
    rest: Spans = []
    for first, after in sorted(spans):
        pieces = [(first, after)]
        for begin, end in others:
            pieces = [
                piece
                for low, high in pieces
                for piece in ((low, min(high, begin)), (max(low, end), high))
                if piece[0] < piece[1]
            ]
        rest += pieces
    joined: Spans = []
    for first, after in sorted(rest):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(after, joined[-1][1]))
        else:
            joined.append((first, after))
    return joined
