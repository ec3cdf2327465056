"""Slow burns: errors too few for the burn window that go on and use up the objective's budget all the same; pairs of a
long window, which shows that they matter, and a short one, which shows that they still go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.engine.traffic import add_up, lines_of_edge, that_matter
from incidents.engine.windows import MINUTE, Burn, errors_known, sum_window

if TYPE_CHECKING:
    from incidents.engine.limits import Limits, SlowLimit
    from incidents.engine.probes import Moment
    from incidents.engine.state import Cell, Pair, Past, State

    Line = tuple[list[Cell], Past | None]
    """Minutes of one place, as cells and what lies behind them."""

RIPE = 6
"""A sixth of a long window must have been told before it says anything: 5 minutes at 1 % are no 6 hours at 1 %."""

SPARSE = 5
"""Of whom less than every fifth minute is told, perhaps only those with errors are: that is no share of anything."""


class Slow(Struct, frozen=True):
    """A slow burn. `pace`: how slow, in words. `mostly`: most requests of the short window are answered well."""

    burn: Burn
    pace: str
    mostly: bool


def slow_of_customer(state: State, name: str, pairs: dict[str, Pair], limits: Limits) -> Slow | None:
    """A slow burn of a customer's own: at every edge that matters, two or more; of what burnt fast only the
    end was waited for, and slow windows begin behind it."""
    lines: list[Line] = [(pair.cells, pair.past) for pair in pairs.values()]
    if sum([errors_known(*line) for line in lines]) < limits.slow_errors:
        return None
    last = max(pair.cells[-1].minute for pair in pairs.values())
    after = state.burnt.get(name, 0.0)
    for limit in limits.slow:
        short = add_up(sum_window(*line, max(last - limit.short, after), last) for line in lines)
        if not short.over(limit.burn):
            continue
        dense = [line for line in lines if _is_dense(*line, last - limit.long, last)]
        if not _is_ripe(dense, limit, last):
            continue
        burns = [sum_window(*line, max(last - limit.long, after), last) for line in dense]
        counted = that_matter(burns)
        total = add_up(burns)
        if (
            _burns(total, limit, limits)
            and len(counted) > 1
            and all(burn.over(limit.burn) for burn in counted)
        ):
            return Slow(total, limit.pace, short.errors * 2 <= short.requests)
    return None


def slow_of_edge(state: State, edge: str, moment: Moment, limits: Limits) -> Slow | None:
    """A slow burn of an edge, without customers who burn, or burnt, wherever they are served."""
    line = lines_of_edge(state, edge, moment, limits)
    if errors_known(*line) < limits.slow_errors:
        return None
    traffic = state.traffic[edge]
    last = line[0][-1].minute
    theirs = [
        (pair.cells, pair.past)
        for customer in {**state.burning, **state.burnt, **state.smouldering}
        if (pair := traffic.pairs.get(customer)) is not None
    ]

    def within(since: float) -> Burn:
        whole = sum_window(*line, since, last)
        return whole.less(add_up(sum_window(*each, since, last) for each in theirs)) if theirs else whole

    for limit in limits.slow:
        short = within(max(last - limit.short, traffic.burnt))
        if not short.over(limit.burn):
            continue
        if not (_is_dense(*line, last - limit.long, last) and _is_ripe([line], limit, last)):
            continue
        total = within(max(last - limit.long, traffic.burnt))
        if _burns(total, limit, limits):
            return Slow(total, limit.pace, short.errors * 2 <= short.requests)
    return None


def _burns(burn: Burn, limit: SlowLimit, limits: Limits) -> bool:
    return (
        burn.requests >= limits.burn_requests and burn.errors >= limits.slow_errors and burn.over(limit.burn)
    )


def _is_dense(cells: list[Cell], past: Past | None, since: float, last: float) -> bool:
    told = sum_window(cells, past, since, last)
    return told.minutes > 0 and told.minutes * MINUTE * SPARSE >= last - told.first + MINUTE


def _is_ripe(lines: list[Line], limit: SlowLimit, last: float) -> bool:
    told = (sum_window(*line, last - limit.long, last) for line in lines)
    return any((last - each.first + MINUTE) * RIPE >= limit.long for each in told)
