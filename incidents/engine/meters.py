"""What edges' own counters tell, independent of the logs: requests per minute, and what the logs do not account
for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.losses import take_gap
from incidents.engine.state import Meter, Retired, State
from incidents.engine.subjects import CUSTOMER, EDGE, GAP
from incidents.events import Gap

if TYPE_CHECKING:
    from incidents.engine.limits import Limits
    from incidents.engine.probes import Moment
    from incidents.engine.traffic import Fall
    from incidents.events import Counter, EdgeAct

_WEIGHT = 0.2
_SHORTEST = 20.0  # seconds between two readings that say a rate
_TELLING = 20  # a fall below a 20th of an edge's rate is lost in its noise
_STRAY = (
    5  # requests that a retired edge may count without being in use: health checks, late ends of transfers
)
_NEAR = 60.0  # a reading this close before an edge was retired is what its counter stood at


def take_counter(state: State, event: Counter) -> set[str]:
    """Remember a reading; the subjects that it may concern."""
    traffic = state.traffic.get(event.edge)
    logged = traffic.logged if traffic else 0
    whole = traffic.logged_whole if traffic else 0
    meter = state.meters.get(event.edge)
    if meter is not None and event.at <= meter.at:
        return set()
    touched = _after_retirement(state, event, meter)
    fresh = Meter(event.at, event.requests_total, logged, whole)
    if meter is not None and event.requests_total >= meter.requests:
        seconds = event.at - meter.at
        if seconds < _SHORTEST:
            return touched
        busy = any(event.edge in edges for edges in state.fallen.values())
        if meter.rate is not None and not busy and (meter.rate or not meter.known):
            fresh.usual = meter.usual + (_WEIGHT if meter.known else 1.0) * (meter.rate - meter.usual)
            fresh.usual_unlogged = meter.usual_unlogged + (_WEIGHT if meter.known else 1.0) * (
                meter.unlogged - meter.usual_unlogged
            )
            fresh.known = meter.known + 1
        else:
            fresh.usual, fresh.known, fresh.usual_unlogged = meter.usual, meter.known, meter.usual_unlogged
        fresh.since = meter.at
        served = event.requests_total - meter.requests
        told = max(logged - meter.logged, whole - meter.logged_whole)
        fresh.rate = 60 * served / seconds
        fresh.unlogged = 60 * (served - told) / seconds
    state.meters[event.edge] = fresh
    touched.update(CUSTOMER + customer for customer, edges in state.fallen.items() if event.edge in edges)
    return touched | {EDGE + event.edge, GAP + event.edge}


def counts_zero(state: State, edge: str, moment: Moment, limits: Limits) -> bool:
    """Whether the counter of an edge that was busy stands still."""
    meter = state.meters.get(edge)
    return (
        meter is not None
        and moment.fresh(meter.at, limits.fresh)
        and meter.rate == 0
        and meter.known > 0
        and meter.usual >= limits.fall_requests
    )


def counters_deny(state: State, fall: Fall, moment: Moment, limits: Limits) -> str:
    """The edge whose counter goes on while the logs say that this customer's traffic has fallen; empty where none
    does."""
    for edge in fall.edges:
        meter = state.meters.get(edge)
        if meter is None or meter.rate is None or not moment.fresh(meter.at, limits.fresh):
            continue
        if meter.at <= fall.minute:
            continue
        pair_usual = max(fall.usual - fall.actual, 1.0) / len(fall.edges)
        more = meter.unlogged - meter.usual_unlogged
        if 2 * more >= pair_usual and pair_usual * _TELLING >= meter.rate:
            return edge
    return ""


def take_edge_act(state: State, event: EdgeAct) -> set[str]:
    """An edge is paused, decommissioned, or back; an explicit act, of one stream only says nothing about the edge."""
    if event.stream:
        return set()
    old = state.retired.get(event.edge)
    if event.action in ("add", "resume"):
        if old is not None and event.at >= old.at:
            del state.retired[event.edge]
    elif old is None or event.at > old.at:
        meter = state.meters.get(event.edge)
        base = None
        if meter is not None and 0 <= event.at - meter.at <= _NEAR:  # and what it served until then
            base = meter.requests + round((meter.rate or 0.0) * (event.at - meter.at) / 60)
        state.retired[event.edge] = Retired(event.at, event.action, event.actor, base)
    return {EDGE + event.edge, GAP + event.edge}


def _after_retirement(state: State, event: Counter, meter: Meter | None) -> set[str]:
    retired = state.retired.get(event.edge)
    if retired is None or retired.action != "decommission" or event.at < retired.at:
        return set()
    if event.at == retired.at or retired.base is None or event.requests_total < retired.base:
        retired.base = event.requests_total
        return set()
    if event.requests_total - retired.base <= _STRAY:
        return set()
    since = 60 * (max(retired.at, meter.at if meter else retired.at) // 60)
    take_gap(
        state,
        Gap(
            at=event.at,
            edge=event.edge,
            since=since,
            until=max(since + 60, 60 * (event.at // 60)),
            loss_class="counter",
        ),
    )
    retired.base = event.requests_total
    return {GAP + event.edge}
