"""What is lost of each edge's logs: spans opened by gaps, shrunk by what came, settled by a person; and their
money."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from incidents.engine.state import Loss, Span, State
from incidents.engine.subjects import GAP
from incidents.model import Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.events import Gap, GapClosed

_CUSTOMERS_SHOWN = 10


def take_gap(state: State, event: Gap) -> set[str]:
    """Remember lost minutes; those that a person has settled are not lost again."""
    loss = state.losses.setdefault(event.edge, Loss())
    told = Span(event.since, event.until, event.stream, event.loss_class)
    pieces = [told]
    for settled in loss.settled:
        if settled.stream == told.stream:
            pieces = [rest for piece in pieces for rest in _without(piece, settled.since, settled.until)]
    if not pieces:
        return set()
    loss.spans = _joined([*loss.spans, *pieces])
    if event.customers:
        loss.customers = sorted({*loss.customers, *event.customers})
    else:
        loss.unnamed = _joined([*loss.unnamed, *pieces])
    if event.per_minute is not None and event.at >= loss.told_at:
        loss.rate = event.per_minute
    loss.told_at = max(loss.told_at, event.at)
    loss.most_minutes = max(loss.most_minutes, lost_minutes(loss))
    return {GAP + event.edge}


def take_gap_closed(state: State, event: GapClosed) -> set[str]:
    """What was lost has come, in whole or in part; where it names no stream, in all of them."""
    loss = state.losses.get(event.edge)
    if loss is None:
        return set()
    loss.spans = _less(loss.spans, event)
    loss.unnamed = _less(loss.unnamed, event)
    loss.came_at = max(loss.came_at, event.at)
    return {GAP + event.edge}


def settle_loss(loss: Loss) -> None:
    """A person has closed the task: what was open stays lost, and accepted."""
    loss.settled = _joined([*loss.settled, *loss.spans])
    loss.spans, loss.unnamed = [], []


def lost_minutes(loss: Loss) -> int:
    """How many minutes, each stream's for itself."""
    return round(sum(span.until - span.since for span in _by_stream(loss.spans)) / 60)


def loss_facts(loss: Loss, customers: Sequence[str], at: float) -> tuple[Fact, ...]:
    """What is missing and what it costs, the figure of before beside that of now."""
    from incidents.words import counted, instant_text

    minutes = lost_minutes(loss)
    facts = [
        Fact(
            loss.told_at,
            "gap",
            f"{span.loss_class}: {instant_text(span.since)} to {instant_text(span.until)}"
            + (f", stream {span.stream}" if span.stream else ""),
        )
        for span in loss.spans[:3]
    ]
    if len(loss.spans) > 3:
        facts.append(Fact(loss.told_at, "gap", f"and {counted(len(loss.spans) - 3, 'span')} more"))
    if loss.most_minutes > minutes:
        facts.append(
            Fact(
                loss.came_at or at, "gap", f"still lost: {counted(minutes, 'minute')} of {loss.most_minutes}"
            )
        )
    if loss.rate is not None:
        rate = loss.rate
        so_far = [
            format((Decimal(amount) * minutes).normalize(), "f")
            for amount in (rate.low, rate.expected, rate.high)
        ]
        facts.append(
            Fact(
                loss.told_at,
                "money",
                f"{rate.expected} a minute ({rate.low} to {rate.high});"
                f" {so_far[1]} for {counted(minutes, 'minute')} ({so_far[0]} to {so_far[2]})",
            )
        )
    if loss.customers:  # else nobody said whom it hits
        shown = ", ".join(customers[:_CUSTOMERS_SHOWN])
        more = len(customers) - _CUSTOMERS_SHOWN
        facts.append(Fact(loss.told_at, "gap", f"hits {shown}" + (f" and {more} more" if more > 0 else "")))
    return tuple(facts)


def _less(spans: list[Span], came: GapClosed) -> list[Span]:
    """Spans less what came; of all streams where it names none."""
    return [
        rest
        for span in spans
        for rest in (_without(span, came.since, came.until) if came.stream in ("", span.stream) else [span])
    ]


def _without(span: Span, since: float, until: float) -> list[Span]:
    """A span less what lies in [since, until)."""
    if until <= span.since or since >= span.until:
        return [span]
    rest = [(span.since, min(span.until, since)), (max(span.since, until), span.until)]
    return [Span(a, b, span.stream, span.loss_class) for a, b in rest if a < b]


def _joined(spans: list[Span]) -> list[Span]:
    """Overlapping and neighbouring spans of one stream and class as one; each minute of a stream keeps its first
    class."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.stream, s.loss_class, s.since, s.until)):
        last = found[-1] if found else None
        if (
            last
            and (last.stream, last.loss_class) == (span.stream, span.loss_class)
            and last.until >= span.since
        ):
            found[-1] = Span(last.since, max(last.until, span.until), last.stream, last.loss_class)
        else:
            found.append(span)
    return sorted(found)


def _by_stream(spans: list[Span]) -> list[Span]:
    """The minutes of each stream once, whatever their classes."""
    return _joined([Span(span.since, span.until, span.stream, "") for span in spans])
