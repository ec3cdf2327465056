"""What the logs tell: minutes of traffic per edge and customer, error burn over a window, and falls below the
usual."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.engine.state import Cell, EdgeTraffic, Pair, Past, State
from incidents.engine.subjects import CLOCK, CUSTOMER, EDGE, GAP
from incidents.engine.windows import (
    MINUTE,
    Burn,
    add_minute,
    age_out,
    keep_minute,
    newer,
    shift,
    sum_window,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.engine.limits import Limits
    from incidents.engine.probes import Moment
    from incidents.events import Traffic

_WEIGHT = 0.1  # of a new minute in what is usual
_SMALL_SHARE = 20  # an edge with less than a 20th of a customer's busiest says nothing about "at all edges"


class Fall(Struct, frozen=True):
    """A customer's traffic against his usual, per minute, over the edges that have told."""

    usual: float
    actual: int
    minute: float
    at: float
    edges: tuple[str, ...]


def take_traffic(state: State, event: Traffic, limits: Limits) -> set[str]:
    """Remember a minute; the subjects that it may concern. A minute from the future is not reckoned with."""
    if event.minute > event.at + limits.skew:
        return {CLOCK + event.edge}
    edge = state.traffic.get(event.edge)
    if edge is None:
        edge = state.traffic[event.edge] = EdgeTraffic()
    pair = edge.pairs.get(event.customer)
    newcomer: set[str] = set()
    if pair is None:
        pair = edge.pairs[event.customer] = Pair()
        if event.customer:
            state.homes.setdefault(event.customer, {})[event.edge] = None
            newcomer = {GAP + event.edge}  # whom lost minutes hit of which nobody said whom
    told = Cell(event.minute, event.at, event.requests, event.errors_5xx, event.origin_5xx)
    fallen = event.edge in state.fallen.get(event.customer, ())
    old = _put(pair, told, limits, learn=not fallen)
    if old is told:  # too old to matter, or known already
        return set()
    if pair.cells[-1] is told:
        pair.levels = not event.for_errors
    late = (
        told.minute <= pair.cells[-1].minute - limits.burn_window
    )  # history, which no counter is compared with
    more = 0 if late else event.requests - (old.requests if old else 0)
    if event.customer:
        edge.logged += more
        _add(edge, told, old, limits)
        return {CUSTOMER + event.customer, EDGE + event.edge} | newcomer
    edge.logged_whole += more
    return {EDGE + event.edge}


def answers_well(state: State, edge: str, at: float, limits: Limits) -> bool | None:
    """Whether an edge's minutes, as told not long before `at`, are answered well; None where none was told."""
    traffic = state.traffic.get(edge)
    if traffic is None:
        return None
    whole = traffic.pairs.get("")
    cells = whole.cells if whole else traffic.sums
    return serves(cells, limits) if cells and at <= cells[-1].at + limits.fresh else None


def serves(cells: list[Cell], limits: Limits) -> bool:
    """Whether these minutes show requests that are answered well."""
    part, whole = limits.burn
    requests, errors = sum(c.requests for c in cells), sum(c.errors for c in cells)
    return cells[-1].requests > 0 and errors * whole <= part * requests


def burn_of_pair(pair: Pair, last: float, limits: Limits) -> Burn:
    """Of the window of minutes that ends with `last`."""
    return sum_window(pair.cells, pair.past, last - limits.burn_window, last)


def fresh_pairs(state: State, customer: str, moment: Moment, limits: Limits) -> dict[str, Pair]:
    """By edge, the traffic of a customer that was told not long ago."""
    found = {}
    for edge in state.homes.get(customer, ()):
        pair = state.traffic[edge].pairs[customer]
        if moment.fresh(pair.cells[-1].at, limits.fresh):
            found[edge] = pair
    return found


def burn_of_customer(pairs: dict[str, Pair], limits: Limits) -> tuple[Burn, bool, int]:
    """A customer's burn over all edges, whether every edge that matters burns, and how many these are."""
    last = max(pair.cells[-1].minute for pair in pairs.values())
    burns = [burn_of_pair(pair, last, limits) for pair in pairs.values()]
    counted = that_matter(burns)
    return (
        add_up(burns),
        all(burn.over(limits.burn) for burn in counted),
        len(counted),
    )


def burns_fast(burn: Burn, limits: Limits) -> bool:
    """Whether the errors of the burn window use up the objective's budget too fast."""
    return (
        burn.requests >= limits.burn_requests and burn.errors >= limits.burn_errors and burn.over(limits.burn)
    )


def that_matter(burns: list[Burn]) -> list[Burn]:
    """Of one customer at several edges, those that serve much of what he gets."""
    busiest = max((burn.requests for burn in burns), default=0)
    return [burn for burn in burns if burn.requests and burn.requests * _SMALL_SHARE >= busiest]


def add_up(burns: Iterable[Burn]) -> Burn:
    """All of them together."""
    total = None
    for burn in burns:
        total = burn if total is None else total.plus(burn)
    return total or Burn()


