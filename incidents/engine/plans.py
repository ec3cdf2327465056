"""Planned work: windows in which the effects inside a scope are recorded and wake nobody. Of lost minutes it is they
that lie in a window, whenever they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.state import State, Window
from incidents.engine.subjects import EDGE, GAP, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incidents.events import Maintenance
    from incidents.model import Scope

EVERYTHING = "all"
FOREVER = float("inf")
_KEPT_SECONDS = 90 * 86_400.0
"""A window is remembered for so long after its end: minutes may be told late."""


def take_maintenance(state: State, event: Maintenance) -> set[str]:
    """Remember a window; what it mutes is what begins in it, so nothing that stands open is touched."""
    key = EVERYTHING if event.scope.kind == EVERYTHING else f"{event.scope.kind}:{event.scope.id}"
    windows = state.windows.setdefault(key, [])
    window = Window(event.since, event.until, event.reason)
    if window not in windows:
        windows.append(window)
        windows.sort()
    windows[:] = [known for known in windows if known.until > state.now - _KEPT_SECONDS]
    if not windows:
        del state.windows[key]
    return {subject for subject, incident in state.incidents.items() if incident.muted}


def muted_until(state: State, subject: str, scope: Scope, at: float) -> float:
    """When the planned work ends that covers a subject now, 0 where none does; windows that touch are one.

    Of lost minutes, the end of the work in which all of them lie: where they are told after it, it holds on, as what
    still goes on behind it loses minutes behind it.
    """
    if subject.startswith(GAP):
        until = _all_lost_until(state, name_of(subject), scope)
        return FOREVER if 0 < until <= at else until
    until = _end(state, scope, at)
    if until > at:
        return until
    if subject.startswith(EDGE) and name_of(subject) in state.retired:
        return FOREVER  # an edge out of service is expected to be silent; its lost minutes are not
    return 0.0


def lost_as_planned(state: State, subject: str, scope: Scope) -> bool:
    """Whether all minutes that are lost lie in planned work."""
    return _all_lost_until(state, name_of(subject), scope) > 0


def _all_lost_until(state: State, edge: str, scope: Scope) -> float:
    loss = state.losses.get(edge)
    until = 0.0
    for span in loss.spans if loss is not None else ():
        end = _end(state, scope, span.since)
        if end < span.until:
            return 0.0
        until = max(until, end)
    return until


def _end(state: State, scope: Scope, at: float) -> float:
    """The end of the work that goes on at an instant, that instant where none does."""
    until = at
    for window in sorted(_windows(state, scope)):
        if window.since <= until < window.until:
            until = window.until
    return until


def _windows(state: State, scope: Scope) -> Iterator[Window]:
    yield from state.windows.get(f"{scope.kind}:{scope.id}", ())
    yield from state.windows.get(EVERYTHING, ())


def why_muted(state: State, subject: str, scope: Scope, at: float) -> str:
    """The reason that the plan gives."""
    if subject.startswith(GAP):
        at = state.losses[name_of(subject)].spans[0].since
    for window in _windows(state, scope):
        if window.since <= at < window.until and window.reason:
            return f"planned work ({window.reason})"
    if not subject.startswith(GAP) and name_of(subject) in state.retired:
        return f"the edge's {state.retired[name_of(subject)].action}"
    return "planned work"
