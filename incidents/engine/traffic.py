"""What the logs tell: minutes of traffic per edge and customer, error burn over a window, and falls below the
usual."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.engine.state import Cell, EdgeTraffic, Pair, State
from incidents.engine.subjects import CLOCK, CUSTOMER, EDGE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.engine.limits import Limits
    from incidents.engine.probes import Moment
    from incidents.events import Traffic

MINUTE = 60.0
_WEIGHT = 0.1  # of a new minute in what is usual
_SMALL_SHARE = 20  # an edge with less than a 20th of a customer's requests says nothing about "at all edges"


class Burn(Struct, frozen=True):
    """Requests and errors in a window. `at`: when its last minute was told."""

    requests: int = 0
    errors: int = 0
    origin: int = 0
    at: float = 0.0

    def over(self, limits: Limits) -> bool:
        """Whether the errors burn the objective's budget too fast."""
        return self.requests >= limits.burn_requests and _over(self.errors, self.requests, limits)

    @property
    def text(self) -> str:
        share = 100 * self.errors / self.requests if self.requests else 0.0
        return f"{self.errors:,} of {self.requests:,} requests fail ({share:.3g} %), {self.origin:,} at the origin"


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
    if pair is None:
        pair = edge.pairs[event.customer] = Pair()
        if event.customer:
            state.homes.setdefault(event.customer, {})[event.edge] = None
    told = Cell(event.minute, event.at, event.requests, event.errors_5xx, event.origin_5xx)
    fallen = event.edge in state.fallen.get(event.customer, ())
    old = _put(pair, told, limits, learn=not fallen)
    if old is told:  # too old to matter, or known already
        return set()
    more = event.requests - (old.requests if old else 0)
    if event.customer:
        edge.logged += more
        _add(edge.sums, told, old, limits)
        return {CUSTOMER + event.customer, EDGE + event.edge}
    edge.logged_whole += more
    return {EDGE + event.edge}


def burn_of_pair(pair: Pair, last: float, limits: Limits) -> Burn:
    """Of the window of minutes that ends with `last`."""
    return _sum(pair.cells, last, limits)


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
    total = Burn(
        sum(b.requests for b in burns),
        sum(b.errors for b in burns),
        sum(b.origin for b in burns),
        max(b.at for b in burns),
    )
    counted = [b for b in burns if b.requests and b.requests * _SMALL_SHARE >= total.requests]
    return total, all(_over(b.errors, b.requests, limits) for b in counted), len(counted)


def burn_of_edge(state: State, edge: str, moment: Moment, limits: Limits) -> Burn:
    """An edge's burn, without the customers who burn wherever they are served: that is theirs, not the edge's."""
    traffic = state.traffic[edge]
    whole = traffic.pairs.get("")
    cells = whole.cells if whole and moment.fresh(whole.cells[-1].at, limits.fresh) else traffic.sums
    if not cells or not moment.fresh(cells[-1].at, limits.fresh):
        return Burn()
    last = cells[-1].minute
    total = _sum(cells, last, limits)
    for customer in state.burning:
        pair = traffic.pairs.get(customer)
        if pair is not None:
            less = burn_of_pair(pair, last, limits)
            total = Burn(
                max(0, total.requests - less.requests),
                max(0, total.errors - less.errors),
                max(0, total.origin - less.origin),
                total.at,
            )
    return total


def fall_of_customer(pairs: dict[str, Pair], limits: Limits) -> Fall | None:
    """His last minute against his usual ones; None where his usual is not known, or too little to say."""
    if not pairs:
        return None
    last = max(pair.cells[-1].minute for pair in pairs.values())
    told = {
        edge: pair
        for edge, pair in pairs.items()
        if pair.known >= limits.fall_minutes and pair.cells[-1].minute >= last - MINUTE
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
        while cells[0].minute <= told.minute - limits.burn_window:
            del cells[0]
        return None
    for place in range(len(cells) - 1, -1, -1):
        old = cells[place]
        if old.minute == told.minute:
            if (told.at, told.errors, told.requests, told.origin) <= (
                old.at,
                old.errors,
                old.requests,
                old.origin,
            ):
                return told
            cells[place] = told
            return old
        if old.minute < told.minute:
            cells.insert(place + 1, told)
            return None
    if told.minute <= cells[-1].minute - limits.burn_window:
        return told
    cells.insert(0, told)
    return None


def _add(sums: list[Cell], told: Cell, old: Cell | None, limits: Limits) -> None:
    place = len(sums)
    while place and sums[place - 1].minute > told.minute:
        place -= 1
    if not place or sums[place - 1].minute != told.minute:
        sums.insert(place, Cell(told.minute, told.at))
        place += 1
    cell = sums[place - 1]
    cell.at = max(cell.at, told.at)
    cell.requests += told.requests - (old.requests if old else 0)
    cell.errors += told.errors - (old.errors if old else 0)
    cell.origin += told.origin - (old.origin if old else 0)
    while sums[0].minute <= sums[-1].minute - limits.burn_window:
        del sums[0]


def _sum(cells: Iterable[Cell], last: float, limits: Limits) -> Burn:
    requests = errors = origin = 0
    at = 0.0
    for cell in cells:
        if last - limits.burn_window < cell.minute <= last:
            requests += cell.requests
            errors += cell.errors
            origin += cell.origin
            at = max(at, cell.at)
    return Burn(requests, errors, origin, at)


def _over(errors: int, requests: int, limits: Limits) -> bool:
    part, whole = limits.burn
    return errors * whole > part * requests