def lines_of_edge(state: State, edge: str, moment: Moment, limits: Limits) -> tuple[list[Cell], Past | None]:
    """An edge's minutes: as told of it in whole while that is fresh and holds what its customers got, else theirs added
    up."""
    traffic = state.traffic[edge]
    whole = traffic.pairs.get("")
    if (
        whole
        and moment.fresh(whole.cells[-1].at, limits.fresh)
        and _requests(whole.cells) >= _requests(traffic.sums)
    ):
        return whole.cells, whole.past
    return traffic.sums, traffic.past


def whole_until(state: State, edge: str, moment: Moment, limits: Limits) -> float | None:
    """Until when what was told of an edge in whole is fresh, while it is."""
    whole = state.traffic[edge].pairs.get("")
    fresh = whole is not None and moment.fresh(whole.cells[-1].at, limits.fresh)
    return whole.cells[-1].at + limits.fresh if whole is not None and fresh else None


def _requests(cells: list[Cell]) -> int:
    return sum(cell.requests for cell in cells)


def burn_of_edge(state: State, edge: str, moment: Moment, limits: Limits) -> Burn:
    """An edge's burn, without the customers who burn wherever they are served: that is theirs, not the edge's."""
    cells, past = lines_of_edge(state, edge, moment, limits)
    if not cells or not moment.fresh(cells[-1].at, limits.fresh):
        return Burn()
    last = cells[-1].minute
    pairs = state.traffic[edge].pairs
    burn = sum_window(cells, past, last - limits.burn_window, last)
    for customer in state.burning:
        if customer in pairs:
            burn = burn.less(burn_of_pair(pairs[customer], last, limits))
    return burn


def fall_of_customer(pairs: dict[str, Pair], limits: Limits) -> Fall | None:
    """His last minute against his usual ones; None where his usual is not known, or too little to say."""
    if not pairs:
        return None
    last = max(pair.cells[-1].minute for pair in pairs.values())
    told = {
        edge: pair
        for edge, pair in pairs.items()
        if pair.levels and pair.known >= limits.fall_minutes and pair.cells[-1].minute >= last - MINUTE
    }
    usual = sum(pair.usual for pair in told.values())
    if not told or usual < limits.fall_requests:
        return None
    return Fall(
        usual,
        sum(pair.cells[-1].requests for pair in told.values()),
        last,
        max(pair.cells[-1].at for pair in told.values()),
        tuple(sorted(told)),
    )


def has_fallen(fall: Fall, limits: Limits) -> bool:
    """Whether it is as far below the usual as the policy says."""
    part, whole = limits.fall
    return fall.actual * whole < part * fall.usual or fall.actual == 0


def fell_to_zero(state: State, edge: str, moment: Moment, limits: Limits) -> bool:
    """Whether an edge that was busy now logs a minute without a request."""
    traffic = state.traffic.get(edge)
    pair = traffic.pairs.get("") if traffic else None
    if pair is None or not moment.fresh(pair.cells[-1].at, limits.fresh):
        return False
    return (
        pair.known >= limits.fall_minutes
        and pair.usual >= limits.fall_requests
        and not pair.cells[-1].requests
    )


def _put(pair: Pair, told: Cell, limits: Limits, *, learn: bool) -> Cell | None:
    """The cell that it takes the place of, None where it is new, `told` itself where nothing changes."""
    cells = pair.cells
    if not cells or told.minute > cells[-1].minute:
        if cells and learn:
            before = cells[-1].requests
            pair.usual = (
                before
                if not pair.known
                else pair.usual + max(_WEIGHT, 1 / (pair.known + 1)) * (before - pair.usual)
            )
            pair.known += 1
        cells.append(told)
        pair.past = age_out(cells, pair.past, limits.burn_window, limits.reach)
        return None
    last = cells[-1].minute
    if told.minute <= last - limits.reach:
        return told
    for place in range(len(cells) - 1, -1, -1):
        old = cells[place]
        if old.minute == told.minute:
            if not newer(told, old):
                return told
            cells[place] = told
            return old
        if old.minute < told.minute:
            cells.insert(place + 1, told)
            return None
    if told.minute > last - limits.burn_window:
        cells.insert(0, told)
        return None
    pair.past = pair.past if pair.past is not None else Past()
    return keep_minute(pair.past, told)


def _add(edge: EdgeTraffic, told: Cell, old: Cell | None, limits: Limits) -> None:
    sums = edge.sums
    if sums and told.minute <= sums[-1].minute - limits.burn_window:
        if told.minute > sums[-1].minute - limits.reach:
            edge.past = edge.past if edge.past is not None else Past()
            add_minute(edge.past, told, old)
        return
    place = len(sums)
    while place and sums[place - 1].minute > told.minute:
        place -= 1
    if not place or sums[place - 1].minute != told.minute:
        sums.insert(place, Cell(told.minute, told.at))
        place += 1
    shift(sums[place - 1], told, old)
    edge.past = age_out(sums, edge.past, limits.burn_window, limits.reach)
