"""Why a month that is not closed may still change, told without checking coverage anew: from the gaps that the last
check found; for what-ifs, which must be quick. A month that has not begun has nothing to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app.failures import UsageFailure
from pipeline.instants import minute_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from pipeline.coverage.model import Gap
    from pipeline.coverage.periods import Month
    from pipeline.rating.model import Span
    from pipeline.store.store import Store

NAMED = 20
"""Open gaps that are named."""

EASTERNMOST_MIN = 14 * 60
"""By so many minutes a month begins in some zone before it does in UTC."""


def refuse_future(month: Month, now: datetime, spans: Sequence[Span] = ()) -> None:
    """Raises UsageFailure where the month has not begun: by these contracts, else anywhere."""
    begins = int(spans[0].period.begin.timestamp()) // 60 if spans else month.begins("UTC") - EASTERNMOST_MIN
    if begins * 60 > now.timestamp():
        what = f"{spans[0].contract.customer}: his contract's {month}" if spans else str(month)
        raise UsageFailure(
            f"{what} has not begun, so there is no usage to rate; it is {now:%Y-%m-%d %H:%M} UTC"
        )


def why_open(
    store: Store, edges: Collection[str], minutes: tuple[int, int], now: datetime
) -> tuple[str, ...]:
    """That minutes [first, after) are not closed, and the open gaps in them. `edges`: that served; none known: all."""
    from pipeline.coverage.model import GapState

    return reasons_of(store.gaps((GapState.OPEN, GapState.SHRUNK)), edges, minutes, now)


def reasons_of(
    gaps: Iterable[Gap], edges: Collection[str], minutes: tuple[int, int], now: datetime
) -> tuple[str, ...]:
    """The same of open gaps that were read already."""
    first, after = minutes
    lost = [
        gap
        for gap in gaps
        if gap.loss.first < after and gap.loss.after > first and (not edges or gap.loss.stream.edge in edges)
    ]
    reasons = [f"the month is not closed; counted until {now:%Y-%m-%d %H:%M} UTC"]
    reasons += [
        f"gap {gap.id} of {gap.loss.stream.edge}, {minute_text(gap.loss.first)} to {minute_text(gap.loss.after)}, "
        "is open"
        for gap in lost[:NAMED]
    ]
    if len(lost) > NAMED:
        reasons.append(f"{len(lost) - NAMED} more gaps are open")
    return tuple(reasons)
